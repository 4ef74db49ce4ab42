"""From a Design and its dies to the program that the behavioral level runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mru_hw.cells.base import Devices
from mru_hw.cells.settling import step_capacitance
from mru_hw.circuits.legs.gains import leg_slopes, node_thermal, path_exponents
from mru_hw.circuits.legs.leakage import BusLeak, Leak, bus_leak, compared_leaks
from mru_hw.circuits.legs.rails import leg_weights, supply_sum
from mru_hw.circuits.legs.roles import LEGS
from mru_hw.circuits.nodes.bias import bias_supply, biased_legs
from mru_hw.circuits.nodes.laws import node_skew
from mru_hw.circuits.nodes.supply import node_branches, quiescent
from mru_hw.circuits.window.roles import COPIES
from mru_hw.mapping.design import Connection, Design
from mru_hw.mapping.flow import Flow, Units
from mru_hw.mapping.realised import rail_thresholds
from mru_hw.simulate.array import DieArray
from mru_hw.simulate.program import BRANCHES, COPY_ROLES, Array, Layout, Matrix, Program
from mru_hw.spice.drive import clock_capacitance, unit_capacitance
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import Die, die_calibration

TOGETHER = 32
"""Dies of a program at most: from some ten on a die takes the same time."""
BYTES = 1 << 24
"""What the matrices of a program take at most [bytes], as long as it has more than one die."""


def compile_die(
    design: Design,
    calibration: Calibration,
    die: Die,
    *,
    temperature: float,
    dtype: DTypeLike = np.float64,
) -> DieArray:
    """Return one die as numpy runs it: `compile_dies` of it alone."""
    (program,) = compile_dies(design, calibration, [die], temperature=temperature, dtype=dtype)
    return program.die(0)


def compile_dies(
    design: Design,
    calibration: Calibration,
    dies: Sequence[Die],
    *,
    temperature: float,
    dtype: DTypeLike = np.float64,
) -> Iterator[Program]:
    """Compute the matrices, thresholds and supply coefficients of dies, some at a time.

    A leg of m unit devices off a diode of n becomes the entry ``m/n gain factor`` of a matrix, with
    the systematic gain of its path and the mismatch factors of the devices on it; legs off the bias
    rail become constants. Nothing of a run is solved here. A die's numbers do not depend on which
    others it is compiled with.

    Parameters
    ----------
    design, dies
        The chip, and the threshold shift and current factor of each of its devices.
    calibration
        Constants at the run's corner, temperature and supply (`Calibration.at`), for dies whose
        devices share no shift; what a die has of that is added here.
    temperature
        Of the run [degC].
    dtype
        Number type of the arrays.

    Yields
    ------
    Program
        Of one or more dies, in order. Dies whose devices share a shift have constants of their own,
        so each of those is a program by itself.
    """
    flow = Flow.of(design)
    legs = max(1, sum(c.plus.size for c in design.connections))
    most = max(1, min(TOGETHER, BYTES // (64 * legs)))
    for shared, run in itertools.groupby(dies, key=lambda die: die.spread is not None):
        rest = list(run)
        step = 1 if shared else most
        for some in (rest[k : k + step] for k in range(0, len(rest), step)):
            own = die_calibration(calibration, some[0])
            devices = Devices(
                design=design, calibration=own, die=_together(some), temperature=temperature
            )
            yield _Compiler(flow, devices, len(some), np.dtype(dtype)).program()


def _together(dies: Sequence[Die]) -> Die:
    """Return dies as one whose arrays have a leading axis of dies."""
    first = dies[0]
    return Die(
        seed=first.seed,
        dvt={key: np.stack([die.dvt[key] for die in dies]) for key in first.dvt},
        dbeta={key: np.stack([die.dbeta[key] for die in dies]) for key in first.dbeta},
        spread=first.spread,
        reference=np.array([[die.reference] for die in dies], dtype=np.float64),
    )


class _Compiler:
    """Fills the arrays of one program."""

    def __init__(self, flow: Flow, devices: Devices, n_die: int, dtype: np.dtype[Any]) -> None:
        self.flow, self.devices, self.n_die, self.dtype = flow, devices, n_die, dtype
        calibration = devices.calibration
        self.leaks = [bus_leak(calibration, row.bus) for row in flow.rows]
        self.layout = Layout.of(flow, tuple(bool(leak.legs) for leak in self.leaks))
        self.bias_leak = bus_leak(calibration, devices.bias)
        self.legs = biased_legs(devices)
        # Quiescent currents [A] of rows with splitters.
        self.rest = {
            row.index: quiescent(devices, row.bus) for row in flow.rows if row.bus.circuit.splits
        }

    def program(self) -> Program:
        """Return the program."""
        flow, devices, layout = self.flow, self.devices, self.layout
        calibration, nodes = devices.calibration, flow.rows[-1].nodes.stop
        by_node = {name: np.zeros((self.n_die, nodes)) for name in ("i_q", "constant", "drag")}
        branches = np.zeros((self.n_die, 2, len(BRANCHES), nodes))
        # A row of units by itself has no legs, so no matrices.
        stops = [(one.net.stop, one.pull.stop) for one in layout.matrices]
        net, pull = (np.zeros((self.n_die, stop)) for stop in (stops[-1] if stops else (0, 0)))
        for row in flow.rows:
            at = row.nodes
            for k, (own, flip) in enumerate(node_branches(devices, row.bus).values()):
                branches[:, k, 0, at], branches[:, k, 1, at] = own, flip
            if row.index in self.rest:
                by_node["i_q"][:, at] = self.rest[row.index] / row.bus.scale
        bias_legs = self._connections(net, pull, by_node, branches)
        for row in flow.rows:
            branches[..., row.nodes] *= row.bus.scale
        by_node["supply_plus"], by_node["supply_minus"] = branches.sum(axis=2).swapaxes(0, 1)
        return Program(
            layout=layout,
            skew=node_skew(calibration),
            net=net.astype(self.dtype),
            pull=pull.astype(self.dtype),
            branches=branches.astype(self.dtype),
            leak=self._each([_leak_rows(leak, 4) for leak in self.leaks]),
            least=self._each([_least_row(leak) for leak in self.leaks]),
            bias_supply=bias_supply(devices) + bias_legs,
            clock_supply=np.full(self.n_die, len(flow.design.strobed) * calibration.i_driver),
            biased=np.full(self.n_die, self.legs.n),
            **{name: values.astype(self.dtype) for name, values in by_node.items()},
            **self._banks(),
        )

    def _each(self, values: list[Array]) -> Array:
        """Give every die the same numbers."""
        one = np.array(values)
        return np.broadcast_to(one, (self.n_die, *one.shape))

    def _connections(
        self, net: Array, pull: Array, by_node: Mapping[str, Array], branches: Array
    ) -> Array:
        """Fill the matrices; return what bias legs take from the supply [A], (n_die,)."""
        design, devices = self.devices.design, self.devices
        rows = {row.bus.name: row for row in self.flow.rows}
        wirings = {legs.connection.parameter: legs.index for legs in self.flow.legs}
        bias_legs = np.zeros(self.n_die)
        for connection in design.connections:
            source, target = design.buses[connection.source], rows[connection.target]
            weights = leg_weights(devices, connection)
            if not source.circuit.moves:
                terms = self._terms(connection, weights, self.bias_leak)
                # As `Rails.copied`, of a diode that carries its usual current.
                brought = terms[0] * self.legs.n
                if self.bias_leak.legs:
                    brought = brought + terms[3] * (self.legs.p - self.legs.n)
                by_node["constant"][:, target.nodes] += brought[..., 0]
                by_node["drag"][:, target.nodes] += terms[2][..., 0]
                drawn = supply_sum(weights, "plus", source.size)
                bias_legs += drawn[..., 0] * (source.scale * self.legs.p)
                continue
            from_row = rows[source.name]
            for k, sign in enumerate(source.circuit.signs):
                behind = BRANCHES.index("legs" if source.circuit.direct(sign) == "p" else "behind")
                branches[:, k, behind, from_row.nodes] += supply_sum(weights, sign, source.size)
            matrix = self.layout.matrices[wirings[connection.parameter]]
            terms = self._terms(connection, weights, self.leaks[from_row.index])
            self._place(matrix, terms, net, pull)
        return bias_legs

    def _place(self, matrix: Matrix, terms: Array, net: Array, pull: Array) -> None:
        """Put the terms of a wiring where its matrices are."""
        shape = (self.n_die, matrix.n_target, -1)
        whole, part = net[:, matrix.net].reshape(shape), matrix.part
        whole[..., :part], whole[..., part : 2 * part] = terms[0], terms[1]
        if matrix.columns > 2 * part:
            whole[..., 2 * part :] = terms[3]
        pull[:, matrix.pull].reshape(shape)[...] = terms[2]

    def _terms(self, connection: Connection, legs: Mapping[str, Array], leak: BusLeak) -> Array:
        """Return (4, n_die, n_target, rails n_source): what legs bring, amperes per ampere.

        The first two multiply the rails and the rails times their logarithms, the third is the
        pull, and the last multiplies what the current behind a rail's flip exceeds the rail's by.
        """
        devices = self.devices
        buses, calibration = devices.design.buses, devices.calibration
        source, target = buses[connection.source], buses[connection.target]
        signed = source.circuit.splits
        exponents = path_exponents(calibration, source, devices.temperature)
        slopes = leg_slopes(calibration, target)
        moves = node_thermal(calibration, target, devices.temperature)
        rest: Any = 0.0
        if signed:
            rest = np.log(quiescent(devices, source) / source.usual)[:, None, :]
        # Gains are taken at the target's usual voltage, which is not quite where it rests.
        rested = calibration.signed_rest / moves if target.circuit.splits else 0.0
        n, size = connection.plus.shape
        signs = (("plus", 1.0), ("minus", -1.0))[: 2 if signed else 1]
        terms = np.zeros((4, self.n_die, n, len(signs) * size))
        for k, (rail, sign) in enumerate(signs):
            columns = terms[..., k * size : (k + 1) * size]
            for leg in (leg for leg in LEGS if leg.rail == rail and leg.role in legs):
                role = leg.role
                # ln(rail / usual) = ln(rest / usual) + sign ln(plus / rest)
                current = leg.flow * legs[role] * (source.scale / target.scale)
                columns[0] += current * (1 - exponents[role] * rest)
                columns[1] -= current * (exponents[role] * sign)
                columns[2] += np.abs(current) * (slopes[leg.polarity] * moves)
                if leak.legs and leg.copies != leak.direct(rail):
                    columns[3] += current
        terms[0] -= rested * terms[2]
        return terms

    def _banks(self) -> dict[str, Any]:
        """Return what belongs to units, cells, levels and banks."""
        banks = self.flow.banks
        found: dict[str, list[Array]] = {}
        for units in banks:
            for name, values in self._bank(units).items():
                found.setdefault(name, []).append(values)
        joined: dict[str, Any] = {
            name: np.concatenate(parts, axis=-1).astype(self.dtype) for name, parts in found.items()
        }
        design, calibration = self.devices.design, self.devices.calibration
        charged = [(design, calibration, units.bank) for units in banks]
        joined["c_step"] = np.concatenate([step_capacitance(*one) for one in charged])
        joined["c_still"] = np.array(
            [one[2].n_units * unit_capacitance(*one) if one[2].clocked else 0.0 for one in charged]
        )
        joined["c_clock"] = np.array(
            [clock_capacitance(*one) if one[2].clocked else 0.0 for one in charged]
        )
        buses = design.buses
        joined["compared"] = self._each(
            [
                _leaks_of(compared_leaks(calibration, buses[units.bank.candidate]).values())
                for units in banks
            ]
        )
        return joined

    def _bank(self, units: Units) -> dict[str, Array]:
        """Return what belongs to one bank's units, cells and levels, (n_die, …) each."""
        bank, devices, n_die = units.bank, self.devices, self.n_die
        law = bank.circuit.law(devices, bank)
        buses = devices.design.buses
        c, h = buses[bank.candidate].scale, buses[bank.state].scale
        ratio = buses[bank.threshold].scale / c if bank.threshold else 1.0
        leg_unit = 1.0 if law.copies else c
        nominal, _ = rail_thresholds(devices.design, bank, devices.calibration)
        copies = np.zeros((n_die, len(COPY_ROLES), bank.n_units))
        for k, part in enumerate(COPIES):
            if part.name in law.copies:
                own = ratio if part.of_threshold else 1.0
                copies[:, k] = law.copies[part.name] * own
        by_unit = {
            "up": law.up / c,
            "down": law.down / c,
            "up_nominal": nominal / c,
            "up_copy": law.up_copy,
            "down_copy": law.down_copy,
            "up_leg": law.up_leg / leg_unit,
            "down_leg": law.down_leg / leg_unit,
        }
        by_cell = {
            "output": law.output * (self.legs.n / h),
            "drawn": law.drawn * self.legs.n,
            "level": law.level * (self.legs.n / h),
            "level_gains": law.level_gains,
            "held": law.held * self.legs.n,
        }
        whole = {
            name: np.broadcast_to(values, (n_die, *values.shape[-1:]))
            for name, values in by_unit.items()
        }
        for name, values in by_cell.items():
            each = np.broadcast_to(values, (n_die, *values.shape[-2:]))
            whole[name] = each.reshape(n_die, -1)
        return {**whole, "copies": copies}


def _leaks_of(leaks: Any) -> NDArray[np.float64]:
    return np.array([(leak.channel, leak.junction, leak.slope) for leak in leaks])


def _leak_rows(leak: BusLeak, most: int) -> NDArray[np.float64]:
    """Return the leaks of a row's rails, (4, 3); zeros where there are fewer or none."""
    rows = np.zeros((most, 3))
    known: list[Leak] = list(leak.legs.values())
    if known:
        rows[: len(known)] = _leaks_of(known)
    return rows


def _least_row(leak: BusLeak) -> NDArray[np.float64]:
    row = np.zeros(2)
    row[: len(leak.least)] = list(leak.least.values())
    return row
