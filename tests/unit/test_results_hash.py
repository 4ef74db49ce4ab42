"""The hash of all results: equal where the stored bits are, whatever their order in the file."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from mru_hw.sweeps.results import COLUMNS, results_digest

Row = dict[str, Any]


def run(die: int, **other: Any) -> Row:
    """A run of point 0; columns in the order of the table."""
    quantiles = np.arange(11.0).tobytes()
    known = [0, 0, die, die + 7, "DONE", "0123456789abcdef", 0.75, b"\xe0", 1e-9, quantiles]
    return dict(zip(COLUMNS, [*known, bytes(64), None, None], strict=True)) | other


def digest(*rows: Row, seconds: float = 1.0) -> str:
    """Return the hash of a table without types, keys and order."""
    names = (*COLUMNS, "seconds")
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(f"CREATE TABLE result({', '.join(names)})")
        marks = ", ".join("?" * len(names))
        values = [(*row.values(), seconds) for row in rows]
        db.executemany(f"INSERT INTO result VALUES ({marks})", values)
        return results_digest(db)


def test_it_is_of_these_bytes() -> None:
    def pieces() -> Iterator[bytes]:
        for value in run(3).values():
            yield struct.pack("<q", 1)
            match value:
                case None:
                    yield b"\0"
                case int():
                    yield struct.pack("<bq", 1, value)
                case float():
                    yield struct.pack("<bd", 2, value)
                case str():
                    yield struct.pack("<bq", 3, len(value)) + value.encode()
                case bytes():
                    yield struct.pack("<bq", 4, len(value)) + value

    assert digest(run(3)) == hashlib.sha256(b"".join(pieces())).hexdigest()


def test_equal_bits_are_one_hash() -> None:
    rows = [run(die) for die in range(1201)]
    assert digest(*rows) == digest(*reversed(rows)) == digest(*rows, seconds=2.0)
    assert len({digest(*rows[:n]) for n in (0, 1, 499, 500, 501, 1000, 1200, 1201)}) == 8


TOLD_APART: dict[str, tuple[list[Row], list[Row]]] = {
    "nothing and no bytes": ([run(0)], [run(0, decision=b"")]),
    "bytes and text": ([run(0, right=b"ab")], [run(0, right="ab")]),
    "a whole number and another": ([run(0, accuracy=1)], [run(0, accuracy=1.0)]),
    "zero and minus zero": ([run(0, energy_mean=0.0)], [run(0, energy_mean=-0.0)]),
    "bytes of another run": (
        [run(0, right=b"ab"), run(1, right=b"c")],
        [run(0, right=b"a"), run(1, right=b"bc")],
    ),
    "text of another run": (
        [run(0, status="ab"), run(1, status="c")],
        [run(0, status="a"), run(1, status="bc")],
    ),
    "bytes of another column": (
        [run(0, decision=b"ab", energy=b"c")],
        [run(0, decision=b"a", energy=b"bc")],
    ),
    "which run has nothing": (
        [run(0, right=None), run(1)],
        [run(0), run(1, right=None)],
    ),
    "which column has nothing": (
        [run(0, decision=b"a", energy=None)],
        [run(0, decision=None, energy=b"a")],
    ),
    "values of two kinds, exchanged": (
        [run(0, energy=1), run(1, energy=0.0)],
        [run(0, energy=0.0), run(1, energy=1)],
    ),
    "unlike NaNs": (
        [run(0, blocks=b"\1" + np.float64(np.nan).tobytes()[1:] + bytes(56))],
        [run(0, blocks=np.float64(np.nan).tobytes() + bytes(56))],
    ),
}


@pytest.mark.parametrize(("one", "other"), TOLD_APART.values(), ids=TOLD_APART)
def test_other_bits_are_another_hash(one: list[Row], other: list[Row]) -> None:
    assert digest(*one) == digest(*one)
    assert digest(*one) != digest(*other)


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_counts(column: str) -> None:
    values = {"status": "NO_LAW", "design": "other", "accuracy": 0.5, "energy_mean": 2e-9}
    other = values.get(column, 9 if column in {"point", "trial", "die", "seed"} else b"other")
    assert digest(run(0), run(1)) != digest(run(0), run(1) | {column: other})
