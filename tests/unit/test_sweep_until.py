"""Sweeps that run until a figure is known: when they stop, and what they then say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mru_hw
from mru_hw.cli.app import run as command
from mru_hw.errors import RunStatus
from mru_hw.statistics.shares import clopper_pearson
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.points import Job
from mru_hw.sweeps.run import Outcome, run_sweep
from mru_hw.sweeps.statistics.stopping import Until, looks, raised_confidence, read_until
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.until import dies_next
from mru_hw.sweeps.view import open_run
from mru_hw.sweeps.work import DieResult, run_job
from tests.mistakes import sentence
from tests.sweeps import write_case


def sweep(plan: Path, out: Path, **keys: Any) -> Outcome:
    return run_sweep({"sweep": read_plan(plan)}, plan.parent, out, workers=1, **keys)


def test_a_sweep_runs_until_the_yield_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    axes = [{"axis": "mismatch_scale", "values": [1, 8]}]
    keys = {"axes": axes, "n_dies": 60, "spec": {"accuracy": {"at_least": 0.75}}}
    plan, out = write_case(tmp_path, n_seq=6, keep="summary", **keys), tmp_path / "run.sqlite"
    arguments = ["sweep", str(plan), "--out", str(out), "--workers", "2", "--until", "yield +-20 %"]
    assert command([*arguments, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert not first["complete"]
    with open_run(out) as run:
        told = run.until
        assert told is not None
        assert told["asked"] == "yield ±20 %"
        confidence = raised_confidence(0.2, 60)
        for one in told["populations"]:
            (point,) = one["points"]
            # The dies behind the look at which it was known are no part of it.
            passed = run.points[point].accuracy[: one["dies"]] >= 0.75
            band = clopper_pearson(int(passed.sum()), one["dies"], confidence)
            assert (one["low"], one["value"], one["high"]) == (band.low, band.value, band.high)
            assert one["dies"] in looks(0.2, 60)
            assert one["reached"] == (band.half <= 0.2)
            assert one["reached"]
        most = max(one["dies"] for one in told["populations"])
        assert most < 60
        assert [len(point.accuracy) for point in run.points] == [most, most]
    # The same call has nothing to do; without the rule all dies are run, to the same bits.
    assert command(arguments) == 0
    said = capsys.readouterr().out
    assert ": 0 of them" not in said
    assert f"{2 * most} runs, 0 of them in this call." in said
    assert "The sweep ran until: yield ±20 %." in said
    assert sweep(plan, out).computed == 120 - 2 * most
    assert sweep(plan, tmp_path / "whole.sqlite").digest == sweep(plan, out).digest


def test_a_sweep_runs_until_the_accuracy_is_known(tmp_path: Path) -> None:
    axes = [{"axis": "mismatch_scale", "values": [8]}]
    plan = write_case(tmp_path, n_dies=90, axes=axes, keep="summary")
    swept = mru_hw.sweep(plan, tmp_path / "run.sqlite", workers=2, until="accuracy ±9 %")
    with open_run(swept.path) as run:
        told = run.until
        assert told is not None
        (one,) = told["populations"]
        assert one["dies"] == len(run.base.accuracy) < 90
        assert one["reached"]
        assert one["high"] - one["low"] <= 0.18 + 1e-12
        assert one["value"] == run.base.accuracy.mean()


@pytest.mark.parametrize("figure", ["accuracy ±9 %", "yield ±20 %"])
def test_a_die_that_the_circuit_failed_does_not_hold_a_sweep_up(
    figure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no accuracy, so another one is run for it; it does not pass, which a yield counts."""
    lost = {3, 40, 59}
    axes = [{"axis": "mismatch_scale", "values": [8]}]
    spec = {"accuracy": {"at_least": 0.5}}
    plan = write_case(tmp_path, keep="summary", axes=axes, n_dies=90, spec=spec)

    def with_failures(
        subject: Subject, cut: Iterator[Job | None], _workers: int
    ) -> Iterator[list[DieResult]]:
        for job in cut:
            if job is not None:
                found = {one.seed: one for one in run_job(subject, job)}
                for seed in lost & found.keys():
                    key, status = found[seed].key, RunStatus.NOT_FINITE
                    found[seed] = DieResult(key=key, seed=seed, status=status)
                yield list(found.values())

    monkeypatch.setattr("mru_hw.sweeps.run.run_jobs", with_failures)
    sweep(plan, tmp_path / "run.sqlite", until=read_until(figure))
    with open_run(tmp_path / "run.sqlite") as view:
        told = view.until
        assert told is not None
        (one,) = told["populations"]
        point = view.base
        assert one["reached"]
        ran = len(point.accuracy) + len(point.lost)
        assert ran < 90
        if figure.startswith("accuracy"):
            assert one["dies"] == len(point.accuracy) == ran - 3
            assert one["value"] == point.accuracy.mean()
        else:
            _, passed = point.passed(view.spec("sweep"), view.software(point))
            assert one["value"] == passed[: one["dies"]].mean()
            assert one["dies"] <= ran


