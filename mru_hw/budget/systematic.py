"""Systematic errors: what the mapping's compensation leaves.

V_DS      The mapping takes every gain at the node's usual voltage and the diode's usual current;
          here it is taken at each operating point's, by the same law (`Calibration.gain`). A signed
          node's voltage over its current is measured (`mru_hw.mapping.sizing`), a rectified one's
          is its diode's; output pins are held. Comparators decide at one voltage.
rounding  Whole unit devices against what the network asked for.
leakage   What a leg carries beyond its diode's share at the worst condition, measured down to no
          current at all; and of cells that are not set. It is counted at nominal currents.

Each is followed to thresholds and outputs as mismatch is, added up with its sign over all devices
at each operating point, and given as the root mean square over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mru_hw.budget.mismatch import POINTS, chunks, relative
from mru_hw.budget.nominal import (
    Key,
    Nominal,
    threshold_input,
    threshold_signs,
    threshold_slope,
    thresholds,
)
from mru_hw.budget.signals import Signals, draw_signals, gradients, identity
from mru_hw.budget.wanted import rounded_thresholds, wanted_legs
from mru_hw.cells.base import Array
from mru_hw.circuits.base import NodeKind, Rail, leg_of, rail_of
from mru_hw.circuits.legs.gains import node_flip, node_voltage, path_gains
from mru_hw.circuits.nodes.signed import MINUS, PLUS
from mru_hw.circuits.window.gains import threshold_copy, window_copies
from mru_hw.mapping.design import Bank, Bus, Connection, Design
from mru_hw.mapping.sizing import Lengths
from mru_hw.model.network import Model
from mru_hw.technology.calibration import Calibration

KINDS = ("v_ds", "rounding", "leakage")
LEAST = 1e-15  # A, below which no diode's voltage is followed


@dataclass(frozen=True, slots=True, kw_only=True)
class Systematic:
    """Root mean squares over operating points.

    Attributes
    ----------
    at_thresholds, at_outputs
        By kind of error and device group, (n_thresholds,) relative to the rising threshold and
        (n_outputs,) relative to the outputs' root mean square.
    total_thresholds, total_outputs
        By kind, all groups added with their signs.
    """

    at_thresholds: dict[str, dict[Key, Array]]
    at_outputs: dict[str, dict[Key, Array]]
    total_thresholds: dict[str, Array]
    total_outputs: dict[str, Array]


def systematic_errors(chip: Residuals) -> Systematic:
    """Compute the systematic errors of a chip at its operating points."""
    banks = [chip.at_bank(bank) for bank in chip.nominal.design.banks]
    outputs, output_totals = chip.at_outputs()
    return Systematic(
        at_thresholds={kind: _joined([groups[kind] for groups, _ in banks]) for kind in KINDS},
        at_outputs=outputs,
        total_thresholds={
            kind: np.concatenate([totals[kind] for _, totals in banks]) for kind in KINDS
        },
        total_outputs=output_totals,
    )


def residuals(
    model: Model,
    design: Design,
    calibration: Calibration,
    lengths: Lengths,
    *,
    n_points: int = POINTS,
    signals: Signals | None = None,
) -> Residuals:
    """Read a chip at its nominal temperature and at operating points, drawn when None.

    Raises
    ------
    UserError
        The thresholds of loops come from the input.
    """
    nominal = Nominal.of(design, calibration, design.technology.temperature)
    return Residuals(
        model=model,
        nominal=nominal,
        lengths=lengths,
        wanted=wanted_legs(model, design, calibration),
        signals=draw_signals(nominal, n_points) if signals is None else signals,
    )


def _joined(parts: list[dict[Key, Array]]) -> dict[Key, Array]:
    keys = dict.fromkeys(key for part in parts for key in part)
    sizes = [len(next(iter(part.values()))) for part in parts]
    return {
        key: np.concatenate(
            [part.get(key, np.zeros(n)) for part, n in zip(parts, sizes, strict=True)]
        )
        for key in keys
    }


Errors = dict[str, dict[Key, Array]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """Where a chain of derivatives starts: candidates less their thresholds.

    Attributes
    ----------
    target
        Name of the bus of the candidates; each of its nodes is one target.
    node
        Name of the bus that the thresholds come from; None where they are fixed.
    by_node
        Derivative of each threshold by the inflow of its node there, (n_kinds, n_points, n_units).
    """

    target: str
    node: str | None = None
    by_node: Array | None = None

    def at(self, kind: int, sign: float, rows: slice, shape: tuple[int, int]) -> dict[str, Array]:
        """Return the seeds of `gradients` for one kind of threshold."""
        found = {self.target: identity(*shape)}
        if self.node is not None and self.by_node is not None:
            slope = self.by_node[kind, rows]
            found[self.node] = -sign * slope[:, :, None] * np.eye(shape[1])
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """What the mapping's compensation leaves of a chip, device by device.

    Attributes
    ----------
    wanted
        Per connection and role, its legs before rounding, amperes per ampere of their rail.
    """

    model: Model
    nominal: Nominal
    lengths: Lengths
    wanted: dict[str, dict[str, Array]]
    signals: Signals

    def at_bank(self, bank: Bank) -> tuple[Errors, dict[str, Array]]:
        """Return errors (n_thresholds,) of a bank, by group and in total."""
        carried = threshold_input(bank, self.signals.value)
        nominal = thresholds(self.nominal.devices, bank, carried)
        signs = threshold_signs(self.nominal.design, bank)
        own: Errors = {kind: {} for kind in KINDS}
        rounding = self.threshold_rounding(bank, nominal)
        for d, sign in enumerate(signs):
            leakage = self.threshold_leakage(bank, sign, nominal[d])
            for kind, errors in (("rounding", rounding[d]), ("leakage", leakage)):
                for role, error in errors.items():
                    key = (bank.name, role)
                    own[kind].setdefault(key, np.zeros_like(nominal))[d] += error
        scale = np.sqrt(np.mean(nominal[0] ** 2, axis=0))
        by_node = threshold_slope(self.nominal, bank, self.signals.value)
        seeds = Seeds(target=bank.candidate, node=bank.threshold, by_node=by_node)
        return self._summed(seeds, np.array(signs, dtype=np.float64), scale, own)

    def at_outputs(self) -> tuple[Errors, dict[str, Array]]:
        """Return errors (n_outputs,), by group and in total."""
        scale = np.sqrt(np.mean(self.signals.value["y"] ** 2))
        n = self.nominal.design.buses["y"].size
        none: Errors = {kind: {} for kind in KINDS}
        return self._summed(Seeds(target="y"), np.ones(1), np.full(n, scale), none)

    def threshold_rounding(self, bank: Bank, nominal: Array) -> list[dict[str, Array]]:
        """By how much [A] rounding raises each threshold, (n_points or 1, n_units), by role."""
        design, cal = self.nominal.design, self.nominal.devices.calibration
        c = design.buses[bank.candidate]
        if bank.window is not None and bank.threshold is not None:
            b = design.buses[bank.threshold]
            copied = threshold_copy(window_copies(cal, bank.window, c, b))
            rails = self.signals.rails[bank.threshold]
            wanted = copied * (rails["plus"] + rails["minus"])
            roles = bank.circuit.thresholds
            return [{role: at - wanted} for role, at in zip(roles, nominal, strict=False)]
        moved = rounded_thresholds(self.model, design, cal, bank.layer)
        roles = bank.circuit.thresholds
        return [{role: m * c.scale} for role, m in zip(roles, moved, strict=True)]

    def threshold_leakage(self, bank: Bank, sign: int, at: Array) -> dict[str, Array]:
        """By how much [A] leakage raises a threshold: of its legs, less that of the copies."""
        design = self.nominal.design
        c, bias = design.buses[bank.candidate], design.buses["bias"]
        loop = not bank.clocked
        rails = {"n": PLUS, "p": ("plus", "p") if loop else MINUS}
        copy = {p: self.wide_leak(c, rails[p], at) for p in "np"}
        leg = {p: self.wide_leak(bias, ("plus", p), bias.usual) / bias.units for p in "np"}
        if loop:
            return {"hold": sign * bank.up_units * leg["n"], "copy_plus": -sign * copy["p"]}
        side, polarity, own = ("up", "p", "n") if sign > 0 else ("down", "n", "p")
        if bank.window is None or bank.threshold is None:
            units = bank.up_units if sign > 0 else bank.down_units
            return {f"{side}_threshold": units * leg[polarity], f"{side}_copy": -copy[own]}
        b, carried = design.buses[bank.threshold], self.signals.rails[bank.threshold]
        legs = {
            f"{side}_{rail}": bank.window[f"{side}_{rail}"]
            * (self.wide_leak(b, (rail, polarity), carried[rail]) / b.units)
            for rail in ("plus", "minus")
        }
        return legs | {f"{side}_copy": -copy[own]}

    def wide_leak(self, bus: Bus, rail: Rail, current: Array | float) -> Array:
        """Return what a leg as wide as a rail's diode carries too much [A], beside `current`."""
        devices = bus.units * bus.times(leg_of(rail))
        return devices * self.leak(f"{rail[1]}_mirror", current / devices)

    def leak(self, device: str, current: Array | float) -> Array:
        """Return what one device carries too much [A] beside a diode of `current` a device."""
        placed = self.nominal.design.technology.devices[device]
        mirror = self.nominal.design.technology.devices[f"{placed.polarity}_mirror"]
        per_width = self.lengths.leakage(placed.polarity, placed.l, current)
        return per_width * (placed.w / mirror.w)

    # ------------------------------------------------------------------------------ propagation

    def _summed(
        self, seeds: Seeds, signs: Array, scale: Array, own: Errors
    ) -> tuple[Errors, dict[str, Array]]:
        """Add up errors of a bus's nodes less those of the thresholds themselves, over `scale`."""
        n_points, n = self.signals.value[seeds.target].shape
        squares: Errors = {kind: {} for kind in KINDS}
        totals = {kind: np.zeros((len(signs), n)) for kind in KINDS}
        for rows in chunks(self.nominal.design, n_points, n):
            part = self.signals.at(rows)
            size = len(part.value[seeds.target])
            found: Errors = {}
            for d, sign in enumerate(signs):
                if d == 0 or seeds.by_node is not None:
                    found = self.carried(part, seeds.at(d, sign, rows, (size, n)))
                for kind in KINDS:
                    total = np.zeros((size, n))
                    for key in dict.fromkeys((*found[kind], *own[kind])):
                        error = sign * found[kind].get(key, np.zeros((size, n)))
                        if key in own[kind]:
                            against = own[kind][key][d]
                            error = error - (against if len(against) == 1 else against[rows])
                        whole = squares[kind].setdefault(key, np.zeros((len(signs), n)))
                        whole[d] += (error**2).sum(axis=0)
                        total += error
                    totals[kind][d] += (total**2).sum(axis=0)

        def root(values: Array) -> Array:
            return relative(np.sqrt(values / n_points), scale).ravel()

        return (
            {kind: {key: root(v) for key, v in kept.items()} for kind, kept in squares.items()},
            {kind: root(values) for kind, values in totals.items()},
        )

    def carried(self, signals: Signals, seeds: Mapping[str, Array]) -> Errors:
        """Return errors (n_points, n_targets) [A] of everything before the seeds."""
        by_node, by_rail = gradients(self.nominal, signals, seeds)
        found: Errors = {kind: {} for kind in KINDS}
        for kind, key, error in self._sources(signals, by_node, by_rail):
            found[kind][key] = found[kind].get(key, 0.0) + error
        return found

    def _sources(
        self,
        signals: Signals,
        by_node: dict[str, Array],
        by_rail: dict[tuple[str, str], Array],
    ) -> Iterator[tuple[str, Key, Array]]:
        """Yield kind, group and error (n_points, n_targets) [A]."""
        design = self.nominal.design
        for c in design.connections:
            if c.target in by_node:
                for kind, role, error in self._leg_errors(signals, c):
                    yield kind, (c.parameter, role), _apply(by_node[c.target], error)
        for (name, role), through in by_rail.items():
            for kind, device, error in self._flip_errors(signals, design.buses[name], role):
                yield kind, (name, device), _apply(through, error)
        for bank in design.banks:
            if bank.state in by_node:
                off = (1 - signals.on[bank.layer]).sum(axis=2)
                error = off * self.leak("n_cell", 0.0)
                yield "leakage", (bank.name, "gain"), _apply(by_node[bank.state], error)

    def _leg_errors(self, signals: Signals, c: Connection) -> Iterator[tuple[str, str, Array]]:
        """Yield kind, role and error (n_points, n_target) [A] of a connection's legs."""
        design = self.nominal.design
        source = design.buses[c.source]
        none = np.zeros(c.plus.shape)
        for kind, units in c.legs():
            role = kind.role
            if role not in self.roles(c):
                continue
            leg = sign_of(role) * self.nominal.legs[c.parameter].get(role, none)
            current = signals.rail(source.name, role)
            drain, diode = self.leg_gains(signals, c, role, kind.device[0])
            yield "v_ds", role, ((current * diode) @ leg.T) * drain - current @ leg.T
            # An element of no device is charged to the legs that it would have.
            asked = sign_of(role) * self.wanted[c.parameter][role]
            yield "rounding", role, current @ (leg - asked).T
            leak = self.wide_leak(source, rail_of(role), np.maximum(current, 0.0)) / source.units
            yield "leakage", role, leak @ (sign_of(role) * units).T

    def roles(self, c: Connection) -> tuple[str, ...]:
        """List the roles that legs of a connection may have."""
        buses = self.nominal.design.buses
        gains = path_gains(self.nominal.devices.calibration, buses[c.source], buses[c.target])
        return tuple(role for role in gains if role.endswith("plus") or c.both)

    def leg_gains(
        self, signals: Signals, c: Connection, role: str, polarity: str
    ) -> tuple[Array, Array]:
        """Return gains of legs over the compensated ones: drain (points, n_target), diode's."""
        design, cal = self.nominal.design, self.nominal.devices.calibration
        source, target = design.buses[c.source], design.buses[c.target]
        usual, node = node_voltage(cal, target), self._node_voltages(signals, target)
        current = signals.rail(source.name, role)
        across = node if polarity == "n" else cal.v_dd - node
        fixed = usual if polarity == "n" else cal.v_dd - usual
        usual_device = source.i_rail(rail_of(role))
        devices = source.units * source.times(role)
        compensated = cal.gain(polarity, fixed, usual_device)
        drain = _gain(cal, polarity, across, np.full_like(across, usual_device))
        diode = _gain(cal, polarity, np.full_like(current, fixed), current / devices)
        return drain / compensated, diode / compensated

    def _flip_errors(
        self, signals: Signals, bus: Bus, role: str
    ) -> Iterator[tuple[str, str, Array]]:
        """Yield kind, device and error (n_points, n_nodes) [A] of the copy behind a role."""
        direct = flipped_by(bus, role)
        if direct is None:
            return
        device = f"flip_{role.split('_')[1]}"
        current = signals.rail(bus.name, role)
        yield "v_ds", device, current * (self.flip_gains(signals, bus, role, direct) - 1)
        first = (rail_of(role)[0], direct)
        yield "leakage", device, self.wide_leak(bus, first, np.maximum(current, 0.0))

    def flip_gains(self, signals: Signals, bus: Bus, role: str, direct: str) -> Array:
        """Return gains of a node's copies over the compensated ones, (points, n_nodes)."""
        cal = self.nominal.devices.calibration
        other = "p" if direct == "n" else "n"
        sign = rail_of(role)[0]
        current = signals.rail(bus.name, role) / bus.units
        device, passed = (
            np.maximum(current / bus.times(leg_of((sign, p))), LEAST) for p in (direct, other)
        )
        across = cal.v_dd - np.vectorize(cal.v_gate, otypes=[float])(other, passed)
        return _gain(cal, direct, across, device) / np.float64(node_flip(cal, bus, sign))

    def _node_voltages(self, signals: Signals, bus: Bus) -> Array:
        """Voltage [V] of each node, (n_points, n_nodes)."""
        cal, value = self.nominal.devices.calibration, signals.value[bus.name]
        if bus.circuit.splits:
            # As many splitters side by side as `split` carry so much more at the same voltage.
            return self.lengths.node_voltage(value / bus.split)
        if bus.kind is NodeKind.RECTIFIED:
            device = np.maximum(value / (bus.units * bus.times("sink_plus")), LEAST)
            return np.asarray(np.vectorize(cal.v_gate, otypes=[float])("n", device))
        return np.full_like(value, node_voltage(cal, bus))


def flipped_by(bus: Bus, role: str) -> str | None:
    """Return the polarity of the copy between a node's diode and legs of a role, or None."""
    return bus.circuit.direct(rail_of(role)[0]) if bus.circuit.flipped(role) else None


def sign_of(role: str) -> float:
    """Return +1 for legs that source a current, -1 for those that sink one."""
    return 1.0 if role.startswith("source") else -1.0


def _gain(cal: Calibration, polarity: str, across: Array, device: Array) -> Array:
    gain: Array = np.vectorize(cal.gain, otypes=[float])(
        polarity, across, np.maximum(device, LEAST)
    )
    return gain


def _apply(slopes: Array, error: Array) -> Array:
    applied: Array = (slopes @ error[:, :, None])[:, :, 0]
    return applied
