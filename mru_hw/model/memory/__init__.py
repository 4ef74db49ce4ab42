"""The memory cells that software runs, by name: one module a cell, one entry in `CELLS`.

How to add one: docs/extend/memory_cell.md.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from mru_hw.model.memory.alpha_cmru import ALPHA_CMRU
from mru_hw.model.memory.base import (
    Drive,
    LevelCell,
    MemoryCell,
    Shapes,
    State,
    by_name,
    linear_map,
)
from mru_hw.model.memory.bmru import BMRU
from mru_hw.model.memory.cmru import CMRU
from mru_hw.model.memory.fq_bmru import FQ_BMRU
from mru_hw.model.memory.gru import GRU
from mru_hw.model.memory.hybrid import HYBRID
from mru_hw.model.memory.lru import LRU
from mru_hw.model.memory.memoryless import MEMORYLESS
from mru_hw.model.memory.mingru import MINGRU
from mru_hw.model.memory.pdmu import PDMU
from mru_hw.model.memory.src import SRC

__all__ = [
    "ALPHA_CMRU",
    "BMRU",
    "CELLS",
    "CMRU",
    "FQ_BMRU",
    "GRU",
    "HYBRID",
    "LRU",
    "MEMORYLESS",
    "MINGRU",
    "PDMU",
    "SRC",
    "CellByName",
    "Drive",
    "LevelCell",
    "MemoryCell",
    "Shapes",
    "State",
    "by_name",
    "cell_named",
    "linear_map",
]

CELLS: dict[str, MemoryCell] = {
    cell.name: cell
    for cell in (
        CMRU,
        BMRU,
        FQ_BMRU,
        ALPHA_CMRU,
        LRU,
        MINGRU,
        SRC,
        HYBRID,
        PDMU,
        GRU,
        MEMORYLESS,
    )
}
"""Every cell by what ``model.yaml`` calls it."""


def cell_named(name: object) -> MemoryCell:
    """Return a cell by its name; a cell is returned as it is.

    Raises
    ------
    ValueError
        There is none of this name.
    """
    if isinstance(name, MemoryCell):
        return name
    if isinstance(name, str) and name in CELLS:
        return CELLS[name]
    *most, last = (repr(known) for known in CELLS)
    raise ValueError(f"expected one of {', '.join(most)} or {last}")


class _ByName:
    """A cell in a document is its name, whichever are registered when the document is read."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def name_of(cell: MemoryCell) -> str:
            return cell.name

        return core_schema.no_info_plain_validator_function(
            cell_named, serialization=core_schema.plain_serializer_function_ser_schema(name_of)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "enum": list(CELLS)}


CellByName = Annotated[MemoryCell, _ByName]
