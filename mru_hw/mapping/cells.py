"""Which memory cells have a circuit."""

from __future__ import annotations

import enum

from mru_hw.model import memory
from mru_hw.model.memory import LevelCell
from mru_hw.model.structure import Structure


class CellKind(enum.StrEnum):
    """The memory cells that a circuit holds, by what ``model.yaml`` calls them.

    What such a cell does stands in `mru_hw.model.memory`; this tells its circuit from the others.
    """

    CMRU = memory.CMRU.name  # a ladder of hysteretic cells
    BMRU = memory.BMRU.name  # two comparators and one strobed cell
    FQ_BMRU = memory.FQ_BMRU.name  # a nine-transistor loop

    @property
    def memory(self) -> LevelCell:
        """What its units do, in software."""
        return _MEMORIES[self]


_MEMORIES: dict[CellKind, LevelCell] = {
    CellKind.CMRU: memory.CMRU,
    CellKind.BMRU: memory.BMRU,
    CellKind.FQ_BMRU: memory.FQ_BMRU,
}


def without_circuit(spec: Structure) -> tuple[int, ...]:
    """Return the layers, by number, whose memory cell no circuit of the library holds."""
    held = {kind.value for kind in CellKind}
    return tuple(i for i, layer in enumerate(spec.layers) if layer.cell.name not in held)


CLOCKED = frozenset({CellKind.CMRU, CellKind.BMRU})
"""Cells whose units move at a strobe (docs/decisions/0013-signed-units.md); a loop follows."""
