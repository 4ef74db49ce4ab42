"""Noise draws: their generator, their law, and that a counter alone names each of them."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import norm

from mru_hw.variation import NoiseKey
from mru_hw.variation.noise import (
    LARGEST,
    ROUNDS,
    coefficients,
    mixed,
    next_key,
    normal,
    normal_at,
    philox,
)

ONES = 0xFFFFFFFF
# kat_vectors of Random123 1.14, https://github.com/DEShawResearch/random123: counter, key, output.
KNOWN = [
    (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def words(text: str) -> list[Any]:
    return [np.array([int(word, 16)], np.uint64) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_words_are_those_that_philox_is_published_with(counter: str, key: str, answer: str) -> None:
    a, b, c, d, k0, k1 = words(f"{counter} {key}")
    found = philox(a, b, c, d, k0, k1)
    assert [f"{int(word[0]):08x}" for word in found] == answer.split()


def test_a_normal_number_is_its_words_quantile() -> None:
    rng = np.random.default_rng(1)
    edges = np.array([0, 1, 2, 3, ONES, ONES - 1, ONES - 2], np.uint64)
    # As many of each octave of the probability, down to the last of them.
    spread = (2.0 ** (rng.random(400_000) * 32)).astype(np.uint64)
    word = np.concatenate([edges, np.arange(1 << 16, dtype=np.uint64), spread])
    found, probability = normal(word), (word | np.uint64(1)) / 2.0**33
    sign = 1.0 - 2.0 * (word & np.uint64(1)).astype(float)
    assert np.max(np.abs(found + sign * ndtri(probability))) < 3e-8
    assert np.abs(found).max() == pytest.approx(LARGEST, abs=1e-3)
    assert np.abs(found).max() < LARGEST
    np.testing.assert_array_equal(normal(word ^ np.uint64(1)), -found)
    np.testing.assert_array_equal(found * 2**28, np.round(found * 2**28))


def test_no_machines_logarithm_moves_a_coefficient() -> None:
    """They are rounded; none lies so near a half that an error of 1e-14 would round it over."""
    exact = np.array(coefficients())
    assert np.abs(exact - np.floor(exact) - 0.5).min() > 1e-14 * np.abs(exact).max()


def test_compiled_scalars_have_the_bits_of_arrays() -> None:
    compiled = {}
    for fast in (False, True):
        made = [numba.njit(one, fastmath=fast) for one in (mixed, next_key, normal)]

        @numba.njit(fastmath=fast)
        def run(
            n: int,
            k: Any,
            m: Any,
            turn: Any = made[0],
            following: Any = made[1],
            law: Any = made[2],
        ) -> Any:
            out = np.empty((4, n))
            for i in range(n):
                key = k, m
                found = np.uint64(i), np.uint64(7), np.uint64(8), np.uint64(9)
                for _ in range(ROUNDS):
                    found = turn(found[0], found[1], found[2], found[3], key[0], key[1])
                    key = following(key[0], key[1])
                for lane in range(4):
                    out[lane, i] = law(found[lane])
            return out

        key = NoiseKey.of(5, 6)
        compiled[fast] = run(1000, key.k0, key.k1)
    several = np.arange(1000, dtype=np.uint64)
    b, c, d = (np.full(1000, value, np.uint64) for value in (7, 8, 9))
    found = [normal(word) for word in philox(several, b, c, d, key.k0, key.k1)]
    np.testing.assert_array_equal(compiled[False], found)
    np.testing.assert_array_equal(compiled[True], found)


def test_a_counter_alone_names_a_draw() -> None:
    key, sequences = NoiseKey.of(2**63 - 1, 1 << 40), np.array([3, 900, 4])
    frames = np.arange(700)[:, None]
    whole = key.draws(2, sequences, frames, 7)
    part = key.draws(2, sequences[1:2], frames[90:103], 7)
    np.testing.assert_array_equal(part, whole[:, 90:103, 1:2])
    np.testing.assert_array_equal(key.draws(2, sequences, frames, 5), whole[:5])
    unit, frame, sequence = (np.array(v, np.uint64) for v in ([0, 3, 6], [0, 99, 699], [3, 4, 900]))
    one = normal_at(key.k0, key.k1, np.uint64(2), sequence, frame, unit)
    np.testing.assert_array_equal(one, whole[[0, 3, 6], [0, 99, 699], [0, 2, 1]])


@pytest.mark.parametrize("seed", [(0, 0), (1, 0), (0, 1), (2**32, 0), (0, 2**32), (7, 2**63 - 1)])
def test_draws_are_normal_and_neighbours_are_independent(seed: tuple[int, int]) -> None:
    x = NoiseKey.of(*seed).draws(1, np.arange(50), np.arange(500)[:, None], 40)
    n = x.size
    for power, moment, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(x**power) - moment) < 4.5 * np.sqrt(spread / n)
    for sigmas in (1, 2, 3, 4, 5):
        wanted = n * 2 * norm.sf(sigmas)
        assert abs(np.sum(np.abs(x) > sigmas) - wanted) < 4.5 * np.sqrt(wanted) + 1
    shares = np.histogram(norm.cdf(x), 256, (0, 1))[0] * (256 / n)
    assert np.sum((shares - 1) ** 2) * (n / 256) < 255 + 4.5 * np.sqrt(2 * 255)
    for axis in range(3):
        along = np.moveaxis(x, axis, 0)
        for step in (1, 2, 3, 4):
            a, b = along[step:], along[:-step]
            for f, g in ((a, b), (a**2 - 1, b**2 - 1)):
                scale = np.sqrt(np.mean(f * f) * np.mean(g * g))
                assert abs(np.mean(f * g)) < 4.5 * scale / np.sqrt(f.size)


def test_seeds_dies_and_streams_share_nothing() -> None:
    def draw(seed: int, die: int, stream: int) -> Any:
        return (
            NoiseKey.of(seed, die).draws(stream, np.arange(20), np.arange(100)[:, None], 40).ravel()
        )

    kinds = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 2**32, 0), (2**32, 0, 0)]
    x = np.array([draw(*kind) for kind in kinds])
    correlation = np.corrcoef(x) - np.eye(len(kinds))
    assert np.abs(correlation).max() < 4.5 / np.sqrt(x.shape[1])
