"""Networks of one circuit, whose parameters are plain numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec

ALL_RECTIFIED = dict.fromkeys(("rectify_input", "rectify_candidate", "rectify_output"), True)
"""What a layer of FQ-BMRU units has."""


def plain_model(
    layer: dict[str, Any], *, n_in: int = 1, n_classes: int = 1, frame: str = "10 ms", **values: Any
) -> Model:
    """Return a network of one layer: weights and settings 1, biases and initial states 0.

    Parameters
    ----------
    layer
        Its keys as in model.yaml.
    n_in
        Inputs, and numbers that go into the layer.
    values
        Settings of the layer that are another number, or an array, such as ``alpha=0.5``.
    """
    shapes = {"n_in": n_in, "n_hidden": n_in, "n_classes": n_classes, "frame_period": frame}
    spec = ModelSpec.model_validate(shapes | {"layers": [layer]})
    tensors = {name: np.ones(shape) for name, shape in spec.tensor_shapes().items()}
    tensors |= {name: 0 * t for name, t in tensors.items() if name.endswith((".bias", "_state"))}
    for name, value in values.items():
        key = f"layers.0.{name}"
        tensors[key] = np.broadcast_to(value, tensors[key].shape).astype(np.float64)
    return Model(spec=spec, tensors=tensors)


def unit_model(
    levels: int, frame: str = "10 ms", *, cell: str = "cmru", threshold: str = "fixed"
) -> Model:
    """Return a network of one CMRU or BMRU unit: alpha = 0.5, beta = 1 or its second input."""
    layer: dict[str, Any] = {"cell": cell, "n_units": 1, "n_out": 1, "threshold": threshold}
    values: dict[str, Any] = {"alpha": 0.5}
    if cell == "cmru":
        layer["levels"] = levels
    if cell == "bmru":
        values["initial_state"] = -1.0
    if threshold == "fixed":
        return plain_model(layer, frame=frame, **values)
    values |= {"candidate.weight": [[1.0, 0.0]], "threshold.weight": [[0.0, 1.0]]}
    model = plain_model(layer, n_in=2, frame=frame, **values)
    return Model(spec=model.spec, tensors={**model.tensors, "input.weight": np.eye(2)})


def loop_model(*, n_classes: int = 2, frame: str = "10 ms", alpha: float = 0.5) -> Model:
    """Return one FQ-BMRU unit that rises at 1 and falls at 0.5; its outputs are plus and minus."""
    layer = {"cell": "fq_bmru", "n_units": 1, "n_out": 1} | ALL_RECTIFIED
    model = plain_model(layer, n_classes=n_classes, frame=frame, beta=0.5, delta=0.5, alpha=alpha)
    signs = np.array([[1.0], [-1.0]])[:n_classes]
    return Model(spec=model.spec, tensors={**model.tensors, "head.weight": signs})


def units_model(n_units: int) -> Model:
    """Return one layer of like CMRU units, K = 1: beta = 1, alpha = 0.5, weights 1 / n_units."""
    layer = {"cell": "cmru", "n_units": n_units, "n_out": n_units, "levels": 1}
    model = plain_model(layer, n_in=n_units, n_classes=2)
    shared = {name: t / n_units for name, t in model.tensors.items()}
    settings = {"layers.0.beta": np.ones(n_units), "layers.0.alpha": np.full(n_units, 0.5)}
    return Model(spec=model.spec, tensors={**shared, **settings})