def test_a_sweep_that_has_all_its_dies_says_that_it_is_not_known(tmp_path: Path) -> None:
    plan = write_case(tmp_path, n_seq=4, n_dies=3, keep="summary")
    sweep(plan, tmp_path / "run.sqlite", until=read_until("yield ±1 %"))
    with open_run(tmp_path / "run.sqlite") as run:
        assert run.complete
        assert run.until is not None
        assert [one["reached"] for one in run.until["populations"]] == [False]


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("yield ±1 %", Until(figure="yield", half=0.01)),
        ("accuracy +/-0.5%", Until(figure="accuracy", half=0.005)),
        (" yield+-2 % ", Until(figure="yield", half=0.02)),
    ],
)
def test_what_to_know_is_read(text: str, until: Until) -> None:
    found = read_until(text)
    assert found.figure == until.figure
    assert found.half == pytest.approx(until.half)
    assert read_until(str(found)) == found


@pytest.mark.parametrize("text", ["yield", "yield 1 %", "energy ±1 %", "yield ±0 %", "yield ±60 %"])
def test_what_cannot_be_known_is_refused(text: str) -> None:
    assert sentence(lambda: read_until(text)) == (
        f'until is "{text}", expected a figure and how well to know it, such as "yield ±1 %" or '
        '"accuracy ±0.5 %".'
    )


@pytest.mark.parametrize(
    ("keys", "options", "expected"),
    [
        (
            {},
            ["--shard", "1/2"],
            '--until is "yield ±5 %", expected no such option beside --shard.',
        ),
        (
            {"axes": [{"axis": "mismatch_scale", "values": [0]}]},
            [],
            '--until is "yield ±5 %", expected no such option, for the runs of the plan share dies '
            "or perturbed networks.",
        ),
    ],
)
def test_what_does_not_go_together_is_one_sentence(
    keys: dict[str, Any],
    options: list[str],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan, out = write_case(tmp_path, n_dies=4, **keys), tmp_path / "run.sqlite"
    arguments = ["sweep", str(plan), "--out", str(out), "--until", "yield ±5 %", *options]
    assert command(arguments) == 2
    assert capsys.readouterr() == ("", f"{expected}\n")
    assert not out.exists()


def test_jobs_pause_until_their_results_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look is at all dies before it, with several workers too."""
    looked: list[int] = []

    def seen(run: Any, until: Any) -> int | None:
        looked.append(len(run.base.accuracy))
        return dies_next(run, until)

    monkeypatch.setattr("mru_hw.sweeps.run.dies_next", seen)
    plan = write_case(tmp_path, n_seq=4, n_dies=30, keep="summary", chunk=3)
    document = {"sweep": read_plan(plan)}
    run_sweep(
        document, tmp_path, tmp_path / "run.sqlite", workers=2, until=read_until("yield ±10 %")
    )
    wanted = looks(0.1, 30)
    assert looked[0] == 0
    assert looked[1:] == list(wanted[: len(looked) - 1])
    assert np.all(np.diff(looked) > 0)
