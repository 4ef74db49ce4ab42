"""The behavioral array compiled for one die: matrices, rails and supply coefficients.

Everything is in the network's own units (a current over its bus's scale) but supply
coefficients, which are in amperes per such unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import DTypeLike

from mru_hw.cells.base import Devices
from mru_hw.cells.ladder import LadderLaw, bias_rails, ladder_law
from mru_hw.cells.leakage import BusLeak, bus_leak
from mru_hw.cells.loop import loop_law
from mru_hw.cells.nodes import (
    log_rail,
    node_supply,
    quiescent,
    rectified_node,
    signed_node,
    split,
)
from mru_hw.cells.rails import leg_weights, supply_sum
from mru_hw.mapping.design import SPLIT_UNITS, Bank, Bus, Connection, Design, NodeKind
from mru_hw.mapping.gains import flip_gain, leg_slopes, node_thermal, path_exponents
from mru_hw.mapping.realised import net_threshold, rail_thresholds
from mru_hw.simulate.levels import Floats
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import Die, die_calibration

EVEN = 0.05
"""Skew of signed nodes up to which they pass for even: a tenth of a percent of what a leg carries,
for a seventh of a run's time."""
SPLITTERS = (NodeKind.SIGNED, NodeKind.CANDIDATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rails:
    """What a node passes on, all (n, time, sequence) in the node's unit.

    Attributes
    ----------
    plus, minus
        Currents of its rails, as legs on their diodes copy them where any do, leakage and all; a
        node that is not signed has one.
    copied
        What legs are made of, one over the other: plus, minus, and both times ln(plus / rest),
        where rest is the quiescent current of a signed node and else the usual one. A path's gain
        moves with that logarithm, and minus has the same with the other sign. Then, of a bus that
        leaks, what legs on the copy of each rail carry more. None where no legs copy the node.
    """

    plus: Floats
    minus: Floats | None = None
    copied: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """The legs from one bus to another.

    Attributes
    ----------
    source
        Name of the bus that they copy.
    net
        (n_target, rows of `Rails.copied`) current into the target at its usual voltage.
    pull
        (n_target, rails) sum of the same legs' output conductances, times the voltage that the
        target moves by per factor e of its current.
    """

    source: str
    net: Floats
    pull: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A bus on a die.

    Attributes
    ----------
    kind
        Its circuit.
    i_q
        (n, 1, 1) quiescent current of each splitter; None where there is none.
    skew
        How unevenly a signed node moves (`mru_hw.cells.nodes.signed_node`).
    usual
        Current of its diodes at which gains are taken, in its unit.
    leak
        What its rails' legs carry beyond their share.
    constant, pull
        (n, 1, 1) what the bias legs add, and their part of `Wiring.pull`.
    wirings
        Legs into it from other buses.
    supply_plus, supply_minus
        (n,) amperes from the supply per unit of each rail: own branches and all legs.
    """

    kind: NodeKind
    i_q: Floats | None
    skew: float
    usual: float
    leak: BusLeak
    constant: Floats
    pull: Floats
    wirings: tuple[Wiring, ...]
    supply_plus: Floats
    supply_minus: Floats | None

    def rails(self, value: Floats, log: Floats | None = None) -> Rails:
        """Return the rails of a node that receives `value`, (n, time, sequence).

        Parameters
        ----------
        log
            ln(plus / rest), where it is known.
        """
        if self.kind is NodeKind.PIN:
            return Rails(plus=value)
        if self.i_q is None:
            plus = np.maximum(value, 0)
            log = log_rail(plus, self.usual) if log is None else log
            return self._copied({"plus": plus}, log)
        plus, minus = split(value, self.i_q)
        if self.kind is NodeKind.CANDIDATE:
            return Rails(plus=plus, minus=minus)
        log = log_rail(plus, self.i_q) if log is None else log
        return self._copied({"plus": plus, "minus": minus}, log)

    def _copied(self, diodes: Mapping[str, Floats], log: Floats) -> Rails:
        """Return the rails whose diodes carry `diodes`."""
        n, rows = len(log), len(log) * len(diodes)
        leaks = bool(self.leak.legs)
        copied: Floats = np.empty(((2 + leaks) * rows, *log.shape[1:]), log.dtype)
        for k, (sign, current) in enumerate(diodes.items()):
            at = k * n
            direct = current
            if leaks:
                direct, passed = self.leak.copied(sign, current)
                np.subtract(passed, direct, out=copied[2 * rows + at : 2 * rows + at + n])
            copied[at : at + n] = direct
            np.multiply(direct, log, out=copied[rows + at : rows + at + n])
        return Rails(
            plus=copied[:n], minus=copied[n : 2 * n] if len(diodes) > 1 else None, copied=copied
        )

    def supply(self, rails: Rails) -> Floats:
        """Return the supply current [A], (time, sequence)."""
        total = _weigh(self.supply_plus, rails.plus)
        if rails.minus is not None and self.supply_minus is not None:
            total += _weigh(self.supply_minus, rails.minus)
        return total


def _weigh(weights: Floats, values: Floats) -> Floats:
    weighed: Floats = apply(weights[None], values)[0]
    return weighed


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A bank on a die, in units of its candidate (thresholds) and its state (levels).

    Attributes
    ----------
    up, down
        (n, 1, 1) what a comparator reads where a unit steps up, and where it steps down: a rail of
        a ladder's candidate, the candidate itself of a loop (for an FQ-BMRU the rising and the
        falling threshold).
    up_nominal
        The first without mismatch.
    i_q
        (n, 1, 1) quiescent current of a ladder's signed candidate; None where rails do not count.
    level
        (n, n_cells + 1) output by the number of set cells.
    held
        (n, n_cells + 1) supply current [A] of the cells.
    biased
        What the bias legs in the cells carry over their share, leakage and all; `level` has it.
    up_copy, down_copy, up_leg, down_leg
        (n, 1, 1) branches of the comparators; see `LadderLaw`. Legs in candidate units.
    copies
        (n, 1, 1) by role what a window comparator weighs, in candidate units per unit of the
        copied rail; empty where bias legs set the thresholds.
    """

    bank: Bank
    up: Floats
    down: Floats
    up_nominal: Floats
    i_q: Floats | None
    level: Floats
    held: Floats
    biased: float
    up_copy: Floats
    down_copy: Floats
    up_leg: Floats
    down_leg: Floats
    copies: Mapping[str, Floats] = field(default_factory=dict)

    def window(self, side: str, carried: Rails) -> Floats:
        """Return what a window comparator weighs against ``"up"`` or ``"down"`` candidates.

        Parameters
        ----------
        carried
            Rails of the threshold's node, (n, time, sequence), in its units.
        """
        weighed: Floats = carried.plus * self.copies[f"{side}_plus"]
        if carried.minus is not None:
            weighed = weighed + carried.minus * self.copies[f"{side}_minus"]
        return weighed

    def against(self, candidate: Rails, carried: tuple[Rails, Rails]) -> tuple[Floats, Floats]:
        """Return what a window comparator weighs each of the candidate's rails against.

        Parameters
        ----------
        candidate
            Rails of the candidate.
        carried
            Those of the threshold's node, as PMOS and as NMOS legs copy them.

        Returns
        -------
        up, down
            (n, time, sequence); nothing weighs a minus rail that is not there.
        """
        up = self.window("up", carried[0])
        if candidate.minus is None:
            return up, np.zeros_like(up)
        up = up + candidate.minus * self.copies["up_opposite"]
        down = self.window("down", carried[1]) + candidate.plus * self.copies["down_opposite"]
        return up, down

    def compared(self, candidate: Rails, against: tuple[Floats, Floats] | None) -> Floats:
        """Return the supply current of the comparators, (time, sequence), in candidate units.

        Two current sources in series carry the smaller current.

        Parameters
        ----------
        against
            Of window comparators, `against`.
        """
        up_leg, down_leg = self.up_leg, self.down_leg
        if against is not None:
            up_leg, down_leg = up_leg * against[0], down_leg * against[1]
        total: Floats = np.minimum(candidate.plus * self.up_copy, up_leg).sum(axis=0)
        if candidate.minus is not None:
            total += np.minimum(candidate.minus * self.down_copy, down_leg).sum(axis=0)
        return total

    def thresholds(self, carried: Rails | None = None) -> tuple[Floats, Floats]:
        """Return the candidate at which a unit steps up and the magnitude at which it steps down.

        Parameters
        ----------
        carried
            Input-dependent threshold: the rails of its node, (n, time, sequence), in its units. A
            loop weighs their sum, and the mirror errors of the placed legs stand for those of the
            copies.
        """
        up, down = self.up, self.down
        if carried is not None and self.copies:
            return self._window_thresholds(carried)
        if carried is not None:
            total = carried.plus if carried.minus is None else carried.plus + carried.minus
            down, up = total * (up / self.up_nominal), up - down
            up = down + up
        if self.i_q is not None:
            up, down = net_threshold(up, self.i_q), net_threshold(down, self.i_q)
        return up, down

    def _window_thresholds(self, carried: Rails) -> tuple[Floats, Floats]:
        """Where the candidate's own rail meets the threshold and a copy of its other rail.

        ``p = w + k i_q^2 / p`` for a rail p, what the threshold weighs w and the other rail's k.
        """
        up = self.window("up", carried)
        if self.i_q is None:
            return up, np.full_like(up, np.inf)
        found = []
        for side, weighed in (("up", up), ("down", self.window("down", carried))):
            floor = 4 * self.copies[f"{side}_opposite"] * self.i_q * self.i_q
            rail = (weighed + np.sqrt(weighed * weighed + floor)) / 2
            found.append(net_threshold(rail, self.i_q))
        return found[0], found[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class DieArray:
    """All of a die that the behavioral level needs."""

    design: Design
    nodes: dict[str, Node]
    memories: tuple[Memory, ...]
    bias_supply: float

    def arrive(self, name: str, rails: Mapping[str, Rails]) -> tuple[Floats, Rails]:
        """Return what flows into a bus from the rails of its sources, and its own rails."""
        node = self.nodes[name]
        if not node.wirings:
            raise ValueError(f"bus {name} has no source")
        total, pull = node.constant, node.pull
        for wiring in node.wirings:
            copied = rails[wiring.source].copied
            assert copied is not None
            net = apply(wiring.net, copied)
            total = np.add(net, total, out=net)
            if node.kind is not NodeKind.PIN:
                drag = apply(wiring.pull, copied[: wiring.pull.shape[1]])
                pull = np.add(drag, pull, out=drag)
        if node.kind is NodeKind.PIN:
            return total, node.rails(total)
        if node.i_q is None:
            value, log = rectified_node(total, pull, node.usual)
        else:
            value, log = signed_node(total, pull, node.i_q, node.skew)
        return value, node.rails(value, log)


def apply(weight: Floats, values: Floats) -> Floats:
    """Return ``weight @ values`` over (n, time, sequence)."""
    out: Floats = np.empty((len(weight), *values.shape[1:]), np.result_type(weight, values))
    # One product of fixed shape a frame: its bits depend on neither length nor neighbours.
    np.matmul(weight, values.transpose(1, 0, 2), out=out.transpose(1, 0, 2))
    return out


def compile_die(
    design: Design,
    calibration: Calibration,
    die: Die,
    *,
    temperature: float,
    dtype: DTypeLike = np.float64,
) -> DieArray:
    """Compile a Design and a die into arrays.

    Parameters
    ----------
    calibration
        At the supply of the run (`Calibration.at`); what the die's devices share is added here.
    temperature
        [degC].
    """
    calibration = die_calibration(calibration, die)
    devices = Devices(design=design, calibration=calibration, die=die, temperature=temperature)
    supply = {
        name: tuple(np.asarray(s) for s in node_supply(devices, bus))
        for name, bus in design.buses.items()
    }
    plus = {name: s[0].copy() for name, s in supply.items()}
    minus = {name: s[1].copy() for name, s in supply.items()}
    leaks = {name: bus_leak(calibration, bus) for name, bus in design.buses.items()}
    biased = _bias_rails(leaks["bias"])
    wirings: dict[str, list[Wiring]] = {name: [] for name in design.buses}
    constant = {name: np.zeros((2, bus.size)) for name, bus in design.buses.items()}
    bias_legs = 0.0
    for connection in design.connections:
        source, target = design.buses[connection.source], design.buses[connection.target]
        legs = leg_weights(devices, connection)
        drawn = supply_sum(legs, "plus", source.size)
        wired = _wiring(devices, connection, legs, leaks[source.name])
        if source.kind is NodeKind.BIAS:
            constant[target.name][0] += wired.net @ biased
            constant[target.name][1] += wired.pull[:, 0]
            bias_legs += float(drawn[0]) * source.scale
            continue
        plus[source.name] += drawn
        minus[source.name] += supply_sum(legs, "minus", source.size)
        wirings[target.name].append(
            Wiring(source=wired.source, net=wired.net.astype(dtype), pull=wired.pull.astype(dtype))
        )
    nodes = {}
    skew = calibration.signed_skew if abs(calibration.signed_skew) > EVEN else 0.0
    for name, bus in design.buses.items():
        splits = bus.kind in SPLITTERS
        i_q = quiescent(devices, bus) / bus.scale if splits else None
        nodes[name] = Node(
            kind=bus.kind,
            i_q=None if i_q is None else _column(i_q, dtype),
            skew=skew,
            usual=bus.usual / bus.scale,
            leak=leaks[name],
            constant=_column(constant[name][0], dtype),
            pull=_column(constant[name][1], dtype),
            wirings=tuple(wirings[name]),
            supply_plus=(plus[name] * bus.scale).astype(dtype),
            supply_minus=(minus[name] * bus.scale).astype(dtype) if splits else None,
        )
    return DieArray(
        design=design,
        nodes=nodes,
        memories=tuple(_memory(devices, bank, nodes, biased[0], dtype) for bank in design.banks),
        bias_supply=_bias_tree(devices, design.buses["bias"]) + bias_legs,
    )


def _wiring(
    devices: Devices, connection: Connection, legs: Mapping[str, Floats], leak: BusLeak
) -> Wiring:
    """Turn a connection's legs, amperes per ampere by role, into the matrices of its wiring."""
    buses, calibration = devices.design.buses, devices.calibration
    source, target = buses[connection.source], buses[connection.target]
    signed = source.kind is NodeKind.SIGNED
    exponents = path_exponents(calibration, source, devices.temperature)
    slopes = leg_slopes(calibration, target)
    moves = node_thermal(calibration, target, devices.temperature)
    rest = np.log(quiescent(devices, source) / source.usual) if signed else 0.0
    # Gains are taken at the target's usual voltage, which is not quite where it rests.
    rested = calibration.signed_rest / moves if target.kind in SPLITTERS else 0.0
    net, bent, more, pull = [], [], [], []
    for rail, sign in (("plus", 1.0), ("minus", -1.0))[: 2 if signed else 1]:
        columns = np.zeros((4, *connection.plus.shape))
        for side, polarity, flow in (("source", "p", 1.0), ("sink", "n", -1.0)):
            role = f"{side}_{rail}"
            if role not in legs:
                continue
            # ln(rail / usual) = ln(rest / usual) + sign ln(plus / rest)
            current = flow * legs[role] * (source.scale / target.scale)
            columns[0] += current * (1 - exponents[role] * rest)
            columns[1] -= current * (exponents[role] * sign)
            columns[2] += np.abs(current) * (slopes[polarity] * moves)
            if leak.legs and (rail, polarity) != leak.direct(rail):
                columns[3] += current
        net.append(columns[0] - rested * columns[2])
        bent.append(columns[1])
        pull.append(columns[2])
        more.append(columns[3])
    rows = [*net, *bent, *(more if leak.legs else ())]
    return Wiring(source=source.name, net=np.hstack(rows), pull=np.hstack(pull))


def _bias_rails(leak: BusLeak) -> Floats:
    """Return `Rails.copied` of the bias rail, whose diode carries its usual current."""
    if not leak.legs:
        return np.array([1.0, 0.0])
    direct, passed = (copied[0] for copied in leak.copied("plus", np.ones(1)))
    return np.array([direct, 0.0, passed - direct])


def _column(values: Floats, dtype: DTypeLike) -> Floats:
    column: Floats = np.asarray(values, dtype=dtype)[:, None, None]
    return column


def _bias_tree(devices: Devices, bus: Bus) -> float:
    """Supply current [A]: the reference itself, the PMOS rail's diode, the splitters' chain."""
    rail_n, rail_p = bias_rails(devices)
    copied = float((devices.factor("bias", "flip_plus", "n") * rail_n)[0])
    gain = flip_gain(devices.calibration, "n", devices.i_unit_device)
    source = float((devices.factor("bias", "split_source", "p") * rail_p)[0])
    return bus.scale * (1 + copied * gain) + SPLIT_UNITS * devices.i_unit_device * gain * source


def _memory(
    devices: Devices, bank: Bank, nodes: dict[str, Node], biased: float, dtype: DTypeLike
) -> Memory:
    ladder = bank.clocked
    law: LadderLaw = ladder_law(devices, bank) if ladder else loop_law(devices, bank)
    c, h = devices.design.buses[bank.candidate], devices.design.buses[bank.state]
    unit = devices.design.buses[bank.threshold].scale / c.scale if bank.threshold else 1.0
    leg_unit = 1.0 if law.copies else c.scale
    nominal, _ = rail_thresholds(bank, c, devices.design.i_lsb, devices.calibration)
    return Memory(
        bank=bank,
        up=_column(law.up / c.scale, dtype),
        down=_column(law.down / c.scale, dtype),
        up_nominal=_column(nominal / c.scale, dtype),
        i_q=nodes[bank.candidate].i_q if ladder else None,
        level=(law.level * (biased / h.scale)).astype(dtype),
        held=(law.held * biased).astype(dtype),
        biased=float(biased),
        up_copy=_column(law.up_copy, dtype),
        down_copy=_column(law.down_copy, dtype),
        up_leg=_column(law.up_leg / leg_unit, dtype),
        down_leg=_column(law.down_leg / leg_unit, dtype),
        copies={
            role: _column(weight * (1.0 if role.endswith("opposite") else unit), dtype)
            for role, weight in law.copies.items()
        },
    )
