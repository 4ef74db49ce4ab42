"""How a report and the command line name the points of a sweep."""

from __future__ import annotations

from typing import Any

from mru_hw.sweeps.store import VARIED
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.units import render

FIXED = {
    "mismatch_scale": "mismatch",
    "process_scale": "die-to-die spread",
    "gradient_scale": "gradient",
}
"""What a die keeps, as a point's settings name it."""
OFF_BY_DEFAULT = ("process_scale", "gradient_scale", "perturbation", "trim_bits")
"""Settings that are told only where they are not zero."""


def setting(name: str, value: Any) -> str:
    """Return one setting in words."""
    match name:
        case "mismatch_scale" | "process_scale" | "gradient_scale":
            return f"{value:g} × {FIXED[name]}"
        case "noise_scale":
            return f"{value:g} × device noise" if value else "no device noise"
        case "corner":
            return f"corner {value[:20]}"
        case "temperature":
            return f"{value:g} °C"
        case "v_dd":
            return render(value, "V")
        case _:
            trim = f"{value or 'no'} trim bits"
            return trim if name == "trim_bits" else f"p = {value:g} %"


def described(run: RunView, point: PointView) -> str:
    """Return a point's settings in words: those that the level knows."""
    settings = point.settings
    names = [n for n in VARIED if n not in OFF_BY_DEFAULT or settings[n]]
    if run.level == "ideal":
        names = [n for n in names if n == "perturbation"]
    return ", ".join(setting(n, settings[n]) for n in names) or "the network as mapped"


def counted(point: PointView) -> str:
    """Return how many runs of a point are done, in words."""
    n, trials = len(point.accuracy), point.trials
    if trials > 1:
        return f"{n} runs ({point.n_wanted // trials} dies, {trials} perturbed networks each)"
    return f"{n} dies" if n != 1 else "1 die"
