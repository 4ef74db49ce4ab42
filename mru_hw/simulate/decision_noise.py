"""Noise of a clocked decision: one lumped draw whose variance is the sum of the branches'."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Bank, Design
from mru_hw.simulate.array import DieArray, Rails
from mru_hw.simulate.levels import Floats
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import noise_draws

CHARGE = 1.602176634e-19  # C, SI 2019
LOW_CORNER = 1e-3  # Hz, below which flicker noise counts as a fixed offset


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseLaw:
    """Constants of the noise of a run.

    Attributes
    ----------
    shot
        2 q times the decision's noise bandwidth over one ampere [A]: variance [A^2] per ampere.
        White current noise 2 q I of every branch (weak inversion, forward saturation; Enz and
        Vittoz, Charge-Based MOS Transistor Modeling, chapter 6) through the comparator node's
        single pole, whose noise bandwidth is g_ds / (4 C).
    flicker
        Relative variance of one unit device, integrated per natural octave e: K_f / (W L).
    slow, fast
        ln of the bands below and above one per frame that the two draws stand for.
    scale
        Factor on sigma.
    """

    shot: float
    flicker: float
    slow: float
    fast: float
    scale: float

    @classmethod
    def of(
        cls, design: Design, calibration: Calibration, temperature: float, scale: float
    ) -> NoiseLaw:
        """Return the law at a decision current of one i_unit."""
        del temperature  # shot noise 2 q I does not depend on it
        conductance = (calibration.n.conductance + calibration.p.conductance) * design.i_unit
        bandwidth = conductance / (4 * calibration.c_trip)
        device = design.technology.devices["n_mirror"]
        flicker = max(calibration.flicker_n, calibration.flicker_p) / (device.w * device.l)
        frame_rate = 1 / design.timing.frame
        return cls(
            shot=2 * CHARGE * bandwidth,
            flicker=flicker,
            slow=float(np.log(frame_rate / LOW_CORNER)),
            fast=float(np.log(max(bandwidth / frame_rate, 1.0))),
            scale=scale,
        )


def decision_noise(
    law: NoiseLaw,
    array: DieArray,
    bank: Bank,
    rails: dict[str, Rails],
    c: Floats,
    seed: int,
    die: int,
    rows: NDArray[np.int64],
) -> Floats:
    """Return the noise on a bank's candidates (unit, time, sequence), in candidate units.

    Every leg counts twice, once for itself and once for its diode; so do the comparator's copy
    and its threshold.
    """
    scale = array.design.buses[bank.candidate].scale
    current = np.abs(c) * scale
    squares = current**2 / array.design.buses[bank.candidate].units
    for wiring in array.nodes[bank.candidate].wirings:
        source = array.design.buses[wiring.source]
        for weight, rail in zip((wiring.plus, wiring.minus), rails[wiring.source], strict=True):
            if weight is None or rail is None:
                continue
            legs = np.abs(weight) * scale
            flat = rail.reshape(len(rail), -1)
            current += (legs @ flat).reshape(c.shape)
            # Flicker of a leg of m = n w units: (w i)^2 / m = w i^2 / n.
            part = legs * (source.scale / source.units)
            squares += (part @ flat**2).reshape(c.shape)
    threshold = bank.up_units * array.design.i_lsb
    current += threshold[:, None, None]
    squares += (threshold**2 / np.maximum(bank.up_units, 1))[:, None, None]
    draws = [noise_draws(seed, die, int(row), bank.layer, c.shape[1], len(c)) for row in rows]
    slow, fast = np.zeros((len(c), c.shape[2])), np.zeros(c.shape)
    for k, (held, fresh) in enumerate(draws):
        slow[:, k], fast[:, :, k] = held, fresh.T
    flicker = 2 * law.flicker * squares
    noise = np.sqrt(2 * law.shot * current + flicker * law.fast) * fast
    noise += np.sqrt(flicker * law.slow) * slow[:, None, :]
    scaled: Floats = (noise * (law.scale / scale)).astype(c.dtype)
    return scaled
