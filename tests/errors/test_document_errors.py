"""Every field of every document with values of every wrong kind: the user's words, each time."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mru_hw.core_yaml import load
from mru_hw.errors import UserError
from mru_hw.files import validated
from mru_hw.model.importer import MapSpec
from mru_hw.model.structure import ModelSpec
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.axis_values import DIE
from mru_hw.sweeps.plan import Plan
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration
from mru_hw.training.config import TrainConfig
from tests.mistakes import sentence

ROOT = Path(__file__).parents[2]
STRUCTURE: dict[str, Any] = {
    "format_version": 1,
    "frame_period": "25 ms",
    "n_in": 2,
    "n_hidden": 2,
    "n_classes": 2,
    "layers": [
        {
            "name": "a",
            "cell": "cmru",
            "n_units": 2,
            "n_out": 2,
            "levels": 2,
            "threshold": "fixed",
            "rectify_input": False,
            "rectify_candidate": False,
            "rectify_output": False,
            "skip": 0,
        }
    ],
    "readout": "mean",
    "normalisation": {"mean": [0, 0.5], "scale": [1, 2]},
    "classes": ["left", "right"],
}


def _tensors() -> dict[str, Any]:
    shapes = ModelSpec.model_validate(STRUCTURE).tensor_shapes()
    sources: dict[str, Any] = {name: {"constant": 0} for name in shapes}
    sources["input.weight"] = {
        "from": "w",
        "select": [None, [0, 2]],
        "reshape": [2, 2],
        "transpose": True,
        "abs": False,
    }
    return sources


def _shipped(path: str) -> Any:
    return load((ROOT / path).read_bytes())


def _calibration() -> Any:
    """A shipped calibration with one corner and one law, for the others are like them."""
    whole = _shipped("calibration/generic180.yaml")
    grid = whole["grid"]
    few = {"corners": {"tt": grid["corners"]["tt"]}, "checks": grid["checks"][:1]}
    return whole | {"grid": grid | few, "laws": whole["laws"][:1]}


def _config() -> dict[str, Any]:
    config: dict[str, Any] = _shipped("mru_hw/training/configs/digits-2x16.yaml")
    whole = TrainConfig.model_validate(
        config | {"data": "x.npz", "frame_period": "25 ms", "classes": ["a"]}
    )
    return whole.as_data()


DOCUMENTS: dict[type[BaseModel], Any] = {
    ModelSpec: STRUCTURE | {"provenance": {"a": {"b": [1]}}, "metrics": {"accuracy": 0.5}},
    MapSpec: STRUCTURE | {"tensors": _tensors()},
    Plan: {
        "format_version": 1,
        "model": "net",
        "inputs": "x.npz",
        "tech": "generic180",
        "design": "DESIGN.yaml",
        "calibration": "calibration.yaml",
        "level": "behavioral",
        "timing": "settled",
        "kernel": "numpy",
        "sequences": "0:10",
        "axes": [
            {"axis": DIE, "values": [1]},
            *(
                # The level spice does not know all of the others.
                {
                    "axis": axis.name,
                    "values": list(axis.example)[: 1 if axis.name == "level" else 9],
                }
                | ({} if axis.trials is None else {"trials": 3})
                for axis in AXES.values()
            ),
        ],
        "sample": {"method": "random", "points": 10},  # all combinations are too many
        "n_dies": 1,
        "seed": 0,
        "chunk": 8,
        "keep": "summary",
    },
    TrainConfig: _config(),
    Technology: _shipped("circuits/technology/sky130/technology.yaml"),
    Calibration: _calibration(),
}

WRONG: list[Any] = [
    *(None, True, -3, 7, 2.5, 1e3, math.nan, math.inf, 10**30),
    *("", "text", "5", "true", "1,5", "é\ud800", "a\nb"),
    *([], [None], [1], ["a"], [[1]], [{}]),
    *({}, {"a": 1}, {1: 2}, {"axis": "die"}, {"10": None}),
]
PYDANTIC = re.compile(
    r"(?i)input should|valid |tuple|instance|validation|dictionary|\blist_|_type|model_|parse|"
    r"attributes|\[key\]|integer|boolean|\bstring\b|union|\btag\b|json|pydantic|pattern|\bitems?\b"
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Walk all places of a document; of a long list its first two."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value if path == ("axes",) else value[:2]):
            yield from _places(item, (*path, index))


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy with another value at one place; the rest is shared."""
    if not path:
        return value
    changed = copy.copy(document)
    inner = changed[path[0]] if len(path) > 1 else None
    changed[path[0]] = _with(inner, path[1:], value)
    return changed


@pytest.mark.parametrize("kind", DOCUMENTS, ids=[kind.__name__ for kind in DOCUMENTS])
def test_no_mistake_is_told_in_the_validators_words(kind: type[BaseModel]) -> None:
    document = DOCUMENTS[kind]
    validated(kind, document, "doc.yaml")
    refused = 0
    for path in _places(document):
        for value in WRONG:
            error = _refusal(kind, _with(document, path, value))
            if error is not None:
                refused += 1
                told = str(error)
                assert re.match(r"doc\.yaml: \S.* is .*, expected \S.*\.$", told), told
                # What was expected, and the field: none of it is the validator's.
                assert not PYDANTIC.search(f"{error.field} {error.expected}"), told
                assert "another kind of value" not in told
    assert refused > len(list(_places(document))) * len(WRONG) / 2


