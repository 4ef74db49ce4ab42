"""The JSON schema of PLAN.yaml, made from the class that reads it and the table of axes.

``python -m mru_hw.sweeps.schema docs/schemas`` writes it; a test compares it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mru_hw.documents import DIALECT
from mru_hw.sweeps.axis_values import axis_names, document_of
from mru_hw.sweeps.plan import Plan, Sample
from mru_hw.sweeps.spec import Spec

NAME = "plan.schema.json"


def plan_schema() -> dict[str, Any]:
    """Return the schema, with an entry for each axis of the table."""
    schema = Plan.model_json_schema()
    schema["$defs"] = kinds = dict[str, Any]()
    for name in axis_names():
        document = document_of(name).model_json_schema()
        document.pop("title")
        kinds[name] = document
    kinds["spec"] = spec = Spec.model_json_schema()
    kinds.update(spec.pop("$defs"))
    kinds["sample"] = Sample.model_json_schema()
    references = [{"$ref": f"#/$defs/{name}"} for name in axis_names()]
    schema["properties"]["axes"]["items"] = {"oneOf": references}
    spec = schema["properties"]["spec"]
    spec["anyOf"] = [{"$ref": "#/$defs/spec"}, {"type": "null"}]
    sample = schema["properties"]["sample"]
    sample["anyOf"] = [{"$ref": "#/$defs/sample"}, {"type": "null"}]
    design = schema["properties"]["design"]
    schema["properties"]["design"] = {
        "type": ["string", "object"],
        "default": {},
        "description": design["description"],
    }
    return {"$schema": DIALECT} | schema | {"title": "PLAN.yaml"}


def schema_text() -> str:
    """Return the text of the schema file."""
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / NAME).write_text(schema_text(), encoding="utf-8")
