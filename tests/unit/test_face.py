"""The public face: its names, how light it is, and what a chip, a run and a sweep give."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mru_hw
from mru_hw.cli.app import COMMANDS
from mru_hw.cli.app import run as command
from mru_hw.cli.flags import FLAGS
from mru_hw.errors import UserError
from mru_hw.model.io import save_model
from mru_hw.simulate.run import Chip, Run, run_level
from mru_hw.simulate.trace import load_trace
from mru_hw.stimulus import Inputs, save_inputs
from mru_hw.technology.conditions import nominal_conditions
from tests.mistakes import sentence
from tests.processes import python
from tests.sweeps import rows, small_inputs, small_model, write_case

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "numpy", "scipy", "scipy.optimize", "matplotlib", "pandas", "pydantic", "typer")


def fresh(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(*arguments, "-c", code)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two layers and labelled inputs, on disk."""
    path = tmp_path_factory.mktemp("face")
    model = small_model()
    save_model(model, path / "model")
    save_inputs(small_inputs(model, 6), path / "x.npz")
    return path


@pytest.fixture(scope="module")
def chip(folder: Path) -> Chip:
    return mru_hw.Chip(folder / "model")


@pytest.fixture(scope="module")
def inputs(folder: Path) -> Inputs:
    return mru_hw.load_inputs(str(folder / "x.npz"))


# ------------------------------------------------------------------------------- the names


def test_the_public_names_are_listed_once_and_all_there() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8").split("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)", page, re.MULTILINE)
    assert sorted(listed) == sorted(mru_hw.__all__)
    assert set(mru_hw.__all__) <= set(dir(mru_hw))
    for name in mru_hw.__all__:
        assert getattr(mru_hw, name).__doc__
    assert not hasattr(mru_hw, "nonsense")


