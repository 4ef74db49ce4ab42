"""What two points differ by, on the dies that both have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mru_hw.statistics.crossed import two_way_band
from mru_hw.statistics.shares import Band
from mru_hw.sweeps.view import DIES, PointView, RunView


def difference(run: RunView, first: PointView, second: PointView) -> Band | None:
    """Return the second point's mean accuracy less the first's on the dies that both have.

    Returns
    -------
    The difference with its interval for other dies and other sequences; None without common dies.
    """
    ours, theirs = common(first.codes, second.codes)
    apart = differences(run, (first, ours), (second, theirs))
    return two_way_band(apart, seed=second.number, differences=True)


def common(
    ours: NDArray[np.int64], theirs: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where the codes that two points have in common stand in each of them."""
    _, first, second = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    return first, second


def differences(
    run: RunView,
    first: tuple[PointView, NDArray[np.intp]],
    second: tuple[PointView, NDArray[np.intp]],
) -> Iterator[NDArray[np.int8]]:
    """Yield (die, sequence) the second less the first of whether decisions are right."""
    both = (_rows(run.right(point), rows) for point, rows in (first, second))
    for ours, theirs in zip(*both, strict=True):
        yield theirs.astype(np.int8) - ours.astype(np.int8)


def _rows(
    blocks: Iterator[NDArray[np.bool_]], rows: NDArray[np.intp]
) -> Iterator[NDArray[np.bool_]]:
    """Yield some rows, which are in order, of consecutive blocks, as many at a time as `DIES`."""
    waiting, before = list[NDArray[np.bool_]](), 0
    for block in blocks:
        low, high = np.searchsorted(rows, [before, before + len(block)])
        waiting.append(block[rows[low:high] - before])
        before += len(block)
        if sum(map(len, waiting)) >= DIES:
            whole = np.concatenate(waiting)
            yield whole[:DIES]
            waiting = [whole[DIES:]]
    yield np.concatenate(waiting)
