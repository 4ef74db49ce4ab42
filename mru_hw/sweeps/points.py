"""From a plan to its points, and from points to jobs."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mru_hw.errors import UserError
from mru_hw.mapping.options import DesignOptions
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.design_points import combinations
from mru_hw.sweeps.plan import Plan, is_drawn
from mru_hw.technology import Technology

NOISE, TIMING = "noise_scale", "timing"
"""Axes of the noise's scale, and of whether states move with their delays."""
Key = tuple[int, int, int]
"""What names a run: point, trial, number of the die in the point."""


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
    def level(self) -> str:
        """Its level of truth."""
        return str(self.settings["level"])

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
    """What one worker computes at a time: some dies of one trial of one point, or of several.

    Attributes
    ----------
    also
        Points that differ from the first in nothing but what `together` says.
    first
        Number of the first of these dies in the point.
    seeds
        Seeds of the dies.
    """

    point: Point
    trial: int
    first: int
    seeds: tuple[int, ...]
    also: tuple[Point, ...] = ()

    @property
    def points(self) -> tuple[Point, ...]:
        """All of its points."""
        return self.point, *self.also

    def keys(self) -> list[Key]:
        """Return what names its runs, point after point and in each die after die."""
        return [key for key, _ in self.runs()]

    def runs(self) -> list[tuple[Key, int]]:
        """Return what names its runs, each with the seed of its die, in the same order."""
        return [
            ((point.index, self.trial, self.first + k), seed)
            for point in self.points
            for k, seed in enumerate(self.seeds)
        ]

    def single(self) -> Iterator[Job]:
        """Split it into jobs of one die."""
        for k, seed in enumerate(self.seeds):
            yield dataclasses.replace(self, first=self.first + k, seeds=(seed,))


Asked = Mapping[tuple[int, int], range]
"""Numbers of the dies that are asked for, by point and trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of several parts of a sweep, which have no run in common and all runs together.

    Attributes
    ----------
    number, count
        Which, from 1, of how many.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def asked(self, wanted: Sequence[Point]) -> Asked:
        """Return what is this shard's.

        The runs of a study stand in a row, die after die and at each die its points and trials;
        a shard is a piece of the row, so that a die has all of its points in one or two shards.
        """
        found: dict[tuple[int, int], range] = {}
        for study in dict.fromkeys(point.study for point in wanted):
            points = [point for point in wanted if point.study == study]
            row = [(point.index, trial) for point in points for trial in range(point.trials)]
            runs = len(row) * len(points[0].dies)
            low, high = ((self.number - k) * runs // self.count for k in (1, 0))
            for place, key in enumerate(row):
                found[key] = range(-((place - low) // len(row)), -((place - high) // len(row)))
        return found


def read_shard(text: str) -> Shard:
    """Read ``3/16``.

    Raises
    ------
    UserError
        It is no such thing.
    """
    found = re.fullmatch(r"\s*([0-9]{1,7})/([0-9]{1,7})\s*", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UserError("shard", text, "which of how many, such as 3/16, from 1/16 to 16/16")
    return Shard(number=int(found[1]), count=int(found[2]))


def first_dies(wanted: Sequence[Point], n: int) -> Asked:
    """Return the first dies of every point."""
    return {
        (point.index, trial): range(min(n, len(point.dies)))
        for point in wanted
        for trial in range(point.trials)
    }


def points(plans: Mapping[str, Plan], technology: Technology) -> tuple[Point, ...]:
    """Return the points of all plans, which are `resolved`: each one's product of axes, or sample.

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
        for settings in combinations(plan, ground):
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


def together(wanted: Sequence[Point]) -> list[tuple[Point, ...]]:
    """Put points together that share most of their work: those that differ in their noise alone.

    What a die does without noise it does with noise too, but where noise changes a decision
    (`mru_hw.simulate.behavioral.simulate_noise`).
    """
    found: dict[object, list[Point]] = {}
    for point in wanted:
        rest = tuple((name, value) for name, value in point.settings.items() if name != NOISE)
        settled = (point.level, point.settings[TIMING]) == ("behavioral", "settled")
        found.setdefault((point.study, rest if settled else point.index), []).append(point)
    return [tuple(points) for points in found.values()]


def jobs(
    wanted: Sequence[Point], done: Collection[Key], chunk: int, asked: Asked | None = None
) -> Iterator[Job]:
    """Cut what is asked for, all if left out, and not done into jobs of at most `chunk` dies."""
    for points in together(wanted):
        for trial in range(points[0].trials):
            ranges = [
                range(len(point.dies)) if asked is None else asked[point.index, trial]
                for point in points
            ]
            start = 0
            before: tuple[Point, ...] = ()
            for k in range(min(one.start for one in ranges), max(one.stop for one in ranges) + 1):
                open_ = tuple(
                    point
                    for point, dies in zip(points, ranges, strict=True)
                    if k in dies and (point.index, trial, k) not in done
                )
                if before and (open_ != before or k - start == chunk):
                    first, *also = before
                    seeds = tuple(first.dies[start:k])
                    yield Job(point=first, trial=trial, first=start, seeds=seeds, also=tuple(also))
                    start = k
                if not before or open_ != before:
                    start = k
                before = open_
