"""Mirror legs: single transistors that copy a rail of one node into another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One of the four kinds of leg.

    Attributes
    ----------
    role
        What it does with the current of which of its source's rails.
    rail
        The rail's sign.
    sign
        Of the weights that it realises.
    device
        Device class.
    code
        Letter of its instances in a deck.
    """

    role: str
    rail: str
    sign: int
    device: str
    code: str


LEGS = (
    Leg(role="source_plus", rail="plus", sign=+1, device="p_mirror", code="a"),
    Leg(role="sink_plus", rail="plus", sign=-1, device="n_mirror", code="b"),
    Leg(role="sink_minus", rail="minus", sign=+1, device="n_mirror", code="c"),
    Leg(role="source_minus", rail="minus", sign=-1, device="p_mirror", code="d"),
)
