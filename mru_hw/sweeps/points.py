"""From a plan to its points, and from points to jobs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mru_hw.mapping.options import DesignOptions
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.plan import Plan, is_drawn
from mru_hw.technology import Technology


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One combination of the axes' values.

    Attributes
    ----------
    index
        Number of the point in its run.
    study
        Which of the run's plans it belongs to.
    settings
        The value of every axis of the table, by name.
    options
        The choices of the mapping in its plan, before the axes change them.
    seed
        Root of noise and perturbations.
    trials
        Networks that are drawn, each mapped and run on all dies; 1 where none is drawn.
    dies
        Seeds of the dies, in order.
    """

    index: int
    study: str
    settings: Mapping[str, Any]
    options: DesignOptions
    seed: int
    trials: int
    dies: Sequence[int]

    @property
    def n_runs(self) -> int:
        """Runs that the point asks for: one a trial and die."""
        return self.trials * len(self.dies)

    @property
    def drawn(self) -> bool:
        """Whether its networks are drawn, so that one that cannot be mapped is an outcome."""
        return any(is_drawn(name, self.settings) for name in AXES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one worker computes at a time: some dies of one trial of one point.

    Attributes
    ----------
    first
        Number of the first of these dies in the point.
    seeds
        Seeds of the dies.
    """

    point: Point
    trial: int
    first: int
    seeds: tuple[int, ...]

    def single(self) -> Iterator[Job]:
        """Split it into jobs of one die."""
        for k, seed in enumerate(self.seeds):
            yield dataclasses.replace(self, first=self.first + k, seeds=(seed,))


Key = tuple[int, int, int]
"""What names a run: point, trial, number of the die in the point."""


def points(plans: Mapping[str, Plan], technology: Technology) -> tuple[Point, ...]:
    """Return the points of all plans, which are `resolved`: the product of the axes of each.

    An axis that a plan leaves out stands at its default.

    Raises
    ------
    UserError
        A value is none that its axis takes, as a corner, a temperature or a supply outside the
        technology's range.
    """
    found: list[Point] = []
    for study, plan in plans.items():
        ground = plan.ground(technology)
        varied = {name: plan.values(name) or (axis.default(ground),) for name, axis in AXES.items()}
        for name, values in varied.items():
            for value in values:
                AXES[name].check(ground, value)
        for combination in itertools.product(*varied.values()):
            settings = dict(zip(varied, combination, strict=True))
            found.append(
                Point(
                    index=len(found),
                    study=study,
                    settings=settings,
                    options=ground.options,
                    seed=plan.seed,
                    trials=plan.trials(settings),
                    dies=plan.dies,
                )
            )
    return tuple(found)


def jobs(wanted: Sequence[Point], done: Collection[Key], chunk: int) -> Iterator[Job]:
    """Cut what is not done yet into jobs of at most `chunk` dies."""
    for point in wanted:
        for trial in range(point.trials):
            start: int | None = None
            for k in range(len(point.dies) + 1):
                open_ = k < len(point.dies) and (point.index, trial, k) not in done
                if start is not None and (not open_ or k - start == chunk):
                    seeds = tuple(point.dies[start:k])
                    yield Job(point=point, trial=trial, first=start, seeds=seeds)
                    start = None
                if open_ and start is None:
                    start = k
