"""Shares of dies: intervals for what was counted, and for what counting alone does not show.

A die passes or does not, so passing dies among independent dies are binomial. Whether it passes
was seen on a finite set of sequences: `beta_binomial` looks behind that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

CONFIDENCE = 0.95
"""Of every interval of a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """An estimate with its interval.

    Attributes
    ----------
    value
        The estimate.
    low, high
        Ends of the interval, of the confidence that whoever made it asked for.
    """

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def clopper_pearson(passed: int, n: int, confidence: float = CONFIDENCE) -> Band:
    """Return the share of dies that pass, with its exact interval.

    The interval covers the true share at least as often as `confidence` says, whatever the share
    is (C. J. Clopper, E. S. Pearson, Biometrika 26, 404, 1934). The dies are independent.
    """
    tail = (1 - confidence) / 2
    low = float(special.betaincinv(passed, n - passed + 1, tail)) if passed else 0.0
    high = float(special.betaincinv(passed + 1, n - passed, 1 - tail)) if passed < n else 1.0
    return Band(value=passed / n, low=low, high=high)


def dies_without_failure(share: float = 0.95, confidence: float = CONFIDENCE) -> int:
    """Return how many dies must pass, without one that fails, to show a yield of `share`.

    With `confidence`, one-sided: the least n at which ``share ** n <= 1 - confidence``.
    """
    return math.ceil(math.log(1 - confidence) / math.log(share))


def dies_to_decide(passed: int, n: int, share: float, most: int = 100_000) -> int | None:
    """Return how many dies would tell on which side of `share` a yield lies.

    The least number above `n` at which the interval of `clopper_pearson` leaves `share` out, if as
    large a part of the dies passes as of the `n` that ran; None where `most` would not tell.
    """
    if passed == n * share:
        return None
    tail = (1 - CONFIDENCE) / 2
    first, span = n + 1, 1024
    while first <= most:
        dies = np.arange(first, min(first + span, most + 1))
        kept = np.rint(passed / n * dies)
        with np.errstate(invalid="ignore"):
            low = np.where(kept > 0, special.betaincinv(kept, dies - kept + 1, tail), 0.0)
            high = np.where(kept < dies, special.betaincinv(kept + 1, dies - kept, 1 - tail), 1.0)
        found = np.flatnonzero((low >= share) | (high < share))
        if len(found):
            return int(dies[found[0]])
        first, span = first + span, 2 * span
    return None


def dies_for_width(half: float, share: float = 0.95, confidence: float = CONFIDENCE) -> int:
    """Return how many dies know a yield near `share` to within `half` on both sides.

    From the normal approximation of the binomial, ``z² p (1 - p) / half²``.
    """
    z = float(stats.norm.ppf((1 + confidence) / 2))
    return math.ceil(z**2 * share * (1 - share) / half**2)


def paired_shares(
    first: NDArray[np.bool_], second: NDArray[np.bool_], confidence: float = CONFIDENCE
) -> tuple[Band, float]:
    """Compare the shares of the same dies that pass at two points.

    Only dies that pass at one point and not at the other tell the points apart.

    Parameters
    ----------
    first, second
        (die,) whether each passes, the same dies in the same order.

    Returns
    -------
    difference
        The second share less the first. The interval is Wald's after half a pair was added to
        each of the four kinds (A. Agresti, Y. Min, Statistics in Medicine 24, 729, 2005).
    p
        Probability of a split of the discordant dies as uneven, were both shares equal
        (McNemar's test, exact).
    """
    n = len(first)
    gained, lost = int((~first & second).sum()), int((first & ~second).sum())
    p = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    up, down, total = gained + 0.5, lost + 0.5, n + 2
    middle = (up - down) / total
    spread = math.sqrt((up + down) / total - middle**2) / math.sqrt(total)
    z = float(stats.norm.ppf((1 + confidence) / 2))
    ends = (max(-1.0, middle - z * spread), min(1.0, middle + z * spread))
    return Band(value=(gained - lost) / n, low=ends[0], high=ends[1]), p


def beta_binomial(
    right: NDArray[np.int64], n_sequences: int, limit: float, confidence: float = CONFIDENCE
) -> Band | None:
    """Estimate the share of dies whose accuracy on sequences not yet seen is at least `limit`.

    The raw yield compares with the limit what each die reached on the sequences at hand, where one
    point of accuracy may be three sequences of 300. Here each die has an accuracy of its own, the
    dies' accuracies follow a beta distribution, and what a die has right among the sequences is
    binomial. Both parameters are the likeliest; the interval is the delta method's, on the scale
    of the logit, and tells of the finite number of dies.

    Parameters
    ----------
    right
        (die,) sequences that each die decides rightly.
    n_sequences
        Sequences that each die was run on.

    Returns
    -------
    The estimate, or None where the dies differ no more than sequences alone make them differ: then
    nothing can be said of their spread.
    """
    counts, dies = np.unique(right, return_counts=True)
    share = float(np.average(counts, weights=dies)) / n_sequences
    variance = float(np.average((counts - share * n_sequences) ** 2, weights=dies))
    binomial = n_sequences * share * (1 - share)
    if len(counts) == 1 or n_sequences < 2 or variance <= binomial:
        return None
    rho = min(0.999, (variance / binomial - 1) / (n_sequences - 1))

    def minus_log_likelihood(at: NDArray[np.float64]) -> float:
        a, b = _beta(at)
        terms = special.betaln(counts + a, n_sequences - counts + b) - special.betaln(a, b)
        return -float(np.dot(dies, terms))

    start = np.array([special.logit(share), math.log(1 / rho - 1)])
    # Far out, where the dies are all alike or each all right or all wrong, the likelihood is flat.
    bounds = [(-15.0, 15.0), (-6.0, 15.0)]
    found = optimize.minimize(minus_log_likelihood, start, method="L-BFGS-B", bounds=bounds).x
    if found[1] >= bounds[1][1] - 1:
        return None

    def passing(at: NDArray[np.float64]) -> float:
        a, b = _beta(at)
        logit: float = special.logit(np.clip(special.betaincc(a, b, limit), 1e-300, 1 - 1e-16))
        return logit

    step = np.array([1e-2, 1e-2])
    covariance = np.linalg.pinv(_hessian(minus_log_likelihood, found, step))
    slope = _gradient(passing, found, step)
    spread = math.sqrt(max(0.0, float(slope @ covariance @ slope)))
    z = float(stats.norm.ppf((1 + confidence) / 2))
    middle = passing(found)
    value, low, high = (
        float(special.expit(middle + offset)) for offset in (0.0, -z * spread, z * spread)
    )
    return Band(value=value, low=low, high=high)


def _beta(at: NDArray[np.float64]) -> tuple[float, float]:
    """Return both parameters of a beta distribution from the logit of its mean and log(a + b)."""
    mean, total = float(special.expit(at[0])), math.exp(at[1])
    return mean * total, (1 - mean) * total


_Function = Callable[[NDArray[np.float64]], float]


def _gradient(
    function: _Function, at: NDArray[np.float64], step: NDArray[np.float64]
) -> NDArray[np.float64]:
    moves = np.diag(step)
    return np.array(
        [(function(at + move) - function(at - move)) / (2 * move.sum()) for move in moves]
    )


def _hessian(
    function: _Function, at: NDArray[np.float64], step: NDArray[np.float64]
) -> NDArray[np.float64]:
    columns = [
        (_gradient(function, at + move, step) - _gradient(function, at - move, step))
        / (2 * move.sum())
        for move in np.diag(step)
    ]
    whole: NDArray[np.float64] = np.array(columns)
    return np.array((whole + whole.T) / 2)
