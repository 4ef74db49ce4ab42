"""FQ-BMRU: the bistable unit of the first quadrant, whose candidate and state are not negative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from mru_hw.model.memory.base import Array, LevelCell, StepLaw
from mru_hw.model.memory.recurrence import Floats, held_step


@final
@dataclass(frozen=True, slots=True)
class FqBmru(LevelCell):
    """A bit: 1 from ``|beta| + |delta|`` on, held from ``|beta|`` on, 0 below.

    ``h = |alpha| bit``.
    """

    name: ClassVar[str] = "fq_bmru"
    threshold_names: ClassVar[tuple[str, ...]] = ("beta", "delta")
    signed: ClassVar[bool] = False

    def span(self, limit: int | None) -> tuple[float, float]:  # noqa: ARG002 (it has no K)
        """Return 0 and 1."""
        return 0.0, 1.0

    def start_words(self, limit: int | None) -> str:  # noqa: ARG002
        """Say which initial states there are."""
        return "0 or 1"

    def edges(self, beta: Floats, unit: Callable[[str], Floats]) -> tuple[Floats, Floats]:
        """Return where the bit is set and down to where it is held."""
        return beta + np.abs(unit("delta")), beta

    def settings(self, up: Array, down: Array) -> dict[str, Array]:
        """Return the hysteresis width delta, and beta."""
        return {"delta": up - down, "beta": down}

    def gain(self, alpha: Floats) -> Floats:
        """Return the size of alpha, whose sign does not count."""
        return np.abs(alpha)

    def step_law(self) -> StepLaw:
        """Return the law of a bit that is set, held or cleared."""
        return held_step

    def distance(self, c: Array, up: Array, down: Array) -> Array:
        """Return the nearer of ``(c - up) / up`` and ``(down - c) / up``."""
        rise, fall = (c - up) / up, (down - c) / up
        nearest: Array = np.where(np.abs(rise) <= np.abs(fall), rise, fall)
        return nearest


FQ_BMRU = FqBmru()
