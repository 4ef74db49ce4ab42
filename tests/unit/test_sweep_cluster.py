"""Sweeps on a dask cluster: the same tables as on this machine, and what is refused."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from mru_hw.errors import SimulationError, UserError
from mru_hw.sweeps import cluster as sweep_cluster
from mru_hw.sweeps import crew as sweep_crew
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import Outcome, run_sweep
from tests.clusters import local_cluster
from tests.sweeps import write_case

AXES = [{"axis": "mismatch_scale", "values": [0, 1, 2]}]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes behind a scheduler, all speaking TCP."""
    with local_cluster() as started:
        yield started


def ran(folder: Path, name: str, **options: Any) -> Outcome:
    plan = {"sweep": read_plan(folder / "plan.yaml")}
    return run_sweep(plan, folder, folder / f"{name}.sqlite", **options)


def test_a_cluster_leaves_the_bits_of_this_machine(tmp_path: Path, cluster: LocalCluster) -> None:
    write_case(tmp_path, n_dies=6, chunk=2, axes=AXES)
    here = ran(tmp_path, "here", workers=2)
    there = ran(tmp_path, "there", dask=cluster.scheduler_address)
    assert there.digest == here.digest
    assert (there.runs, there.computed, there.failed) == (18, 18, {})


def test_jobs_are_cut_for_the_workers_of_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: LocalCluster
) -> None:
    """Two of them, with four jobs each; this machine's processors do not count."""
    write_case(tmp_path, n_seq=2, n_dies=16)
    monkeypatch.setattr("mru_hw.sweeps.run.cores", lambda: 64)
    seen: list[int] = []
    ran(
        tmp_path,
        "there",
        dask=cluster.scheduler_address,
        progress=lambda done, _total: seen.append(done),
    )
    assert seen == list(range(0, 17, 2))


def test_a_worker_that_is_killed_costs_nothing(tmp_path: Path, cluster: LocalCluster) -> None:
    write_case(tmp_path, n_dies=12, chunk=1, axes=AXES)
    here = ran(tmp_path, "here", workers=2)
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        victim = next(iter(client.run(os.getpid).values()))

    def kill(done: int, _total: int) -> None:
        if done == 3:
            os.kill(victim, signal.SIGKILL)

    there = ran(tmp_path, "there", dask=cluster.scheduler_address, progress=kill)
    assert there.digest == here.digest
    assert (there.runs, there.computed, there.failed) == (36, 36, {})


def test_a_cluster_that_goes_away_leaves_what_it_did(tmp_path: Path) -> None:
    write_case(tmp_path, n_dies=12, chunk=1, axes=AXES)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as gone:

        def close(done: int, _total: int) -> None:
            if done == 3:
                gone.close()

        with pytest.raises(SimulationError, match="dask cluster went away"):
            ran(tmp_path, "run", dask=gone.scheduler_address, progress=close)
    after = ran(tmp_path, "run", workers=1)
    assert after.runs == 36
    assert 0 < after.computed <= 33
    assert after.digest == ran(tmp_path, "here", workers=1).digest


def test_what_fails_in_a_job_is_told_as_it_is(
    tmp_path: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_case(tmp_path, n_dies=2, chunk=1)
    monkeypatch.setattr(sweep_cluster, "_work", _full)
    with pytest.raises(OSError, match="No space left"):
        ran(tmp_path, "run", dask=cluster.scheduler_address)


def _full(_name: str, _job: Any) -> Exception:
    return OSError(28, "No space left on device")


def test_a_cluster_without_workers_counts_as_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than a worker computes while it is told to end.
    write_case(tmp_path, n_dies=1000, chunk=1, axes=AXES)
    monkeypatch.setattr(sweep_cluster, "ALONE", 0.1)
    monkeypatch.setattr(sweep_crew, "NOW_AND_THEN", 0.1)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as left:

        def leave(done: int, _total: int) -> None:
            if done == 3:
                left.scale(0)

        with pytest.raises(SimulationError, match="dask cluster went away"):
            ran(tmp_path, "run", dask=left.scheduler_address, progress=leave)


def test_a_notebook_reaches_a_cluster(tmp_path: Path, cluster: LocalCluster) -> None:
    write_case(tmp_path, n_dies=1)

    async def cell() -> Outcome:
        return ran(tmp_path, "run", dask=cluster.scheduler_address)

    assert asyncio.run(cell()).runs == 1


def test_workers_of_other_versions_are_refused(
    tmp_path: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_case(tmp_path)
    ours = sweep_cluster._wanted() | {"numpy": "0.1"}
    monkeypatch.setattr(sweep_cluster, "_wanted", lambda: ours)
    with pytest.raises(UserError, match=r"expected workers with numpy 0\.1; tcp://.* has "):
        ran(tmp_path, "run", dask=cluster.scheduler_address)
    assert not (tmp_path / "run.sqlite").exists()


def test_an_address_where_nobody_answers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_case(tmp_path)
    monkeypatch.setattr(sweep_cluster, "PATIENCE", 1)
    with pytest.raises(UserError, match="expected a dask scheduler that answers within 1 s"):
        ran(tmp_path, "run", dask="tcp://127.0.0.1:9")
    assert not (tmp_path / "run.sqlite").exists()


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_case(tmp_path)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *more: None if n == "distributed" else found(n)
    )
    with pytest.raises(UserError, match="without the extra cluster"):
        ran(tmp_path, "run", dask="tcp://127.0.0.1:9")
