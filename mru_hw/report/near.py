"""On how few sequences a verdict hangs: by how many a worst run keeps or breaks its limit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from mru_hw.statistics.shares import clopper_pearson
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.kept import share_word
from mru_hw.sweeps.statistics.answers import Yield, passing_dies
from mru_hw.sweeps.verdict import Verdict
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import many

FEW = 2
"""Sequences up to which a verdict is said to hang on them."""
_COUNTED = {("accuracy", "at_least"), ("loss", "at_most")}
"""Limits that a wrong decision brings nearer."""
_ROUNDING = 1e-6


def near_said(run: RunView, told: Verdict) -> Iterator[str]:
    """Say that a few sequences more would turn the verdict, where they would."""
    share = run.spec(run.base.study).share
    if share is not None:
        yield from _yield_near(run, told, share)
        return
    counted = [one for one in told.limits if (one.figure, one.side) in _COUNTED]
    broken = [one for one in told.limits if one.broken]
    if not counted or any(one not in counted for one in broken):
        return
    n = run.n_sequences
    one_is = f"one sequence is {100 / n:.2f} points"
    fewer = _fewer_said(run, told)
    beside = f"; {fewer}" if fewer else ""
    if broken:
        missing = max(_missing(one, n) for one in broken)
        if missing <= FEW:
            yield (
                f"It hangs on few sequences: with {many(missing, 'sequence')} of {n} more right on "
                f"each die that breaks it, it would be kept{beside} ({one_is})."
            )
    elif all(one.kept for one in told.kept_at):
        spare = min(_spare(one, n) for one in counted)
        if spare < FEW:
            yield (
                f"It hangs on few sequences: with {many(spare + 1, 'sequence')} of {n} more wrong "
                f"on the worst run, it would not be kept{beside} ({one_is})."
            )


def _yield_near(run: RunView, told: Verdict, share: float) -> Iterator[str]:
    """Say that a sequence or two would turn a verdict on the yield, where they would.

    After a sweep that its yield ended nothing is said: its interval is of another confidence.
    """
    if run.until is not None:
        return
    word, _ = told.kept(run)
    found = []
    for side, name in ((-1, "fewer"), (1, "more")):
        for count in range(1, FEW + 1):
            other = _word_with(run, told, share, side * count)
            if other != word:
                found.append(f"with {count} {name} right in every run it would be {other}")
                break
    if found:
        one_is = f"one sequence is {100 / run.n_sequences:.2f} points"
        yield f"It hangs on few sequences: {' and '.join(found)} ({one_is})."


def _word_with(run: RunView, told: Verdict, share: float, more: int) -> str:
    """Return the word for a yield with so many sequences more right in every run."""
    bands = []
    for one in told.corners:
        passed, dies = kept_with(run, one, more)
        bands.append(None if one.band is None else clopper_pearson(passed, dies))
    return share_word(share, bands)


def _fewer_said(run: RunView, told: Verdict) -> str:
    """Say how many dies keep it with one sequence fewer right at every run; empty if as many."""
    shares = []
    changed = False
    for one in told.corners:
        if not one.dies:
            continue
        left, _ = kept_with(run, one, -1)
        changed |= left < one.passed
        was = f", now {one.passed}" if left < one.passed else ""
        shares.append(f"{left} of {one.dies} at corner {one.settings['corner']}{was}")
    if not changed:
        return ""
    return f"with 1 fewer right in every run, the dies that keep it are {'; '.join(shares)}"


def kept_with(run: RunView, population: Yield, more: int) -> tuple[int, int]:
    """Return how many dies would pass with `more` sequences more right at every run; and all dies.

    At all conditions of the population; no run has more right than all, or fewer than none.
    """
    numbers, change = set(population.points), more / run.n_sequences
    group = [
        dataclasses.replace(point, accuracy=np.clip(point.accuracy + change, 0, 1))
        for point in run.points
        if point.number in numbers
    ]
    _, passed = passing_dies(run, run.spec(population.study), group)
    return int(passed.sum()), len(passed)


def _missing(one: Held, n: int) -> int:
    """Return how many sequences more must be right on the worst run to keep a limit."""
    return math.ceil(-one.margin * n - _ROUNDING)


def _spare(one: Held, n: int) -> int:
    """Return how many sequences more may be wrong on the worst run."""
    return math.floor(one.margin * n + _ROUNDING)
