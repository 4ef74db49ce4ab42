"""Points against each other: with the one at the head, and any two of them."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.report import bands
from mru_hw.report.parts import Section, Table
from mru_hw.sweeps.statistics.answers import Statistics
from mru_hw.sweeps.view import RunView


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
            "that width; where it is smaller they may. For a point without a row here, such as one "
            "of another study, the same rule holds with means and intervals under “Every point”.",
        ),
        tables=[
            Table(
                name="differences",
                caption="Each point less the one at the head.",
                head=bands.COMPARISON_HEAD,
                rows=bands.comparison_rows(run, told),
                numbers=range(1, len(bands.COMPARISON_HEAD)),
            ),
        ],
    )
