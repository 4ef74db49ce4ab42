"""Fixed-shape blocks of sequences, and where their results are kept.

Sequences of like length share a block, so little of it is padding; the last block is filled up.
Matrix products are cut to one frame of one block, the same shape whatever the run, and sums go
frame after frame: the bits of a sequence depend on neither its neighbours nor its place.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mru_hw.mapping.design import Design
from mru_hw.simulate.levels import Floats
from mru_hw.stimulus import Inputs

BLOCK_SEQUENCES = 64
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
KEPT_BYTES = 2**28


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceBlock:
    """Sequences of like length, as (feature, time, sequence); rows may be fewer than columns."""

    rows: NDArray[np.int64]
    x: Floats
    lengths: NDArray[np.int64]
    valid: NDArray[np.bool_]


def block_rows(order: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Cut an order of sequences into blocks."""
    for start in range(0, len(order), BLOCK_SEQUENCES):
        yield order[start : start + BLOCK_SEQUENCES]


def cut_block(
    inputs: Inputs, rows: NDArray[np.int64], design: Design, dtype: DTypeLike
) -> SequenceBlock:
    """Cut out sequences, normalise them and fill the block up with one-frame sequences."""
    n_time = int(inputs.lengths[rows].max())
    x = inputs.x[rows, :n_time]
    normal = design.spec.normalisation
    if normal is not None:
        x = (x - np.array(normal.mean)) / np.array(normal.scale)
    columns = np.zeros((x.shape[2], n_time, BLOCK_SEQUENCES), dtype=dtype)
    columns[:, :, : len(rows)] = x.transpose(2, 1, 0)
    lengths = np.ones(BLOCK_SEQUENCES, dtype=np.int64)
    lengths[: len(rows)] = inputs.lengths[rows]
    valid = np.arange(n_time)[:, None] < lengths
    return SequenceBlock(rows=rows, x=columns, lengths=lengths, valid=valid)


@functools.cache
def keep_freed_memory() -> None:
    """Let glibc keep freed arrays for the next ones; elsewhere do nothing.

    A block's arrays are some 100 KiB each and live for microseconds. Handed back to the system
    each time, their page faults take a third of a run.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            mallopt(parameter, KEPT_BYTES)


class Kept:
    """Arrays of the trace, filled block by block."""

    def __init__(self, design: Design, shape: tuple[int, int, int], dtype: DTypeLike) -> None:
        spec = design.spec
        self.output = np.full((*shape, spec.n_classes), np.nan, dtype=dtype)
        self.candidates = [np.full((*shape, b.n_units), np.nan, dtype=dtype) for b in design.banks]
        self.states = [np.full((*shape, b.n_units), np.nan, dtype=dtype) for b in design.banks]

    def store(
        self, die: int, block: SequenceBlock, output: Floats, layers: list[tuple[Floats, Floats]]
    ) -> None:
        """Store outputs and, per layer, candidates and states, all (feature, time, sequence)."""
        pairs = [(self.output, output)]
        for i, (candidate, state) in enumerate(layers):
            pairs += [(self.candidates[i], candidate), (self.states[i], state)]
        n, n_time = len(block.rows), block.x.shape[1]
        for target, values in pairs:
            rows = values[..., :n].transpose(2, 1, 0)
            rows = np.where(block.valid[:, :n].T[:, :, None], rows, np.nan)
            target[die, block.rows, :n_time] = rows
