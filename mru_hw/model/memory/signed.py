"""What CMRU and BMRU share: a step up at beta, a step down at minus beta."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from mru_hw.model.memory.base import Array, LevelCell, StepLaw
from mru_hw.model.memory.recurrence import Floats, signed_step


class SignedCell(LevelCell):
    """``s_t = clip(s_{t-1} + spacing z_t sign(c_t), lowest, highest)``, ``z_t = H(|c_t| - beta)``.

    With two levels, two apart, a step from either ends at the candidate's sign.
    """

    __slots__ = ()

    signed: ClassVar[bool] = True

    def edges(
        self,
        beta: Floats,
        unit: Callable[[str], Floats],  # noqa: ARG002 (beta is all there is)
    ) -> tuple[Floats, Floats]:
        """Return beta twice."""
        return beta, beta

    def settings(self, up: Array, down: Array) -> dict[str, Array]:
        """Return beta, the mean of both thresholds."""
        return {"beta": (up + down) / 2}

    def step_law(self) -> StepLaw:
        """Return the sign of a candidate beyond beta."""
        return signed_step

    def distance(self, c: Array, up: Array, down: Array) -> Array:
        """Return ``(|c| - beta) / beta`` by the threshold of the candidate's sign.

        -1 where that threshold is infinite, as a rectified candidate's way down is; infinite where
        it is 0.
        """
        beta = np.where(c >= 0, up, down)
        there = np.isfinite(beta) & (beta > 0)
        found: Array = np.where(beta > 0, -1.0, np.inf)
        size = np.where(there, np.abs(c), 0.0)
        np.divide(size - np.where(there, beta, 0.0), beta, out=found, where=there)
        return found
