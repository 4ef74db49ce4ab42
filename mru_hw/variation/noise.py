"""What changes while a chip runs: device noise, drawn by counter.

Each draw is a function of a key (seed of the noise, seed of the die) and of a counter (what draws,
frame, sequence, unit) and of nothing else: neither order, chunks, padding nor the number of workers
moves a bit, and a draw that nobody needs is not made. Random words come from Philox4x32-10 (Salmon
and others, Parallel random numbers: as easy as 1, 2, 3, SC 2011), normal numbers from words by
inversion: a cubic in each of 512 segments, 16 in each octave of the probability, in the manner of
Cheung, Lee, Luk and Villasenor (IEEE Transactions on VLSI Systems 15, 2007).

`philox`, its rounds `mixed` and `next_key`, `normal` and `normal_at` hold integer arithmetic alone,
on 64-bit words that hold 32 bits, so that nothing overflows: numpy runs them on arrays, a compiler
on scalars, and their bits are the same whatever is contracted, vectorised or linked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

ROUNDS = 10
LANES = 4
"""Words, and so units, of one counter."""
BLOCK = 4096
"""Counters at a time: their words stay in a core's cache."""
LARGEST = 6.338
"""No draw is larger in size: the quantile of 2^-33 is 6.3380."""

_U = np.uint64
_MULTIPLY = _U(0xD2511F53), _U(0xCD9E8D57)
_WEYL = _U(0x9E3779B9), _U(0xBB67AE85)
_LOW, _HALF, _TWO = _U(0xFFFFFFFF), _U(32), _U(2)
_ONE = _U(1)

_PARTS = 4  # bits: 16 segments in each octave of the probability
_SEGMENTS = 32 << _PARTS
_FIRST = 1023 << _PARTS  # segment of an odd word of 1
_REST = 31  # bits of a word's place in its segment
_FRACTION = 28  # bits of a draw below the point
_UNIT = 2.0**-_FRACTION


def philox(a: Any, b: Any, c: Any, d: Any, k0: Any, k1: Any) -> tuple[Any, Any, Any, Any]:
    """Return Philox4x32-10 of a counter of four words under a key of two, each below 2^32."""
    for _ in range(ROUNDS):
        a, b, c, d = mixed(a, b, c, d, k0, k1)
        k0, k1 = next_key(k0, k1)
    return a, b, c, d


def mixed(a: Any, b: Any, c: Any, d: Any, k0: Any, k1: Any) -> tuple[Any, Any, Any, Any]:
    """Return four words after a round of `philox`."""
    p = a * _MULTIPLY[0]
    q = c * _MULTIPLY[1]
    return (q >> _HALF) ^ b ^ k0, q & _LOW, (p >> _HALF) ^ d ^ k1, p & _LOW


