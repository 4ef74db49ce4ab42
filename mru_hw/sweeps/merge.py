"""Shards of one sweep, put together: the store is what the sweep would have left alone.

What a die must do is no part of what the runs are, and every shard states it as its last call did:
shards that state it differently are refused, for what is merged can state it once only.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import sqlite3
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from mru_hw.errors import Bare, UserError
from mru_hw.files import whole_file
from mru_hw.sweeps.points import read_shard
from mru_hw.sweeps.view import RunView, open_run

_SAME = ("sequence", "design", "reference", "point")
"""Tables that every shard has alike."""


def merge(paths: Sequence[Path], out: Path) -> None:
    """Write the sweep that these shards are the parts of; it appears whole or not at all.

    What an earlier call wrote of the same shards is left as it is.

    Raises
    ------
    UserError
        A file is no shard, or not a whole one, or one of another sweep or specification; two are
        the same one; one is missing; or something else stands at `out`.
    """
    with contextlib.ExitStack() as stack:
        runs = [stack.enter_context(open_run(path)) for path in paths]
        _refuse(runs)
        if out.exists() or out.is_symlink():
            _refuse_other(out, runs)
            return
        with whole_file(out, instead_of=lambda path: not path.exists()) as part:
            _write(part, runs)


def _refuse(runs: Sequence[RunView]) -> None:
    first, seen = runs[0], dict[int, Path]()
    for run in runs:
        if run.shard is None:
            raise UserError("run", str(run.path), "one shard of a sweep, not the whole of one")
        shard = read_shard(run.shard)
        told = f"a shard of the same sweep as {first.path}"
        if run.facts["identity"] != first.facts["identity"]:
            raise UserError("run", str(run.path), told)
        if shard.count != read_shard(first.shard or "").count:
            raise UserError("run", str(run.path), f"{told}, {first.shard}, and not {shard}")
        if shard.number in seen:
            expected = f"a shard that no other file is: {seen[shard.number]} is {shard} too"
            raise UserError("run", str(run.path), expected)
        if not run.shard_complete:
            expected = "a shard whose runs are all there; the same call of sweep goes on with it"
            raise UserError("run", str(run.path), expected)
        if any(run.table(name) != first.table(name) for name in _SAME):
            raise UserError("run", str(run.path), f"{told}, with the same references and points")
        apart = _specs_apart(first, run)
        if apart is not None:
            expected = (
                f"{told}, where {apart}; the same call of sweep with another spec restates it"
            )
            raise UserError("run", str(run.path), expected)
        seen[shard.number] = run.path
    missing = [f"{k}/{shard.count}" for k in range(1, shard.count + 1) if k not in seen]
    if missing:
        shown = ", ".join(missing[:8]) + (" and more" if len(missing) > 8 else "")
        raise UserError("run", Bare(f"without {shown}"), "every shard of the sweep")


def _specs_apart(first: RunView, other: RunView) -> str | None:
    """Say in what the specifications of two stores of the same studies differ."""
    found = (first.spec(study).difference(other.spec(study)) for study in first.plans)
    return next(filter(None, found), None)


def _refuse_other(out: Path, runs: Sequence[RunView]) -> None:
    """Refuse what stands at `out`, unless it is what these shards amount to, seconds included.

    A call that is killed after it wrote has left that, and its user repeats it.
    """
    expected = "a new path"
    with contextlib.suppress(UserError), open_run(out) as there, contextlib.ExitStack() as stack:
        # A store that is closed with a cursor half read keeps its lock for as long as that lives.
        there_rows, *shard_rows = (
            stack.enter_context(contextlib.closing(run.results())) for run in (there, *runs)
        )
        rows = heapq.merge(*shard_rows, key=lambda row: row[:3])
        same = there.complete and there.facts["identity"] == runs[0].facts["identity"]
        if same and all(one == other for one, other in zip_longest(there_rows, rows)):
            apart = _specs_apart(runs[0], there)
            if apart is None:
                return
            expected = f"a new path, for in the shards {apart}, as in the sweep there"
    raise UserError("out", str(out), expected)


def _write(part: Path, runs: Sequence[RunView]) -> None:
    with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=OFF")  # all that a kill leaves is the part itself
        runs[0].copy_to(db)
        db.execute("BEGIN")
        for run in runs[1:]:
            rows = run.results()
            first = rows.fetchone()
            if first is not None:
                marks = ", ".join("?" * len(first))
                insert = f"INSERT INTO result VALUES ({marks})"  # noqa: S608
                db.execute(insert, first)
                db.executemany(insert, rows)
        seconds = math.fsum(float(run.facts["seconds"]) for run in runs)
        started = min(run.facts["started"] for run in runs)
        db.execute("DELETE FROM run WHERE name = 'shard'")
        db.executemany(
            "UPDATE run SET value = ? WHERE name = ?",
            [(repr(seconds), "seconds"), (started, "started")],
        )
        db.execute("COMMIT")
