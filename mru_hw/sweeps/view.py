"""The reading end of RUN.sqlite; the file may come from anybody."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus, UserError, printable
from mru_hw.files import refuse_no_file
from mru_hw.sweeps.axes import AXES, UNSET
from mru_hw.sweeps.claims import check_claims
from mru_hw.sweeps.point_view import Array, PointView
from mru_hw.sweeps.ready import DOUBTFUL, DOUBTFUL_POINTS
from mru_hw.sweeps.spec import DEFAULT, Spec
from mru_hw.sweeps.store import BLOCK_NAMES, FRAME, QUANTILES
from mru_hw.sweeps.store_file import APPLICATION, UnusableStoreError, refuse_format
from mru_hw.sweeps.stored_runs import STATUSES

_EXPECTED = "a sweep that mru-hw wrote, not damaged"
_DAMAGE = (
    *(sqlite3.Error, ValueError, TypeError, LookupError, AttributeError, RecursionError),
    ArithmeticError,
)
_ENERGIES = 4_000_000
"""Energies that are read of one point, at most; those of the first dies then stand for all."""
__all__ = ["PointView", "RunView", "open_run", "view_of"]

PERIOD = "frame_period"
"""The axis by which sequences last longer or shorter."""
_BETWEEN = (np.arange(100) + 0.5) / 100
"""Shares of the sequences at which energies are read from the quantiles of a run."""
DIES = 1000
"""Dies whose sequences are unpacked at a time."""


@final
class RunView:
    """A sweep, as a report reads it.

    Attributes
    ----------
    facts
        What the run states of itself.
    plans
        The plans by study, as JSON has them.
    labels, frames, duration
        One a sequence: class index, number of frames, length [s].
    designs
        The options of each design by its digest, as JSON has them.
    points
        In the plan's order.
    runs
        All runs that are stored, as arrays.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self._db = path, connection
        self.facts = {str(k): str(v) for k, v in connection.execute("SELECT * FROM run")}
        self._wanted, self.runs, self._digest = check_claims(connection, self.facts)
        rows = connection.execute("SELECT label, frames, seconds FROM sequence ORDER BY number")
        self.labels, self.frames, self.duration = (
            np.array(column) for column in zip(*rows.fetchall(), strict=True)
        )
        self.designs: dict[str, dict[str, Any]] = {
            str(digest): json.loads(options)
            for digest, options in connection.execute("SELECT digest, options FROM design")
        }
        self._references = [
            (str(name), str(design), float(share))
            for name, design, share in connection.execute(
                "SELECT name, design, accuracy FROM reference"
            )
        ]
        self.points = [self._point(row) for row in self._rows()]
        self.n_sequences = len(self.labels)
        self.plans: dict[str, dict[str, Any]] = json.loads(self.facts["plans"])
        for plan in self.plans.values():
            if not {"model", "inputs", "tech", "seed"} <= plan.keys():
                raise ValueError("a plan lacks a key")
        if not self.plans:
            raise ValueError("no plan")

    @property
    def complete(self) -> bool:
        """Whether all runs of the plans are stored."""
        return self.facts.get("complete") == "true" and self.shard is None

    @property
    def shard(self) -> str | None:
        """Which part of the runs the store is for, such as 3/16; None for all of them."""
        return self.facts.get("shard")

    @property
    def shard_complete(self) -> bool:
        """Whether all runs that the store is for are there."""
        return self.facts.get("complete") == "true"

    @property
    def doubtful(self) -> str:
        """What makes runs of the sweep doubtful, in sentences; empty where nothing does."""
        return printable(self.facts.get(DOUBTFUL, ""), 1000)

    @property
    def doubtful_points(self) -> frozenset[int] | None:
        """Numbers of the doubtful points; None of a store that has not which they are."""
        found = self.facts.get(DOUBTFUL_POINTS)
        if found is None:
            return None if self.doubtful else frozenset()
        return frozenset(json.loads(found))

    @property
    def until(self) -> dict[str, Any] | None:
        """What ended the sweep, where it ran until a figure was known."""
        found: dict[str, Any] | None = json.loads(self.facts.get("until", "null"))
        return found

    @property
    def level(self) -> str:
        """Level of truth."""
        return self.facts.get("level", "")

    @functools.cached_property
    def base(self) -> PointView:
        """The point that speaks for the run: the nominal one, else the first.

        Where its specification does not ask for its condition, it is the first of the same dies'
        points whose condition is asked for, if there is one.
        """
        first = self.points[0]

        def is_base(point: PointView) -> bool:
            return all(
                point.settings[name]
                == (first.settings[name] if axis.nominal is UNSET else axis.nominal)
                for name, axis in AXES.items()
            )

        found = next((point for point in self.points if is_base(point)), first)
        spec, own = self.spec(found.study), found.shared_settings
        alike = (point for point in self.studies()[found.study] if point.shared_settings == own)
        asked = (point for point in alike if spec.asks(point.settings))
        return found if spec.asks(found.settings) else next(asked, found)

    @property
    def references(self) -> dict[str, float]:
        """Accuracies by name, ``software``, ``ideal`` and ``nominal``, for the point `base`."""
        return self.compared([self.base])

    def software(self, point: PointView) -> float:
        """Return the accuracy of a point's network as trained; NaN where it was not measured."""
        found = {design: share for name, design, share in self._references if name == "software"}
        return found.get(point.design, found.get("", math.nan))

    def compared(self, points: Sequence[PointView]) -> dict[str, float]:
        """Return the accuracies that the dies of all these points are compared with, by name.

        Points of several designs share that of the software alone.
        """
        designs = {"", *(point.design for point in points)}
        return {
            name: share
            for name, design, share in self._references
            if design in (designs if len(designs) <= 2 else {""})
        }

    def studies(self) -> dict[str, list[PointView]]:
        """Return the points by study."""
        found: dict[str, list[PointView]] = {}
        for point in self.points:
            found.setdefault(point.study, []).append(point)
        return found

    def failed(self) -> dict[RunStatus, int]:
        """Count the runs that are not done, by status."""
        total: dict[RunStatus, int] = {}
        for point in self.points:
            for status, count in point.failed.items():
                total[status] = total.get(status, 0) + count
        return total

    @property
    def keeps_all(self) -> bool:
        """Whether every decision and every energy is stored."""
        return any(plan["keep"] == "all" for plan in self.plans.values())

    def is_grid(self, study: str) -> bool:
        """Whether the points of a study are all combinations of its axes, and no sample."""
        return self.plans[study].get("sample") is None

    def spec(self, study: str) -> Spec:
        """Return what a die must do to pass: what the plan of a study says, else `DEFAULT`."""
        found = self.plans[study].get("spec")
        return DEFAULT if found is None else Spec.model_validate(found)

    def energies(self, point: PointView) -> Array:
        """Return energies [J] of a point, (run, energy), of at most its first runs.

        They are those of the sequences where all is kept; else a hundred that are spread as the
        quantiles of the run say, linear between them.
        """
        size = self.n_sequences if self.keeps_all else len(_BETWEEN)
        rows = self._db.execute(
            f"SELECT {'energy' if self.keeps_all else 'quantiles'} FROM result "  # noqa: S608
            "WHERE point = ? AND status = ? AND energy_mean IS NOT NULL "
            "ORDER BY trial, die LIMIT ?",
            (point.number, RunStatus.DONE.name, max(1, _ENERGIES // size)),
        )
        stored = [blob for (blob,) in rows]
        if not stored:
            return np.empty((0, size))
        found = np.frombuffer(b"".join(stored), "<f8").reshape(len(stored), -1)
        return found.astype(np.float64) if self.keeps_all else _between(found)

    def right(self, point: PointView) -> Iterator[NDArray[np.bool_]]:
        """Yield (run, sequence) whether each decision is right, of the runs `PointView.keys`."""
        runs = self.runs.of_point(point.number)
        rows = np.flatnonzero(runs.done)
        for first in range(0, len(rows), DIES):
            packed = runs.right[rows[first : first + DIES]]
            yield np.unpackbits(packed, axis=1, count=self.n_sequences).view(np.bool_)

    def results(self) -> sqlite3.Cursor:
        """Return all columns of all results, as they are stored."""
        return self._db.execute("SELECT * FROM result ORDER BY point, trial, die")

    def table(self, name: str) -> list[tuple[Any, ...]]:
        """Return the rows of another table of the store, in order."""
        return self._db.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()  # noqa: S608

    def copy_to(self, other: sqlite3.Connection) -> None:
        """Make a database that is empty a copy of the store."""
        self._db.execute("ROLLBACK")  # a copy is of one moment by itself
        self._db.backup(other)

    def digest(self) -> str:
        """Return the `ResultsHash` of the store."""
        return self._digest

    def _rows(self) -> list[tuple[Any, ...]]:
        query = "SELECT number, study, design, trials, dies, input_energy FROM point"
        return self._db.execute(f"{query} ORDER BY number").fetchall()

    def _point(self, row: tuple[Any, ...]) -> PointView:
        number, study, design, trials, dies, delivered = row
        runs = self.runs.of_point(number)
        done = runs if runs.done.all() else runs.taken(runs.done)
        codes, counts = np.unique(runs.status[~runs.done], return_counts=True)
        failed = {STATUSES[k]: int(n) for k, n in zip(codes, counts, strict=True)}
        by_circuit = [k for k, one in enumerate(STATUSES) if not one.of_machine]
        lost = np.isin(runs.status, by_circuit) & ~runs.done
        energy = done.energy[~np.isnan(done.energy)]
        duration, period = float(self.duration.mean()), self._wanted[number].settings[PERIOD]
        if period is not None:
            duration *= period / float(self.facts[FRAME])
        return PointView(
            number=int(number),
            study=str(study),
            duration=duration,
            settings=self._wanted[number].settings,
            design=str(design),
            input_energy=None if delivered is None else float(delivered),
            n_wanted=int(trials) * int(dies),
            trials=int(trials),
            keys=np.stack([done.trial, done.die], axis=1),
            seeds=done.seed,
            lost=np.stack([runs.trial[lost], runs.die[lost]], axis=1),
            accuracy=done.accuracy,
            energy=energy,
            power=energy / duration,
            blocks=_mean_blocks(done.blocks),
            failed=failed,
            seconds=math.fsum(runs.seconds),
        )


@contextlib.contextmanager
def open_run(path: Path) -> Iterator[RunView]:
    """Open a store for reading.

    Raises
    ------
    UserError
        No sweep is there, it is damaged, or its technology is not there.
    """
    refuse_no_file(path, "run", _EXPECTED)
    # Not read-only: a killed sweep may have left a journal that has to be rolled back.
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=1.0)
    with contextlib.closing(db):
        # One moment of a sweep that goes on meanwhile.
        db.execute("BEGIN")
        view = view_of(path, db, "run", _EXPECTED)
        db.execute("PRAGMA query_only=ON")
        yield view


def view_of(path: Path, db: sqlite3.Connection, field: str, expected: str) -> RunView:
    """Read a store that is open.

    Raises
    ------
    UnusableStoreError
        It is damaged: `field` is what the user calls it, and `expected` what to say then.
    UserError
        Another process is writing it, or its technology is not there.
    """
    try:
        db.execute("PRAGMA trusted_schema=OFF")
        number = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        kinds = {kind for (kind,) in db.execute("SELECT type FROM sqlite_master")}
        if number == APPLICATION:
            refuse_format(field, path, version)
        if number == APPLICATION and kinds <= {"table", "index"}:
            _refuse_axes(field, path, db)
            view = _placed(path, db)
            if view.points:
                return view
    except _DAMAGE as error:
        if "locked" in str(error):
            raise UserError(field, str(path), "a sweep that no process is writing") from None
    raise UnusableStoreError(field, str(path), expected)


def _placed(path: Path, db: sqlite3.Connection) -> RunView:
    """Read a store; what it refers to and is not there is told with the store's name."""
    try:
        return RunView(path, db)
    except UserError as error:
        raise error.inside(printable(path.name)) from None


def _refuse_axes(field: str, path: Path, db: sqlite3.Connection) -> None:
    """Refuse a sweep over axes that this version does not have."""
    for (settings,) in db.execute("SELECT settings FROM point"):
        for name in json.loads(settings).keys():  # noqa: SIM118 (of a mapping, or damaged)
            if name not in AXES:
                expected = f"a sweep over axes that this version of mru_hw has, not {name}"
                raise UnusableStoreError(field, str(path), expected)


def _between(ends: Array) -> Array:
    """Return (run, energy) energies [J] at the shares `_BETWEEN`, from (run, quantile) ones."""
    shares = np.array(QUANTILES) / 100
    below = np.searchsorted(shares, _BETWEEN, side="right") - 1
    slopes = np.diff(ends, axis=1) / np.diff(shares)
    found: Array = slopes[:, below] * (_BETWEEN - shares[below]) + ends[:, below]
    return found


def _mean_blocks(found: Array) -> dict[str, tuple[float, float]]:
    """Return the means over runs of those blocks that a run resolves."""
    means = {}
    for k, name in enumerate(BLOCK_NAMES):
        known = ~np.isnan(found[:, k]).any(axis=1)
        resolved = found[:, k] if known.all() else found[known, k]
        if len(resolved):
            means[name] = float(resolved[:, 0].mean()), float(resolved[:, 1].mean())
    return means
