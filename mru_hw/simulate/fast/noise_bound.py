"""How far noise can move a bank's candidates at most, as arithmetic that a kernel does for lanes.

No draw exceeds ``LARGEST``, so a unit's noise never exceeds the sum of its amplitudes times that
(`mru_hw.simulate.noise_draw.Part.most`). The amplitudes follow from variances that are sums over
the currents of all nodes before the bank: every matrix of `mru_hw.simulate.noise_walk` is
nonnegative, and no pole passes more than everything. So with weights w of the currents s of these
nodes, made here once a die,

    sum_j |g_ij z_j| sqrt(D_j)  <=  sqrt(sum_j z_j^2 g_ij^2 / u_j) sqrt(sum_j u_j D_j)
    sum_j u_j D_j               <=  w . s
    sqrt(own_i + legs_i @ s)    <=  sqrt(own_i) + sqrt(R_i) sqrt(v . s),   R_i = sum_j legs_ij

The first is Cauchy's and Schwarz's inequality, for any u > 0: the mean of ``|g_ij|`` over units. v
holds for every unit: the largest of ``legs_ij / R_i``. The flicker variances go the same way with
``s^2 >= p^2 + m^2``. Draws that hold over a sequence are known before its first frame, so their
parts are bounded by their own sizes; those of a frame by ``LARGEST``, then by theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.flow import Row, Units
from mru_hw.mapping.realised import net_threshold
from mru_hw.simulate.noise_draw import SLACK
from mru_hw.simulate.noise_laws import meeting, own_devices, sigma
from mru_hw.simulate.noise_walk import Gains, own_counts, wide
from mru_hw.simulate.program import Program

Array = NDArray[np.float64]

NEXT_TO_NOTHING = 1e-300
"""Stands for the sum of no legs, which is divided by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """What variances of a bank's draws count, without currents.

    Attributes
    ----------
    white, fast
        (n_units,) of a draw a frame: of white noise and of flicker.
    slow
        Flicker, of a draw a sequence.
    unit
        From amperes to the candidate's unit.
    """

    white: Array
    fast: Array
    slow: float
    unit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The bound of a bank's noise, by die.

    Attributes
    ----------
    weights
        (n_die, nodes, 3): of the rows before the bank, then of those that its candidates read.
    size
        (n_die, n_units, nodes): ``g_ij^2 / u_j``.
    least
        (n_die, 4), and `most`, (n_die, n_units, 6): as of `mru_hw.simulate.fast.noise_layout`.
    """

    weights: Array
    size: Array
    least: Array
    most: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What comes before a bank.

    Attributes
    ----------
    rows
        The rows whose noise it hears, each after those that it reads.
    gains
        By wiring, of the program's dies together.
    legs
        (n_die, n_nodes, 2) white and flicker variance of legs off the bias rail into each node.
    cells
        Rows that cells feed.
    device
        Current of the bias rail's devices [A].
    """

    rows: Sequence[Row]
    gains: Mapping[int, Gains]
    legs: Array
    cells: frozenset[int]
    device: float


def bound_of(program: Program, units: Units, before: Before, bands: Bands) -> Bound:
    """Return the bound of a bank whose thresholds nothing moves."""
    flow = program.flow
    wirings = [before.gains[k] for k in flow.rows[units.candidate].legs]
    sources = [flow.rows[one.source] for one in wirings]
    paths = [np.abs(one.path).astype(np.float64) for one in wirings]
    legs = [one.legs.astype(np.float64) for one in wirings]
    usual = [np.maximum(one.mean(axis=1), NEXT_TO_NOTHING) for one in paths]
    size = [of**2 / one[:, None] for of, one in zip(paths, usual, strict=True)]
    weights, least = _through(program.n_die, before, sources, usual)
    direct = [
        _columns(of, row, np.zeros_like(of), 0.0)
        for of, row in zip(_largest(legs), sources, strict=True)
    ]
    by_legs, by_nodes = np.sqrt(_sums(legs)), np.sqrt(_sums(size))
    fresh, held, moved = _fixed(program, units, before, bands)
    sizes = [fresh, held, moved, by_legs, np.ones_like(by_nodes), by_nodes]
    most = np.stack(sizes, axis=-1)
    return Bound(
        weights=np.concatenate([*weights, *direct], axis=1),
        size=np.concatenate(size, axis=2),
        least=np.concatenate([least, np.zeros_like(least)], axis=1),
        most=most * (SLACK * bands.unit),
    )


