"""Keys of random streams, many at a time: numpy's `SeedSequence`, on arrays.

A die has a stream for each group of its devices, named by the die's seed and the group. Making a
`SeedSequence` and a generator for each takes longer than all that is drawn. This is its arithmetic
(M. O'Neill, Developing a seed_seq Alternative, 2015, as numpy states it), so the draws are the
same, and a test holds it to numpy's.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

_POOL = 4
_MASK = 0xFFFFFFFF
_HALF = np.uint32(16)
_INIT_A, _MULT_A = 0x43B0D7E5, 0x931E8875
_INIT_B, _MULT_B = 0x8B51F9DD, 0x58F38DED
_MIX_L, _MIX_R = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)


class _Hash:
    """A multiplier that moves on with every word."""

    def __init__(self, start: int, factor: int) -> None:
        self._now, self._factor = start, factor

    def __call__(self, words: Words) -> Words:
        before, self._now = self._now, self._now * self._factor & _MASK
        mixed = (words ^ np.uint32(before)) * np.uint32(self._now)
        found: Words = mixed ^ (mixed >> _HALF)
        return found


def _mixed(a: Words, b: Words) -> Words:
    found = _MIX_L * a - _MIX_R * b
    mixed: Words = found ^ (found >> _HALF)
    return mixed


def stream_keys(seeds: Sequence[int], streams: Sequence[int]) -> NDArray[np.uint64]:
    """Return ``SeedSequence(seed, spawn_key=(stream,)).generate_state(2, uint64)``.

    Parameters
    ----------
    seeds
        Each below 2^64.
    streams
        Each below 2^32.

    Returns
    -------
    NDArray[np.uint64]
        (seed, stream, 2).
    """
    given = np.array(seeds, np.uint64)[:, None]
    zero = np.zeros_like(given, np.uint32)
    low, high = given.astype(np.uint32), (given >> np.uint64(32)).astype(np.uint32)
    hashed = _Hash(_INIT_A, _MULT_A)
    pool = [hashed(word) for word in (low, high, zero, zero)]
    for k in range(_POOL):
        for to in range(_POOL):
            if to != k:
                pool[to] = _mixed(pool[to], hashed(pool[k]))
    named = np.array(streams, np.uint32)[None, :]
    pool = [_mixed(words, hashed(named)) for words in pool]
    last = _Hash(_INIT_B, _MULT_B)
    words = np.stack([last(one) for one in pool], axis=-1)
    return np.ascontiguousarray(words).astype("<u4").view("<u8").astype(np.uint64)


def stream_of(name: tuple[str, ...]) -> int:
    """Return the number of a named stream."""
    return zlib.crc32("/".join(name).encode())


class Normals:
    """Draws standard normal numbers from streams by their keys, as generators of each would."""

    def __init__(self) -> None:
        self._bits = np.random.Philox(0)
        self._generator = np.random.Generator(self._bits)

    def draw(self, keys: NDArray[np.uint64], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return numbers of `shape` from the beginning of each stream, (stream, *shape)."""
        out, nothing = np.empty((len(keys), *shape)), np.zeros(4, np.uint64)
        for key, values in zip(keys, out, strict=True):
            self._bits.state = {
                "bit_generator": "Philox",
                "state": {"counter": nothing, "key": key},
                "buffer": nothing,
                "buffer_pos": 4,
                "has_uint32": 0,
                "uinteger": 0,
            }
            self._generator.standard_normal(out=values)
        return out
