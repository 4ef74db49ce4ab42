"""The runs of a sweep as columns: as many arrays as a table has, whatever the number of runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.sweeps.point_view import PointView
from mru_hw.sweeps.store import BLOCK_NAMES
from mru_hw.sweeps.stored_runs import STATUSES, StoredRuns
from mru_hw.sweeps.view import RunView

Columns = dict[str, NDArray[Any]]
Parts = tuple[tuple[PointView, StoredRuns], ...]
"""Points with their runs, in the plan's order; without those that have none."""


def parts_of(view: RunView) -> Parts:
    """Return what columns are made of."""
    found = ((point, view.runs.of_point(point.number)) for point in view.points)
    return tuple((point, runs) for point, runs in found if len(runs.die))


def columns_of(parts: Parts) -> Columns:
    """Return the stored runs in the plan's order, by the names that `Sweep.rows` has.

    What a run has not is NaN among numbers, and None elsewhere.
    """
    found = [dict(_of_point(point, runs)) for point, runs in parts]
    names = dict.fromkeys(name for columns in found for name in columns)
    sizes = [len(runs.die) for _, runs in parts]
    return {
        name: _joined([c.get(name, np.full(n, np.nan)) for c, n in zip(found, sizes, strict=True)])
        for name in names
    }


def as_list(column: NDArray[Any]) -> list[Any]:
    """Return the values of a column as Python has them, None of what a run has not."""
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f":
        for k in np.flatnonzero(np.isnan(column)):
            values[k] = None
    return values


def _of_point(point: PointView, runs: StoredRuns) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the columns of one point's runs."""
    n = len(runs.die)
    yield from (("study", _same(point.study, n)), ("point", _same(point.number, n)))
    yield from (("trial", runs.trial), ("die", runs.die))
    yield from ((name, _same(value, n)) for name, value in point.settings.items())
    yield "seed", runs.seed
    yield "status", _chosen([status.name.lower() for status in STATUSES], runs.status)
    yield from (("accuracy", runs.accuracy), ("energy_J", runs.energy))
    yield "power_W", runs.energy / point.duration
    for name, energies in zip(BLOCK_NAMES, np.moveaxis(runs.blocks.sum(axis=2), 1, 0), strict=True):
        if not np.isnan(energies).all():
            yield f"energy_J.{name}", energies
    yield from (("seconds", runs.seconds), ("design", _chosen(runs.designs, runs.design)))


def _same(value: object, n: int) -> NDArray[Any]:
    """Return a column of one value, a number as a number and all else as it is."""
    column = np.empty(n, type(value) if type(value) in {int, float} else object)
    column.fill(value)
    return column


def _chosen(words: Sequence[str], places: NDArray[np.int64]) -> NDArray[Any]:
    return np.array(words, object)[places]


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Put the parts of a column together; None beside numbers is NaN, as in a data frame."""
    numbers = [part.dtype.kind != "O" for part in parts]
    if any(numbers):
        parts = [
            part if number or part[0] is not None else np.full(len(part), np.nan)
            for part, number in zip(parts, numbers, strict=True)
        ]
    return np.concatenate(parts)
