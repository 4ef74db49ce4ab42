"""Systematic errors: what stays when nothing is drawn.

rounding   The network of the rounded ratios, as the mapping reads it, less that which was asked
           for: whole unit devices.
curvature  The chip less that network: what no ratio and no bias takes up
           (`mru_hw.budget.curvature`).
leakage    What a leg carries beyond its diode's share at the worst condition, measured down to no
           current at all; and of cells that are not set. It is counted at nominal currents.

Each is followed to thresholds and outputs by the network's own weights, added up with its sign over
all devices at each operating point, and given as the root mean square over them. Curvature at a
threshold is counted where the candidate lies near it: there alone the mapping lays a line through
what candidates do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mru_hw.budget.curvature import (
    NodeBend,
    flip_error,
    leg_errors,
    node_bend,
    threshold_errors,
)
from mru_hw.budget.mismatch import POINTS, chunks, relative
from mru_hw.budget.network import Network, Played, ReadLegs
from mru_hw.budget.nominal import Key, Nominal, threshold_input, threshold_signs, thresholds
from mru_hw.budget.signals import Signals, draw_signals, identity
from mru_hw.budget.wanted import rounded_thresholds, wanted_legs
from mru_hw.cells.base import Array
from mru_hw.circuits.base import Rail, leg_of, rail_of
from mru_hw.circuits.nodes.signed import MINUS, PLUS
from mru_hw.mapping.design import Bank, Bus, Design
from mru_hw.mapping.sizing import Lengths
from mru_hw.model.network import Model
from mru_hw.technology.calibration import Calibration

KINDS = ("curvature", "rounding", "leakage")
NEAR = 8  # one in so many operating points lies near a threshold


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
    points = draw_signals(nominal, n_points) if signals is None else signals
    return Residuals(
        model=model,
        nominal=nominal,
        lengths=lengths,
        wanted=wanted_legs(model, design, calibration),
        played=Network.of(nominal).play(points),
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
    """What a chip's systematic errors are counted from, device by device.

    Attributes
    ----------
    model
        The trained network.
    nominal, lengths
        The chip without mismatch, and its technology's measured mirrors.
    wanted
        Per connection and role, its legs before rounding, amperes per ampere of their rail.
    played
        The network that it amounts to, at the operating points.
    """

    model: Model
    nominal: Nominal
    lengths: Lengths
    wanted: dict[str, dict[str, Array]]
    played: Played

    @property
    def signals(self) -> Signals:
        """Currents of the chip at the operating points."""
        return self.played.signals

    def at_bank(self, bank: Bank) -> tuple[Errors, dict[str, Array]]:
        """Return errors (n_thresholds,) of a bank, by group and in total."""
        carried = threshold_input(bank, self.signals.value)
        nominal = thresholds(self.nominal.devices, bank, carried)
        signs = threshold_signs(self.nominal.design, bank)
        own: Errors = {kind: {} for kind in KINDS}
        curvature = threshold_errors(self.played, bank)
        rounding = self.threshold_rounding(bank)
        for d, (sign, role) in enumerate(zip(signs, bank.circuit.thresholds, strict=False)):
            leakage = self.threshold_leakage(bank, sign, nominal[d])
            counted = {
                "curvature": {role: curvature[d]},
                "rounding": {role: rounding[d]},
                "leakage": leakage,
            }
            for kind, errors in counted.items():
                for part, error in errors.items():
                    key = (bank.name, part)
                    own[kind].setdefault(key, np.zeros_like(nominal))[d] += error
        scale = np.sqrt(np.mean(nominal[0] ** 2, axis=0))
        by_node = self.played.threshold_slope(bank)
        seeds = Seeds(target=bank.candidate, node=bank.threshold, by_node=by_node)
        sides = np.array(signs, dtype=np.float64)
        near = _near(self.signals.value[bank.candidate], sides, nominal)
        return self._summed(seeds, sides, scale, own, near)

    def at_outputs(self) -> tuple[Errors, dict[str, Array]]:
        """Return errors (n_outputs,), by group and in total."""
        scale = np.sqrt(np.mean(self.signals.value["y"] ** 2))
        n = self.nominal.design.buses["y"].size
        none: Errors = {kind: {} for kind in KINDS}
        points = self.signals.value["y"].shape[0]
        even = np.full((1, points, n), 1 / points)
        return self._summed(Seeds(target="y"), np.ones(1), np.full(n, scale), none, even)

    def threshold_rounding(self, bank: Bank) -> tuple[Array, Array]:
        """By how much [A] rounding raises the thresholds (n_units,) of both kinds.

        Of a window comparator by nothing: the scale of its threshold's bus takes it up.
        """
        design, cal = self.nominal.design, self.nominal.devices.calibration
        if bank.threshold is not None:
            return np.zeros(bank.n_units), np.zeros(bank.n_units)
        c = design.buses[bank.candidate]
        up, down = rounded_thresholds(self.model, design, cal, bank.layer)
        return up * c.scale, down * c.scale

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
        self, seeds: Seeds, signs: Array, scale: Array, own: Errors, near: Array
    ) -> tuple[Errors, dict[str, Array]]:
        """Add up errors of a bus's nodes less those of the thresholds themselves, over `scale`.

        Parameters
        ----------
        near
            (n_kinds, n_points, n_targets) how much each point counts for curvature, 1 in all; for
            the other kinds of error all count alike.
        """
        n_points, n = self.signals.value[seeds.target].shape
        squares: Errors = {kind: {} for kind in KINDS}
        totals = {kind: np.zeros((len(signs), n)) for kind in KINDS}
        for rows in chunks(self.nominal.design, n_points, n):
            part = self.played.at(rows)
            size = len(part.signals.value[seeds.target])
            found: Errors = {}
            for d, sign in enumerate(signs):
                if d == 0 or seeds.by_node is not None:
                    found = self.carried(part, seeds.at(d, sign, rows, (size, n)))
                for kind in KINDS:
                    total = np.zeros((size, n))
                    weight = near[d, rows] if kind == "curvature" else 1 / n_points
                    for key in dict.fromkeys((*found[kind], *own[kind])):
                        error = sign * found[kind].get(key, np.zeros((size, n)))
                        if key in own[kind]:
                            against = own[kind][key][d]
                            error = error - (against if len(against) == 1 else against[rows])
                        whole = squares[kind].setdefault(key, np.zeros((len(signs), n)))
                        whole[d] += (weight * error**2).sum(axis=0)
                        total += error
                    totals[kind][d] += (weight * total**2).sum(axis=0)

        def root(values: Array) -> Array:
            return relative(np.sqrt(values), scale).ravel()

        return (
            {kind: {key: root(v) for key, v in kept.items()} for kind, kept in squares.items()},
            {kind: root(values) for kind, values in totals.items()},
        )

    def carried(self, played: Played, seeds: Mapping[str, Array]) -> Errors:
        """Return errors (n_points, n_targets) [A] of everything before the seeds."""
        by_node, by_rail = played.carried_back(seeds)
        found: Errors = {kind: {} for kind in KINDS}
        for kind, key, error in self._sources(played, by_node, by_rail):
            found[kind][key] = found[kind].get(key, 0.0) + error
        return found

    def _sources(
        self,
        played: Played,
        by_node: dict[str, Array],
        by_rail: dict[tuple[str, str], Array],
    ) -> Iterator[tuple[str, Key, Array]]:
        """Yield kind, group and error (n_points, n_targets) [A]."""
        design, signals = self.nominal.design, played.signals
        for row in self.nominal.flow.rows:
            if row.bus.name in by_node:
                bend = node_bend(played, row)
                for legs in played.network.legs_into(row):
                    for kind, key, error in self._leg_errors(played, legs, row.bus, bend):
                        yield kind, key, _apply(by_node[row.bus.name], error)
        for (name, role), through in by_rail.items():
            bus = design.buses[name]
            if (direct := flipped_by(bus, role)) is not None:
                first = (rail_of(role)[0], direct)
                leak = self.wide_leak(bus, first, np.maximum(signals.rail(name, role), 0.0))
                yield "leakage", (name, flip_of(role)), _apply(through, leak)
        for bank in design.banks:
            if bank.state in by_node:
                off = (1 - signals.on[bank.layer]).sum(axis=2)
                error = off * self.leak("n_cell", 0.0)
                yield "leakage", (bank.name, "gain"), _apply(by_node[bank.state], error)

    def _leg_errors(
        self, played: Played, legs: ReadLegs, target: Bus, bend: NodeBend
    ) -> Iterator[tuple[str, Key, Array]]:
        """Yield kind, group and error (n_points, n_target) [A] of a connection's legs."""
        source, parameter = legs.source, legs.connection.parameter
        multiplied = played.chip(legs) / (2 if legs.connection.both else 1)
        for role, error in leg_errors(played, legs, target, bend):
            yield "curvature", (parameter, role), error
            if flipped_by(source, role) is not None:
                bent = flip_error(played, legs, role) @ played.network.copied(legs, role).T
                yield "curvature", (source.name, flip_of(role)), bent
            # An element of no device is charged to the legs that it would have.
            off = legs.placed[role] - self.wanted[parameter][role]
            taken = legs.roles[role].sign * np.abs(legs.share[role])[:, None] * legs.slope[role]
            yield "rounding", (parameter, role), multiplied @ (taken * off).T
            rail = np.maximum(played.signals.rail(source.name, role), 0.0)
            leak = self.wide_leak(source, rail_of(role), rail) / source.units
            units = legs.share[role][:, None] * legs.units[role]
            yield "leakage", (parameter, role), leak @ units.T


def _near(candidate: Array, signs: Array, at: Array) -> Array:
    """Return how much each point counts at each threshold, (n_kinds, n_points, n_units).

    Alike where the candidate (n_points, n_units) is among the one in `NEAR` that lie nearest to it,
    nothing elsewhere.
    """
    away = np.abs(signs[:, None, None] * candidate - at)
    n = max(1, candidate.shape[0] // NEAR)
    nearest = np.argsort(away, axis=1, kind="stable")[:, :n]
    found = np.zeros(away.shape)
    np.put_along_axis(found, nearest, 1 / n, axis=1)
    return found


def flip_of(role: str) -> str:
    """Return the copy between a node's diodes before legs of a role."""
    return f"flip_{rail_of(role)[0]}"


def flipped_by(bus: Bus, role: str) -> str | None:
    """Return the polarity of the copy between a node's diode and legs of a role, or None."""
    return bus.circuit.direct(rail_of(role)[0]) if bus.circuit.flipped(role) else None


def _apply(slopes: Array, error: Array) -> Array:
    applied: Array = (slopes @ error[:, :, None])[:, :, 0]
    return applied
