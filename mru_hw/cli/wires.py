"""The options that give a chip's wires capacitance, and how a result tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mru_hw.errors import UserError

if TYPE_CHECKING:
    from mru_hw.mapping.wire_load import WireLoad

WirePerLeg = Annotated[
    str,
    typer.Option(
        "--wire-per-leg",
        metavar="F",
        help='Capacitance of a net\'s wires for each mirror leg on it, such as "20 fF".',
    ),
]
WirePerUm = Annotated[
    str,
    typer.Option(
        "--wire-per-um",
        metavar="F",
        help="Capacitance of a net's wires for each um of its length in the assumed floor plan, "
        'such as "0.1 fF".',
    ),
]


def chosen_wires(per_leg: str, per_um: str, level: str = "spice") -> WireLoad:
    """Return what the two options ask for.

    Raises
    ------
    UserError
        One is no capacitance or out of range, or the level is ``ideal``, which has no nets.
    """
    from mru_hw.mapping.wire_load import asked_wires

    wires = asked_wires(per_leg, per_um)
    if wires and level == "ideal":
        one = ("--wire-per-leg", per_leg) if wires.per_leg else ("--wire-per-um", per_um)
        raise UserError(*one, "0 F at the level ideal, which has no nets")
    return wires


def wire_lines(wires: WireLoad) -> list[str]:
    """Return what a result says of its wires: nothing where they have no capacitance."""
    return [f"Wires: {wires}."] if wires else []
