"""Draws of decision noise: what each kind stands for, and where it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.rows import apply
from mru_hw.variation import NoiseKey
from mru_hw.variation.noise import LARGEST

OF_UNIT, OF_NODES, OF_BIAS, KINDS = (
    0,
    1,
    2,
    3,
)  # what draws in a layer, and how many kinds there are
HELD, FRESH, STREAMS = 0, 1, 2  # one draw a sequence, one a frame; how many
SLACK = 1.0001  # on the bound of a draw: more than single precision loses


def stream_of(layer: int, kind: int, rate: int) -> int:
    """Return the number of a stream of draws: of a layer's units, nodes or bias rail."""
    return (layer * KINDS + kind) * STREAMS + rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a bank's noise that one kind of draws makes.

    Attributes
    ----------
    kind
        What draws: `OF_UNIT`, `OF_BIAS` or `OF_NODES`.
    first
        Number of its first draw in its streams.
    path
        By how much a unit's candidate moves with each, (n_units, n, time, sequence) or ones that
        broadcast; None where each unit draws for itself.
    fresh, held
        (n, time, sequence) or ones that broadcast: sigmas of the draw a frame, and of that a
        sequence.
    """

    kind: int
    first: int = 0
    path: Floats | None
    fresh: Floats
    held: Floats

    def variance(self) -> Floats:
        """Return its variance [A^2] of a draw a frame and a draw a sequence together."""
        both: Floats = self.fresh**2 + self.held**2
        if self.path is None:
            return both
        total: Floats = (self.path**2 * both).sum(axis=1)
        return total

    def most(self) -> Floats:
        """Return what it never exceeds, (n_units, time, sequence) or what broadcasts."""
        size: Floats = (self.fresh + self.held) * (LARGEST * SLACK)
        if self.path is None:
            return size
        reach = np.abs(self.path)
        if reach.shape[2:] == (1, 1):
            return apply(reach[:, :, 0, 0], size)
        largest: Floats = (reach * size).sum(axis=1)
        return largest


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where draws are taken: some frames and sequences of a block.

    Attributes
    ----------
    key, layer, sequences, start
        As of `DecisionNoise` and its `draw`.
    shape
        (time, sequence) of the block.
    frames, columns
        Of the block, (how many,) each.
    """

    key: NoiseKey
    layer: int
    sequences: NDArray[np.int64]
    start: int
    shape: tuple[int, ...]
    frames: NDArray[np.intp]
    columns: NDArray[np.intp]

    def total(self, parts: Sequence[Part], dtype: DTypeLike) -> Floats:
        """Return the sum of all parts, (n_units, how many); in one order, whatever the places."""
        own, *rest = parts
        total = self._moved(own, dtype)
        for part in rest:
            assert part.path is not None
            moved = self._moved(part, dtype)
            for j, one in enumerate(moved):
                total += self._taken(part.path[:, j]) * one
        return total

    def _moved(self, part: Part, dtype: DTypeLike) -> Floats:
        """Return sigmas times draws, (n, how many)."""
        n = len(part.fresh)
        fresh, held = (stream_of(self.layer, part.kind, rate) for rate in (FRESH, HELD))
        which, time = self.sequences[self.columns], self.start + self.frames
        moved: Floats = self.key.draws(fresh, which, time, part.first + n)[part.first :].astype(
            dtype
        )
        moved *= self._taken(part.fresh)
        rested = self.key.draws(held, self.sequences, np.zeros(1, np.int64), part.first + n)
        moved += self._taken(part.held) * rested[part.first :, self.columns].astype(dtype)
        return moved

    def _taken(self, values: Floats) -> Floats:
        """Return what is (n, time, sequence), or ones, at these places."""
        if values.shape[1:] == (1, 1):
            return values[:, 0]
        taken: Floats = np.broadcast_to(values, (len(values), *self.shape))
        return taken[:, self.frames, self.columns]
