"""Points against each other: with the one at the head, and any two of them."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.report import bands
from mru_hw.report.parts import Section, Table
from mru_hw.statistics.shares import CONFIDENCE
from mru_hw.sweeps.statistics.answers import Statistics
from mru_hw.sweeps.statistics.differences import difference
from mru_hw.sweeps.told import Told
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import many, where

_POINTS, _NUMBERS = 12, 4_000_000
"""Points and right decisions that are compared pair by pair, at most: seconds."""
_APART = "≠"


def against(run: RunView, told: Statistics) -> Iterator[Section]:
    """Yield the section that compares points; none where no point compares with the head."""
    if not told.comparisons:
        return
    yield Section(
        key="against",
        title="Against the point at the head",
        paragraphs=(
            "Differences on the same dies and sequences, pair by pair. Accuracy, and alike: the "
            "share of decisions, one a die and sequence, that are right at both points or wrong at "
            "both. Both intervals are for other dies and other sequences. Energy: Student's "
            "interval over dies. Passing: Agresti's and Min's interval, and the p of McNemar's "
            "exact test; both are of the dies on these sequences alone, so that passing may differ "
            "surely where the interval of the accuracy, which is for other sequences too, holds 0. "
            "Intervals are of 95 % each: of twenty points that are alike one is expected to seem "
            "different.",
            "Any two points, of accuracy, energy or passing: their difference is that of their two "
            "rows here, and its interval is at most as wide as both of theirs together, whatever "
            "the dies share. Two points surely differ where the difference is larger than half of "
            "that width; where it is smaller they may, and the second table, which a small sweep "
            "has, tells the interval of each pair by itself. For a point without a row here, such "
            "as one of another study, the same rule holds with means and intervals under “Every "
            "point”.",
        ),
        tables=[
            Table(
                name="differences",
                caption="Each point less the one at the head.",
                head=bands.COMPARISON_HEAD,
                rows=bands.comparison_rows(run, told),
                numbers=range(1, len(bands.COMPARISON_HEAD)),
            ),
            *_pairs(run, told),
        ],
    )


def _pairs(run: RunView, told: Statistics) -> Iterator[Table]:
    """Yield the accuracies of any two points against each other, of a sweep that is small."""
    base = run.base
    compared = {base.number, *(one.point for one in told.comparisons)}
    points = [point for point in run.points if point.number in compared]
    pairs = len(points) * (len(points) - 1) // 2
    numbers = pairs * run.n_sequences * max(len(point.accuracy) for point in points)
    if not 3 <= len(points) <= _POINTS or numbers > _NUMBERS:
        return
    rows: list[list[str]] = []
    for k, row in enumerate(points[1:], start=1):
        cells = [_pair(run, row, other, base) for other in points[:k]]
        left = [""] * (len(points) - 1 - k)
        rows.append([f"{row.number}: {where(run, row)}", *cells, *left])
    marked = sum(cell.startswith(_APART) for row in rows for cell in row[1:])
    yield Table(
        name="pairs",
        caption=(
            "Accuracy of the point of the row less that of the column (by its number under “Every "
            "point”), in points, with the interval for other dies and other sequences, both on the "
            f"dies that they share. {_APART} where the interval leaves 0 out: {marked} of "
            f"{many(pairs, 'pair')}, where chance alone marks about {(1 - CONFIDENCE) * pairs:.1f} "
            "of as many that are alike, so that a mark by itself is no proof."
        ),
        head=("row less column", *(str(point.number) for point in points[:-1])),
        rows=rows,
        numbers=range(1, len(points)),
    )


def _pair(run: RunView, row: PointView, other: PointView, base: PointView) -> Told:
    """Write the difference of two points, of the head's the same as in the first table."""
    flip = row.number == base.number
    band = difference(run, row, other) if flip else difference(run, other, row)
    if band is None:
        return Told("no common die")
    value, low, high = band.value, band.low, band.high
    if flip:
        value, low, high = -value, -high, -low
    mark = f"{_APART} " if low > 0 or high < 0 else ""
    text = f"{mark}{100 * value:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"
    return Told(text.replace("-0.00", "+0.00"), low, high)
