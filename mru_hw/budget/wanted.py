"""What the network asked of each ratio, in the mapping's own terms: rounding is counted from it.

The mapping moves a threshold's rounding into its candidate's weights and a level's into the
weights that read it (`mru_hw.mapping.rounding.realise_ratios`), so those are no errors.
"""

from __future__ import annotations

import numpy as np

from mru_hw.cells.base import Array
from mru_hw.circuits.legs.gains import path_gains
from mru_hw.circuits.legs.roles import LEGS
from mru_hw.mapping.design import Connection, Design
from mru_hw.mapping.reading import Reading
from mru_hw.mapping.realised import RealisedBank, compensating, realised_bank
from mru_hw.mapping.rows import Part
from mru_hw.model.memory import by_name
from mru_hw.model.network import Model
from mru_hw.technology.calibration import Calibration


def wanted_legs(
    model: Model, design: Design, calibration: Calibration
) -> dict[str, dict[str, Array]]:
    """Return the gains that legs would have if unit devices need not be whole.

    By connection and role, (n_target, n_source): A into the target per A of the source's rail,
    never negative. `Nominal.legs` has the same of the placed, rounded legs; the difference is the
    rounding's error.
    """
    calibration = compensating(design, calibration)
    real = {b.layer: realised_bank(design, b, calibration) for b in design.banks}
    reading = Reading(design, calibration)
    nodes = reading.node_lines()
    starts = {name: node.start[:, None].copy() for name, node in nodes.items()}
    for c in design.connections:
        if c.source.part is not Part.BIAS:
            starts[c.target] += reading.read_legs(c, nodes[c.target]).start[:, None]
    found = {}
    for c in design.connections:
        source, target = design.buses[c.source], design.buses[c.target]
        weight = model.tensors.get(c.parameter, np.eye(*c.plus.shape))
        weight = weight[:, None] if c.source.part is Part.BIAS else weight
        weight = weight * _moved(model, design, c, real)
        if c.source.part is Part.BIAS:
            weight = weight - starts[c.target]
        node = nodes[c.target]
        asked = reading.asked_units(source, target, weight, node, both=c.both)
        gains = path_gains(calibration, source, target)
        units = dict(zip(("plus", "minus"), asked, strict=True))
        found[c.parameter] = {
            leg.role: np.maximum(leg.sign * units[leg.rail], 0.0) * (gains[leg.role] / source.units)
            for leg in LEGS
            if leg.role in gains
        }
    return found


def _moved(model: Model, design: Design, c: Connection, real: dict[int, RealisedBank]) -> Array:
    for bank in design.banks:
        p, i = f"layers.{bank.layer}.", bank.layer
        if c.target == bank.candidate and bank.threshold is None and bank.memory.signed:
            beta = np.abs(model.tensors[p + "beta"])
            ratio = (real[i].up + real[i].down) / 2 / np.where(beta > 0, beta, 1.0)
            return np.where(beta > 0, ratio, 1.0)[:, None]
        if c.source == bank.state:
            alpha = bank.memory.gain(model.tensors[p + "alpha"])
            return (alpha / real[i].alpha)[None, :]
    return np.ones((1, 1))


def rounded_thresholds(
    model: Model, design: Design, calibration: Calibration, layer: int
) -> tuple[Array, Array]:
    """Return by how much both thresholds (n_units,) of a layer lie too high, in network units."""
    bank, calibration = design.banks[layer], compensating(design, calibration)
    real = realised_bank(design, bank, calibration)
    if bank.memory.signed:
        middle = (real.up + real.down) / 2
        return real.up - middle, real.down - middle
    own = by_name(model.tensors, f"layers.{layer}.")
    up, down = bank.memory.edges(np.abs(own("beta")), own)
    return real.up - up, real.down - down
