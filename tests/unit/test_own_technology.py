"""A user's own technology with constants of one corner, and stores of it elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw import core_yaml
from mru_hw.cli.app import run
from mru_hw.data import calibration_dir, circuits_dir
from mru_hw.mapping.sizing import load_lengths
from mru_hw.simulate.run import Chip
from mru_hw.spice.characterize.lengths import measured_lengths
from mru_hw.sweeps.face import read_sweep, sweep_plan
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.technology.mirror_table import write_table
from mru_hw.training.config import ChipConfig
from mru_hw.twin.chip import TwinChip
from mru_hw.variation import refuse_unknown_response
from tests.mistakes import sentence
from tests.sweeps import small_inputs, small_model, write_case

REFUSED = (
    "{} is 1.0, expected 0 with constants of tt alone, for process spread is interpolated between "
    "corners and ff, ss, sf, fs are missing: mru-hw characterize of own at all corners makes them."
)
ELSEWHERE = (
    'run.sqlite: tech is "own", expected one of generic180, sky130; MRU_HW_TECHNOLOGIES can name '
    "a folder of others."
)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a technology of the cards and sizes of generic180, characterised at tt."""
    folder = tmp_path / "technologies" / "own"
    shutil.copytree(circuits_dir() / "technology" / "generic180", folder)
    monkeypatch.setenv("MRU_HW_TECHNOLOGIES", str(folder.parent))
    change(folder / "technology.yaml", name="own")
    (folder / "devices.sp").write_text(load_technology("own").devices_spice(), encoding="utf-8")
    shutil.copy(calibration_dir() / "generic180.yaml", folder / "own.yaml")
    constants = core_yaml.load((folder / "own.yaml").read_bytes())
    grid = constants["grid"] | {"corners": {"tt": constants["grid"]["corners"]["tt"]}}
    hashed = load_technology("own").devices_hash()
    change(folder / "own.yaml", technology="own", devices_hash=hashed, grid=grid)
    return folder


def change(path: Path, **keys: Any) -> None:
    document = core_yaml.load(path.read_bytes()) | keys
    path.write_text(core_yaml.dump(document), encoding="utf-8")


@pytest.mark.usefixtures("own")
def test_process_spread_is_refused_where_corners_are_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    axes = [{"axis": "process_scale", "values": [0, 1]}]
    plan, store = write_case(tmp_path, n_dies=2, tech="own", axes=axes), tmp_path / "run.sqlite"
    told = sentence(lambda: sweep_plan(plan, store))
    assert told == REFUSED.format("plan.yaml: axes.0.values.1")
    assert not store.exists()
    model = small_model()
    assert sentence(lambda: Chip(model, "own", process=1.0)) == REFUSED.format("process_scale")
    config = ChipConfig(tech="own", process=1.0)
    assert sentence(lambda: TwinChip(config, model.spec)) == REFUSED.format("chip.process")
    asked = [str(tmp_path / "model"), "--tech", "own", "--die", "1", "--process-scale", "1"]
    for words in (
        ["simulate", *asked, "--inputs", str(tmp_path / "inputs.npz")],
        ["netlist", *asked],
    ):
        assert run([*words, "--out", str(tmp_path / "out")]) == 2
        assert capsys.readouterr().err.strip() == REFUSED.format("--process-scale")
        assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("own")
def test_a_gradient_needs_no_corners() -> None:
    """It is nothing in the chip's middle, where the constants are taken."""
    model = small_model()
    inputs = small_inputs(model, 2)
    whole = Chip(model, gradient=1.0).run(inputs, die=3)
    partial = Chip(model, "own", gradient=1.0).run(inputs, die=3)
    np.testing.assert_array_equal(partial.energy.total, whole.energy.total)


