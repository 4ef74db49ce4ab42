"""What hangs on the chip's nets: their capacitances, and how long its nodes take to settle.

A net carries the gates that hang on it and the drains that lead to it; one constant each, per unit
device, stands for both (`device_capacitance`). Wires add what `mru_hw.cells.wires` says, nothing
unless asked for. How nodes move with them: `mru_hw.circuits.nodes.moving` and
`mru_hw.circuits.ladder.moving`; `mru_hw.simulate.timed` puts the nodes together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mru_hw.cells.base import Array
from mru_hw.cells.usual import usual_currents
from mru_hw.cells.wires import net_wires
from mru_hw.circuits.base import NODE, Rail, rail_of
from mru_hw.circuits.legs.gains import node_thermal
from mru_hw.mapping.design import Bank, Bus, Design, DeviceGroup
from mru_hw.mapping.realised import quiescent_current
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration

WITHIN = 0.01  # of the usual current: a node that lies nearer to its end counts as settled


@dataclass(frozen=True, slots=True, kw_only=True)
class BusLoad:
    """Capacitances to ground [F] of the nets of a bus's n nodes, each (n,).

    Attributes
    ----------
    node
        Of the net that legs into the node drive. Zero where that net is one of the rails (the gate
        of a diode that hangs on it directly): then it is counted there.
    rails
        By rail, of its gate net: gates of diodes and legs on it, drains that lead to it, wires.
    """

    node: Array
    rails: dict[Rail, Array]


def device_capacitance(
    technology: Technology, calibration: Calibration
) -> dict[str, tuple[float, float]]:
    """Return gate and drain capacitance [F] of one unit device of each class.

    The mirrors' are calibrated; other gates go with the channel's area, other drains with its
    width.
    """
    mirrors = {
        "n": (calibration.c_gate_n, calibration.c_drain_n),
        "p": (calibration.c_gate_p, calibration.c_drain_p),
    }
    found = {}
    for name, device in technology.devices.items():
        unit = technology.devices[f"{device.polarity}_mirror"]
        gate, drain = mirrors[device.polarity]
        width = device.w / unit.w
        found[name] = (gate * width * device.l / unit.l, drain * width)
    return found


# -------------------------------------------------------------------------------- capacitances


def bus_loads(design: Design, calibration: Calibration) -> dict[str, BusLoad]:
    """Return the capacitances of all buses that carry a signal."""
    unit = device_capacitance(design.technology, calibration)
    loads: dict[str, BusLoad] = {
        bus.name: BusLoad(
            node=np.zeros(bus.size), rails={rail: np.zeros(bus.size) for rail in moving_rails(bus)}
        )
        for bus in design.buses.values()
    }
    connections = {c.parameter: c for c in design.connections}
    for group in design.device_groups():
        owner, role = group.key
        gate, drain = unit[group.device]
        if owner in connections:
            source, target = (design.buses[name] for name in connections[owner].ends)
            _net(loads, target, target.circuit.into)[...] += drain * group.units.sum(axis=1)
            if moving_rails(source):
                _net(loads, source, role)[...] += gate * group.units.sum(axis=0)
        elif owner in design.buses:
            _own(loads, design.buses[owner], group, gate, drain)
    for bank in design.banks:
        state = design.buses[bank.state]
        follower = unit["n_cell"][1] * bank.n_cells
        _net(loads, state, state.circuit.into)[...] += follower
        for group, part in design.bank_groups(bank):
            if part.reads:
                bus = design.buses[bank.read_by(part)]
                _net(loads, bus, part.reads)[...] += unit[group.device][0] * group.units
    for (owner, role), farads in net_wires(design).items():
        if owner in loads and loads[owner].rails:
            bus = design.buses[owner]
            _net(loads, bus, bus.circuit.into if role == NODE else role)[...] += farads
    return loads


def moving_rails(bus: Bus) -> tuple[Rail, ...]:
    """Return the rails of a bus whose currents move with the signal."""
    return bus.circuit.rails if bus.circuit.moves else ()


def _net(loads: Mapping[str, BusLoad], bus: Bus, net: str) -> Array:
    """Return the capacitance of a bus's node or of the rail that a leg of some role reads."""
    load = loads[bus.name]
    return load.node if net == NODE else load.rails[rail_of(net)]


def _own(
    loads: Mapping[str, BusLoad], bus: Bus, group: DeviceGroup, gate: float, drain: float
) -> None:
    """Add a node's own devices."""
    load, part = loads[bus.name], bus.circuit.role(group.key[1])
    if not load.rails:
        return
    if part.gate is not None:
        load.rails[part.gate][...] += gate * group.units
    for net in part.drains:
        on = load.node if isinstance(net, str) else load.rails[net]
        on[...] += drain * group.units


def bank_load(design: Design, calibration: Calibration, bank: Bank) -> dict[str, Array]:
    """Return the capacitances [F] (n_units,) of the nets inside a bank's units, by their names."""
    unit = device_capacitance(design.technology, calibration)
    found = {}
    for net, fixed in bank.circuit.inner.items():
        amount = 0.0
        for load in fixed:
            amount += load.count * unit[load.device][("gate", "drain").index(load.part)]
        found[net] = np.full(bank.n_units, amount)
    for group, part in design.bank_groups(bank):
        units = group.units.sum(axis=1) if group.units.ndim > 1 else group.units
        for nets, farads in zip((part.gates, part.drains), unit[group.device], strict=True):
            for net in nets:
                found[net] += farads * units
    wires = net_wires(design)
    for net in bank.circuit.wired:
        found[net] += wires.get((bank.name, net), 0.0)
    return found


def step_capacitance(design: Design, calibration: Calibration, bank: Bank) -> Array:
    """Return the capacitance [F] (n_units,) that a step of each unit charges from the supply.

    A ladder's is calibrated. A loop that rises lifts its own node and its feedback diode's; one
    that falls takes nothing for them, so a step takes half on average.
    """
    if bank.clocked:
        return np.full(bank.n_units, calibration.c_step)
    load = bank_load(design, calibration, bank)
    return (load["loop"] + load["feedback"]) / 2


def settling_times(
    design: Design,
    calibration: Calibration,
    temperature: float | None = None,
    reference: float = 0.0,
) -> dict[str, float]:
    """Return by bus the time [s] that its slowest node needs to its floor current.

    The floor of a class-AB node's rails is their quiescent current i_q, that of other diodes 0.
    From any current above, ``I - i_q`` is down to 1 % of the usual current after
    ``(n U_T C / i_q) ln(1 + i_q / (1 % i_usual))``, ``n U_T C / (1 % i_usual)`` without i_q.
    `reference` is the relative error of the current into the reference pin, which i_q follows
    and i_usual as `usual_currents` says.
    """
    temperature = calibration.temperature if temperature is None else temperature
    times, usual = {}, usual_currents(design, reference)
    for name, load in bus_loads(design, calibration).items():
        bus = design.buses[name]
        if not load.rails:
            continue
        near, i_q = WITHIN * usual[name], 0.0
        if bus.circuit.splits:
            i_q = quiescent_current(bus, design.i_lsb, calibration) * (1 + reference)
        slowest = [
            float(c.max()) * calibration.thermal(polarity, temperature)
            for (_, polarity), c in load.rails.items()
        ]
        slowest.append(float(load.node.max()) * node_thermal(calibration, bus, temperature) / 2)
        per = 1 / near if i_q == 0 else math.log1p(i_q / near) / i_q
        times[name] = max(slowest) * per
    return times
