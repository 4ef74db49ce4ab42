"""Denoising: signs that a mark points out among noise are asked for, in their order, at the end.

The published task (Vecoven, Ernst, Drion, 2021) writes out five real numbers one after another;
ours asks for all signs at once, as one class.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mru_hw.training.tasks.synthetic import Synthetic, noise


class Denoising(Synthetic):
    """Feature 0: noise, and +1 or -1 where marked. Feature 1: the mark, 1 or 0."""

    name: Literal["denoising"] = "denoising"
    n_marks: int = Field(default=2, ge=1, le=10, description="marked frames; 2^n_marks classes")
    noise: float = Field(default=1.0, ge=0, le=10, description="standard deviation, elsewhere")
    delay: int = Field(default=0, ge=0, le=100_000, description="last frames without a mark")

    @property
    def least(self) -> int:
        """A frame for each mark, and the delay."""
        return self.n_marks + self.delay

    @property
    def n_classes(self) -> int:
        """One for each word of signs."""
        return int(2**self.n_marks)

    @property
    def n_in(self) -> int:
        """Value and mark."""
        return 2

    def draw(
        self, rng: np.random.Generator, lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw marked frames evenly among those before the delay; class bit k is mark k's sign."""
        bits = rng.integers(0, 2, (len(lengths), self.n_marks))
        x = noise(rng, lengths, self.n_in, self.noise)
        x[:, :, 1] = 0.0
        order = rng.random(x.shape[:2])
        order[np.arange(x.shape[1]) >= (lengths - self.delay)[:, None]] = 2.0
        at = np.sort(np.argsort(order, axis=1)[:, : self.n_marks], axis=1)
        rows = np.arange(len(lengths))[:, None]
        x[rows, at, 0] = 2.0 * bits - 1.0
        x[rows, at, 1] = 1.0
        return x, bits @ (1 << np.arange(self.n_marks))
