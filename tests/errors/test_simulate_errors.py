"""Each mistake at `mru-hw simulate` gives one sentence and status 2, and writes nothing."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.app import run
from mru_hw.model.io import STRUCTURE, load_model, save_model
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration, write_calibration
from tests.mistakes import sentence
from tests.networks import draw_model, make_spec


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulate")
    for name, keys in (("model", {"levels": 2}), ("open", {})):
        model = draw_model(make_spec("cmru", **keys), 1)
        ones = {
            n: np.ones_like(v) for n, v in model.tensors.items() if n.endswith((".beta", ".alpha"))
        }
        save_model(dataclasses.replace(model, tensors=dict(model.tensors) | ones), path / name)
    model = load_model(path / "model")
    for name, old, new in (("tall", "levels: 2", "levels: 100000000"), ("brief", "10 ms", "1 us")):
        save_model(model, path / name)
        text = (path / name / STRUCTURE).read_text()
        (path / name / STRUCTURE).write_text(text.replace(old, new))
    save_inputs(make_inputs(np.zeros((5, 3, 4))), path / "x.npz")
    save_inputs(make_inputs(np.zeros((2, 3, 4)), y=[0, 3]), path / "labels.npz")
    save_inputs(make_inputs(np.zeros((5, 3, 7))), path / "wide.npz")
    np.savez(path / "long.npz", x=np.zeros((2, 3, 4)), lengths=np.array([3, 4]))
    endless = {"x": np.zeros((2, 200_000, 4)), "lengths": [3, 200_000], "y": [0, 1]}
    np.savez_compressed(path / "endless.npz", **endless)  # type: ignore[arg-type]
    plan = "{model: model, inputs: endless.npz, level: spice, n_dies: 1}"
    (path / "plan.yaml").write_text(plan)
    np.savez(path / "nan.npz", x=np.full((2, 3, 4), np.nan))
    return path


def refuse(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    *options: str,
    model: str = "model",
    inputs: str = "x.npz",
) -> str:
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    arguments = ["simulate", str(folder / model), "--inputs", str(folder / inputs)]
    if "--out" not in options:
        arguments += ["--out", str(folder / "y.npz")]
    assert run([*arguments, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    return err.strip()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--level", "real"], '--level is "real", expected one of ideal, behavioral, spice.'),
        (
            ["--tech", "sky999"],
            '--tech is "sky999", expected one of generic180, sky130; '
            "MRU_HW_TECHNOLOGIES can name a folder of others.",
        ),
        (["--corner", "tf"], '--corner is "tf", expected one of tt, ff, ss, sf, fs.'),
        # The ends of a range are in it, whatever a product rounds to.
        *(
            (
                ["--vdd", supply],
                f"--vdd is {supply}, expected 1.62 V to 1.98 V, where the constants were measured.",
            )
            for supply in ("1.44 V", "2.16 V")
        ),
        (
            ["--vdd", "1.5"],
            "--vdd is 1.5 V, expected 1.62 V to 1.98 V, where the constants were measured.",
        ),
        (
            ["--timing", "late"],
            '--timing is "late", expected one of settled, timed.',
        ),
        (
            ["--kernel", "fortran"],
            '--kernel is "fortran", expected one of numba, numpy.',
        ),
        (
            ["--kernel", "numba", "--level", "spice"],
            '--kernel is "numba", expected --level ideal or behavioral, settled: '
            "others have no choice of it.",
        ),
        (
            ["--timing", "timed", "--level", "ideal"],
            '--timing is "timed", expected settled at the level ideal: behavioral alone has it.',
        ),
        (
            ["--process-scale", "1"],
            "--process-scale is 1.0, expected 0 without --die, for the nominal die has no spread.",
        ),
        (
            ["--gradient-scale", "nan", "--die", "1"],
            '--gradient-scale is "nan", expected a finite number.',
        ),
        (["--process-scale", "90", "--die", "1"], "--process-scale is 90.0, expected 0 to 10."),
        (["--gradient-scale", "-1", "--die", "1"], "--gradient-scale is -1.0, expected 0 to 100."),
        (
            ["--temperature", "200"],
            "--temperature is 200.0, expected -40 to 125 degC, where the constants were measured.",
        ),
        (
            ["--level", "spice", "--temperature", "200"],
            "--temperature is 200.0, expected -40 to 125 degC.",
        ),
        (
            ["--vdd", "3.3"],
            "--vdd is 3.3 V, expected 1.62 V to 1.98 V, where the constants were measured.",
        ),
        (["--vdd", "1.61999999"], "--vdd is 1.61999999 V, expected 1.62 V to 1.98 V, where "),
        (["--level", "spice", "--vdd", "3.3"], "--vdd is 3.3 V, expected 1.44 V to 2.16 V."),
        (["--vdd", "1.8 A"], '--vdd is "1.8 A", expected a finite number with the unit V.'),
        (["--vdd", "much"], '--vdd is "much", expected a finite number with the unit V.'),
        (
            ["--level", "ideal", "--die", "1"],
            "--die is 1, expected no die at the level ideal, but at behavioral or spice.",
        ),
        (
            ["--level", "ideal", "--noise", "2"],
            "--noise is 2, expected no noise at the level ideal, but at behavioral.",
        ),
        (
            ["--level", "spice", "--noise", "2"],
            "--noise is 2, expected no noise at the level spice, but at behavioral.",
        ),
        (
            ["--level", "ideal", "--vdd", "1.7"],
            'conditions is "27 degC and 1.7 V", expected none at the level ideal, whose numbers '
            "have none.",
        ),
        (
            ["--level", "spice", "--raw", __file__],
            f'--raw is "{__file__}", expected a folder that can be written, new or there already.',
        ),
        (["--die", "-1"], f"--die is -1, expected a whole number from 0 to {2**63 - 1}."),
        (["--die", "1_0"], '--die is "1_0", expected a whole number from 0 to '),
        (["--die", "1e3"], '--die is "1e3", expected a whole number from 0 to '),
        (["--die", "9" * 5000], '--die is "99999'),
        (["--temperature", "27,5"], '--temperature is "27,5", expected a finite number with the '),
        (["--temperature", "nan"], '--temperature is "nan", expected a finite number with the '),
        (["--temperature", "2_7"], '--temperature is "2_7", expected a finite number with the '),
        (["--process-scale", "1m"], '--process-scale is "1m", expected a finite number.'),
        (["--vdd", "1,8 V"], '--vdd is "1,8 V", expected a finite number with the unit V, with a '),
        (["--sequences", f"0:{'9' * 5000}"], '--sequences is "0:999'),
        (["--sequences", "٠:٣"], '--sequences is "٠:٣", expected start:stop within 0:5'),
        (["--noise", str(2**64)], f"--noise is {2**64}, expected a whole number from 0 to "),
        *(
            (
                ["--sequences", text],
                f'--sequences is "{text}", expected start:stop within 0:5, such as 0:5.',
            )
            for text in ("3", "3:2", "0:6", "2:2", "-1:2", "a:b", "0:1:2")
        ),
    ],
)
def test_each_wrong_option(
    options: list[str], expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = refuse(folder, capsys, *options)
    assert found == expected if expected.endswith(".") else found.startswith(expected)


def test_waves_that_would_replace_what_are_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = folder / "waves" / "sequence1.raw"
    mine.parent.mkdir()
    mine.write_bytes(b"a picture")
    found = refuse(folder, capsys, "--level", "spice", "--raw", str(mine.parent))
    assert found == f'--raw is "{mine}", expected a new path or an earlier raw file.'


@pytest.mark.parametrize("level", ["ideal", "behavioral", "spice"])
@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("wide.npz", "inputs: n_in is 7, expected 4, as the model has."),
        ("labels.npz", "inputs: y is 3, expected class indices below 3, the model's outputs."),
    ],
)
def test_inputs_that_do_not_fit_the_model(
    level: str, inputs: str, expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refuse(folder, capsys, "--level", level, inputs=inputs) == expected


def test_lengths_beyond_the_array(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = refuse(folder, capsys, inputs="long.npz")
    assert found == "long.npz: lengths[1] is 4, expected 1 to 3, the frames of x."


@pytest.mark.parametrize("options", [["--level", "ideal"], ["--noise", "1"], ["--timing", "timed"]])
def test_a_trace_larger_than_the_machine(
    options: list[str],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mru_hw.simulate.kept.free_memory", lambda: 1000)
    assert refuse(folder, capsys, *options) == (
        "trace is 3,240 bytes for 5 x 3 frames, expected at most 1,000 bytes, what this machine "
        "has left: run fewer sequences (--sequences) or shorter ones."
    )


def test_sequences_too_long_for_ngspice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = (
        r"inputs: lengths\[1\] is 200,000 frames, expected at most ([\d,]+) for ([\d,]+) "
        r"transistors in ngspice, whose process has 30 minutes and 4 GiB: shorter "
        r"sequences, or the level behavioral\."
    )
    whole, unit = (
        re.fullmatch(expected, refuse(folder, capsys, *options, inputs="endless.npz"))
        for options in (["--level", "spice"], ["--level", "spice", "--verify", "layer:0"])
    )
    assert whole is not None
    assert unit is not None
    frames, transistors = ([int(m[k].replace(",", "")) for m in (whole, unit)] for k in (1, 2))
    assert transistors[0] > 10 * transistors[1]
    assert 1000 < 5 * frames[0] < frames[1]
    assert run(["sweep", str(folder / "plan.yaml"), "--out", str(folder / "r.sqlite")]) == 2
    assert capsys.readouterr().err.strip() == whole[0]
    assert not (folder / "r.sqlite").exists()


def test_a_ladder_beyond_all_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = refuse(folder, capsys, model="tall")
    assert found == "layers.0.levels is 100000000, expected at most 1000."


def test_a_frame_shorter_than_its_edges(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = "frame_period is 1 us, expected at least 100 us in SPICE."
    assert refuse(folder, capsys, "--level", "spice", model="brief").endswith(expected)
    options = ["--level", "spice", "--verify", "units:1"]
    assert refuse(folder, capsys, *options, model="brief") == expected
    assert run(["netlist", str(folder / "brief"), "--out", str(folder / "n")]) == 2
    assert capsys.readouterr().err.strip() == expected
    assert not (folder / "n").exists()


def test_a_folder_that_cannot_be_written(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mru_hw.files.os.access", lambda _, mode: mode != os.W_OK)
    expected = f"expected a path that can be written (the folder {folder} lets nothing be written)."
    assert refuse(folder, capsys).endswith(expected)


def test_inputs_that_are_not_finite(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = refuse(folder, capsys, inputs="nan.npz")
    assert found == "nan.npz: x[0, 0, 0] is nan, expected a finite number."


def test_a_model_that_has_no_circuit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = refuse(folder, capsys, model="open")
    assert found == (
        "layers.0.levels is null, expected a whole number K, the ladder's length, there or in the "
        "design's options."
    )


def test_a_model_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = refuse(folder, capsys, model="nowhere")
    assert "nowhere" in found


def test_an_output_path_with_other_content(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = folder / "notes.txt"
    text.write_text("mine")
    found = refuse(folder, capsys, "--out", str(text))
    assert found == f'--out is "{text}", expected a new path or an earlier .npz.'
    # The inputs themselves are an .npz too, and no trace.
    own = folder / "x.npz"
    found = refuse(folder, capsys, "--out", str(own))
    assert found == f'--out is "{own}", expected a new path or an earlier trace, not other content.'
    folder.joinpath("broken.npz").write_bytes(b"PK nothing else")
    assert "an earlier trace" in refuse(folder, capsys, "--out", str(folder / "broken.npz"))


def test_a_calibration_s_table_never_replaces_another_file(tmp_path: Path) -> None:
    calibration = load_calibration(load_technology("generic180")).model_dump()
    table = tmp_path / "raw" / "t.csv"
    table.parent.mkdir()
    table.write_text("mine")
    path = tmp_path / "t.yaml"
    samples = {"a": np.array([1.0, 2.0])}
    text = sentence(lambda: write_calibration(calibration, samples, path))
    assert text.endswith("expected a new path or an earlier table of samples.")
    assert table.read_text() == "mine"
    assert not path.exists()
    table.unlink()
    write_calibration(calibration, samples, path)
    write_calibration(calibration, samples, path)
    assert table.read_text() == "sample,index,value\na,0,1\na,1,2\n"
