"""A page for each document and table, made of the JSON schema of what reads or writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mru_hw.documents import schema_of
from mru_hw.mapping.schemas import schema_text as mapping_schema
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.schema import plan_schema
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.technology import Technology
from mru_hw.training.schema import schema_text as config_schema
from mru_hw.units import render
from mru_hw.zoo.schema import schema_text as zoo_schema
from scripts.site.markdown import code, plain, sentence, table
from scripts.site.types import type_of, unit_of

_SCHEMAS = "../../schemas"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """A document that has a page.

    Attributes
    ----------
    page
        The page's name.
    what
        What it is, who writes and who reads it, in Markdown.
    schema
        Its JSON schema.
    file
        The file of the schema in ``docs/schemas``, where it has one.
    """

    page: str
    what: str
    schema: dict[str, Any]
    file: str | None = None


def _documents(folder: Path) -> Iterator[_Document]:
    read: dict[str, tuple[str, str]] = {
        "config": ("Says how a network is trained. Read by `mru-hw train`.", config_schema()),
        "design": (
            "The choices of a mapping, of every field with its unit and effect. Read as `--design` "
            "and as `design` of a plan; in Python `mru_hw.DesignOptions`. What they come to: "
            "[design options](../design.md).",
            mapping_schema("design.schema.json"),
        ),
        "map": (
            "Says where each tensor of somebody else's weights is. Read by `mru-hw "
            "import-weights`. A worked example: [models](../models.md#somebody-elses-weights).",
            mapping_schema("map.schema.json"),
        ),
        "model": (
            "The structure of a network; its tensors lie beside it in `model.safetensors`, in "
            "float64, without units. Written by `train`, `import-weights` and `quantise`. "
            "[What the tensors are](../models.md#the-network).",
            mapping_schema("model.schema.json"),
        ),
        "zoo": (
            "Many trainings under one budget. Read by `mru-hw zoo`; "
            "[the page on it](../zoo_plan.md).",
            zoo_schema(),
        ),
    }
    plan = plan_schema()
    del plan["properties"]["axes"]["items"]  # a table by itself: the page on axes
    plan["$defs"] = {name: each for name, each in plan["$defs"].items() if name not in AXES}
    plan["$defs"].pop("die")
    plan["description"] = Plan.__doc__
    yield _Document(
        page="plan",
        what="Says which dies and conditions a sweep runs. Read by `mru-hw sweep`. A worked "
        "example: [sweeps](../sweeps.md). What an entry of `axes` may be: [axes](axes.md).",
        schema=plan,
        file="plan.schema.json",
    )
    for name, (what, text) in read.items():
        file = f"{name}.schema.json"
        yield _Document(page=name, what=what, schema=json.loads(text), file=file)
    written = {
        "elements.csv": "What stands in the netlist for which parameter of the model. Written by "
        "`mru-hw netlist`.",
        "budget.csv": "What each group of devices adds to the chip's errors. Written by `mru-hw "
        "netlist`; [how to read it](../../validation/budget.md).",
        "errors.csv": "The errors of each weight and threshold. Written by `mru-hw netlist`.",
        "expected.csv": "What the array finds for the netlist's own bench. Written by `mru-hw "
        "netlist` and `mru-hw explain --out`; [what to hold against it]"
        "(../../howto/spectre_deck.md#which-class-did-the-chip-decide).",
        "summary": "What a demo or a sweep came to. Written by `mru-hw demo` and `mru-hw report`.",
    }
    for name, what in written.items():
        file = f"{name}.schema.json"
        schema = json.loads((folder / file).read_text(encoding="utf-8"))
        yield _Document(page=name.replace(".", "-"), what=what, schema=schema, file=file)
    yield _Document(
        page="calibration",
        what="The fitted constants of a technology, `calibration/NAME.yaml`, on which the level "
        "behavioral stands. Written by `mru-hw characterize`, read as `--calibration`; [where they "
        "come from](../../validation/characterisation.md).",
        schema=json.loads(schema_of(Calibration, "Calibration")),
    )
    yield _Document(
        page="technology",
        what="A process, `circuits/technology/NAME/technology.yaml`; [how to add "
        "one](../../extend/technology.md).",
        schema=json.loads(schema_of(Technology, "technology.yaml")),
    )


def document_pages(folder: Path) -> dict[str, str]:
    """Return the pages by name: the list, a page for each document, and the axes of sweeps.

    Parameters
    ----------
    folder
        Where the JSON schemas of written tables lie.
    """
    documents = list(_documents(folder))
    rows = [(f"[{each.schema['title']}]({each.page}.md)", each.what) for each in documents]
    rows += [
        (
            "[X.npz](../models.md#sequences-xnpz)",
            "Sequences, with labels. Written by `mru-hw inputs`.",
        ),
        (
            "[RUN.sqlite](../sweeps.md#what-runsqlite-holds)",
            "Every run of a sweep. Written by `mru-hw sweep`.",
        ),
        ("[raw files](../waves.md)", "Waves of ngspice. Written by `mru-hw simulate --raw`."),
        (
            "[cell.yaml](../../circuits/index.md)",
            "The contract of a circuit, beside its deck in `circuits/`.",
        ),
    ]
    index = (
        "# Files and options\n\n"
        "Every document, table and store, made of the models that read and write them: each key "
        "with its type, unit, default and effect. A quantity is a number in SI units, or text with "
        'its unit, such as `"1.7 V"`. A document in YAML is read strictly: an unknown key, a '
        "number in quotes or a NaN is refused in a sentence that names it ([how documents are "
        "read](../models.md#how-documents-are-read)). The JSON schemas, for editors that check "
        "while one writes, lie in `docs/schemas`, in an installed package in "
        "`mru_hw/_data/docs/schemas`.\n\n"
        + table(("file", "what it is"), rows)
        + "\n```{toctree}\n:hidden:\n\n"
        + "\n".join([*(each.page for each in documents), "axes"])
        + "\n```\n"
    )
    return {"files": index, "axes": _axes()} | {each.page: _page(each) for each in documents}


def _page(document: _Document) -> str:
    schema = document.schema
    parts = [f"# {schema['title']}\n", document.what + "\n"]
    if document.file:
        parts.append(f"As a JSON schema: [{document.file}]({_SCHEMAS}/{document.file}).\n")
    parts += _object(schema, schema.get("$defs", {}), "")
    for name, each in sorted(schema.get("$defs", {}).items()):
        if each.get("properties"):
            parts.append(f"({document.page}-{name.lower()})=")
            parts += [f"## {plain(name)}\n", *_object(each, schema["$defs"], document.page)]
    return _linked("\n".join(parts), document.page)


def _object(schema: dict[str, Any], known: dict[str, Any], page: str) -> list[str]:
    """Return what a mapping is and the table of its keys, those of mappings inside it too."""
    about = schema.get("description", "") if page else ""
    rows = list(_rows(schema, known, ""))
    head = ("key", "type and range", "unit", "if left out", "meaning and effect")
    return [*([plain(about.split("\n\n")[0]) + "\n"] if about else []), table(head, rows)]


def _rows(
    schema: dict[str, Any], known: dict[str, Any], before: str
) -> Iterator[tuple[str, str, str, str, str]]:
    required = schema.get("required", [])
    attributes = _attributes(schema.get("description", ""))
    for name, each in schema["properties"].items():
        about = each.get("description", "") or attributes.get(name, "") or _first_line(each, known)
        if "const" in each and not about:
            about = "says which of them this is"
        unit, about = unit_of(about)
        left_out = "required" if name in required else _default(each, unit)
        yield (code(before + name), type_of(each, known), unit, left_out, plain(sentence(about)))
        if "properties" in each:
            yield from _rows(each, known, f"{before}{name}.")


def _attributes(text: str) -> dict[str, str]:
    """Return by key what the section Attributes of a docstring says of it."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.partition("Attributes\n----------\n")[2].splitlines():
        if line.startswith(" "):
            lines.append(line.strip())
        elif line:
            lines = []
            found |= dict.fromkeys(line.split(", "), lines)
    return {name: " ".join(about) for name, about in found.items()}


