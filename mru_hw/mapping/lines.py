"""Straight lines of legs and nodes: of least squares through the points of many at once."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class LegLine:
    """Lines through leg currents over usual values of a, the number that the network multiplies.

    a is the source's signal or its positive part. Each array is (n_source,), in its unit.

    Attributes
    ----------
    gain
        By role, for a leg of as many unit devices as the diode: the least-squares slope of the
        leg's current over a, divided by the slope of the rail's current over a.
    mean
        By role, the mean current of such a leg over the usual signals.
    rails
        By sign, the mean current of the rail over them.
    usual
        The mean of a over them.
    """

    gain: dict[str, Array]
    mean: dict[str, Array]
    rails: dict[str, Array]
    usual: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLine:
    """Straight line from a node's leg currents to its inflow, (n_target,) each.

    Attributes
    ----------
    rho, start
        ``i = rho total + start``, in the bus's unit: total sums the legs' currents with the node
        held at its mean voltage, i is the inflow with the voltage free to follow it.
    drain
        By direction of a leg (+1 sources, -1 sinks), its current with the node at its mean voltage
        over that at the usual one.
    """

    rho: Array
    start: Array
    drain: dict[int, Array]

    @classmethod
    def plain(cls, size: int) -> NodeLine:
        """Return that of nodes whose voltage never moves."""
        one = np.ones(size)
        return cls(rho=one, start=0 * one, drain={1: one, -1: one})
