"""Tables of a report on yields, intervals, percentiles, capabilities and comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mru_hw.statistics.shares import Band
from mru_hw.sweeps.held import written
from mru_hw.sweeps.statistics.answers import Comparison, Statistics, Yield
from mru_hw.sweeps.statistics.spread import PERCENTS
from mru_hw.sweeps.told import Told, ends, percent, points_of, quantity
from mru_hw.sweeps.verdict import conditions
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import doubted, many, where

YIELD_HEAD = (
    *("study", "at", "dies", "differ by", "pass", "yield", "95 % interval", "doubtful"),
    *("behind the sequences", "95 % interval", "hardest at"),
)
_SAID = 3
"""Populations of dies whose yield the command line says."""
PERCENTILE_HEAD = ("at", "figure", *(f"P{percent}" for percent in PERCENTS))
CAPABILITY_HEAD = ("at", "figure", "Cpk", "95 % interval", "normal: p", "test")
COMPARISON_HEAD = (
    *("at", "dies", "accuracy", "95 % interval", "alike", "95 % interval"),
    *("energy", "95 % interval", "passing", "95 % interval", "p"),
)


def value(band: Band | None, write: Callable[[float], Told] = percent) -> Told:
    """Return the estimate of a band as a table has it."""
    return Told("not told") if band is None else write(band.value)


def yield_lines(run: RunView, known: Iterable[Yield]) -> Iterator[str]:
    """Yield yields as sentences, the worst first, and how many are left."""
    found = [one for one in known if one.dies]
    found.sort(key=lambda one: one.passed / one.dies)
    for one in found[:_SAID]:
        yield _yield_line(run, one, alone=len(found) == 1)
    left = len(found) - _SAID
    if left > 0:
        which = "population of dies passes" if left == 1 else "populations of dies pass"
        yield f"{left} more {which} as often or more, on the page."


def _yield_line(run: RunView, one: Yield, *, alone: bool) -> str:
    share = "" if one.band is None else f", {percent(one.band.value)} ({ends(one.band)}, two-sided)"
    first = next(point for point in run.points if point.number == one.points[0])
    at = f" at {len(one.points)} conditions" if len(one.points) > 1 else ""
    if not at and any(_same_dies(first, point) for point in run.points):
        at = f" {conditions(run, one)}"
    which = "" if alone else f" ({where(run, first, shared=True)})"
    return (
        f"Yield, {one.drawn}{which}: {one.passed} of {many(one.dies, 'die')} keep "
        f"{run.spec(one.study).said()}{at}{share}."
    )


def _same_dies(one: PointView, other: PointView) -> bool:
    """Whether another point is the same dies at another condition."""
    alike = (one.study, one.shared_settings) == (other.study, other.shared_settings)
    return alike and other.number != one.number


def until_lines(run: RunView) -> list[str]:
    """Return how a sweep ended that ran until a figure was known, a sentence a population."""
    told = run.until
    if told is None:
        return []
    lines = [f"The sweep ran until: {told['asked']}."]
    by_number = {point.number: point for point in run.points}
    for one in told["populations"]:
        at = where(run, by_number[one["points"][0]], shared=told["figure"] == "yield")
        band = Band(value=one["value"], low=one["low"], high=one["high"])
        lines.append(
            f"At {at}: {percent(band.value)} ({ends(band)}) after {many(one['dies'], 'die')}"
            f"{'' if one['reached'] else ', all there are, and not as narrow'}."
        )
    return [*lines, "These intervals hold although the sweep was stopped by what they say."]


def yield_rows(run: RunView, told: Statistics) -> list[list[str]]:
    """Return the table of yields."""
    by_number = {point.number: point for point in run.points}
    rows = []
    for one in told.yields:
        dies = f"{one.dies}, {one.lost} of them failed" if one.lost else f"{one.dies}"
        row = [one.study, where(run, by_number[one.points[0]], shared=True), dies, one.drawn]
        row += [str(one.passed), value(one.band), ends(one.band)]
        row += [doubted(run, one.points) or "no point"]
        row += [value(one.estimate), ends(one.estimate)]
        rows.append([*row, where(run, by_number[one.hardest])])
    return rows


def percentile_rows(run: RunView, told: Statistics) -> list[list[str]]:
    """Return the table of percentiles."""
    rows = []
    for point, one in zip(run.points, told.points, strict=True):
        for name, found in one.percentiles.items():
            cells = (written(name, v) for v in found.values())
            rows.append([where(run, point), name, *cells])
    return rows


def capability_rows(run: RunView, told: Statistics) -> list[list[str]]:
    """Return the table of capabilities."""
    rows = []
    for point, one in zip(run.points, told.points, strict=True):
        for name, found in one.capability.items():
            cpk = found.cpk
            band = Told(f"{cpk.low:.3f} to {cpk.high:.3f}", cpk.low, cpk.high)
            row = [Told(f"{cpk.value:.3f}", cpk.value), band]
            row += [Told(f"{found.normal_p:.3g}", found.normal_p), Told(found.test)]
            rows.append([where(run, point), name, *row])
    return rows


def comparison_rows(run: RunView, told: Statistics) -> list[list[str]]:
    """Return the table of points against the one that speaks for the sweep."""
    by_number = {point.number: point for point in run.points}
    return [list(_compared(run, by_number[one.point], one)) for one in told.comparisons]


def _compared(run: RunView, point: PointView, one: Comparison) -> Iterator[str]:
    yield where(run, point)
    yield str(one.dies)
    yield value(one.accuracy, points_of)
    yield _points(one.accuracy)
    yield value(one.alike)
    yield ends(one.alike)
    yield value(one.energy, lambda joules: quantity(joules, "J"))
    yield ends(one.energy, "J")
    yield value(one.passing, points_of)
    yield _points(one.passing)
    yield Told(f"{one.p:.3g}", one.p)


def _points(band: Band | None) -> Told:
    """Write an interval of a difference of shares."""
    if band is None:
        return Told("not told")
    return Told(f"{points_of(band.low)} to {points_of(band.high)}", band.low, band.high)
