"""How a report and the command line name the points of a sweep."""

from __future__ import annotations

from mru_hw.sweeps.axes import AXES, known
from mru_hw.sweeps.view import PointView, RunView


def said(point: PointView, name: str) -> str:
    """Return one setting of a point in words."""
    return AXES[name].render(point.settings[name])


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
