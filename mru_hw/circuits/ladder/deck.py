"""Clocked units in a deck: step control or window comparator, and a ladder of cells.

Each start has a subcircuit of its own, for a cell's power-up reset is strapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from mru_hw.circuits.base import NodeView
from mru_hw.circuits.nodes.deck import node_net, rail_nets
from mru_hw.circuits.statements import Cell, Element, Place, Subckt, filled, given, wide_name
from mru_hw.circuits.units import PlacedView, UnitView, wide_cells, wide_unit

FIXED = {"up": 64, "down": 64}
"""Unit devices of the legs that set thresholds, where an instance says nothing."""
_CELL = {"hold": 16, "width": 32, "gain": 32}
_THRESHOLD = ("sink_plus", "source_plus", "sink_minus", "source_minus")
"""Rails of a threshold's node, in the order of a unit's ports."""


def unit_name(levels: int, n_cells: int, initial: int, *, window: bool = False) -> str:
    """Name the subcircuit of a unit of K levels each side, or of a single cell, and its start."""
    kind = f"cmru_unit_k{levels}" if n_cells == 2 * levels else "bmru_unit"
    start = f"{'m' if initial < 0 else ''}{abs(initial)}"
    return f"{kind}_s{start}{'_window' if window else ''}"


def unit_cell(
    levels: int, n_cells: int, initial: int, *, copies: tuple[str, ...] | None = None
) -> Cell:
    """Return a unit's subcircuit: step control and cells, strapped to its start.

    Parameters
    ----------
    copies
        Names of a window comparator's copies, whose threshold comes from four rails; None where
        two bias legs set it.
    """
    name = unit_name(levels, n_cells, initial, window=copies is not None)
    control, sizes = "step_control", FIXED
    rails: tuple[str, ...] = ("n_plus", "p_minus")
    compared: tuple[str, ...] = (*rails, "n", "p")
    if copies is not None:
        control, sizes = "window_comparator", dict.fromkeys(copies, 64)
        rails += ("b_n_plus", "b_p_plus", "b_n_minus", "b_p_minus")
        compared = rails
    pins = (*rails, "out", "n", "p", "hd", "st", "rst", "rst_b", "vdd", "vss")
    values = given({"units": 32, **sizes, **_CELL})
    words = [".subckt", name, *pins]
    head = Subckt(name=name, pins=pins, values=values, breaks=(*filled(words), len(words)))
    elements = [
        Element(
            name="xtap",
            nets=("hd", "hdb", "st", "stb", "vdd", "vss"),
            model="phase_tap",
            values={},
        ),
        _filled("xstep", (*compared, "st", "stb", "gs", "gr", "vdd", "vss"), control, sizes),
    ]
    for k in range(1, n_cells + 1):
        below = "vdd" if k == 1 else f"h{k - 1}"
        above = "vss" if k == n_cells else f"h{k + 1}"
        raised = 2 * levels * k <= n_cells * (levels + initial)
        forces = ("vss", "rst_b") if raised else ("rst", "vdd")
        phases = ("hd", "hdb", "st", "stb")
        elements.append(
            Element(
                name=f"xc{k}",
                nets=(
                    *(f"v{k}", f"h{k}", below, above, "gs", "gr"),
                    *(*phases, *forces, "out", "n", "vdd", "vss"),
                ),
                model="ladder_cell",
                values={key: f"{{{key}}}" for key in _CELL},
            )
        )
    return Cell(head=head, elements=tuple(elements))


def _filled(name: str, nets: tuple[str, ...], model: str, sizes: Mapping[str, int]) -> Element:
    values = {key: f"{{{key}}}" for key in ("units", *sizes)}
    words = (name, *nets, model, *(f"{key}={text}" for key, text in values.items()))
    return Element(name=name, nets=nets, model=model, values=values, breaks=filled(words))


def ladder_cells(placed: PlacedView, units: UnitView, views: Mapping[str, Cell]) -> Iterator[Cell]:
    """Yield the subcircuits of a row of units: one for each start."""
    copies = None if units.window is None else tuple(units.window)
    made = [
        unit_cell(units.levels, units.n_cells, initial, copies=copies)
        for initial in np.unique(units.initial).tolist()
    ]
    signed = placed.node(units.candidate).circuit.splits
    if not wide_unit(units, signed=signed):
        yield from made
        return
    cells = {**views, **{cell.head.name: cell for cell in made}}
    yield from wide_cells(units, cells, (cell.head.name for cell in made), signed=signed)


def ladder_elements(placed: PlacedView, units: UnitView) -> Iterator[Element]:
    """Yield the instance of each unit of a row."""
    i = units.layer
    c, h = placed.node(units.candidate), placed.node(units.state)
    wide = wide_unit(units, signed=c.circuit.splits)
    for k in range(units.n_units):
        nets = (
            *_compared_nets(c, k),
            *_threshold_nets(placed, units, k),
            *(node_net(h, k), "iref", "bias_p", f"hd{i}", f"st{i}"),
            *("rst", "rst_b", "vdd_memory", "vss"),
        )
        sizes = units.window or {"up": units.up_units[k], "down": units.down_units[k]}
        cell = {"hold": units.hold_units, "width": units.width_units, "gain": units.gain_units[k]}
        window = units.window is not None
        name = unit_name(units.levels, units.n_cells, int(units.initial[k]), window=window)
        yield Element(
            name=f"xu{i}_{k}",
            nets=nets,
            model=wide_name(name, wide),
            values=given({"units": c.units, **sizes, **cell}),
            place=Place(owner=units.name, index=k, block="memory"),
            breaks=(len(nets) + 2,),
        )


def _compared_nets(candidate: NodeView, k: int) -> tuple[str, str]:
    """Return the rails of candidate k that its comparators copy.

    A rectified one has no minus rail: nothing takes its unit down, as in software.
    """
    nets = rail_nets(candidate, k)
    return nets["sink_plus"], nets.get("source_minus", "vdd_memory")


def _threshold_nets(placed: PlacedView, units: UnitView, k: int) -> tuple[str, ...]:
    """Return the rails of unit k's threshold node as a unit with a window takes them."""
    if units.threshold is None:
        return ()
    rails = rail_nets(placed.node(units.threshold), k)
    return tuple(rails[role] for role in _THRESHOLD)


def ladder_nets(units: UnitView, k: int) -> tuple[str, ...]:
    """Return the nets of the cells of unit `k` below the chip, in thermometer order."""
    return tuple(f"xu{units.layer}_{k}.v{j}" for j in range(1, units.n_cells + 1))
