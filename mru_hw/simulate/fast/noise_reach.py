"""Which units noise could move over a threshold: bounds in the kernel, as arithmetic of lanes.

`reach` says it before anything of a frame is drawn, `narrow` again once the draws of the nodes and
of the bias rail are known. Draws that hold over a sequence are known to both. What the bounds are,
and why noise never exceeds them, stands in `mru_hw.simulate.fast.noise_bound`. Loops are cut so
that each writes one line and reads few: what may overlap is looked at before a loop runs in
vectors, for each line that it writes beside each that it reads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.simulate.fast.elementary import minimum
from mru_hw.simulate.fast.lines import LANES, F, clear, product
from mru_hw.simulate.noise_laws import sigma
from mru_hw.variation.noise import LARGEST

MARKS: Any = 5
"""First line of marks, behind the amplitudes of nodes (a frame, a sequence) and of legs (a frame, a
sequence) and the bias rail's noise."""
MARKED: Any = 16
"""Units that a line marks, each by a power of two: few enough for any number type."""


def squares_at(n: Any) -> Any:
    """Return the first line of the squares of draws, behind the marks of n units."""
    return MARKS + (n + MARKED - 1) // MARKED


def weigh_nodes(
    ws: Any, block: Any, n: Any, signs: Any, weights: Any, at: Any, room: Any, white: Any
) -> Any:
    """Add the weighed noise of a row's currents to a bound's lines of white and flicker noise."""
    linear, squared = room[white], room[white + 1]
    second = (signs - 1) * n
    for i in range(n):
        a, b, c = weights[at + i, 0], weights[at + i, 1], weights[at + i, 2]
        plus, minus = ws[block + i], ws[block + second + i]
        if signs == 2:
            for s in range(LANES):
                total = plus[s] + minus[s]
                linear[s] += a * total
                squared[s] += total * (b * total + c)
        else:
            for s in range(LANES):
                total = plus[s]
                linear[s] += a * total
                squared[s] += total * (b * total + c)


def amplitudes(
    ws: Any,
    number: Any,
    rows: Any,
    versions: Any,
    legs: Any,
    banks: Any,
    walks: Any,
    weights: Any,
    bank: Any,
    least: Any,
    room: Any,
) -> Any:
    """Write by lane what nodes and legs of a bank's candidates make at most, by their currents."""
    for k in range(4):
        start = least[number, k]
        for s in range(LANES):
            room[k, s] = start
    at = banks[number, 11]
    for k in range(banks[number, 0], banks[number, 1]):
        row = walks[k]
        block = versions[rows[row, 6] + rows[row, 5] - 1, 0]
        weigh_nodes(ws, block, rows[row, 1], rows[row, 3], weights, at, room, 0)
        at += rows[row, 1]
    candidate = banks[number, 12]
    for leg in range(rows[candidate, 7], rows[candidate, 7] + rows[candidate, 8]):
        row = legs[leg, 0]
        block = versions[rows[row, 6] + rows[row, 5] - 1, 0]
        weigh_nodes(ws, block, rows[row, 1], rows[row, 3], weights, at, room, 2)
        at += rows[row, 1]
    white, fast, slow = bank[number, 0], bank[number, 1], bank[number, 2]
    for k in range(0, 4, 2):
        linear, squared = room[k], room[k + 1]
        for s in range(LANES):
            flicker = squared[s]
            linear[s] = sigma(linear[s], flicker, white, fast)
            squared[s] = np.sqrt(slow * flicker)


def reach(
    ws: Any,
    number: Any,
    banks: Any,
    bank: Any,
    most: Any,
    c: Any,
    edges: Any,
    held: Any,
    loudest: Any,
    room: Any,
) -> Any:
    """Mark the units that noise could move over a threshold, by what `amplitudes` wrote.

    Bounds are those of noise at scale 1, and are taken times the loudest of a lane's points.
    """
    first, n, n_nodes, place = (
        banks[number, 17],
        banks[number, 9],
        banks[number, 10],
        banks[number, 8],
    )
    norms = place + n + 1 + n_nodes
    still_at = squares_at(n) + n_nodes + n
    by_node, node_held, by_leg, leg_held = room[0], room[1], room[2], room[3]
    turn = F(1.0) if banks[number, 14] == 1 else F(-1.0)
    clear(room, MARKS, squares_at(n) - MARKS)
    for i in range(n):
        unit = first + i
        legs_most, nodes_most = most[unit, 3], most[unit, 5] * F(LARGEST)
        drawn, norm, rest = held[place + i], held[norms + i], held[norms + n + i]
        still = room[still_at + i]
        for s in range(LANES):
            still[s] = rest[s] + abs(drawn[s]) * legs_most * leg_held[s] + norm[s] * node_held[s]
        fixed = (most[unit, 0] + most[unit, 2] * bank[number, 3]) * F(LARGEST)
        legs_most *= F(LARGEST)
        up, down = ws[edges + i, 0], turn * ws[edges + n + i, 0]
        values, marks, power = ws[c + i], room[MARKS + i // MARKED], F(1 << (i % MARKED))
        for s in range(LANES):
            gap = minimum(abs(values[s] - up), abs(values[s] + down))
            bound = still[s] + fixed + legs_most * by_leg[s] + nodes_most * by_node[s]
            marks[s] += power if gap <= bound * loudest[s] else F(0.0)


def narrow(
    ws: Any,
    number: Any,
    banks: Any,
    bank: Any,
    most: Any,
    size: Any,
    c: Any,
    edges: Any,
    z: Any,
    loudest: Any,
    room: Any,
) -> Any:
    """Mark the units that noise could still move, now that the draws of nodes and bias are known.

    What is left of a unit's gap for its own draw stands in the lines behind those of the squares.
    """
    first, n, n_nodes = banks[number, 17], banks[number, 9], banks[number, 10]
    squares = squares_at(n)
    left_at = squares + n_nodes
    still_at = left_at + n
    by_node, by_leg, bias = room[0], room[2], room[4]
    turn = F(1.0) if banks[number, 14] == 1 else F(-1.0)
    rail, rail_draw = bank[number, 3], z[n_nodes]
    for s in range(LANES):
        bias[s] = rail * abs(rail_draw[s])
    for j in range(n_nodes):
        for s in range(LANES):
            room[squares + j, s] = z[j, s] * z[j, s]
    clear(room, left_at, n)
    product(room, left_at, size, banks[number, 20], squares, n, n_nodes)
    clear(room, MARKS, squares - MARKS)
    for i in range(n):
        unit = first + i
        moved, shared = most[unit, 2], most[unit, 4]
        up, down = ws[edges + i, 0], turn * ws[edges + n + i, 0]
        values, left, still = ws[c + i], room[left_at + i], room[still_at + i]
        for s in range(LANES):
            gap = minimum(abs(values[s] - up), abs(values[s] + down))
            known = still[s] + moved * bias[s] + shared * np.sqrt(left[s]) * by_node[s]
            left[s] = gap - known * loudest[s]
        fixed, legs_most = most[unit, 0] * F(LARGEST), most[unit, 3] * F(LARGEST)
        marks, power = room[MARKS + i // MARKED], F(1 << (i % MARKED))
        for s in range(LANES):
            own = (fixed + legs_most * by_leg[s]) * loudest[s]
            marks[s] += power if left[s] <= own else F(0.0)
