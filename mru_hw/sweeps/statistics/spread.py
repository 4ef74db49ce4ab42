"""How a figure spreads over the dies: percentiles, and capability where a limit is set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mru_hw.statistics.shares import CONFIDENCE, Band

PERCENTS = (1, 5, 10, 25, 50, 75, 90, 95, 99)
"""The percentiles of a report."""
_SHAPIRO = 5000
"""Dies up to which the p of Shapiro's and Wilk's test is accurate."""
FEWEST = 8
"""Dies that a capability is told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """How far a figure's limits lie from its mean, in units of three standard deviations.

    Attributes
    ----------
    cpk
        The index with its interval.
    normal_p
        Probability of dies as far from a normal distribution, were it one. Where it is small, the
        index says nothing of the yield.
    test
        Whose test that is.
    """

    cpk: Band
    normal_p: float
    test: str


def percentiles(values: NDArray[np.float64]) -> dict[str, float]:
    """Return P1 to P99, by name; linear between dies."""
    found = np.percentile(values, PERCENTS)
    return {f"p{percent}": float(value) for percent, value in zip(PERCENTS, found, strict=True)}


def percentile_bands(
    values: NDArray[np.float64],
    percents: Sequence[float] = PERCENTS,
    confidence: float = CONFIDENCE,
) -> dict[str, Band]:
    """Return percentiles by name, with intervals that hold for any distribution of the dies.

    Their ends are dies themselves, by their order; a percentile is left out where there are too few
    dies for one.
    """
    n, tail = len(values), (1 - confidence) / 2
    lows, highs = (
        stats.binom.ppf(share, n, np.array(percents) / 100).astype(int)
        for share in (tail, 1 - tail)
    )
    ordered = np.sort(values)
    return {
        f"p{percent}": Band(
            value=float(value), low=float(ordered[low - 1]), high=float(ordered[high])
        )
        for percent, value, low, high in zip(
            percents, np.percentile(ordered, percents), lows, highs, strict=True
        )
        if low >= 1 and high < n
    }


def capability(
    values: NDArray[np.float64],
    least: float | None,
    most: float | None,
    confidence: float = CONFIDENCE,
) -> Capability | None:
    """Return how capable the dies are of a figure that is near normal, as currents are.

    ``cpk`` is the least of ``(most - mean) / 3 s`` and ``(mean - least) / 3 s``. Its interval is
    the approximation of A. F. Bissell, Applied Statistics 39, 331, 1990.

    Returns
    -------
    None without a limit, of fewer than eight dies, or where all dies are alike.
    """
    n, mean = len(values), float(values.mean()) if len(values) else 0.0
    deviation = float(values.std(ddof=1)) if n > 1 else 0.0
    sides: Sequence[float] = [
        *(() if most is None else (most - mean,)),
        *(() if least is None else (mean - least,)),
    ]
    if not sides or n < FEWEST or deviation <= 1e-12 * abs(mean):
        return None
    index = min(sides) / (3 * deviation)
    spread = math.sqrt(1 / (9 * n) + index**2 / (2 * (n - 1)))
    z = float(stats.norm.ppf((1 + confidence) / 2))
    band = Band(value=index, low=index - z * spread, high=index + z * spread)
    scaled = (values - mean) / deviation
    few = n <= _SHAPIRO
    p = float((stats.shapiro if few else stats.normaltest)(scaled).pvalue)
    return Capability(cpk=band, normal_p=p, test="Shapiro-Wilk" if few else "D'Agostino-Pearson")
