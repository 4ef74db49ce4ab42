"""How a report and the command line name the points of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from mru_hw.sweeps.axes import AXES, known
from mru_hw.sweeps.spec import CONDITIONS
from mru_hw.sweeps.view import PointView, RunView


def said(point: PointView, name: str) -> str:
    """Return one setting of a point in words."""
    return AXES[name].render(point.settings[name])


def differing(points: Sequence[PointView], *, conditions: bool = True) -> list[str]:
    """Return the axes with several values, those of a specification's `CONDITIONS` if wanted."""
    return [
        name
        for name in AXES
        if (conditions or name not in CONDITIONS)
        and len({point.settings[name] for point in points}) > 1
    ]


def percent(share: float | None) -> str:
    """Write a share as a person reads it."""
    return "not measured" if share is None else f"{100 * share:.2f} %"


def described(run: RunView, point: PointView) -> str:
    """Return a point's settings in words: those that the level knows and that go not unsaid."""
    names = [axis.name for axis in known(run.level) if point.settings[axis.name] != axis.tacit]
    return ", ".join(said(point, name) for name in names) or "the network as mapped"


def counted(point: PointView) -> str:
    """Return how many runs of a point are done, in words."""
    n, trials = len(point.accuracy), point.trials
    if trials > 1:
        return f"{n} runs ({point.n_wanted // trials} dies, {trials} perturbed networks each)"
    return f"{n} dies" if n != 1 else "1 die"
