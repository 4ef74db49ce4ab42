"""Whether a specification is kept, and at which conditions not: the first words of a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mru_hw.sweeps.statistics.answers import Yield
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import condition, many

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


def kept_said(
    run: RunView, conditions: Sequence[KeptAt], worst: int | None = None, *, most: int = _NAMED
) -> tuple[str, str]:
    """Say whether a specification is kept, and by how many dies where.

    Parameters
    ----------
    worst
        Number of the point that is named first of those that break it as often.
    most
        Conditions that are named, at most.

    Returns
    -------
    ``kept``, ``not kept`` or ``not known``, and what it rests on.
    """
    ran = [one for one in conditions if one.dies]
    if not ran:
        return "not known", "no die has come to a result at a condition that it asks for"
    missing = len(conditions) - len(ran)
    left = f"; {many(missing, 'condition')} without a result" if missing else ""
    broken = [one for one in ran if not one.kept]
    if not broken:
        where = "the one condition" if len(ran) == 1 else f"all {len(ran)} conditions"
        return "kept", f"every die keeps it at {where}{left}"
    kept, where = len(ran) - len(broken), broken_said(run, broken, worst, most=most)
    if len(ran) == 1:
        return "not kept", f"not every die keeps it at the one condition, {where}{left}"
    every = f"every die keeps it at {kept}" if kept else "not every die keeps it at any"
    return "not kept", f"{every} of {len(ran)} conditions; it is not kept at {where}{left}"


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
