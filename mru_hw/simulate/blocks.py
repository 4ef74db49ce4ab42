"""Fixed-shape blocks of sequences and frames.

Sequences of like length share a block, so little of it is padding; the last block is filled up.
Time goes in blocks of frames, each of which begins with the state that the one before it left.
Matrix products are cut to one frame of one block, the same shape whatever the run, and sums go
frame after frame: the bits of a sequence depend on neither its neighbours nor its place, nor on
where time is cut. So a run's memory does not grow with its sequences, but by what it returns.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mru_hw.mapping.design import Design
from mru_hw.model.memory.recurrence import Floats
from mru_hw.stimulus import Inputs

BLOCK_SEQUENCES = 64
BLOCK_FRAMES = 128
"""Frames of a block at most. From 64 to 256 a frame takes the least time, in networks of 2 to 16
units (benchmarks/bench_long_sequence.py --blocks): fewer pay for each array operation, more leave
the cache."""
BLOCK_BYTES = 1 << 20
"""What a block has of the widest bus at most [bytes], the size of a core's cache."""
BLOCK_LAYERS = 8
"""Layers whose signals are held together; of a deeper network a block has fewer frames."""
WORKING_BYTES = 256 << 20
"""What a behavioral run holds at most [bytes] beside its inputs, its trace and a die's own
matrices, whatever its sequences and frames, of networks whose buses have up to 2,048 nodes;
measured: up to 160 MiB (benchmarks/bench_long_sequence.py --networks)."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
KEPT_BYTES = 2**28


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceBlock:
    """Some frames of sequences of like length, as (feature, time, sequence).

    Attributes
    ----------
    rows
        Which sequences, maybe fewer than columns.
    x
        Normalised inputs.
    lengths
        (sequence,) of the whole sequences.
    valid
        (time, sequence) mask of the block's frames.
    start
        The sequences' frame with which the block begins.
    """

    rows: NDArray[np.int64]
    x: Floats
    lengths: NDArray[np.int64]
    valid: NDArray[np.bool_]
    start: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceGroup:
    """Sequences of like length, which share blocks.

    Attributes
    ----------
    rows
        Which sequences.
    lengths
        (columns,) their frames; a column that no sequence takes holds one of one frame.
    """

    rows: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def blocks(self, inputs: Inputs, design: Design, dtype: DTypeLike) -> Iterator[SequenceBlock]:
        """Cut the sequences out of `inputs`, block of frames after block, and normalise them."""
        stop, step = int(self.lengths.max()), block_frames(design, dtype)
        n = len(self.rows)
        for start in range(0, stop, step):
            x = _normalised(inputs.x[self.rows, start : min(start + step, stop)], design)
            columns = np.zeros((x.shape[2], x.shape[1], len(self.lengths)), dtype=dtype)
            columns[:, :, :n] = x.transpose(2, 1, 0)
            valid = np.arange(start, start + x.shape[1])[:, None] < self.lengths
            yield SequenceBlock(
                rows=self.rows, x=columns, lengths=self.lengths, valid=valid, start=start
            )

    def frames(self, inputs: Inputs, design: Design, dtype: DTypeLike) -> Floats:
        """Return the valid frames of the sequences, one after the other, (feature, frame)."""
        found = np.empty((inputs.x.shape[2], int(self.lengths[: len(self.rows)].sum())), dtype)
        at = 0
        for row, length in zip(self.rows, self.lengths, strict=False):
            found[:, at : at + length] = _normalised(inputs.x[row, :length], design).T
            at += length
        return found


def _normalised(x: Floats, design: Design) -> Floats:
    normal = design.spec.normalisation
    if normal is None:
        return x
    found: Floats = (x - np.array(normal.mean)) / np.array(normal.scale)
    return found


def join_groups(
    groups: Sequence[SequenceGroup], bytes_a_frame: int, most: int
) -> list[SequenceGroup]:
    """Put groups together whose frames take at most so many bytes; none if one takes more."""
    found: list[SequenceGroup] = []
    size = most
    for group in groups:
        rows, lengths = group.rows, group.lengths[: len(group.rows)]
        own = int(lengths.sum()) * bytes_a_frame
        if own > most:
            return []
        if size + own > most:
            found.append(SequenceGroup(rows=rows, lengths=lengths))
            size = own
            continue
        rows, lengths = (
            np.concatenate(pair) for pair in ((found[-1].rows, rows), (found[-1].lengths, lengths))
        )
        found[-1] = SequenceGroup(rows=rows, lengths=lengths)
        size += own
    return found


def group_sequences(lengths: NDArray[np.int64], *, filled: bool = True) -> Iterator[SequenceGroup]:
    """Put sequences of like length together.

    Parameters
    ----------
    lengths
        (n_seq,).
    filled
        Whether the last group is filled up to `BLOCK_SEQUENCES` columns.
    """
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), BLOCK_SEQUENCES):
        rows = order[start : start + BLOCK_SEQUENCES]
        columns = np.ones(BLOCK_SEQUENCES if filled else len(rows), dtype=np.int64)
        columns[: len(rows)] = lengths[rows]
        yield SequenceGroup(rows=rows, lengths=columns)


def block_frames(design: Design, dtype: DTypeLike) -> int:
    """Return how many frames a block of a design has at most."""
    widest = max(bus.size for bus in design.buses.values()) * np.dtype(dtype).itemsize
    # A cell is a byte.
    widest = max(widest, *(bank.n_units * bank.n_cells for bank in design.banks))
    frame = BLOCK_SEQUENCES * widest
    deep = -(-len(design.banks) // BLOCK_LAYERS)
    return max(1, min(BLOCK_FRAMES // deep, BLOCK_BYTES // (frame * deep)))


def add_valid(
    total: NDArray[np.float64], frames: NDArray[np.float64], valid: NDArray[np.bool_]
) -> None:
    """Add (time, sequence, ...) to (sequence, ...) where frames are valid, (time, sequence).

    Frame after frame, so that the sum depends neither on a block's shape nor on where time is cut.
    """
    everywhere = np.logical_and.reduce(valid, axis=1)
    for frame, there, full in zip(frames, valid, everywhere, strict=True):
        if full:  # the same sum, in a quarter of the time
            np.add(total, frame, out=total)
        else:
            np.add(total, frame, out=total, where=there[:, None])


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
