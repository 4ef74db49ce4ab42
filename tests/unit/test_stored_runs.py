"""The runs of a store as arrays: what stands there, in whatever order and form, or a sentence."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mru_hw
from mru_hw.errors import RunStatus
from mru_hw.sweeps.store import BLOCK_NAMES, QUANTILES
from mru_hw.sweeps.stored_runs import STATUSES
from mru_hw.sweeps.view import open_run
from tests.mistakes import sentence
from tests.sweeps import parts_of, rows, write_case

AXES: list[dict[str, Any]] = [
    {"axis": "mismatch_scale", "values": [1, 8]},
    {"axis": "frame_period", "values": ["10 ms", "20 ms"]},
]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    plan = write_case(tmp_path_factory.mktemp("runs"), n_dies=5, axes=AXES, keep="summary")
    return mru_hw.sweep(plan, workers=1).path


@pytest.fixture
def store(swept: Path, tmp_path: Path) -> Path:
    out = tmp_path / "run.sqlite"
    out.write_bytes(swept.read_bytes())
    return out


def change(store: Path, *statements: str) -> None:
    db = sqlite3.connect(store)
    try:
        for statement in statements:
            db.execute(statement)
        db.commit()
    finally:
        db.close()


TURNED = (
    "CREATE TABLE other AS SELECT * FROM result ORDER BY point DESC, die DESC",
    "DELETE FROM result",
    "INSERT INTO result SELECT * FROM other",
    "DROP TABLE other",
)
FAILED = "UPDATE result SET status = 'NO_LAW' WHERE point = 1 AND die = 2"
NONE = np.full(2, np.nan).tobytes().hex()
RESOLVED = (
    f"UPDATE result SET blocks = CAST(substr(blocks, 1, 16) || x'{NONE}' || substr(blocks, 33) "
    "AS BLOB) WHERE die = 1 AND point = 0"
)
"""A run that does not resolve the clock, the second block."""


@pytest.mark.parametrize("order", [(), TURNED], ids=["as written", "the other way round"])
def test_decisions_and_energies_are_those_of_each_run(order: tuple[str, ...], store: Path) -> None:
    change(store, *order, FAILED)
    stored = rows(store, "point, status, right, quantiles")
    between = (np.arange(100) + 0.5) / 100
    with open_run(store) as run:
        for point in run.points:
            own = [(r, q) for n, status, r, q in stored if (n, status) == (point.number, "DONE")]
            right = np.concatenate(list(run.right(point)))
            assert right.dtype == bool
            bits = [np.unpackbits(np.frombuffer(r, "u1"))[: run.n_sequences] for r, _ in own]
            np.testing.assert_array_equal(right, bits)
            ends = [np.frombuffer(q, "<f8") for _, q in own]
            shares = np.array(QUANTILES) / 100
            energies = [np.interp(between, shares, one) for one in ends]
            np.testing.assert_allclose(run.energies(point), energies, rtol=1e-15, atol=0)
            assert len(own) == (4 if point.number == 1 else 5)


@pytest.mark.parametrize("order", [(), TURNED], ids=["as written", "the other way round"])
def test_arrays_are_what_stands_there(order: tuple[str, ...], store: Path) -> None:
    change(store, *order, FAILED, RESOLVED)
    stored = rows(store, "point, trial, die, seed, status, accuracy, energy_mean, seconds, blocks")
    with open_run(store) as run:
        found = run.runs
        assert [point.blocks.keys() for point in run.points] == [set(BLOCK_NAMES)] * 4
    assert len(found.die) == len(stored) == 20
    for k, (point, trial, die, seed, status, accuracy, energy, seconds, blocks) in enumerate(
        stored
    ):
        assert (found.point[k], found.trial[k], found.die[k]) == (point, trial, die)
        assert (found.seed[k], found.seconds[k]) == (seed, seconds)
        assert STATUSES[found.status[k]] is RunStatus[status]
        if status != "DONE":
            # What stands beside a run that failed is nothing that it left.
            assert np.isnan([found.accuracy[k], found.energy[k], *found.blocks[k].ravel()]).all()
            continue
        assert (found.accuracy[k], found.energy[k]) == (accuracy, energy)
        parts = parts_of(blocks)
        assert len(parts) == len(BLOCK_NAMES) - ((point, die) == (0, 1))
        for name, pair in zip(BLOCK_NAMES, found.blocks[k].tolist(), strict=True):
            assert np.isnan(pair).all() if name not in parts else pair == parts[name]


def test_rows_and_frame_are_one_table(store: Path) -> None:
    change(store, FAILED, RESOLVED)
    swept = mru_hw.read_sweep(store)
    frame, by_row = swept.frame(), swept.rows
    assert len(frame) == len(by_row) == len(swept) == 20
    assert list(frame.columns) == list(by_row[0])
    lost = by_row[7]
    assert (lost["point"], lost["die"], lost["status"]) == (1, 2, "no_law")
    figures = ["accuracy", "energy_J", "power_W", *(f"energy_J.{name}" for name in BLOCK_NAMES)]
    assert [lost[name] for name in figures] == [None] * len(figures)
    assert frame.loc[7, figures].isna().all()
    assert by_row[1]["energy_J.clock"] is None
    for name in ("accuracy", "energy_J", "seconds", "frame_period", "die", "mismatch_scale"):
        assert frame[name].dtype.kind in "if", name
        for value, given in zip(frame[name], (row[name] for row in by_row), strict=True):
            assert value == given or (given is None and np.isnan(value))
    assert {type(row["die"]) for row in by_row} == {int}
    assert {type(row["status"]) for row in by_row} == {str}


def _bit(store: Path) -> None:
    """Set a bit behind the last sequence."""
    right = rows(store, "right")[0][0]
    change(
        store, f"UPDATE result SET right = x'{right[:-1].hex()}{right[-1] | 1:02x}' WHERE die = 0"
    )


def _index(store: Path) -> None:
    """Let the index have a run less than the table, as a disk does that lost a page."""
    change(
        store,
        "PRAGMA writable_schema=ON",
        "UPDATE sqlite_master SET sql = replace(sql, ', PRIMARY KEY(point, trial, die)', '') "
        "WHERE name = 'result'",
        "DELETE FROM sqlite_master WHERE name = 'sqlite_autoindex_result_1'",
    )
    change(store, "CREATE INDEX late ON result(point, trial, die)")
    page = _root(store, "late")
    change(store, "CREATE INDEX early ON result(point, trial, die) WHERE die != 4")
    other = _root(store, "early")
    change(
        store,
        "PRAGMA writable_schema=ON",
        f"UPDATE sqlite_master SET rootpage = {other} WHERE name = 'late'",
        f"UPDATE sqlite_master SET rootpage = {page} WHERE name = 'early'",
    )


def _root(store: Path, name: str) -> int:
    db = sqlite3.connect(store)
    try:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return int(db.execute(query, (name,)).fetchone()[0])
    finally:
        db.close()


def by(*statements: str) -> Callable[[Path], None]:
    return lambda store: change(store, *statements)


def loosened(statement: str) -> Callable[[Path], None]:
    """Change a table of results that has neither key nor types."""
    return by(
        "CREATE TABLE other AS SELECT * FROM result",
        "DROP TABLE result",
        "ALTER TABLE other RENAME TO result",
        statement,
    )


DAMAGE: dict[str, Callable[[Path], None]] = {
    "a run twice": loosened("INSERT INTO result SELECT * FROM result WHERE die = 2"),
    "a die that is no whole number": loosened("UPDATE result SET die = 2.5 WHERE die = 2"),
    "a design that is no text": loosened("UPDATE result SET design = 5 WHERE die = 2"),
    "a bit behind the last sequence": _bit,
    "an index that lacks a run": _index,
    "quantiles that fall": by(
        "UPDATE result SET quantiles = CAST(substr(quantiles, 1, 8) || substr(quantiles, 17, 8) || "
        "substr(quantiles, 9, 8) || substr(quantiles, 25) AS BLOB) WHERE die = 2"
    ),
    "a mean beyond its quantiles": by(
        f"UPDATE result SET energy_mean = 1.0, blocks = x'{struct.pack('<8d', 1, *[0] * 7).hex()}' "
        "WHERE die = 2"
    ),
    "decisions in a summary": by(f"UPDATE result SET decision = x'{'00' * 40}' WHERE die = 2"),
    "two runs in one": by(
        "UPDATE result SET blocks = CAST(blocks || blocks AS BLOB) WHERE die = 2"
    ),
    "the static half of a block": by(
        f"UPDATE result SET blocks = CAST(x'{NONE[:16]}' || substr(blocks, 9) AS BLOB) "
        "WHERE die = 2"
    ),
    "a block beyond every number": by(
        f"UPDATE result SET blocks = CAST(x'{struct.pack('<2d', 1e61, -1e61).hex()}' || "
        "substr(blocks, 17) AS BLOB) WHERE die = 2"
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_cannot_be_is_refused(damage: Callable[[Path], None], store: Path) -> None:
    damage(store)
    told = sentence(lambda: mru_hw.read_sweep(store))
    assert told == f'run is "{store}", expected a sweep that mru-hw wrote, not damaged.'
