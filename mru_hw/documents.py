"""What documents are made of, and the sentence for what does not fit there.

A document is a pydantic model. What pydantic says of a mistake is written for programmers
(``Input should be a valid tuple``); `mistake` says it in the words of those who write YAML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Strict, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from mru_hw.errors import MISSING, UserError

_Item = TypeVar("_Item")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(kind: type[BaseModel], title: str) -> str:
    """Return the text of a document's JSON schema, by what reads the document.

    Parameters
    ----------
    kind
        What reads it.
    title
        What the file is called.
    """
    schema = kind.model_json_schema(mode="validation") | {"title": title}
    return json.dumps({"$schema": DIALECT} | schema, indent=2, ensure_ascii=False) + "\n"


class Document(BaseModel):
    """A document, or a mapping in one.

    It has no unknown keys, no NaN and no infinity, and is not changed afterwards. A number is a
    number and no text that looks like one, and true is no number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_key(cls, data: Any) -> Any:
        """Refuse what pydantic would, but tell the keys that there are."""
        known = [str(field.alias or name) for name, field in cls.model_fields.items()]
        for key in data if isinstance(data, Mapping) else ():
            if isinstance(key, str) and key not in known:
                words = {"key": key, "known": ", ".join(known)}
                raise PydanticCustomError("unknown_key", "a key that is not known", words)
        return data


Several = Annotated[tuple[_Item, ...], Strict(strict=False)]
"""A list of any length."""

_First = TypeVar("_First")
_Second = TypeVar("_Second")
Pair = Annotated[tuple[_First, _Second], Strict(strict=False)]
"""A list of two."""

Word = Annotated[_Item, Strict(strict=False)]
"""One of the words of an enum, written as text."""


def matching(pattern: str, expected: str) -> AfterValidator:
    """Return a validator of text that matches a regular expression as a whole.

    Parameters
    ----------
    pattern
        The regular expression.
    expected
        What it says, in words.
    """

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


_EXPECTED = {
    "missing": "a value, for this key is required",
    "invalid_key": "text as the key, in quotes",
    "string_type": "text",
    "string_unicode": "text of whole characters",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_type": "a finite number",
    "float_parsing": "a finite number",
    "finite_number": "a finite number",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of names to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "invalid-json-value": "text, numbers, true, false and null, and lists and mappings of them",
}
"""What was expected, by pydantic's type of error, where it needs no details."""

_JSON_KINDS = {"list", "dict", "str", "bool", "int", "float", "NoneType"}
"""What pydantic puts into the path of a value that may be of any kind."""


def mistake(fault: ErrorDetails, document: object) -> UserError:
    """Return the sentence for one of pydantic's errors.

    Parameters
    ----------
    fault
        The error.
    document
        The data that it was found in.
    """
    kind, found, details = fault["type"], fault["input"], fault.get("ctx", {})
    loc = fault["loc"]
    if kind == "unknown_key":
        loc, found = (*loc, details["key"]), found[details["key"]]
    path = _path(loc, document)
    if path and path[-1] == "[key]":
        kind, path = "invalid_key" if kind == "string_type" else kind, path[:-1]
    match kind:
        case "value_error":
            text = fault["msg"].removeprefix("Value error, ").removeprefix("expected ")
        case "enum" | "literal_error":
            words = str(details["expected"])
            text = f"one of {words}" if " or " in words else words
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            (bound,) = details.values()
            words = fault["msg"].removeprefix("Input should be ").rpartition(" ")[0]
            # 1e-12, and not its twelve decimals.
            text = f"a number {words} {bound if isinstance(bound, int) else f'{bound:.15g}'}"
        case "union_tag_invalid" | "union_tag_not_found":
            path = [*path, str(details["discriminator"]).strip("'")]
            words = str(details.get("expected_tags", ""))
            missing = kind == "union_tag_not_found"
            kind, found = ("missing", found) if missing else (kind, details["tag"])
            text = _EXPECTED["missing"] if missing else f"one of {words}"
        case "unknown_key":
            text = f"no key of this name but one of {details['known']}"
        case "too_short":
            text = f"a list of at least {details['min_length']}"
        case "too_long":
            text = f"a list of at most {details['max_length']}"
        case "string_too_short":
            text = "text that is not empty"
        case _:
            text = _EXPECTED.get(kind, "another kind of value") + _hint(kind, found)
    return UserError(".".join(path), MISSING if kind == "missing" else found, text)


def _hint(kind: str, found: object) -> str:
    """Say how to write what was meant, where a scalar was read as another kind than wanted."""
    match kind, found:
        case "string_type", bool() | int() | float() | {}:
            return ", in quotes"
        case "int_type" | "float_type", str() if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", found):
            return ", without quotes"
        case "bool_type", "true" | "false":
            return ", without quotes"
        case "int_type" | "int_from_float", float() if found.is_integer():
            return " without point and exponent"
    return ""


def _path(loc: Sequence[int | str], document: Any) -> list[str]:
    """Return the path as the document has it: without the kinds that pydantic puts between."""
    path: list[str] = []
    at = document
    for k, part in enumerate(loc):
        known = isinstance(at, Mapping) and part in at
        # A kind that pydantic chose, or the tag that it chose it by, is no key of the document.
        if not known and (part in _JSON_KINDS or (isinstance(part, str) and k < len(loc) - 1)):
            continue
        path.append(str(part))
        if known or (isinstance(at, list) and isinstance(part, int) and part < len(at)):
            at = at[part]
    return path
