"""How much capacitance the wires of a chip are taken to have: a choice, for there is no layout."""

from __future__ import annotations

from dataclasses import dataclass

from mru_hw.errors import UserError
from mru_hw.units import parse, render

LEG_MOST = 1e-11
"""F: a bond pad and its protection have some picofarads; no wire of a mirror leg has more."""
LENGTH_MOST = 1e-8
"""F/m, or 10 fF/um: ten times a wide wire over ground in any process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireLoad:
    """Capacitance of a net's wires, to ground; `mru_hw.cells.wires` adds up each net's.

    Attributes
    ----------
    per_leg
        For every mirror leg that hangs on the net, or tap of a strobe line [F].
    per_length
        For the net's length in the declared floor plan [F/m].
    """

    per_leg: float = 0.0
    per_length: float = 0.0

    def __bool__(self) -> bool:
        """Whether wires have any capacitance."""
        return self.per_leg > 0 or self.per_length > 0

    def __str__(self) -> str:
        """Say it as reports and decks do."""
        um = render(self.per_length * 1e-6, "F")
        return f"{render(self.per_leg, 'F')} a leg and {um} a um of a net's length"

    def as_data(self) -> dict[str, float] | None:
        """Return plain data for JSON; None where wires have no capacitance."""
        if not self:
            return None
        return {"per_leg_F": self.per_leg, "per_um_F": self.per_length * 1e-6}


NO_WIRES = WireLoad()


def asked_wires(per_leg: str, per_um: str) -> WireLoad:
    """Read capacitances a leg and a um of length, such as ``20 fF`` and ``0.1 fF``.

    Raises
    ------
    UserError
        One is no capacitance, or out of range.
    """
    leg = _farads("wire_per_leg", per_leg, LEG_MOST)
    um = _farads("wire_per_um", per_um, LENGTH_MOST * 1e-6)
    return WireLoad(per_leg=leg, per_length=um / 1e-6)


def _farads(option: str, text: str, most: float) -> float:
    value = parse(text, "F", option)
    if not 0 <= value <= most:
        raise UserError(option, text, f"0 to {render(most, 'F')}")
    return value
