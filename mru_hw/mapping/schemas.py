"""The JSON schemas of ``model.yaml``, MAP.yaml and DESIGN.yaml, made from what reads them.

``python -m mru_hw.mapping.schemas docs/schemas`` writes them; a test compares them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel

from mru_hw.documents import schema_of
from mru_hw.mapping.options import DesignOptions
from mru_hw.model.importer import MapSpec
from mru_hw.model.structure import ModelSpec

_KINDS: dict[str, tuple[type[BaseModel], str]] = {
    "model.schema.json": (ModelSpec, "model.yaml"),
    "map.schema.json": (MapSpec, "MAP.yaml"),
    "design.schema.json": (DesignOptions, "DESIGN.yaml"),
}


def schema_text(name: str) -> str:
    """Return the text of the schema file `name`."""
    return schema_of(*_KINDS[name])


def write_schemas(folder: Path) -> None:
    """Write the schema files into a folder."""
    for name in _KINDS:
        (folder / name).write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
