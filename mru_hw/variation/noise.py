"""What changes while a chip runs: device noise, drawn by counter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SLOW, FAST = 0, 1


def noise_draws(
    seed: int, die: int, sequence: int, layer: int, n_time: int, n_units: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the standard normal draws of one sequence in one layer.

    Parameters
    ----------
    seed
        Of the noise.
    die
        Seed of the die.
    sequence
        Index of the sequence in its input file.
    layer, n_time, n_units
        Which layer and how many frames and units it has.

    Returns
    -------
    slow, fast
        (n_units,) held over the sequence and (n_time, n_units) new in every frame. A counter
        names each, so neither chunking nor padding changes a draw.
    """
    key = np.array([seed, die], dtype=np.uint64)
    draws = []
    for kind, shape in ((SLOW, (n_units,)), (FAST, (n_time, n_units))):
        counter = np.array([0, kind, layer, sequence], dtype=np.uint64)
        rng = np.random.Generator(np.random.Philox(key=key, counter=counter))
        draws.append(rng.standard_normal(shape, dtype=np.float32))
    return draws[0], draws[1]
