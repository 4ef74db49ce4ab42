"""Flip-flops: each bit keeps the sign of its last pulse, and all are asked for at the end.

The published task (Sussillo, Barak, 2013) reads the bits in every frame; lengths are mixed here, so
that the last frame comes anywhere.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mru_hw.training.tasks.synthetic import Synthetic, noise


class FlipFlop(Synthetic):
    """One feature a bit: a pulse of +1 or -1 now and then, and noise in every frame."""

    name: Literal["flip_flop"] = "flip_flop"
    n_bits: int = Field(default=2, ge=1, le=10, description="features; 2^n_bits classes")
    pulses: float = Field(default=0.05, gt=0, le=1, description="of a bit, a frame, on average")
    noise: float = Field(default=0.1, ge=0, le=10, description="standard deviation, every frame")
    delay: int = Field(default=0, ge=0, le=100_000, description="last frames without a pulse")

    @property
    def least(self) -> int:
        """A frame that sets all bits, and the delay."""
        return 1 + self.delay

    @property
    def n_classes(self) -> int:
        """One for each word of bits."""
        return int(2**self.n_bits)

    @property
    def n_in(self) -> int:
        """One a bit."""
        return self.n_bits

    def draw(
        self, rng: np.random.Generator, lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw pulses; frame 0 has one for every bit, so that no bit is unknown."""
        x = noise(rng, lengths, self.n_in, self.noise)
        n, n_time, _ = x.shape
        there = rng.random(x.shape) < self.pulses
        there[:, 0] = True
        there &= (np.arange(n_time) < (lengths - self.delay)[:, None])[:, :, None]
        bits = rng.integers(0, 2, x.shape)
        x += there * (2.0 * bits - 1.0)
        last = n_time - 1 - there[:, ::-1].argmax(axis=1)
        kept = bits[np.arange(n)[:, None], last, np.arange(self.n_bits)]
        return x, kept @ (1 << np.arange(self.n_bits))
