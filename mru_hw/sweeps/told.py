"""Text of a report that carries the numbers it was written from."""

from __future__ import annotations

from typing import final

from mru_hw.statistics.shares import Band
from mru_hw.units import render


@final
class Told(str):
    """Text as a person reads it, with its numbers in SI units, unrounded.

    A page shows the text; the tables that it leaves as files have the numbers.

    Attributes
    ----------
    numbers
        One, or the two ends of an interval; none where nothing was measured.
    unit
        Their SI unit; empty for shares and counts.
    """

    __slots__ = ("numbers", "unit")
    numbers: tuple[float, ...]
    unit: str

    def __new__(cls, text: str, *numbers: float, unit: str = "") -> Told:
        """Make one."""
        found = super().__new__(cls, text)
        found.numbers, found.unit = numbers, unit
        return found


def percent(share: float | None, digits: int = 2) -> Told:
    """Write a share as a person reads it: one that is not 0, or not 1, is not written so either."""
    if share is None:
        return Told("not measured")
    text = f"{100 * share:.{digits}f}"
    if share and not float(text):
        text = f"{'<' if share > 0 else '>-'}{10**-digits:.{digits}f}"
    elif share < 1 and float(text) == 100:
        text = f">{100 - 10**-digits:.{digits}f}"
    return Told(f"{text} %", share)


def quantity(value: float | None, unit: str, digits: int = 4) -> Told:
    """Write a quantity with the prefix of its size; `value` is None where nothing was measured."""
    if value is None:
        return Told("not measured", unit=unit)
    return Told(render(value, unit, digits), value, unit=unit)


def points_of(change: float) -> Told:
    """Write a difference of two shares."""
    return Told(f"{100 * change:+.2f} points".replace("-0.00", "+0.00"), change)


def ends(band: Band | None, unit: str | None = None) -> Told:
    """Write an interval: of shares without a `unit`, else of quantities."""
    if band is None:
        return Told("not told")
    low, high = (percent(v) if unit is None else quantity(v, unit) for v in (band.low, band.high))
    return Told(f"{low} to {high}", band.low, band.high, unit=unit or "")
