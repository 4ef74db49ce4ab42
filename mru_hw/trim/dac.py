"""A threshold's DAC: binary-weighted legs of unit devices beside a shortened bias leg.

Bit i switches ``lsb 2^i`` unit devices of the bias rail onto the leg that sets the threshold. Each
bit's devices have mismatch of their own, so the steps between codes are unequal. The part that is
always on is shorter than the placed leg by half the range; the code nearest to the placed leg is
the middle.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.budget.mismatch import MismatchVariances, mismatch_spread
from mru_hw.circuits.base import IntArray
from mru_hw.circuits.ladder.circuit import LADDER
from mru_hw.circuits.nodes.laws import split
from mru_hw.errors import UserError
from mru_hw.mapping.design import Bank, Bus, Design, DeviceGroup
from mru_hw.mapping.realised import realised_bank
from mru_hw.technology.calibration import Calibration
from mru_hw.variation.die import Die, draw_group

Array = NDArray[np.float64]
Side = tuple[int, str]
"""Layer and ``"up"`` or ``"down"``."""

BITS_MOST = 8
RANGE = 3.0  # of the untrimmed spread's sigma, on either side
SIDES = ("up", "down")
PARTS = dict(zip(SIDES, LADDER.thresholds, strict=True))
"""The leg that sets each threshold, of `LADDER`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dac:
    """The DACs of one threshold of a bank's units; all alike but for what they start from.

    Attributes
    ----------
    bank, layer, side
        Which bank, by name and layer, and which of its thresholds.
    bits, lsb
        Resolution, and unit devices of the smallest step.
    placed
        Unit devices (n_units,) of the leg without a DAC.
    base
        Those of the part that is always on (n_units,).
    sigma
        Largest sigma of the threshold's error that the range was made for, over the threshold.
    """

    bank: str
    layer: int
    side: str
    bits: int
    lsb: int
    placed: IntArray
    base: IntArray
    sigma: float

    @property
    def at(self) -> Side:
        """Which threshold."""
        return self.layer, self.side

    @property
    def key(self) -> tuple[str, str]:
        """Device group of the leg."""
        return self.bank, PARTS[self.side]

    @property
    def device(self) -> str:
        """Device class of the leg."""
        return LADDER.role(PARTS[self.side]).device

    @property
    def top(self) -> int:
        """Largest code."""
        return (1 << self.bits) - 1

    @property
    def weights(self) -> IntArray:
        """Unit devices of each bit, the smallest first."""
        return self.lsb << np.arange(self.bits, dtype=np.int64)

    @property
    def middle(self) -> IntArray:
        """The code (n_units,) whose leg is nearest to the placed one."""
        return np.clip(np.rint((self.placed - self.base) / self.lsb), 0, self.top).astype(np.int64)

    def group(self, times: int = 1) -> DeviceGroup:
        """Return the devices of the bits, (n_units, bits), of so many times their unit devices."""
        units = np.tile(self.weights, (len(self.placed), 1)) * times
        key = (self.key[0], f"{self.side}_trim")
        return DeviceGroup(key=key, device=self.device, units=units)

    def units(self, codes: IntArray) -> IntArray:
        """Return the unit devices of the whole leg at some codes."""
        return self.base + self.lsb * codes


def place_dacs(
    design: Design,
    calibration: Calibration,
    bits: int,
    *,
    mismatch_scale: float = 1.0,
    temperature: float | None = None,
) -> tuple[Dac, ...]:
    """Choose a DAC for every threshold that a bias leg sets.

    Parameters
    ----------
    bits
        Resolution, 1 to `BITS_MOST`.
    mismatch_scale
        Factor on every sigma that the range has to cover.

    Raises
    ------
    UserError
        The network has loops, or thresholds that come from the input.

    Notes
    -----
    The untrimmed spread is the error budget's (`mru_hw.budget.mismatch`): that of the candidate
    less that of the threshold. A bank's DACs have one range, `RANGE` of the widest threshold's
    sigma. Downwards it ends where the leg would carry no more than a candidate's rail at rest.
    """
    temperature = calibration.temperature if temperature is None else temperature
    refuse_untrimmable(design, bits)
    spread = mismatch_spread(design, calibration, temperature=temperature)
    found = []
    for bank in design.banks:
        bus = design.buses[bank.candidate]
        sides = SIDES if bus.circuit.splits else SIDES[:1]
        for kind, side in enumerate(sides):
            sigma = mismatch_scale * _widest(spread, bank.layer, kind)
            found.append(_place(design, calibration, bank, side, bits=bits, sigma=sigma))
    return tuple(found)


def refuse_untrimmable(design: Design, bits: int) -> None:
    """Refuse what no DAC trims.

    Raises
    ------
    UserError
        See `place_dacs`.
    """
    if not 1 <= bits <= BITS_MOST:
        raise UserError("trim_bits", bits, f"1 to {BITS_MOST}, or 0 for no trim")
    for bank in design.banks:
        if not bank.clocked:
            raise UserError(
                "trim_bits", bits, f"0, for layer {bank.layer} has no strobe that a tester can hold"
            )
        if bank.threshold is not None:
            raise UserError(
                "trim_bits", bits, f"0, for no bias leg sets the thresholds of layer {bank.layer}"
            )


