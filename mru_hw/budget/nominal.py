"""The nominal chip as the budget reads it: legs, quiescent currents, levels, and their slopes.

Slopes are taken from the cell laws themselves, by a die on which one group of devices carries a
little more and a little less: a law that changes changes the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mru_hw.cells.base import Array, Devices, mismatch_kind
from mru_hw.circuits.legs.gains import leg_slopes, node_thermal, path_exponents
from mru_hw.circuits.legs.rails import leg_weights
from mru_hw.circuits.nodes.laws import node_skew, split
from mru_hw.circuits.nodes.supply import quiescent
from mru_hw.circuits.units import UnitLaw
from mru_hw.circuits.window.law import meeting_rail
from mru_hw.errors import UserError
from mru_hw.mapping.design import Bank, Bus, Connection, Design, DeviceGroup
from mru_hw.mapping.flow import Flow, Row
from mru_hw.mapping.realised import net_threshold
from mru_hw.technology.calibration import Calibration, temperature_voltage
from mru_hw.variation import nominal_die

Key = tuple[str, str]

STEP = 0.01  # relative, of the currents that slopes are taken with


@dataclass(frozen=True, slots=True, kw_only=True)
class Nominal:
    """A chip without mismatch, as the derivatives of the error budget are taken at it.

    Attributes
    ----------
    devices
        Its devices, every factor 1.
    flow
        Its rows of nodes, in the order of the signal.
    legs
        Per connection and role, the legs' gain: A into the target per A of the source's rail,
        (n_target, n_source).
    quiescent
        Per bus with splitters, their quiescent current [A], (n_nodes,).
    levels
        Per layer, the current [A] that each cell adds to its unit's output, (n_units, n_cells).
    exponents
        Per bus and role of its legs, ``-d ln gain / d ln i`` of their path.
    """

    devices: Devices
    flow: Flow
    legs: dict[str, dict[str, Array]]
    quiescent: dict[str, Array]
    levels: dict[int, Array]
    exponents: dict[str, dict[str, float]]

    @classmethod
    def of(cls, design: Design, calibration: Calibration, temperature: float) -> Nominal:
        """Read a Design.

        Raises
        ------
        UserError
            The thresholds of a layer of loops come from the input: they have no circuit.
        """
        for bank in design.banks:
            if bank.threshold is not None and bank.window is None:
                raise UserError(
                    f"layers.{bank.layer}.threshold", "input", "fixed: an fq_bmru has no window"
                )
        devices = Devices(
            design=design,
            calibration=calibration,
            die=nominal_die(design),
            temperature=temperature,
        )
        return cls(
            devices=devices,
            flow=Flow.of(design),
            legs={c.parameter: leg_weights(devices, c) for c in design.connections},
            quiescent={
                name: quiescent(devices, bus)
                for name, bus in design.buses.items()
                if bus.circuit.splits
            },
            levels={bank.layer: cell_levels(devices, bank) for bank in design.banks},
            exponents={
                name: path_exponents(calibration, bus, temperature)
                for name, bus in design.buses.items()
            },
        )

    @property
    def design(self) -> Design:
        """What it was read from."""
        return self.devices.design

    def legs_into(self, row: Row) -> Iterator[tuple[Connection, Bus]]:
        """List the connections into a row, each with its source; those off the bias rail last."""
        for legs in self.flow.legs_into(row):
            yield legs.connection, self.flow.rows[legs.source].bus
        for connection in self.design.connections:
            source = self.design.buses[connection.source]
            if connection.target == row.bus.name and not source.circuit.moves:
                yield connection, source

    def pulls(self, target: Bus) -> dict[str, float]:
        """Return what a leg's output conductance makes of a node's movement, by its polarity.

        The relative change of the leg's current per factor e of the node's own current.
        """
        cal = self.devices.calibration
        moves = node_thermal(cal, target, self.devices.temperature)
        return {polarity: slope * moves for polarity, slope in leg_slopes(cal, target).items()}

    def rested(self, target: Bus) -> float:
        """Return by how many factors e of its current a node at rest lies above its usual voltage.

        Gains are taken at the usual voltage of all nodes of its kind, which a signed one does not
        quite rest at.
        """
        cal = self.devices.calibration
        moves = node_thermal(cal, target, self.devices.temperature)
        return cal.signed_rest / moves if target.circuit.splits else 0.0

    @property
    def skew(self) -> float:
        """How unevenly signed nodes move (`mru_hw.circuits.nodes.laws.signed_node`)."""
        return node_skew(self.devices.calibration)

    def slope(self, key: Key, law: Callable[[Devices], Array]) -> Array:
        """Return a law's derivative by ln of the current of every device of a group together."""
        sides = []
        for step in (STEP, -STEP):
            die = self.devices.die
            moved = replace(die, dbeta={**die.dbeta, key: die.dbeta[key] + step})
            sides.append(law(replace(self.devices, die=moved)))
        slope: Array = (sides[0] - sides[1]) / (2 * STEP)
        return slope

    def variance(self, group: DeviceGroup) -> Array:
        """Return the variance of ln of the current of each device of a group, as dies have it.

        ``((a_vt / (n kT/q))^2 + a_beta^2) / (W L m)``, with the group's shape.
        """
        technology = self.design.technology
        vt, beta = technology.sigma(group.device)
        kind = mismatch_kind(
            self.design.carried(*group.key), technology.devices[group.device].polarity
        )
        n = self.devices.calibration.mismatch(kind, self.devices.current(*group.key))
        thermal = n * temperature_voltage(self.devices.temperature)
        variance: Array = ((vt / thermal) ** 2 + beta**2) / np.maximum(group.units, 1)
        return variance


