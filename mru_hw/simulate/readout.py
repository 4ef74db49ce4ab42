"""From the head's outputs to one decision a sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.model.structure import ReadoutKind


def decide(
    output: NDArray[Any], lengths: NDArray[np.int64], readout: ReadoutKind
) -> NDArray[np.int64]:
    """Return the decision of each sequence; padded frames, whatever they hold, count for nothing.

    Parameters
    ----------
    output
        (..., n_seq, n_time, n_out), any unit.
    lengths
        (n_seq,) valid frames, at least 1.
    readout
        ``mean`` over valid frames, ``vote`` (the class that is largest in most frames) or ``last``
        valid frame; a tie goes to the lowest index.

    Returns
    -------
    NDArray[np.int64]
        (..., n_seq).
    """
    return decide_columns(np.ascontiguousarray(np.swapaxes(output, -1, -3)), lengths, readout)


def decide_columns(
    output: NDArray[Any], lengths: NDArray[np.int64], readout: ReadoutKind
) -> NDArray[np.int64]:
    """Do as `decide` does, from outputs that lie as (..., n_out, n_time, n_seq).

    Sums run over time in order, so a decision does not depend on the shape of the block.
    """
    match readout:
        case ReadoutKind.LAST:
            rows = np.arange(output.shape[-1])
            return _largest(output[..., lengths - 1, rows])
        case ReadoutKind.VOTE:
            winners = _largest(np.moveaxis(output, -3, -2), axis=-2)
            classes = range(output.shape[-3])
            votes = np.stack([winners == k for k in classes], axis=-3).astype(np.int64)
            return _largest(_sum_valid(votes, lengths))
        case ReadoutKind.MEAN:
            return _largest(_sum_valid(output, lengths) / lengths.astype(output.dtype))


def _sum_valid(values: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[Any]:
    """Sum (..., n_out, n_time, n_seq) over the valid frames, first to last."""
    total = values[..., 0, :].copy()
    shortest = int(lengths.min())
    for t in range(1, values.shape[-2]):
        if t < shortest:
            np.add(total, values[..., t, :], out=total)
        else:
            np.add(total, values[..., t, :], out=total, where=t < lengths)
    return total


def _largest(values: NDArray[Any], axis: int = -2) -> NDArray[np.int64]:
    """Return the index of the largest value along `axis`, the lowest index of equals.

    A NaN is never the largest (padding), and costs no warning.
    """
    moved = np.moveaxis(values, axis, 0)
    best = moved[0].copy()
    index = np.zeros(best.shape, np.int64)
    for k in range(1, len(moved)):
        better = moved[k] > best
        np.copyto(best, moved[k], where=better)
        index[better] = k
    return index
