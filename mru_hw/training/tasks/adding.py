"""Adding: the sum of the two marked values of a sequence is asked for at the end.

The published task (Hochreiter, Schmidhuber, 1997) adds real numbers; ours draws them from a few
evenly spaced ones, so that each sum is a class.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mru_hw.training.tasks.synthetic import Synthetic


class Adding(Synthetic):
    """Feature 0: a value from 0 to 1 in every frame. Feature 1: the mark, 1 in two frames."""

    name: Literal["adding"] = "adding"
    n_values: int = Field(default=3, ge=2, le=256, description="0 to 1; 2 n_values - 1 classes")
    delay: int = Field(default=0, ge=0, le=100_000, description="last frames without a mark")

    @property
    def least(self) -> int:
        """Two marked frames, and the delay."""
        return 2 + self.delay

    @property
    def n_classes(self) -> int:
        """One for each sum."""
        return 2 * self.n_values - 1

    @property
    def n_in(self) -> int:
        """Value and mark."""
        return 2

    def draw(
        self, rng: np.random.Generator, lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw values, and one mark in each half of the frames before the delay."""
        n, n_time = len(lengths), int(lengths.max())
        values = rng.integers(0, self.n_values, (n, n_time))
        end = lengths - self.delay
        at = np.stack((rng.integers(0, end // 2), rng.integers(end // 2, end)), axis=1)
        x = np.zeros((n, n_time, self.n_in))
        x[:, :, 0] = values / (self.n_values - 1)
        np.put_along_axis(x[:, :, 1], at, 1.0, axis=1)
        return x, np.take_along_axis(values, at, axis=1).sum(axis=1)
