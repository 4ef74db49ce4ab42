"""The memory cells against their equations (docs/reference/models.md), written out by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory import MemoryLayer, memory_layer
from mru_hw.training.surrogate import heaviside, sign


def _layer(**keys: Any) -> MemoryLayer:
    """One unit whose candidate is its input."""
    spec = LayerSpec(**({"n_units": 1, "n_out": 1} | keys))
    layer = memory_layer(spec, 1).double()
    assert layer.candidate is not None
    with torch.no_grad():
        layer.candidate.weight.fill_(1.0)
        layer.output.weight.fill_(1.0)
    return layer


def _states(layer: MemoryLayer, *candidates: float) -> list[float]:
    v = torch.tensor(candidates, dtype=torch.float64)[None, :, None]
    states: list[float] = layer(v).state.flatten().tolist()
    return states


def test_surrogates() -> None:
    x = torch.tensor([-2.0, 0.0, 0.5], dtype=torch.float64, requires_grad=True)
    wanted = [1.0 / (1.0 + (math.pi * v) ** 2) for v in (-2.0, 0.0, 0.5)]
    assert heaviside(x).tolist() == [0.0, 1.0, 1.0]
    assert sign(x).tolist() == [-1.0, 1.0, 1.0]
    (grad,) = torch.autograd.grad(heaviside(x).sum(), x)
    np.testing.assert_allclose(grad, wanted)
    (grad,) = torch.autograd.grad(sign(x).sum(), x)
    np.testing.assert_allclose(grad, [2.0 * v for v in wanted])


def test_cmru_counts_and_saturates() -> None:
    layer = _layer(cell="cmru", levels=2)
    assert _states(layer, 1.0, 0.5, 1.5, 3.0, -0.99, -1.0, -2.0) == [1, 1, 2, 2, 2, 1, 0]


def test_cmru_without_a_limit_counts_on() -> None:
    assert _states(_layer(cell="cmru"), *[-2.0] * 9) == [-float(k) for k in range(1, 10)]


def test_cmru_scales_by_alpha_and_starts_where_told() -> None:
    layer = _layer(cell="cmru", levels=2)
    layer.initial_state.fill_(-2.0)
    with torch.no_grad():
        layer.get_parameter("alpha").fill_(0.5)
    assert _states(layer, 0.0, 2.0) == [-1.0, -0.5]


def test_bmru_replaces_its_state() -> None:
    assert _states(_layer(cell="bmru"), 0.0, 1.0, 0.9, -1.0, 0.0) == [-1, 1, 1, -1, -1]


def test_annealing_mixes_bmru_and_cmru() -> None:
    layer = _layer(cell="bmru")
    layer.epsilon = 0.5
    assert _states(layer, 2.0, 2.0, 0.0) == [0.5, 1.25, 1.25]


def test_fq_bmru_has_hysteresis() -> None:
    layer = _layer(cell="fq_bmru")
    # beta_lo = 1, beta_hi = 2
    found = _states(layer, 1.2, 2.0, 1.0, 1.99, 0.99, 1.2, 2.0)
    assert found == [0, 1, 1, 1, 0, 0, 1]


def test_fq_bmru_begins_inside_its_window() -> None:
    layer = _layer(cell="fq_bmru")
    with torch.no_grad():
        layer.draw(torch.Generator().manual_seed(0))
    bias = layer.get_parameter("candidate.bias")
    limit = layer.get_parameter("candidate.weight").shape[1] ** -0.5
    assert bias.sub(1.5).abs().max() <= limit


def test_fq_bmru_takes_settings_by_absolute_value() -> None:
    layer = _layer(cell="fq_bmru")
    with torch.no_grad():
        for name, value in (("beta", -1.0), ("delta", -0.5), ("alpha", -2.0)):
            layer.get_parameter(name).fill_(value)
    layer.initial_state.fill_(1.0)
    assert _states(layer, 1.2, 0.5, 1.2, 1.5) == [2, 0, 0, 2]


def test_alpha_cmru_steps_by_its_input() -> None:
    layer = _layer(cell="alpha_cmru", levels=3)
    with torch.no_grad():
        layer.get_parameter("alpha.weight").fill_(0.5)
    assert _states(layer, 1.0, -2.0, 8.0, 0.5) == [0.5, -0.5, 3.0, 3.0]


@pytest.mark.parametrize("cell", ["cmru", "bmru", "fq_bmru"])
def test_an_input_dependent_threshold_follows_the_input(cell: str) -> None:
    layer = _layer(cell=cell, threshold="input")
    with torch.no_grad():
        layer.get_parameter("threshold.weight").fill_(-2.0)
        layer.get_parameter("threshold.bias").fill_(0.5)
    u = torch.tensor([1.0, -1.0, 0.25], dtype=torch.float64)[None, :, None]
    assert layer.beta_of(u).flatten().tolist() == [1.5, 2.5, 0.0]
    assert [name for name, _ in layer.named_parameters() if name == "beta"] == []


def test_every_switch() -> None:
    v = torch.tensor([[[-2.0], [3.0]]], dtype=torch.float64)
    plain = _layer(cell="cmru")(v)
    assert plain.candidate.flatten().tolist() == [-2.0, 3.0]
    assert plain.out.flatten().tolist() == [-1.0, 0.0]
    assert _layer(cell="cmru", rectify_input=True)(v).candidate.flatten().tolist() == [0.0, 3.0]
    layer = _layer(cell="cmru", rectify_candidate=True)
    assert layer(v).candidate.flatten().tolist() == [0.0, 3.0]
    assert _layer(cell="cmru", rectify_output=True)(v).out.flatten().tolist() == [0.0, 0.0]
    # The skip carries the signed input, after the output's rectifier.
    layer = _layer(cell="cmru", rectify_input=True, rectify_output=True, skip=1)
    assert layer(v).out.flatten().tolist() == [-2.0, 4.0]
    layer = _layer(cell="cmru", skip="matrix")
    with torch.no_grad():
        layer.get_parameter("skip.weight").fill_(0.5)
    assert layer(v).out.flatten().tolist() == [-2.0, 1.5]


def test_candidate_noise_is_drawn_from_the_generator_given() -> None:
    layer = _layer(cell="cmru")
    layer.candidate_noise = 0.5
    v = torch.zeros((1, 5, 1), dtype=torch.float64)
    first, again, other = (
        layer(v, torch.Generator().manual_seed(seed)).candidate for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
