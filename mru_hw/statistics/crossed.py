"""Means over dies and sequences, which are crossed: every die sees the same sequences.

Dies are a sample of the dies that the process makes, and sequences one of those that the chip will
hear. An interval from dies alone is too narrow as soon as other sequences are meant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mru_hw.statistics.shares import CONFIDENCE, Band, clopper_pearson

DRAWS = 2000
"""Resamplings that an interval is made from."""
_BLOCK = 4096
"""Dies that are drawn again at a time; the law of the draws does not depend on it."""
_MANY = 8192
"""Dies beyond which what a draw of them adds up to is taken for normal."""


def two_way_band(
    blocks: Iterable[NDArray[Any]],
    *,
    seed: int = 0,
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
    differences: bool = False,
) -> Band | None:
    """Return the mean over dies and sequences with its interval for other dies and sequences.

    Both are drawn again with replacement, each on its own, and every pair of them counts as often
    as the product says (A. B. Owen, Annals of Applied Statistics 1, 386, 2007: the pigeonhole
    bootstrap, whose variance is never too small). The interval's ends are percentiles of the draws,
    taken further out as a t interval's of so many dies and sequences are (T. C. Hesterberg, The
    American Statistician 69, 371, 2015, section 3.3).

    Of more than 8192 dies, and more than there are sequences, only moments are kept: what a draw of
    so many adds up to by sequence is normal, with the mean and covariance of such draws.

    Parameters
    ----------
    blocks
        Consecutive dies: (die, sequence) numbers, 1 where a die is right and 0 where not, or
        differences of these at two points, on the same dies and sequences.
    seed
        Of the draws.
    differences
        Whether the numbers are differences of 0 and 1, from -1 to 1, and not 0 and 1 themselves.

    Returns
    -------
    The mean and its interval; None without dies. Numbers that are all alike tell nothing of a
    spread: then the interval is `clopper_pearson`'s for as many units as there are dies or
    sequences, whichever are fewer, where the numbers are 0 or 1; of differences it is what units
    that `clopper_pearson` leaves room for would move the mean by, to either side.
    """
    dies = CrossedMean()
    for block in blocks:
        dies.add(block)
    return dies.band(seed=seed, draws=draws, confidence=confidence, differences=differences)


@final
class CrossedMean:
    """What `two_way_band` rests on, block by block: the dies themselves, or of many their moments.

    Several of them can be fed by one pass over the dies.
    """

    def __init__(self) -> None:
        self._n, self._means = 0, list[NDArray[np.float64]]()
        self._kept: list[NDArray[Any]] | None = []
        self._column = self._products = np.zeros(0)

    def add(self, block: NDArray[Any]) -> None:
        """Add (die, sequence) numbers of the dies that come next."""
        for first in range(0, len(block), _BLOCK):
            self._add(block[first : first + _BLOCK])

    def band(
        self,
        *,
        seed: int = 0,
        draws: int = DRAWS,
        confidence: float = CONFIDENCE,
        differences: bool = False,
    ) -> Band | None:
        """Return the mean with its interval, as `two_way_band` has them."""
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
        if not self._n:
            return None
        n_dies, n_sequences = self._n, len(self._column)
        column, rows = self._column, np.concatenate(self._means)
        mean = float(column.sum()) / (n_dies * n_sequences)
        if rows.min() == rows.max() and column.min() == column.max():
            return _all_alike(mean, min(n_dies, n_sequences), confidence, differences=differences)
        tail = _tail(rows, column / n_dies, confidence)
        again = self._again(rng, draws)
        weights = _counts(rng, np.full(draws, n_sequences), n_sequences)
        means = np.einsum("ds,ds->d", again, weights) / (n_dies * n_sequences)
        low, high = np.quantile(means, [tail, 1 - tail])
        return Band(value=mean, low=float(low), high=float(high))

    def _add(self, part: NDArray[Any]) -> None:
        if not self._n:
            self._column = np.zeros(part.shape[1])
        self._n += len(part)
        if part.dtype.kind == "f":
            self._column += part.sum(axis=0)
            self._means.append(part.mean(axis=1))
        else:
            # Whole numbers, whose sums single precision has too, several times as fast.
            numbers = part.astype(np.float32)
            self._column += np.ones(len(part), np.float32) @ numbers
            sums = numbers @ np.ones(part.shape[1], np.float32)
            self._means.append(sums.astype(np.float64) / part.shape[1])
        if self._kept is None:
            self._multiply(part)
            return
        self._kept.append(part)
        if self._n > max(_MANY, part.shape[1]):
            self._products = np.zeros((part.shape[1], part.shape[1]))
            for kept in self._kept:
                self._multiply(kept)
            self._kept = None

    def _multiply(self, part: NDArray[Any]) -> None:
        # Sums of so few ones are whole numbers in single precision too.
        numbers = part.astype(np.float32)
        self._products += numbers.T @ numbers

    def _again(self, rng: np.random.Generator, draws: int) -> NDArray[np.float64]:
        """Return (draw, sequence) sums over dies that are drawn with replacement."""
        found = np.zeros((draws, len(self._column)))
        if self._kept is None:
            spread = self._products - np.outer(self._column, self._column) / self._n
            sizes, ways = np.linalg.eigh(spread)
            normal = rng.standard_normal(found.shape) * np.sqrt(np.maximum(sizes, 0))
            return np.asarray(self._column + normal @ ways.T)
        left = np.full(draws, self._n)
        behind = self._n
        for part in self._kept:
            here = rng.binomial(left, len(part) / behind)
            left, behind = left - here, behind - len(part)
            found += _counts(rng, here, len(part)) @ part
        return found


def mean_band(values: NDArray[np.float64], confidence: float = CONFIDENCE) -> Band | None:
    """Return the mean over dies, with Student's interval: for other dies, and these sequences."""
    n = len(values)
    if n < 2:
        return None
    mean = float(values.mean())
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))
    return Band(value=mean, low=mean - half, high=mean + half)


def _counts(rng: np.random.Generator, draws: NDArray[np.int64], kinds: int) -> NDArray[np.float64]:
    """Return (draw, kind): how often each of `kinds` comes in each number of draws."""
    cells = np.repeat(np.arange(len(draws)) * kinds, draws)
    cells += rng.integers(kinds, size=len(cells))
    found = np.bincount(cells, minlength=len(draws) * kinds)
    return found.reshape(len(draws), kinds).astype(np.float64)


def _all_alike(mean: float, units: int, confidence: float, *, differences: bool) -> Band:
    if differences and mean in {-1.0, 0.0, 1.0}:
        others = clopper_pearson(0, units, confidence).high
        low, high = (mean + sign * others * (1 + abs(mean)) for sign in (-1, 1))
        return Band(value=mean, low=max(-1.0, low), high=min(1.0, high))
    if mean not in {0.0, 1.0}:
        return Band(value=mean, low=mean, high=mean)
    return clopper_pearson(round(mean * units), units, confidence)


def _tail(rows: NDArray[np.float64], columns: NDArray[np.float64], confidence: float) -> float:
    """Return the share of draws beyond each end, for the numbers of dies and sequences."""
    parts = [(float(m.var(ddof=1)) / len(m), len(m)) for m in (rows, columns) if len(m) > 1]
    total = sum(variance for variance, _ in parts)
    drawn = sum(variance * (n - 1) / n for variance, n in parts)
    freedom = total**2 / sum(variance**2 / (n - 1) for variance, n in parts)
    quantile = float(stats.t.ppf((1 + confidence) / 2, freedom))
    return float(stats.norm.cdf(-quantile * math.sqrt(total / drawn)))