def test_each_name_is_what_a_type_checker_takes_it_for() -> None:
    tree = ast.parse((ROOT / "mru_hw" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (n for n in tree.body if isinstance(n, ast.If))
    typed = {n.names[0].name: n.module for n in block.body if isinstance(n, ast.ImportFrom)}
    several = [n for n in block.body if isinstance(n, ast.ImportFrom) for _ in n.names[1:]]
    typed |= {a.name: n.module for n in several for a in n.names}
    assert typed == mru_hw._PLACES


def test_weights_are_imported_in_python(tmp_path: Path) -> None:
    model = small_model()
    np.savez(tmp_path / "w.npz", spare=np.zeros(1), **model.tensors)  # type: ignore[arg-type]
    keys = ("frame_period", "n_in", "n_hidden", "n_classes", "layers")
    told = {
        name: value for name, value in model.spec.model_dump(mode="json").items() if name in keys
    }
    tensors = {name: name for name in model.tensors}
    document = json.dumps(told | {"tensors": tensors})  # JSON is YAML
    (tmp_path / "MAP.yaml").write_text(document)
    imported = mru_hw.import_weights(str(tmp_path / "w.npz"), tmp_path / "MAP.yaml", tmp_path / "m")
    assert imported.unused == ("spare",)
    again = mru_hw.load_model(tmp_path / "m")
    for name, value in model.tensors.items():
        np.testing.assert_array_equal(imported.model.tensors[name], value)
        np.testing.assert_array_equal(again.tensors[name], value)


def test_an_import_warns_of_thresholds_that_may_be_logarithms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = small_model()
    tensors = dict(model.tensors)
    tensors["layers.0.beta"] = np.log(np.linspace(0.5, 1.5, len(tensors["layers.0.beta"])))
    np.savez(tmp_path / "w.npz", **tensors)  # type: ignore[arg-type]
    keys = ("frame_period", "n_in", "n_hidden", "n_classes", "layers")
    document: dict[str, Any] = {
        name: value for name, value in model.spec.model_dump(mode="json").items() if name in keys
    }
    document["tensors"] = {name: name for name in tensors}
    file, map_file = tmp_path / "w.npz", tmp_path / "MAP.yaml"
    map_file.write_text(json.dumps(document))
    below = int(np.count_nonzero(tensors["layers.0.beta"] < 0))
    told = (
        f"layers.0.beta (from layers.0.beta) is below 0 for {below} of "
        f"{len(tensors['layers.0.beta'])} units, where its absolute value counts: if it is a "
        "logarithm, save its exponential."
    )
    assert mru_hw.import_weights(file, map_file).warning == told
    call = ["import-weights", str(file), "--map", str(map_file), "--out", str(tmp_path / "m")]
    assert command([*call, "--json"]) == 0
    out, err = capsys.readouterr()
    assert (err, json.loads(out)["warning"]) == (f"{told}\n", told)
    document["tensors"]["layers.0.beta"] = {"from": "layers.0.beta", "abs": True}
    map_file.write_text(json.dumps(document))
    assert mru_hw.import_weights(file, map_file).warning == ""


@pytest.mark.parametrize("sequences", [5, "0:5", slice("0", None), None])
def test_sequences_that_are_no_slice_are_refused(
    sequences: Any, chip: Chip, inputs: Inputs
) -> None:
    with pytest.raises(UserError, match=r"sequences is .*, expected (a slice|start:stop)"):
        chip.run(inputs, sequences=sequences)


def test_the_functions_stay_functions_whatever_is_imported() -> None:
    code = (
        "import importlib, pkgutil, mru_hw\n"
        "mru_hw.sweep\n"
        "import mru_hw.sweeps.run, mru_hw.training.face\n"
        "assert all(callable(getattr(mru_hw, n)) for n in ('sweep', 'train', 'read_sweep'))\n"
        "names = {m.name for m in pkgutil.iter_modules(mru_hw.__path__)}\n"
        "assert not names & set(mru_hw.__all__), names & set(mru_hw.__all__)\n"
    )
    done = fresh(code)
    assert done.returncode == 0, done.stderr


def test_the_import_is_light() -> None:
    code = f"import sys, mru_hw; print([m for m in {HEAVY} if m in sys.modules])"
    assert fresh(code).stdout.strip() == "[]"


def test_a_chip_needs_no_torch_and_no_pandas(folder: Path) -> None:
    code = (
        "import sys, mru_hw\n"
        f"run = mru_hw.Chip({str(folder / 'model')!r}).run({str(folder / 'x.npz')!r})\n"
        "print([m for m in ('torch', 'pandas', 'matplotlib') if m in sys.modules])\n"
    )
    done = fresh(code)
    assert done.stdout.strip() == "[]", done.stderr


def test_python_m_is_the_command() -> None:
    assert python("-m", "mru_hw", "--version").stdout.strip() == mru_hw.__version__
    done = python("-m", "mru_hw", "nonsense")
    assert (done.returncode, done.stderr) == (2, "No such command 'nonsense'.\n")


# --------------------------------------------------------------------------------- flags


def test_flags_are_named_in_the_command_line_alone() -> None:
    found = []
    for path in sorted((ROOT / "mru_hw").rglob("*.py")):
        if path.is_relative_to(ROOT / "mru_hw" / "cli"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                # Those of other programs: pip, scripts, benchmarks that a constant was found with.
                other = r"(pip install|benchmarks/\w+\.py|scripts\.\w+) --[a-z-]+"
                own = re.sub(other, "", node.value)
                found += [(path.name, flag) for flag in re.findall(r"--[a-z][a-z-]+", own)]
    assert found == []


def test_the_table_has_each_flag_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(FLAGS) <= {one.name for one in COMMANDS}
    for name, names in FLAGS.items():
        assert command([name, "--help"]) == 0
        shown = capsys.readouterr().out
        for flag in names.values():
            assert re.search(rf"(?<![\w-]){flag}(?![\w-])", shown), (name, flag)


@pytest.mark.parametrize(
    ("python", "options", "expected"),
    [
        (
            {"v_dd": "3.3 V"},
            ["--vdd", "3.3 V"],
            "{v_dd|--vdd} is 3.3 V, expected 1.62 V to 1.98 V,",
        ),
        (
            {"timing": "timed", "level": "ideal"},
            ["--timing", "timed", "--level", "ideal"],
            '{timing|--timing} is "timed", expected settled at the level ideal: behavioral alone',
        ),
        (
            {"level": "real"},
            ["--level", "real"],
            '{level|--level} is "real", expected one of ideal',
        ),
        (
            {"level": "spice", "noise": 1},
            ["--level", "spice", "--noise", "1"],
            "{noise|--noise} is 1, expected no noise at the level spice, but at behavioral.",
        ),
        ({"die": -1}, ["--die", "-1"], "{die|--die} is -1, expected a whole number from 0 to"),
        ({"corner": "tf"}, ["--corner", "tf"], '{corner|--corner} is "tf", expected one of tt, ff'),
        (
            {"raw": "waves"},
            ["--raw", "waves"],
            '{raw|--raw} is "waves", expected {`level`|--level} spice: others have no waves',
        ),
        (
            {"tolerances": "tight"},
            ["--tolerances", "tight"],
            '{tolerances|--tolerances} is "tight", expected default at the level behavioral',
        ),
    ],
)
def test_a_mistake_has_one_sentence_in_python_and_at_the_command_line(
    python: dict[str, Any],
    options: list[str],
    expected: str,
    chip: Chip,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sides = (re.sub(r"\{(.*?)\|(.*?)\}", rf"\{k}", expected) for k in (1, 2))
    here, there = sides
    assert sentence(lambda: chip.run(folder / "x.npz", **python)).startswith(here)
    call = ["simulate", str(folder / "model"), "--inputs", str(folder / "x.npz")]
    assert command([*call, "--out", str(folder / "y.npz"), *options]) == 2
    assert capsys.readouterr().err.startswith(there)
    assert not (folder / "y.npz").exists()


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (lambda c, p: mru_hw.Chip(p / "nowhere"), "model is "),
        (lambda c, p: mru_hw.Chip(p / "model", tech="tsmc"), 'tech is "tsmc", expected one of'),
        (lambda c, p: c.run(np.zeros((2, 3))), "inputs: x is of shape (2, 3), expected shape"),
        (lambda c, p: c.run(np.zeros((2, 3, 9))), "inputs: n_in is 9, expected "),
        (lambda c, p: c.run(p / "none.npz"), "inputs is "),
        (lambda c, p: c.run(p / "x.npz", sequences=slice(4, 2)), "sequences is 4:2:None, expected"),
        (lambda c, p: c.run(p / "x.npz", noise=1.5), "noise is 1.5, expected a whole number"),
        (lambda c, p: c.run(p / "x.npz", temperature="27 K"), 'temperature is "27 K", expected'),
        (lambda c, p: c.verify(p / "x.npz", "some"), 'verify is "some", expected units:N, such as'),
        (lambda c, p: c.netlist(p / "n", "eldo"), 'dialect is "eldo", expected one of ngspice'),
        (lambda c, p: c.netlist(p / "n", sequence=2), "sequence is 2, expected 0 without `inputs`"),
        (
            lambda c, p: c.netlist(p / "n", droop="2 V"),
            "droop is 2 V, expected 1 mV to 900 mV.",
        ),
        (lambda c, p: mru_hw.sweep({"model": "m"}), "plan: inputs is missing, expected "),
        (lambda c, p: mru_hw.read_sweep(p / "none.sqlite"), "run is "),
        (
            lambda c, p: mru_hw.Chip(p / "model", process=1.0).run(p / "x.npz"),
            "process_scale is 1.0, expected 0 without `die`, for the nominal die has no spread.",
        ),
    ],
)
def test_each_mistake_names_a_field(
    action: Callable[[Chip, Path], object], expected: str, chip: Chip, folder: Path
) -> None:
    found = sentence(lambda: action(chip, folder))
    assert found.startswith(expected)
    assert "--" not in found


# ---------------------------------------------------------------------------- chips and runs


def test_a_run_comes_back_priced(chip: Chip, inputs: Inputs) -> None:
    for keys in ({}, {"timing": "timed"}, {"die": 3, "noise": 5, "temperature": "85 degC"}):
        run = chip.run(inputs, **keys)
        priced, n_seq = run.energy, inputs.n_seq
        assert priced.total.shape == priced.power.shape == priced.inputs.shape == (n_seq,)
        assert (priced.total > 0).all()
        assert tuple(priced.blocks) == ("mirror", "memory", "clock", "bias")
        np.testing.assert_allclose(sum(priced.blocks.values()), priced.total, rtol=1e-12)
        assert priced.switching is not None
        for name, joules in priced.blocks.items():
            assert (priced.switching[name] <= joules).all()
        frame = chip.design.timing.frame
        np.testing.assert_allclose(priced.power * inputs.lengths * frame, priced.total, rtol=1e-12)
        assert np.array_equal(priced.total, run.trace.energy_J)
        assert len(run.states) == len(run.candidates) == len(chip.model.spec.layers)
        assert run.accuracy == np.mean(run.decision == inputs.y)


def test_the_level_ideal_has_no_price(chip: Chip, inputs: Inputs) -> None:
    run = chip.run(inputs, "ideal")
    expected = 'level is "ideal", expected behavioral or spice, which price a run.'
    assert sentence(lambda: run.energy) == expected
    assert "energy" not in repr(run) + run._repr_html_()
    assert chip.run(inputs.x, "ideal").accuracy is None


def test_a_part_of_the_sequences_is_what_it_is_in_all(chip: Chip, inputs: Inputs) -> None:
    whole, part = (chip.run(inputs, noise=2, sequences=s) for s in (slice(None), slice(2, 5)))
    assert np.array_equal(whole.output[2:5], part.output, equal_nan=True)
    assert np.array_equal(whole.energy.total[2:5], part.energy.total)


def test_a_run_is_run_level_s_and_the_command_s(
    chip: Chip, inputs: Inputs, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = chip.run(inputs, die=7, noise=1)
    conditions = nominal_conditions(chip.design.technology)
    below = run_level(chip, inputs, level="behavioral", conditions=conditions, die=7, noise=1).trace
    out = folder / "same.npz"
    call = ["simulate", str(folder / "model"), "--inputs", str(folder / "x.npz"), "--out", str(out)]
    assert command([*call, "--die", "7", "--noise", "1"]) == 0
    for name, array in load_trace(out).arrays().items():
        assert np.array_equal(array, run.trace.arrays()[name], equal_nan=True)
        assert np.array_equal(array, below.arrays()[name], equal_nan=True)
    out.unlink()


def test_what_is_shown_is_short(chip: Chip, inputs: Inputs) -> None:
    run = chip.run(inputs, die=3)
    assert repr(run).startswith("<Run: level behavioral, settled; die 3; sequences 6; accuracy ")
    assert len(repr(run)) < 160
    table = run._repr_html_()
    assert table.count("<tr>") == table.count("</tr>") == len(list(run.rows()))
    assert "<td>tt, 27 degC and 1.8 V</td>" in table
    assert re.fullmatch(r"<Chip: .* cmru .*in generic180, [0-9a-f]{12}>", repr(chip))
    budget = chip.budget()
    for one in (run.energy, budget, chip.model, chip.die(3), inputs):
        assert re.fullmatch(r"<[A-Z][A-Za-z]+: .{10,150}>", repr(one))
    assert "per sequence total" in repr(run.energy)
    assert str(budget).startswith("Thresholds are off, in units of beta, by: mismatch ")
    assert isinstance(run, Run)


def test_dies_budget_and_netlist(chip: Chip, inputs: Inputs, tmp_path: Path) -> None:
    one, again = chip.die(4), chip.die(4)
    assert all(np.array_equal(one.dvt[key], again.dvt[key]) for key in one.dvt)
    assert not any(shift.any() for shift in chip.die(None).dvt.values())
    budget = chip.budget()
    written = chip.netlist(tmp_path / "n", die=4, inputs=inputs, sequence=1)
    assert {p.name for p in (tmp_path / "n").iterdir()} == set(written.files)
    assert written.design == chip.design.digest()
    assert written.die == 4
    assert sum(written.areas.values()) > 0
    assert written.budget.summary() == budget.summary()
    assert repr(written) == f"<Netlist: {tmp_path / 'n'}, {written.transistors} transistors in " + (
        "generic180>"
    )


# ------------------------------------------------------------------------------------ sweeps


def test_a_sweep_is_a_table(tmp_path: Path) -> None:
    plan = write_case(tmp_path, n_seq=5, n_dies=3)
    swept = mru_hw.sweep(plan, workers=1)
    assert swept.path == plan.with_suffix(".sqlite")
    assert swept.complete
    frame = mru_hw.read_sweep(str(swept.path)).frame()
    assert len(frame) == len(swept) == 3
    wanted = ["accuracy", "energy_J", "seed", "status", "corner", "temperature", "v_dd", "design"]
    assert set(wanted) <= set(frame.columns)
    stored = rows(swept.path, "seed, accuracy, energy_mean")
    assert list(frame[["seed", "accuracy", "energy_J"]].itertuples(index=False, name=None)) == (
        stored
    )
    blocks = frame[[c for c in frame.columns if c.startswith("energy_J.")]]
    np.testing.assert_allclose(blocks.sum(axis=1), frame["energy_J"], rtol=1e-12)
    assert set(frame["status"]) == {"done"}
    assert "runs 3" in repr(swept)
    assert "<table>" in swept._repr_html_()


def test_without_pandas_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = mru_hw.sweep(write_case(tmp_path, n_seq=3, n_dies=1), workers=1)
    monkeypatch.setitem(sys.modules, "pandas", None)
    expected = 'pandas is missing, expected pip install "mru-hw[table]", or `rows`.'
    assert sentence(swept.frame) == expected
    assert swept.rows[0]["status"] == "done"


def test_training_without_torch_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.startswith("mru_hw.training.")]:
        if name != "mru_hw.training.face":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match=r'torch is missing, expected pip install "mru-hw\[train\]'):
        mru_hw.train({})


# ------------------------------------------------------------------------------ the page's script


def test_the_script_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len([line for line in script.splitlines() if line]) <= 16
    model = small_model()
    save_model(model, tmp_path / "demo-out" / "model-spice")
    save_inputs(small_inputs(model, 4), tmp_path / "demo-out" / "inputs.npz")
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "api.md", "exec"), {})
    assert {p.name for p in tmp_path.iterdir()} == {
        "demo-out",
        "dies.sqlite",
        "energy.png",
        "netlist",
    }
    assert len(mru_hw.read_sweep("dies.sqlite")) == 100
