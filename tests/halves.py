"""A memory cell's two halves, numpy and torch, on the same network and the same inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mru_hw.model.memory import ALPHA_CMRU, CELLS
from mru_hw.model.structure import ReadoutKind
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.training.network import decide, from_model
from mru_hw.training.scan import recur_loop
from tests.networks import draw_inputs, draw_model, make_spec


def variants(cell: str) -> list[dict[str, Any]]:
    """Every choice of ``levels`` and ``threshold`` that a cell has."""
    entry = CELLS[cell]
    limits = (2, 100, None) if entry.takes_levels else (None,)
    thresholds = ("fixed", "input") if entry.threshold_names else ("fixed",)
    return [{"levels": k, "threshold": t} for k in limits for t in thresholds]


def compare_halves(
    cell: str, *, skip: int | str = 0, rectify: bool = False, grid: bool = False, **keys: Any
) -> None:
    """The level ideal equals the float64 training network at every step of every sequence.

    States are equal where they are whole multiples of alpha or all sums are exact, as with `grid`;
    else they are, as candidates and outputs, within 1e-12.
    """
    spec = make_spec(
        cell,
        skip=skip,
        rectify_input=rectify,
        rectify_candidate=rectify and cell == "fq_bmru",
        rectify_output=rectify,
        normalisation={"mean": [0.5] * 4, "scale": [0.5, 1.0, 2.0, 4.0]},
        **keys,
    )
    readout = list(ReadoutKind)[len(f"{cell}{keys.get('threshold')}{skip}") % 3]
    spec = spec.model_copy(update={"readout": readout})
    model = draw_model(spec, 7, grid=grid)
    inputs = draw_inputs(4, 8, n_seq=40, grid=grid)
    trace = simulate_ideal(model, inputs)
    network = from_model(model)
    for memory in network.memories:
        memory.recurrence = recur_loop
    with torch.no_grad():
        wanted = network(network.normalise(torch.from_numpy(inputs.x)))
    valid = inputs.valid()
    exact = grid or cell != ALPHA_CMRU.name
    atol = 0.0 if grid else 1e-12
    for i, layer in enumerate(wanted.layers):
        expected, found = layer.state.numpy()[valid], trace.states[i][valid]
        np.testing.assert_allclose(found, expected, rtol=0, atol=0 if exact else 1e-12)
        candidate = layer.candidate.numpy()[valid]
        np.testing.assert_allclose(trace.candidates[i][valid], candidate, rtol=0, atol=atol)
    assert trace.output is not None
    np.testing.assert_allclose(trace.output[valid], wanted.output.numpy()[valid], rtol=0, atol=atol)
    decisions = decide(wanted.output, torch.from_numpy(inputs.lengths), readout)
    assert trace.decision.tolist() == decisions.tolist()
