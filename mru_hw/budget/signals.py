"""Operating points: the currents that a chip's devices carry where errors are counted.

Inputs are +1 or -1 normalised unit, and the number of a unit's set cells is uniform, as where the
mapping chose scales (`mru_hw.mapping.passes.choose_scales`); all are independent, and every point
comes with its mirror image. So a weight is charged with the root mean square of what it carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.budget.nominal import Nominal
from mru_hw.cells.base import Array
from mru_hw.circuits.base import NodeKind
from mru_hw.circuits.nodes.laws import log_rail, rectified_node, signed_node, split
from mru_hw.mapping.design import Bus
from mru_hw.mapping.flow import Row

SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """Currents of all nodes at a number of points, each (n_points, n_nodes) [A].

    Attributes
    ----------
    value
        Per bus, what flows into its nodes.
    rails
        Per bus, the currents of rails ``plus`` and ``minus``.
    logs
        Per bus whose rails move and are copied, ln of either rail over the bus's usual current,
        by which the gains of its legs fall.
    slopes
        Derivatives of the rails by the value.
    by_quiescent
        Derivative of either rail by the quiescent current.
    on
        Per layer, which cells are set, (n_points, n_units, n_cells) of 0 and 1.
    """

    value: dict[str, Array]
    rails: dict[str, dict[str, Array]]
    logs: dict[str, dict[str, Array]]
    slopes: dict[str, dict[str, Array]]
    by_quiescent: dict[str, Array]
    on: dict[int, Array]

    def rail(self, bus: str, role: str) -> Array:
        """Return the current [A] of the rail that legs of `role` copy, (n_points, n_nodes)."""
        return self.rails[bus][role.split("_")[1]]

    def copied(self, nominal: Nominal, bus: Bus, role: str) -> Array:
        """Return the same times what its legs' gain is over that at the usual current."""
        rail = self.rail(bus.name, role)
        logs = self.logs.get(bus.name)
        if logs is None:
            return rail
        return rail * (1 - nominal.exponents[bus.name][role] * logs[role.split("_")[1]])

    def at(self, rows: slice) -> Signals:
        """Return some of the points."""

        def cut(kept: dict[str, Array]) -> dict[str, Array]:
            return {name: values[rows] for name, values in kept.items()}

        return Signals(
            value=cut(self.value),
            rails={name: cut(kept) for name, kept in self.rails.items()},
            logs={name: cut(kept) for name, kept in self.logs.items()},
            slopes={name: cut(kept) for name, kept in self.slopes.items()},
            by_quiescent=cut(self.by_quiescent),
            on={layer: values[rows] for layer, values in self.on.items()},
        )


def draw_signals(nominal: Nominal, n_points: int) -> Signals:
    """Draw operating points and solve the nominal chip at them."""
    design = nominal.design
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(SEED)))
    half = (n_points + 1) // 2
    cells = {}
    for bank in design.banks:
        drawn = rng.integers(0, bank.n_cells + 1, (half, bank.n_units))
        cells[bank.layer] = np.concatenate([drawn, bank.n_cells - drawn])
    x = rng.choice([-1.0, 1.0], (half, design.buses["x"].size))
    return solve_signals(nominal, np.concatenate([x, -x]), cells)


def solve_signals(nominal: Nominal, x: Array, cells: Mapping[int, NDArray[np.int64]]) -> Signals:
    """Solve the nominal chip by the laws of the behavioral level, without leakage.

    Parameters
    ----------
    x
        (n_points, n_in) normalised inputs.
    cells
        Per layer, how many cells are set, (n_points, n_units).
    """
    banks = nominal.flow.banks
    on = {
        units.bank.layer: (
            np.arange(units.bank.n_cells) < cells[units.bank.layer][:, :, None]
        ).astype(np.float64)
        for units in banks
    }
    solved = Signals(value={}, rails={}, logs={}, slopes={}, by_quiescent={}, on=on)
    for bus in nominal.design.buses.values():
        if not bus.circuit.moves:
            _hold(solved, nominal, bus, np.full((len(x), 1), bus.scale), None)
    for row in nominal.flow.rows:
        bus, log = row.bus, None
        if row.index == nominal.flow.x:
            v = x * bus.scale
        elif row.bank is not None:
            layer = banks[row.bank].bank.layer
            v = (on[layer] * nominal.levels[layer]).sum(axis=2)
        else:
            v, log = _inflow(nominal, solved, row)
        _hold(solved, nominal, bus, v, log)
    return solved