def _first_line(schema: dict[str, Any], known: dict[str, Any]) -> str:
    """Return what the mapping that a key refers to says of itself."""
    name = schema.get("$ref", "").rpartition("/")[2]
    about: str = known.get(name, {}).get("description", "")
    return about.split("\n\n", maxsplit=1)[0]


def _default(schema: dict[str, Any], unit: str) -> str:
    if "default" not in schema:
        return ""
    value = schema["default"]
    if value is None or value in ({}, [], ""):
        return "none"
    if isinstance(value, float) and unit in ("A", "V", "s", "F", "J", "W"):
        return code(render(value, unit))
    if isinstance(value, str):
        return code(value)
    text = json.dumps(value, ensure_ascii=False)
    return "see there" if "null" in text else code(text)


def _linked(text: str, page: str) -> str:
    """Return the page with links to its own sections, as `type_of` writes them, made unique."""
    return text.replace("](#", f"](#{page}-")


def _axes() -> str:
    rows = []
    for axis in AXES.values():
        example = ", ".join(str(value) for value in axis.example)
        where = ", ".join(sorted(axis.not_at)) or ""
        rows.append((code(axis.name), plain(sentence(axis.description)), code(example), where))
    return (
        "# Axes of sweeps\n\n"
        "An entry of `axes` in [PLAN.yaml](plan.md) names one of these axes and its `values`; an "
        "axis of numbers takes `between: [low, high]` in their place, with `scale: linear` or "
        "`log`, where the plan has a `sample`. The axis `die` names dies by seed. What the values "
        "do to a run, and how dies and draws are shared between points: "
        "[sweeps](../sweeps.md). To add one: [an axis of sweeps](../../extend/sweep_axis.md).\n\n"
        + table(("axis", "values are", "for example", "refused at level"), rows)
    )
