"""The runs of a sweep as columns: as many lists as a table has, whatever the number of runs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from mru_hw.errors import RunStatus
from mru_hw.sweeps.point_view import PointView, StoredRun
from mru_hw.sweeps.view import RunView

Columns = dict[str, list[Any]]


def columns_of(view: RunView) -> Columns:
    """Return the stored runs in the plan's order, by the names that `Sweep.rows` has.

    What a run has not is None. A name that only some points have is None elsewhere.
    """
    found: Columns = {}
    done = 0
    for _, group in itertools.groupby(view.runs(), key=lambda pair: pair[0].number):
        pairs = list(group)
        for name, values in _of_point(pairs[0][0], [run for _, run in pairs]):
            found.setdefault(name, [None] * done).extend(values)
        done += len(pairs)
        for values in found.values():
            values.extend([None] * (done - len(values)))
    return found


def _of_point(point: PointView, runs: list[StoredRun]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the columns of one point's runs."""
    n = len(runs)
    trial, die, seed, status, design, accuracy, joules, blocks, seconds = (
        list(column) for column in zip(*runs, strict=True)
    )
    same = {"study": point.study, "point": point.number}
    yield from ((name, [value] * n) for name, value in same.items())
    yield from (("trial", trial), ("die", die))
    yield from ((name, [value] * n) for name, value in point.settings.items())
    yield "seed", seed
    words = {one: RunStatus[one].name.lower() for one in set(status)}
    yield "status", [words[one] for one in status]
    yield from (("accuracy", accuracy), ("energy_J", joules))
    yield "power_W", [None if one is None else one / point.duration for one in joules]
    # One document: reading each by itself takes longer.
    parsed = json.loads(f"[{','.join('{}' if one is None else one for one in blocks)}]")
    for name in dict.fromkeys(itertools.chain.from_iterable(parsed)):
        parts = (one.get(name) for one in parsed)
        yield f"energy_J.{name}", [None if one is None else sum(one) for one in parts]
    yield from (("seconds", seconds), ("design", design))
