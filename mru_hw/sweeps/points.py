"""From a plan to its points, and from points to jobs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mru_hw.sweeps.plan import Plan
from mru_hw.technology import Technology
from mru_hw.technology.conditions import checked_conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One combination of the axes' values.

    Attributes
    ----------
    index
        Number of the point in its run.
    study
        Which of the run's plans it belongs to.
    mismatch_scale, process_scale, gradient_scale, noise_scale
        Factors on the sigmas of mismatch, of what a die's devices share, of its slope across the
        die, and of noise; 0 is none.
    corner, temperature, v_dd
        Process corner, [degC], [V].
    perturbation
        p [%] of the robustness protocol of arXiv 2605.15216; 0 leaves the network alone.
    trim_bits
        Bits of the thresholds' trim DACs; 0 is none.
    seed
        Root of noise and perturbations.
    trials
        Perturbed networks.
    dies
        Seeds of the dies, in order.
    """

    index: int
    study: str
    mismatch_scale: float
    process_scale: float
    gradient_scale: float
    noise_scale: float
    corner: str
    temperature: float
    v_dd: float
    perturbation: float
    trim_bits: int
    seed: int
    trials: int
    dies: Sequence[int]

    @property
    def n_runs(self) -> int:
        """Runs that the point asks for: one a trial and die."""
        return self.trials * len(self.dies)


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
    """Return the points of all plans, the product of the axes of each.

    An axis that a plan leaves out stands at: mismatch 1, process 0, gradient 0, noise 0, the
    technology's first corner, its temperature and its supply, no perturbation, no trim.

    Raises
    ------
    UserError
        A corner, temperature or supply lies outside the technology's range.
    """
    found: list[Point] = []
    for study, plan in plans.items():
        defaults: dict[str, tuple[object, ...]] = {
            "mismatch_scale": (0.0 if plan.level == "ideal" else 1.0,),
            "process_scale": (0.0,),
            "gradient_scale": (0.0,),
            "noise_scale": (0.0,),
            "corner": (technology.corners[0],),
            "temperature": (technology.temperature,),
            "v_dd": (technology.v_dd,),
            "perturbation": (0.0,),
            "trim_bits": (0,),
        }
        varied = {name: plan.values(name) or values for name, values in defaults.items()}
        for values in itertools.product(*varied.values()):
            settings = dict(zip(varied, values, strict=True))
            point = Point(
                index=len(found),
                study=study,
                seed=plan.seed,
                trials=plan.trials if settings["perturbation"] else 1,
                dies=plan.dies,
                **settings,
            )
            checked_conditions(
                technology,
                corner=point.corner,
                temperature=point.temperature,
                v_dd=point.v_dd,
                constants=plan.level == "behavioral",
            )
            found.append(point)
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
