"""Sweeps in worker processes, at the command line and at the level spice."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.cli.app import run as command
from mru_hw.errors import RunStatus
from mru_hw.model.io import save_model
from mru_hw.spice.runner import Limits
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.sweeps.crew import run_jobs
from mru_hw.sweeps.plan import Plan, read_plan
from mru_hw.sweeps.points import jobs, points
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.setup import Setup
from mru_hw.sweeps.subject import Subject, load_subject
from mru_hw.sweeps.work import run_job
from mru_hw.technology import load_technology
from tests.agreement.networks import chip_of, one_unit
from tests.sweeps import parts_of, rows, write_case

TECHNOLOGY = load_technology("generic180")


# ------------------------------------------------------------------------------------- workers


class Fatal(Subject):
    """A subject whose perturbed networks kill the process that maps them."""

    def design(self, setup: Setup) -> Any:
        if setup.model is not self.model:
            os._exit(3)
        return Subject.design(self, setup)


def test_a_worker_that_dies_costs_its_own_runs_only(tmp_path: Path) -> None:
    subject = load_subject(read_plan(write_case(tmp_path)), tmp_path)
    names = ("model", "technology", "calibration", "inputs", "first_sequence", "level")
    fatal = Fatal(**{name: getattr(subject, name) for name in names})
    axes = [{"axis": "perturbation", "values": [0, 5, 0.5], "trials": 1}]
    keys = {"model": "model", "inputs": "inputs.npz", "n_dies": 4}
    plan = Plan.model_validate(keys | {"axes": axes[:1]})
    wanted = points({"sweep": plan}, TECHNOLOGY)
    found = [one for part in run_jobs(fatal, jobs(wanted, (), 3), 2) for one in part]
    status = {one.key: one.status for one in found}
    assert len(found) == len(status) == 12
    assert {s for (p, *_), s in status.items() if p == 0} == {RunStatus.DONE}
    assert {s for (p, *_), s in status.items() if p > 0} == {RunStatus.WORKER_DIED}
    whole = [one for job in jobs(wanted[:1], (), 4) for one in run_job(subject, job)]
    again = {one.key: one for one in found}
    for one in whole:
        np.testing.assert_array_equal(again[one.key].energy, one.energy)


def test_workers_leave_the_surroundings_as_they_were(tmp_path: Path) -> None:
    plan = write_case(tmp_path, n_dies=1)
    before = dict(os.environ)
    run_sweep({"sweep": read_plan(plan)}, tmp_path, tmp_path / "run.sqlite", workers=2)
    assert dict(os.environ) == before


# ----------------------------------------------------------------------------------- command


def test_the_command_prints_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = write_case(tmp_path, n_dies=3)
    arguments = ["sweep", str(plan), "--out", str(tmp_path / "run.sqlite")]
    assert command([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("Doubtful points: 1 of 1. The frame of 10 ms is short: ")
    assert err.count("\n") == 1
    found = json.loads(out)
    assert (found["complete"], found["runs"], found["computed"]) == (True, 3, 3)
    assert found["accuracy"]["dies"]["n"] == 3
    assert command(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{tmp_path / 'run.sqlite'}: 3 runs, 0 of them in this call."
    assert lines[1].startswith("Accuracy over 3 dies at 1 × mismatch, no device noise, corner tt, ")
    assert lines[2].startswith("Yield, mismatch alone at corner tt: ")
    assert lines[3].startswith("Energy per sequence at corner tt, 27 °C, 1.8 V: ")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            ["--dask", "tcp://x", "--workers", "2"],
            "--workers is 2, expected no such option beside --dask.",
        ),
        (
            ["--dask", "tcp://x", "--plan-check"],
            '--dask is "tcp://x", expected no such option beside --plan-check.',
        ),
        (["--workers", "0"], "--workers is 0, expected a whole number from 1 to 1024."),
    ],
)
def test_the_command_refuses_with_a_sentence(
    options: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_case(tmp_path)
    assert command(["sweep", str(plan), "--out", str(tmp_path / "run.sqlite"), *options]) == 2
    assert capsys.readouterr() == ("", expected + "\n")
    assert not (tmp_path / "run.sqlite").exists()


def test_the_level_spice_runs_the_netlist_and_keeps_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = one_unit()
    save_model(model, tmp_path / "model")
    x = np.array([[[2.0], [-2.0]], [[-2.0], [2.0]]])
    save_inputs(make_inputs(x, None, np.zeros(2, np.int64)), tmp_path / "inputs.npz")
    keys = {"model": "model", "inputs": "inputs.npz", "level": "spice", "n_dies": 2, "keep": "all"}
    plan = Plan.model_validate(keys)
    out = tmp_path / "run.sqlite"
    outcome = run_sweep({"sweep": plan}, tmp_path, out, workers=2)
    assert (outcome.runs, outcome.failed) == (2, {})
    found = rows(out, "status, decision, energy, energy_mean, blocks")
    assert found[0][2] != found[1][2]  # two dies
    constants = chip_of(model).calibration
    strobe = (constants.c_driver + 4 * constants.c_clock) * constants.v_dd**2
    for _, decision, joules, mean, blocks in found:
        assert np.frombuffer(decision, "<i2").tolist() == [0, 0]
        assert np.frombuffer(joules, "<f8").min() > 0
        # A network's tolerances have the clock within 10 %, and it is left out: two strobes of one.
        assert parts_of(blocks).keys() == {"bias", "memory", "mirror"}
        told = sum(map(sum, parts_of(blocks).values()))
        assert told + 2 * strobe == pytest.approx(mean, rel=1e-3)
    monkeypatch.setattr("mru_hw.simulate.spice_level.Limits", lambda time_s: Limits(time_s=0.01))
    failing = run_sweep({"sweep": plan}, tmp_path, tmp_path / "slow.sqlite", workers=2)
    assert failing.failed == {"TIMED_OUT": 2}
