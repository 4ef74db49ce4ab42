"""One sweep in every place, and killed at random moments: the same tables, and no run twice."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from distributed import Client, LocalCluster

from mru_hw.cli.app import run as command
from mru_hw.sweeps.results import COLUMNS
from tests.clusters import local_cluster
from tests.kill_commands import COMMANDS, Command
from tests.kills import Call
from tests.sweeps import write_case

AXES = [{"axis": "noise_scale", "values": [0, 1]}, {"axis": "temperature", "values": [27, 85]}]
RUNS = 240
TABLES = ("sequence", "design", "reference", "point")
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes that are started again when killed; all speak TCP."""
    with local_cluster() as started:
        yield started


def write_plan(folder: Path, chunk: int = 3) -> Path:
    return write_case(folder, n_dies=60, chunk=chunk, axes=AXES)


def read(store: Path, table: str, columns: str = "*") -> Rows:
    """Rows of a table; none where there is no store yet."""
    if not store.exists():
        return []
    with contextlib.closing(sqlite3.connect(store)) as db:
        return sorted(db.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)


def tables(store: Path) -> dict[str, Rows]:
    """All that a store says of its runs, but the seconds that they took."""
    found = {name: read(store, name) for name in TABLES}
    return found | {"result": read(store, "result", ", ".join(COLUMNS))}


def timed_runs(store: Path) -> set[tuple[Any, ...]]:
    """The runs of a store with the seconds of each, which no second computation repeats."""
    return set(read(store, "result", "point, trial, die, seconds"))


def swept(plan: Path, out: Path, *options: str) -> dict[str, Rows]:
    assert command(["sweep", str(plan), "--out", str(out), *options]) == 0
    return tables(out)


@pytest.mark.slow
def test_every_place_leaves_the_same_tables(tmp_path: Path, cluster: LocalCluster) -> None:
    plan = write_plan(tmp_path)
    one = swept(plan, tmp_path / "one", "--workers", "1")
    assert len(one["result"]) == RUNS
    assert swept(plan, tmp_path / "two", "--workers", "2") == one
    assert swept(plan, tmp_path / "dask", "--dask", cluster.scheduler_address) == one
    shards = [tmp_path / f"{k}.sqlite" for k in range(1, 17)]
    for k, shard in enumerate(shards, 1):
        swept(plan, shard, "--shard", f"{k}/16", "--workers", "1")
    merged = tmp_path / "merged"
    assert command(["merge", *map(str, shards), "--out", str(merged)]) == 0
    assert tables(merged) == one
    assert swept(write_plan(tmp_path, 64), tmp_path / "chunks", "--workers", "2") == one


# ----------------------------------------------------------------------------------- the kills

Victim = Callable[[Call, LocalCluster, Random], int | None]


def _main(call: Call, _cluster: LocalCluster, _draw: Random) -> int | None:
    return call.process.pid if call.process.poll() is None else None


def _worker(call: Call, _cluster: LocalCluster, draw: Random) -> int | None:
    found = [number for number, line in call.alive() if "mru_hw.workers" in line]
    return draw.choice(found) if found else None


def _dask_worker(_call: Call, cluster: LocalCluster, draw: Random) -> int | None:
    found = [nanny.process.pid for nanny in cluster.workers.values() if nanny.process is not None]
    alive = [number for number in found if number is not None]
    return draw.choice(alive) if alive else None


VICTIMS: dict[str, tuple[Victim, bool]] = {
    "main": (_main, False),
    "main of a cluster": (_main, True),
    "worker": (_worker, False),
    "dask worker": (_dask_worker, True),
}
"""Per victim, what finds its number, and whether a cluster computes."""
TIMES = 5


def begun(folder: Path, place: Path, address: str | None) -> Call:
    where = ("--workers", "2") if address is None else ("--dask", address)
    sweep: Command = COMMANDS["sweep behavioral, 2"]
    arguments = ("sweep", "plan.yaml", "--out", "out", "--json", *where)
    (place / "tmp").mkdir(parents=True, exist_ok=True)
    if not (place / "case").exists():
        (place / "case").symlink_to(folder)
    return Call(dataclasses.replace(sweep, arguments=arguments), place)


def _found(find: Victim, call: Call, cluster: LocalCluster, draw: Random) -> int | None:
    """Return the number of a victim as soon as there is one; None where the call ends first."""
    while call.process.poll() is None:
        found = find(call, cluster, draw)
        if found is not None:
            return found
        time.sleep(0.0005)
    return None


def _moment(call: Call, store: Path, turn: int, draw: Random, seconds: float) -> None:
    """Wait for the moment of a kill: at once, then while it starts, then by the runs stored.

    By the clock alone the later ones come after the end where the machine is busy with others.
    """
    if turn < 2:
        time.sleep(0.3 * seconds * turn * draw.random())
        return
    runs = 0.9 * RUNS * (turn - 2 + draw.random()) / (TIMES - 2)
    while call.process.poll() is None and _stored(store) < runs:
        time.sleep(0.005)


def _stored(store: Path) -> int:
    with contextlib.suppress(sqlite3.OperationalError):
        return len(read(store, "result", "die"))
    return 0


def ended(call: Call) -> int:
    """Wait for a call that ends well; return how many runs it computed."""
    status, said = call.finish()
    assert status == 0, said
    assert call.last_alive() == []
    found: int = json.loads(said[said.index("{") :])["computed"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", VICTIMS)
def test_killed_at_random_it_has_the_same_tables_and_no_run_twice(
    tmp_path: Path, cluster: LocalCluster, name: str
) -> None:
    find, remote = VICTIMS[name]
    address = cluster.scheduler_address if remote else None
    draw, reached = Random(name), 0
    reference = tmp_path / "reference"
    reference.mkdir()
    write_plan(reference)
    began = time.monotonic()
    assert ended(begun(reference, tmp_path / "quiet", address)) == RUNS
    seconds = time.monotonic() - began
    wanted = tables(reference / "out")
    for turn in range(TIMES):
        folder = tmp_path / f"{turn}"
        folder.mkdir()
        write_plan(folder)
        with Client(cluster.scheduler_address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        call = begun(folder, tmp_path / f"first {turn}", address)
        _moment(call, folder / "out", turn, draw, seconds)
        victim = _found(find, call, cluster, draw)
        if victim is not None:
            os.kill(victim, signal.SIGKILL)
            reached += 1
        if find is _main and victim is not None:
            call.process.wait(timeout=60)
            assert call.last_alive() == []
            kept = timed_runs(folder / "out")
            computed = ended(begun(folder, tmp_path / f"again {turn}", address))
            assert computed == RUNS - len(kept)
            assert kept <= timed_runs(folder / "out")
        else:
            assert ended(call) == RUNS
        assert tables(folder / "out") == wanted
    # A worker may end its last job between two looks at what is stored.
    assert reached >= TIMES - 1
