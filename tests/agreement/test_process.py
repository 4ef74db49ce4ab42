"""A shift that all devices of a die share moves a unit in ngspice as the array says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.app import run
from mru_hw.errors import RunStatus
from mru_hw.lab.ladder import in_deck
from mru_hw.model.io import save_model
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.trace import load_trace
from mru_hw.spice.bench import candidate_vectors
from mru_hw.spice.deck import BENCH, TOP
from mru_hw.spice.dies import die_changes
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.unit_bench import make_unit_bench
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import Die, die_calibration, draw_die, nominal_die
from tests.agreement.networks import chip_of, two_units

SEEDS = (1, 7)
"""Thresholds of both polarities up, and one of them up and the other down."""


def test_a_die_s_shift_moves_node_voltage_rest_and_level() -> None:
    chip = chip_of(two_units())
    design, calibration = chip.design, chip.calibration
    nominal = nominal_die(design)
    dies = [draw_die(design, seed, scale=0.0, process=2.0) for seed in SEEDS]
    node = f"v({design.banks[0].candidate}_0)"
    diode = (
        f"@m.{TOP}.x{design.banks[0].state}_0.xd.{design.technology.transistor_path('p_mirror')}"
    )
    bank = design.banks[0]
    full = 2 * bank.levels
    climb = [3.0] * full + [0.0]
    bench = make_unit_bench(
        design,
        0,
        0,
        np.array(climb) * 1e-9,
        nominal_conditions(design.technology),
        watch=(node, f"{diode}[id]"),
        options=OPTIONS,
    )
    changes = [in_deck(bench.deck, list(die_changes(design, die))) for die in dies]
    runs = dict(Runner(Limits(time_s=120)).run_dies(bench.deck, [[], *changes], workers=1))
    assert {waves.status for waves in runs.values()} == {RunStatus.DONE}
    at = bench.read_at[-1] - 1e-4 * bench.timing.frame

    def found(k: int, name: str) -> float:
        return float(np.interp(at, runs[k].time, runs[k].vectors[name]))

    def rest(k: int) -> float:
        plus, minus = (abs(found(k, name)) for name in candidate_vectors(design, 0, 0))
        return float(np.sqrt(plus * minus))

    def law(die: Die) -> tuple[float, float]:
        array = compile_die(design, calibration, die, temperature=27.0)
        i_q = array.nodes[bank.candidate].i_q
        assert i_q is not None
        return float(i_q[0, 0, 0]), float(array.memories[0].level[0, -1])

    usual = law(nominal)
    for k, die in enumerate(dies, 1):
        moved = die_calibration(calibration, die).v_signed - calibration.v_signed
        assert abs(moved) > 4e-3
        assert abs(found(k, node) - found(0, node) - moved) < 2e-3
        own = law(die)
        level = abs(found(k, f"{diode}[id]")) / abs(found(0, f"{diode}[id]")) - 1
        for ngspice, array in (
            (rest(k) / rest(0) - 1, own[0] / usual[0] - 1),
            (level, own[1] / usual[1] - 1),
        ):
            # The laws of what drain voltages do are some 10 and 25 % short (decision 0019).
            np.testing.assert_allclose(array, ngspice, rtol=0.3, atol=3e-4)
            assert abs(ngspice) > 1e-3


def test_a_netlist_of_scales_is_the_die_that_simulate_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chip = chip_of(two_units())
    save_model(chip.model, tmp_path / "model")
    x = np.random.default_rng(2).normal(size=(2, 5, 2))
    save_inputs(make_inputs(x), tmp_path / "x.npz")
    given = [str(tmp_path / "model"), "--inputs", str(tmp_path / "x.npz"), "--die", "3"]
    scales = ["--process-scale", "2", "--gradient-scale", "20"]

    def netlist(name: str, *options: str) -> dict[str, float]:
        words = ["netlist", *given, "--sequence", "1", *options, "--out", str(tmp_path / name)]
        assert run(words) == 0
        done = subprocess.run(
            ["ngspice", "-b", BENCH],
            cwd=tmp_path / name,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        pairs = re.findall(r"^(\w+)\s*=\s*([-+0-9.e]+)", done.stdout, re.MULTILINE)
        return {measure: float(value) for measure, value in pairs}

    found, bare = netlist("spread", *scales), netlist("bare")
    capsys.readouterr()
    options = ["--level", "spice", "--sequences", "1:2", "--out", str(tmp_path / "y.npz")]
    assert run(["simulate", *given, *scales, *options, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found["p_bias"] += found["p_ref"]
    bare["p_bias"] += bare["p_ref"]
    # The clock's energy hangs on the time points (decision 0005).
    for block in ("mirror", "memory", "bias"):
        assert found[f"p_{block}"] == pytest.approx(told["blocks_W"][block], rel=2e-3)
    # What the devices share moves the power of the memory by far more than that.
    assert abs(found["p_memory"] / bare["p_memory"] - 1) > 0.01
    output = load_trace(tmp_path / "y.npz").output
    assert output is not None
    ends, without = (
        np.array([read[f"y{k}_end"] for k in range(2)]) / chip.design.outputs.scale
        for read in (found, bare)
    )
    np.testing.assert_allclose(ends, output[0, -1], atol=2e-3)
    assert np.abs(ends - without).max() > 0.02
