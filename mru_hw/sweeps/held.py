"""How dies hold each limit of a specification: the worst run, how many break it, what binds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.sweeps.spec import FIGURES, Spec
from mru_hw.sweeps.statistics.answers import Yield
from mru_hw.sweeps.told import Told, percent, points_of, quantity
from mru_hw.sweeps.view import PointView, RunView

TIES = (
    "Of equal runs the one is named whose die fails at most conditions, then that of the lower "
    "seed; of equal conditions of a die, the one with the worst mean over dies."
)
"""Which of several worst runs is named, wherever one is."""
SIDES = ("at_least", "at_most")
_UNITS = {"energy": "J", "power": "W"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One limit of a specification, over the dies of one population and all its conditions.

    Attributes
    ----------
    figure, side, limit
        Such as ``loss``, ``at_most``, 0.01.
    population
        The dies, and the points at which they have to pass.
    worst, margin
        The figure of the run that is worst, and how far inside the limit that is; below 0 outside.
    sigmas
        Distance of the limit from the mean of the dies at that point, in standard deviations;
        above 0 inside, NaN where all dies are alike.
    seed, point, trial
        Of that run: the die's seed, the number of the point, and which of the networks drawn there
        it is. Of several by the rule `TIES`.
    hardest
        Number of the point at which most runs break it; of several, the one with the worst mean.
    broken
        Dies that break the limit at one condition at least.
    broken_at
        Runs that break it, by number of the point.
    dies, runs
        Dies and runs that stand behind all this.
    """

    figure: str
    side: str
    limit: float
    population: Yield
    worst: float
    margin: float
    sigmas: float
    seed: int
    point: int
    trial: int
    hardest: int
    broken: int
    broken_at: dict[int, int]
    dies: int
    runs: int

    def said(self) -> str:
        """Return the limit in words."""
        limit = FIGURES[self.figure].render(self.limit)
        return f"{self.figure} {self.side.replace('_', ' ')} {limit}"

    def write(self, value: float) -> Told:
        """Write a value of the figure."""
        return written(self.figure, value)


def held_limits(run: RunView, population: Yield) -> Iterator[Held]:
    """Yield every limit of a specification on one population of dies."""
    numbers = set(population.points)
    points = [p for p in run.points if p.number in numbers and len(p.accuracy)]
    if not points:
        return
    spec = run.spec(population.study)
    failing = [_failing(run, spec, point) for point in points]
    for name, limit in spec.limits.items():
        for side in SIDES:
            bound = getattr(limit, side)
            if bound is not None:
                found = _held(run, population, list(zip(points, failing, strict=True)), name, side)
                if found is not None:
                    yield found


def _failing(run: RunView, spec: Spec, point: PointView) -> NDArray[np.int64]:
    codes, passed = point.passed(spec, run.software(point))
    return codes[~passed]


def _held(
    run: RunView,
    population: Yield,
    failing: Sequence[tuple[PointView, NDArray[np.int64]]],
    name: str,
    side: str,
) -> Held | None:
    """Return a limit on a population; `failing` has the codes of the dies that fail by point."""
    points = [point for point, _ in failing]
    limit = run.spec(population.study).limits[name]
    bound = float(getattr(limit, side))
    sign = 1.0 if side == "at_least" else -1.0
    values = [point.figures(run.software(point))[name] for point in points]
    if any(np.isnan(one).any() for one in values):
        return None  # a level that prices nothing
    alone = limit.model_copy(update={other: None for other in SIDES if other != side})
    broken = [~alone.holds(one) for one in values]
    inside = [sign * (one - bound) for one in values]
    at, row = _worst(points, inside, [codes for _, codes in failing])
    hardest = min(range(len(inside)), key=lambda k: (-broken[k].sum(), inside[k].mean()))
    spread = float(values[at].std(ddof=1)) if len(values[at]) > 1 else 0.0
    near = float(inside[at].mean()) / spread if spread > 0 else float("nan")
    return Held(
        figure=name,
        side=side,
        limit=bound,
        population=population,
        worst=float(values[at][row]),
        margin=float(inside[at][row]),
        sigmas=near,
        seed=int(points[at].seeds[row]),
        point=points[at].number,
        trial=int(points[at].keys[row, 0]),
        hardest=points[hardest].number,
        broken=_dies(points, broken),
        broken_at={p.number: int(b.sum()) for p, b in zip(points, broken, strict=True)},
        dies=_dies(points, [np.ones(len(p.accuracy), np.bool_) for p in points]),
        runs=sum(len(point.accuracy) for point in points),
    )


def _worst(
    points: Sequence[PointView],
    inside: Sequence[NDArray[np.float64]],
    failing: Sequence[NDArray[np.int64]],
) -> tuple[int, int]:
    """Return which point and which run of it is least inside a limit, by the rule `TIES`."""
    least = min(float(one.min()) for one in inside)
    tied = [
        point.codes[one == least] for point, one in zip(points, inside, strict=True)
    ]  # accuracies are counts, so that many runs may be equal
    dies = np.unique(np.concatenate(tied))
    die = dies[np.argmax(sum(np.isin(dies, one).astype(np.int64) for one in failing))]
    there = [k for k, codes in enumerate(tied) if die in codes]
    at = min(there, key=lambda k: float(inside[k].mean()))
    return at, int(np.flatnonzero((points[at].codes == die) & (inside[at] == least))[0])


def _dies(points: Sequence[PointView], chosen: Sequence[NDArray[np.bool_]]) -> int:
    """Count the dies that are chosen at one point at least, once each."""
    codes = [point.codes[rows] for point, rows in zip(points, chosen, strict=True)]
    return len(np.unique(np.concatenate(codes)))


def binding_of(limits: Sequence[Held]) -> Held | None:
    """Return the limit that most dies break; where none does, the one nearest in sigmas."""
    broken = [one for one in limits if one.broken]
    if broken:
        return max(broken, key=lambda one: one.broken / one.dies)
    near = [one for one in limits if not np.isnan(one.sigmas)] or limits
    return min(near, key=lambda one: one.sigmas, default=None)


def written(figure: str, value: float) -> Told:
    """Write a value of a figure that a specification may limit."""
    unit = _UNITS.get(figure)
    if unit is not None:
        return quantity(value, unit)
    return points_of(value) if figure == "loss" else percent(value)
