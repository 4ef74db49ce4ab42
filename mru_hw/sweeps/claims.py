"""What RUN.sqlite claims, against itself: a file from anybody may say anything.

Each check raises ValueError or TypeError; the reader has one sentence for all of them, for nobody
can mend a store by hand.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus, UserError
from mru_hw.files import validated
from mru_hw.mapping.options import DesignOptions
from mru_hw.simulate.supply import BLOCKS
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.points import Asked, Point, Shard, points, read_shard
from mru_hw.sweeps.statistics.stopping import read_until
from mru_hw.sweeps.store import FRAME, QUANTILES, plain
from mru_hw.sweeps.subject import ARITHMETIC
from mru_hw.technology import Technology, load_technology

LEVELS = ("ideal", "behavioral", "spice")
_ROWS = 1000
"""Results that are checked at a time: their blobs are large."""
_CLOSE = 1e-9
"""Relative, of a mean that is stored beside its numbers."""
_MOST, _LEAST = 1e60, 1e-60
"""The largest number, and the smallest one that others are divided by: squares of their ratios,
and sums of those, are floats."""


def check_claims(db: sqlite3.Connection, facts: Mapping[str, str]) -> dict[int, Point]:
    """Refuse a store whose numbers cannot be; return its points by number.

    Shares lie within 0 and 1 and are those of the stored decisions, energies and times are finite
    and not negative, means and blocks are those of the stored numbers, points and dies are those of
    the plans, every result belongs to a point, once, and a store that calls itself complete has
    them all.

    Raises
    ------
    ValueError, TypeError, LookupError
        Something is not so.
    """
    complete, level = facts["complete"], facts["level"]
    _require(complete in {"true", "false"} and level in LEVELS)
    _require(set(ARITHMETIC) <= facts.keys())
    _number(float(facts.get("seconds", "0")), 0)
    labels = _sequences(db, float(facts.get(FRAME, "nan")))
    wanted = _planned(db, json.loads(facts["plans"]), priced=level != "ideal")
    _references(db, labels)
    shard = read_shard(facts["shard"]) if "shard" in facts else Shard(number=1, count=1)
    _counts(db, shard.asked(list(wanted.values())), complete=complete == "true")
    _ended(json.loads(facts.get("until", "null")), len(wanted))
    plans = json.loads(facts["plans"]).values()
    whole = any(plan["keep"] == "all" for plan in plans)
    _results(db, labels, priced=level != "ideal", whole=whole)
    return wanted


def _require(so: object) -> None:
    if not so:
        raise ValueError("a claim that cannot be")


def _number(value: object, low: float, high: float = _MOST) -> None:
    _require(type(value) in {int, float} and low <= value <= high)  # type: ignore[operator]


def _whole(value: object, low: int) -> None:
    _require(type(value) is int and value >= low)


def _sequences(db: sqlite3.Connection, frame: float) -> NDArray[np.int64]:
    labels = []
    for label, frames, seconds in db.execute(
        "SELECT label, frames, seconds FROM sequence ORDER BY number"
    ):
        _whole(label, -1)
        _whole(frames, 1)
        _number(seconds, _LEAST)
        _require(math.isnan(frame) or math.isclose(seconds, frames * frame, rel_tol=_CLOSE))
        labels.append(label)
    return np.array(labels, np.int64)


def _references(db: sqlite3.Connection, labels: NDArray[np.int64]) -> None:
    designs = {digest for (digest,) in db.execute("SELECT digest FROM design")}
    rows = db.execute("SELECT name, design, accuracy, decision, energy FROM reference").fetchall()
    _require(any(name == "software" and not design for name, design, *_ in rows))
    for _name, design, accuracy, decision, energy in rows:
        _require(not design or design in designs)
        _number(accuracy, 0, 1)
        _judged([accuracy], _blobs([decision], "<i2", len(labels)), labels)
        if energy is not None:
            _priced(_blobs([energy], "<f8", len(labels)))


def _planned(
    db: sqlite3.Connection, documents: Mapping[str, object], *, priced: bool
) -> dict[int, Point]:
    """Points and dies are what the plans ask for, and what a point runs on is a known design."""
    _require(documents)
    try:
        plans = {name: validated(Plan, data, name) for name, data in documents.items()}
        technology = load_technology(next(iter(plans.values())).tech)
        wanted = {point.index: point for point in points(plans, technology)}
        designs = dict(db.execute("SELECT digest, options FROM design"))
        for options in designs.values():
            validated(DesignOptions, json.loads(options), "design")
    except UserError as error:
        raise ValueError(str(error)) from None
    query = "SELECT number, study, trials, dies, settings, design, input_energy FROM point"
    rows = db.execute(query).fetchall()
    _require(len(rows) == len(wanted))
    for number, study, trials, n_dies, settings, design, delivered in rows:
        point = wanted[number]
        _require((study, trials, n_dies) == (point.study, point.trials, len(point.dies)))
        _require(settings == plain(_known_then(point, plans[study], technology, settings)))
        _require(design in designs)
        _require((delivered is not None) == priced)
        _number(delivered or 0, 0)
    own = {row[0]: row[5] for row in rows if not wanted[row[0]].drawn}
    for chunk in _chunks(db, "SELECT point, die, seed, design, status FROM result"):
        for number, die, seed, design, status in chunk:
            _require(wanted[number].dies[die] == seed)
            _require(status != RunStatus.DONE.name or own.get(number, design) == design)
    return wanted


def _known_then(
    point: Point, plan: Plan, technology: Technology, settings: str
) -> dict[str, object]:
    """Return a point's settings without the axes that the version that stored it did not have.

    Those stand at their defaults.
    """
    stored, ground = json.loads(settings), plan.ground(technology)
    return {
        name: value
        for name, value in point.settings.items()
        if name in stored or value != AXES[name].default(ground)
    }


def _counts(db: sqlite3.Connection, asked: Asked, *, complete: bool) -> None:
    """Every result is one of the runs that the store is for, and stands there once."""
    query = (
        "SELECT point, trial, count(*), count(DISTINCT die), min(die), max(die) FROM result"
        " GROUP BY point, trial"
    )
    left = dict(asked)
    for point, trial, count, different, low, high in db.execute(query):
        dies = left.pop((point, trial))
        _whole(low, dies.start)
        _require(type(high) is int and high < dies.stop)
        _require(count == different <= len(dies))
        _require(count == len(dies) or not complete)
    _require(not complete or not any(left.values()))


def _ended(until: Any, n_points: int) -> None:
    """Refuse an end of the sweep that is not of shares with their intervals."""
    if until is None:
        return
    _require(str(read_until(until["asked"])) == until["asked"])
    for one in until["populations"]:
        _require(set(one["points"]) <= set(range(n_points)) and type(one["reached"]) is bool)
        _whole(one["dies"], 1)
        for name in ("low", "value", "high"):
            _number(one[name], 0, 1)
        _require(one["low"] <= one["value"] <= one["high"])


def _results(
    db: sqlite3.Connection, labels: NDArray[np.int64], *, priced: bool, whole: bool
) -> None:
    for rows in _chunks(db, "SELECT status, seconds FROM result"):
        for status, seconds in rows:
            _require(status in RunStatus.__members__)
            _number(seconds, 0)
    columns = "accuracy, right, decision, energy, energy_mean, quantiles, blocks"
    done = f"SELECT {columns} FROM result WHERE status = ?"  # noqa: S608
    for rows in _chunks(db, done, RunStatus.DONE.name):
        accuracy, right, decision, energy, mean, quantiles, blocks = (
            list(column) for column in zip(*rows, strict=True)
        )
        for share in accuracy:
            _number(share, 0, 1)
        found = _bits(right, len(labels))
        _require(np.allclose(accuracy, found.mean(axis=1), rtol=0, atol=_CLOSE))
        if whole:
            chosen = _blobs(decision, "<i2", len(labels))
            _require((chosen >= 0).all() and (found == (chosen == labels)).all())
        else:
            _require(all(one is None for one in (*decision, *energy)))
        if not priced:
            _require(all(one is None for one in (*energy, *mean, *quantiles, *blocks)))
            continue
        for one in mean:
            _number(one, 0)
        ends = _blobs(quantiles, "<f8", len(QUANTILES))
        _priced(ends)
        room = _CLOSE * ends[:, -1]
        _require((np.diff(ends, axis=1) >= 0).all())
        _require((ends[:, 0] - room <= mean).all() and (mean <= ends[:, -1] + room).all())
        if whole:
            joules = _blobs(energy, "<f8", len(labels))
            _priced(joules)
            _require(np.allclose(mean, joules.mean(axis=1), rtol=_CLOSE, atol=0))
            same = np.percentile(joules, QUANTILES, axis=1).T
            _require(np.allclose(ends, same, rtol=_CLOSE, atol=0))
        for text, total_of_run in zip(blocks, mean, strict=True):
            parts = json.loads(text)
            _require(set(parts) <= set(BLOCKS))
            for static, switching in parts.values():
                _number(static, -_MOST)
                _number(switching, -_MOST)
            total = math.fsum(number for pair in parts.values() for number in pair)
            # A block that ngspice does not resolve is left out, and counts in the whole.
            missing = set(parts) != set(BLOCKS) and total < total_of_run
            _require(missing or math.isclose(total, total_of_run, rel_tol=_CLOSE))


def _chunks(db: sqlite3.Connection, query: str, *values: str) -> Iterator[list[Any]]:
    cursor = db.execute(query, values)
    while rows := cursor.fetchmany(_ROWS):
        yield rows


def _blobs(blobs: list[Any], kind: str, length: int) -> NDArray[Any]:
    """Return (row, sequence) numbers."""
    size = length * np.dtype(kind).itemsize
    _require(all(type(blob) is bytes and len(blob) == size for blob in blobs))
    return np.frombuffer(b"".join(blobs), kind).reshape(len(blobs), length)


def _bits(blobs: list[Any], length: int) -> NDArray[np.bool_]:
    """Return (row, sequence) bits; those behind the last are 0."""
    packed = _blobs(blobs, "u1", (length + 7) // 8)
    bits = np.unpackbits(packed, axis=1)
    _require(not bits[:, length:].any())
    return bits[:, :length].astype(bool)


def _judged(accuracy: list[float], decision: NDArray[Any], labels: NDArray[np.int64]) -> None:
    """Shares are those of the decisions, where the labels are known."""
    _require((decision >= 0).all())
    if (labels >= 0).all():
        right = (decision == labels).mean(axis=1)
        _require(np.allclose(accuracy, right, rtol=0, atol=_CLOSE))


def _priced(joules: NDArray[Any]) -> None:
    _require(((joules >= 0) & (joules <= _MOST)).all())