def next_key(k0: Any, k1: Any) -> tuple[Any, Any]:
    """Return the key of the next round."""
    return (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW


def coefficients() -> list[list[float]]:
    """Return by segment the cubic that inverts the normal law, times 2^28.

    It meets the quantile at the segment's four Chebyshev nodes; its variable is the place in the
    segment, 0 to 1. A word w stands for the probability (w | 1) / 2^33.
    """
    quantile = NormalDist().inv_cdf
    nodes = [(1 - math.cos((2 * k + 1) * math.pi / 8)) / 2 for k in range(4)]
    found = []
    for segment in range(_SEGMENTS):
        octave, part = divmod(segment, 1 << _PARTS)
        at = [math.ldexp(1 + (part + node) / (1 << _PARTS), octave - 33) for node in nodes]
        # Newton's divided differences, and from them the powers of the place.
        n0, n1, n2, n3 = nodes
        y = [-quantile(p) for p in at]
        d01, d12, d23 = ((y[k + 1] - y[k]) / (nodes[k + 1] - nodes[k]) for k in range(3))
        d02, d13 = (d12 - d01) / (n2 - n0), (d23 - d12) / (n3 - n1)
        d03 = (d13 - d02) / (n3 - n0)
        cubic = (
            y[0] - n0 * (d01 - n1 * (d02 - n2 * d03)),
            d01 - (n0 + n1) * d02 + (n0 * n1 + n0 * n2 + n1 * n2) * d03,
            d02 - (n0 + n1 + n2) * d03,
            d03,
        )
        found.append([math.ldexp(c, _FRACTION) for c in cubic])
    return found


_CUBIC = np.round(np.array(coefficients()).T).astype(np.int64)
_C0, _C1, _C2, _C3 = (np.ascontiguousarray(row) for row in _CUBIC)


def normal(word: Any) -> Any:
    """Return the standard normal number of a random word: float64, a multiple of 2^-28.

    The lowest bit is its sign, the others the probability of a larger one. The error is below 3e-8
    of a sigma, no size above `LARGEST`.
    """
    odd = np.int64(word | _ONE)
    # Exponent and mantissa of the number tell its segment and its place there.
    bits = np.float64(odd).view(np.int64)
    k = (bits >> (52 - _PARTS)) - _FIRST
    t = (bits >> (52 - _PARTS - _REST)) & ((1 << _REST) - 1)
    size = _C0[k] + ((t * (_C1[k] + ((t * (_C2[k] + ((t * _C3[k]) >> _REST))) >> _REST))) >> _REST)
    sign = np.int64(1) - ((np.int64(word) & 1) << 1)
    return np.float64(size * sign) * _UNIT


def normal_at(k0: Any, k1: Any, stream: Any, sequence: Any, frame: Any, unit: Any) -> Any:
    """Return the draw of a unit in a frame of a sequence: float64.

    Parameters
    ----------
    k0, k1
        Of a `NoiseKey`.
    stream
        What draws: one number for each quantity that has units and frames.
    sequence
        Index of the sequence in its input file.
    frame, unit
        Of draws that hold over a sequence the frame is 0.

    All are uint64 below 2^32, arrays that broadcast or, compiled, scalars.
    """
    a, b, c, d = philox(unit >> _TWO, frame, sequence, stream, k0, k1)
    # Which of the four words, by arithmetic that numbers and arrays both have.
    odd, high = unit & _ONE, (unit & _TWO) >> _ONE
    low = a * (_ONE - odd) + b * odd
    return normal(low * (_ONE - high) + (c * (_ONE - odd) + d * odd) * high)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseKey:
    """The key of all draws of one die under one seed of the noise.

    Attributes
    ----------
    k0, k1
        The words of Philox's key: the first two of Philox4x32-10 of the counter (seed, die), each
        64 bits, under the key 0.
    """

    k0: np.uint64
    k1: np.uint64

    @classmethod
    def of(cls, seed: int, die: int) -> NoiseKey:
        """Return the key of a seed of the noise and a seed of a die, each below 2^64."""
        return cls.of_dies(seed, [die])[0]

    @classmethod
    def of_dies(cls, seed: int, dies: Sequence[int]) -> list[NoiseKey]:
        """Return the keys of a seed of the noise and seeds of several dies."""
        its, theirs = np.full(len(dies), seed, np.uint64), np.array(dies, np.uint64)
        a, b, c, d = (w for given in (its, theirs) for w in (given & _LOW, given >> _HALF))
        k0, k1, _, _ = philox(a, b, c, d, _U(0), _U(0))
        return [cls(k0=one, k1=other) for one, other in zip(k0, k1, strict=True)]

    def draws(
        self, stream: int, sequences: NDArray[np.int64], frames: NDArray[np.int64], n_units: int
    ) -> NDArray[np.float64]:
        """Return the draws of `normal_at` of the first units, (n_units, ...).

        Parameters
        ----------
        stream
            What draws.
        sequences, frames
            Where, in any shape that broadcasts.
        """
        where = np.broadcast_arrays(frames, sequences)
        time, which = (values.reshape(-1).astype(np.uint64) for values in where)
        groups = -(-n_units // LANES)
        out = np.empty((groups, LANES, len(time)))
        units = np.arange(groups, dtype=np.uint64)[:, None]
        step = max(1, BLOCK // groups)
        for start in range(0, len(time), step):
            part = slice(start, start + step)
            words = philox(units, time[part], which[part], _U(stream), self.k0, self.k1)
            for lane, word in enumerate(words):
                out[:, lane, part] = normal(word)
        return out.reshape(groups * LANES, *where[0].shape)[:n_units]