def test_corners_that_move_both_devices_alike_are_refused(own: Path) -> None:
    grid = core_yaml.load((calibration_dir() / "generic180.yaml").read_bytes())["grid"]
    two = {name: grid["corners"][name] for name in ("tt", "ff")}
    change(own / "technology.yaml", corners=["tt", "ff"])
    change(own / "own.yaml", grid=grid | {"corners": two})
    technology = load_technology("own")
    constants = load_calibration(technology)
    told = sentence(lambda: refuse_unknown_response(technology, constants, "process_scale", 1.0))
    assert told == (
        "process_scale is 1.0, expected 0, for process spread is interpolated between corners, and "
        "tt, ff of own do not tell NMOS from PMOS."
    )


def test_a_table_of_mirrors_is_of_the_cards_and_sizes_that_made_it(own: Path) -> None:
    other, technology = load_technology("generic180"), load_technology("own")
    table = own / "raw" / "own_lengths.csv"
    table.parent.mkdir()
    text = (calibration_dir() / "raw" / "generic180_lengths.csv").read_text(encoding="utf-8")
    table.write_text(text, encoding="utf-8")
    hashes = other.devices_hash(), technology.devices_hash()
    assert sentence(lambda: load_lengths(technology)) == (
        f'own_lengths.csv: devices_hash is "{hashes[0][:16]}…", expected {hashes[1][:16]}…, those '
        "of own today: characterize again."
    )
    table.write_text(text.replace(*hashes), encoding="utf-8")
    assert load_lengths(technology).worst == ("ff", 85.0)
    table.write_text("".join(text.splitlines(keepends=True)[:-2]), encoding="utf-8")
    told = sentence(lambda: load_lengths(technology))
    assert told.startswith("own_lengths.csv: models_hash is missing, expected that of own's cards")
    write_table(table, technology, measured_lengths(technology, ("tt",)))
    assert load_lengths(technology).worst == ("tt", 85.0)


def test_a_store_of_a_technology_that_is_not_here_is_not_damaged(
    own: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = tmp_path / "run.sqlite"
    axes = [{"axis": "tech", "values": ["own"]}]
    sweep_plan(write_case(tmp_path, n_seq=4, n_dies=1, axes=axes, tech="own"), store)
    (own / "own.yaml").rename(own / "aside.yaml")
    page = ["report", str(store), "--out", str(tmp_path / "page.html")]
    assert run(page) == 0
    monkeypatch.delenv("MRU_HW_TECHNOLOGIES")
    assert sentence(lambda: read_sweep(store)) == ELSEWHERE
    capsys.readouterr()
    for call in (page, ["explain", str(store)], ["export", str(store), "--out", "table.csv"]):
        assert run(call) == 2
        assert capsys.readouterr().err == f"{ELSEWHERE}\n"


def test_a_sweep_that_fails_before_its_first_result_leaves_no_store(tmp_path: Path) -> None:
    plan, store = read_plan(write_case(tmp_path, n_seq=4, n_dies=2)), tmp_path / "run.sqlite"

    def failing(at: int) -> None:
        def progress(done: int, _total: int) -> None:
            if done >= at:
                raise RuntimeError("told")

        with pytest.raises(RuntimeError, match="told"):
            run_sweep({"sweep": plan}, tmp_path, store, workers=1, progress=progress)

    failing(0)
    assert not list(tmp_path.glob("run.sqlite*"))
    failing(1)
    assert len(read_sweep(store)) == 1


def test_a_report_of_several_says_which_is_not_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_case(tmp_path, n_seq=4, n_dies=2)
    whole, cut = tmp_path / "whole.sqlite", tmp_path / "cut.sqlite"
    sweep_plan(plan, whole)

    def progress(done: int, _total: int) -> None:
        if done:
            raise RuntimeError("told")

    with pytest.raises(RuntimeError, match="told"):
        run_sweep({"sweep": read_plan(plan)}, tmp_path, cut, workers=1, progress=progress)
    page = tmp_path / "page.html"
    assert run(["report", str(whole), str(cut), "--out", str(page)]) == 0
    told = "cut.sqlite is not complete: 1 of 2 runs are stored."
    shown = capsys.readouterr().out
    assert f"{page}: 2 runs of whole.sqlite, the sweep is complete.\n{told}" in shown
    assert told in page.read_text(encoding="utf-8")
