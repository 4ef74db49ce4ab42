"""What cells share that software alone runs: no thresholds, no levels, no state at the start."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mru_hw.model.memory.base import MemoryCell, Shapes
from mru_hw.model.memory.recurrence import Floats


class SoftwareCell(MemoryCell):
    """A cell of real or complex numbers that begins with zeros and that no circuit holds.

    Its own tensors are called ``cell.*``.
    """

    __slots__ = ()

    threshold_names: ClassVar[tuple[str, ...]] = ()
    starts: ClassVar[bool] = False
    whole: ClassVar[bool] = False

    def own_tensors(self, n_units: int, width_in: int) -> Shapes:
        """Return the shapes of the tensors beside candidate and output: none."""
        del n_units, width_in
        return {}

    def span(self, limit: int | None) -> tuple[float, float]:
        """Return the only state to begin with, twice."""
        del limit
        return 0.0, 0.0

    def start_words(self, limit: int | None) -> str:
        """Say which initial states there are."""
        del limit
        return "0"


def sigmoid(x: Floats) -> Floats:
    """Return ``1 / (1 + exp(-x))``, by the hyperbolic tangent, which overflows nowhere."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)
