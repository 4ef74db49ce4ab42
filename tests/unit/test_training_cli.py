"""`mru-hw train` at the command line: status, sentence, JSON, and no torch where none is needed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from mru_hw.cli.app import run
from mru_hw.stimulus import load_inputs, make_inputs, save_inputs


@pytest.fixture
def config(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    save_inputs(
        make_inputs(rng.normal(size=(30, 5, 2)), y=rng.integers(0, 2, 30)), tmp_path / "inputs.npz"
    )
    data = {
        "data": "inputs.npz",
        "frame_period": "1 ms",
        "network": {"n_hidden": 2, "layers": [{"cell": "bmru", "n_units": 2, "n_out": 2}]},
        "training": {"epochs": 2},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def test_json_is_all_that_stands_on_standard_output(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = config.parent / "model"
    assert run(["train", str(config), "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"complete", "model", "accuracy", "resumed_at", "seconds", "warning"}
    assert run(["train", str(config), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"{out}: train ")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("seed: !!python/name:os.system", "config.yaml is not plain YAML in line"),
        ("speed: 1", "config.yaml: speed is 1, expected no key of this name but one of "),
    ],
)
def test_a_bad_configuration_is_one_sentence_and_status_2(
    config: Path, capsys: pytest.CaptureFixture[str], line: str, sentence: str
) -> None:
    config.write_text(config.read_text() + line + "\n")
    assert run(["train", str(config), "--out", str(config.parent / "model")]) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert not (config.parent / "model").exists()


@pytest.mark.parametrize(("part", "rows"), [("train", 24), ("validation", 3), ("test", 3)])
def test_the_sequences_of_a_part_become_a_file(config: Path, part: str, rows: int) -> None:
    out = config.parent / "part.npz"
    assert run(["inputs", str(config), "--out", str(out), "--part", part]) == 0
    whole, found = load_inputs(config.parent / "inputs.npz"), load_inputs(out)
    places = {"train": slice(2, 10), "validation": slice(1, 2), "test": slice(0, 1)}[part]
    assert found.n_seq == rows
    assert np.array_equal(found.x[: places.stop - places.start], whole.x[places])
    assert found.y is not None


def test_a_task_that_does_not_load_is_one_sentence_and_status_2(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = yaml.safe_load(config.read_text())
    del data["data"], data["frame_period"]
    data["task"] = {"name": "digit_recordings", "folder": "nowhere"}
    config.write_text(yaml.safe_dump(data))
    for line in (["train"], ["inputs"]):
        assert run([*line, str(config), "--out", str(config.parent / "out")]) == 2
        shown = capsys.readouterr()
        assert 'nowhere", expected a folder (No such file or directory).' in shown.err
        assert (shown.out, shown.err.count("\n")) == ("", 1)
        assert not (config.parent / "out").exists()


def test_labels_that_skip_a_class_are_refused(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.ones((30, 5, 2))
    save_inputs(make_inputs(x, y=2 * (np.arange(30) % 2)), config.parent / "inputs.npz")
    assert run(["train", str(config), "--out", str(config.parent / "model")]) == 2
    expected = "inputs.npz: y is without class 1, expected each class from 0 to 2."
    assert expected in capsys.readouterr().err
    assert not (config.parent / "model.part").exists()


def test_the_digits_load_without_torch() -> None:
    code = (
        "import sys, mru_hw.cli.train\n"
        "from mru_hw.training.digits import split_rows\n"
        "from mru_hw.training.tasks import TASKS, Digits\n"
        "Digits().load(None)\n"
        "assert 'torch' not in sys.modules, 'torch was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_model_to_go_on_from_is_named_as_it_was_given(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = config.parent / "first", config.parent / "second"
    assert run(["train", str(config), "--out", str(first)]) == 0
    assert run(["train", str(config), "--from", str(first), "--out", str(second)]) == 0
    config.write_text(config.read_text().replace("n_hidden: 2", "n_hidden: 3"))
    other = ["train", str(config), "--out", str(config.parent / "other")]
    capsys.readouterr()
    for start, sentence in (
        (first, "--from is a model whose n_hidden is 2, expected one with 3 there"),
        (config.parent / "none", f'--from is "{config.parent / "none"}", expected a folder'),
    ):
        assert run([*other, "--from", str(start)]) == 2
        shown = capsys.readouterr()
        assert sentence in shown.err
        assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert not (config.parent / "other").exists()
    assert not (config.parent / "other.part").exists()
