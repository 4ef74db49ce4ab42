"""Input files: raw sequences, padded to one length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mru_hw.errors import MISSING, Bare, UserError
from mru_hw.files import refuse_foreign, whole_file
from mru_hw.npz import read_npz
from mru_hw.words import many

INPUT_BYTES = 4 << 30
"""The largest input file, unpacked."""
PIECE = 1 << 18
"""Values of x that are worked on at a time where one piece needs no other."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Inputs:
    """Sequences of raw data (normalisation belongs to the model).

    Attributes
    ----------
    x
        (n_seq, n_time, n_in) float64; padded frames are 0.
    lengths
        (n_seq,) int64, valid frames of each sequence, 1 to n_time; padding stands at the end.
    y
        (n_seq,) int64 class indices, or None where they are unknown.
    """

    x: NDArray[np.float64]
    lengths: NDArray[np.int64]
    y: NDArray[np.int64] | None = None

    def __repr__(self) -> str:
        """Say in one line how many sequences of which size there are."""
        n, most, wide = self.x.shape
        known = "with" if self.y is not None else "without"
        size = f"{many(n, 'sequence')} of up to {many(most, 'frame')}, {wide} wide"
        return f"<Inputs: {size}, {known} labels>"

    @property
    def n_seq(self) -> int:
        """Number of sequences."""
        return int(self.x.shape[0])

    def valid(self, frames: slice = slice(None)) -> NDArray[np.bool_]:
        """Return a mask (n_seq, frames), False in the padding."""
        return np.arange(*frames.indices(self.x.shape[1])) < self.lengths[:, None]

    def pieces(self) -> Iterator[tuple[slice, slice]]:
        """Cut x into pieces of at most about `PIECE` values: sequences and frames, in x's order."""
        n_seq, n_time, n_in = self.x.shape
        rows = max(1, PIECE // (n_time * n_in))
        frames = min(n_time, max(1, PIECE // n_in))
        for row in range(0, n_seq, rows):
            for frame in range(0, n_time, frames):
                yield slice(row, row + rows), slice(frame, frame + frames)

    def take(self, rows: slice | NDArray[np.int64]) -> Inputs:
        """Return the sequences `rows`, with the same number of frames."""
        return Inputs(
            x=self.x[rows],
            lengths=self.lengths[rows],
            y=None if self.y is None else self.y[rows],
        )


def make_inputs(x: object, lengths: object = None, y: object = None, source: str = "x") -> Inputs:
    """Check arrays and make `Inputs` of them.

    Parameters
    ----------
    x
        (n_seq, n_time, n_in), finite in the valid frames; the padding may hold anything.
    lengths
        (n_seq,) valid frames; all n_time when None.
    y
        (n_seq,) class indices, or None.
    source
        Where they come from, for the sentence.

    Raises
    ------
    UserError
        An array has another shape or type, a length lies beyond the array, or a valid frame
        holds NaN or infinity.
    """
    data = np.asarray(x)
    if data.dtype.kind not in "fiub":
        raise UserError(f"{source}: x", Bare(f"of type {data.dtype}"), "real numbers")
    if data.ndim != 3 or 0 in data.shape:
        shape = Bare(f"of shape {data.shape}")
        raise UserError(f"{source}: x", shape, "shape (n_seq, n_time, n_in), none of them 0")
    n_seq, n_time = data.shape[:2]
    spans = np.full(n_seq, n_time, np.int64)
    if lengths is not None:
        spans = _whole_numbers(lengths, n_seq, f"{source}: lengths")
    outside = (spans < 1) | (spans > n_time)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        frames = f"1 to {n_time}, the frames of x"
        raise UserError(f"{source}: lengths[{row}]", int(spans[row]), frames)
    with np.errstate(over="ignore"):  # of a long float; what overflows is refused below
        wide = data.astype(np.float64)
    wide[np.arange(n_time) >= spans[:, None]] = 0.0
    if not np.isfinite(wide).all():
        at = [int(k) for k in np.argwhere(~np.isfinite(wide))[0]]
        raise UserError(f"{source}: x{at}", Bare(str(wide[tuple(at)])), "a finite number")
    labels = None if y is None else _whole_numbers(y, n_seq, f"{source}: y")
    if labels is not None and (labels < 0).any():
        row = int(np.flatnonzero(labels < 0)[0])
        raise UserError(f"{source}: y[{row}]", int(labels[row]), "a class index from 0")
    return Inputs(x=wide, lengths=spans, y=labels)


def sequence_range(text: str, n_seq: int, field: str = "sequences") -> tuple[int, int]:
    """Read ``start:stop``, either end left out, against the number of sequences.

    Raises
    ------
    UserError
        It is no range, reaches beyond the sequences or holds none.
    """
    found = re.fullmatch(r"([0-9]{0,18}):([0-9]{0,18})", text)
    start = int(found[1] or 0) if found else 0
    stop = int(found[2] or n_seq) if found else 0
    if not start < stop <= n_seq:
        raise UserError(field, text, f"start:stop within 0:{n_seq}, such as 0:{n_seq}")
    return start, stop


def load_inputs(path: str | Path, field: str = "inputs") -> Inputs:
    """Read an input file (``.npz`` with x, optional lengths, optional y).

    Parameters
    ----------
    path
        The file.
    field
        What the user calls it.

    Raises
    ------
    UserError
        The file is no ``.npz``, holds pickled objects, or `make_inputs` refuses an array.
    """
    path = Path(path)
    arrays = read_npz(path, field, limit=INPUT_BYTES)
    if "x" not in arrays:
        raise UserError(f"{path.name}: x", MISSING, "an array (n_seq, n_time, n_in)")
    return make_inputs(arrays["x"], arrays.get("lengths"), arrays.get("y"), path.name)


def asked_inputs(given: Inputs | ArrayLike | str | Path) -> Inputs:
    """Return inputs, the path of some, or an array (n_seq, n_time, n_in), as `Inputs`.

    Raises
    ------
    UserError
        As of `load_inputs` or `make_inputs`.
    """
    if isinstance(given, Inputs):
        return given
    if isinstance(given, str | Path):
        return load_inputs(given)
    return make_inputs(given, source="inputs")


def refuse_width(inputs: Inputs, n_in: int) -> None:
    """Raise `UserError` where sequences have another number of features than a network."""
    if inputs.x.shape[2] != n_in:
        raise UserError("inputs: n_in", int(inputs.x.shape[2]), f"{n_in}, as the model has")


def refuse_labels(inputs: Inputs, n_classes: int) -> None:
    """Raise `UserError` where a label is none of a network's `n_classes` outputs."""
    if inputs.y is not None and int(inputs.y.max()) >= n_classes:
        expected = f"class indices below {n_classes}, the model's outputs"
        raise UserError("inputs: y", int(inputs.y.max()), expected)


def save_inputs(inputs: Inputs, path: Path) -> None:
    """Write an input file; it appears whole or not at all, over an earlier ``.npz`` only."""
    refuse_foreign(path, marker="PK", what=".npz")
    arrays = {"x": inputs.x, "lengths": inputs.lengths}
    if inputs.y is not None:
        arrays["y"] = inputs.y
    with whole_file(path) as part, part.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def _whole_numbers(values: object, n_seq: int, field: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise UserError(field, Bare(f"of type {array.dtype}"), "whole numbers")
    if array.shape != (n_seq,):
        raise UserError(field, Bare(f"of shape {array.shape}"), f"shape ({n_seq},), one a sequence")
    return array.astype(np.int64)
