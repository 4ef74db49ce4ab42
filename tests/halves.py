"""A memory cell's two halves, numpy and torch, on the same network and the same inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mru_hw.model.memory import CELLS, Drive
from mru_hw.model.structure import ReadoutKind
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.training.network import decide, from_model
from mru_hw.training.scan import recur_loop
from tests.networks import draw_inputs, draw_model, make_spec

SMOOTH = {"lru", "mingru", "src", "hybrid", "pdmu", "gru", "memoryless"}
"""Cells whose states are no whole multiples, nor sums, of what comes in: no sum is exact."""


def variants(cell: str) -> list[dict[str, Any]]:
    """Every choice of ``levels`` and ``threshold`` that a cell has."""
    entry = CELLS[cell]
    limits = (2, 100, None) if entry.takes_levels else (None,)
    return [{"levels": k, "threshold": t} for k in limits for t in thresholds(cell)]


def thresholds(cell: str) -> tuple[str, ...]:
    """Every choice of ``threshold`` that a cell has."""
    return ("fixed", "input") if CELLS[cell].threshold_names else ("fixed",)


def compare_halves(
    cell: str, *, skip: int | str = 0, rectify: bool = False, grid: bool = False, **keys: Any
) -> None:
    """The level ideal equals the float64 training network at every step of every sequence.

    States are equal where they are whole multiples of alpha or all sums are exact, as with `grid`;
    else, and of the cells of `SMOOTH`, they are, as candidates and outputs, within 1e-12.
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
    exact = cell not in SMOOTH and (grid or CELLS[cell].whole)
    atol = 0.0 if grid and exact else 1e-12
    for i, layer in enumerate(wanted.layers):
        expected, found = layer.state.numpy()[valid], trace.states[i][valid]
        np.testing.assert_allclose(found, expected, rtol=0, atol=0 if exact else 1e-12)
        candidate = layer.candidate.numpy()[valid]
        np.testing.assert_allclose(trace.candidates[i][valid], candidate, rtol=0, atol=atol)
    assert trace.output is not None
    np.testing.assert_allclose(trace.output[valid], wanted.output.numpy()[valid], rtol=0, atol=atol)
    decisions = decide(wanted.output, torch.from_numpy(inputs.lengths), readout)
    assert trace.decision.tolist() == decisions.tolist()


def compare_cut(cell: str, seed: int, limit: int | None, cut: int) -> None:
    """A cell's numpy half goes on from any frame as if time had not been cut there."""
    rng = np.random.default_rng(seed)
    entry = CELLS[cell]
    c, u = rng.normal(size=(2, 3, 12, 4)), rng.uniform(0, 2, (2, 2, 12, 4))
    shapes = entry.tensors(3, 2, by_input=False)
    tensors = {name: rng.uniform(0.1, 1, (2, *shape)) for name, shape in shapes.items()}
    tensors["initial_state"] = rng.integers(0, 2, (2, 3)).astype(np.float64)
    maps = {
        name.removesuffix(".bias")
        for name in shapes
        if name.endswith(".bias") and shapes.get(f"{name[:-5]}.weight", ())[1:] == (2,)
    }
    mapped = {
        name: np.einsum("duw,dwts->duts", tensors[f"{name}.weight"], u)
        + tensors[f"{name}.bias"][:, :, None, None]
        for name in maps
    }

    def climb(frames: slice, before: Any) -> Any:
        part = np.ascontiguousarray(c[:, :, frames])
        found = np.empty((2, 3 * entry.outputs, *part.shape[2:]))
        drive = Drive(
            input=np.ascontiguousarray(u[:, :, frames]),
            candidate=part,
            limit=limit,
            beta=np.array(0.5) if entry.threshold_names else None,
            unit=lambda name: tensors[name][:, :, None, None],
            tensor=lambda name: tensors[name],
            linear=lambda name: mapped[name][:, :, frames].copy(),
        )
        start = entry.initial(drive) if before is None else before
        return found, entry.remember(drive, start, found)

    whole, end = climb(slice(None), None)
    first, middle = climb(slice(0, cut), None)
    again, last = climb(slice(cut, None), middle)
    assert np.array_equal(np.concatenate([first, again], axis=2), whole)
    for one, other in zip(_arrays(last), _arrays(end), strict=True):
        assert np.array_equal(one, other)


def _arrays(state: Any) -> list[Any]:
    """The arrays of what a cell holds: one, several or none."""
    if state is None:
        return []
    return list(state) if isinstance(state, tuple) else [state]
