"""Noise of a clocked decision: one lumped draw whose variance is the sum of the branches'."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mru_hw.cells.settling import bank_load
from mru_hw.mapping.design import Bank, Design
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.array import DieArray, Rails, apply
from mru_hw.technology.calibration import CHARGE, Calibration
from mru_hw.variation import NoiseStream

LOW_CORNER = 1e-3  # Hz, below which flicker noise counts as a fixed offset


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseLaw:
    """Constants of the noise of a run.

    Attributes
    ----------
    shot
        Per layer (n_units, 1, 1), 2 q times the decision's noise bandwidth over one ampere [A]:
        variance [A^2] per ampere. White current noise 2 q I of every branch (weak inversion,
        forward saturation; Enz and Vittoz, Charge-Based MOS Transistor Modeling, chapter 6)
        through the comparator node's single pole, whose noise bandwidth is g_ds / (4 C) with the
        capacitance of the placed drains and gate.
    flicker
        Relative variance of one unit device's current per factor e of bandwidth:
        k / (c_ox W L (n kT/q)^2), from S_Vg = k / (c_ox W L f) and g_m = I / (n kT/q).
    slow, fast
        ln of the bands below and above one per frame that the two draws stand for, from
        `LOW_CORNER` on; the second per layer, as `shot`.
    scale
        Factor on sigma.
    """

    shot: tuple[Floats, ...]
    flicker: float
    slow: float
    fast: tuple[Floats, ...]
    scale: float

    @classmethod
    def of(
        cls, design: Design, calibration: Calibration, temperature: float, scale: float
    ) -> NoiseLaw:
        """Return the law at a decision current of one i_unit."""
        conductance = (calibration.n.conductance + calibration.p.conductance) * design.i_unit
        bandwidths = [
            (conductance / (4 * decision_capacitance(design, calibration, bank)))[:, None, None]
            for bank in design.banks
        ]
        device, constants = design.technology.devices["n_mirror"], design.technology.flicker
        gate = max(constants.k_n, constants.k_p) / (constants.c_ox * device.w * device.l)
        flicker = gate / calibration.thermal("n", temperature) ** 2
        edge = max(1 / design.timing.frame, LOW_CORNER)
        return cls(
            shot=tuple(2 * CHARGE * bandwidth for bandwidth in bandwidths),
            flicker=flicker,
            slow=float(np.log(edge / LOW_CORNER)),
            fast=tuple(np.log(np.maximum(b / edge, 1.0)) for b in bandwidths),
            scale=scale,
        )


def decision_capacitance(design: Design, calibration: Calibration, bank: Bank) -> Floats:
    """Return the capacitance [F] (n_units,) of the nodes at which a bank's units decide.

    The mean of both comparators', or a loop's own node.
    """
    load = bank_load(design, calibration, bank)
    if not bank.clocked:
        return load["loop"]
    signed = design.buses[bank.candidate].circuit.splits
    mean: Floats = (load["up"] + load["down"]) / 2 if signed else load["up"]
    return mean


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionNoise:
    """The noise of one die's decisions on some sequences, frame after frame.

    Attributes
    ----------
    law
        Constants.
    seed, die
        Seed of the noise, seed of the die.
    sequences
        Indices of the sequences in their file.
    streams
        By layer, the draws of each sequence, once they have begun.
    """

    law: NoiseLaw
    seed: int
    die: int
    sequences: NDArray[np.int64]
    streams: dict[int, list[NoiseStream]] = field(default_factory=dict)

    def draw(self, array: DieArray, bank: Bank, rails: dict[str, Rails], c: Floats) -> Floats:
        """Return the noise on a bank's next candidates (unit, time, sequence), in their units.

        Every leg counts twice, once for itself and once for its diode; so do the comparator's
        copy and its threshold.
        """
        scale = array.design.buses[bank.candidate].scale
        current, squares = _node_noise(array, bank.candidate, rails, np.abs(c))
        if bank.window is not None and bank.threshold is not None:
            _, carried = array.arrive(bank.threshold, rails)
            size = carried.plus if carried.minus is None else carried.plus + carried.minus
            more, more_squares = _node_noise(array, bank.threshold, rails, size)
            current, squares = current + more, squares + more_squares
        # A bias leg of m units carries m i_lsb.
        fixed = (bank.up_units * array.design.i_lsb)[:, None, None]
        current += fixed
        squares += fixed * array.design.i_lsb / array.design.buses["bias"].narrowest
        (n_units, n_time, width), n = c.shape, len(self.sequences)
        slow, fast = np.zeros((n_units, width)), np.zeros(c.shape)
        fresh = np.empty((n, n_time, n_units), dtype=np.float32)
        for k, stream in enumerate(self._streams(bank)):
            slow[:, k] = stream.slow
            stream.draw(fresh[k])
        fast[:, :, :n] = fresh.transpose(2, 1, 0)
        flicker = 2 * self.law.flicker * squares
        shot, band = self.law.shot[bank.layer], self.law.fast[bank.layer]
        noise = np.sqrt(2 * shot * current + flicker * band) * fast
        noise += np.sqrt(flicker * self.law.slow) * slow[:, None, :]
        scaled: Floats = (noise * (self.law.scale / scale)).astype(c.dtype)
        return scaled

    def _streams(self, bank: Bank) -> list[NoiseStream]:
        if bank.layer not in self.streams:
            self.streams[bank.layer] = [
                NoiseStream(self.seed, self.die, int(sequence), bank.layer, bank.n_units)
                for sequence in self.sequences
            ]
        return self.streams[bank.layer]


def _node_noise(
    array: DieArray, name: str, rails: dict[str, Rails], size: Floats
) -> tuple[Floats, Floats]:
    """Return the currents [A] of a node's copy and legs, and their squares over unit devices.

    Parameters
    ----------
    size
        Magnitude of the node's own current, in its unit.
    """
    node, bus = array.nodes[name], array.design.buses[name]
    current = size * bus.scale
    squares = current**2 / (bus.units * bus.narrowest)
    for wiring in node.wirings:
        source = array.design.buses[wiring.source]
        rail = rails[wiring.source].copied
        assert rail is not None
        # A signed node's legs on both rails; what their gains move by is left out.
        rail = rail[: wiring.pull.shape[1]]
        legs = np.abs(wiring.net[:, : len(rail)]) * bus.scale
        current += apply(legs, rail)
        # Flicker of a leg of m = n w units: (w i)^2 / m = w i^2 / n.
        wide = source.units * source.narrowest
        squares += apply(legs * (source.scale / wide), rail**2)
    # What the node's bias adds, legs of i_lsb a unit device.
    fixed = np.abs(node.constant) * bus.scale
    bias = array.design.buses["bias"].narrowest
    return current + fixed, squares + fixed * array.design.i_lsb / bias
