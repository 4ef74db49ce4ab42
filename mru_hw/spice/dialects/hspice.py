"""HSPICE: quoted expressions, BSIM4 as level 54, ``.option`` and ``.probe``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from mru_hw.circuits.statements import Model, Transient, Values
from mru_hw.spice.dialects.base import wrapped
from mru_hw.spice.dialects.spice import SpiceLike, bsim4
from mru_hw.technology import MODELS

_CURRENT = {"v": "v", "i": "i", "id": "i1"}


@final
class Hspice(SpiceLike):
    """Synopsys HSPICE."""

    name = "hspice"
    suffix = ".sp"
    models = MODELS
    mark = "'"
    probe = ".probe tran"

    def opening(self) -> Iterator[str]:
        """Yield nothing: an included file needs no opening."""
        yield from ()

    def expression(self, text: str) -> str:
        """Quote it."""
        return f"'{text}'"

    def vector(self, kind: str, path: str) -> str:
        """Name a vector; a device's first terminal is its drain."""
        return f"{_CURRENT[kind]}({path})"

    def options(self, values: Values) -> Iterator[str]:
        """Write tolerances; ``runlvl=0`` gives them their say, ``gmindc`` follows ``gmin``."""
        kept = {k: v for k, v in values.items() if k not in {"temp", "bypass"}}
        yield f".temp {values['temp']}"
        pairs = (f"{name}={value}" for name, value in kept.items())
        yield from wrapped(
            [".option", *pairs, f"gmindc={kept['gmin']}", "runlvl=0 bypass=0 post=1 probe=1"]
        )

    def transient(self, statement: Transient) -> Iterator[str]:
        """Write the run; HSPICE's step is that of printing, so the longest one is an option."""
        yield f".option delmax={statement.step}"
        yield f".tran {statement.step} {statement.stop} uic"

    def model(self, statement: Model) -> Iterator[str]:
        """Write a card with HSPICE's level and, for a capacitor, its names."""
        yield from wrapped(
            [".model", statement.name, statement.kind, *self.pairs(_card(statement))]
        )


def _card(model: Model) -> Values:
    if model.kind != "c":
        return bsim4(model)
    renamed = {"cj": "cox", "cjsw": "capsw"}
    return {renamed[name]: value for name, value in model.values.items()}
