"""What each step from the trained network to mismatched dies costs, sequence by sequence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mru_hw.report.parts import Table
from mru_hw.statistics.crossed import two_way_band
from mru_hw.statistics.shares import Band, paired_shares
from mru_hw.sweeps.told import Told, percent, points_of
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import OWN_CONDITION, condition, counted

_STEPS = {
    "software": "as trained",
    "ideal": "mapped and rounded",
    "nominal": f"nominal die {OWN_CONDITION}",
}

Right = NDArray[np.bool_]


def steps_table(run: RunView) -> Table | None:
    """Return accuracy after each step, and the sequences that it moves; None without two steps."""
    told = _references(run)
    base = run.base
    if len(told) + bool(len(base.accuracy)) < 2:
        return None
    rows: list[list[str]] = []
    before: Right | None = None
    for name, right in told.items():
        rows.append([_STEPS[name], percent(float(right.mean())), *_paired(before, right)])
        before = right
    if len(base.accuracy):
        mean = percent(float(base.accuracy.mean()))
        rows.append([f"mean of {counted(base)}", mean, *_of_dies(run, before)])
    return Table(
        name="steps",
        caption=(
            f"What each step costs on the same sequences, dies at {condition(run, base)}; change "
            "is from the row above. Gained: sequences that are right after the step and wrong "
            "before it; lost: the other way (of dies, means a die). The interval is Agresti's and "
            "Min's for other sequences, and the p McNemar's; of the dies it is the bootstrap's for "
            "other dies and other sequences. A step may give back what another took: an error of a "
            "circuit moves decisions near their border either way."
        ),
        head=("step", "accuracy", "change", "gained", "lost", "95 % interval of the change", "p"),
        rows=rows,
        numbers=range(1, 7),
    )


def _references(run: RunView) -> dict[str, Right]:
    """Return (sequence,) whether each reference at the head is right, by its name."""
    known = {
        (str(name), str(design)): np.frombuffer(decision, "<i2") == run.labels
        for name, design, _, decision, *_ in run.table("reference")
    }
    found = {
        name: known.get((name, run.base.design), known.get((name, "")))  # the plan's own network
        for name in _STEPS
    }
    return {name: right for name, right in found.items() if right is not None}


def _paired(before: Right | None, after: Right) -> list[str]:
    if before is None:
        return [""] * 5
    change, p = paired_shares(before, after)
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    return [
        points_of(change.value),
        Told(str(gained), gained),
        Told(str(lost), lost),
        _ends(change),
        Told(f"{p:.2g}", p),
    ]


def _of_dies(run: RunView, before: Right | None) -> list[str]:
    if before is None:
        return [""] * 5
    gained = lost = 0
    for block in run.right(run.base):
        gained += int((block & ~before).sum())
        lost += int((before & ~block).sum())
    n = len(run.base.accuracy)
    band = two_way_band(_apart(run, before), differences=True)
    return [
        points_of((gained - lost) / (n * len(before))),
        _mean(gained / n),
        _mean(lost / n),
        Told("not told") if band is None else _ends(band),
        Told("not tested"),
    ]


def _apart(run: RunView, before: Right) -> Iterator[NDArray[np.int8]]:
    for block in run.right(run.base):
        yield block.astype(np.int8) - before.astype(np.int8)


def _mean(count: float) -> Told:
    return Told(f"{count:.2f}", count)


def _ends(band: Band) -> Told:
    low, high = points_of(band.low), points_of(band.high)
    return Told(f"{low} to {high}", band.low, band.high)
