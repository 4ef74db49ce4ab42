"""Where devices stand on the chip: a declared floor plan, for there is no layout.

The chip is a square of `OVER_GATES` times the gate area of its signal and bias devices. In its
middle is the bias tree, around it a square of all memory units, each with its candidate and with
its threshold where that is a node, and around the units the bias legs. Every other bus is a row of
nodes, in the order of the Design, as high as the area of what stands in it needs; rows beside that
middle leave it out. A node's devices stand at one point (matched devices are interleaved), and so
do a unit's.

Only gate voltages suffer from distance, currents do not. So a leg stands with the node that it
copies, and its drain is a wire to where its current is wanted; a state is a node in a row, for its
unit sends it a current. Bias legs are halves at places that mirror each other in the tree, where
a plane of threshold shifts is nothing on average: they count as in the middle. What a unit copies
from the tree stands in the unit (docs/decisions/0024-floor-plan-and-gradients.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design, DeviceGroup
from mru_hw.mapping.rows import BIAS

Array = NDArray[np.float64]
Points = tuple[tuple[float, float], ...]

OVER_GATES = 4.0
"""Area of the chip over the gate area: sources, drains and spacing are 1.5 gates of a unit device,
wires, wells, switches and capacitors as much again. Our assumption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The floor plan of one Design.

    Attributes
    ----------
    side
        Of the chip [m].
    places
        x and y [m], from the chip's middle, of each node of a bus and of each unit of a bank
        (``bank0``).
    sources
        By a connection's parameter: the bus that its legs copy.
    """

    side: float
    places: Mapping[str, Points]
    sources: Mapping[str, str]

    @classmethod
    def of(cls, design: Design) -> Placement:
        """Place a Design."""
        sources = {c.parameter: c.source for c in design.connections}
        # What stands in a unit, and what has a place of its own.
        unit_of: dict[str, str] = {bank.candidate: bank.name for bank in design.banks}
        unit_of |= {b.threshold: b.name for b in design.banks if b.threshold is not None}
        units = {bank.name: bank.n_units for bank in design.banks}
        rows = {
            bus.name: bus.size
            for bus in design.buses.values()
            if bus.circuit.moves and bus.name not in unit_of
        }
        areas: dict[str, float] = dict.fromkeys((*units, BIAS, *rows), 0.0)
        for group in design.device_groups():
            device = design.technology.devices[group.device]
            owner = sources.get(group.key[0], group.key[0])
            gates = device.w * device.l * float(group.units.sum())
            areas[unit_of.get(owner, owner)] += OVER_GATES * gates
        side = math.sqrt(sum(areas.values()))
        block = math.sqrt(sum(areas[name] for name in units))
        middle = math.sqrt(block**2 + areas[BIAS])
        places: dict[str, Points] = {BIAS: ((0.0, 0.0),)}
        places |= _units(block, {name: (n, areas[name]) for name, n in units.items()})
        places |= _rows(side, middle, {name: (n, areas[name]) for name, n in rows.items()})
        places |= {bus: places[bank] for bus, bank in unit_of.items()}
        return cls(side=side, places=places, sources=sources)

    def node(self, owner: str, column: NDArray[np.int64] | int | None) -> tuple[Array, Array]:
        """Return x and y [m], from the chip's middle, of nodes of a bus or units of a bank.

        Parameters
        ----------
        column
            Indices of the nodes or units, any shape, which x and y then have; None gives the mean
            of all their places, where what serves all of them stands (a layer's strobe driver).
        """
        points = np.array(self.places[owner])
        at = points.mean(axis=0) if column is None else points[column]
        return at[..., 0], at[..., 1]

    def group(self, group: DeviceGroup) -> tuple[Array, Array]:
        """Return x and y [m] of a group's devices, each of the group's shape."""
        source = self.sources.get(group.key[0])
        owner, axis = (group.key[0], 0) if source is None else (source, 1)
        return self.node(owner, np.indices(group.units.shape)[axis])


def _units(side: float, banks: Mapping[str, tuple[int, float]]) -> dict[str, Points]:
    """Place units in a square of this side [m].

    Each bank, of so many units on so much area [m^2], is a strip of nearly square cells.
    """
    places, below = {}, -side / 2
    for name, (n, area) in banks.items():
        height = area / side
        rows = max(1, round(math.sqrt(n * height / side)))
        filled = np.bincount(np.arange(n) * rows // n)
        places[name] = tuple(
            (x, below + height * (row + 0.5) / rows)
            for row, in_row in enumerate(filled.tolist())
            for x in _evenly(in_row, 0.0, side)
        )
        below += height
    return places


def _rows(side: float, middle: float, buses: Mapping[str, tuple[int, float]]) -> dict[str, Points]:
    """Place buses on what a square in the middle leaves of the chip; sides in m.

    Each is a row of so many nodes, of so much area [m^2].
    """
    free = side**2 - middle**2
    below = side * (side - middle) / 2
    heights = np.array([-side, -middle, middle, side]) / 2
    places, used = {}, 0.0
    for name, (n, area) in buses.items():
        # Half of the row, and the rows before it, stand below this height.
        y = float(np.interp(used + area / 2, [0, below, free - below, free], heights))
        if abs(y) < middle / 2:
            flank = (side - middle) / 2
            left = _evenly(n // 2, -(middle + flank) / 2, flank)
            x = left + _evenly(n - n // 2, (middle + flank) / 2, flank)
        else:
            x = _evenly(n, 0.0, side)
        places[name] = tuple((at, y) for at in x)
        used += area
    return places


def _evenly(n: int, middle: float, width: float) -> list[float]:
    """Return the middles of n like parts of a width."""
    return [middle + width * ((k + 0.5) / n - 0.5) for k in range(n)]
