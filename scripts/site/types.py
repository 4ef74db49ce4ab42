"""What a JSON schema allows, in words for a cell of a table."""

from __future__ import annotations

import json
import re
from typing import Any

from scripts.site.markdown import code, plain

_UNITS = [
    "A",
    "V",
    "s",
    "F",
    "J",
    "W",
    "Hz",
    "K",
    "V m",
    "V/m",
    "1/V",
    "m",
    "m^2",
    "um",
    "um2",
    "1/um2",
    "F/m",
    "F/m^2",
    "degC",
    "%",
    "frames",
    "i_unit",
]
_UNIT = re.compile(rf" ?\[({'|'.join(re.escape(unit) for unit in _UNITS)}|degrees Celsius)\]")
_NAMES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "mapping",
    "array": "list",
    "any": "any value",
}


def unit_of(description: str) -> tuple[str, str]:
    """Return the unit that a description states in brackets, and the rest of it."""
    found = _UNIT.search(description)
    if not found:
        return "", description
    rest = description[: found.start()] + description[found.end() :]
    return found[1].replace("degrees Celsius", "degC"), rest.strip(" ,;:")


def type_of(schema: dict[str, Any], known: dict[str, Any]) -> str:
    """Return the type and range of a value, in Markdown.

    Parameters
    ----------
    schema
        Of the value.
    known
        The definitions that it may refer to; a mapping among them has a section of its own.
    """
    match schema:
        case {"$ref": place}:
            name = place.rpartition("/")[2]
            mapping = known[name].get("properties")
            found = f"[{plain(name)}](#{name.lower()})" if mapping else type_of(known[name], known)
        case {"const": value}:
            found = code(json.dumps(value).strip('"'))
        case {"enum": values}:
            found = ", ".join(code(str(each)) for each in values)
        case {"anyOf": kinds} | {"oneOf": kinds}:
            # A quantity: a number in SI units, or text with its unit.
            if {each.get("type") for each in kinds} == {"number", "string"}:
                found = "quantity" + _bounds(schema)
            else:
                found = " or ".join(dict.fromkeys(type_of(each, known) for each in kinds))
        case {"type": "array", "items": dict(items)} if items:
            found = f"list of: {type_of(items, known)}"
        case {"type": "object", "additionalProperties": dict(values)} if values:
            found = f"mapping of names to: {type_of(values, known)}"
        case {"type": list(kinds)}:
            found = " or ".join(_NAMES[each] for each in kinds) + _bounds(schema)
        case _:
            found = _NAMES[schema.get("type", "any")] + _bounds(schema)
    return found


def _bounds(schema: dict[str, Any]) -> str:
    words = []
    for key, word in (
        ("minimum", "at least"),
        ("ge", "at least"),
        ("exclusiveMinimum", "above"),
        ("gt", "above"),
        ("maximum", "at most"),
        ("le", "at most"),
        ("exclusiveMaximum", "below"),
        ("lt", "below"),
    ):
        if key in schema:
            words.append(f"{word} {schema[key]:g}" if abs(schema[key]) < 1e6 else "")
    found = ", ".join(word for word in words if word)
    return f", {found}" if found else ""
