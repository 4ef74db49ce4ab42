"""What the mapping refuses, and the sentence each refusal gives."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from mru_hw.mapping import map_model
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from tests.mistakes import sentence
from tests.networks import draw_model, make_spec

TECHNOLOGY = load_technology("generic180")
CALIBRATION = load_calibration(TECHNOLOGY)


def refusal(cell: str, keys: dict[str, Any], tensors: dict[str, Any]) -> str:
    model = draw_model(make_spec(cell, **keys), 1)
    ones = {n: np.ones_like(v) for n, v in model.tensors.items() if n.endswith((".beta", ".alpha"))}
    changed = dict(model.tensors) | ones | {n: np.asarray(v) for n, v in tensors.items()}
    model = dataclasses.replace(model, tensors=changed)
    return sentence(lambda: map_model(model, TECHNOLOGY, CALIBRATION))


@pytest.mark.parametrize(
    ("cell", "keys", "tensors", "expected"),
    [
        (
            "alpha_cmru",
            {"levels": 2},
            {},
            'layers.0.cell is "alpha_cmru", expected cmru, bmru or fq_bmru: the states of an '
            "alphaCMRU are not quantised, so no row of hysteretic cells holds them.",
        ),
        (
            "bmru",
            {},
            {"layers.1.initial_state": [1.0, 1, 0, 1, -1, 1]},
            "layers.1.initial_state is 0, expected -1 or +1: a bistable cell has no middle state.",
        ),
        (
            "cmru",
            {},
            {},
            "layers.0.levels is None, expected a whole number K, the ladder's length.",
        ),
        (
            "cmru",
            {"levels": 2},
            {"layers.0.alpha": [1.0, 1, 1, 0, 1, 1]},
            "layers.0.alpha is 0.0, expected a gain other than zero, since it is a current.",
        ),
        (
            "cmru",
            {"levels": 2},
            {"layers.0.beta": [1.0, 1, 1, 1, 1, 1e-3]},
            "layers.0.beta[5] is 1.2 pA, expected 10 pA to 50 nA in generic180.",
        ),
        (
            "cmru",
            {"levels": 2},
            {"layers.1.alpha": [1.0, 1, 1, 1, 1e-3, 1]},
            "layers.1.alpha[4] is 599.9 fA, expected 10 pA to 50 nA in generic180.",
        ),
        (
            "cmru",
            {"levels": 2},
            {"layers.0.beta": np.zeros(6)},
            "layers.0.beta[0] is 0 A, expected 10 pA to 50 nA in generic180.",
        ),
    ],
)
def test_what_has_no_circuit_is_refused(
    cell: str, keys: dict[str, Any], tensors: dict[str, Any], expected: str
) -> None:
    assert refusal(cell, keys, tensors) == expected


def test_a_ratio_beyond_the_largest_leg_is_refused_with_its_limit() -> None:
    weight = np.ones((6, 5))
    weight[3, 2] = -1e4
    text = refusal("cmru", {"levels": 2}, {"layers.0.candidate.weight": weight})
    assert text.startswith("layers.0.candidate.weight[3, 2] is -10000.0, expected at most ")
    assert text.endswith(": 512 unit devices of generic180.")


def test_an_unknown_technology_is_refused_with_those_that_there_are() -> None:
    text = sentence(lambda: load_technology("tsmc"))
    assert text == '--tech is "tsmc", expected one of generic180, sky130.'
