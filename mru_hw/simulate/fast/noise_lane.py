"""Noise of one lane in the kernel: of the nodes before a bank, and of its units.

Both are as numpy has them in `mru_hw.simulate.noise_walk` and `mru_hw.simulate.decision_noise`, for
the few lanes and frames in which noise can decide (`mru_hw.simulate.fast.noise`). Columns of tables
stand in `mru_hw.simulate.fast.noise_tables`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.simulate.fast.elementary import maximum
from mru_hw.simulate.fast.lines import F
from mru_hw.simulate.noise_laws import meeting, own_devices, passed, sigma

TILE: Any = 16
"""Nodes that noise arrives at together."""


def arrive(sums: Any, tile: Any, own: Any, path: Any, row: Any, n: Any, taken: Any) -> Any:
    """Add to a tile what a wiring brings: its legs' own noise, and what they share.

    Parameters
    ----------
    sums, tile
        White and flicker variance that arrive, and the tile's first node.
    own, path, row, n
        Rows of ``legs`` and ``path`` from `row` on, one for each of the n nodes that legs read.
    taken
        What they read (`read`).
    """
    full = n - n % 4
    for j in range(0, full, 4):
        r = row + j
        a0, a1, a2, a3 = taken[0, j], taken[0, j + 1], taken[0, j + 2], taken[0, j + 3]
        b0, b1, b2, b3 = taken[1, j], taken[1, j + 1], taken[1, j + 2], taken[1, j + 3]
        c0, c1, c2, c3 = taken[2, j], taken[2, j + 1], taken[2, j + 2], taken[2, j + 3]
        d0, d1, d2, d3 = taken[3, j], taken[3, j + 1], taken[3, j + 2], taken[3, j + 3]
        for i in range(TILE):
            o0, o1, o2, o3 = own[r, i], own[r + 1, i], own[r + 2, i], own[r + 3, i]
            p0, p1, p2, p3 = path[r, i], path[r + 1, i], path[r + 2, i], path[r + 3, i]
            one = o0 * a0 + o1 * a1 + o2 * a2 + o3 * a3
            two = o0 * b0 + o1 * b1 + o2 * b2 + o3 * b3
            sums[0, tile + i] += one + (p0 * c0 + p1 * c1 + p2 * c2 + p3 * c3)
            sums[1, tile + i] += two + (p0 * d0 + p1 * d1 + p2 * d2 + p3 * d3)
    for j in range(full, n):
        r = row + j
        a, b, c, d = taken[0, j], taken[1, j], taken[2, j], taken[3, j]
        for i in range(TILE):
            sums[0, tile + i] += own[r, i] * a + path[r, i] * c
            sums[1, tile + i] += own[r, i] * b + path[r, i] * d


def read(heard: Any, first: Any, n: Any, one_rail: Any, into: Any, at: Any) -> Any:
    """Write what legs read of a row's nodes: of their own noise, and of what they share."""
    for j in range(n):
        share = heard[4, first + j] if one_rail == 1 else F(1.0)
        into[0, at + j] = heard[0, first + j] * share
        into[1, at + j] = heard[1, first + j] * share * share
        into[2, at + j] = heard[2, first + j] * share * share
        into[3, at + j] = heard[3, first + j] * share * share


def walk(
    ws: Any,
    s: Any,
    begin_at: Any,
    end: Any,
    rows: Any,
    versions: Any,
    legs: Any,
    row_f: Any,
    walks: Any,
    kinds: Any,
    wires: Any,
    node: Any,
    own: Any,
    path: Any,
    device: Any,
    heard: Any,
    taken: Any,
    sums: Any,
) -> Any:
    """Work out the noise of the rows before a bank.

    Parameters
    ----------
    kinds, node, own, path
        ``rows``, ``node``, ``legs`` and ``path`` of the noise.
    heard
        By node white and flicker variance of its legs, white and flicker variance of what it
        shares, and what of its current a leg on the plus rail reads.
    taken, sums
        Room for what a wiring reads, and for what arrives.
    """
    for k in range(begin_at, end):
        row = walks[k]
        n, first, signs = rows[row, 1], rows[row, 2], rows[row, 3]
        block = versions[rows[row, 6] + rows[row, 5] - 1, 0]
        scale, each, arrives = row_f[row, 2], F(1.0) / F(kinds[row, 1]), kinds[row, 0]
        for i in range(n):
            plus = ws[block + i, s] * scale
            total, squares = plus, plus * plus
            if signs == 2:
                minus = ws[block + n + i, s] * scale
                total, squares = plus + minus, squares + minus * minus
                if kinds[row, 2] == 1:
                    heard[4, first + i] = plus / total
            heard[0, first + i], heard[1, first + i] = total, squares * each
            # What arrives, before the legs: from the bias rail, or from cells.
            sums[0, i] = total if arrives == 2 else node[first + i, 0]
            sums[1, i] = total * device if arrives == 2 else node[first + i, 1]
        if arrives == 0:
            for i in range(n):
                heard[2, first + i], heard[3, first + i] = heard[0, first + i], heard[1, first + i]
            continue
        if arrives == 1:
            for leg in range(rows[row, 7], rows[row, 7] + rows[row, 8]):
                n_source, at = rows[legs[leg, 0], 1], wires[leg, 0]
                read(heard, rows[legs[leg, 0], 2], n_source, wires[leg, 1], taken, 0)
                for tile in range(0, n, TILE):
                    arrive(sums, tile, own, path, at, n_source, taken)
                    at += n_source
        for i in range(n):
            total = heard[0, first + i]
            flicker = sums[1, i] if total > F(0.0) else F(0.0)
            heard[2, first + i] = sums[0, i] * passed(total, node[first + i, 2]) + total
            heard[3, first + i] = flicker + heard[1, first + i]


