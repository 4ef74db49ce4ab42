"""The JSON schema of ZOO.yaml, made from the class that reads it.

``python -m mru_hw.zoo.schema docs/schemas`` writes it; a test compares it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mru_hw.documents import schema_of
from mru_hw.zoo.plan import ZooPlan

NAME = "zoo.schema.json"


def schema_text() -> str:
    """Return the text of the schema file."""
    return schema_of(ZooPlan, "ZOO.yaml")


if __name__ == "__main__":
    (Path(sys.argv[1]) / NAME).write_text(schema_text(), encoding="utf-8")
