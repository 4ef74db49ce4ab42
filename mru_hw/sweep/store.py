"""RUN.sqlite: a sweep on disk, whole after every job; one process writes, anyone reads."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, final

import numpy as np

from mru_hw.errors import UserError
from mru_hw.sweep.points import Key, Point
from mru_hw.sweep.subject import Subject
from mru_hw.sweep.work import DieResult, Reference

APPLICATION = 0x6D727568  # "mruh"
FORMAT = 3

TABLES = """
CREATE TABLE run(name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sequence(number INTEGER PRIMARY KEY, label INTEGER NOT NULL,
    frames INTEGER NOT NULL, seconds REAL NOT NULL);
CREATE TABLE reference(name TEXT PRIMARY KEY, accuracy REAL NOT NULL, decision BLOB NOT NULL,
    energy BLOB);
CREATE TABLE point(number INTEGER PRIMARY KEY, study TEXT NOT NULL, mismatch_scale REAL NOT NULL,
    process_scale REAL NOT NULL, gradient_scale REAL NOT NULL, noise_scale REAL NOT NULL,
    corner TEXT NOT NULL, temperature REAL NOT NULL, v_dd REAL NOT NULL,
    perturbation REAL NOT NULL, trim_bits INTEGER NOT NULL, trials INTEGER NOT NULL,
    dies INTEGER NOT NULL);
CREATE TABLE result(point INTEGER NOT NULL REFERENCES point(number), trial INTEGER NOT NULL,
    die INTEGER NOT NULL, seed INTEGER NOT NULL, status TEXT NOT NULL, design TEXT NOT NULL,
    accuracy REAL, decision BLOB, energy BLOB, energy_mean REAL, blocks TEXT,
    seconds REAL NOT NULL, PRIMARY KEY(point, trial, die));
"""
"""Blobs are little-endian: decisions int16, energies float64 [J], one a sequence, in order."""

_INSERT_POINT = "INSERT INTO point VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT = "INSERT INTO result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@final
class Store:
    """The writing end; the file is locked until it is closed."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self._db = path, connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or begin a store.

        Raises
        ------
        UserError
            `path` is something else, or another process is writing it.
        """
        refuse_other(path)
        db: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(path, timeout=0.2, isolation_level=None)
            # Without a journal kept open beside it: a finished sweep is one file.
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("BEGIN EXCLUSIVE")
            db.execute("COMMIT")
        except (sqlite3.OperationalError, OSError) as error:
            if db is not None:
                db.close()
            busy = "locked" in str(error)
            expected = "no other process is using" if busy else "can be written"
            raise UserError("--out", str(path), f"a file that {expected}") from None
        return cls(path, db)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._db.close()

    @property
    def begun(self) -> bool:
        """Whether a sweep stands in it."""
        found = self._db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'run'")
        return bool(found.fetchone()[0])

    def value(self, name: str) -> str | None:
        """Return a fact about the run."""
        row = self._db.execute("SELECT value FROM run WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def begin(
        self,
        facts: Mapping[str, str],
        subject: Subject,
        points: Iterable[Point],
        references: Iterable[Reference],
    ) -> None:
        """Write what is known before the first die, in one transaction."""
        started = {"format_version": str(FORMAT), "complete": "false", "seconds": "0"}
        started["started"] = datetime.now(UTC).isoformat(timespec="seconds")
        inputs, period = subject.inputs, subject.model.spec.frame_period
        labels = inputs.y if inputs.y is not None else np.full(inputs.n_seq, -1)
        with self._transaction():
            for statement in TABLES.split(";")[:-1]:
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id={APPLICATION}")
            self._db.execute(f"PRAGMA user_version={FORMAT}")
            self._db.executemany("INSERT INTO run VALUES (?, ?)", (started | dict(facts)).items())
            self._db.executemany(
                "INSERT INTO sequence VALUES (?, ?, ?, ?)",
                [
                    (subject.first_sequence + k, int(y), int(n), float(n * period))
                    for k, (y, n) in enumerate(zip(labels, inputs.lengths, strict=True))
                ],
            )
            for one in references:
                blobs = (_blob(one.decision, "<i2"), _blob(one.energy, "<f8"))
                row = (one.name, one.accuracy, *blobs)
                self._db.execute("INSERT INTO reference VALUES (?, ?, ?, ?)", row)
            for p in points:
                scales = (p.mismatch_scale, p.process_scale, p.gradient_scale, p.noise_scale)
                varied = (p.corner, p.temperature, p.v_dd, p.perturbation, p.trim_bits)
                values = (p.index, p.study, *scales, *varied, p.trials, len(p.dies))
                self._db.execute(_INSERT_POINT, values)

    def done(self) -> set[Key]:
        """Return the runs that are stored."""
        return set(self._db.execute("SELECT point, trial, die FROM result"))

    def add(self, results: Iterable[DieResult], seconds: float) -> None:
        """Store a job's results and count the seconds since the last, in one transaction."""
        with self._transaction():
            self._db.executemany(_INSERT, [_row(one) for one in results])
            self._count(seconds)

    def complete(self, seconds: float) -> None:
        """Mark the run as complete."""
        with self._transaction():
            self._db.execute("UPDATE run SET value = 'true' WHERE name = 'complete'")
            self._count(seconds)

    def failed(self) -> dict[str, int]:
        """Count the runs that are not done, by the name of their status."""
        rows = self._db.execute(
            "SELECT status, count(*) FROM result WHERE status != 'DONE' GROUP BY status"
        )
        return {str(name): int(count) for name, count in rows}

    def digest(self) -> str:
        """Return `results_digest` of what is stored."""
        return results_digest(self._db)

    def _count(self, seconds: float) -> None:
        total = float(self.value("seconds") or 0) + seconds
        self._db.execute("UPDATE run SET value = ? WHERE name = 'seconds'", (repr(total),))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def refuse_other(path: Path) -> None:
    """Raise `UserError` where `path` holds something that no sweep wrote."""
    if not path.exists() and not path.is_symlink():
        return
    known = path.is_file()
    if known and path.stat().st_size:
        with path.open("rb") as stream:
            head = stream.read(100)
        # The file format of SQLite: the application's own number stands at byte 68.
        known = head.startswith(b"SQLite format 3\0")
        known = known and int.from_bytes(head[68:72], "big") == APPLICATION
    if not known:
        raise UserError("--out", str(path), "a new path or an earlier sweep")


def results_digest(connection: sqlite3.Connection) -> str:
    """Return a hash of all results but their seconds: equal digests are equal bits."""
    sha = hashlib.sha256()
    columns = "point, trial, die, seed, status, design, accuracy, decision, energy, blocks"
    rows = connection.execute(f"SELECT {columns} FROM result ORDER BY point, trial, die")  # noqa: S608
    for row in rows:
        sha.update(repr(row).encode())
    return sha.hexdigest()


def plain(value: object) -> str:
    """Return a value as the store keeps it among the facts of the run."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _row(one: DieResult) -> tuple[Any, ...]:
    mean = None if one.energy is None else float(np.mean(one.energy))
    return (
        *one.key,
        one.seed,
        one.status.name,
        one.design,
        one.accuracy,
        _blob(one.decision, "<i2"),
        _blob(one.energy, "<f8"),
        mean,
        None if one.blocks is None else plain(one.blocks),
        one.seconds,
    )


def _blob(values: Any, kind: str) -> bytes | None:
    return None if values is None else np.ascontiguousarray(values).astype(kind).tobytes()
