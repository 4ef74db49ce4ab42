"""Copy the first input: the symbol of frame 0 is asked for at the last frame.

The published task (Vecoven, Ernst, Drion, 2021) asks for a real number; the networks here decide
between classes, so ours asks for one of a few symbols.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mru_hw.training.tasks.synthetic import Synthetic, noise


class CopyFirst(Synthetic):
    """One feature a symbol: 1 for the symbol in frame 0, else 0, and noise in every frame."""

    name: Literal["copy_first"] = "copy_first"
    n_symbols: int = Field(default=4, ge=2, le=256, description="features and classes")
    noise: float = Field(default=0.1, ge=0, le=10, description="standard deviation, every frame")

    @property
    def least(self) -> int:
        """The symbol's frame."""
        return 1

    @property
    def n_classes(self) -> int:
        """One a symbol."""
        return self.n_symbols

    @property
    def n_in(self) -> int:
        """One a symbol."""
        return self.n_symbols

    def draw(
        self, rng: np.random.Generator, lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw symbols and noise."""
        y = rng.integers(0, self.n_symbols, len(lengths))
        x = noise(rng, lengths, self.n_in, self.noise)
        x[np.arange(len(y)), 0, y] += 1.0
        return x, y
