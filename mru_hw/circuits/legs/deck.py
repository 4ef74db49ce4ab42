"""Mirror legs in a deck: a transistor each, from a source's rail to a target's node."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mru_hw.circuits.base import LegsView, NodeView
from mru_hw.circuits.legs.roles import leg_named
from mru_hw.circuits.nodes.deck import block, node_net, rail_nets
from mru_hw.circuits.statements import Element, Place, Values, given


def leg_instance(number: int, role: str, row: int, column: int) -> str:
    """Name the instance of one leg of the chip's so-many-th matrix of legs."""
    return f"xw{number}{leg_named(role).code}_{row}_{column}"


def leg_elements(
    number: int, connection: LegsView, source: NodeView, target: NodeView
) -> Iterator[Element]:
    """Yield every leg of a matrix."""
    supply = f"vdd_{block(source)}"
    nodes = [node_net(target, k) for k in range(target.size)]
    rails = [rail_nets(source, k) for k in range(source.size)]
    places = [Place(owner=source.name, index=k, block=block(source)) for k in range(source.size)]
    sizes: dict[int, Values] = {}
    for leg, units in connection.legs():
        bulk = supply if leg.flow > 0 else "vss"
        prefix = f"xw{number}{leg.code}"
        # Plain lists: indexing an array once per leg would take most of the time.
        at_row, at_column = (index.tolist() for index in np.nonzero(units))
        counts = (units[at_row, at_column] * connection.times(leg.role)).tolist()
        for row, column, count in zip(at_row, at_column, counts, strict=True):
            yield Element(
                name=f"{prefix}_{row}_{column}",
                nets=(nodes[row], rails[column][leg.role], bulk, bulk),
                model=leg.device,
                values=sizes.get(count) or sizes.setdefault(count, given({"units": count})),
                place=places[column],
            )
