"""What the network asked of each ratio, in the mapping's own terms: rounding is counted from it.

The mapping moves a threshold's rounding into its candidate's weights and a level's into the
weights that read it (`mru_hw.mapping.rounding.realise_ratios`), so those are no errors.
"""

from __future__ import annotations

import numpy as np

from mru_hw.cells.base import Array
from mru_hw.mapping.design import Connection, Design
from mru_hw.mapping.realised import RealisedBank, realised_bank, realised_weight
from mru_hw.model.network import Model
from mru_hw.model.structure import CellKind
from mru_hw.technology.calibration import Calibration


def wanted_weights(model: Model, design: Design, calibration: Calibration) -> dict[str, Array]:
    """Return per connection the weight (n_target, n_source) before rounding, in network units."""
    real = {b.layer: realised_bank(design, b, calibration) for b in design.banks}
    offsets: dict[str, Array] = {}
    for c in design.connections:
        if c.source[0] == "h":
            source, target = design.buses[c.source], design.buses[c.target]
            realised = realised_weight(c, source, target, calibration)
            low = real[int(c.source[1:])].low
            offsets[c.target] = offsets.get(c.target, 0.0) - (realised @ low)[:, None]
    found = {}
    for c in design.connections:
        weight = model.tensors.get(c.parameter, np.eye(*c.plus.shape))
        if c.source == "bias":
            weight = weight[:, None] + offsets.get(c.target, 0.0)
        found[c.parameter] = weight * _moved(model, design, c, real)
    return found


def _moved(model: Model, design: Design, c: Connection, real: dict[int, RealisedBank]) -> Array:
    spec = design.spec
    if c.target[0] == "c":
        i = int(c.target[1:])
        if spec.layers[i].threshold == "fixed" and spec.layers[i].cell is not CellKind.FQ_BMRU:
            beta = np.abs(model.tensors[f"layers.{i}.beta"])
            ratio = (real[i].up + real[i].down) / 2 / np.where(beta > 0, beta, 1.0)
            return np.where(beta > 0, ratio, 1.0)[:, None]
    if c.source[0] == "h":
        i = int(c.source[1:])
        alpha = model.tensors[f"layers.{i}.alpha"]
        if spec.layers[i].cell is CellKind.FQ_BMRU:
            alpha = np.abs(alpha)
        return (alpha / real[i].alpha)[None, :]
    return np.ones((1, 1))


def rounded_thresholds(
    model: Model, design: Design, calibration: Calibration, layer: int
) -> tuple[Array, Array]:
    """Return by how much both thresholds (n_units,) of a layer lie too high, in network units."""
    bank = design.banks[layer]
    real = realised_bank(design, bank, calibration)
    if bank.cell is CellKind.FQ_BMRU:
        beta = np.abs(model.tensors[f"layers.{layer}.beta"])
        delta = np.abs(model.tensors[f"layers.{layer}.delta"])
        return real.up - beta - delta, real.down - beta
    middle = (real.up + real.down) / 2
    return real.up - middle, real.down - middle
