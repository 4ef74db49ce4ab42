"""Small random networks that several tests share."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from mru_hw.model.memory import BMRU
from mru_hw.model.network import Array, Model
from mru_hw.model.structure import ModelSpec
from mru_hw.stimulus import Inputs, make_inputs


def make_spec(cell: str = "cmru", n_layers: int = 2, **keys: Any) -> ModelSpec:
    """A structure of small odd widths; keys of a layer go to the layers, others to the top."""
    top = {k: keys.pop(k) for k in ("readout", "normalisation", "classes") if k in keys}
    layer = {"cell": cell, "n_units": 6, "n_out": 5} | keys
    sizes = {"frame_period": "10 ms", "n_in": 4, "n_hidden": 5, "n_classes": 3}
    return ModelSpec.model_validate(sizes | {"layers": [layer] * n_layers} | top)


def draw_tensors(spec: ModelSpec, seed: int, *, grid: bool = False) -> dict[str, Array]:
    """Normal weights; with `grid` multiples of 1/8, so that sums are exact and ties are common."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, shape in spec.tensor_shapes().items():
        drawn = 0.7 * rng.normal(size=shape)
        tensors[name] = np.round(8 * drawn) / 8 if grid else drawn
        if name.endswith(".cell.A"):  # a memory that grows would make anything of a rounding
            tensors[name] /= 1 + np.abs(np.linalg.eigvals(tensors[name])).max()
    for i, layer in enumerate(spec.layers):
        if not layer.cell.starts:
            continue
        shape = (layer.n_units,)
        bits = rng.integers(0, 2, shape).astype(np.float64)
        tensors[f"layers.{i}.initial_state"] = 2 * bits - 1 if layer.cell == BMRU else bits
    return tensors


def draw_model(spec: ModelSpec, seed: int, *, grid: bool = False) -> Model:
    return Model(spec=spec, tensors=draw_tensors(spec, seed, grid=grid))


def with_even_settings(model: Model, seed: int) -> Model:
    """Per-unit thresholds and gains within a factor of two, as trained networks have them."""
    rng = np.random.default_rng(seed)
    even = {
        name: rng.uniform(0.5, 1.0, values.shape)
        for name, values in model.tensors.items()
        if name.endswith((".beta", ".alpha", ".delta"))
    }
    return dataclasses.replace(model, tensors=dict(model.tensors) | even)


def draw_inputs(
    n_in: int, seed: int, *, n_seq: int = 9, n_time: int = 12, grid: bool = False
) -> Inputs:
    """Sequences of random lengths."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_seq, n_time, n_in))
    lengths = rng.integers(1, n_time + 1, n_seq)
    return make_inputs(np.round(4 * x) / 4 if grid else x, lengths)