def no_bound(n_die: int, n_units: int, nodes: int) -> Bound:
    """Return what stands in the tables where no bound is looked at."""
    return Bound(
        weights=np.zeros((n_die, 0, 3)),
        size=np.zeros((n_die, n_units, nodes)),
        least=np.zeros((n_die, 4)),
        most=np.zeros((n_die, n_units, 6)),
    )


def _sums(matrices: Sequence[Array]) -> Array:
    """Return the row sums of all matrices together, (n_die, n_units)."""
    total: Array = np.sum([one.sum(axis=2) for one in matrices], axis=0)
    return total


def _largest(matrices: Sequence[Array]) -> list[Array]:
    """Return by matrix what each column is at most of a row's sum, (n_die, n_source)."""
    size = np.maximum(_sums(matrices), NEXT_TO_NOTHING)[:, :, None]
    return [(one / size).max(axis=1) for one in matrices]


def _columns(legs: Array, row: Row, cells: Array, device: float) -> Array:
    """Return the columns of ``weights`` for currents in a row's own unit, (n_die, n, 3).

    Parameters
    ----------
    legs, cells
        Weights (n_die, n) of the noise of its legs, and of that of the cells that feed it.
    device
        Current of the cells' devices [A].
    """
    scale = row.bus.scale
    linear, squared = (legs + cells) * scale, legs * (scale**2 / wide(row.bus))
    return np.stack([linear, squared, cells * (device * scale)], axis=-1)


def _through(
    n_die: int, before: Before, sources: Sequence[Row], shared: Sequence[Array]
) -> tuple[list[Array], Array]:
    """Carry weights of what nodes share back to the currents of all rows before the bank."""
    sizes = {row.index: row.bus.size for row in before.rows}
    # By row: weights of what its nodes share, and of its legs' own noise.
    nodes = {index: np.zeros((n_die, n)) for index, n in sizes.items()}
    legs = {index: np.zeros((n_die, n)) for index, n in sizes.items()}
    for row, of in zip(sources, shared, strict=True):
        nodes[row.index] += of
    least, found = np.zeros((n_die, 2)), []
    for row in reversed(before.rows):
        of = nodes[row.index]
        cells = row.index in before.cells
        if not cells and row.legs:
            least += (of[:, :, None] * before.legs[:, row.nodes]).sum(axis=1)
        for k in row.legs:
            gains = before.gains[k]
            legs[gains.source] += (of[:, None] @ gains.legs)[:, 0]
            nodes[gains.source] += (of[:, None] @ gains.path**2)[:, 0]
        own = of + legs[row.index]
        found.append(_columns(own, row, of if cells else np.zeros_like(of), before.device))
    return found[::-1], least


def _fixed(
    program: Program, units: Units, before: Before, bands: Bands
) -> tuple[Array, Array, Array]:
    """Return what no signal moves [A], (n_die, n_units), the larger of both thresholds'.

    Amplitudes of a unit's own devices, a frame and a sequence, and what the bias rail moves.
    """
    row, bank, at = program.flow.rows[units.candidate], units.bank, units.units
    scale, splits = row.bus.scale, row.bus.circuit.splits
    rest = program.i_q[:, row.nodes].astype(np.float64) * scale
    ups, downs = (one[:, at].astype(np.float64) for one in (program.up, program.down))
    if splits and bank.clocked:
        ups, downs = (net_threshold(one * scale, rest) / scale for one in (ups, downs))
    sides = [ups, np.where(np.isfinite(downs), downs, ups)] if bank.clocked else [ups]
    constant = program.constant[:, row.nodes].astype(np.float64)
    devices, legs = own_counts(bank, row.bus)
    fresh, held, moved = [], [], []
    for side, sign in zip(sides, (1.0, -1.0), strict=False):
        if splits and bank.clocked:
            rail, root, steps = meeting(side * scale, rest)
            current = own_devices(rail, root, rest, devices, legs, wide(row.bus), before.device)
        else:
            rail, steps = np.maximum(side * scale, 0.0), 1.0
            current = own_devices(rail, 1.0, 0.0, devices, legs, wide(row.bus), before.device)
        white, flicker = (of * steps + before.legs[:, row.nodes, k] for k, of in enumerate(current))
        fresh.append(sigma(white, flicker, bands.white, bands.fast))
        held.append(np.sqrt(flicker * bands.slow))
        moved.append(np.abs(sign * side - constant) * scale)
    return np.max(fresh, axis=0), np.max(held, axis=0), np.max(moved, axis=0)
