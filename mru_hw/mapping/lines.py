"""Straight lines of least squares through the points of many nodes at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FLAT = 1e-12  # of a signal's square: below, no line goes through its points


def line_through(
    a: Array, i: Array, otherwise: Array | float = 1.0, counted: Array | float = 1.0
) -> tuple[Array, Array]:
    """Return slope and start (n,) of the least squares of `i` over `a`, (n, points) both.

    Parameters
    ----------
    otherwise
        The slope where all points are one.
    counted
        How much each point counts.
    """
    weight = counted * np.ones(a.shape)
    weight = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1.0)
    usual = (weight * a).sum(axis=1)
    away = weight * (a - usual[:, None])
    square = (away * a).sum(axis=1)
    flat = square <= FLAT * (weight * a * a).sum(axis=1)
    slope = (away * i).sum(axis=1) / np.where(flat, 1.0, square)
    slope = np.where(flat, otherwise, slope)
    return slope, (weight * i).sum(axis=1) - slope * usual
