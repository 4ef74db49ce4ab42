"""Whether a specification is kept, and at which conditions not: the first words of a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        sure = _decided_by(word, share, populations)
        tells = _would_tell(run, share, populations) if word == UNDECIDED else ""
        asked = f"{100 * share:g} % of dies are to keep its limits at every condition"
        return word, f"{asked}; {_shares_said(sure, most)}{tells}{left}"
    broken = [one for one in ran if not one.kept]
    if not broken:
        where = "the one condition" if len(ran) == 1 else f"all {len(ran)} conditions"
        return KEPT, f"every die keeps it at {where}{left}"
    kept, where = len(ran) - len(broken), broken_said(run, broken, worst, most=most)
    if len(ran) == 1:
        return NOT_KEPT, f"not every die keeps it at the one condition, {where}{left}"
    every = f"every die keeps it at {kept}" if kept else "not every die keeps it at any"
    return NOT_KEPT, f"{every} of {len(ran)} conditions; it is not kept at {where}{left}"


def _decided_by(word: str, share: float, populations: Sequence[Yield]) -> list[Yield]:
    """Return populations in the order in which they speak for a word: what decided it first."""

    def place(one: Yield) -> tuple[bool, float]:
        band = one.band
        speaks = word == KEPT or (
            band is not None and band.high < share
            if word == NOT_KEPT
            else band is None or band.low < share
        )
        return (not speaks, one.passed / one.dies if one.dies else 0.0)

    return sorted(populations, key=place)


def _shares_said(populations: Sequence[Yield], most: int) -> str:
    """Write yields with their intervals, those of alike populations together."""
    groups: list[list[Yield]] = []
    for one in populations:
        kind = (one.passed, one.dies, one.band)
        if groups and kind == (groups[-1][0].passed, groups[-1][0].dies, groups[-1][0].band):
            groups[-1].append(one)
        else:
            groups.append([one])
    named = [_alike_said(some) for some in groups[:most]]
    left = [str(one.settings["corner"]) for some in groups[most:] for one in some]
    return "; ".join([*named, *([f"beside {_listed('corner', left)}"] if left else [])])


def _would_tell(run: RunView, share: float, populations: Sequence[Yield]) -> str:
    """Say about how many dies would decide a yield; nothing where no number of them is known."""
    if run.until is not None or any(one.band is None for one in populations):
        return ""
    open_ones = [one for one in populations if one.band is not None and one.band.low < share]
    below = [one for one in open_ones if one.passed < share * one.dies]
    # One that lies below decides alone; else all have to be known to lie above.
    found = [dies_to_decide(one.passed, one.dies, share) for one in below or open_ones]
    known = [dies for dies in found if dies is not None]
    if not known or (not below and len(known) < len(found)):
        return ". If as large a share passes, no number of dies would tell"
    dies = min(known) if below else max(known)
    return f". If as large a share passes, a sweep of {dies} dies would tell"


def _alike_said(some: Sequence[Yield]) -> str:
    """Write the yield of populations that have the same, with its interval."""
    one, corners = some[0], [str(each.settings["corner"]) for each in some]
    where = f"at {_listed('corner', corners)}"
    if not one.dies:
        return f"{where} no die has come to a result at all its conditions"
    sure = "no interval, for runs share dies" if one.band is None else ends(one.band)
    does = "does" if one.passed == 1 else "do"
    each = " each" if len(corners) > 1 else ""
    return f"{where} {one.passed} of {many(one.dies, 'die')}{each} {does} ({sure})"


def _listed(word: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{word} {names[0]}"
    return f"{word}s {', '.join(names[:-1])} and {names[-1]}"


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
