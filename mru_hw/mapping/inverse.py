"""The inverse of the mapping: the network that a Design amounts to."""

from __future__ import annotations

import numpy as np

from mru_hw.mapping.design import Bank, Design
from mru_hw.mapping.reading import Reading
from mru_hw.mapping.realised import compensating, realised_bank
from mru_hw.mapping.rows import Part
from mru_hw.model.network import Model
from mru_hw.technology.calibration import Calibration


def unmap(design: Design, calibration: Calibration) -> Model:
    """Return the network whose tensors a Design's rounded ratios and currents amount to.

    Its structure is the original's, but for a skip of 1 whose realised ratios are not all one:
    that becomes a matrix. Read at the conditions that the Design is compensated for, where its
    numbers are what the mapping wanted.
    """
    spec, calibration = design.spec, compensating(design, calibration)
    tensors: dict[str, np.ndarray] = {}
    rectified: dict[int, np.ndarray] = {}
    for c, weight in Reading(design, calibration).read_connections():
        layer = c.source.layer
        if c.source.part is Part.RECTIFIED and layer is not None:
            rectified[layer] = np.diag(weight)
        else:
            tensors[c.parameter] = weight[:, 0] if c.source.part is Part.BIAS else weight
    for bank in design.banks:
        _unmap_bank(design, bank, calibration, tensors)
    for i, factor in rectified.items():
        # ReLU is positively homogeneous: the copy's ratio belongs to the output's weights.
        tensors[f"layers.{i}.output.weight"] *= factor[:, None]
        tensors[f"layers.{i}.output.bias"] *= factor
    layers = tuple(
        layer.model_copy(update={"skip": "matrix"}) if layer.skip == 1 else layer
        for layer in spec.layers
    )
    return Model(spec=spec.model_copy(update={"layers": layers}), tensors=tensors)


def _unmap_bank(
    design: Design, bank: Bank, calibration: Calibration, tensors: dict[str, np.ndarray]
) -> None:
    p = f"layers.{bank.layer}."
    real = realised_bank(design, bank, calibration)
    tensors[p + "initial_state"] = bank.initial.astype(np.float64)
    tensors[p + "alpha"] = real.alpha
    for name, setting in bank.memory.settings(real.up, real.down).items():
        if bank.threshold is None or name != "beta":
            tensors[p + name] = setting