def listen(
    s: Any,
    number: Any,
    begin_at: Any,
    banks: Any,
    rows: Any,
    legs: Any,
    wires: Any,
    bank: Any,
    held: Any,
    z: Any,
    heard: Any,
    near: Any,
) -> Any:
    """Read the nodes before a bank's candidates, and turn what they share into currents.

    Parameters
    ----------
    begin_at
        First column of the nodes' draws in `z`.
    near
        By node of all wirings white and flicker variance of its legs, then the noise [A] that they
        share.
    """
    white, fast, slow = bank[number, 0], bank[number, 1], bank[number, 2]
    candidate, at = banks[number, 12], 0
    rested = banks[number, 8] + banks[number, 9] + 1
    for leg in range(rows[candidate, 7], rows[candidate, 7] + rows[candidate, 8]):
        n, first = rows[legs[leg, 0], 1], rows[legs[leg, 0], 2]
        read(heard, first, n, wires[leg, 1], near, at)
        at += n
    for j in range(at):
        drawn = z[j & 3, begin_at + (j >> 2)]
        now = drawn * sigma(near[2, j], near[3, j], white, fast)
        near[2, j] = now + np.sqrt(near[3, j] * slow) * held[s, rested + j]


def disturbed(
    ws: Any,
    s: Any,
    number: Any,
    i: Any,
    own_draw: Any,
    bias_draw: Any,
    banks: Any,
    rows: Any,
    row_f: Any,
    kinds: Any,
    node: Any,
    rest: Any,
    copies: Any,
    c: Any,
    edges: Any,
    device: Any,
    bank: Any,
    unit_bands: Any,
    held: Any,
    own: Any,
    path: Any,
    heard: Any,
    near: Any,
) -> Any:
    """Return the noise of a unit's candidate, in its unit (`DecisionNoise.parts`).

    Parameters
    ----------
    rest
        Quiescent current of the candidate's splitters, in its unit.
    own, path
        ``unit_legs`` and ``unit_path`` of the noise.
    near
        What `listen` wrote.
    """
    n, n_nodes, candidate = banks[number, 9], banks[number, 10], banks[number, 12]
    threshold, unit = banks[number, 13], banks[number, 17] + i
    scale, first = row_f[candidate, 2], rows[candidate, 2]
    down = ws[edges + n + i, s]
    at = ws[edges + i, s]
    meets = at
    if banks[number, 14] == 1 and ws[c + i, s] < F(0.0):
        at = down if down < F(np.inf) else at
        meets = -at
    rail, root, steps, splits = maximum(at * scale, F(0.0)), F(1.0), F(1.0), F(0.0)
    if banks[number, 18] == 1:
        splits = rest * scale
        rail, root, steps = meeting(at * scale, splits)
    devices, legs, wide = F(banks[number, 15]), F(banks[number, 16]), F(kinds[candidate, 1])
    white, flicker = own_devices(rail, root, splits, devices, legs, wide, device)
    if banks[number, 19] == 1:
        u = rows[threshold, 2] + i
        gain = copies[0, unit] * (scale / row_f[threshold, 2])
        one = gain + F(2.0) * gain * gain
        white += heard[0, u] * one + heard[2, u] * gain * gain
        flicker += heard[1, u] * one + heard[3, u] * gain * gain
    white, flicker = white * steps + node[first + i, 0], flicker * steps + node[first + i, 1]
    place, nodes = banks[number, 20] + i * n_nodes, F(0.0)
    for j in range(n_nodes):
        white += own[place + j] * near[0, j]
        flicker += own[place + j] * near[1, j]
        nodes += path[place + j] * near[2, j]
    rested = banks[number, 8]
    total = sigma(white, flicker, unit_bands[unit, 0], unit_bands[unit, 1]) * own_draw
    total += np.sqrt(flicker * bank[number, 2]) * held[s, rested + i]
    bias = bank[number, 3] * bias_draw + bank[number, 4] * held[s, rested + n]
    total += (meets - node[first + i, 3]) * scale * bias + nodes
    return total * bank[number, 5]
