"""How nodes move: capacitances of the chip's nets and the exact large-signal law of each circuit.

A net carries the gates that hang on it and the drains that lead to it; one constant each, per unit
device, stands for both (`device_capacitance`). Wires add what `mru_hw.cells.wires` says, nothing
unless asked for. The laws are exact while the inflow is constant:

diode       ``n U_T C dI/dt = I (i_in - I)``, from ``C dV/dt = i_in - I(V)``: logistic
splitter    ``C dV/dt = i_in - i_q (w - 1/w)``, ``w = exp((V - V_0) / (s U_T))``: a Riccati law
comparator  ``C dV/dt = i_up (1 + lambda_p (V_dd - V)) - i_down (1 + lambda_n V)``: linear in V

A diode that gives up current decays like ``n U_T C / t``, and one whose inflow is negative falls
to 0 V, where its channel carries `rest_current`; on its way up it first regains that voltage, with
the help of legs that sink nothing down there (`lifted`). The law holds for weak inversion (Enz and
Vittoz, Charge-Based MOS Transistor Modeling, chapter 4); `mru_hw.simulate.timed` puts the nodes
together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mru_hw.cells.base import Array
from mru_hw.cells.window import bank_copies, bank_groups
from mru_hw.cells.wires import LOOP, NODE, net_wires
from mru_hw.mapping.design import Bank, Bus, Design, DeviceGroup, NodeKind
from mru_hw.mapping.gains import node_thermal
from mru_hw.mapping.realised import quiescent_current
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration

Rail = tuple[str, str]
"""``plus`` or ``minus``, and the polarity of the transistors whose gates it drives."""

RAILS: dict[NodeKind, tuple[Rail, ...]] = {
    NodeKind.SIGNED: (("plus", "n"), ("plus", "p"), ("minus", "p"), ("minus", "n")),
    NodeKind.CANDIDATE: (("plus", "n"), ("minus", "p")),
    NodeKind.RECTIFIED: (("plus", "n"), ("plus", "p")),
    NodeKind.STATE: (("plus", "p"), ("plus", "n")),
    NodeKind.PIN: (),
    NodeKind.BIAS: (),
}
"""The rails of each circuit: behind each diode of the node comes the copy of the other polarity."""

WITHIN = 0.01  # of the usual current: a node that lies nearer to its end counts as settled


@dataclass(frozen=True, slots=True, kw_only=True)
class BusLoad:
    """Capacitances [F] of a bus's nodes, each (n,).

    Attributes
    ----------
    node
        The net that legs lead to; zeros where it is a rail's own.
    rails
        The gate nets.
    """

    node: Array
    rails: dict[Rail, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLoad:
    """Capacitances [F] inside a bank's units, each (n_units,).

    Attributes
    ----------
    up, down
        A comparator's nodes.
    loop, feedback
        A loop's own node and its feedback diode's.
    """

    up: Array
    down: Array
    loop: Array
    feedback: Array


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
    loads = {
        bus.name: BusLoad(
            node=np.zeros(bus.size), rails={rail: np.zeros(bus.size) for rail in RAILS[bus.kind]}
        )
        for bus in design.buses.values()
    }
    wires = {c.parameter: c for c in design.connections}
    for group in design.device_groups():
        owner, role = group.key
        gate, drain = unit[group.device]
        if owner in wires:
            source, target = design.buses[wires[owner].source], wires[owner].target
            _into(loads, design.buses[target])[...] += drain * group.units.sum(axis=1)
            if RAILS[source.kind]:
                _copied(loads, source.name, role)[...] += gate * group.units.sum(axis=0)
        elif owner in design.buses:
            _own(loads, design.buses[owner], group, gate, drain)
    for bank in design.banks:
        follower = unit["n_cell"][1] * bank.n_cells
        _into(loads, design.buses[bank.state])[...] += follower
        for group, bus, role in bank_copies(design, bank):
            _copied(loads, bus, role)[...] += unit[group.device][0] * group.units
    for (owner, role), farads in net_wires(design).items():
        if owner in loads and loads[owner].rails:
            into = _into(loads, design.buses[owner])
            net = into if role == NODE else _copied(loads, owner, role)
            net[...] += farads
    return loads


def _into(loads: Mapping[str, BusLoad], bus: Bus) -> Array:
    """Return the capacitance of the net that legs into a bus lead to."""
    load = loads[bus.name]
    if bus.kind in (NodeKind.RECTIFIED, NodeKind.STATE):
        return load.rails[RAILS[bus.kind][0]]
    return load.node


def _copied(loads: Mapping[str, BusLoad], bus: str, role: str) -> Array:
    """Return the capacitance of the rail that a leg of `role` reads."""
    return loads[bus].rails[rail_of(role)]


def rail_of(role: str) -> Rail:
    """Return the rail of a leg: what sources a current is a PMOS, what sinks one an NMOS."""
    does, rail = role.split("_")
    return rail, "p" if does == "source" else "n"


def _own(
    loads: Mapping[str, BusLoad], bus: Bus, group: DeviceGroup, gate: float, drain: float
) -> None:
    """Add a node's own devices."""
    load, role, units = loads[bus.name], group.key[1], group.units
    if not load.rails:
        return
    if role in ("split_n", "split_p"):
        load.node[...] += drain * units
        load.rails["minus" if role == "split_n" else "plus", "p" if role == "split_n" else "n"][
            ...
        ] += drain * units
        return
    sign = role.split("_")[1]
    own = group.device[0]
    other = "p" if own == "n" else "n"
    copies = role == f"flip_{sign}"
    load.rails[sign, own][...] += gate * units
    load.rails[sign, other if copies else own][...] += drain * units


