"""The JSON schemas of ``model.yaml``, MAP.yaml and DESIGN.yaml, made from what reads them.

``python -m mru_hw.mapping.schemas docs/schemas`` writes them; a test compares them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from mru_hw.mapping.options import DesignOptions
from mru_hw.model.importer import MapSpec
from mru_hw.model.structure import ModelSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_KINDS: dict[str, tuple[type[BaseModel], str]] = {
    "model.schema.json": (ModelSpec, "model.yaml"),
    "map.schema.json": (MapSpec, "MAP.yaml"),
    "design.schema.json": (DesignOptions, "DESIGN.yaml"),
}


def schema_text(name: str) -> str:
    """Return the text of the schema file `name`."""
    kind, title = _KINDS[name]
    schema = kind.model_json_schema(mode="validation") | {"title": title}
    return json.dumps({"$schema": DIALECT} | schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> None:
    """Write the schema files into a folder."""
    for name in _KINDS:
        (folder / name).write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
