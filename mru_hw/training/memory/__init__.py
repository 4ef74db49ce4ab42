"""The memory cells in torch, by the names that `mru_hw.model.memory.CELLS` has.

A cell here gives what `mru_hw.model.memory` gives in numpy, with gradients; a test runs every cell
through both. How to add one: docs/extend/memory_cell.md.
"""

from __future__ import annotations

from mru_hw.errors import UserError
from mru_hw.model.memory import (
    ALPHA_CMRU,
    BMRU,
    CMRU,
    FQ_BMRU,
    GRU,
    HYBRID,
    LRU,
    MEMORYLESS,
    MINGRU,
    PDMU,
    SRC,
)
from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.alpha_cmru import AlphaCmruLayer
from mru_hw.training.memory.base import LayerTrace, Linear, MemoryLayer
from mru_hw.training.memory.bmru import BmruLayer
from mru_hw.training.memory.cmru import CmruLayer
from mru_hw.training.memory.fq_bmru import FqBmruLayer
from mru_hw.training.memory.gru import GruLayer
from mru_hw.training.memory.hybrid import HybridLayer
from mru_hw.training.memory.lru import LruLayer
from mru_hw.training.memory.memoryless import MemorylessLayer
from mru_hw.training.memory.mingru import MinGruLayer
from mru_hw.training.memory.pdmu import PdmuLayer
from mru_hw.training.memory.src import SrcLayer

__all__ = ["LAYERS", "LayerTrace", "Linear", "MemoryLayer", "memory_layer"]

LAYERS: dict[str, type[MemoryLayer]] = {
    CMRU.name: CmruLayer,
    BMRU.name: BmruLayer,
    FQ_BMRU.name: FqBmruLayer,
    ALPHA_CMRU.name: AlphaCmruLayer,
    LRU.name: LruLayer,
    MINGRU.name: MinGruLayer,
    SRC.name: SrcLayer,
    HYBRID.name: HybridLayer,
    PDMU.name: PdmuLayer,
    GRU.name: GruLayer,
    MEMORYLESS.name: MemorylessLayer,
}
"""Per cell the class that takes the structure of a layer and the width of its input."""


def memory_layer(spec: LayerSpec, width_in: int, field: str = "cell") -> MemoryLayer:
    """Return a memory layer with its cell's memory.

    Parameters
    ----------
    spec, width_in
        The structure of the layer and the width of its signed input.
    field
        What the user calls the cell, for the sentence.

    Raises
    ------
    UserError
        The cell has no torch half.
    """
    if spec.cell.name not in LAYERS:
        trained = ", ".join(LAYERS)
        raise UserError(field, spec.cell.name, f"a cell that can be trained: one of {trained}")
    return LAYERS[spec.cell.name](spec, width_in)
