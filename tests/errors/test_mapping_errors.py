"""What the mapping refuses, and the sentence each refusal gives."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

from mru_hw.mapping import DesignOptions, map_model
from mru_hw.mapping.options import DEFAULTS
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from tests.mistakes import sentence
from tests.networks import draw_model, make_spec

TECHNOLOGY = load_technology("generic180")
CALIBRATION = load_calibration(TECHNOLOGY)


def map_changed(
    cell: str,
    keys: dict[str, Any],
    tensors: dict[str, Any],
    options: DesignOptions = DEFAULTS,
) -> None:
    model = draw_model(make_spec(cell, **keys), 1)
    ones = {n: np.ones_like(v) for n, v in model.tensors.items() if n.endswith((".beta", ".alpha"))}
    changed = dict(model.tensors) | ones | {n: np.asarray(v) for n, v in tensors.items()}
    model = dataclasses.replace(model, tensors=changed)
    map_model(model, TECHNOLOGY, CALIBRATION, options)


def refusal(cell: str, keys: dict[str, Any], tensors: dict[str, Any]) -> str:
    return sentence(lambda: map_changed(cell, keys, tensors))


@pytest.mark.parametrize(
    ("cell", "keys", "tensors", "expected"),
    [
        (
            "alpha_cmru",
            {"levels": 2},
            {},
            'layers.0.cell is "alpha_cmru", expected cmru, bmru or fq_bmru: the states of an '
            "alphaCMRU are not quantised, so no row of hysteretic cells holds them; "
            "mru-hw quantise makes the nearest cmru of it.",
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
            "layers.0.levels is null, expected a whole number K, the ladder's length, there or in "
            "the design's options.",
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
        (
            "cmru",
            {"levels": 2},
            {"layers.0.beta": np.full(6, 1e-300)},
            "layers.0.beta is 1e-300, expected a mean size of at least 1e-30.",
        ),
    ],
)
def test_what_has_no_circuit_is_refused(
    cell: str, keys: dict[str, Any], tensors: dict[str, Any], expected: str
) -> None:
    assert refusal(cell, keys, tensors) == expected


@pytest.mark.parametrize(
    ("keys", "options", "expected"),
    [
        (
            {"threshold": "input"},
            {"window_units": 512},
            "window_units is 512, expected fewer: up_minus of layers.0 would need 545 and has at "
            "most 512 unit devices of generic180.",
        ),
        (
            {"threshold": "input"},
            {"diode_units": (512,), "largest_leg": 512},
            "diode_units is [512], expected fewer: up_opposite of layers.0 would need 550 and has "
            "at most 512 unit devices of generic180.",
        ),
        (
            {},
            {"bias_units": 512, "hold": 128, "width": 256},
            "layers.0.beta[1] is 2.0, expected at most 1.228 in size, or fewer bias_units: "
            "up_threshold of layers.0 would need 834 and has at most 512 unit devices of "
            "generic180.",
        ),
    ],
)
def test_a_unit_s_device_beyond_the_largest_leg_is_refused(
    keys: dict[str, Any], options: dict[str, Any], expected: str
) -> None:
    fixed = {} if keys else {"layers.0.beta": np.array([1.0, 2.0, 1.0, 1.0, 1.0, 1.0])}
    told = sentence(
        lambda: map_changed("cmru", {"levels": 2} | keys, fixed, DesignOptions(**options))
    )
    assert told == expected


def test_a_ratio_beyond_the_largest_leg_is_refused_with_its_limit() -> None:
    weight = np.ones((6, 5))
    weight[3, 2] = -1e4
    text = refusal("cmru", {"levels": 2}, {"layers.0.candidate.weight": weight})
    told = re.fullmatch(
        r"layers\.0\.candidate\.weight\[3, 2\] is -10000\.0, expected at most (\S+) in size, or "
        r"larger thresholds in layers\.0\.beta, for it adds too many times their mean: its "
        r"mirror's leg would need (\S+) and has at most 512 unit devices of generic180\.",
        text,
    )
    assert told
    most, needed = float(told[1]), float(told[2])
    assert most * needed == pytest.approx(1e4 * 512, rel=1e-3)
    weight[3, 2] = -most * 0.99
    map_changed("cmru", {"levels": 2}, {"layers.0.candidate.weight": weight})


def test_thresholds_too_small_for_their_candidates_are_told_to_grow() -> None:
    """All alike, so each is in range: what does not fit are the weights beside them."""
    small = {"layers.0.beta": np.full(6, 1e-3)}
    text = refusal("cmru", {"levels": 2}, small)
    assert "or larger thresholds in layers.0.beta, for it adds too many times their mean" in text
    text = refusal("fq_bmru", {}, small | {"layers.0.delta": np.full(6, 1e-3)})
    assert "or larger thresholds in layers.0.beta and layers.0.delta, for it adds too" in text


def test_a_weight_far_larger_than_those_beside_it_is_told_so() -> None:
    bias = np.zeros(12)
    bias[2] = 500
    text = refusal(
        "cmru", {"levels": 2, "n_out": 12, "n_layers": 1}, {"layers.0.output.bias": bias}
    )
    assert text.startswith("layers.0.output.bias[2] is 500.0, expected at most ")
    assert "or larger weights beside it, for it adds too many times the usual sum of its" in text


def test_an_unknown_technology_is_refused_with_those_that_there_are() -> None:
    text = sentence(lambda: load_technology("tsmc"))
    assert text == (
        'tech is "tsmc", expected one of generic180, sky130; '
        "MRU_HW_TECHNOLOGIES can name a folder of others."
    )
