"""Cells of a die that are stuck: what they hold does not change, whatever they are asked for."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design

Stuck = NDArray[np.int8]
"""(n_cells, n_units): 1 of a cell that is stuck set, -1 of one that is stuck reset, 0 of others."""


def draw_stuck(design: Design, seed: int, share: float) -> dict[int, Stuck]:
    """Draw which memory cells of a die are stuck, by layer; no layer where none of its cells is.

    Each cell is stuck with the probability `share`, set or reset with even odds. Those of a larger
    share contain those of a smaller one, stuck alike.

    Parameters
    ----------
    seed
        Of the die.
    """
    if not share:
        return {}
    found = {}
    for bank in design.banks:
        stream = zlib.crc32(f"stuck/{bank.name}".encode())
        rng = np.random.Generator(
            np.random.Philox(np.random.SeedSequence(seed, spawn_key=(stream,)))
        )
        place, side = rng.random((2, bank.n_cells, bank.n_units))
        cells = np.where(place < share, np.where(side < 0.5, np.int8(-1), np.int8(1)), np.int8(0))
        if cells.any():
            found[bank.layer] = cells
    return found


def kept(cells: NDArray[np.bool_], stuck: Mapping[int, Stuck], layer: int) -> NDArray[np.bool_]:
    """Return cells (n_cells, n_units, ...) with those that are stuck as they are stuck."""
    if layer not in stuck:
        return cells
    held = stuck[layer].reshape(stuck[layer].shape + (1,) * (cells.ndim - 2))
    found: NDArray[np.bool_] = (cells | (held > 0)) & (held >= 0)
    return found
