"""RUN.sqlite: a sweep on disk, whole after every job; one process writes, others may read."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus, UserError
from mru_hw.files import reason, whole_file
from mru_hw.leftovers import sole
from mru_hw.simulate.supply import BLOCKS
from mru_hw.sweeps.points import Key
from mru_hw.sweeps.ready import Ready
from mru_hw.sweeps.references import Reference
from mru_hw.sweeps.results import COLUMNS, results_digest
from mru_hw.sweeps.store_file import (
    APPLICATION,
    FORMAT,
    SQLITE_ERRORS,
    UnusableStoreError,
    unbegun,
)
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.work import Blocks, DieResult

FRAME = "frame_period_s"
"""Of the network, by which sequences last."""

DAMAGED = "a new path, for the sweep there is damaged"
_OF_THE_PLACE = {
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN),
    *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH),
}
"""What SQLite says of a file that it cannot write; other errors are about what stands in it."""

TABLES = """
CREATE TABLE run(name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sequence(number INTEGER PRIMARY KEY, label INTEGER NOT NULL,
    frames INTEGER NOT NULL, seconds REAL NOT NULL);
CREATE TABLE design(digest TEXT PRIMARY KEY, options TEXT NOT NULL);
CREATE TABLE reference(name TEXT NOT NULL, design TEXT NOT NULL, accuracy REAL NOT NULL,
    decision BLOB NOT NULL, energy BLOB, PRIMARY KEY(name, design));
CREATE TABLE point(number INTEGER PRIMARY KEY, study TEXT NOT NULL, settings TEXT NOT NULL,
    design TEXT NOT NULL REFERENCES design(digest), trials INTEGER NOT NULL,
    dies INTEGER NOT NULL, input_energy REAL);
CREATE TABLE result(point INTEGER NOT NULL REFERENCES point(number), trial INTEGER NOT NULL,
    die INTEGER NOT NULL, seed INTEGER NOT NULL, status TEXT NOT NULL, design TEXT NOT NULL,
    accuracy REAL, right BLOB, energy_mean REAL, quantiles BLOB, blocks BLOB, decision BLOB,
    energy BLOB, seconds REAL NOT NULL, PRIMARY KEY(point, trial, die));
"""
"""`right` has a bit for each sequence in order, as `numpy.packbits` puts them; other blobs are
little-endian: decisions int16, energies, their quantiles at `QUANTILES` and their parts by
`BLOCK_NAMES` float64 [J]. Decisions and energies, one a sequence, are there where the plan keeps
all.

The settings of a point and the options of a design are JSON, so that an axis or an option more is
no other format; `mru_hw.sweeps.claims` says what a store that knows fewer is taken for.
"""


QUANTILES = (0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 100)
"""The percentiles over sequences that are stored of the energies of a run."""

BLOCK_NAMES = tuple(sorted(BLOCKS))
"""The supply blocks whose static and switching energies are stored, one after the other."""

_INSERT = f"INSERT OR REPLACE INTO result VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"  # noqa: S608


def create_store(
    path: Path,
    facts: Mapping[str, str],
    subject: Subject,
    ready: Sequence[Ready],
    references: Iterable[Reference],
) -> None:
    """Write a store that knows all but its runs; it appears whole or not at all.

    Another process may have begun one meanwhile: then that one stays.
    """
    with (
        _told(path),
        whole_file(path, instead_of=unbegun) as part,
        contextlib.closing(_connect(part)) as db,
    ):
        # A journal without its store would be played back into the new one.
        for kind in ("journal", "wal", "shm"):
            path.with_name(f"{path.name}-{kind}").unlink(missing_ok=True)
        # All that a kill leaves is the part itself.
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("BEGIN")
        _write_beginning(db, facts, subject, ready, references)
        db.execute("COMMIT")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in a user's words what SQLite says of the store at `path`."""
    try:
        yield
    except SQLITE_ERRORS as error:
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:  # what follows is which of its kind
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                expected = f"a file that no other process is using ({error})"
            case kind if kind in _OF_THE_PLACE:
                expected = f"a file that can be written ({error})"
            case _:
                raise UnusableStoreError("out", str(path), DAMAGED) from None
        raise UserError("out", str(path), expected) from None


@contextlib.contextmanager
def _sole(path: Path) -> Iterator[None]:
    """Keep other processes from writing the store at `path` while the block runs."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(sole(path.with_name(f".{path.name}.lock")))
        except BlockingIOError:
            raise UserError("out", str(path), "a file that no other process is using") from None
        except OSError as error:
            raise UserError(
                "out", str(path), f"a file that can be written ({reason(error)})"
            ) from None
        yield


def _connect(path: Path) -> sqlite3.Connection:
    # Whoever reads at this moment keeps a writer waiting, for longer where a machine is busy.
    return sqlite3.connect(path, timeout=2.0, isolation_level=None)


def _write_beginning(
    db: sqlite3.Connection,
    facts: Mapping[str, str],
    subject: Subject,
    ready: Sequence[Ready],
    references: Iterable[Reference],
) -> None:
    started = {"format_version": str(FORMAT), "complete": "false", "seconds": "0"}
    started["started"] = datetime.now(UTC).isoformat(timespec="seconds")
    inputs, period = subject.inputs, subject.model.spec.frame_period
    started[FRAME] = repr(float(period))
    for statement in TABLES.split(";")[:-1]:
        db.execute(statement)
    db.execute(f"PRAGMA application_id={APPLICATION}")
    db.execute(f"PRAGMA user_version={FORMAT}")
    db.executemany("INSERT INTO run VALUES (?, ?)", (started | dict(facts)).items())
    db.executemany(
        "INSERT INTO sequence VALUES (?, ?, ?, ?)",
        [
            (subject.first_sequence + k, int(y), int(n), float(n * period))
            for k, (y, n) in enumerate(zip(subject.labels, inputs.lengths, strict=True))
        ],
    )
    designs = {one.digest: plain(one.setup.options.as_data()) for one in ready}
    db.executemany("INSERT INTO design VALUES (?, ?)", designs.items())
    for one in references:
        blobs = (_blob(one.decision, "<i2"), _blob(one.energy, "<f8"))
        row = (one.name, one.design, one.accuracy, *blobs)
        db.execute("INSERT INTO reference VALUES (?, ?, ?, ?, ?)", row)
    for each in ready:
        p = each.point
        about = (p.index, p.study, plain(p.settings), each.digest, p.trials, len(p.dies))
        db.execute("INSERT INTO point VALUES (?, ?, ?, ?, ?, ?, ?)", (*about, each.input_energy))


@final
class Store:
    """The writing end of a store that was begun; no other process has one until it is closed.

    While results are added the file has a write-ahead log beside it, so that others may read; a
    sweep that has ended is one file.

    Attributes
    ----------
    connection
        For those who read what this process writes.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self.connection = path, connection
        self._logged = False

    # Read when results are added: by then whoever opened the store has checked what it claims.
    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """What each sequence is, (n_seq,); -1 where that is not known."""
        rows = self.connection.execute("SELECT label FROM sequence ORDER BY number")
        return np.array([label for (label,) in rows], np.int64)

    @cached_property
    def _all(self) -> bool:
        return any(plan.get("keep") == "all" for plan in self.plans().values())

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path) -> Iterator[Self]:
        """Open a store for the length of a block.

        Raises
        ------
        UserError
            Another process is writing it, it is damaged, or it cannot be written.
        """
        with _told(path), _sole(path), contextlib.closing(_connect(path)) as db:
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("BEGIN IMMEDIATE")
            db.execute("COMMIT")
            store = cls(path, db)
            try:
                yield store
            finally:
                store.settle()

    def value(self, name: str) -> str | None:
        """Return a fact about the run."""
        row = self.connection.execute("SELECT value FROM run WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def plans(self) -> dict[str, Any]:
        """Return the plans by study, as JSON has them.

        Raises
        ------
        sqlite3.DatabaseError
            They are none.
        """
        try:
            plans = json.loads(self.value("plans") or "")
            if all(isinstance(plan, dict) for plan in plans.values()):
                return dict(plans)
        except (ValueError, AttributeError):
            pass
        raise sqlite3.DatabaseError("no plans")

    def restate(self, specs: Mapping[str, Any]) -> None:
        """State by study what a die must do to pass, where the store has another specification."""
        plans = {name: plan | {"spec": specs[name]} for name, plan in self.plans().items()}
        if self.plans() != plans:
            with self._transaction():
                text = plain(plans)
                self.connection.execute("UPDATE run SET value = ? WHERE name = 'plans'", (text,))

    def state_end(self, told: Mapping[str, Any]) -> None:
        """State how a sweep ended that ran until something was known."""
        text = plain(told)
        if self.value("until") != text:
            with self._transaction():
                query = "INSERT OR REPLACE INTO run VALUES ('until', ?)"
                self.connection.execute(query, (text,))

    @contextlib.contextmanager
    def kept_with_results(self) -> Iterator[None]:
        """Remove the store where an error ends the block before any result is stored.

        A store of no runs would say nothing, and stand in the way of another plan.
        """
        try:
            yield
        except Exception:
            if self.connection.execute("SELECT 1 FROM result").fetchone() is None:
                self.settle()
                self.path.unlink(missing_ok=True)
            raise

    def settle(self) -> None:
        """Put what the log has into the file, and go on without one.

        Somebody who is reading keeps the log; whoever opens the file last puts it away.
        """
        with contextlib.suppress(sqlite3.DatabaseError):
            (mode,) = self.connection.execute("PRAGMA journal_mode").fetchone()
            if mode == "wal":  # begun here, or by a call that was killed
                self.connection.execute("PRAGMA journal_mode=DELETE")

    def designs(self) -> set[str]:
        """Return the digests of the designs that the points run on."""
        return {str(name) for (name,) in self.connection.execute("SELECT digest FROM design")}

    def done(self) -> set[Key]:
        """Return the runs that need not be tried again: all that are stored but the machine's."""
        return set(self._lasting("point, trial, die"))

    def n_done(self) -> int:
        """Return how many runs `done` has."""
        return int(next(self._lasting("count(*)"))[0])

    def _lasting(self, columns: str) -> sqlite3.Cursor:
        names = [status.name for status in RunStatus if not status.of_machine]
        marks = ", ".join("?" * len(names))
        query = f"SELECT {columns} FROM result WHERE status IN ({marks})"  # noqa: S608
        return self.connection.execute(query, names)

    def add(self, results: Iterable[DieResult], seconds: float) -> None:
        """Store a job's results and count the seconds since the last, in one transaction."""
        with self._transaction():
            self.connection.executemany(_INSERT, self._rows(list(results)))
            self._count(seconds)

    def complete(self, seconds: float, *, whole: bool) -> None:
        """Say whether the run is complete, and count the seconds since the last result."""
        with self._transaction():
            said = "true" if whole else "false"
            self.connection.execute("UPDATE run SET value = ? WHERE name = 'complete'", (said,))
            self._count(seconds)

    def failed(self) -> dict[str, int]:
        """Count the runs that are not done, by the name of their status."""
        rows = self.connection.execute(
            "SELECT status, count(*) FROM result WHERE status != 'DONE' GROUP BY status"
        )
        return {str(name): int(count) for name, count in rows}

    def digest(self) -> str:
        """Return `results_digest` of what is stored."""
        return results_digest(self.connection)

    def _count(self, seconds: float) -> None:
        try:
            total = float(self.value("seconds") or 0) + seconds
        except ValueError as error:
            raise sqlite3.DatabaseError(str(error)) from None
        self.connection.execute("UPDATE run SET value = ? WHERE name = 'seconds'", (repr(total),))

    def _rows(self, results: Sequence[DieResult]) -> Iterator[tuple[Any, ...]]:
        # Of all runs at once: each by itself takes a hundred times as long.
        priced = [one.energy for one in results if one.energy is not None]
        ends = iter(np.percentile(priced, QUANTILES, axis=1).T if priced else ())
        for one in results:
            yield self._row(one, None if one.energy is None else next(ends))

    def _row(self, one: DieResult, quantiles: NDArray[np.float64] | None) -> tuple[Any, ...]:
        right = None if one.decision is None else np.packbits(one.decision == self.labels)
        decision, energy = (one.decision, one.energy) if self._all else (None, None)
        return (
            *one.key,
            one.seed,
            one.status.name,
            one.design,
            one.accuracy,
            _blob(right, "u1"),
            None if one.energy is None else float(np.mean(one.energy)),
            _blob(quantiles, "<f8"),
            _blob(None if one.blocks is None else _by_block(one.blocks), "<f8"),
            _blob(decision, "<i2"),
            _blob(energy, "<f8"),
            one.seconds,
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        if not self._logged:
            # Where the file system has no shared memory, SQLite stays with its journal.
            self.connection.execute("PRAGMA journal_mode=WAL")
            self._logged = True
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")


def plain(value: object) -> str:
    """Return a value as the store keeps it among the facts of the run."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _blob(values: Any, kind: str) -> bytes | None:
    return None if values is None else np.ascontiguousarray(values).astype(kind).tobytes()


def _by_block(parts: Blocks) -> list[tuple[float, float]]:
    """Return static and switching energies [J] by `BLOCK_NAMES`; NaN where not resolved."""
    return [parts.get(name, (math.nan, math.nan)) for name in BLOCK_NAMES]
