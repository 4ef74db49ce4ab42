"""Lines of the workspace: products, sums and copies (`mru_hw.simulate.fast.loops`)."""

from __future__ import annotations

from typing import Any

import numpy as np

F: Any = np.float64
LANES: Any = 64
CHUNK: Any = 16
"""Nodes whose supply is summed before it joins the float64 sum."""
CHAIN: Any = 8
"""Cells of a unit up to which its currents are chosen by comparisons instead of looked up."""


def product(
    ws: Any, out: Any, weight: Any, at: Any, values: Any, n_target: Any, n_rows: Any
) -> Any:
    """Add a matrix times lines: four rows and four terms at a time, so that sums stay in registers.

    Parameters
    ----------
    out, values
        First lines of the sums and of what the columns multiply.
    weight, at
        Row-major numbers, and where the matrix begins.
    """
    # Slices of their own tell the compiler what cannot overlap.
    sums, terms = ws[out : out + n_target], ws[values : values + n_rows]
    full_t, full_k = n_target - n_target % 4, n_rows - n_rows % 4
    for i in range(0, full_t, 4):
        a0 = at + i * n_rows
        a1 = a0 + n_rows
        a2 = a1 + n_rows
        a3 = a2 + n_rows
        for k in range(0, full_k, 4):
            w00, w01, w02, w03 = (
                weight[a0 + k],
                weight[a0 + k + 1],
                weight[a0 + k + 2],
                weight[a0 + k + 3],
            )
            w10, w11, w12, w13 = (
                weight[a1 + k],
                weight[a1 + k + 1],
                weight[a1 + k + 2],
                weight[a1 + k + 3],
            )
            w20, w21, w22, w23 = (
                weight[a2 + k],
                weight[a2 + k + 1],
                weight[a2 + k + 2],
                weight[a2 + k + 3],
            )
            w30, w31, w32, w33 = (
                weight[a3 + k],
                weight[a3 + k + 1],
                weight[a3 + k + 2],
                weight[a3 + k + 3],
            )
            for s in range(LANES):
                a, b, c, d = terms[k, s], terms[k + 1, s], terms[k + 2, s], terms[k + 3, s]
                sums[i, s] += w00 * a + w01 * b + w02 * c + w03 * d
                sums[i + 1, s] += w10 * a + w11 * b + w12 * c + w13 * d
                sums[i + 2, s] += w20 * a + w21 * b + w22 * c + w23 * d
                sums[i + 3, s] += w30 * a + w31 * b + w32 * c + w33 * d
        for k in range(full_k, n_rows):
            w0, w1, w2, w3 = weight[a0 + k], weight[a1 + k], weight[a2 + k], weight[a3 + k]
            for s in range(LANES):
                a = terms[k, s]
                sums[i, s] += w0 * a
                sums[i + 1, s] += w1 * a
                sums[i + 2, s] += w2 * a
                sums[i + 3, s] += w3 * a
    for i in range(full_t, n_target):
        for k in range(n_rows):
            w = weight[at + i * n_rows + k]
            for s in range(LANES):
                sums[i, s] += w * terms[k, s]


def wire(
    ws: Any, leg: Any, legs: Any, net: Any, pull: Any, block: Any, total: Any, drag: Any
) -> Any:
    """Add what a wiring brings by a version of its source."""
    n, columns, part = legs[leg, 4], legs[leg, 5], legs[leg, 6]
    product(ws, total, net, legs[leg, 2], block, n, columns)
    if legs[leg, 7] == 1:
        product(ws, drag, pull, legs[leg, 3], block, n, part)


def fill(ws: Any, total: Any, drag: Any, node: Any, first: Any, n: Any) -> Any:
    """Begin with what the legs off the bias rail bring."""
    for i in range(n):
        a, b = node[first + i, 1], node[first + i, 2]
        for s in range(LANES):
            ws[total + i, s] = a
            ws[drag + i, s] = b


def clear(ws: Any, out: Any, n: Any) -> Any:
    """Fill lines with zeros."""
    for i in range(n):
        for s in range(LANES):
            ws[out + i, s] = F(0.0)


def add(ws: Any, out: Any, values: Any, n: Any) -> Any:
    """Add lines to lines."""
    for i in range(n):
        for s in range(LANES):
            ws[out + i, s] += ws[values + i, s]


def join(ws: Any, out: Any, a: Any, b: Any, n: Any) -> Any:
    """Write sums of lines."""
    for i in range(n):
        for s in range(LANES):
            ws[out + i, s] = ws[a + i, s] + ws[b + i, s]


def weigh(record: Any, k: Any, share: Any, ws: Any, drawn: Any) -> Any:
    """Add a share of a sum to the float64 sum of its lane, and begin the sum anew."""
    for s in range(LANES):
        record[k, s] += share * np.float64(ws[drawn, s])
        ws[drawn, s] = F(0.0)


def take(ws: Any, out: Any, values: Any, n: Any, whole: Any, left: Any) -> Any:
    """Sum lines over the frames of lanes that have some left."""
    if whole:
        add(ws, out, values, n)
        return
    for i in range(n):
        for s in range(LANES):
            value = ws[values + i, s]
            ws[out + i, s] += value if left[s] > 0 else F(0.0)


def draw(total: Any, record: Any, left: Any) -> Any:
    """Add a frame's sums where lanes have some left."""
    for s in range(LANES):
        value = record[s]
        total[s] += value if left[s] > 0 else 0.0


def charge(total: Any, line: Any, left: Any) -> Any:
    """Add a line to float64 sums where lanes have frames left, and begin it anew."""
    for s in range(LANES):
        value = np.float64(line[s])
        total[s] += value if left[s] > 0 else 0.0
    for s in range(LANES):
        line[s] = F(0.0)


def read_lines(ws: Any, out: Any, x: Any, at: Any, n: Any) -> Any:
    """Write the inputs of the lanes' frames."""
    for i in range(n):
        line, given = ws[out + i], x[i]
        for s in range(LANES):
            line[s] = given[at[s]]


def keep_lines(kept: Any, first: Any, t: Any, ws: Any, values: Any, n: Any) -> Any:
    """Write lines of a frame to what is kept."""
    for i in range(n):
        for s in range(LANES):
            kept[first + i, t, s] = ws[values + i, s]


def keep_states(
    kept: Any, unit: Any, t: Any, ws: Any, count: Any, shown: Any, at: Any, n_cells: Any, n: Any
) -> Any:
    """Write the states of a frame, as the network counts them."""
    for i in range(n):
        for s in range(LANES):
            cells = np.int64(ws[count + i, s])
            kept[unit + i, t, s] = shown[at + i * (n_cells + 1) + cells]
