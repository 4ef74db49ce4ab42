"""The conditions of a characterisation: points of the tables, and checks between them."""

from __future__ import annotations

from collections.abc import Sequence

from mru_hw.errors import UserError
from mru_hw.spice.characterize.base import rounded
from mru_hw.technology import Technology
from mru_hw.technology.conditions import Conditions

TEMPERATURES = (-40.0, -10.0, 27.0, 85.0, 125.0)  # degC
LEAK_TEMPERATURES = (-40.0, -10.0, 27.0, 40.0, 55.0, 70.0, 85.0, 105.0, 125.0)
"""Closer, for one mechanism takes over from another; a device alone costs little."""
SUPPLIES = (0.9, 1.0, 1.1)  # of the nominal one
CHECKS = ((0, 50.0, 0.945), (1, 60.0, 0.945), (2, 0.0, 1.05))
"""Number of the corner, temperature [degC], supply over the nominal one."""


def chosen_corners(technology: Technology, corners: Sequence[str]) -> tuple[str, ...]:
    """Return the corners to run, in the technology's order.

    Raises
    ------
    UserError
        One is none of the technology's, or the nominal one is not there.
    """
    for corner in corners:
        if corner not in technology.corners:
            raise UserError("corner", corner, "one of " + ", ".join(technology.corners))
    first = technology.corners[0]
    if corners and first not in corners:
        raise UserError("corner", ", ".join(corners), f"{first} too, the nominal one")
    return tuple(corner for corner in technology.corners if not corners or corner in corners)


def grid_points(technology: Technology, corners: Sequence[str]) -> tuple[Conditions, ...]:
    """Return the conditions of the tables."""
    v_dd, usual = technology.v_dd, technology.temperature
    axes = [(t, v_dd) for t in temperatures(technology)]
    axes += [(usual, v) for v in supplies(technology) if v != v_dd]
    return tuple(
        Conditions(corner=corner, temperature=t, v_dd=v) for corner in corners for t, v in axes
    )


def leak_points(technology: Technology, corner: str) -> tuple[Conditions, ...]:
    """Return the conditions of a corner's leakages."""
    return tuple(
        Conditions(corner=corner, temperature=t, v_dd=technology.v_dd)
        for t in sorted({*LEAK_TEMPERATURES, technology.temperature})
    )


def check_points(technology: Technology, corners: Sequence[str]) -> tuple[Conditions, ...]:
    """Return the conditions that the tables are compared with."""
    return tuple(
        Conditions(corner=corner, temperature=t, v_dd=rounded(share * technology.v_dd))
        for k, t, share in CHECKS
        for corner in technology.corners[k : k + 1]
        if corner in corners
    )


def temperatures(technology: Technology) -> list[float]:
    """Return the temperatures of the tables [degC], ascending."""
    return sorted({*TEMPERATURES, technology.temperature})


def supplies(technology: Technology) -> list[float]:
    """Return the supplies of the tables [V], ascending."""
    return [technology.v_dd if s == 1 else rounded(s * technology.v_dd) for s in SUPPLIES]


def run_name(bench: str, at: Conditions) -> str:
    """Name a bench's run at a condition."""
    return f"{bench} {at.corner} {at.temperature:g} {at.v_dd:g}"
