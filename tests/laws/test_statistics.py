"""Intervals against laws whose answer is known: how often they cover it in many repetitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from mru_hw.statistics.crossed import mean_band, two_way_band
from mru_hw.statistics.shares import (
    Band,
    beta_binomial,
    clopper_pearson,
    dies_for_width,
    dies_without_failure,
    paired_shares,
)
from mru_hw.sweeps.statistics.spread import capability, percentile_bands, percentiles
from mru_hw.sweeps.statistics.stopping import (
    Until,
    coverage,
    make_rule,
    raised_confidence,
)

TIMES = 1000
COVERS = (0.93, 0.97)
Draw = Callable[[np.random.Generator], Band | None]


def of_yield(rng: np.random.Generator) -> Band:
    return clopper_pearson(int(rng.binomial(1000, 0.95)), 1000)


def behind_the_sequences(rng: np.random.Generator) -> Band | None:
    return beta_binomial(rng.binomial(300, rng.beta(60, 3, 200)), 300, 0.9)


def of_a_mean_over_dies(rng: np.random.Generator) -> Band | None:
    return mean_band(rng.beta(60, 3, 50))


def of_a_capability(rng: np.random.Generator) -> Band | None:
    found = capability(rng.standard_normal(200), None, 3.9)
    return None if found is None else found.cpk


def of_a_difference(rng: np.random.Generator) -> Band:
    shared = rng.random(1000)
    band, _ = paired_shares(shared < 0.95, (shared < 0.97) & (rng.random(1000) < 0.9))
    return band


def of_a_percentile(rng: np.random.Generator) -> Band | None:
    return percentile_bands(rng.standard_normal(1000), (10,))["p10"]


def crossed(rng: np.random.Generator, dies: int, sequences: int) -> NDArray[np.float64]:
    """Rights and wrongs whose log odds are a die's part and a sequence's part."""
    odds = 2.5 + 0.5 * rng.standard_normal((dies, 1)) + 1.2 * rng.standard_normal((1, sequences))
    return np.where(rng.random((dies, sequences)) < special.expit(odds), 1.0, 0.0)


def of_a_mean(rng: np.random.Generator) -> Band | None:
    return two_way_band([crossed(rng, 64, 100)], seed=int(rng.integers(1 << 30)), draws=500)


def mean_of_the_crossed() -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    together = np.sqrt(0.5**2 + 1.2**2)
    return float(weights @ special.expit(2.5 + together * nodes) / weights.sum())


LAWS: list[tuple[Draw, float]] = [
    (of_yield, 0.95),
    (behind_the_sequences, float(special.betaincc(60, 3, 0.9))),
    (of_a_mean_over_dies, 60 / 63),
    (of_a_capability, 1.3),
    (of_a_difference, 0.97 * 0.9 - 0.95),
    (of_a_percentile, float(stats.norm.ppf(0.1))),
    (of_a_mean, mean_of_the_crossed()),
]


@pytest.mark.parametrize(("draw", "truth"), LAWS, ids=[draw.__name__ for draw, _ in LAWS])
def test_intervals_cover_what_is_true(draw: Draw, truth: float) -> None:
    rng = np.random.default_rng(1)
    bands = [draw(rng) for _ in range(TIMES)]
    covered = [band is not None and band.low <= truth <= band.high for band in bands]
    assert COVERS[0] <= np.mean(covered) <= COVERS[1]


def test_the_raw_yield_is_of_the_sequences_and_not_of_the_dies() -> None:
    # Dies near 95 % of 300 sequences: what is counted is far from the share of dies above 92 %.
    rng = np.random.default_rng(2)
    truth = float(special.betaincc(190, 10, 0.92))
    right = rng.binomial(300, rng.beta(190, 10, 4000))
    raw = clopper_pearson(int((right >= 0.92 * 300).sum()), 4000)
    estimate = beta_binomial(right, 300, 0.92)
    assert raw.high < truth - 0.02
    assert estimate is not None
    assert estimate.low < truth < estimate.high


def test_dies_alone_make_too_narrow_an_interval() -> None:
    rng = np.random.default_rng(3)
    truth, both, dies = mean_of_the_crossed(), 0, 0
    for k in range(200):
        right = crossed(rng, 64, 100)
        wide, narrow = two_way_band([right], seed=k, draws=300), mean_band(right.mean(axis=1))
        assert wide is not None
        assert narrow is not None
        both += wide.low <= truth <= wide.high
        dies += narrow.low <= truth <= narrow.high
    assert both > 180
    assert dies < 150


def test_blocks_of_dies_are_one_matrix() -> None:
    right = crossed(np.random.default_rng(4), 200, 30)
    whole = two_way_band([right], draws=4000)
    parts = two_way_band([right[:30], right[30:]], draws=4000)
    assert whole is not None
    assert parts is not None
    assert whole.value == parts.value == pytest.approx(right.mean())
    assert parts.low == pytest.approx(whole.low, abs=0.1 * whole.half)
    assert parts.high == pytest.approx(whole.high, abs=0.1 * whole.half)


@pytest.mark.parametrize("dies", [200, 9000])
def test_numbers_of_any_type_have_one_band(dies: int) -> None:
    """Sums of whole numbers in single precision are those in double precision, to the bit."""
    rng = np.random.default_rng(7)
    right, other = (crossed(rng, dies, 40) for _ in range(2))
    for numbers, kind in ((right, np.bool_), (right - other, np.int8)):
        blocks = [numbers[:77], numbers[77:]]
        exact = two_way_band(blocks, differences=True)
        assert exact is not None
        assert exact.value == pytest.approx(numbers.mean(), rel=1e-12)
        assert two_way_band([one.astype(kind) for one in blocks], differences=True) == exact


def test_ends_of_a_percentile_are_dies_by_their_order() -> None:
    """Of 1000 dies P10 lies between the 82nd and the 120th, by the binomial distribution."""
    bands = percentile_bands(np.random.default_rng(8).permutation(1000.0 * np.arange(1, 1001)))
    assert list(bands) == [f"p{percent}" for percent in (1, 5, 10, 25, 50, 75, 90, 95, 99)]
    assert bands["p10"] == Band(value=100_900.0, low=82_000.0, high=120_000.0)
    # Five dies have none: the least and the largest of them may both lie on one side of the median.
    assert percentile_bands(np.arange(5.0)) == {}


@pytest.mark.parametrize("differences", [False, True])
def test_moments_of_many_dies_say_what_drawing_them_says(
    differences: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both of 9000 dies: they differ by less than the luck of the draws, a percent or so."""
    rng = np.random.default_rng(6)
    numbers: NDArray[Any] = crossed(rng, 9000, 40).astype(np.bool_)
    if differences:
        numbers = numbers.astype(np.int8) - crossed(rng, 9000, 40).astype(np.int8)
    blocks = [numbers[:1000], numbers[1000:8500], numbers[8500:]]
    many = two_way_band(blocks, draws=20_000, differences=differences)
    monkeypatch.setattr("mru_hw.statistics.crossed._MANY", 10_000)
    drawn = two_way_band(blocks, draws=20_000, differences=differences)
    assert many is not None
    assert drawn is not None
    assert many.value == drawn.value == pytest.approx(numbers.mean(), rel=1e-12)
    assert many.low == pytest.approx(drawn.low, abs=0.03 * drawn.half)
    assert many.high == pytest.approx(drawn.high, abs=0.03 * drawn.half)
    assert many.low != drawn.low


