"""`mru-hw simulate`: what it writes, and that the same run leaves the same bits."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.app import run
from mru_hw.model.io import load_model, save_model
from mru_hw.model.memory import ALPHA_CMRU
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.trace import load_trace
from mru_hw.stimulus import load_inputs, make_inputs, save_inputs
from tests.networks import draw_inputs, draw_model, make_spec

KEYS = {"decision", "output", "energy_J"} | {
    f"layer{i}.{kind}" for i in range(2) for kind in ("candidate", "state")
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model and 12 sequences with labels."""
    path = tmp_path_factory.mktemp("simulate")
    model = draw_model(make_spec("cmru", levels=2), 1)
    ones = {n: np.ones_like(v) for n, v in model.tensors.items() if n.endswith((".beta", ".alpha"))}
    save_model(dataclasses.replace(model, tensors=dict(model.tensors) | ones), path / "model")
    inputs = draw_inputs(4, 2, n_seq=12)
    labelled = make_inputs(inputs.x, inputs.lengths, np.arange(12) % 3)
    save_inputs(labelled, path / "x.npz")
    return path


def simulate(folder: Path, out: Path, *options: str) -> dict[str, np.ndarray]:
    base = ["simulate", str(folder / "model"), "--inputs", str(folder / "x.npz")]
    assert run([*base, "--out", str(out), *options]) == 0
    with np.load(out) as arrays:
        return dict(arrays)


def test_the_keys_and_shapes_are_the_same_at_every_level(folder: Path, tmp_path: Path) -> None:
    ideal = simulate(folder, tmp_path / "ideal.npz", "--level", "ideal")
    chip = simulate(folder, tmp_path / "chip.npz", "--level", "behavioral", "--die", "1")
    assert set(ideal) == set(chip) == KEYS
    for key, values in ideal.items():
        assert values.shape == chip[key].shape
        assert values.dtype == chip[key].dtype
    assert ideal["decision"].shape == (12,)
    assert ideal["decision"].dtype == np.int64
    assert np.isnan(ideal["energy_J"]).all()
    assert np.all((chip["energy_J"] > 0) & (chip["energy_J"] < 1e-6))


def test_padding_is_nan_and_valid_frames_are_not(folder: Path, tmp_path: Path) -> None:
    with np.load(folder / "x.npz") as arrays:
        lengths, n_time = arrays["lengths"], arrays["x"].shape[1]
    valid = np.arange(n_time) < lengths[:, None]
    assert not valid.all()
    for level in ("ideal", "behavioral"):
        found = simulate(folder, tmp_path / f"{level}.npz", "--level", level)
        for key in KEYS - {"decision", "energy_J"}:
            assert np.array_equal(np.isfinite(found[key]).all(axis=2), valid), key
            assert np.array_equal(np.isnan(found[key]).all(axis=2), ~valid), key


@pytest.mark.parametrize("level", ["ideal", "behavioral"])
def test_a_range_of_sequences_has_the_bits_of_the_whole_file(
    level: str, folder: Path, tmp_path: Path
) -> None:
    seeds = ["--die", "3", "--noise", "4"] if level == "behavioral" else []
    whole = simulate(folder, tmp_path / "whole.npz", "--level", level, *seeds)
    for text, rows in (("5:9", slice(5, 9)), (":1", slice(0, 1)), ("11:", slice(11, 12))):
        options = ["--level", level, *seeds, "--sequences", text]
        part = simulate(folder, tmp_path / "part.npz", *options)
        for key, values in part.items():
            assert np.array_equal(values, whole[key][rows], equal_nan=True), key


def test_seeds_name_dies_and_noise(folder: Path, tmp_path: Path) -> None:
    def output(*options: str) -> np.ndarray:
        return simulate(folder, tmp_path / "y.npz", *options)["layer0.candidate"]

    assert np.array_equal(output(), output("--level", "behavioral"), equal_nan=True)
    assert np.array_equal(output("--die", "1"), output("--die", "1"), equal_nan=True)
    runs = [output(), output("--die", "1"), output("--die", "2"), output("--noise", "1")]
    for i, first in enumerate(runs):
        for second in runs[i + 1 :]:
            assert not np.array_equal(first, second, equal_nan=True)


