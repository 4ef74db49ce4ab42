"""Tiny networks whose every candidate is known, for runs of seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.model.memory import BMRU
from mru_hw.model.network import Array, Model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.expected import expected_figures
from mru_hw.simulate.run import Chip
from mru_hw.spice.folder import declared_frames, write_netlist
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import Die


def one_unit(levels: int = 2) -> Model:
    """One CMRU unit whose candidate is its input: c = x, beta = 1, alpha = 0.5, y = h."""
    tensors: dict[str, Array] = {
        "input.weight": np.ones((1, 1)),
        "input.bias": np.zeros(1),
        "layers.0.candidate.weight": np.ones((1, 1)),
        "layers.0.candidate.bias": np.zeros(1),
        "layers.0.beta": np.ones(1),
        "layers.0.alpha": np.full(1, 0.5),
        "layers.0.initial_state": np.zeros(1),
        "layers.0.output.weight": np.ones((1, 1)),
        "layers.0.output.bias": np.zeros(1),
        "head.weight": np.ones((1, 1)),
        "head.bias": np.zeros(1),
    }
    return Model(
        spec=_spec(1, 1, 1, [{"n_units": 1, "n_out": 1, "levels": levels}]), tensors=tensors
    )


def two_units(seed: int = 3) -> Model:
    """Two units in one layer, rectified signals, the usual weights."""
    layer = {"n_units": 2, "n_out": 3, "levels": 2, "rectify_input": True, "rectify_output": True}
    spec = _spec(2, 3, 2, [layer])
    rng = np.random.default_rng(seed)
    tensors = {name: rng.normal(size=shape) for name, shape in spec.tensor_shapes().items()}
    tensors["layers.0.beta"] = np.array([0.8, 1.2])
    tensors["layers.0.alpha"] = np.array([0.5, 0.6])
    tensors["layers.0.initial_state"] = np.array([0.0, 1.0])
    return Model(spec=spec, tensors=tensors)


def two_windows() -> Model:
    """Two units in one layer whose thresholds come from the input.

    Both candidates are mostly the first input; the thresholds are the second one's size and that
    of a half of it with a bias.
    """
    layer = {"n_units": 2, "n_out": 2, "levels": 2, "threshold": "input"}
    eye, zero = np.eye(2), np.zeros(2)
    tensors: dict[str, Array] = {
        "input.weight": eye,
        "input.bias": zero,
        "layers.0.candidate.weight": np.array([[1.0, 0.0], [1.0, 0.3]]),
        "layers.0.candidate.bias": zero,
        "layers.0.threshold.weight": np.array([[0.0, 1.0], [0.0, -0.5]]),
        "layers.0.threshold.bias": np.array([0.0, 0.4]),
        "layers.0.alpha": np.full(2, 0.5),
        "layers.0.initial_state": zero,
        "layers.0.output.weight": eye,
        "layers.0.output.bias": zero,
        "head.weight": eye,
        "head.bias": zero,
    }
    return Model(spec=_spec(2, 2, 2, [layer]), tensors=tensors)


def two_windows_of_bits() -> Model:
    """The same two as BMRU units."""
    ladders = two_windows()
    layer = ladders.spec.layers[0].model_copy(update={"cell": BMRU, "levels": None})
    return Model(
        spec=ladders.spec.model_copy(update={"layers": (layer,)}),
        tensors=dict(ladders.tensors) | {"layers.0.initial_state": np.array([-1.0, 1.0])},
    )


def loops(cell: str, beta: list[float], delta: list[float] | None = None) -> Model:
    """Units of one bit that all see the input as their candidate, alpha = 1 / 2, set at first."""
    n = len(beta)
    layer: dict[str, Any] = {"cell": cell, "n_units": n, "n_out": 1}
    tensors: dict[str, Array] = {
        "input.weight": np.ones((1, 1)),
        "input.bias": np.zeros(1),
        "layers.0.candidate.weight": np.ones((n, 1)),
        "layers.0.candidate.bias": np.zeros(n),
        "layers.0.beta": np.array(beta),
        "layers.0.alpha": np.full(n, 0.5),
        "layers.0.initial_state": np.full(n, 1.0),
        "layers.0.output.weight": np.ones((1, n)),
        "layers.0.output.bias": np.zeros(1),
        "head.weight": np.ones((1, 1)),
        "head.bias": np.zeros(1),
    }
    if delta is not None:
        tensors["layers.0.delta"] = np.array(delta)
        layer |= dict.fromkeys(("rectify_input", "rectify_candidate", "rectify_output"), True)
    return Model(spec=_spec(1, 1, 1, [layer], frame="10 ms"), tensors=tensors)


def chip_of(model: Model) -> Chip:
    return Chip(model, load_technology("generic180"))


def wrong_steps(
    chip: Chip, states: NDArray[Any], candidates: NDArray[Any]
) -> list[tuple[int, int, float]]:
    """Steps of layer 0 otherwise than the candidates ask: (frame, unit, distance over beta)."""
    t, bank = chip.mapped.tensors, chip.design.banks[0]
    beta = np.abs(t["layers.0.beta"])
    levels = np.rint(states / t["layers.0.alpha"])
    before = np.concatenate([t["layers.0.initial_state"][None], levels[:-1]])
    step = np.where(np.abs(candidates) >= beta, np.sign(candidates), 0.0)
    wanted = np.clip(before + step, -bank.levels, bank.levels)
    distance = np.abs(np.abs(candidates) - beta) / beta
    return [(int(f), int(u), float(distance[f, u])) for f, u in np.argwhere(wanted != levels)]


def _spec(
    n_in: int, n_hidden: int, n_classes: int, layers: list[dict[str, Any]], frame: str = "25 ms"
) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "frame_period": frame,
            "n_in": n_in,
            "n_hidden": n_hidden,
            "n_classes": n_classes,
            "layers": [{"cell": "cmru"} | layer for layer in layers],
        }
    )


def write_chip(
    out: Path, chip: Chip, *, frames: Array | None = None, die: Die | None = None, **keys: Any
) -> None:
    """Write a chip's netlist folder at its technology's nominal conditions."""
    conditions, made = nominal_conditions(chip.design.technology), (chip.design, chip.calibration)
    played = declared_frames(chip.design.spec.n_in) if frames is None else frames
    expected = expected_figures(*made, played, conditions=conditions, die=die)
    keys |= {"conditions": conditions, "frames": played, "expected": expected, "die": die}
    write_netlist(out, chip.model, *made, **keys)