def _inflow(nominal: Nominal, solved: Signals, row: Row) -> tuple[Array, Array | None]:
    """Return what flows into a row's nodes [A], and the logarithms of their rails."""
    bus, shape = row.bus, (len(solved.value["x"]), row.bus.size)
    total, pull = np.zeros(shape), np.zeros(shape)
    pulls = nominal.pulls(bus)
    for connection, source in nominal.legs_into(row):
        for role, leg in nominal.legs[connection.parameter].items():
            sign, polarity = (1.0, "p") if role.startswith("source") else (-1.0, "n")
            total += solved.copied(nominal, source, role) @ (sign * leg).T
            pull += pulls[polarity] * (solved.rail(source.name, role) @ leg.T)
    total -= nominal.rested(bus) * pull
    if bus.circuit.splits:
        value, log = signed_node(total, pull, nominal.quiescent[bus.name], nominal.skew)
    elif bus.circuit.rails:
        value, log = rectified_node(total, pull, bus.usual)
    else:
        value, log = total, None
    return value, log


def _hold(solved: Signals, nominal: Nominal, bus: Bus, v: Array, log: Array | None) -> None:
    """Take down what flows into a bus's nodes, and their rails."""
    name = bus.name
    solved.value[name] = v
    if bus.circuit.splits:
        i_q = nominal.quiescent[name]
        plus, minus = split(v, i_q)
        root = plus + minus
        solved.rails[name] = {"plus": plus, "minus": minus}
        solved.slopes[name] = {"plus": plus / root, "minus": -minus / root}
        solved.by_quiescent[name] = 2 * i_q / root
        log = log_rail(plus, i_q) if log is None else log
        rest = np.log(i_q / bus.usual)
        solved.logs[name] = {"plus": rest + log, "minus": rest - log}
        return
    plus = np.maximum(v, 0.0) if bus.circuit.rails else v
    rectified = bus.kind is NodeKind.RECTIFIED
    solved.rails[name] = {"plus": plus}
    solved.slopes[name] = {"plus": (v > 0).astype(np.float64) if rectified else np.ones_like(v)}
    if bus.circuit.moves and bus.circuit.copied:
        log = log_rail(plus, bus.usual) if log is None else log
        solved.logs[name] = {"plus": log}


def gradients(
    nominal: Nominal, signals: Signals, seeds: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[tuple[str, str], Array]]:
    """Carry derivatives of some targets back to everything before them, states held.

    Parameters
    ----------
    seeds
        Per bus, derivative of every target by what flows into each of its nodes,
        (n_points, n_targets, n_nodes).

    Returns
    -------
    by_node
        The same for every bus before them.
    by_rail
        Per bus and role of its legs, derivative by what legs of that role copy of each node: the
        rail's current, on the legs' own side of it, (n_points, n_targets, n_nodes).
    """
    n_points, n = next(iter(seeds.values())).shape[:2]
    by_node: dict[str, Array] = dict(seeds)
    by_rail: dict[tuple[str, str], Array] = {}
    for row in reversed(nominal.flow.rows):
        name = row.bus.name
        if name not in by_node:
            continue
        for connection, source in nominal.legs_into(row):
            at = source.name
            for role, leg in nominal.legs[connection.parameter].items():
                rail = role.split("_")[1]
                sign = 1.0 if role.startswith("source") else -1.0
                # One large product instead of one for every point.
                reached = by_node[name].reshape(n_points * n, -1) @ (sign * leg)
                through = reached.reshape(n_points, n, -1)
                by_rail[at, role] = by_rail.get((at, role), 0.0) + through
                passed = through * signals.slopes[at][rail][:, None]
                by_node[at] = by_node.get(at, 0.0) + passed
    return by_node, by_rail


def identity(n_points: int, n: int) -> Array:
    """Return the seeds of targets that are a bus's nodes themselves."""
    return np.tile(np.eye(n), (n_points, 1, 1))