def bank_load(design: Design, calibration: Calibration, bank: Bank) -> BankLoad:
    """Return the capacitances inside a bank's units."""
    unit = device_capacitance(design.technology, calibration)
    up, down, loop, feedback = (np.zeros(bank.n_units) for _ in range(4))
    # The strobed gates behind the comparators; a loop's followers and its two reset switches.
    up += unit["p_logic"][0]
    down += unit["n_logic"][0]
    loop += 2 * unit["n_cell"][0] + unit["n_switch"][1] + unit["p_switch"][1]
    feedback += unit["n_cell"][1]
    for group in bank_groups(design, bank):
        role = group.key[1]
        gate, drain = unit[group.device]
        units = group.units.sum(axis=1) if group.units.ndim > 1 else group.units
        if role.startswith("up_"):
            up += drain * units
        elif role.startswith("down_"):
            down += drain * units
        elif role in ("copy_plus", "copy_minus", "hold", "feedback"):
            loop += drain * units
        if role in ("feedback", "feedback_diode"):
            feedback += gate * units
        if role == "feedback_diode":
            feedback += drain * units
    loop += net_wires(design).get((f"bank{bank.layer}", LOOP), 0.0)
    return BankLoad(up=up, down=down, loop=loop, feedback=feedback)


def step_capacitance(design: Design, calibration: Calibration, bank: Bank) -> Array:
    """Return the capacitance [F] (n_units,) that a step of each unit charges from the supply.

    A ladder's is calibrated. A loop that rises lifts its own node and its feedback diode's; one
    that falls takes nothing for them, so a step takes half on average.
    """
    if bank.clocked:
        return np.full(bank.n_units, calibration.c_step)
    load = bank_load(design, calibration, bank)
    return (load.loop + load.feedback) / 2


# ----------------------------------------------------------------------------------------- laws


def rest_current(calibration: Calibration, polarity: str, units: int) -> float:
    """Return the current [A] of a diode's channel at 0 V, were it saturated."""
    m = calibration.n if polarity == "n" else calibration.p
    return (
        units
        * calibration.i_usual
        * math.exp(-m.v_gate / calibration.thermal(polarity, calibration.temperature))
    )


def diode_step(
    channel: Array, inflow: Array, charge: Array, rest: Array, dt: float
) -> tuple[Array, Array]:
    """Move diodes for `dt` [s]: the channel's current, of which the legs carry ``I - rest``.

    Parameters
    ----------
    channel
        I + rest at the start.
    inflow
        Its mean over the step, of either sign.
    charge
        ``n U_T C`` [current's unit times s].
    rest
        `rest_current`.

    Returns
    -------
    moved, mean
        The channel's current at the end, and its mean over the step: what flowed in less what the
        net keeps, ``n U_T C ln(I_end / I_start)``.
    """
    # 1/I obeys a linear equation, so this is stable for any step.
    k = dt / charge
    z = np.maximum((inflow + rest) * k, -60.0)
    z += 1e-9  # never 0, and far below what counts
    decay = np.expm1(-z)
    inverse = (decay + 1.0) / channel
    decay *= k
    decay /= z
    inverse -= decay
    moved = 1.0 / np.minimum(inverse, 1.0 / rest)
    mean = inflow + rest - np.log(moved / channel) / k
    # At 0 V the legs that sink give way, and the balance above does not hold.
    np.maximum(mean, np.minimum(moved, channel), out=mean)
    np.minimum(mean, np.maximum(moved, channel), out=mean)
    return moved, mean


