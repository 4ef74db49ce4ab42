"""Networks in ngspice against the level ideal on the mapped numbers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.app import run as cli
from mru_hw.errors import RunStatus
from mru_hw.model.io import save_model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip, run_level
from mru_hw.simulate.spice_level import SpiceResult, simulate_spice
from mru_hw.simulate.supply import BLOCKS
from mru_hw.spice.deck import BENCH
from mru_hw.spice.library import VARIABLE
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.stimulus.inputs import save_inputs
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import draw_die
from tests.agreement.networks import chip_of, one_unit, two_units, write_chip, wrong_steps

SURE = 0.03  # of the threshold: nearer than that a comparator may decide either way


def run(chip: Chip, inputs: Inputs, *, die: int | None = None) -> SpiceResult:
    return simulate_spice(
        chip.design,
        chip.calibration,
        inputs,
        conditions=nominal_conditions(chip.design.technology),
        die=None if die is None else draw_die(chip.design, die),
        time_limit_s=300,
    )


@pytest.fixture(scope="module")
def unit() -> tuple[Chip, Inputs, SpiceResult]:
    """One K = 2 unit through 14 candidates: both ends of the ladder, and pauses in between."""
    rng = np.random.default_rng(7)
    sizes = np.where(rng.random(14) < 0.7, rng.uniform(1.1, 3, 14), rng.uniform(0, 0.9, 14))
    signs = np.repeat([1, -1, 1], [5, 8, 1])
    inputs = make_inputs((sizes * signs)[None, :, None])
    chip = chip_of(one_unit())
    return chip, inputs, run(chip, inputs)


def test_a_unit_makes_every_step(unit: tuple[Chip, Inputs, SpiceResult]) -> None:
    chip, inputs, result = unit
    ideal = simulate_ideal(chip.mapped, inputs)
    assert result.status == (RunStatus.DONE,)
    beta = chip.mapped.tensors["layers.0.beta"]
    assert np.min(np.abs(np.abs(ideal.candidates[0]) - beta) / beta) > SURE
    (levels,), (quantised,) = result.levels, result.quantised(chip.mapped)
    assert {-2, 0, 2} <= set(levels.ravel())
    assert wrong_steps(chip, quantised[0], ideal.candidates[0][0]) == []
    np.testing.assert_array_equal(quantised, ideal.states[0])


def test_states_are_the_currents_that_the_cells_give(
    unit: tuple[Chip, Inputs, SpiceResult],
) -> None:
    chip, inputs, result = unit
    alpha = chip.mapped.tensors["layers.0.alpha"]
    error = (result.trace.states[0] - result.quantised(chip.mapped)[0]) / alpha
    # Real mirrors: some percent of a level, and not nothing.
    assert 1e-4 < np.abs(error).max() < 0.05
    conditions = nominal_conditions(chip.design.technology)
    array = run_level(chip, inputs, level="behavioral", conditions=conditions).trace
    np.testing.assert_allclose(result.trace.states[0], array.states[0], atol=0.03 * alpha[0])


def test_a_units_currents_follow_the_mapping(unit: tuple[Chip, Inputs, SpiceResult]) -> None:
    chip, inputs, result = unit
    ideal = simulate_ideal(chip.mapped, inputs)
    np.testing.assert_allclose(result.trace.candidates[0], ideal.candidates[0], rtol=0.1, atol=0.05)
    assert result.trace.output is not None
    assert ideal.output is not None
    np.testing.assert_allclose(result.trace.output, ideal.output, rtol=0.1, atol=0.1)


def test_blocks_add_up_to_the_supply(unit: tuple[Chip, Inputs, SpiceResult]) -> None:
    _, _, result = unit
    total = result.trace.energy_J
    assert np.all(total > 0)
    np.testing.assert_allclose(
        sum(result.energy_by_block[name] for name in BLOCKS), total, rtol=1e-6
    )


def test_a_network_of_two_units_and_two_lengths() -> None:
    chip = chip_of(two_units())
    x = np.random.default_rng(5).normal(size=(2, 6, 2))
    inputs = make_inputs(x, [6, 4])
    result, ideal = run(chip, inputs), simulate_ideal(chip.mapped, inputs)
    assert result.status == (RunStatus.DONE, RunStatus.DONE)
    for row, length in enumerate(inputs.lengths):
        wrong = wrong_steps(
            chip, result.quantised(chip.mapped)[0][row, :length], ideal.candidates[0][row, :length]
        )
        assert [step for step in wrong if step[2] > SURE] == []
    assert result.trace.output is not None
    assert np.isnan(result.trace.output[1, 4:]).all()
    assert np.isfinite(result.trace.output[1, :4]).all()
    np.testing.assert_array_equal(result.trace.decision, ideal.decision)


def test_a_die_moves_currents_and_nominal_does_not() -> None:
    chip = chip_of(one_unit())
    inputs = make_inputs(np.array([1.5, -0.5])[None, :, None])
    nominal, die, again = run(chip, inputs), run(chip, inputs, die=4), run(chip, inputs, die=4)
    moved = np.abs(die.trace.candidates[0] - nominal.trace.candidates[0])
    assert np.all(moved > 1e-3)
    assert np.all(moved < 0.3)
    np.testing.assert_array_equal(die.trace.candidates[0], again.trace.candidates[0])


def test_a_netlists_folder_writes_its_waves_of_a_die_too(tmp_path: Path) -> None:
    chip = chip_of(one_unit())
    last = {}
    for seed in (None, 6):
        folder = tmp_path / str(seed)
        write_chip(folder, chip, die=None if seed is None else draw_die(chip.design, seed))
        words = ["ngspice", "-b", "-r", "waves.raw", BENCH]
        subprocess.run(words, cwd=folder, capture_output=True, check=True, timeout=120)
        head, _, data = (folder / "waves.raw").read_bytes().partition(b"Binary:\n")
        names = re.findall(r"^\t\d+\t(\S+)\t", head.decode(), re.MULTILINE)
        points = np.frombuffer(data).reshape(-1, len(names))
        last[seed] = points[-1, names.index("i(vy0)")]
        done = subprocess.run(
            ["ngspice", "-b", BENCH], cwd=folder, capture_output=True, text=True, check=True
        )
        (measured,) = re.findall(r"^y0_end\s*=\s*(\S+)", done.stdout, re.MULTILINE)
        assert last[seed] == pytest.approx(float(measured), rel=1e-4)
    assert abs(last[6] / last[None] - 1) > 1e-3


@pytest.mark.parametrize("die", [None, 6])
def test_a_netlists_folder_opens_in_plain_ngspice(die: int | None, tmp_path: Path) -> None:
    chip, out = chip_of(two_units()), tmp_path / "a folder; with quit"
    inputs = make_inputs(np.random.default_rng(2).normal(size=(1, 3, 2)))
    drawn = None if die is None else draw_die(chip.design, die)
    write_chip(out, chip, frames=inputs.x[0], die=drawn)
    done = subprocess.run(
        ["ngspice", "-b", BENCH], cwd=out, capture_output=True, text=True, check=True, timeout=120
    )
    pairs = re.findall(r"^(\w+)\s*=\s*([-+0-9.e]+)", done.stdout, re.MULTILINE)
    measured = {name: float(value) for name, value in pairs}
    result = run(chip, inputs, die=die)
    seconds = 3 * chip.model.spec.frame_period
    bias = measured["p_bias"] + measured["p_ref"]
    # ngspice's mean leaves out what lies between the first instant and its first own time point.
    for name, power in (("mirror", measured["p_mirror"]), ("bias", bias)):
        assert power == pytest.approx(result.energy_by_block[name][0] / seconds, rel=0.01)
    assert result.trace.output is not None
    scale = chip.design.buses["y"].scale
    ends = [measured[f"y{k}_end"] / scale for k in range(2)]
    np.testing.assert_allclose(ends, result.trace.output[0, -1], atol=2e-3)


def test_a_run_that_fails_is_kept_with_its_status() -> None:
    chip = chip_of(one_unit())
    inputs = make_inputs(np.full((2, 3, 1), 1.5))
    told: list[int] = []
    result = simulate_spice(
        chip.design,
        chip.calibration,
        inputs,
        conditions=nominal_conditions(chip.design.technology),
        time_limit_s=0.01,
        progress=told.append,
    )
    assert result.status == (RunStatus.TIMED_OUT, RunStatus.TIMED_OUT)
    assert result.trace.status is RunStatus.TIMED_OUT
    assert told == [1, 1]
    np.testing.assert_array_equal(result.trace.decision, [-1, -1])
    assert np.isnan(result.trace.energy_J).all()
    assert np.isnan(result.trace.states[0]).all()
    assert all("0.01 s" in message for message in result.messages)


def test_missing_ngspice_at_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "libnothing.so"))
    save_model(one_unit(), tmp_path / "m")
    save_inputs(make_inputs(np.ones((1, 2, 1))), tmp_path / "x.npz")
    words = ["simulate", str(tmp_path / "m"), "--inputs", str(tmp_path / "x.npz")]
    assert cli([*words, "--level", "spice", "--out", str(tmp_path / "y.npz")]) == 2
    said = capsys.readouterr().err.strip()
    assert "libnothing.so" in said
    assert "expected an installed ngspice" in said
    assert said.count("\n") == 0
    assert not (tmp_path / "y.npz").exists()
