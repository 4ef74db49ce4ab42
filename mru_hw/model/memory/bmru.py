"""BMRU: a bistable unit, which takes its candidate's sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from mru_hw.model.memory.signed import SignedCell


@final
@dataclass(frozen=True, slots=True)
class Bmru(SignedCell):
    """``s = sign(c)`` where ``|c| >= beta``; ``h = alpha s``."""

    name: ClassVar[str] = "bmru"
    spacing: ClassVar[int] = 2
    start: ClassVar[float] = -1.0
    anneals: ClassVar[bool] = True

    def span(self, limit: int | None) -> tuple[float, float]:  # noqa: ARG002 (it has no K)
        """Return -1 and 1."""
        return -1.0, 1.0

    def start_words(self, limit: int | None) -> str:  # noqa: ARG002
        """Say which initial states there are: 0 too, until a circuit has to hold it."""
        return "-1, 0 or 1"


BMRU = Bmru()
