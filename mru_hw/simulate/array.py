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
from mru_hw.cells.loop import loop_law
from mru_hw.cells.nodes import node_supply, quiescent, split
from mru_hw.cells.rails import leg_weights, signed_sum, supply_sum
from mru_hw.mapping.design import SPLIT_UNITS, Bank, Bus, Design, NodeKind
from mru_hw.mapping.gains import flip_gain
from mru_hw.mapping.realised import net_threshold, rail_thresholds
from mru_hw.simulate.levels import Floats
from mru_hw.technology.calibration import Calibration
from mru_hw.variation.die import Die

Rails = tuple[Floats, Floats | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """The legs from one bus to another: ``target += plus @ i_plus + minus @ i_minus``."""

    source: str
    plus: Floats
    minus: Floats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A bus on a die.

    Attributes
    ----------
    kind
        Its circuit.
    i_q
        (n, 1, 1) quiescent current of each splitter; None where there is none.
    constant
        (n, 1, 1) what the bias legs add.
    wirings
        Legs into it from other buses.
    supply_plus, supply_minus
        (n,) amperes from the supply per unit of each rail: own branches and all legs.
    """

    kind: NodeKind
    i_q: Floats | None
    constant: Floats
    wirings: tuple[Wiring, ...]
    supply_plus: Floats
    supply_minus: Floats | None

    def rails(self, value: Floats) -> Rails:
        """Return the rails' currents of a node that receives `value`, (n, time, sequence)."""
        if self.i_q is not None:
            plus, minus = split(value, self.i_q)
            return plus, minus
        if self.kind is NodeKind.STATE:
            return value, None
        return np.maximum(value, 0), None

    def supply(self, rails: Rails) -> Floats:
        """Return the supply current [A], (time, sequence)."""
        plus, minus = rails
        total = _weigh(self.supply_plus, plus)
        if minus is not None and self.supply_minus is not None:
            total += _weigh(self.supply_minus, minus)
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
        plus, minus = carried
        weighed = plus * self.copies[f"{side}_plus"]
        return weighed if minus is None else weighed + minus * self.copies[f"{side}_minus"]

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
            plus, minus = carried
            total = plus if minus is None else plus + minus
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

    def value(self, name: str, rails: dict[str, Rails]) -> Floats:
        """Return what flows into a bus, (n, time, sequence), from the rails of its sources."""
        node = self.nodes[name]
        total: Floats | None = None
        for wiring in node.wirings:
            plus, minus = rails[wiring.source]
            part = apply(wiring.plus, plus)
            if wiring.minus is not None and minus is not None:
                part += apply(wiring.minus, minus)
            total = part if total is None else np.add(total, part, out=total)
        if total is None:
            raise ValueError(f"bus {name} has no source")
        return np.add(total, node.constant, out=total)


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
        At the supply of the run (`Calibration.at`).
    temperature
        [degC].
    """
    devices = Devices(design=design, calibration=calibration, die=die, temperature=temperature)
    supply = {
        name: tuple(np.asarray(s) for s in node_supply(devices, bus))
        for name, bus in design.buses.items()
    }
    plus = {name: s[0].copy() for name, s in supply.items()}
    minus = {name: s[1].copy() for name, s in supply.items()}
    wirings: dict[str, list[Wiring]] = {name: [] for name in design.buses}
    constant = {name: np.zeros(bus.size) for name, bus in design.buses.items()}
    bias_legs = 0.0
    for connection in design.connections:
        source, target = design.buses[connection.source], design.buses[connection.target]
        legs = leg_weights(devices, connection)
        shape = connection.plus.shape
        scale = source.scale / target.scale
        net_plus, net_minus = (signed_sum(legs, rail, shape) * scale for rail in ("plus", "minus"))
        drawn = supply_sum(legs, "plus", source.size)
        if source.kind is NodeKind.BIAS:
            constant[target.name] += net_plus[:, 0]
            bias_legs += float(drawn[0]) * source.scale
            continue
        plus[source.name] += drawn
        minus[source.name] += supply_sum(legs, "minus", source.size)
        wirings[target.name].append(
            Wiring(
                source=source.name,
                plus=net_plus.astype(dtype),
                minus=net_minus.astype(dtype) if connection.minus.any() else None,
            )
        )
    nodes = {}
    for name, bus in design.buses.items():
        splits = bus.kind in (NodeKind.SIGNED, NodeKind.CANDIDATE)
        i_q = quiescent(devices, bus) / bus.scale if splits else None
        nodes[name] = Node(
            kind=bus.kind,
            i_q=None if i_q is None else _column(i_q, dtype),
            constant=_column(constant[name], dtype),
            wirings=tuple(wirings[name]),
            supply_plus=(plus[name] * bus.scale).astype(dtype),
            supply_minus=(minus[name] * bus.scale).astype(dtype) if splits else None,
        )
    return DieArray(
        design=design,
        nodes=nodes,
        memories=tuple(_memory(devices, bank, nodes, dtype) for bank in design.banks),
        bias_supply=_bias_tree(devices, design.buses["bias"]) + bias_legs,
    )


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


def _memory(devices: Devices, bank: Bank, nodes: dict[str, Node], dtype: DTypeLike) -> Memory:
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
        level=(law.level / h.scale).astype(dtype),
        held=law.held.astype(dtype),
        up_copy=_column(law.up_copy, dtype),
        down_copy=_column(law.down_copy, dtype),
        up_leg=_column(law.up_leg / leg_unit, dtype),
        down_leg=_column(law.down_leg / leg_unit, dtype),
        copies={
            role: _column(weight * (1.0 if role.endswith("opposite") else unit), dtype)
            for role, weight in law.copies.items()
        },
    )