def test_common_dies_save_dies() -> None:
    """A difference on the same dies and sequences, against one on others."""
    rng = np.random.default_rng(5)
    odds = 2.5 + 0.8 * rng.standard_normal((100, 1)) + 1.2 * rng.standard_normal((1, 200))
    luck = rng.random((100, 200))
    first, second = (luck < special.expit(odds + shift) for shift in (0.0, -0.2))
    paired = two_way_band([second.astype(float) - first])
    alone = two_way_band([first.astype(float)])
    assert paired is not None
    assert alone is not None
    assert paired.high < 0
    # Unpaired, both means would have the width of `alone`.
    assert (np.sqrt(2) * alone.half / paired.half) ** 2 > 10


def test_what_is_all_alike_has_an_interval_still() -> None:
    band = two_way_band([np.ones((20, 300))])
    assert band is not None
    assert (band.value, band.high) == (1, 1)
    assert band.low == pytest.approx(0.025 ** (1 / 20))
    assert two_way_band([]) is None
    # A difference may fall to either side.
    equal = two_way_band([np.zeros((20, 300))], differences=True)
    assert equal is not None
    assert (equal.value, equal.low) == (0, -equal.high)
    assert equal.high == pytest.approx(1 - 0.025 ** (1 / 20))
    better = two_way_band([np.ones((20, 300))], differences=True)
    assert better is not None
    assert (better.value, better.high) == (1, 1)
    assert better.low == pytest.approx(1 - 2 * equal.high)
    assert beta_binomial(np.full(50, 290), 300, 0.9) is None
    # Dies that differ less than the sequences would make them.
    assert beta_binomial(np.array([285, 286] * 20), 300, 0.9) is None
    assert capability(np.ones(50), None, 2.0) is None
    assert capability(np.arange(50.0), None, None) is None


