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
from mru_hw.circuits.nodes.laws import split

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
    slopes
        Their derivatives by the value.
    by_quiescent
        Derivative of either rail by the quiescent current.
    on
        Per layer, which cells are set, (n_points, n_units, n_cells) of 0 and 1.
    """

    value: dict[str, Array]
    rails: dict[str, dict[str, Array]]
    slopes: dict[str, dict[str, Array]]
    by_quiescent: dict[str, Array]
    on: dict[int, Array]

    def rail(self, bus: str, role: str) -> Array:
        """Return the current [A] of the rail that legs of `role` copy, (n_points, n_nodes)."""
        return self.rails[bus][role.split("_")[1]]

    def at(self, rows: slice) -> Signals:
        """Return some of the points."""

        def cut(kept: dict[str, Array]) -> dict[str, Array]:
            return {name: values[rows] for name, values in kept.items()}

        return Signals(
            value=cut(self.value),
            rails={name: cut(kept) for name, kept in self.rails.items()},
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
    """Solve the nominal chip.

    Parameters
    ----------
    x
        (n_points, n_in) normalised inputs.
    cells
        Per layer, how many cells are set, (n_points, n_units).
    """
    design = nominal.design
    on = {
        bank.layer: (np.arange(bank.n_cells) < cells[bank.layer][:, :, None]).astype(np.float64)
        for bank in design.banks
    }
    states: dict[str, int] = {bank.state: bank.layer for bank in design.banks}
    value: dict[str, Array] = {}
    rails: dict[str, dict[str, Array]] = {}
    slopes: dict[str, dict[str, Array]] = {}
    by_quiescent: dict[str, Array] = {}
    # Buses stand in the order of the signal.
    for name, bus in design.buses.items():
        if name == "x":
            v = x * bus.scale
        elif not bus.circuit.moves:
            v = np.full((len(x), 1), bus.scale)
        elif name in states:
            layer = states[name]
            v = (on[layer] * nominal.levels[layer]).sum(axis=2)
        else:
            v = np.zeros((len(x), bus.size))
            for connection, source in nominal.legs_into(name):
                for role, leg in nominal.legs[connection.parameter].items():
                    sign = 1.0 if role.startswith("source") else -1.0
                    rail = rails[source.name][role.split("_")[1]]
                    v += rail @ (sign * leg).T
        value[name] = v
        if bus.circuit.splits:
            i_q = nominal.quiescent[name]
            plus, minus = split(v, i_q)
            root = plus + minus
            rails[name] = {"plus": plus, "minus": minus}
            slopes[name] = {"plus": plus / root, "minus": -minus / root}
            by_quiescent[name] = 2 * i_q / root
        elif bus.kind is NodeKind.RECTIFIED:
            rails[name] = {"plus": np.maximum(v, 0.0)}
            slopes[name] = {"plus": (v > 0).astype(np.float64)}
        else:
            rails[name] = {"plus": v}
            slopes[name] = {"plus": np.ones_like(v)}
    return Signals(value=value, rails=rails, slopes=slopes, by_quiescent=by_quiescent, on=on)


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
    for name in reversed(list(nominal.design.buses)):
        if name not in by_node:
            continue
        for connection, source in nominal.legs_into(name):
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
