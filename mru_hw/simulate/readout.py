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
    tally = Tally(readout, lengths)
    tally.add(np.ascontiguousarray(np.swapaxes(output, -1, -3)))
    return tally.decide()


class Tally:
    """What the readout knows of sequences whose frames come piece by piece.

    Sums run over time in order, so a decision depends neither on the shape of a piece nor on where
    time is cut.

    Parameters
    ----------
    readout
        As in `decide`.
    lengths
        (n_seq,) valid frames, at least 1.
    """

    def __init__(self, readout: ReadoutKind, lengths: NDArray[np.int64]) -> None:
        self._readout, self._lengths = readout, lengths
        self._seen = 0
        # Sums, counts or the last outputs, (..., n_out, n_seq); a number until the first piece.
        self._held: NDArray[Any] = np.zeros(())

    def add(self, output: NDArray[Any]) -> None:
        """Take the next frames, (..., n_out, n_time, n_seq)."""
        n_time = output.shape[-2]
        if not self._seen:
            counts = self._readout is ReadoutKind.VOTE
            shape = (*output.shape[:-2], output.shape[-1])
            self._held = np.zeros(shape, np.int64 if counts else output.dtype)
        # In frames of this piece; of a sequence that has ended already 0 or less.
        lengths = self._lengths - self._seen
        match self._readout:
            case ReadoutKind.LAST:
                rows = np.flatnonzero((lengths > 0) & (lengths <= n_time))
                self._held[..., rows] = output[..., lengths[rows] - 1, rows]
            case ReadoutKind.VOTE:
                winners = largest(np.moveaxis(output, -3, -2), axis=-2)
                valid = np.arange(n_time)[:, None] < lengths
                for k in range(output.shape[-3]):
                    self._held[..., k, :] += np.sum((winners == k) & valid, axis=-2)
            case ReadoutKind.MEAN:
                _add_valid(self._held, output, lengths)
        self._seen += n_time

    def values(self) -> NDArray[Any]:
        """Return what the decision is the largest of, once every sequence has ended.

        Returns
        -------
        NDArray
            (..., n_out, n_seq) means, the last outputs, or how many frames each output won.
        """
        if self._readout is ReadoutKind.MEAN:
            mean: NDArray[Any] = self._held / self._lengths.astype(self._held.dtype)
            return mean
        return self._held

    def decide(self) -> NDArray[np.int64]:
        """Return the decisions, (..., n_seq), once every sequence has ended."""
        return largest(self.values())


def _add_valid(total: NDArray[Any], values: NDArray[Any], lengths: NDArray[np.int64]) -> None:
    """Add (..., n_out, n_time, n_seq) over the valid frames, first to last."""
    shortest = int(lengths.min())
    for t in range(values.shape[-2]):
        if t < shortest:
            np.add(total, values[..., t, :], out=total)
        else:
            np.add(total, values[..., t, :], out=total, where=t < lengths)


def largest(values: NDArray[Any], axis: int = -2) -> NDArray[np.int64]:
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
