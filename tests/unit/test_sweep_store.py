"""RUN.sqlite from its first byte on: begun whole, taken up again, never mixed."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.errors import LawError, RunStatus, SimulationError
from mru_hw.simulate.behavioral import simulate_noise
from mru_hw.simulate.die_results import BehavioralRun
from mru_hw.sweeps import run as sweep_run
from mru_hw.sweeps import store, work
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.points import Job
from mru_hw.sweeps.references import references
from mru_hw.sweeps.run import Outcome, run_sweep
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.view import open_run
from mru_hw.sweeps.work import DieResult, run_job
from tests.mistakes import sentence
from tests.sweeps import rows, write_case


def sweep(plan: Path, out: Path) -> Outcome:
    return run_sweep({"sweep": read_plan(plan)}, plan.parent, out, workers=1)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run jobs in this process."""

    def jobs(subject: Subject, cut: Iterator[Job], _workers: int) -> Iterator[list[DieResult]]:
        return (run_job(subject, job) for job in cut)

    monkeypatch.setattr(sweep_run, "run_jobs", jobs)


# ----------------------------------------------------------------------------------- the beginning


def empty_database(path: Path) -> None:
    """What a sweep of an earlier version left that was stopped in its first second."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("CREATE TABLE t(a)")
    db.execute("DROP TABLE t")
    db.close()
    assert path.stat().st_size >= 4096


@pytest.mark.parametrize("left", ["nothing", "an empty file", "an empty database"])
@pytest.mark.usefixtures("here")
def test_what_an_early_stop_leaves_is_no_obstacle(left: str, tmp_path: Path) -> None:
    plan, out = write_case(tmp_path, n_dies=2), tmp_path / "run.sqlite"
    if left == "an empty file":
        out.touch()
    elif left == "an empty database":
        empty_database(out)
    # A journal without its store would be played back into the new one.
    journal = tmp_path / "run.sqlite-journal"
    journal.write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(4088))
    assert sweep(plan, out).computed == 2
    with open_run(out) as run:
        assert run.complete
    assert not journal.exists()
    assert [p.name for p in tmp_path.iterdir() if ".part" in p.name] == []


@pytest.mark.usefixtures("here")
def test_a_beginning_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, out = write_case(tmp_path, n_dies=2), tmp_path / "run.sqlite"
    names = {path.name for path in tmp_path.iterdir()}

    def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr("mru_hw.sweeps.store._write_beginning", full)
    expected = f'out is "{out}", expected a file that can be written (database or disk is full).'
    assert sentence(lambda: sweep(plan, out)) == expected
    assert {path.name for path in tmp_path.iterdir()} == names
    monkeypatch.undo()


@pytest.mark.usefixtures("here")
def test_another_process_that_began_meanwhile_keeps_its_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, out = write_case(tmp_path, n_dies=2), tmp_path / "run.sqlite"
    sweep(plan, out)
    other = out.read_bytes()
    out.unlink()
    write = store.create_store

    def late(path: Path, *arguments: Any) -> None:
        path.write_bytes(other)
        write(path, *arguments)

    monkeypatch.setattr("mru_hw.sweeps.run.create_store", late)
    assert sweep(plan, out).computed == 0
    assert out.read_bytes() == other


@pytest.mark.usefixtures("here")
def test_a_store_of_another_format_or_damaged_is_one_sentence(tmp_path: Path) -> None:
    plan, out = write_case(tmp_path, n_dies=2), tmp_path / "run.sqlite"
    sweep(plan, out)
    whole = out.read_bytes()
    with sqlite3.connect(out) as db:
        db.execute("PRAGMA user_version=2")
    db.close()
    told = sentence(lambda: sweep(plan, out))
    assert told == (
        f'out is "{out}", expected a sweep of format 6, for this one has format 2: run its plan '
        "again with a new path for `out`."
    )
    damaged = bytearray(whole)
    damaged[4096:] = b"\xff" * (len(whole) - 4096)
    out.write_bytes(damaged)
    told = sentence(lambda: sweep(plan, out))
    damage = f'out is "{out}", expected a new path, for the sweep there is damaged'
    assert told.startswith(damage)
    assert out.read_bytes() == damaged
    for label in ("'x'", "1.5", "1e30", "1 - label"):  # what writing needs is checked like the rest
        out.write_bytes(whole)
        with sqlite3.connect(out) as db:
            db.execute(f"UPDATE sequence SET label = {label} WHERE number = 1")
        db.close()
        marked = out.read_bytes()
        assert sentence(lambda: sweep(plan, out)).startswith(damage)
        assert out.read_bytes() == marked


# ------------------------------------------------------------------------- what the machine cut off


@pytest.mark.usefixtures("here")
def test_what_the_machine_cut_off_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = write_case(tmp_path, n_dies=4, chunk=2)
    undisturbed = sweep(plan, tmp_path / "whole.sqlite").digest
    run, out = work._run, tmp_path / "run.sqlite"
    fails = {0: RunStatus.OUT_OF_MEMORY, 1: RunStatus.NOT_WRITTEN, 3: RunStatus.DID_NOT_CONVERGE}

    def cut(*given: Any) -> Any:
        (done,), seeds = run(*given), given[3]
        return [
            [
                {"status": fails[seed]} if seed in fails else fields
                for seed, fields in zip(seeds, done, strict=True)
            ]
        ]

    monkeypatch.setattr(work, "_run", cut)
    first = sweep(plan, out)
    assert (first.runs, first.computed) == (4, 4)
    assert first.failed == {"OUT_OF_MEMORY": 1, "NOT_WRITTEN": 1, "DID_NOT_CONVERGE": 1}
    with pytest.raises(SimulationError, match=r"2 of 4 runs were cut off\. .* tries them again"):
        first.refuse_cut_off()
    with open_run(out) as view:
        assert not view.complete
        assert sum(point.n_runs for point in view.points) == 4
    # A cause of the circuit is kept.
    monkeypatch.undo()
    monkeypatch.setattr(sweep_run, "run_jobs", lambda s, cut, _: (run_job(s, job) for job in cut))
    second = sweep(plan, out)
    assert (second.runs, second.computed, second.failed) == (4, 2, {"DID_NOT_CONVERGE": 1})
    second.refuse_cut_off()
    with open_run(out) as view:
        assert view.complete
    with sqlite3.connect(out) as db:
        db.execute("DELETE FROM result WHERE status != 'DONE'")
        db.execute("UPDATE run SET value = 'false' WHERE name = 'complete'")
    db.close()
    assert sweep(plan, out).digest == undisturbed


@pytest.mark.usefixtures("here")
def test_quantiles_of_runs_that_are_stored_together_are_those_of_each(tmp_path: Path) -> None:
    plan, out = write_case(tmp_path, n_dies=7, chunk=7), tmp_path / "run.sqlite"
    sweep(plan, out)
    stored = rows(out, "energy, quantiles, energy_mean")
    assert len({ends for _, ends, _ in stored}) == 7
    for energy, ends, mean in stored:
        each = np.frombuffer(energy, "<f8")
        assert ends == np.percentile(each, store.QUANTILES).tobytes()
        assert mean == each.mean()


def test_causes_are_the_machines_or_the_circuits() -> None:
    machine = {status for status in RunStatus if status.of_machine}
    assert machine == {
        RunStatus.TIMED_OUT,
        RunStatus.HUNG,
        RunStatus.OUT_OF_MEMORY,
        RunStatus.WORKER_DIED,
        RunStatus.NOT_WRITTEN,
    }


# ----------------------------------------------------------------------- what is no finite number


def not_finite(*arguments: Any, **keys: Any) -> list[BehavioralRun]:
    (found,) = simulate_noise(*arguments, **keys)
    found.supply.static[0, 3] = np.inf
    finite = found.finite & np.isfinite(found.supply.static[..., 0])
    return [dataclasses.replace(found, finite=finite)]


@pytest.mark.usefixtures("here")
def test_a_result_that_is_not_finite_is_a_failed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, out = write_case(tmp_path, n_dies=1), tmp_path / "run.sqlite"
    sweep(plan, tmp_path / "whole.sqlite")  # with the references of a whole run
    monkeypatch.setattr(work, "simulate_noise", not_finite)
    monkeypatch.setattr(sweep_run, "references", lambda of, *_: references(of, {}))
    outcome = sweep(plan, out)
    assert outcome.failed == {"NOT_FINITE": 1}
    assert rows(out, "accuracy, decision, energy") == [(None, None, None)]


@pytest.mark.usefixtures("here")
def test_a_die_beyond_all_laws_is_a_failed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_arguments: Any, **_keys: Any) -> Any:
        raise LawError("no current")

    plan, out = write_case(tmp_path, n_dies=2), tmp_path / "run.sqlite"
    monkeypatch.setattr(work, "draw_dies", none)
    outcome = sweep(plan, out)
    assert outcome.failed == {"NO_LAW": 2}
    outcome.refuse_cut_off()
