"""A sweep that runs until a figure is known: which dies it takes next, and what it then says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import UserError
from mru_hw.statistics.shares import Band
from mru_hw.sweeps.point_view import coded
from mru_hw.sweeps.points import Point
from mru_hw.sweeps.statistics.answers import asked_points, independent, passing_dies
from mru_hw.sweeps.statistics.stopping import Until, Verdict, make_rule
from mru_hw.sweeps.view import PointView, RunView


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How well a figure of one population of dies is known.

    Attributes
    ----------
    points
        Numbers of the points that the figure is of: those at which a die has to pass, or one.
    verdict
        Of the rule that stays true however often it is asked.
    """

    points: tuple[int, ...]
    verdict: Verdict


def refuse_until(until: Until, wanted: Sequence[Point]) -> None:
    """Refuse a rule for runs that tell nothing new of the dies.

    Raises
    ------
    UserError
        The runs of a point share a die or a perturbed network.
    """
    for point in wanted:
        if point.trials > 1 or not independent(point.settings, point.trials, point.n_runs):
            expected = "no such option, for the runs of the plan share dies or perturbed networks"
            raise UserError("until", str(until), expected)


def standings(run: RunView, until: Until) -> Iterator[Standing]:
    """Yield where each population of dies stands."""
    for group in _populations(run, until):
        numbers = tuple(point.number for point in group)
        yield Standing(points=numbers, verdict=_verdict(run, until, group))


def _verdict(run: RunView, until: Until, group: Sequence[PointView]) -> Verdict:
    """Judge the dies of a population, from the first on to the first that was not run to an end.

    A die whose run failed by the circuit does not pass. It has no accuracy: others are run for it,
    as long as there are some.
    """
    point, most = group[0], group[0].n_wanted
    if until.figure == "yield":
        codes, passed = passing_dies(run, run.spec(point.study), group)
        return make_rule(until, most).judge(passed[: _first_missing(codes)].astype(np.float64))
    ran = _first_missing(np.sort(np.concatenate([point.codes, coded(point.lost)])))
    lost = int((coded(point.lost) < ran).sum())
    values = point.accuracy[point.codes < ran]
    verdict = make_rule(until, max(1, most - lost)).judge(values)
    if verdict.band is None:
        return dataclasses.replace(verdict, dies=verdict.dies + lost)
    return verdict


def _first_missing(codes: NDArray[np.int64]) -> int:
    """Return the first number of a die that is not among these, which are in order."""
    missing = np.flatnonzero(codes != np.arange(len(codes)))
    return int(missing[0]) if len(missing) else len(codes)


def dies_next(run: RunView, until: Until) -> int | None:
    """Return how many dies are to be run at every point; None when all is known."""
    open_ = [one.verdict.dies for one in standings(run, until) if one.verdict.band is None]
    return max(open_, default=None)


def told(run: RunView, until: Until) -> dict[str, Any]:
    """Return what a store says of the end, fit for JSON."""
    return {
        "asked": str(until),
        "figure": until.figure,
        "half": until.half,
        "populations": [
            {
                "points": list(one.points),
                "dies": one.verdict.dies,
                "reached": one.verdict.reached,
                "value": one.verdict.band.value,
                "low": one.verdict.band.low,
                "high": one.verdict.band.high,
            }
            for one in standings(run, until)
            if one.verdict.band is not None
        ],
    }


def _populations(run: RunView, until: Until) -> Iterator[list[PointView]]:
    if until.figure == "accuracy":
        yield from ([point] for point in run.points)
    else:
        yield from asked_points(run)


def band_of(population: dict[str, Any]) -> Band:
    """Return the interval that a store tells of a population."""
    return Band(value=population["value"], low=population["low"], high=population["high"])
