"""What is wrong with maps and foreign weights, and the sentence that each mistake gets."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mru_hw.cli.app import run
from mru_hw.model.io import load_model, save_model
from tests.mistakes import Harmful
from tests.networks import draw_model, make_spec

SPEC = make_spec("cmru", levels=2, name="memory", n_layers=1)


def _map(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = SPEC.model_dump(mode="json", exclude={"provenance", "metrics"})
    tensors: dict[str, Any] = {name: {"constant": 0} for name in SPEC.tensor_shapes()}
    tensors |= {k.replace("__", "."): v for k, v in changes.items()}
    return document | {"tensors": {k: v for k, v in tensors.items() if v is not None}}


MAP_ERRORS = [
    ({"head__bias": None}, "head.bias is missing, expected a source for a tensor (3,)."),
    (
        {"head__bas": "w"},
        "head.bas is no tensor of this structure, expected one of the contract, such as head.bias",
    ),
    (
        {"head__bias": {"from": "w", "turn": True}},
        "head.bias.turn is true, expected no key of this",
    ),
    (
        {"head__bias": {"from": "w", "constant": 1}},
        "head.bias is {'constant': 1, 'from': 'w'}, exp",
    ),
    ({"head__bias": {}}, "head.bias is {}, expected exactly one of from and constant."),
    (
        {"head__bias": {"constant": 1, "abs": True}},
        "head.bias is {'abs': True, 'constant': 1}, expected a constant without select, reshape, ",
    ),
    (
        {"head__bias": {"constant": "one"}},
        'head.bias.constant is "one", expected a finite number, ',
    ),
    (
        {"head__bias": {"constant": [[1], [1, 2]]}},
        "head.bias.constant is [[1], [1, 2]], expected a",
    ),
    (
        {"head__bias": {"constant": float("inf")}},
        "head.bias.constant is inf, expected a finite num",
    ),
    ({"head__bias": {"constant": [1, 2]}}, "head.bias is of shape (2), expected shape (3)."),
    (
        {"head__bias": "head.bias"},
        'head.bias.from is "head.bias", expected a tensor of the file, s',
    ),
    ({"head__bias": "w"}, "head.bias is of shape (2, 3), expected shape (3)."),
    ({"head__bias": {"from": "nan"}}, "head.bias (from nan)[1] is nan, expected a finite number."),
    ({"head__bias": {"from": "big"}}, "head.bias (from big) is an integer beyond 2^53, expected"),
    ({"head__bias": {"from": "w", "select": 1}}, "head.bias.select is 1, expected a list with an "),
    (
        {"head__bias": {"from": "w", "select": [-1]}},
        "head.bias.select is [-1], expected a list with",
    ),
    (
        {"head__bias": {"from": "w", "select": [2]}},
        "head.bias.select[0] is 2, expected a part of 0",
    ),
    (
        {"head__bias": {"from": "w", "select": [[1, 1]]}},
        "head.bias.select[0] is [1, 1], expected a",
    ),
    (
        {"head__bias": {"from": "w", "select": [0, 0, 0]}},
        "head.bias.select is 3 long, expected at m",
    ),
    (
        {"head__bias": {"from": "w", "reshape": [4]}},
        "head.bias.reshape is [4], expected a shape of",
    ),
    (
        {"layers__0__initial_state": {"constant": 3}},
        "layers.0.initial_state[0] is 3, expected a whole level within ±2 in levels.",
    ),
]


@pytest.mark.parametrize(("changes", "expected"), MAP_ERRORS)
def test_wrong_map(
    changes: dict[str, Any], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(
        tmp_path / "net.npz",
        w=np.zeros((2, 3)),
        nan=np.array([0, np.nan, 0]),
        big=np.array([0, 2**53 + 1, 0]),
    )
    (tmp_path / "MAP.yaml").write_text(yaml.safe_dump(_map(**changes)))
    out, err = _import(tmp_path, "net.npz", capsys)
    assert out == ""
    assert err.startswith(f"MAP.yaml: tensors.{expected}")
    assert err.count("\n") == 1


def _import(folder: Path, file: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    paths = [str(folder / name) for name in (file, "MAP.yaml", "model")]
    before = sorted(folder.iterdir())
    assert run(["import-weights", paths[0], "--map", paths[1], "--out", paths[2], "--json"]) == 2
    assert sorted(folder.iterdir()) == before
    out, err = capsys.readouterr()
    return out, err


def _torch_file(path: Path, content: object) -> None:
    import torch

    torch.save(content, path)


def _object_npz(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, x=np.array([Harmful()], dtype=object))


FILE_ERRORS: list[tuple[Callable[[Path], object], str]] = [
    (lambda _: None, "expected a torch state_dict, safetensors or .npz (no such file)."),
    (lambda p: p.write_bytes(pickle.dumps(Harmful())), "expected a state_dict of plain tensors; "),
    (lambda p: _torch_file(p, Harmful()), "expected a state_dict of plain tensors; other pickles"),
    (lambda p: _torch_file(p, {"epoch": 3}), "expected a state_dict that holds tensors by name."),
    (lambda p: p.write_bytes(b"PK\x03\x04 damaged"), "expected a state_dict of plain tensors; oth"),
    (lambda p: p.write_bytes(b"text"), "FILE is damaged or no safetensors, expected a safetensors"),
]


@pytest.mark.parametrize(("write", "expected"), FILE_ERRORS)
def test_wrong_file_of_weights(
    write: Callable[[Path], object],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "net.bin")
    (tmp_path / "MAP.yaml").write_text(yaml.safe_dump(_map(head__bias="w")))
    out, err = _import(tmp_path, "net.bin", capsys)
    assert out == ""
    assert err.startswith("FILE is ")
    assert expected in err
    assert not Path("harm-done").exists()


def test_an_array_of_objects_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _object_npz(tmp_path / "net.bin")
    (tmp_path / "MAP.yaml").write_text(yaml.safe_dump(_map(head__bias="x")))
    out, err = _import(tmp_path, "net.bin", capsys)
    assert out == ""
    assert err == (
        "MAP.yaml: tensors.head.bias (from x) is an array of Python objects, expected plain "
        "numbers, no pickle and not damaged.\n"
    )
    assert not Path("harm-done").exists()


def test_state_dict_without_torch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _torch_file(tmp_path / "net.pt", {})
    (tmp_path / "MAP.yaml").write_text(yaml.safe_dump(_map(head__bias="w")))
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    _, err = _import(tmp_path, "net.pt", capsys)
    assert "expected safetensors or .npz, because torch, which reads a state_dict, is not" in err


def test_missing_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "net.npz", w=np.zeros(3))
    _, err = _import(tmp_path, "net.npz", capsys)
    assert re.fullmatch(r'--map is ".*", expected a YAML file \(no such file\)\.\n', err)


def test_a_model_that_may_be_the_only_one_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An earlier import of the same file is replaced, whatever its map; no other model is."""
    for name in ("net.npz", "other.npz"):
        np.savez(tmp_path / name, w=np.full(3, len(name)))
    paths = [str(tmp_path / name) for name in ("net.npz", "MAP.yaml", "model")]
    arguments = ["import-weights", paths[0], "--map", paths[1], "--out", paths[2]]
    for biases in ("w", {"constant": 2}):
        (tmp_path / "MAP.yaml").write_text(yaml.safe_dump(_map(head__bias=biases)))
        assert run(arguments) == 0
    assert load_model(tmp_path / "model").tensors["head.bias"].tolist() == [2, 2, 2]
    capsys.readouterr()
    expected = "expected a new path, for the model there was not made of this file."

    _, err = _import(tmp_path, "other.npz", capsys)
    assert err.startswith("--out is ")
    assert expected in err
    save_model(draw_model(SPEC, 1), tmp_path / "model")
    assert expected in _import(tmp_path, "net.npz", capsys)[1]
    (tmp_path / "model" / "model.yaml").write_text("mine: [")
    assert expected in _import(tmp_path, "net.npz", capsys)[1]
    assert (tmp_path / "model" / "model.yaml").read_text() == "mine: ["


def test_a_structure_larger_than_any_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "net.npz", w=np.zeros(3))
    (tmp_path / "MAP.yaml").write_text(yaml.safe_dump(_map() | {"n_in": 10**14}))
    _, err = _import(tmp_path, "net.npz", capsys)
    assert re.fullmatch(
        r"MAP\.yaml is a structure of \d+ bytes of weights, expected at most 1073741824\.\n", err
    )
