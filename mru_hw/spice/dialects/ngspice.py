"""ngspice: what the emitter writes, as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import final

from mru_hw.spice.dialects.base import Dialect
from mru_hw.technology import MODELS, Technology


@final
class Ngspice(Dialect):
    """ngspice 39 and later."""

    name = "ngspice"
    suffix = ".cir"
    models = MODELS

    def model_files(self, technology: Technology) -> dict[str, str]:
        """Return the cards as they ship."""
        return technology.model_files()

    def lines(self, deck: Iterable[str]) -> Iterator[str]:
        """Pass the lines on."""
        yield from deck
