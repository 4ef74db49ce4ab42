"""Where devices stand on the chip: a declared floor plan, for there is no layout.

The chip is a square of `SPREAD` times the gate area of its signal and bias devices. Each bus is a
row of it, in the order of the Design, as high as the area of what stands in it needs; its nodes
divide the row evenly. A node's devices stand at one point (matched devices are interleaved), and
so does all of a memory unit with its candidate and its state. Legs stand with the node that they
copy, but bias legs with the node or unit that they feed; the bias tree is in the middle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design, DeviceGroup, NodeKind

Array = NDArray[np.float64]

SPREAD = 4.0
"""Area of the chip over the gate area: sources, drains and spacing are 1.5 gates of a unit device,
wires, wells, switches and capacitors as much again. Our assumption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of like nodes: how many, and its place from the chip's middle [m]."""

    nodes: int
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The floor plan of one Design.

    Attributes
    ----------
    side
        Of the chip [m].
    rows
        By what stands in them: buses, and banks as ``bank0``.
    legs
        By a connection's parameter: its row, and which axis of its matrix is the row's.
    """

    side: float
    rows: Mapping[str, Row]
    legs: Mapping[str, tuple[str, int]]

    @classmethod
    def of(cls, design: Design) -> Placement:
        """Place a Design."""
        legs = {
            c.parameter: (c.target, 0) if c.source == "bias" else (c.source, 1)
            for c in design.connections
        }
        with_candidate = {bank.state: bank.candidate for bank in design.banks}
        with_candidate |= {f"bank{bank.layer}": bank.candidate for bank in design.banks}
        kept = [
            name
            for name, bus in design.buses.items()
            if bus.kind is not NodeKind.BIAS and name not in with_candidate
        ]
        areas = dict.fromkeys(kept, 0.0)
        total = 0.0
        for group in design.device_groups():
            device = design.technology.devices[group.device]
            area = SPREAD * device.w * device.l * float(group.units.sum())
            total += area
            owner = legs[group.key[0]][0] if group.key[0] in legs else group.key[0]
            row = with_candidate.get(owner, owner)
            if row in areas:
                areas[row] += area
        side, below = float(np.sqrt(total)), -sum(areas.values()) / 2
        rows = {}
        for name, area in areas.items():
            rows[name] = Row(nodes=design.buses[name].size, y=(below + area / 2) / side)
            below += area
        rows |= {name: rows[row] for name, row in with_candidate.items()}
        return cls(side=side, rows=rows, legs=legs)

    def node(self, owner: str, column: NDArray[np.int64] | int | None) -> tuple[Array, Array]:
        """Return x and y [m], from the chip's middle, of a node of a bus or a unit of a bank.

        Parameters
        ----------
        column
            Which of the row's nodes; None is what serves all of them, in the row's middle.
        """
        row = self.rows.get(owner)
        if row is None:  # the bias tree
            middle = np.zeros(() if column is None else np.shape(column))
            return middle, middle
        share = 0.5 if column is None else (np.asarray(column) + 0.5) / row.nodes
        x = np.asarray(self.side * (share - 0.5), dtype=np.float64)
        return x, np.full(x.shape, row.y)

    def group(self, group: DeviceGroup) -> tuple[Array, Array]:
        """Return x and y [m] of a group's devices, each of the group's shape."""
        owner, axis = self.legs.get(group.key[0], (group.key[0], 0))
        return self.node(owner, np.indices(group.units.shape)[axis])
