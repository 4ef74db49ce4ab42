"""What changes while a chip runs: device noise, drawn by counter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SLOW, FAST = 0, 1


class NoiseStream:
    """The standard normal draws of one sequence in one layer, frame after frame.

    A counter names each draw, so neither chunking nor padding changes one, nor where time is cut.

    Parameters
    ----------
    seed
        Of the noise.
    die
        Seed of the die.
    sequence
        Index of the sequence in its input file.
    layer, n_units
        Which layer and how many units it has.

    Attributes
    ----------
    slow
        (n_units,) held over the sequence.
    """

    def __init__(self, seed: int, die: int, sequence: int, layer: int, n_units: int) -> None:
        key = np.array([seed, die], dtype=np.uint64)
        slow, self._fast = (
            np.random.Generator(
                np.random.Philox(
                    key=key, counter=np.array([0, kind, layer, sequence], dtype=np.uint64)
                )
            )
            for kind in (SLOW, FAST)
        )
        self.slow: NDArray[np.float32] = slow.standard_normal(n_units, dtype=np.float32)

    def draw(self, fast: NDArray[np.float32]) -> None:
        """Fill `fast`, (n_time, n_units), with what is new in each of the next frames."""
        self._fast.standard_normal(dtype=np.float32, out=fast)