def _refusal(kind: type[BaseModel], document: Any) -> UserError | None:
    try:
        validated(kind, document, "doc.yaml")
    except UserError as error:
        return error
    return None


# Of each kind of mistake the whole sentence, so with the path of the field.
TOLD: list[tuple[type[BaseModel], tuple[Any, ...], Any, str]] = [
    (ModelSpec, ("layers",), {}, "layers is {}, expected a list."),
    (ModelSpec, ("layers",), [], "layers is [], expected a list of at least 1."),
    (ModelSpec, ("layers", 0), "a", 'layers.0 is "a", expected a mapping of keys to values.'),
    (ModelSpec, ("layers", 0, 1), 2, "layers.0.1 is 1, expected text as the key, in quotes."),
    (ModelSpec, ("classes", 0), 10, "classes.0 is 10, expected text, in quotes."),
    (
        ModelSpec,
        ("classes", 1),
        {"10": None},
        "classes.1 is {'10': None}, expected text, in quotes.",
    ),
    (ModelSpec, ("classes", 0), None, "classes.0 is null, expected text."),
    (ModelSpec, ("n_in",), "4", 'n_in is "4", expected a whole number, without quotes.'),
    (ModelSpec, ("n_in",), "four", 'n_in is "four", expected a whole number.'),
    (
        ModelSpec,
        ("n_in",),
        1e3,
        "n_in is 1000.0, expected a whole number without point and exponent.",
    ),
    (ModelSpec, ("n_in",), 2.5, "n_in is 2.5, expected a whole number."),
    (ModelSpec, ("n_in",), True, "n_in is true, expected a whole number."),
    (
        ModelSpec,
        ("normalisation", "mean", 1),
        "a",
        'normalisation.mean.1 is "a", expected a finite number.',
    ),
    (
        ModelSpec,
        ("provenance", "a", "b", 0),
        math.nan,
        "provenance.a.b.0 is nan, expected a finite number.",
    ),
    (ModelSpec, ("metrics",), 5, "metrics is 5, expected a mapping of names to values."),
    (ModelSpec, ("metrics", 5), 5, "metrics.5 is 5, expected text as the key, in quotes."),
    (
        ModelSpec,
        ("layers", 0, "skip"),
        2,
        "layers.0.skip is 2, expected one of 0, 1 or 'matrix'.",
    ),
    (
        ModelSpec,
        ("format_version",),
        10**30,
        f"format_version is {10**30}, expected a smaller whole number.",
    ),
    (
        ModelSpec,
        ("layers", 0, "rectify_input"),
        "true",
        'layers.0.rectify_input is "true", expected true or false, without quotes.',
    ),
    (
        ModelSpec,
        ("layers", 0, "rectify_input"),
        "yes",
        'layers.0.rectify_input is "yes", expected true or false.',
    ),
    (
        MapSpec,
        ("tensors", "head.bias"),
        5,
        "tensors.head.bias is 5, expected a mapping of keys to values.",
    ),
    (
        MapSpec,
        ("tensors", "head.bias"),
        {"constant": 10**400},
        f"tensors.head.bias.constant is {str(10**400)[:79]}…, expected a finite number, a list of "
        "them, equally long lists or identity.",
    ),
    (Plan, ("model",), "", 'model is "", expected text that is not empty.'),
    (Plan, ("axes", 2), "corner", 'axes.2 is "corner", expected a mapping of keys to values.'),
    (
        ModelSpec,
        ("layers",),
        STRUCTURE["layers"] * 1001,
        f"layers is {str(STRUCTURE['layers'])[:79]}…, expected a list of at most 1000.",
    ),
    (Plan, ("axes", 0, "values"), 5, "axes.0.values is 5, expected a list."),
    (
        Plan,
        ("sequences",),
        {"10": None},
        "sequences is {'10': None}, expected start:stop, either end left out, such as \"10:\".",
    ),
    (
        Technology,
        ("devices", "n-cell"),
        {},
        'devices.n-cell is "n-cell", expected small letters, digits and _, a letter first.',
    ),
    (
        Calibration,
        ("grid", "temperatures", 0),
        "cold",
        'grid.temperatures.0 is "cold", expected a finite number.',
    ),
]


@pytest.mark.parametrize(("kind", "path", "value", "told"), TOLD)
def test_each_kind_of_mistake_names_field_value_and_what_was_expected(
    kind: type[BaseModel], path: tuple[Any, ...], value: Any, told: str
) -> None:
    found = sentence(lambda: validated(kind, _with(DOCUMENTS[kind], path, value), "doc.yaml"))
    assert found.startswith(f"doc.yaml: {told}")
