"""Single units and whole networks in ngspice: steps compared, wrong ones explained."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.app import run
from mru_hw.mapping.design import Timing
from mru_hw.model.io import save_model
from mru_hw.simulate.disagreement import own_levels, step_rule, wrong_steps
from mru_hw.simulate.run import Chip
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.runner import Runner
from mru_hw.spice.unit_bench import inner_nets, make_unit_bench
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.technology.conditions import Conditions, nominal_conditions
from tests.agreement.networks import chip_of, loops, one_unit


@pytest.fixture(scope="module")
def chip() -> Chip:
    return chip_of(one_unit())


def test_a_unit_by_itself_follows_its_candidates(chip: Chip) -> None:
    conditions = nominal_conditions(chip.design.technology)
    c = np.array([1.5, 0.9, 1.1, 2.0, -0.9, -1.1, -3.0, -1.2, -1.5, 0.3])
    bench = make_unit_bench(chip.design, 0, 0, c * 1e-9, conditions)
    evidence = read_unit(chip.design, 0, 0, bench, Runner().run(bench.deck))
    rule = step_rule(chip.design, chip.calibration, chip.die(None), 0, conditions)
    c = c * 1e-9 / chip.design.buses["c0"].scale
    assert list(wrong_steps(rule, evidence, c[:, None])) == []
    assert own_levels(rule, evidence)[1][:, 0].tolist() == [1, 1, 2, 2, 2, 1, 0, -1, -2, -2]
    np.testing.assert_allclose(evidence.candidate[:, 0], c, rtol=5e-3)


def test_a_bmru_unit_by_itself_has_two_levels() -> None:
    chip = chip_of(loops("bmru", [1.0]))
    conditions = nominal_conditions(chip.design.technology)
    scale = chip.design.buses["c0"].scale
    c = np.array([0.9, -0.9, -1.1, 0.9, 1.1, 2.0, -3.0, -1.2, 0.3])
    bench = make_unit_bench(chip.design, 0, 0, c * scale, conditions)
    evidence = read_unit(chip.design, 0, 0, bench, Runner().run(bench.deck))
    rule = step_rule(chip.design, chip.calibration, chip.die(None), 0, conditions)
    assert list(wrong_steps(rule, evidence, c[:, None])) == []
    assert own_levels(rule, evidence)[1][:, 0].tolist() == [1, 1, -1, -1, 1, 1, -1, -1, -1]
    # A reference that does not reset it: one record, of the whole step.
    other = np.where(c == -1.1, -0.97, c)
    (record,) = wrong_steps(rule, evidence, other[:, None])
    assert (record.frame, record.before, record.wanted, record.found) == (2, 1, 1, -1)


def test_a_long_strobe_moves_one_cell_even_hot(chip: Chip) -> None:
    # The held nodes leak away within milliseconds; the driver ends the hold by itself long before.
    conditions = Conditions(corner="ff", temperature=125.0, v_dd=chip.design.technology.v_dd)
    timing = Timing(frame=0.1, strobes=(0.08,), pulse=0.01)
    c = np.array([2.0, 2.0, 2.0, -2.0, -2.0, -2.0])
    bench = make_unit_bench(chip.design, 0, 0, c * 1e-9, conditions, timing=timing)
    evidence = read_unit(chip.design, 0, 0, bench, Runner().run(bench.deck))
    rule = step_rule(chip.design, chip.calibration, chip.die(None), 0, conditions)
    c = c * 1e-9 / chip.design.buses["c0"].scale
    assert list(wrong_steps(rule, evidence, c[:, None])) == []
    assert own_levels(rule, evidence)[1][:, 0].tolist() == [1, 2, 2, 1, 0, -1]


def simulate(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    base = ["simulate", str(folder / "model"), "--inputs", str(folder / "x.npz"), "--json"]
    assert run([*base, "--out", str(folder / "y.npz"), "--level", "spice", *options]) == 0
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    return told


def test_a_units_waves_have_every_net_of_its_bench(
    chip: Chip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(one_unit(), tmp_path / "model")
    save_inputs(make_inputs(np.array([[1.5], [1.5]])[None]), tmp_path / "x.npz")
    waves = tmp_path / "waves"
    path = waves / "sequence0_layer0_unit0.raw"
    simulate(tmp_path, capsys, "--verify", "units:1", "--raw", str(waves))
    assert [entry.name for entry in waves.iterdir()] == [path.name]
    names = {row.split("\t")[2] for row in path.read_bytes().decode("latin-1").split("\n")[7:60]}
    assert names >= {"time", "i(vvdd_memory)", "v(c0_0)", "v(xchip.st0)", "v(xchip.xu0_0.gs)"}
    kept = names & set(inner_nets(chip.design, 0, 0))
    assert len(kept) > 20
    path.write_bytes(b"a picture")
    arguments = ["simulate", str(tmp_path / "model"), "--inputs", str(tmp_path / "x.npz")]
    arguments += ["--out", str(tmp_path / "y.npz"), "--level", "spice", "--raw", str(waves)]
    assert run([*arguments, "--verify", "units:1"]) == 2
    assert capsys.readouterr().err.endswith('", expected a new path or an earlier raw file.\n')
    assert path.read_bytes() == b"a picture"


def test_command_compares_and_explains(
    chip: Chip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conditions = nominal_conditions(chip.design.technology)

    def down(seed: int | None) -> float:
        rule = step_rule(chip.design, chip.calibration, chip.die(seed), 0, conditions)
        return float(rule.down[0])

    # A die that steps down late: half way between its threshold and the network's it still holds.
    die = next(seed for seed in range(100) if down(seed) > 1.05 * down(None))
    weight = float(chip.mapped.tensors["layers.0.candidate.weight"][0, 0])
    between = (down(die) + down(None)) / 2 / weight
    x = np.array([1.5, -1.5, -between, 0.5])[None, :, None]
    save_model(one_unit(), tmp_path / "model")
    save_inputs(make_inputs(x, np.array([4]), None), tmp_path / "x.npz")
    # The behavioral level knows the die, so against it every step is right.
    told = simulate(tmp_path, capsys, "--verify", "units:1", "--die", str(die))
    assert told["trace_level"] == "behavioral"
    verify = told["verify"]
    assert isinstance(verify, dict)
    assert verify.pop("core_seconds") > 0
    assert verify == {
        "units": [[0, 0]],
        "steps": 4,
        "wrong": 0,
        "runs": 1,
        "failed": {},
        "failed_or_helped": [],
    }
    assert told["runs"] is None
    assert told["disagreements"] == []
    # The level ideal does not.
    told = simulate(tmp_path, capsys, "--die", str(die))
    assert told["trace_level"] == "spice"
    runs = told["runs"]
    assert isinstance(runs, list)
    assert [(r["sequence"], r["status"], r["helper"], r["last_line"]) for r in runs] == [
        (0, "done", "", "")
    ]
    assert runs[0]["core_seconds"] > 0
    records = told["disagreements"]
    assert isinstance(records, list)
    assert [(r["frame"], r["wanted"], r["found"]) for r in records] == [(2, -1, 0)]
    assert records[0]["cause"] == "threshold offset"
    assert 0 < records[0]["distance"] < 0.1
    assert records[0]["distance_own"] < 0