def test_conditions_reach_the_chip(folder: Path, tmp_path: Path) -> None:
    def joules(*options: str) -> np.ndarray:
        return simulate(folder, tmp_path / "y.npz", "--die", "1", *options)["energy_J"]

    usual = joules()
    assert np.all(joules("--vdd", "1.62 V") < usual)
    assert np.array_equal(joules("--vdd", "1800 mV", "--corner", "tt"), usual)
    # Mismatch of threshold voltages counts less where kT/q is larger.
    assert not np.array_equal(joules("--temperature", "85"), usual)


def test_the_report_is_one_json_object_or_three_lines(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "y.npz"
    simulate(folder, out, "--json")
    shown = json.loads(capsys.readouterr().out)
    trace = load_trace(out)
    assert shown["sequences"] == 12
    assert shown["level"] == "behavioral"
    assert shown["status"] == "done"
    assert shown["accuracy"] == np.mean(trace.decision == np.arange(12) % 3)
    assert shown["energy_per_sequence_J"] == pytest.approx(trace.energy_J.mean())
    simulate(folder, out)
    assert "nJ on average" in capsys.readouterr().out
    simulate(folder, out, "--level", "ideal", "--json")
    assert json.loads(capsys.readouterr().out)["energy_per_sequence_J"] is None


# ------------------------------------------------------------------ cells that no circuit holds


@pytest.fixture(scope="module")
def relaxed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Like `folder`, its second layer of a cell that no circuit holds."""
    path = tmp_path_factory.mktemp("relaxed")
    spec = make_spec("cmru", levels=2)
    cell = spec.layers[1].model_copy(update={"cell": ALPHA_CMRU})
    spec = spec.model_copy(update={"layers": (spec.layers[0], cell)})
    save_model(draw_model(spec, 1), path / "model")
    inputs = draw_inputs(4, 2, n_seq=12)
    save_inputs(make_inputs(inputs.x, inputs.lengths, np.arange(12) % 3), path / "x.npz")
    return path


SAID = (
    "No circuit holds the cells of layer 1 (alpha_cmru): the network ran as it was trained, "
    "without a chip's rounding, and without energy."
)


def test_ideal_runs_a_network_that_no_circuit_holds(
    relaxed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "y.npz"
    found = simulate(relaxed, out, "--level", "ideal", "--sequences", "2:7", "--json")
    shown = capsys.readouterr()
    assert shown.err.splitlines()[-1] == SAID
    told = json.loads(shown.out)
    assert (told["mapped"], told["options"], told["warning"]) == (False, None, SAID)
    assert told["energy_per_sequence_J"] is None
    model, inputs = load_model(relaxed / "model"), load_inputs(relaxed / "x.npz")
    software = simulate_ideal(model, inputs.take(slice(2, 7)))
    assert software.output is not None
    assert set(found) == KEYS
    assert np.array_equal(found["decision"], software.decision)
    assert np.array_equal(found["output"], software.output, equal_nan=True)
    for i in range(2):
        assert np.array_equal(found[f"layer{i}.state"], software.states[i], equal_nan=True)
    assert np.isnan(found["energy_J"]).all()
    assert told["accuracy"] == np.mean(software.decision == inputs.y[2:7])  # type: ignore[index]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--level", "behavioral"), 'layers.1.cell is "alpha_cmru", expected cmru, bmru or '),
        (("--i-unit", "300 pA"), '--i-unit is "300 pA", expected no such option, for no circuit '),
        (("--calibration", "c.yaml"), '--calibration is "c.yaml", expected no such option'),
        (("--die", "1"), "--die is 1, expected no die at the level ideal"),
        (("--noise", "1"), "--noise is 1, expected no noise at the level ideal"),
        (("--temperature", "85"), "conditions is "),
        (("--corner", "ff"), '--corner is "ff", expected tt at the level ideal'),
        (("--tech", "none"), '--tech is "none", expected'),
        (("--raw", "waves"), '--raw is "waves", expected --level spice'),
        (("--wire-per-leg", "1 fF"), '--wire-per-leg is "1 fF", expected 0 F at the level ideal'),
        (("--tolerances", "tight"), '--tolerances is "tight", expected default at the level'),
        (("--sequences", "12:13"), '--sequences is "12:13", expected start:stop within 0:12'),
    ],
)
def test_what_a_network_without_a_circuit_does_not_have_is_refused(
    options: tuple[str, ...],
    sentence: str,
    relaxed: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "y.npz"
    base = ["simulate", str(relaxed / "model"), "--inputs", str(relaxed / "x.npz")]
    level = () if "--level" in options else ("--level", "ideal")
    assert run([*base, "--out", str(out), *level, *options]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert shown.err.startswith(sentence), shown.err
    assert not out.exists()