def test_figures_that_books_have() -> None:
    assert dies_without_failure(0.95, 0.95) == 59
    assert dies_for_width(0.01, 0.95) == 1825
    # R, binom.test(19, 20): 0.7512672 to 0.9987349.
    band = clopper_pearson(19, 20)
    assert band.low == pytest.approx(0.7512672, abs=1e-7)
    assert band.high == pytest.approx(0.9987349, abs=1e-7)
    assert clopper_pearson(0, 59).low == 0
    assert clopper_pearson(59, 59).high == 1
    # McNemar, exact, of 10 and 2 discordant pairs: 2 * P(X <= 2), X ~ B(12, 1/2).
    first = np.array([True] * 10 + [False] * 2 + [True] * 8)
    second = np.array([False] * 10 + [True] * 2 + [True] * 8)
    difference, p = paired_shares(first, second)
    assert difference.value == pytest.approx(-8 / 20)
    assert p == pytest.approx(2 * (1 + 12 + 66) / 4096)
    assert percentiles(np.arange(101.0))["p99"] == 99
    found = capability(np.array([9.0, 10, 11] * 10), 7.0, 13.0)
    assert found is not None
    assert found.cpk.value == pytest.approx(3 / (3 * np.std([9.0, 10, 11] * 10, ddof=1)))
    assert found.normal_p < 0.01


# ------------------------------------------------------------------------------ with a stop on


@pytest.mark.parametrize(
    ("half", "most", "truth"), [(0.02, 3000, 0.95), (0.02, 3000, 0.8), (0.05, 1000, 0.85)]
)
def test_a_yield_that_stopped_the_sweep_is_covered(half: float, most: int, truth: float) -> None:
    rule, rng = make_rule(Until(figure="yield", half=half), most), np.random.default_rng(6)
    covered = []
    for _ in range(TIMES):
        passed = (rng.random(most) < truth).astype(np.float64)
        found = rule.judge(passed)
        assert found.band is not None
        assert found.band.half <= half
        covered.append(found.band.low <= truth <= found.band.high)
    assert COVERS[0] <= np.mean(covered) <= COVERS[1] + 0.01
    exact = coverage(half, most, raised_confidence(half, most), truth)
    assert np.mean(covered) == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize(("half", "most"), [(0.01, 4000), (0.05, 1000), (0.1, 300)])
def test_no_yield_is_covered_less_than_said(half: float, most: int) -> None:
    confidence = raised_confidence(half, most)
    shares = np.random.default_rng(7).uniform(0.5, 1, 150)
    covered = [coverage(half, most, confidence, share) for share in shares]
    assert min(covered) >= 0.95 - 0.002
    # The same schedule with the usual interval covers less at some yield.
    assert min(coverage(half, most, 0.95, 1 - 2 * half * k) for k in (0.9, 1.0, 1.1)) < 0.945


@pytest.mark.parametrize("half", [0.003, 0.005, 0.01])
def test_an_accuracy_that_stopped_the_sweep_is_covered(half: float) -> None:
    rule, rng = make_rule(Until(figure="accuracy", half=half), 4000), np.random.default_rng(8)
    covered = []
    for _ in range(TIMES):
        found = rule.judge(rng.binomial(300, rng.beta(60, 3, 4000)) / 300)
        assert found.band is not None
        assert found.reached
        covered.append(found.band.low <= 60 / 63 <= found.band.high)
    assert COVERS[0] <= np.mean(covered) <= COVERS[1]
