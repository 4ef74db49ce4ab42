"""The simulators that a netlist can be written for.

`mru_hw.spice.chip` and `mru_hw.spice.bench` make statements. Every dialect writes the same ones, so
each cell and each network goes through it.
"""

from mru_hw.errors import UserError
from mru_hw.spice.dialects.base import Dialect
from mru_hw.spice.dialects.hspice import Hspice
from mru_hw.spice.dialects.ngspice import Ngspice
from mru_hw.spice.dialects.spectre import Spectre
from mru_hw.spice.dialects.xyce import Xyce

DIALECTS: dict[str, Dialect] = {d.name: d for d in (Ngspice(), Hspice(), Spectre(), Xyce())}

__all__ = ["DIALECTS", "Dialect", "dialect_named"]


def dialect_named(name: str) -> Dialect:
    """Return a dialect.

    Raises
    ------
    UserError
        No dialect has this name.
    """
    if name not in DIALECTS:
        raise UserError("dialect", name, f"one of {', '.join(DIALECTS)}")
    return DIALECTS[name]
