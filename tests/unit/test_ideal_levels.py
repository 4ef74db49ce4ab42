"""The recurrences: their ties, their limits and what each cell does by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mru_hw.model.memory import FQ_BMRU
from mru_hw.model.memory import recurrence as levels

Floats = NDArray[np.float64]


def column(values: list[float]) -> Floats:
    """One die, one unit, one sequence."""
    return np.array(values, np.float64).reshape(1, 1, -1, 1)


def steps_of(values: list[float], beta: float) -> list[int]:
    found = levels.signed_step(column(values), beta, beta)
    return [int(step) for step in found.ravel()]


def test_threshold_itself_is_a_step_on_both_sides() -> None:
    below = float(np.nextafter(0.5, 0))
    assert steps_of([0.5, below, 0.0, -below, -0.5], 0.5) == [1, 0, 0, 0, -1]


def test_zero_candidate_at_zero_threshold_steps_up() -> None:
    assert steps_of([0.0, -0.0, -1e-300], 0.0) == [1, 1, -1]


@given(
    st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=60),
    st.integers(1, 200) | st.none(),
    st.integers(-1, 1),
)
def test_cumulative_levels_equal_the_sentence_of_the_design(
    moves: list[int], limit: int | None, start: int
) -> None:
    steps, top = np.array(moves, np.int8).reshape(1, 1, -1, 1), np.inf if limit is None else limit
    found = levels.ladder(steps, np.array([[float(start)]]), (-top, top))
    level, expected = start, []
    for move in moves:
        level += move
        level = level if limit is None else max(-limit, min(limit, level))
        expected.append(level)
    assert found.ravel().tolist() == expected


def test_levels_beyond_a_byte_are_counted() -> None:
    steps, start = np.ones((1, 1, 300, 1), np.int8), np.zeros((1, 1))
    assert levels.ladder(steps, start, (-np.inf, np.inf))[-1].item() == 300
    assert levels.ladder(steps, start, (-200.0, 200.0))[-1].item() == 200


@pytest.mark.parametrize("start", [-1.0, 0.0, 1.0])
def test_bistable_level_is_the_last_sign(start: float) -> None:
    steps = np.array([0, 1, 1, 0, -1, 0, 1], np.int8).reshape(1, 1, -1, 1)
    found = levels.ladder(steps, np.array([[start]]), (-1.0, 1.0), 2)
    assert found.ravel().tolist() == [int(start), 1, 1, 1, -1, -1, 1]


@pytest.mark.parametrize("start", [0, 1])
def test_bit_sets_holds_and_clears(start: int) -> None:
    lo, hi = np.full((1, 1, 1, 1), 1.0), np.full((1, 1, 1, 1), 2.0)
    c = column([1.0, 1.999, 2.0, 1.0, 0.999, 1.5])
    found = FQ_BMRU.follow(c, hi, lo, np.array([[float(start)]]), None)
    assert found.ravel().tolist() == [start, start, 1, 1, 0, 0]


def test_hysteresis_opens_with_the_width() -> None:
    rng = np.random.default_rng(0)
    c = np.abs(np.cumsum(rng.normal(size=(1, 1, 400, 50)), axis=2))
    lo = np.full((1, 1, 1, 1), 1.0)
    flips = []
    for width in (0.0, 0.5, 2.0, 8.0):
        bits = FQ_BMRU.follow(c, lo + width, lo, np.zeros((1, 1)), None)
        flips.append(int((bits[1:] != bits[:-1]).sum()))
    assert flips == sorted(flips, reverse=True)
    assert flips[0] > flips[-1]


def test_relaxed_ladder_climbs_by_its_sizes_within_the_limit() -> None:
    steps = np.array([1, 1, 0, -1, -1], np.int8).reshape(1, 1, -1, 1)
    size = column([0.5, 2.0, 9.0, 0.25, 4.0])
    found = levels.relaxed_ladder(steps, size, np.array([[0.25]]), 2)
    assert found.ravel().tolist() == [0.75, 2.0, 2.0, 1.75, -2.0]
    free = levels.relaxed_ladder(steps, size, np.array([[0.25]]), None)
    assert free.ravel().tolist() == [0.75, 2.75, 2.75, 2.5, -1.5]
