"""Whether a specification is kept, and at which conditions not: the first words of a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from mru_hw.statistics.shares import Band, dies_to_decide
from mru_hw.sweeps.statistics.answers import Yield
from mru_hw.sweeps.told import ends
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import condition, many

KEPT, NOT_KEPT, UNDECIDED = "kept", "not kept", "undecided"
"""Whether it is, in words."""
_NAMED = 3
"""Conditions that are named; of the others the number is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAt:
    """One condition at which dies have to pass.

    Attributes
    ----------
    point
        Its number.
    dies, passed
        Dies that came to a result there, and those of them that keep every limit there.
    """

    point: int
    dies: int
    passed: int

    @property
    def kept(self) -> bool:
        """Whether every die keeps every limit there."""
        return self.passed == self.dies


def kept_at(run: RunView, populations: Sequence[Yield]) -> tuple[KeptAt, ...]:
    """Return the conditions of some populations of dies, in the plan's order."""
    asked = {number for one in populations for number in one.points}
    found = []
    for point in run.points:
        if point.number in asked:
            _, passed = point.passed(run.spec(point.study), run.software(point))
            kept = int(passed.sum())
            found.append(KeptAt(point=point.number, dies=len(passed), passed=kept))
    return tuple(found)


def share_word(share: float, bands: Sequence[Band | None]) -> str:
    """Say whether populations of dies have a yield that is asked for: each has to.

    Parameters
    ----------
    share
        That is asked for.
    bands
        The yield of each population with its interval; None where it has none.
    """
    if any(band is not None and band.high < share for band in bands):
        return NOT_KEPT
    shown = all(band is not None and band.low >= share for band in bands)
    return KEPT if shown and bands else UNDECIDED


def kept_said(
    run: RunView,
    conditions: Sequence[KeptAt],
    populations: Sequence[Yield],
    worst: int | None = None,
    *,
    most: int = _NAMED,
) -> tuple[str, str]:
    """Say whether a specification is kept, and by how many dies where.

    Parameters
    ----------
    conditions
        At which dies have to pass, of all populations.
    populations
        The yields of these.
    worst
        Number of the point that is named first of those that break it as often.
    most
        Conditions or populations that are named, at most.

    Returns
    -------
    `KEPT`, `NOT_KEPT` or `UNDECIDED`, and what it rests on.
    """
    ran = [one for one in conditions if one.dies]
    if not ran:
        return UNDECIDED, "no die has come to a result at a condition that it asks for"
    missing = len(conditions) - len(ran)
    left = f"; {many(missing, 'condition')} without a result" if missing else ""
    share = run.spec(run.base.study).share
    if share is not None:
        word = share_word(share, [one.band for one in populations])
        return word, f"{_yields_said(word, share, populations, most)}{left}"
    broken = [one for one in ran if not one.kept]
    if not broken:
        where = "the one condition" if len(ran) == 1 else f"all {len(ran)} conditions"
        return KEPT, f"every die keeps it at {where}{left}"
    kept, where = len(ran) - len(broken), broken_said(run, broken, worst, most=most)
    if len(ran) == 1:
        return NOT_KEPT, f"not every die keeps it at the one condition, {where}{left}"
    every = f"every die keeps it at {kept}" if kept else "not every die keeps it at any"
    return NOT_KEPT, f"{every} of {len(ran)} conditions; it is not kept at {where}{left}"


def _yields_said(word: str, share: float, populations: Sequence[Yield], most: int) -> str:
    """Say what a yield that is asked for is held against: the least yields first."""
    asked = f"{100 * share:g} % of dies are to keep it at every condition"
    order = sorted(populations, key=lambda one: one.dies > 0 and one.passed / one.dies)
    alike = [list(some) for _, some in groupby(order, lambda one: (one.passed, one.dies, one.band))]
    named = [_alike_said(some) for some in alike[:most]]
    left = sum(len(some) for some in alike[most:])
    more = [f"{many(left, 'corner')} more with a larger share"] if left else []
    found = f"{asked}, and {'; '.join([*named, *more])}"
    wanted = [
        dies_to_decide(one.passed, one.dies, share)
        for one in populations
        if one.band is not None and one.band.low < share <= one.band.high
    ]
    if word != UNDECIDED or not wanted:
        return found
    if None in wanted:
        return f"{found}: the yield lies too near to what is asked for to be told from it"
    dies = max(one for one in wanted if one is not None)
    return f"{found}: about {dies} dies a population would tell, if as large a share passes"


def _alike_said(some: Sequence[Yield]) -> str:
    """Write the yield of populations that have the same, with its interval."""
    one, corners = some[0], [str(each.settings["corner"]) for each in some]
    each = ""
    where = f"corner {corners[0]}"
    if len(corners) > 1:
        where, each = f"corners {', '.join(corners[:-1])} and {corners[-1]}", "each "
    if not one.dies:
        return f"at {where} no die has run at all of them"
    sure = "no interval, for runs share dies" if one.band is None else ends(one.band)
    return f"at {where} {each}{one.passed} of {many(one.dies, 'die')} do ({sure})"


def broken_said(
    run: RunView, broken: Sequence[KeptAt], worst: int | None = None, *, most: int = _NAMED
) -> str:
    """Name conditions at which a specification is not kept, as of `kept_said`, the worst first."""
    by_number = {point.number: point for point in run.points}
    order = sorted(broken, key=lambda one: (one.passed / one.dies, one.point != worst))
    named = [
        f"{condition(run, by_number[one.point])} ({one.passed} of {many(one.dies, 'die')} keep it)"
        for one in order[:most]
    ]
    more = [f"{len(broken) - most} more"] if len(broken) > most else []
    return " and ".join(filter(None, ["; ".join(named), *more]))
