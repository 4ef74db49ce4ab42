"""Sweeps that end when a figure is known well enough, and intervals that stay true then.

An interval that is looked at again and again, until it is narrow, covers the truth less often than
one of a number of dies that was fixed before. Two rules keep what they promise:

* **yield**: the dies are looked at in a fixed schedule, and the sweep ends at the first look whose
  Clopper-Pearson interval is narrow enough. The interval's confidence is raised until the smallest
  coverage over all true yields, which is computed exactly by following the number of passing dies
  from look to look, is what was asked for (J. Frey, The American Statistician 64, 242, 2010);
* **accuracy**: the first dies tell their variance, and with it how many dies it takes; the interval
  is Student's with that variance (C. Stein, Annals of Mathematical Statistics 16, 243, 1945: exact
  for normal dies, whatever their variance).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from mru_hw.errors import UserError
from mru_hw.statistics.shares import CONFIDENCE, Band, clopper_pearson

FIGURES = ("yield", "accuracy")
PILOT = 60
"""Dies whose variance tells how many an accuracy takes."""
_GROWTH = 1.1
"""From a look to the next one."""
_NARROWEST = 1e-4
_WRITTEN = re.compile(r"\s*(\w+)\s*(?:±|\+-|\+/-)\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """What a sweep runs until.

    Attributes
    ----------
    figure
        One of `FIGURES`.
    half
        Half the width of its interval, at most, as a share.
    """

    figure: str
    half: float

    def __str__(self) -> str:
        return f"{self.figure} ±{100 * self.half:g} %"


def read_until(text: str) -> Until:
    """Read ``yield ±1 %`` or ``accuracy ±0.5 %``; ``+-`` stands for the sign as well.

    Raises
    ------
    UserError
        It is neither.
    """
    found = _WRITTEN.fullmatch(text)
    half = float(found[2]) / 100 if found else 0.0
    if found is None or found[1] not in FIGURES or not _NARROWEST <= half < 0.5:
        wanted = 'a figure and how well to know it, such as "yield ±1 %" or "accuracy ±0.5 %"'
        raise UserError("until", text, wanted)
    return Until(figure=found[1], half=half)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a rule says of the dies so far.

    Attributes
    ----------
    dies
        Dies that it needs next, or those that its interval rests on.
    band
        The interval; None while dies are needed.
    reached
        Whether it is as narrow as was asked for.
    """

    dies: int
    band: Band | None = None
    reached: bool = False


class Rule(Protocol):
    """When one figure of one population of dies is known well enough."""

    def judge(self, values: NDArray[np.float64]) -> Verdict:
        """Return what (die,) values, from the first die on, amount to."""
        ...


def make_rule(until: Until, most: int) -> Rule:
    """Return the rule of a figure, for at most so many dies."""
    if until.figure == "yield":
        return YieldRule(half=until.half, most=most)
    return AccuracyRule(half=until.half, most=most)


@dataclass(frozen=True, slots=True, kw_only=True)
class YieldRule:
    """Look at the dies in a fixed schedule; the last look is at all of them."""

    half: float
    most: int

    def judge(self, values: NDArray[np.float64]) -> Verdict:
        """Return what (die,) values say, 1 for a die that passes and 0 for one that does not."""
        confidence = raised_confidence(self.half, self.most)
        for n in looks(self.half, self.most):
            if len(values) < n:
                return Verdict(dies=n)
            band = clopper_pearson(int(values[:n].sum()), n, confidence)
            if band.half <= self.half or n == self.most:
                return Verdict(dies=n, band=band, reached=band.half <= self.half)
        raise AssertionError("the last look ends it")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyRule:
    """Take from the first dies how many it takes."""

    half: float
    most: int

    def judge(self, values: NDArray[np.float64]) -> Verdict:
        """Return what (die,) accuracies say of their mean, for these sequences."""
        pilot = min(PILOT, self.most)
        if len(values) < pilot:
            return Verdict(dies=pilot)
        quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, max(1, pilot - 1)))
        deviation = float(values[:pilot].std(ddof=1)) if pilot > 1 else math.inf
        needed = (quantile * deviation / self.half) ** 2
        n = self.most if needed > self.most else max(pilot, math.ceil(needed))
        if len(values) < n:
            return Verdict(dies=n)
        mean = float(values[:n].mean())
        # Dies that are all alike tell nothing of a spread: what was asked for is what is told.
        half = quantile * deviation / math.sqrt(n) if deviation else self.half
        half = min(half, 1.0)
        band = Band(value=mean, low=max(0.0, mean - half), high=min(1.0, mean + half))
        return Verdict(dies=n, band=band, reached=half <= self.half * (1 + 1e-9))


