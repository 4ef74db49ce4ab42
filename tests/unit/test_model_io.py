"""Model folders: there and back, whole or not at all, and never over what is not ours."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mru_hw import files
from mru_hw.errors import UserError
from mru_hw.model.io import load_model, save_model
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.units import parse, render_exact
from tests.mistakes import sentence
from tests.networks import draw_model, make_spec

CASES: list[dict[str, Any]] = [
    {"cell": "cmru", "levels": 2, "skip": 1, "name": "first", "n_layers": 1},
    {"cell": "bmru", "threshold": "input"},
    {"cell": "fq_bmru", "rectify_input": True, "rectify_candidate": True, "rectify_output": True},
    {"cell": "alpha_cmru", "skip": "matrix", "classes": ["yes", "no", "ä b"]},
]


@pytest.mark.parametrize("keys", CASES, ids=[case["cell"] for case in CASES])
def test_model_goes_to_disk_and_back(keys: dict[str, Any], tmp_path: Path) -> None:
    shared = {"a": [1, 2.5, None]}
    extra = {"provenance": {"one": shared, "two": shared}, "metrics": {"accuracy": 0.97}}
    spec = make_spec(**keys).model_copy(update=extra)
    model = draw_model(spec, 0)
    save_model(model, tmp_path / "deep" / "model")
    again = load_model(tmp_path / "deep" / "model")
    assert again.spec == spec
    assert list(again.tensors) == list(spec.tensor_shapes())
    for name, values in model.tensors.items():
        assert again.tensors[name].dtype == np.float64
        assert np.array_equal(again.tensors[name], values)


def test_a_second_model_replaces_the_first_and_leaves_nothing_behind(tmp_path: Path) -> None:
    for seed in (0, 1):
        save_model(draw_model(make_spec(), seed), tmp_path / "model")
    found = load_model(tmp_path / "model").tensors["head.weight"]
    assert np.array_equal(found, draw_model(make_spec(), 1).tensors["head.weight"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_two_renames_do_where_an_exchange_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_exchange", lambda *_: False)
    test_a_second_model_replaces_the_first_and_leaves_nothing_behind(tmp_path)


def test_a_failure_while_writing_leaves_the_old_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(draw_model(make_spec(), 0), tmp_path / "model")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_flush", full)
    told = sentence(lambda: save_model(draw_model(make_spec(), 1), tmp_path / "model"))
    assert told.endswith("expected a path that can be written (No space left on device).")
    found = load_model(tmp_path / "model").tensors["head.weight"]
    assert np.array_equal(found, draw_model(make_spec(), 0).tensors["head.weight"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("content", ["notes.txt", "model.yaml/and/notes.txt"])
def test_a_folder_with_other_content_is_left_alone(content: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    if content.startswith("model.yaml"):  # ours, with something of somebody else beside it
        save_model(draw_model(make_spec(), 0), folder)
    folder.mkdir(exist_ok=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r'out is ".*model", expected a new path or an earlier'):
        save_model(draw_model(make_spec(), 1), folder)
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_file_or_a_dangling_link_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(UserError, match="expected a new path or an earlier model"):
            save_model(draw_model(make_spec(), 1), tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_model_that_does_not_fit_its_structure_is_not_written(tmp_path: Path) -> None:
    model = draw_model(make_spec(), 0)
    broken = Model(spec=model.spec, tensors=dict(model.tensors) | {"head.bias": np.zeros(7)})
    with pytest.raises(
        UserError, match=r"model: head.bias is of shape \(7\), expected shape \(3\)"
    ):
        save_model(broken, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@given(st.floats(1e-12, 1e6))
def test_frame_period_reads_back_to_the_same_float(period: float) -> None:
    spec = make_spec().model_copy(update={"frame_period": period})
    assert ModelSpec.model_validate(spec.model_dump(mode="json")).frame_period == period


def test_units_are_written_as_people_write_them() -> None:
    assert render_exact(0.025, "s") == "25 ms"
    assert parse("12.5 nA", "A", "i_unit") == 12.5e-9
    assert parse(3, "A", "i_unit") == 3.0


@pytest.mark.parametrize("text", ["12.5 nV", "fast", "1e999 A", "nan A", True, ""])
def test_other_units_are_refused(text: str) -> None:
    with pytest.raises(
        UserError, match=r"i_unit is .*, expected a finite number with the unit A\."
    ):
        parse(text, "A", "i_unit")
