"""Sweeps in shards and put together, plans that are checked, tables in files."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import sqlite3
from collections import namedtuple
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mru_hw
from mru_hw.cli.app import run as command
from mru_hw.stimulus import load_inputs
from mru_hw.sweeps.check import PlanCheck, check_plan
from mru_hw.sweeps.merge import merge
from mru_hw.sweeps.plan import Plan, read_plan
from mru_hw.sweeps.points import Job, Shard, jobs, points, read_shard
from mru_hw.sweeps.room import run_bytes
from mru_hw.sweeps.run import Outcome, run_sweep
from mru_hw.sweeps.spec import DEFAULT, Spec
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.view import open_run
from mru_hw.sweeps.work import DieResult, run_job
from mru_hw.technology import load_technology
from tests.mistakes import sentence
from tests.sweeps import write_case

TECHNOLOGY = load_technology("generic180")
AXES = [
    {"axis": "mismatch_scale", "values": [1, 6]},
    {"axis": "perturbation", "values": [0, 5], "trials": 2},
]


def sweep(plan: Path, out: Path, **keys: Any) -> Outcome:
    return run_sweep({"sweep": read_plan(plan)}, plan.parent, out, workers=1, **keys)


def tables(path: Path) -> dict[str, list[Any]]:
    """Everything that a store holds but seconds and what the machine was doing."""
    db = sqlite3.connect(path)
    try:
        names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {
            n: sorted(db.execute(f"SELECT * FROM {n}"), key=lambda row: row[:3]) for n in names
        }
    finally:
        db.close()
    found["result"] = [row[:-1] for row in found["result"]]
    apart = ("seconds", "started", "machine.load_1min")
    found["run"] = [row for row in found["run"] if row[0] not in apart]
    return found


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    plan = write_case(folder, n_seq=6, n_dies=5, axes=AXES, keep="summary", chunk=2)
    sweep(plan, folder / "whole.sqlite")
    for k in (1, 2, 3):
        sweep(plan, folder / f"{k}.sqlite", shard=Shard(number=k, count=3))
    return folder


# -------------------------------------------------------------------------------------- shards


def test_shards_put_together_are_the_sweep(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.sqlite"
    merge([shards / f"{k}.sqlite" for k in (3, 1, 2)], out)
    assert tables(out) == tables(shards / "whole.sqlite")
    with open_run(out) as run, open_run(shards / "whole.sqlite") as whole:
        assert run.complete
        assert run.digest() == whole.digest()
    # It is what the sweep would have left: there is nothing to go on with.
    assert sweep(shards / "plan.yaml", out).computed == 0


def test_a_shard_goes_on_and_says_what_it_is(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "2.sqlite"
    shutil.copy(shards / "2.sqlite", out)
    with sqlite3.connect(out) as db:
        db.execute("DELETE FROM result WHERE point = 1")
        db.execute("UPDATE run SET value = 'false' WHERE name = 'complete'")
    db.close()
    told = sentence(partial(merge, [shards / "1.sqlite", out], tmp_path / "m.sqlite"))
    assert told == (
        f'run is "{out}", expected a shard whose runs are all there; the same call of sweep goes '
        "on with it."
    )
    outcome = sweep(shards / "plan.yaml", out, shard=Shard(number=2, count=3))
    assert outcome.computed > 0
    assert tables(out) == tables(shards / "2.sqlite")
    with open_run(out) as run:
        assert (run.shard, run.complete, run.shard_complete) == ("2/3", False, True)
    page = tmp_path / "report.html"
    assert command(["report", str(out), "--out", str(page)]) == 0
    assert "This is shard 2/3 of a sweep: 10 of its 30 runs are stored here." in page.read_text()
    assert capsys.readouterr().err == ""


MERGES: list[tuple[str, tuple[str, ...], str]] = [
    ("one is missing", ("1", "3"), "run is without 2/3, expected every shard of the sweep."),
    ("one is there twice", ("1", "2", "3", "2"), "expected a shard that no other file is: "),
    ("no shard", ("1", "whole"), "expected one shard of a sweep, not the whole of one."),
    ("another cut", ("1", "2", "fourth"), "/1.sqlite, 1/3, and not 1/4."),
    ("another sweep", ("1", "other"), "expected a shard of the same sweep as "),
    ("nothing", ("1", "gone"), "expected a sweep that mru-hw wrote, not damaged (no such file)."),
]


@pytest.mark.parametrize(("names", "expected"), [m[1:] for m in MERGES], ids=[m[0] for m in MERGES])
def test_shards_that_do_not_fit_are_refused(
    names: tuple[str, ...], expected: str, shards: Path, tmp_path: Path
) -> None:
    if "fourth" in names:
        sweep(shards / "plan.yaml", shards / "fourth.sqlite", shard=Shard(number=1, count=4))
    if "other" in names:
        plan = write_case(tmp_path, n_seq=6, n_dies=5, seed=1, axes=AXES, keep="summary")
        sweep(plan, shards / "other.sqlite", shard=Shard(number=2, count=3))
    out = tmp_path / "merged.sqlite"
    told = sentence(partial(merge, [shards / f"{name}.sqlite" for name in names], out))
    assert told.startswith("run is ")
    assert expected in told
    assert not list(tmp_path.glob("*merged*"))


def test_a_merge_replaces_nothing(shards: Path) -> None:
    out = shards / "whole.sqlite"
    before = out.read_bytes()
    told = sentence(partial(merge, [shards / f"{k}.sqlite" for k in (1, 2, 3)], out))
    assert told == f'out is "{out}", expected a new path.'
    assert out.read_bytes() == before


def test_the_same_merge_again_leaves_what_stands_there(shards: Path, tmp_path: Path) -> None:
    """As one that was killed after it had written."""
    paths, out = [shards / f"{k}.sqlite" for k in (1, 2, 3)], tmp_path / "run.sqlite"
    merge(paths, out)
    before = out.read_bytes(), out.stat().st_mtime_ns
    merge(paths[::-1], out)
    assert (out.read_bytes(), out.stat().st_mtime_ns) == before
    with sqlite3.connect(out) as db:
        db.execute("DELETE FROM result WHERE point = 1 AND die = 4")
    db.close()
    told = sentence(partial(merge, paths, out))
    assert told == f'out is "{out}", expected a new path.'


def restated(shards: Path, folder: Path, number: int, spec: dict[str, Any]) -> Path:
    """A copy of a shard that was called again with another specification."""
    out = folder / f"{number}.sqlite"
    shutil.copy(shards / out.name, out)
    plan = read_plan(shards / "plan.yaml").model_copy(update={"spec": Spec.model_validate(spec)})
    shard = Shard(number=number, count=3)
    run_sweep({"sweep": plan}, shards, out, workers=1, shard=shard)
    return out


def test_shards_that_state_other_specifications_are_refused(shards: Path, tmp_path: Path) -> None:
    """What a die must do is no part of the runs, but what is merged states it once."""
    first, last, out = shards / "1.sqlite", shards / "3.sqlite", tmp_path / "run.sqlite"
    strict = {"accuracy": {"at_least": 0.9}}
    other = restated(shards, tmp_path, 2, strict)
    told = sentence(partial(merge, [first, other, last], out))
    assert told == (
        f'run is "{other}", expected a shard of the same sweep as {first}, where '
        'spec.accuracy is null, and not {"at_least": 0.9}; the same call of sweep with another '
        "spec restates it."
    )
    assert not out.exists()
    # Once they state the same they are one sweep again.
    (tmp_path / "more").mkdir()
    paths = [other, *(restated(shards, tmp_path / "more", k, strict) for k in (1, 3))]
    merge(paths, out)
    with open_run(out) as run:
        assert run.spec("sweep").said() == "accuracy at least 90 %"
    # What stands there states what other shards do not.
    told = sentence(partial(merge, [shards / f"{k}.sqlite" for k in (1, 2, 3)], out))
    assert told == (
        f'out is "{out}", expected a new path, for in the shards spec.accuracy is null, and not '
        '{"at_least": 0.9}, as in the sweep there.'
    )


def test_specifications_differ_by_what_they_ask_for() -> None:
    def spec(**keys: Any) -> Spec:
        found: Spec = Spec.model_validate({"loss": {"at_most": 0.01}} | keys)
        return found

    assert spec().difference(DEFAULT) is None
    # In whatever order conditions are named.
    assert spec(v_dd=["1.7 V", 1.8]).difference(spec(v_dd=[1.8, 1.7, 1.8])) is None
    assert spec(temperature=[27, 0]).difference(DEFAULT) == (
        "spec.temperature is [0.0, 27.0], and not null"
    )


def test_one_shard_is_not_another(shards: Path) -> None:
    plan, out = shards / "plan.yaml", shards / "1.sqlite"
    for shard in (None, Shard(number=2, count=3)):
        told = sentence(partial(sweep, plan, out, shard=shard))
        assert told == f'out is "{out}", expected a new path, for the sweep there is shard 1/3.'
    told = sentence(partial(sweep, plan, shards / "whole.sqlite", shard=Shard(number=1, count=3)))
    assert told.endswith("expected a new path, for the sweep there is the whole of it.")


@given(
    dies=st.integers(1, 40),
    trials=st.lists(st.integers(1, 4), min_size=1),
    count=st.integers(1, 50),
)
def test_shards_have_all_runs_and_none_twice(dies: int, trials: list[int], count: int) -> None:
    point = namedtuple("point", "index study trials dies")
    wanted: Any = [point(k, "a", n, range(dies)) for k, n in enumerate(trials)]
    parts = [Shard(number=k + 1, count=count).asked(wanted) for k in range(count)]
    runs = [[(*key, die) for key, part in one.items() for die in part] for one in parts]
    every = [run for part in runs for run in part]
    assert len(every) == len(set(every)) == dies * sum(trials)
    sizes = [len(part) for part in runs]
    assert max(sizes) - min(sizes) <= 1


def test_jobs_of_a_shard_are_its_runs() -> None:
    plan = Plan.model_validate({"model": "m", "inputs": "x", "n_dies": 7})
    wanted = points({"a": plan}, TECHNOLOGY)
    asked = Shard(number=2, count=3).asked(wanted)
    cut = list(jobs(wanted, {(0, 0, 3)}, 8, asked))
    assert [(job.first, len(job.seeds)) for job in cut] == [(2, 1)]
    assert asked[0, 0] == range(2, 4)


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/0", "a/b", "1/2/3", "-1/3", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    assert sentence(lambda: read_shard(text)) == (
        f'shard is "{text}", expected which of how many, such as 3/16, from 1/16 to 16/16.'
    )


def test_more_shards_than_runs_are_refused(tmp_path: Path) -> None:
    plan = write_case(tmp_path, n_dies=2)
    told = sentence(partial(sweep, plan, tmp_path / "x.sqlite", shard=Shard(number=1, count=5)))
    assert told == 'shard is "1/5", expected at most as many shards as there are runs, 2.'
    assert not (tmp_path / "x.sqlite").exists()


# -------------------------------------------------------------------------------- before a run


def test_a_plan_is_checked_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long_enough = {"axis": "frame_period", "values": ["50 ms"]}
    axes = [{"axis": "temperature", "values": [0, 27, 85]}, long_enough]
    plan = write_case(tmp_path, n_dies=10, axes=axes)
    before = sorted(tmp_path.rglob("*"))
    arguments = ["sweep", str(plan), "--plan-check", "--workers", "2"]
    assert command([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["points"], told["dies"], told["runs"], told["sequences"]) == (3, 10, 30, 20)
    assert told["seconds"] == pytest.approx(told["seconds_a_run"] * 30 / 2)
    assert (told["dies_without_failure"], told["dies_for_width"]) == (59, 1825)
    assert told["shown_without_failure"] == pytest.approx(0.05 ** (1 / 10))
    assert told["low_without_failure"] == pytest.approx(0.025 ** (1 / 10))
    assert 0 < told["disk"] < told["disk_free"]
    assert told["memory"] > 50e6
    assert told["warning"] is None
    assert command([*arguments, "--shard", "1/3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 10
    assert command(arguments) == 0
    said = capsys.readouterr().out
    assert said.startswith("Runs: 30 (3 points, 10 dies each), 20 sequences each.\nTime: ")
    assert "takes 59 dies without a failure; within 1 point near it takes 1825." in said
    assert "show 74.11 %, one-sided; the interval of 95 % that a sweep tells is " in said
    assert said.endswith(" two-sided and begins at 69.15 % then.\n")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_check_tells_what_a_run_takes_on_the_disk(tmp_path: Path) -> None:
    for keep in ("summary", "all"):
        sizes = []
        for n_dies in (1, 81):
            plan, out = write_case(tmp_path, n_dies=n_dies, keep=keep), tmp_path / "run.sqlite"
            sweep(plan, out)
            sizes.append(out.stat().st_size)
            out.unlink()
        assert (sizes[1] - sizes[0]) / 80 == pytest.approx(run_bytes(20, keep), rel=0.25)


def test_a_check_does_not_count_what_loads_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs take half a second, shared by their dies; the first takes a minute."""
    jobs_run: list[int] = []

    def timed(subject: Subject, job: Job) -> list[DieResult]:
        n = len(job.seeds)
        jobs_run.append(n)
        seconds = (60.0 if len(jobs_run) == 1 else 0.5) / n
        return [dataclasses.replace(one, seconds=seconds) for one in run_job(subject, job)]

    monkeypatch.setattr("mru_hw.sweeps.check.run_job", timed)
    plan = write_case(tmp_path, n_dies=24, chunk=4)
    found = check(plan, tmp_path / "run.sqlite")
    assert found.seconds_a_run == pytest.approx(0.5 / 4)
    assert jobs_run == [1, 1, 2, 4]


