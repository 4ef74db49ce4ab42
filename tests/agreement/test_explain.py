"""A die that a sweep's explanation writes, in ngspice: its wrong steps are those of the array."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import yaml

from mru_hw.errors import RunStatus
from mru_hw.model.io import save_model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.sweeps.explanation import explain
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from tests.networks import draw_inputs, draw_model, make_spec, with_even_settings


def test_ngspice_makes_the_wrong_steps_of_the_array(tmp_path: Path) -> None:
    spec = make_spec(levels=2, n_layers=1, n_units=4, rectify_input=True)
    model = with_even_settings(draw_model(spec, 1), 2)
    drawn = draw_inputs(model.spec.n_in, 3, n_seq=8, n_time=8)
    label = simulate_ideal(model, drawn).decision
    save_model(model, tmp_path / "model")
    save_inputs(make_inputs(drawn.x, drawn.lengths, label), tmp_path / "x.npz")
    plan = {"model": "model", "inputs": "x.npz", "n_dies": 3}
    axes = [{"axis": "process_scale", "values": [1]}]
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan | {"axes": axes}))
    run = tmp_path / "run.sqlite"
    run_sweep({"sweep": read_plan(tmp_path / "plan.yaml")}, tmp_path, run, workers=1)

    found = max((explain(run, die) for die in range(3)), key=lambda one: len(one.steps))
    wrong = found.of_sequence()
    assert wrong
    beside = found.ngspice()
    assert beside.status is RunStatus.DONE
    assert len(beside.alike) >= 0.8 * len(wrong)
    assert len(beside.ngspice) <= 0.02 * beside.steps
    assert f"{len(beside.alike)} are wrong alike" in "\n".join(beside.lines())

    found.netlist(tmp_path / "die")
    done = subprocess.run(
        ["ngspice", "-b", "bench.cir"],
        cwd=tmp_path / "die",
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    read = dict(re.findall(r"^(y\d+_end)\s*=\s*(\S+)", done.stdout, re.MULTILINE))
    chip = Chip(tmp_path / "model", process=1.0)
    array = chip.run(tmp_path / "x.npz", die=found.die).output[found.chosen]
    last = array[drawn.lengths[found.chosen] - 1] * chip.design.buses["y"].scale
    spice = np.array([float(read[f"y{k}_end"]) for k in range(len(last))])
    np.testing.assert_allclose(spice, last, atol=0.05 * np.abs(last).max())
