"""``summary.json``: what a sweep or a demo came to, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mru_hw.report.bands import until_lines, yield_lines
from mru_hw.sweeps.statistics.answers import yields
from mru_hw.sweeps.verdict import whether_kept
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import condition, counted, described, many, percent
from mru_hw.units import render

FORMAT_VERSION = 1


def empty_summary() -> dict[str, Any]:
    """Return a summary in which nothing has been measured yet."""
    return {
        "format_version": FORMAT_VERSION,
        "complete": False,
        "accuracy": {
            "software": None,
            "ideal": None,
            "behavioral": None,
            "dies": {"mean": None, "std": None, "p10": None, "n": 0},
        },
        "energy_per_sequence_J": {"mean": None, "p10": None, "p90": None},
        "power_W": {"mean": None},
        "input_energy_J": {"mean": None},
        "transistors": None,
        "spice": {
            "sequences": 0,
            "decisions_alike": None,
            "wrong_step_rate": None,
            "energy_error_mean": None,
            "power_W": {"mean": None},
            "input_energy_J": {"mean": None},
            "transistors": None,
        },
        "seconds": 0.0,
    }


def sweep_summary(run: RunView) -> dict[str, Any]:
    """Return the summary of a sweep; its dies are those of the point `RunView.base`."""
    base = run.base
    accuracy, energies = base.accuracy, run.energies(base)
    dies: dict[str, Any] = {"mean": None, "std": None, "p10": None, "n": len(accuracy)}
    if len(accuracy):
        dies |= {
            "mean": float(accuracy.mean()),
            "std": float(accuracy.std()),
            "p10": float(np.percentile(accuracy, 10)),
            "min": float(accuracy.min()),
        }
    energy: dict[str, Any] = {"mean": None, "p10": None, "p90": None}
    power = None
    if len(energies):
        p10, p90 = np.percentile(energies, [10, 90])
        energy = {"mean": float(base.energy.mean()), "p10": float(p10), "p90": float(p90)}
        power = float(base.power.mean())
    return empty_summary() | {
        "complete": run.complete,
        "accuracy": {
            "software": run.references.get("software"),
            "ideal": run.references.get("ideal"),
            "behavioral": run.references.get("nominal"),
            "dies": dies,
        },
        "energy_per_sequence_J": energy,
        "power_W": {"mean": power},
        "input_energy_J": {"mean": None if power is None else base.input_energy},
        "seconds": float(run.facts.get("seconds", 0)),
        "warning": run.doubtful or None,
    }


def sweep_lines(run: RunView, summary: Mapping[str, Any]) -> list[str]:
    """Return what a person reads after a sweep."""
    lines = [
        f"{run.path}: {many(summary['runs'], 'run')}, {summary['computed']} of them in this call."
    ]
    dies, joules = summary["accuracy"]["dies"], summary["energy_per_sequence_J"]
    if dies["mean"] is not None:
        lines.append(
            f"Accuracy over {counted(run.base)} at {described(run, run.base)}: "
            f"{percent(dies['mean'])} on average, {percent(dies['p10'])} at the tenth percentile; "
            f"software {percent(summary['accuracy']['software'])}."
        )
    known = list(yields(run))
    lines += yield_lines(run, known)
    if run.spec(run.base.study).share is not None:
        word, why = whether_kept(run, known)
        lines.append(f"The specification is {word}: {why}.")
    lines += until_lines(run)
    if joules["mean"] is not None:
        lines.append(
            f"Energy per sequence at {condition(run, run.base)}: {render(joules['mean'], 'J')} on "
            f"average, {render(joules['p10'], 'J')} to {render(joules['p90'], 'J')} (P10 to P90 "
            "over the sequences of all these dies)."
        )
    delivered = summary["input_energy_J"]["mean"]
    if delivered is not None:
        lines.append(
            f"The inputs deliver {render(delivered, 'J')} a sequence beside it, as if from the "
            "supply."
        )
    lines += [
        f"{many(count, 'run')} failed: {status.value}" for status, count in run.failed().items()
    ]
    return lines