@lru_cache(maxsize=64)
def looks(half: float, most: int) -> tuple[int, ...]:
    """Return the numbers of dies at which a yield is looked at.

    The first is that at which dies that all pass are enough; each further one is a tenth more.
    """
    n = math.ceil(math.log((1 - CONFIDENCE) / 2) / math.log(1 - 2 * half))
    found = []
    while n < most:
        found.append(n)
        n = math.ceil(n * _GROWTH)
    return (*found, most)


@lru_cache(maxsize=64)
def raised_confidence(half: float, most: int) -> float:
    """Return the confidence of each look's interval, with which that at the end covers enough.

    The second of two in a row, a thousandth apart, that do so at every yield of a grid.
    """
    shares, enough = _shares(half), 0
    for step in range(1, 50):
        confidence = CONFIDENCE + step / 1000
        covers = all(coverage(half, most, confidence, share) >= CONFIDENCE for share in shares)
        enough = enough + 1 if covers else 0
        if enough > 1:
            return confidence
    return 0.999


def _shares(half: float) -> NDArray[np.float64]:
    """Return true yields to look at: the rule is the same for p and 1 - p."""
    middle = np.linspace(0.5, 1, 24)[:-1]
    # Where dies that all pass end it, the interval's lower end lies near 1 - 2 half.
    near = 1 - 2 * half * np.linspace(0.1, 2, 96)
    # Those where it covers least come first, so that most confidences are refused at once.
    return np.array(np.clip(np.concatenate([near[::-1], middle]), 0.5, 1 - 1e-6))


def coverage(half: float, most: int, confidence: float, share: float) -> float:
    """Return how often the interval at the end of a sweep covers a true yield of `share`.

    Exactly: the distribution of the number of passing dies goes from look to look, less those
    numbers at which the sweep has ended.
    """
    tail = (1 - confidence) / 2
    mass, first, before, covered = np.ones(1), 0, 0, 0.0
    for n in looks(half, most):
        more = n - before
        low, law = _binomial(more, share)
        mass = np.convolve(mass, law)
        first, before = first + low, n
        passed = first + np.arange(len(mass))
        few, many = _ends(n, half, confidence)
        ends = (passed <= few) | (passed >= many) | (n == most)
        # Clopper's and Pearson's interval has the share where neither tail is too small.
        inside = special.bdtr(passed, n, share) >= tail
        inside &= (passed == 0) | (special.bdtrc(np.maximum(passed, 1) - 1, n, share) >= tail)
        covered += float(mass[ends & inside].sum())
        mass = np.where(ends, 0.0, mass)
        left = np.flatnonzero(mass > 1e-15)
        if not len(left):
            break
        mass, first = mass[left[0] : left[-1] + 1], first + int(left[0])
    return covered


def _binomial(n: int, share: float) -> tuple[int, NDArray[np.float64]]:
    """Return the first number that is likely at all, and the probabilities from there on."""
    reach = 9 * math.sqrt(n * share * (1 - share)) + 10
    low, high = max(0, math.floor(n * share - reach)), min(n, math.ceil(n * share + reach))
    k = np.arange(low, high + 1)
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return low, np.exp(ways + k * math.log(share) + (n - k) * math.log1p(-share))


@lru_cache(maxsize=4096)
def _ends(n: int, half: float, confidence: float) -> tuple[int, int]:
    """Return up to and from which number of passing dies, of n, the interval is narrow enough."""

    def narrow(failed: int) -> bool:
        return clopper_pearson(n - failed, n, confidence).half <= half

    if not narrow(0):
        return -1, n + 1
    low, high = 0, n // 2  # narrow at low
    if narrow(high):
        return n, 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if narrow(middle) else (low, middle)
    return low, n - low
