"""How reports, the command line and Python name the points of a sweep."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mru_hw.sweeps.axes import AXES, known
from mru_hw.sweeps.spec import CONDITIONS
from mru_hw.sweeps.told import Told, percent
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.words import many

__all__ = [
    "OWN_CONDITION",
    "Told",
    "condition",
    "counted",
    "described",
    "differing",
    "doubted",
    "many",
    "percent",
    "said",
    "where",
]


OWN_CONDITION = "at the technology's own condition"
"""Where the nominal die that a sweep stores was run, whatever its points are."""


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


def described(run: RunView, point: PointView) -> str:
    """Return a point's settings in words: those that the level knows and that go not unsaid."""
    names = [axis.name for axis in known(run.level) if point.settings[axis.name] != axis.tacit]
    return ", ".join(said(point, name) for name in names) or "the network as mapped"


def condition(run: RunView, point: PointView) -> str:
    """Return corner, temperature and supply of a point in words."""
    names = [axis.name for axis in known(run.level) if axis.name in {"corner", *CONDITIONS}]
    return ", ".join(said(point, name) for name in names) or "no condition at this level"


def where(run: RunView, point: PointView, *, shared: bool = False) -> str:
    """Return what tells a point from the others of its run, or with `shared` from other dies'."""
    names = differing(run.points, conditions=not shared)
    return ", ".join(said(point, name) for name in names) or "the only point"


def counted(point: PointView) -> str:
    """Return how many runs of a point are done, in words."""
    n, trials = len(point.accuracy), point.trials
    if trials > 1:
        dies = many(point.n_wanted // trials, "die")
        return f"{many(n, 'run')} ({dies}, {trials} perturbed networks each)"
    return many(n, "die")


def doubted(run: RunView, numbers: Collection[int]) -> str:
    """Say how many of some points are doubtful; empty where none is."""
    known = run.doubtful_points
    if known is None:
        return "points of the sweep are doubtful"
    count = len(known.intersection(numbers))
    if not count:
        return ""
    if len(numbers) == 1:
        return "a doubtful point"
    return f"{count} of {len(numbers)} points doubtful"
