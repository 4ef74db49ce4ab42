"""From a Design and a die to its behavioral array."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import DTypeLike

from mru_hw.cells.base import Devices
from mru_hw.cells.settling import step_capacitance
from mru_hw.circuits.base import SPLIT_UNITS
from mru_hw.circuits.legs.gains import leg_slopes, node_flip, node_thermal, path_exponents
from mru_hw.circuits.legs.leakage import BusLeak, bus_leak, candidate_leaks
from mru_hw.circuits.legs.rails import leg_weights, supply_sum
from mru_hw.circuits.nodes.bias import bias_rails, biased_legs
from mru_hw.circuits.nodes.laws import node_skew
from mru_hw.circuits.nodes.supply import node_supply, quiescent
from mru_hw.mapping.design import Bank, Bus, Connection, Design
from mru_hw.mapping.realised import rail_thresholds
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.array import DieArray, Memory, Node, Wiring
from mru_hw.spice.drive import clock_capacitance, unit_capacitance
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import Die, die_calibration


def compile_die(
    design: Design,
    calibration: Calibration,
    die: Die,
    *,
    temperature: float,
    dtype: DTypeLike = np.float64,
) -> DieArray:
    """Return the matrices, thresholds and supply coefficients of one die.

    A leg of m unit devices off a diode of n becomes the entry ``m/n gain factor`` of a matrix, with
    the systematic gain of its path and the mismatch factors of the devices on it; legs off the bias
    rail become constants. Nothing of a run is solved here (`mru_hw.simulate.die_run` does).

    Parameters
    ----------
    design, die
        The chip, and the threshold shift and current factor of each of its devices.
    calibration
        Constants at the run's corner, temperature and supply (`Calibration.at`), for a die whose
        devices share no shift; what `die` has of that is added here.
    temperature
        Of the run [degC].
    dtype
        Number type of the arrays.

    Returns
    -------
    DieArray
        Signals in the network's own units, supply coefficients in A per such unit.
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
    legs_n, legs_p = biased_legs(devices)
    # As `Rails.copied`, of a diode that carries its usual current.
    biased = np.array([legs_n, 0.0, legs_p - legs_n][: 3 if leaks["bias"].legs else 2])
    wirings: dict[str, list[Wiring]] = {name: [] for name in design.buses}
    constant = {name: np.zeros((2, bus.size)) for name, bus in design.buses.items()}
    bias_legs = 0.0
    for connection in design.connections:
        source, target = design.buses[connection.source], design.buses[connection.target]
        legs = leg_weights(devices, connection)
        drawn = supply_sum(legs, "plus", source.size)
        wired = _wiring(devices, connection, legs, leaks[source.name])
        if not source.circuit.moves:
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
    skew = node_skew(calibration)
    for name, bus in design.buses.items():
        splits = bus.circuit.splits
        i_q = quiescent(devices, bus) / bus.scale if splits else None
        nodes[name] = Node(
            circuit=bus.circuit,
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
        memories=tuple(_memory(devices, bank, nodes, legs_n, dtype) for bank in design.banks),
        bias_supply=_bias_tree(devices, design.buses["bias"]) + bias_legs,
        clock_supply=sum(bank.clocked for bank in design.banks) * calibration.i_driver,
    )


def _wiring(
    devices: Devices, connection: Connection, legs: Mapping[str, Floats], leak: BusLeak
) -> Wiring:
    """Turn a connection's legs, amperes per ampere by role, into the matrices of its wiring."""
    buses, calibration = devices.design.buses, devices.calibration
    source, target = buses[connection.source], buses[connection.target]
    signed = source.circuit.splits
    exponents = path_exponents(calibration, source, devices.temperature)
    slopes = leg_slopes(calibration, target)
    moves = node_thermal(calibration, target, devices.temperature)
    rest = np.log(quiescent(devices, source) / source.usual) if signed else 0.0
    # Gains are taken at the target's usual voltage, which is not quite where it rests.
    rested = calibration.signed_rest / moves if target.circuit.splits else 0.0
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


def _column(values: Floats, dtype: DTypeLike) -> Floats:
    column: Floats = np.asarray(values, dtype=dtype)[:, None, None]
    return column


def _bias_tree(devices: Devices, bus: Bus) -> float:
    """Supply current [A]: the reference itself, the PMOS rail's diode, the splitters' chain."""
    rail_n, rail_p = bias_rails(devices)
    copied = float((devices.factor("bias", "flip_plus", "n") * rail_n)[0])
    gain = node_flip(devices.calibration, bus, "plus")
    source = float((devices.factor("bias", "split_source", "p") * rail_p)[0])
    return bus.scale * (1 + copied * gain) + SPLIT_UNITS * devices.i_lsb * gain * source


def _memory(
    devices: Devices, bank: Bank, nodes: dict[str, Node], biased: float, dtype: DTypeLike
) -> Memory:
    ladder = bank.clocked
    law = bank.circuit.law(devices, bank)
    c, h = devices.design.buses[bank.candidate], devices.design.buses[bank.state]
    unit = devices.design.buses[bank.threshold].scale / c.scale if bank.threshold else 1.0
    leg_unit = 1.0 if law.copies else c.scale
    nominal, _ = rail_thresholds(devices.design, bank, devices.calibration)
    charged = (devices.design, devices.calibration, bank)
    return Memory(
        bank=bank,
        up=_column(law.up / c.scale, dtype),
        down=_column(law.down / c.scale, dtype),
        up_nominal=_column(nominal / c.scale, dtype),
        i_q=nodes[bank.candidate].i_q if ladder else None,
        leaks=candidate_leaks(devices.calibration, c) if ladder else {},
        level=(law.level * (biased / h.scale)).astype(dtype),
        held=(law.held * biased).astype(dtype),
        c_step=step_capacitance(*charged),
        c_still=bank.n_units * unit_capacitance(*charged) if ladder else 0.0,
        c_clock=clock_capacitance(*charged) if ladder else 0.0,
        biased=biased,
        up_copy=_column(law.up_copy, dtype),
        down_copy=_column(law.down_copy, dtype),
        up_leg=_column(law.up_leg / leg_unit, dtype),
        down_leg=_column(law.down_leg / leg_unit, dtype),
        copies={
            role: _column(weight * (1.0 if role.endswith("opposite") else unit), dtype)
            for role, weight in law.copies.items()
        },
    )
