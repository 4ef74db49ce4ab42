"""Lanes take up what waits, and leave what ended (`mru_hw.simulate.fast.lane_layout`).

No lane looks at another, and each has what it would have alone: which sequence stands beside which
is nothing that bits could depend on.
"""

from __future__ import annotations

from typing import Any

from mru_hw.simulate.fast.elementary import maximum
from mru_hw.simulate.fast.lines import LANES, F, clear, product

IDLE: Any = 8
"""Lanes without work that are waited for: to take up something costs as much for one as for all."""


def take_up(ws: Any, banks: Any, cells: Any, keep: Any, lanes: Any) -> Any:
    """Give lanes without work what waits: points that left another lane, else a sequence.

    Returns
    -------
    tuple of int
        How many lanes have work, and how many of them have just taken it up.
    """
    left, queue, points = lanes.left, lanes.queue, lanes.points
    idle = 0
    for s in range(LANES):
        idle += 1 if left[s] == 0 else 0
    waits = queue[1] > 0 or queue[0] < len(lanes.order)
    if not waits or (idle < IDLE and idle < LANES):
        return LANES - idle, 0
    taken = 0
    for s in range(LANES):
        if left[s] > 0:
            continue
        if queue[1] > 0:
            queue[1] -= 1
            k = queue[1]
            lanes.sequence[s] = lanes.waiting[k, 0]
            lanes.frame[s] = lanes.waiting[k, 1]
            points[s] = lanes.waiting[k, 2]
            for j in range(3):
                lanes.totals[j, s] = lanes.waiting_totals[k, j]
            put_lines(ws, banks, keep, s, lanes.waiting_lines[k])
        elif queue[0] < len(lanes.order):
            lanes.sequence[s] = lanes.order[queue[0]]
            queue[0] += 1
            lanes.frame[s] = 0
            points[s] = queue[3]
            for j in range(3):
                lanes.totals[j, s] = 0.0
            put_lines(ws, banks, keep, s, cells)
        else:
            break
        lanes.taken[taken] = s
        left[s] = lanes.lengths[lanes.sequence[s]] - lanes.frame[s]
        taken += 1
    return LANES - idle + taken, taken


def put_lines(ws: Any, banks: Any, keep: Any, s: Any, line: Any) -> Any:
    """Write the set cells of a lane's units, and its sums of the last row."""
    for number in range(len(banks)):
        first, n, count = banks[number, 3], banks[number, 5], banks[number, 13]
        for i in range(n):
            ws[count + i, s] = line[first + i]
    at = len(line) - keep[4]
    for i in range(keep[4]):
        ws[keep[2] + i, s] = line[at + i]


def remember(ws: Any, banks: Any, keep: Any, lanes: Any) -> Any:
    """Copy what lanes have at the begin of a frame, for points that leave them in it."""
    line, totals, then = lanes.line, lanes.totals, lanes.line_totals
    for number in range(len(banks)):
        first, n, count = banks[number, 3], banks[number, 5], banks[number, 13]
        for i in range(n):
            for s in range(LANES):
                line[first + i, s] = ws[count + i, s]
    at = len(line) - keep[4]
    for i in range(keep[4]):
        for s in range(LANES):
            line[at + i, s] = ws[keep[2] + i, s]
    for j in range(3):
        for s in range(LANES):
            then[j, s] = totals[j, s]


def loudest_of(points: Any, scales: Any) -> Any:
    """Return the largest scale of the noise of some points."""
    most = F(0.0)
    for p in range(len(scales)):
        if (points >> p) & 1 == 1:
            most = maximum(most, scales[p])
    return most


def part_ways(lanes: Any, scales: Any) -> Any:
    """Put aside the points that leave their lanes, with what these had at the frame's begin."""
    queue, line = lanes.queue, lanes.line
    for s in range(LANES):
        if lanes.leave[s] == 0:
            continue
        k = queue[1]
        queue[1] += 1
        lanes.waiting[k, 0] = lanes.sequence[s]
        lanes.waiting[k, 1] = lanes.frame[s]
        lanes.waiting[k, 2] = lanes.leave[s]
        for j in range(3):
            lanes.waiting_totals[k, j] = lanes.line_totals[j, s]
        for i in range(len(line)):
            lanes.waiting_lines[k, i] = line[i, s]
        lanes.points[s] &= ~lanes.leave[s]
        lanes.loudest[s] = loudest_of(lanes.points[s], scales)
        lanes.leave[s] = 0


def locate(lanes: Any) -> Any:
    """Find the columns of the lanes' frames; those without work read the first."""
    start, stride = lanes.beginning[0], lanes.beginning[1]
    for s in range(LANES):
        lanes.at[s] = 0
        if lanes.left[s] > 0:
            lanes.at[s] = lanes.first[lanes.sequence[s]] + stride * (lanes.frame[s] - start)


def go_on(ws: Any, keep: Any, lanes: Any) -> Any:
    """End a frame: write what is known of the sequences that it was the last one of."""
    frame, left, n_points = lanes.frame, lanes.left, lanes.queue[4]
    for s in range(LANES):
        if left[s] == 0:
            continue
        frame[s] += 1
        left[s] -= 1
        if left[s] > 0:
            continue
        sequence = lanes.sequence[s]
        for p in range(n_points):
            if (lanes.points[s] >> p) & 1 == 0:
                continue
            for j in range(3):
                lanes.totals_out[j, p, sequence] = lanes.totals[j, s]
            for i in range(keep[4]):
                lanes.features_out[i, p, sequence] = ws[keep[2] + i, s]
    lanes.queue[2] = 1 - lanes.queue[2]


def finish(
    ws: Any, legs: Any, rows: Any, y: Any, node: Any, net: Any, keep: Any, lanes: Any, out: Any
) -> Any:
    """Write mean outputs, (class, point, sequence), from the sums of what their wirings copy."""
    n, first, lengths = rows[y, 1], rows[y, 2], lanes.lengths
    for p in range(lanes.queue[4]):
        for start in range(0, len(lengths), LANES):
            part = min(LANES, len(lengths) - start)
            at = keep[2]
            for i in range(keep[4]):
                for s in range(part):
                    ws[at + i, s] = lanes.features_out[i, p, start + s]
            clear(ws, 0, n)
            for j in range(rows[y, 8]):
                leg = rows[y, 7] + j
                product(ws, 0, net, legs[leg, 2], at, n, legs[leg, 5])
                at += legs[leg, 5]
            for i in range(n):
                for s in range(part):
                    out[i, p, start + s] = ws[i, s] / F(lengths[start + s]) + node[first + i, 1]
