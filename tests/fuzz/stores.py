"""Mutations of RUN.sqlite: of its bytes, and of what stands in it by SQL."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.draws import NUMBERS, TEXTS, WORDS, mutate_bytes, mutate_document, pick

_TABLES = ("run", "sequence", "design", "reference", "point", "result")
_FACTS = {
    "seconds": ("nan", "inf", "-1", "1e999", "", "a", "1e308", "0x10", "1_000", "٣"),
    "complete": ("true", "false", "True", "1", ""),
    "level": ("ideal", "behavioral", "spice", "", "other"),
    "kernel": (*TEXTS[:20], "numpy"),
    "number_type": (*TEXTS[:20], "float64"),
    "started": (*TEXTS[:50], "2026-01-01", "9999-99-99T99:99:99+99:99"),
}


_REFUSED = (sqlite3.Error, ArithmeticError, LookupError, TypeError, ValueError)
"""What SQLite itself refuses, and what an earlier change has taken away."""


def mutate_store(draw: Random, path: Path) -> str:
    """Change a store in place."""
    if draw.random() < 0.2:
        data, said = mutate_bytes(draw, path.read_bytes())
        path.write_bytes(data)
        return said
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA ignore_check_constraints=ON")
        done = []
        for _ in range(pick(draw, (1, 1, 1, 2, 3))):
            (way,) = draw.choices(list(_WAYS), [weight for weight, _ in _WAYS.values()])
            with contextlib.suppress(*_REFUSED):
                done.append(f"{way} {_WAYS[way][1](draw, db)}")
    return ", ".join(done)


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def _value(draw: Random, old: object) -> Any:
    """Return a value as SQLite has it: null, a number, text or bytes."""
    number = pick(draw, NUMBERS)
    if isinstance(number, int) and not -(2**63) <= number < 2**63:
        number = 2**62
    near: list[Any] = [number, None, pick(draw, TEXTS[:70]), pick(draw, WORDS), b"", b"\0" * 6]
    if isinstance(old, int | float):
        near += [old + 1, -old, float(old), str(old), old * 0.999, 10.0**300, 2**40]
    if isinstance(old, bytes):
        flipped = bytearray(old)
        if flipped:
            flipped[draw.randrange(len(flipped))] ^= 0x80
        near += [bytes(flipped), old[:-1], old + b"\0", old[::-1], b"\xff" * len(old), old.hex()]
        near += [b"\0\0\0\0\0\0\xf8\x7f" * (len(old) // 8)]
    if isinstance(old, str):
        near += [old + " ", old.upper(), old[:-1], old.encode(), f"[{old}]"]
    return pick(draw, near)


def _update(draw: Random, db: sqlite3.Connection) -> str:
    table = pick(draw, (*_TABLES, "result", "result", "point"))
    column = pick(draw, _columns(db, table))
    found = db.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
    row, old = pick(draw, found)
    new = _value(draw, old)
    where = "" if draw.random() < 0.2 else f"WHERE rowid = {row}"
    if draw.random() < 0.3 or new is None:  # free of types and of what must not be null
        _loosen(db, table)
    db.execute(f"UPDATE {table} SET {column} = ? {where}", (new,))
    return f"{table}.{column} = {new!r:.60}"


def _loosen(db: sqlite3.Connection, table: str) -> None:
    """Make a table whose columns have no types, keys and constraints."""
    db.execute(f"CREATE TABLE loose({', '.join(_columns(db, table))})")
    db.execute(f"INSERT INTO loose SELECT * FROM {table}")
    db.execute(f"DROP TABLE {table}")
    db.execute(f"ALTER TABLE loose RENAME TO {table}")


def _delete(draw: Random, db: sqlite3.Connection) -> str:
    table = pick(draw, _TABLES)
    few = "" if draw.random() < 0.3 else "WHERE rowid IN (SELECT rowid FROM {0} LIMIT 1)"
    db.execute(f"DELETE FROM {table} " + few.format(table))
    return table


def _double(draw: Random, db: sqlite3.Connection) -> str:
    table = pick(draw, _TABLES)
    _loosen(db, table)
    db.execute(f"INSERT INTO {table} SELECT * FROM {table}")
    return table


def _drop(draw: Random, db: sqlite3.Connection) -> str:
    table = pick(draw, _TABLES)
    db.execute(f"DROP TABLE {table}")
    return table


def _column(draw: Random, db: sqlite3.Connection) -> str:
    table = pick(draw, _TABLES)
    column = pick(draw, _columns(db, table))
    way = pick(draw, ("DROP COLUMN {0}", "RENAME COLUMN {0} TO z", "ADD COLUMN z DEFAULT 5"))
    db.execute(f"ALTER TABLE {table} {way.format(column)}")
    return f"{table} {way.format(column)}"


def _fact(draw: Random, db: sqlite3.Connection) -> str:
    names = [row[0] for row in db.execute("SELECT name FROM run")]
    name = pick(draw, (*names, *_FACTS, "plans", "plans"))
    if name == "plans" and draw.random() < 0.8:
        old = db.execute("SELECT value FROM run WHERE name = 'plans'").fetchall()[0][0]
        document, said = mutate_document(draw, json.loads(old))
        new = json.dumps(document, skipkeys=True, ensure_ascii=draw.random() < 0.5)
        new = new.encode("utf-8", "replace").decode()
    else:
        new = said = pick(draw, _FACTS.get(name, TEXTS[:70]))
    db.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (name, new))
    return f"{name} = {said:.80}"


def _schema(draw: Random, db: sqlite3.Connection) -> str:
    statement = pick(
        draw,
        (
            "CREATE VIEW extra AS SELECT * FROM run",
            "CREATE TRIGGER t AFTER UPDATE ON run BEGIN SELECT randomblob(9); END",
            "CREATE TABLE extra(a, b GENERATED ALWAYS AS (a * 2))",
            "CREATE INDEX i ON result(abs(seconds))",
            "CREATE VIRTUAL TABLE extra USING fts5(a)",
            "CREATE TABLE harm AS SELECT zeroblob(50000000)",
            "PRAGMA journal_mode=WAL",
            "PRAGMA user_version=2",
            "PRAGMA user_version=99",
            "PRAGMA application_id=5",
            "PRAGMA auto_vacuum=FULL; VACUUM",
            "PRAGMA page_size=65536; VACUUM",
            "ALTER TABLE result RENAME TO results",
            "DROP TABLE result; CREATE VIEW result AS SELECT * FROM point",
        ),
    )
    db.executescript(statement)
    return statement


_JSON = (("point", "settings"), ("design", "options"))
"""Columns that hold JSON."""


def _json(draw: Random, db: sqlite3.Connection) -> str:
    table, column = pick(draw, _JSON)
    query = f"SELECT rowid, {column} FROM {table} WHERE {column} NOTNULL"
    row, text = pick(draw, db.execute(query).fetchall())
    document, said = mutate_document(draw, json.loads(text))
    new = json.dumps(document, skipkeys=True).encode("utf-8", "replace").decode()
    db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, row))
    return said


def _consistent_extremes(draw: Random, db: sqlite3.Connection) -> str:
    """Numbers that do not contradict each other, and are extreme."""
    n = db.execute("SELECT count(*) FROM sequence").fetchone()[0]
    joules = pick(draw, (0.0, 1e308, 5e-324, 1e-300, 1e150))
    blob = struct.pack(f"<{n}d", *[joules] * n)
    db.execute("UPDATE result SET energy = ?, energy_mean = ?", (blob, joules))
    db.execute("UPDATE sequence SET seconds = ?", (pick(draw, (1e-300, 1e300, 1.0)),))
    if draw.random() < 0.5:
        db.execute("UPDATE point SET input_energy = ?", (pick(draw, (1e-300, 1e300)),))
    return repr(joules)


_WAYS: dict[str, tuple[int, Callable[[Random, sqlite3.Connection], str]]] = {
    "set": (4, _update),
    "delete": (1, _delete),
    "double": (1, _double),
    "drop": (1, _drop),
    "column": (1, _column),
    "fact": (2, _fact),
    "schema": (1, _schema),
    "json": (2, _json),
    "extremes": (1, _consistent_extremes),
}
"""Ways to change a store, with their weights."""