def _widest(spread: MismatchVariances, layer: int, kind: int) -> float:
    return max(
        float(sigma)
        for sigma, at in zip(spread.sigma_thresholds, spread.thresholds, strict=True)
        if (at.layer, at.kind) == (layer, kind)
    )


def _place(
    design: Design, calibration: Calibration, bank: Bank, side: str, *, bits: int, sigma: float
) -> Dac:
    bus = design.buses[bank.candidate]
    placed: IntArray = getattr(bank, f"{side}_units")
    beta = getattr(realised_bank(design, bank, calibration), side) * bus.scale
    rest = nominal_quiescent(design, bus)
    widest, nominal = (split(beta * k, rest)[0] for k in (1 + RANGE * sigma, 1.0))
    above = placed * (widest / nominal - 1)
    least = bus.rest_units * bus.split + 1 if bus.circuit.splits else 1
    below = np.minimum(above, placed - least)
    lsb = max(1, math.ceil(float(np.max(above + below)) / ((1 << bits) - 1)))
    # Where one unit device is more than the range needs, the rest is shared by both sides.
    spare = lsb * ((1 << bits) - 1) - (above + below)
    base = np.maximum(np.rint(placed - below - spare / 2), least).astype(np.int64)
    return Dac(
        bank=bank.name,
        layer=bank.layer,
        side=side,
        bits=bits,
        lsb=lsb,
        placed=placed,
        base=base,
        sigma=sigma,
    )


def nominal_quiescent(design: Design, bus: Bus) -> float:
    """Return what a candidate's rail carries at rest [A], without its mirrors' gains; else 0."""
    return bus.rest_units * design.i_lsb * bus.split if bus.circuit.splits else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Legs:
    """All DACs of one die.

    Attributes
    ----------
    dacs
        By layer and side.
    dvt, dbeta
        Of each leg's part that is always on, (n_units, 1), and of its bits, (n_units, bits), one
        beside the other.
    """

    design: Design
    die: Die
    dacs: Mapping[Side, Dac]
    dvt: Mapping[Side, Array]
    dbeta: Mapping[Side, Array]

    @classmethod
    def draw(cls, design: Design, die: Die, dacs: Sequence[Dac], *, scale: float = 1.0) -> Legs:
        """Draw the bits' devices; what the die already has keeps its draws.

        Parameters
        ----------
        scale
            Factor on every sigma of the bits, as the die was drawn with.
        """
        dvt: dict[Side, Array] = {}
        dbeta: dict[Side, Array] = {}
        for dac in dacs:
            group = dac.group(design.times(*dac.key))
            bits = draw_group(design.technology, group, die.seed, scale=scale)
            # The same draw, of a leg of fewer devices.
            shorter = np.sqrt(dac.placed / dac.base)[:, None]
            own, factor = die.dvt[dac.key][:, None], die.dbeta[dac.key][:, None]
            shift, beta = np.zeros(own.shape), 0.0
            if die.spread is not None:
                # The bits stand where the placed leg does.
                shift, beta = die.spread.of_group(group)
                shift = shift[:, :1]
            at = dac.at
            dvt[at] = np.hstack([(own - shift) * shorter, bits[0]]) + shift
            drawn = np.hstack([(factor - beta) / (1 + beta) * shorter, bits[1]])
            dbeta[at] = drawn + beta * (1 + drawn)
        by_side = {dac.at: dac for dac in dacs}
        return cls(design=design, die=die, dacs=by_side, dvt=dvt, dbeta=dbeta)

    def leg(self, at: Side, codes: IntArray) -> tuple[IntArray, Array, Array]:
        """Return unit devices, threshold shift [V] and relative current factor of legs.

        Parameters
        ----------
        codes
            (n_units, ...).

        Notes
        -----
        Devices in parallel: the mean over unit devices, as `draw_die` takes a leg of m of them.
        """
        dac = self.dacs[at]
        shape = (-1,) + (1,) * (codes.ndim - 1)
        base = dac.base.reshape(shape)
        units = base + dac.lsb * codes
        total = [base * values[at][:, 0].reshape(shape) for values in (self.dvt, self.dbeta)]
        for bit, weight in enumerate(dac.weights):
            on = weight * ((codes >> bit) & 1)
            for k, values in enumerate((self.dvt, self.dbeta)):
                total[k] = total[k] + on * values[at][:, 1 + bit].reshape(shape)
        return units, total[0] / units, total[1] / units

    def chip(self, codes: Mapping[Side, IntArray]) -> tuple[Design, Die]:
        """Return the Design and the die that the codes make of it: legs of their lengths."""
        banks = list(self.design.banks)
        dvt, dbeta = dict(self.die.dvt), dict(self.die.dbeta)
        for at, dac in self.dacs.items():
            units, dvt[dac.key], dbeta[dac.key] = self.leg(at, codes[at])
            k = next(k for k, bank in enumerate(banks) if bank.name == dac.bank)
            if dac.side == "up":
                banks[k] = dataclasses.replace(banks[k], up_units=units)
            else:
                banks[k] = dataclasses.replace(banks[k], down_units=units)
        design = dataclasses.replace(self.design, banks=tuple(banks))
        return design, dataclasses.replace(self.die, dvt=dvt, dbeta=dbeta)

    def middle(self) -> dict[Side, IntArray]:
        """Return the codes nearest to the placed legs."""
        return {at: dac.middle for at, dac in self.dacs.items()}
