"""What is wrong with models, and the sentence that each mistake gets."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from mru_hw import files
from mru_hw.model.io import load_model, save_model
from mru_hw.model.structure import ModelSpec
from tests.mistakes import Harmful, sentence
from tests.networks import draw_model, draw_tensors, make_spec

Tensors = dict[str, Any]
SPEC = make_spec("cmru", levels=2, name="memory", n_layers=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(draw_model(SPEC, 0), tmp_path / "model")
    return tmp_path / "model"


# --------------------------------------------------------------------------------- model.yaml

STRUCTURE_ERRORS = [
    ("n_in: 4", "n_in: many", 'model.yaml: n_in is "many", expected a whole number.'),
    ("n_in: 4", "n_in: true", "model.yaml: n_in is true, expected a whole number."),
    ("n_in: 4", "n_in: -4", "model.yaml: n_in is -4, expected a number greater than 0."),
    ("n_in: 4\n", "", "model.yaml: n_in is missing, expected a value, for this key is required."),
    (
        "n_in: 4",
        "n_in: 4\ncolour: red",
        'model.yaml: colour is "red", expected no key of this name but one of '
        + ", ".join(ModelSpec.model_fields)
        + ".",
    ),
    ("format_version: 1", "format_version: 2", "model.yaml: format_version is 2, expected 1."),
    (
        "cell: cmru",
        "cell: lstm",
        "model.yaml: layers.0.cell is \"lstm\", expected one of 'cmru', 'bmru', 'fq_bmru', "
        "'alpha_cmru', 'lru', 'mingru', 'src', 'hybrid', 'pdmu', 'gru' or 'memoryless'.",
    ),
    (
        "readout: mean",
        "readout: max",
        "model.yaml: readout is \"max\", expected one of 'mean', 'vote' or 'last'.",
    ),
    (
        "frame_period: 10 ms",
        "frame_period: 10 mV",
        'model.yaml: frame_period is "10 mV", expected a finite number with the unit s.',
    ),
    (
        "frame_period: 10 ms",
        "frame_period: 0 s",
        "model.yaml: frame_period is 0.0, expected a number greater than or equal to 1e-12.",
    ),
    (
        "skip: 0",
        "skip: 1",
        "model.yaml: layers.0.n_out is 6, expected 5 (the layer's input) because skip is 1.",
    ),
    (
        "cell: cmru",
        "cell: bmru",
        "model.yaml: layers.0.levels is 2, expected none (null), because the cell is bmru.",
    ),
    (
        "classes: null",
        "classes: [a, b]",
        "model.yaml: classes is 2 long, expected a list of 3.",
    ),
    (
        "normalisation: null",
        "normalisation: {mean: [0, 0, 0, 0], scale: [1, 1, 1]}",
        "model.yaml: normalisation.scale is 3 long, expected a list of 4.",
    ),
    (
        "normalisation: null",
        "normalisation: {mean: [0, 0, 0, 0], scale: [1, 1, 1, 0]}",
        "model.yaml: normalisation.scale is [1, 1, 1, 0], expected positive numbers.",
    ),
    (
        "normalisation: null",
        "normalisation: {mean: [0, 0, 0, .nan], scale: [1, 1, 1, 1]}",
        "model.yaml: normalisation.mean.3 is nan, expected a finite number.",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), STRUCTURE_ERRORS)
def test_wrong_structure(old: str, new: str, expected: str, folder: Path) -> None:
    path = folder / "model.yaml"
    text = path.read_text().replace("n_out: 5", "n_out: 6" if "skip: 1" in new else "n_out: 5")
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert sentence(lambda: load_model(folder)) == expected


@pytest.mark.parametrize(
    "name", ["a b", "a\nb", ".include", "a.b", "1st", "x" * 33, "é", "a;b", "a*", "x\n", "-a"]
)
def test_layer_name_that_a_netlist_could_not_carry(name: str) -> None:
    found = sentence(lambda: files.validated(type(SPEC), _structure(name), "model.yaml"))
    assert found.startswith("model.yaml: layers.0.name is ")
    assert found.endswith("expected letters, digits and _ only, at most 32, not a digit first.")


@pytest.mark.parametrize("name", ["control", "ENDC", "quit", "shell", "Include", "gnd", "subckt"])
def test_layer_name_that_is_a_control_word(name: str) -> None:
    found = sentence(lambda: files.validated(type(SPEC), _structure(name), "model.yaml"))
    expected = "a name that is no control word of ngspice"
    assert found == f'model.yaml: layers.0.name is "{name}", expected {expected}.'


def test_layer_names_that_differ_by_case_only() -> None:
    document = _structure("memory")
    document["layers"].append(document["layers"][0] | {"name": "Memory"})
    found = sentence(lambda: files.validated(type(SPEC), document, "model.yaml"))
    expected = 'layers.1.name is "Memory", expected a name that no other layer has.'
    assert found == f"model.yaml: {expected}"


def _structure(name: str) -> dict[str, Any]:
    document: dict[str, Any] = SPEC.model_dump(mode="json")
    document["layers"][0]["name"] = name
    return document


YAML_ERRORS = [
    ("n_in: !!python/object/apply:os.system [ls]", "not plain YAML in line 1 (it has a tag)"),
    ("n_in: !!int 4", "not plain YAML in line 1 (it has a tag)"),
    ("a: 1\na: 2", "not plain YAML in line 2 (it repeats the key a)"),
    ("a: &x [*x]", "not plain YAML in line 1 (its aliases have no end)"),
    ("a: [1, 2", "not plain YAML in line 1 (expected ',' or ']', but got '<stream end>')"),
    ("[" * 5000 + "]" * 5000, "not plain YAML"),
    ("- 1\n- 2", "a list"),
    ("1: 2", "a mapping with the key 1"),
    ("", "empty"),
    ("a: '\x00'", "not text"),
]


@pytest.mark.parametrize(("text", "problem"), YAML_ERRORS)
def test_yaml_that_is_not_a_plain_mapping(text: str, problem: str, folder: Path) -> None:
    (folder / "model.yaml").write_text(text)
    found = sentence(lambda: load_model(folder))
    assert found.startswith(f"model.yaml is {problem}, expected a YAML mapping")


def test_yaml_of_many_small_aliases(folder: Path) -> None:
    lines = ["a0: &a0 [0, 0]"] + [
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)
    ]
    (folder / "model.yaml").write_text("\n".join(lines))
    assert "its aliases have no end" in sentence(lambda: load_model(folder))


def test_yaml_in_another_encoding(folder: Path) -> None:
    (folder / "model.yaml").write_bytes(b"name: \xff\xfe\xfa")
    assert sentence(lambda: load_model(folder)).startswith("model.yaml is not text, expected")


def test_yaml_that_is_too_large(folder: Path) -> None:
    (folder / "model.yaml").write_text("#" * (files.DOCUMENT_BYTES + 1))
    expected = "model.yaml is 1048577 bytes long, expected a YAML file of at most 1048576 bytes."
    assert sentence(lambda: load_model(folder)) == expected


# -------------------------------------------------------------------------- model.safetensors


def _with(**changes: object) -> Callable[[Tensors], Tensors]:
    return lambda tensors: tensors | {k.replace("__", "."): v for k, v in changes.items()}


TENSOR_ERRORS = [
    (
        lambda t: {k: v for k, v in t.items() if k != "layers.0.beta"},
        "layers.0.beta is missing, expected a tensor of shape (6).",
    ),
    (
        _with(head__weight=np.zeros((5, 3))),
        "head.weight is of shape (5, 3), expected shape (3, 5).",
    ),
    (
        _with(layers__0__betta=np.zeros(6)),
        "layers.0.betta is an extra tensor, expected only its own, perhaps layers.0.beta.",
    ),
    (
        _with(input__bias=np.array([0, 0, np.nan, 0, 0])),
        "input.bias[2] is nan, expected a finite number.",
    ),
    (
        _with(input__bias=np.array([0, 0, 0, 0, -np.inf])),
        "input.bias[4] is -inf, expected a finite number.",
    ),
    (
        _with(input__bias=np.zeros(5, np.complex64)),
        "input.bias is of type complex64, expected real numbers.",
    ),
    (
        _with(layers__0__initial_state=np.array([0, 3.0, 0, 0, 0, 0])),
        "layers.0.initial_state[1] is 3, expected a whole level within ±2 in levels.",
    ),
    (
        _with(layers__0__initial_state=np.array([0, 0, 0, 0, 0, 0.5])),
        "layers.0.initial_state[5] is 0.5, expected a whole level within ±2 in levels.",
    ),
]


@pytest.mark.parametrize(("change", "expected"), TENSOR_ERRORS)
def test_wrong_tensors(change: Callable[[Tensors], Tensors], expected: str, folder: Path) -> None:
    save_file(change(draw_tensors(SPEC, 0)), folder / "model.safetensors")
    assert sentence(lambda: load_model(folder)) == f"model.safetensors: {expected}"


@pytest.mark.parametrize(
    ("cell", "value", "expected"),
    [
        ("bmru", 2, "-1, 0 or 1"),
        ("bmru", 0.5, "-1, 0 or 1"),
        ("fq_bmru", -1, "0 or 1"),
        ("fq_bmru", 0.5, "0 or 1"),
        ("cmru", 0.5, "a whole level"),
        ("alpha_cmru", 2.5, "a state within ±2"),
    ],
)
def test_initial_state_that_the_cell_does_not_have(
    cell: str, value: float, expected: str, folder: Path
) -> None:
    spec = make_spec(cell, n_layers=1, levels=2 if cell == "alpha_cmru" else None)
    model = draw_model(spec, 0)
    states = model.tensors["layers.0.initial_state"]
    states[2] = value
    found = sentence(lambda: save_model(model, folder.parent / "new"))
    where = "model: layers.0.initial_state[2]"
    assert found == f"{where} is {value:g}, expected {expected} in levels."
    assert not (folder.parent / "new").exists()


@pytest.mark.parametrize("zipped", [False, True])
def test_pickle_where_weights_are_expected(
    zipped: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    if zipped:
        with zipfile.ZipFile(folder / "model.safetensors", "w") as packed:
            packed.writestr("archive/data.pkl", pickle.dumps(Harmful()))
    else:
        (folder / "model.safetensors").write_bytes(pickle.dumps(Harmful()))
    expected = "is a pickle or a zip, expected safetensors; pickles are not read."
    assert sentence(lambda: load_model(folder)) == f"model.safetensors {expected}"
    assert not Path("harm-done").exists()


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b"\xff" * 100, b"\x08" + b"\0" * 7 + b"{broken}"]
)
def test_weights_that_are_no_safetensors(data: bytes, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(data)
    expected = "is damaged or no safetensors, expected a safetensors file of plain numbers."
    assert sentence(lambda: load_model(folder)) == f"model.safetensors {expected}"


def test_no_model_at_all(folder: Path) -> None:
    pickled = folder.parent / "net.pt"
    pickled.write_bytes(pickle.dumps({}))
    for path in (pickled, folder.parent / "nothing"):
        assert re.fullmatch(
            r'model is ".*", expected a folder with model\.yaml and model\.safetensors \(a file of '
            r"weights goes through mru-hw import-weights\)\.",
            sentence(partial(load_model, path)),
        )
    (folder / "model.safetensors").unlink()
    assert "model: model.safetensors is missing" in sentence(lambda: load_model(folder))
