"""Corner, temperature and supply as the command line asks for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mru_hw.errors import UserError

if TYPE_CHECKING:
    from mru_hw.technology import Technology
    from mru_hw.technology.conditions import Conditions

CONDITIONS = {"corner": "--corner", "temperature": "--temperature", "v_dd": "--vdd"}


@contextlib.contextmanager
def told_as_options() -> Iterator[None]:
    """Name conditions as the options that they came from."""
    try:
        yield
    except UserError as error:
        raise error.renamed(CONDITIONS) from None


def asked_conditions(
    technology: Technology, level: str, corner: str, temperature: float, vdd: str | None
) -> Conditions:
    """Return the corner, temperature [degC] and supply that the options ask for, checked.

    Raises
    ------
    UserError
        The technology has no such conditions, or the level ideal was asked for others than usual.
    """
    from mru_hw.technology.conditions import checked_conditions, nominal_conditions
    from mru_hw.units import parse, render

    v_dd = technology.v_dd if vdd is None else parse(vdd, "V", "--vdd")
    conditions = checked_conditions(
        technology,
        corner=corner,
        temperature=temperature,
        v_dd=v_dd,
        constants=level == "behavioral",
    )
    nominal = nominal_conditions(technology)
    if level == "ideal" and (temperature, v_dd) != (nominal.temperature, nominal.v_dd):
        found = f"{temperature:g} degC and {render(v_dd, 'V')}"
        raise UserError("conditions", found, "none at the level ideal, whose numbers have none")
    return conditions