def bank_law(devices: Devices, bank: Bank) -> UnitLaw:
    """Return the law of a bank's units."""
    return bank.circuit.law(devices, bank)


def cell_levels(devices: Devices, bank: Bank) -> Array:
    """Return what each cell adds to its unit's output when it is set [A], (n_units, n_cells)."""
    levels: Array = np.diff(bank_law(devices, bank).level, axis=1)
    return levels


def threshold_signs(design: Design, bank: Bank) -> tuple[int, ...]:
    """Return how the candidate counts at each threshold of a unit: +1 up, -1 at one below zero.

    A rectified candidate of a CMRU or BMRU reaches the upper one only. An FQ-BMRU falls on the
    same side of zero as it rises.
    """
    if not bank.memory.signed:
        return (1, 1)
    signed = design.buses[bank.candidate].circuit.splits
    return (1, -1) if signed else (1,)


def thresholds(devices: Devices, bank: Bank, carried: Array | None = None) -> Array:
    """Return the candidate [A] at which each threshold of each unit lies.

    Parameters
    ----------
    carried
        What flows into the node of an input-dependent threshold [A], (n_points, n_units).

    Returns
    -------
    Array
        (n_kinds, n_points, n_units); one point where the threshold is fixed.
    """
    law = bank_law(devices, bank)
    bus = devices.design.buses[bank.candidate]
    signed = bank.clocked and bus.circuit.splits
    i_q = quiescent(devices, bus) if signed else np.zeros(bank.n_units)
    if bank.threshold is not None and carried is not None:
        b = devices.design.buses[bank.threshold]
        plus, minus = split(carried, quiescent(devices, b))
        rails = []
        for side in ("up", "down") if signed else ("up",):
            weighed = plus * law.copies[f"{side}_plus"] + minus * law.copies[f"{side}_minus"]
            rails.append(meeting_rail(weighed, law.copies.get(f"{side}_opposite", 0.0), i_q))
        both = np.array(rails)
    else:
        kinds = len(threshold_signs(devices.design, bank))
        both = np.array([law.up, law.down])[:kinds, None]
    return net_threshold(both, i_q) if signed else both


def threshold_input(bank: Bank, value: Mapping[str, Array]) -> Array | None:
    """Return what flows into the node of an input-dependent threshold, or None for a fixed one."""
    return None if bank.threshold is None else value[bank.threshold]


def threshold_slope(nominal: Nominal, bank: Bank, value: Mapping[str, Array]) -> Array | None:
    """Return the derivative [A/A] of thresholds from the input by the inflow of their nodes.

    A central difference with a step of `STEP` quiescent currents; (n_kinds, n_points, n_units), or
    None for fixed thresholds.
    """
    carried = threshold_input(bank, value)
    if bank.threshold is None or carried is None:
        return None
    step = STEP * nominal.quiescent[bank.threshold]
    sides = [thresholds(nominal.devices, bank, carried + s * step) for s in (1, -1)]
    slope: Array = (sides[0] - sides[1]) / (2 * step)
    return slope