def lifted(channel: Array, inflow: Array, sunk: Array, rest: Array, slope: float) -> Array:
    """Return where a diode that climbs starts from, as its channel's current.

    Near 0 V the legs that sink give way: they take ``sunk (1 - exp(-V / U_T))``. With a constant
    inflow ``C dV/dt = inflow + sunk exp(-V / U_T)``, so from 0 V a node climbs as if it had started
    at ``U_T ln(1 + sunk / inflow)`` with the inflow alone.

    Parameters
    ----------
    channel, inflow, rest
        As for `diode_step`.
    sunk
        What legs sink with the node well above 0 V, a part of `inflow`.
    slope
        Slope factor n of the diode.
    """
    rises = inflow > 0
    over = np.divide(sunk, inflow, out=np.zeros_like(channel), where=rises)
    start = np.minimum(rest * (1.0 + over) ** (1 / slope), np.maximum(inflow, 0.0) + rest)
    return np.maximum(channel, start)


def splitter_step(
    plus: Array, inflow: Array, i_q: Array, charge: Array, dt: float
) -> tuple[Array, Array, Array]:
    """Move splitters for `dt` [s]: the current ``i_q w`` of the plus side; minus is ``i_q / w``.

    Parameters
    ----------
    charge
        ``s U_T C`` [current's unit times s].

    Returns
    -------
    moved, mean_plus, mean_minus
        The plus side's current at the end; both sides' means over the step.
    """
    root = np.sqrt(inflow * inflow + 4 * i_q * i_q)
    # The two ends of the law: one positive, one negative, their product -i_q^2.
    large = (np.abs(inflow) + root) / 2
    small = i_q * i_q / large
    high = np.where(inflow >= 0, large, small)
    low = np.where(inflow >= 0, small, large)
    # u falls exponentially; 1 - u without the difference of two near ones.
    u = (plus - high) / (plus + low)
    k = dt / charge
    fall = -np.expm1(-root * k)
    first = root / (plus + low)
    last = first + u * fall
    moved = np.maximum((high + low * u * (1 - fall)) / last, i_q * 1e-12)
    mean_plus = np.clip(
        high + np.log(last / first) / k, np.minimum(plus, moved), np.maximum(plus, moved)
    )
    mean_minus = np.maximum(mean_plus - inflow + np.log(moved / plus) / k, 0.0)
    return moved, mean_plus, mean_minus


def comparator_step(
    v: Array,
    source: Array,
    sink: Array,
    slopes: tuple[float, float],
    c: Array,
    dt: float,
    v_dd: float,
) -> Array:
    """Move comparators' nodes for `dt` [s]: ``C dV/dt = source(V) - sink(V)``, between rails.

    Parameters
    ----------
    source, sink
        Currents at 0 V.
    slopes
        What each changes by per volt, relative to itself: ``source (1 - s V)``, ``sink (1 + t V)``.
    c
        Capacitance [F over the currents' unit].
    """
    falling, rising = slopes
    conductance = source * falling + sink * rising
    end = (source - sink) / conductance
    moved: Array = end + (v - end) * np.exp(-np.minimum(conductance * (dt / c), 600.0))
    return np.clip(moved, 0.0, v_dd)


# ------------------------------------------------------------------------------------- settling


def settling_times(
    design: Design, calibration: Calibration, temperature: float | None = None
) -> dict[str, float]:
    """Return by bus the time [s] that its slowest node needs to its floor current.

    The floor of a class-AB node's rails is their quiescent current i_q, that of other diodes 0.
    From any current above, ``I - i_q`` is down to 1 % of the usual current after
    ``(n U_T C / i_q) ln(1 + i_q / (1 % i_usual))``, ``n U_T C / (1 % i_usual)`` without i_q.
    """
    temperature = calibration.temperature if temperature is None else temperature
    times = {}
    for name, load in bus_loads(design, calibration).items():
        bus = design.buses[name]
        if not load.rails:
            continue
        near, i_q = WITHIN * bus.usual, 0.0
        if bus.kind in (NodeKind.SIGNED, NodeKind.CANDIDATE):
            i_q = quiescent_current(bus, design.i_lsb, calibration)
        slowest = [
            float(c.max()) * calibration.thermal(polarity, temperature)
            for (_, polarity), c in load.rails.items()
        ]
        slowest.append(float(load.node.max()) * node_thermal(calibration, bus, temperature) / 2)
        per = 1 / near if i_q == 0 else math.log1p(i_q / near) / i_q
        times[name] = max(slowest) * per
    return times
