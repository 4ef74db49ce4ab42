"""Wrong steps as records: where, how far from the threshold, and why."""

from __future__ import annotations

import enum
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_WIDE = 100
"""Characters of a line of the legend, at most."""
REACH = 0.1
"""How far from its nominal threshold, relatively, a comparator may decide: nominal offsets reach
5 % and the threshold's sigma is 2 % at 1 nA (decision 0011)."""


class Cause(enum.Enum):
    """Why a step was wrong; the value is what the user reads."""

    THRESHOLD = "threshold offset"  # the candidate lies within the error of candidate and threshold
    CANDIDATE = "candidate"  # the linear layers gave another one than software, further off
    UNSETTLED = "unsettled node"  # the candidate was still on its way at the strobe
    RACE = "race"  # a neighbour moved too, or another cell than the one whose turn it was
    CROWBAR = "crowbar"  # a level changed while no strobe was on
    STUCK = "stuck cell"  # nothing above, and a cell of the unit is stuck
    EARLIER = "earlier layer"  # right for what the layers before it showed
    UNEXPLAINED = "unexplained"

    @property
    def meant(self) -> str:
        """What the word means, for a reader who meets it first."""
        return _MEANT[self]


_MEANT = {
    Cause.THRESHOLD: "the unit's threshold, or a candidate near it, is off by more than their "
    "distance",
    Cause.CANDIDATE: "the layers before the unit made another candidate than in software, by more",
    Cause.UNSETTLED: "the candidate was still on its way when the strobe read it",
    Cause.RACE: "a cell of the ladder moved whose turn it was not",
    Cause.CROWBAR: "a level changed while no strobe was on",
    Cause.STUCK: "a cell of the unit is stuck",
    Cause.EARLIER: "the step is right for the states that the layers before showed, which were not",
    Cause.UNEXPLAINED: "no cause that is known fits",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One wrong step.

    Attributes
    ----------
    sequence, layer, unit, frame
        Where and when.
    before, wanted, found
        Levels: the unit's own before the step, the reference's after it, the unit's own after it.
    distance
        ``(|c| - beta) / beta`` of the reference's candidate: positive beyond the threshold.
    distance_own
        The same of the circuit's own candidate at the strobe and of its own threshold; of loops,
        which have no strobe, of the reference's.
    """

    sequence: int
    layer: int
    unit: int
    frame: int
    before: int
    wanted: int
    found: int
    distance: float
    distance_own: float
    cause: Cause

    def row(self) -> dict[str, Any]:
        """Return the record as JSON has it."""
        return {
            "sequence": self.sequence,
            "layer": self.layer,
            "unit": self.unit,
            "frame": self.frame,
            "before": self.before,
            "wanted": self.wanted,
            "found": self.found,
            "distance": self.distance,
            "distance_own": self.distance_own,
            "cause": self.cause.value,
        }


LEGEND = (
    "step: the unit's level before and after the frame; wanted: the level after it that the",
    "reference, the network as mapped, has; distance: of the reference's candidate from the",
    "reference's threshold, relative to that, + beyond it and - short of it; own: of the circuit's",
    "own candidate from its own threshold, mismatch included (of loops without a strobe from the",
    "reference's). Counting begins with 0.",
)
"""What the columns of `table` mean, in lines of a terminal's width."""


def meanings(causes: Iterable[Cause]) -> list[str]:
    """Return what the causes that occur mean, a line or two each, in the order of `Cause`."""
    occur = set(causes)
    return [
        line
        for cause in Cause
        if cause in occur
        for line in textwrap.wrap(f"{cause.value}: {cause.meant}.", _WIDE)
    ]


def table(disagreements: Iterable[Disagreement], others: Iterable[Disagreement] = ()) -> list[str]:
    """Return the records as lines for a person, the legend last; none without records.

    The legend defines the causes of the records and of `others`, which are told beside.
    """
    disagreements = list(disagreements)
    rows = [
        (
            str(d.sequence),
            str(d.layer),
            str(d.unit),
            str(d.frame),
            f"{d.before:+d} -> {d.found:+d}",
            f"{d.wanted:+d}",
            f"{100 * d.distance:+.2f} %",
            f"{100 * d.distance_own:+.2f} %",
            d.cause.value,
        )
        for d in disagreements
    ]
    if not rows:
        return []
    head = ("sequence", "layer", "unit", "frame", "step", "wanted", "distance", "own", "cause")
    widths = [max(len(row[j]) for row in (head, *rows)) for j in range(len(head))]
    return [
        "  ".join(word.rjust(w) for word, w in zip(row, widths, strict=True))
        for row in (head, *rows)
    ] + [*LEGEND, *meanings(d.cause for d in (*disagreements, *others))]
