"""CMRU: a cumulative unit, which counts its candidates' signs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from mru_hw.model.memory.signed import SignedCell


@final
@dataclass(frozen=True, slots=True)
class Cmru(SignedCell):
    """``s += sign(c)`` where ``|c| >= beta``, clipped to -K ... K; ``h = alpha s``."""

    name: ClassVar[str] = "cmru"
    takes_levels: ClassVar[bool] = True

    def span(self, limit: int | None) -> tuple[float, float]:
        """Return -K and K, infinite without a limit."""
        top = math.inf if limit is None else float(limit)
        return -top, top

    def start_words(self, limit: int | None) -> str:
        """Say which initial states there are."""
        return "a whole level" + ("" if limit is None else f" within ±{limit}")


CMRU = Cmru()