def test_a_check_of_timed_runs_tries_few_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run takes 0.3 s and 10 ms a frame of a sequence; the first takes a minute."""
    tried: list[int] = []

    def timed(subject: Subject, job: Job) -> list[DieResult]:
        n = int(subject.inputs.lengths.sum())
        tried.append(n)
        seconds = 60.0 if len(tried) == 1 else 0.3 + 0.01 * n
        return [dataclasses.replace(one, seconds=seconds) for one in run_job(subject, job)]

    monkeypatch.setattr("mru_hw.sweeps.check.run_job", timed)
    plan = write_case(tmp_path, n_seq=24, n_dies=24, timing="timed")
    found = check(plan, tmp_path / "run.sqlite")
    lengths = load_inputs(tmp_path / "inputs.npz").lengths
    assert tried == [int(np.minimum(lengths, n).sum()) for n in (1, 1, 2, 4)]
    assert found.seconds_a_run == pytest.approx(0.3 + 0.01 * lengths.sum())


def test_a_sweep_without_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mru_hw.sweeps.room.free_bytes", lambda _out: 50_000)
    plan, out = write_case(tmp_path, n_dies=100), tmp_path / "run.sqlite"
    for attempt in (partial(sweep, plan, out), partial(check, plan, out)):
        assert sentence(attempt) == (
            f'out is "{out}", expected a place with room for 100 runs, 191 kB, where 50 kB are '
            "free."
        )
    assert not out.exists()


def check(plan: Path, out: Path) -> PlanCheck:
    return check_plan({"sweep": read_plan(plan)}, plan.parent, out, workers=1)


def test_a_sweep_needs_a_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["sweep", str(write_case(tmp_path))]) == 2
    assert capsys.readouterr().err == "--out is missing, expected the file to write.\n"


# -------------------------------------------------------------------------------------- tables


def test_runs_are_a_table_in_a_file(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pandas as pd

    store = shards / "whole.sqlite"
    frame = mru_hw.read_sweep(store).frame()
    for name in ("runs.csv", "runs.parquet"):
        out = tmp_path / name
        for _ in range(2):  # an earlier one of ours is replaced
            assert command(["export", str(store), "--out", str(out), "--json"]) == 0
            told = json.loads(capsys.readouterr().out)
            assert told == {"table": str(out), "runs": 30, "complete": True}
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "runs.parquet"), frame)
    with (tmp_path / "runs.csv").open(newline="") as stream:
        read = list(csv.DictReader(stream))
    assert [float(row["accuracy"]) for row in read] == frame["accuracy"].tolist()
    assert [float(row["energy_J"]) for row in read] == frame["energy_J"].tolist()
    assert [row["status"] for row in read] == ["done"] * 30


def test_tables_of_another_kind_or_somebody_else_s_are_refused(
    shards: Path, tmp_path: Path
) -> None:
    swept = mru_hw.read_sweep(shards / "whole.sqlite")
    told = sentence(partial(swept.export, tmp_path / "runs.xlsx"))
    assert told.endswith('runs.xlsx", expected a path that ends in .csv or .parquet.')
    mine = tmp_path / "mine.csv"
    mine.write_text("a,b\n1,2\n")
    told = sentence(partial(swept.export, mine))
    assert told == f'out is "{mine}", expected a new path or an earlier table of a sweep.'
    assert mine.read_text() == "a,b\n1,2\n"
