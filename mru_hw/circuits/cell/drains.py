"""Drain voltages of the bias legs in a cell that is set, and the gains that they give.

A leg (M5 of the output, M8 of the feedback) stands under a switch (M3, M6) whose gate is the
cell's node v. The switch's source is the leg's drain. In weak inversion its forward current goes
as ``exp(-V_s / U_T)`` and what comes back from its own drain as ``exp(-V_d / U_T)`` (Enz and
Vittoz, Charge-Based MOS Transistor Modeling, chapter 4), so

    V_s = -U_T ln(exp(-V_f / U_T) + exp(-V_d / U_T)),     V_f = (v - V_gate(I)) / b

V_f is where it ends as a follower. V_d is the gate voltage of the PMOS diode above it: of the state
node for the output, so it falls with the level, and of M7 for the feedback. b is by how much the
gate of an NMOS must rise with its source, measured (`calibration.n.body`).

A set ladder cell's v is short of the supply by what its feedback needs to hold it,
``U_T ln(width / (width - hold))``, for M9 is then in its triode region.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import DeviceView, NodeView
from mru_hw.circuits.legs.gains import gate_voltages
from mru_hw.circuits.units import UnitView
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration, temperature_voltage

Array = NDArray[np.float64]

ROUNDS = 3  # of a leg's current, which moves its own drain by little


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLegs:
    """The bias legs under the switches of a bank's cells, nominal.

    Attributes
    ----------
    calibration, technology
        Constants at the supply, and the devices' shapes.
    bank
        Whose cells; a `gain_units` that is not whole yet will do.
    i_lsb
        Current [A] of one unit device of the bias rail.
    bias, state
        Nodes of the bias rail, and those that collect the outputs.
    temperature
        [degC].
    """

    calibration: Calibration
    technology: Technology
    bank: UnitView
    i_lsb: float
    bias: NodeView
    state: NodeView
    temperature: float

    @classmethod
    def of(cls, devices: DeviceView, bank: UnitView) -> CellLegs:
        """Return the nominal legs of a bank's cells at a die's temperature."""
        return cls(
            calibration=devices.calibration,
            technology=devices.technology,
            bank=bank,
            i_lsb=devices.i_lsb,
            bias=devices.bias,
            state=devices.node(bank.state),
            temperature=devices.temperature,
        )

    def level_gains(self) -> Array:
        """Effective current over nominal of the output legs, by the number of set cells.

        Returns
        -------
        Array
            (n_units, n_cells + 1); the first, with none set, is of no use.
        """
        cal = self.calibration
        per_cell = self.bank.gain_units[:, None] * np.float64(self.i_lsb)
        cells = np.maximum(np.arange(self.bank.n_cells + 1), 1)[None]

        diode = self.state.units * self.state.times("source_plus")

        def drain(current: Array) -> Array:
            return cal.v_dd - gate_voltages(cal, "p", cells * current / diode)

        return self._gains(per_cell, drain)

    def feedback_gain(self) -> Array:
        """Effective current over nominal (n_units, 1) of the feedback's leg M8, its cell set."""
        cal = self.calibration
        wider = self.technology.shape("p_cell", "p_mirror") * self.bank.times("feedback_diode")

        def drain(current: Array) -> Array:
            return cal.v_dd - gate_voltages(cal, "p", current / wider)

        nominal: Array = np.maximum(self.bank.cell_width, 1)[:, None] * self.i_lsb
        return self._gains(nominal, drain)

    def _gains(self, nominal: Array, drain: Callable[[Array], Array]) -> Array:
        """Return the gains of legs of `nominal` current [A]; their switches end at `drain` [V]."""
        cal = self.calibration
        u_t = temperature_voltage(self.temperature)
        v, body = self._high(), cal.n.body
        switch = self.technology.shape("n_cell", "n_mirror")
        # The leg at 0 V over its diode.
        diode = cal.gain("n", 0.0, self.bias.i_rail(("plus", "n")))
        gain: Array = np.ones(np.shape(drain(nominal)))
        for _ in range(ROUNDS):
            current = nominal * gain
            follower = (v - gate_voltages(cal, "n", current / switch)) / body
            source = -u_t * np.logaddexp(-follower / u_t, -drain(current) / u_t)
            gain = diode * (1 + cal.n.conductance * source)
        return gain

    def _high(self) -> float:
        """Return v [V] of a cell that is set; a loop's candidate holds it at the supply."""
        v_dd = self.calibration.v_dd
        if not self.bank.clocked:
            return v_dd
        held = self.bank.width_units / (self.bank.width_units - self.bank.hold_units)
        return v_dd - temperature_voltage(self.temperature) * float(np.log(held))


def fed_current(devices: DeviceView, bank: UnitView) -> Array:
    """Return what a mirror's unit device as far inverted as one of M7's carries [A], (n_units,).

    Of an M7 whose area is not multiplied.

    M7 and M9, the pair that holds a cell's state, carry its I_width when it is set.
    """
    wider = devices.technology.shape("p_cell", "p_mirror")
    current: Array = np.maximum(bank.cell_width, 1) * (devices.i_lsb / wider)
    return current
