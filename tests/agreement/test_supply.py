"""What the supply and the inputs deliver: array, ngspice and the netlist's own bench agree."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.cli.app import run as cli
from mru_hw.model.io import save_model
from mru_hw.model.network import Model
from mru_hw.simulate.run import Chip, run_level
from mru_hw.simulate.trace import load_trace
from mru_hw.spice.options import Tolerances, unresolved_blocks
from mru_hw.stimulus import Inputs, make_inputs, save_inputs
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import loops, two_units

TECHNOLOGIES = ("generic180", "sky130")
FIRST_QUADRANT = loops("fq_bmru", [0.5, 0.25, 0.8], [0.5, 0.75, 0.3])


def signed_inputs(n_in: int, seed: int = 4) -> Inputs:
    return make_inputs(np.random.default_rng(seed).uniform(-1.5, 1.5, (2, 6, n_in)))


@pytest.mark.parametrize("technology", TECHNOLOGIES)
@pytest.mark.parametrize("model", [two_units(), FIRST_QUADRANT], ids=["ladders", "first quadrant"])
def test_inputs_deliver_alike_in_the_array_and_in_ngspice(model: Model, technology: str) -> None:
    """What flows into a pin is the source's; what flows out of one has come through the chip."""
    chip = Chip(model, load_technology(technology))
    inputs = signed_inputs(model.spec.n_in)
    conditions = nominal_conditions(chip.design.technology)
    array, ngspice = (
        run_level(chip, inputs, level=level, conditions=conditions).input_energy
        for level in ("behavioral", "spice")
    )
    np.testing.assert_allclose(array, ngspice, rtol=2e-3)
    amperes = np.maximum(inputs.x, 0).sum(axis=(1, 2)) * chip.design.buses["x"].scale
    by_hand = conditions.v_dd * amperes * model.spec.frame_period
    np.testing.assert_allclose(array, by_hand, rtol=1e-12)


def command(folder: Path, model: Model, *options: str) -> list[str]:
    save_model(model, folder / "model")
    save_inputs(signed_inputs(model.spec.n_in), folder / "x.npz")
    where = ["--inputs", str(folder / "x.npz"), "--out", str(folder / "y.npz")]
    return ["simulate", str(folder / "model"), *where, "--level", "spice", "--json", *options]


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    return shown


def test_the_bench_of_a_netlist_measures_what_simulate_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli([*command(tmp_path, two_units()), "--sequences", "1:2"]) == 0
    shown = told(capsys)
    words = ["netlist", str(tmp_path / "model"), "--inputs", str(tmp_path / "x.npz")]
    assert cli([*words, "--sequence", "1", "--out", str(tmp_path / "netlist")]) == 0
    folder = tmp_path / "netlist"
    done = subprocess.run(
        ["ngspice", "-b", "bench.cir"], cwd=folder, capture_output=True, text=True, check=True
    )
    pairs = re.findall(r"^(p_\w+) += *([-+0-9.e]+)", done.stdout, re.MULTILINE)
    powers = {name: float(value) for name, value in pairs}
    assert powers.pop("p_input") == pytest.approx(shown["input_power_W"], rel=1e-3)
    assert powers["p_clock"] == pytest.approx(shown["blocks_W"]["clock"], rel=0.05)
    assert sum(powers.values()) == pytest.approx(shown["power_W"], rel=2e-3)
    assert "* p_clock in ngspice is within 10 % at these" in (folder / "bench.cir").read_text()


def test_tight_tolerances_resolve_the_clock_and_little_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(tmp_path, two_units())
    assert cli(words) == 0
    default, coarse = told(capsys), load_trace(tmp_path / "y.npz")
    assert cli([*words, "--tolerances", "tight"]) == 0
    tight, fine = told(capsys), load_trace(tmp_path / "y.npz")
    assert (default["tolerances"], tight["tolerances"]) == ("default", "tight")
    assert (default["within_10_percent"], tight["within_10_percent"]) == (["clock"], [])
    assert 1 < default["blocks_W"]["clock"] / tight["blocks_W"]["clock"] < 1.1
    assert default["power_W"] == pytest.approx(tight["power_W"], rel=2e-3)
    np.testing.assert_array_equal(coarse.decision, fine.decision)
    np.testing.assert_allclose(coarse.arrays()["output"], fine.arrays()["output"], atol=5e-3)
    assert cli([*words[: words.index("--level")], "--tolerances", "tight"]) == 2
    assert capsys.readouterr().err == (
        '--tolerances is "tight", expected default at the level behavioral: spice has it.\n'
    )
    assert cli([*words, "--tolerances", "loose"]) == 2
    assert capsys.readouterr().err == ('--tolerances is "loose", expected one of default, tight.\n')


def test_loops_have_no_clock_to_resolve() -> None:
    chip = Chip(FIRST_QUADRANT, load_technology("generic180"))
    assert unresolved_blocks(chip.design, Tolerances.DEFAULT) == ()
    ladders = Chip(two_units(), load_technology("generic180"))
    assert unresolved_blocks(ladders.design, Tolerances.DEFAULT) == ("clock",)
    assert unresolved_blocks(ladders.design, Tolerances.TIGHT) == ()


def test_a_sweep_in_ngspice_has_no_clock_and_what_the_inputs_deliver(tmp_path: Path) -> None:
    model = two_units()
    save_model(model, tmp_path / "model")
    inputs = signed_inputs(model.spec.n_in)
    save_inputs(make_inputs(inputs.x, None, np.zeros(2, np.int64)), tmp_path / "x.npz")
    found = {}
    for level in ("behavioral", "spice"):
        plan = Plan.model_validate({"model": "model", "inputs": "x.npz", "level": level})
        out = tmp_path / f"{level}.sqlite"
        run_sweep({"sweep": plan}, tmp_path, out, workers=1)
        with open_run(out) as run:
            (point,) = run.points
            found[level] = (point.blocks, point.input_energy)
    assert set(found["behavioral"][0]) == {"mirror", "memory", "clock", "bias"}
    assert set(found["spice"][0]) == {"mirror", "memory", "bias"}
    assert found["spice"][1] == pytest.approx(found["behavioral"][1], rel=2e-3)
