"""The rows of the table `result`, in order, and the hash of what stands in them."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any, final

import numpy as np

COLUMNS = (
    *("point", "trial", "die", "seed", "status", "design", "accuracy", "right", "energy_mean"),
    *("quantiles", "blocks", "decision", "energy"),
)
"""What a run left, without its seconds."""

_ROWS = 500
"""Rows that are read at a time, for their blobs are large; the hash is of so many at a time."""
_CODES: dict[type, int] = {type(None): 0, int: 1, float: 2, str: 3, bytes: 4}
"""What stands for the kinds of values that SQLite has."""


def results(db: sqlite3.Connection) -> Iterator[dict[str, tuple[Any, ...]]]:
    """Yield `COLUMNS` and ``seconds`` of some rows after the other, by point, trial and die."""
    names = (*COLUMNS, "seconds")
    query = f"SELECT {', '.join(names)} FROM result ORDER BY point, trial, die"  # noqa: S608
    cursor = db.execute(query)
    while rows := cursor.fetchmany(_ROWS):
        yield dict(zip(names, zip(*rows, strict=True), strict=True))


@final
class ResultsHash:
    """A hash of all results but their seconds: equal hashes are equal bits.

    Of the rows that `results` yields at a time it takes, column by column, their number, which
    kind each value is of, and the values of each kind; of text and blobs the lengths before.
    """

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add the rows that `results` yields next."""
        for name in COLUMNS:
            for piece in _pieces(columns[name]):
                self._sha.update(piece)

    def hexdigest(self) -> str:
        """Return the hash of what was added."""
        return self._sha.hexdigest()


def results_digest(db: sqlite3.Connection) -> str:
    """Return the `ResultsHash` of a store."""
    found = ResultsHash()
    for columns in results(db):
        found.add(columns)
    return found.hexdigest()


def _pieces(values: Sequence[Any]) -> Iterator[bytes]:
    yield len(values).to_bytes(8, "little")
    kinds = set(map(type, values))
    if len(kinds) == 1:  # as nearly always
        (kind,) = kinds
        yield bytes([_CODES[kind]]) * len(values)
        yield from _alike(kind, values)
        return
    own = [*map(type, values)]
    yield bytes(map(_CODES.__getitem__, own))
    for kind in _CODES:
        yield from _alike(kind, [*compress(values, (one is kind for one in own))])


def _alike(kind: type, values: Sequence[Any]) -> Iterator[bytes]:
    """Yield values of one kind."""
    if kind in {int, float}:
        yield struct.pack(f"<{len(values)}{'q' if kind is int else 'd'}", *values)
    elif kind in {str, bytes}:
        yield np.fromiter(map(len, values), "<i8", len(values)).tobytes()
        yield "".join(values).encode() if kind is str else b"".join(values)
