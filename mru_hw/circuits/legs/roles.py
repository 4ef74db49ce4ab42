"""Mirror legs: single transistors that copy a rail of one node into another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One of the four kinds of leg.

    Attributes
    ----------
    role
        What it does with the current of which of its source's rails: its name wherever devices
        are told apart.
    rail
        The rail's sign.
    flow
        +1 where it sources current into its target, -1 where it sinks current out of it.
    sign
        Of the weights that it realises.
    device
        Device class.
    code
        Letter of its instances in a deck.
    """

    role: str
    rail: str
    flow: int
    sign: int
    device: str
    code: str

    @property
    def about(self) -> str:
        """What it does, in words."""
        moves = "source into their node" if self.flow > 0 else "sink from their node"
        weights = "above 0" if self.sign > 0 else "below 0"
        return f"legs that {moves} a copy of the {self.rail} rail, for weights {weights}"

    @property
    def polarity(self) -> str:
        """``p`` of what sources a current, ``n`` of what sinks one."""
        return "p" if self.flow > 0 else "n"

    @property
    def copies(self) -> tuple[str, str]:
        """The rail whose gate net it is on: sign and polarity."""
        return self.rail, self.polarity


SOURCE_PLUS = Leg(role="source_plus", rail="plus", flow=+1, sign=+1, device="p_mirror", code="a")
SINK_PLUS = Leg(role="sink_plus", rail="plus", flow=-1, sign=-1, device="n_mirror", code="b")
SINK_MINUS = Leg(role="sink_minus", rail="minus", flow=-1, sign=+1, device="n_mirror", code="c")
SOURCE_MINUS = Leg(role="source_minus", rail="minus", flow=+1, sign=-1, device="p_mirror", code="d")
LEGS = (SOURCE_PLUS, SINK_PLUS, SINK_MINUS, SOURCE_MINUS)

_BY_ROLE = {leg.role: leg for leg in LEGS}
_BY_RAIL = {leg.copies: leg for leg in LEGS}


def leg_named(role: str) -> Leg:
    """Return a kind of leg by its role."""
    return _BY_ROLE[role]


def leg_on(rail: tuple[str, str]) -> Leg:
    """Return the kind of leg that copies a rail."""
    return _BY_RAIL[rail]
