"""The kernel's loops, in text that a compiler takes (`mru_hw.simulate.fast.source`).

One call runs one die on one block of `LANES` sequences, frame after frame, with everything it needs
in a core's cache. Sequences are lanes: the innermost loop of every function runs over them, every
lane does the same arithmetic in the same order and none looks at another, so its bits depend on
neither its neighbours nor how many lanes there are.

The steps are those of the flow (`mru_hw.mapping.flow`), the numbers those of a `Program`, both
laid out by `mru_hw.simulate.fast.tables`, which names the columns. All that lanes have is lines of
one workspace ``ws``, (lines, lanes), and is named by its first line: a slice of it would cost more
than a node. A row's *block* holds the lines of a version: the columns that wirings copy
(`mru_hw.simulate.rows.Rails`), or the rails that comparators read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.circuits.legs.leakage import leg_current
from mru_hw.circuits.nodes.laws import log_rail, net_current, rectified_node, signed_node, split
from mru_hw.circuits.window.law import meeting_rail
from mru_hw.simulate.fast.elementary import maximum, minimum

F: Any = np.float64
LANES: Any = 64
CHUNK: Any = 16
"""Nodes whose supply is summed before it joins the float64 sum."""
CHAIN: Any = 8
"""Cells of a unit up to which its currents are chosen by comparisons instead of looked up."""


# ------------------------------------------------------------------------------------- lines


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


def take(ws: Any, out: Any, values: Any, n: Any, whole: Any, lengths: Any, frame: Any) -> Any:
    """Sum lines over the valid frames."""
    if whole:
        add(ws, out, values, n)
        return
    for i in range(n):
        for s in range(LANES):
            ws[out + i, s] += ws[values + i, s] if frame < lengths[s] else F(0.0)


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


# ------------------------------------------------------------------------------------- nodes


def pin_block(
    ws: Any,
    value: Any,
    node: Any,
    first: Any,
    block: Any,
    n: Any,
    record: Any,
    share: Any,
    drawn: Any,
) -> Any:
    """Make the copied columns of signed nodes whose currents are given."""
    rails, sums, currents = ws[block : block + 4 * n], ws[drawn], ws[value : value + n]
    for i in range(n):
        i_q, plus_draws, minus_draws = node[first + i, 0], node[first + i, 3], node[first + i, 4]
        for s in range(LANES):
            plus, minus = split(currents[i, s], i_q)
            log = log_rail(plus, i_q)
            rails[i, s] = plus
            rails[n + i, s] = minus
            rails[2 * n + i, s] = plus * log
            rails[3 * n + i, s] = minus * log
            sums[s] += plus_draws * plus + minus_draws * minus
        if i % CHUNK == CHUNK - 1:
            weigh(record, 0, share, ws, drawn)
    weigh(record, 0, share, ws, drawn)


def signed_block(
    ws: Any,
    total: Any,
    drag: Any,
    node: Any,
    first: Any,
    skew: Any,
    block: Any,
    n: Any,
    record: Any,
    share: Any,
    drawn: Any,
) -> Any:
    """Solve signed nodes and make their copied columns."""
    flowing, pulling = ws[total : total + n], ws[drag : drag + n]
    rails, sums = ws[block : block + 4 * n], ws[drawn]
    for i in range(n):
        i_q, plus_draws, minus_draws = node[first + i, 0], node[first + i, 3], node[first + i, 4]
        for s in range(LANES):
            value, log = signed_node(flowing[i, s], pulling[i, s], i_q, skew)
            plus, minus = split(value, i_q)
            rails[i, s] = plus
            rails[n + i, s] = minus
            rails[2 * n + i, s] = plus * log
            rails[3 * n + i, s] = minus * log
            sums[s] += plus_draws * plus + minus_draws * minus
        if i % CHUNK == CHUNK - 1:
            weigh(record, 0, share, ws, drawn)
    weigh(record, 0, share, ws, drawn)


def signed_supply(
    ws: Any,
    total: Any,
    drag: Any,
    node: Any,
    first: Any,
    skew: Any,
    n: Any,
    record: Any,
    share: Any,
    drawn: Any,
) -> Any:
    """Solve signed nodes in a version that nothing reads, for what they draw."""
    flowing, pulling = ws[total : total + n], ws[drag : drag + n]
    sums = ws[drawn]
    for i in range(n):
        i_q, plus_draws, minus_draws = node[first + i, 0], node[first + i, 3], node[first + i, 4]
        for s in range(LANES):
            value, _ = signed_node(flowing[i, s], pulling[i, s], i_q, skew)
            plus, minus = split(value, i_q)
            sums[s] += plus_draws * plus + minus_draws * minus
        if i % CHUNK == CHUNK - 1:
            weigh(record, 0, share, ws, drawn)
    weigh(record, 0, share, ws, drawn)


def candidate_rails(
    ws: Any,
    total: Any,
    drag: Any,
    node: Any,
    first: Any,
    skew: Any,
    value: Any,
    block: Any,
    n: Any,
    record: Any,
    share: Any,
    drawn: Any,
) -> Any:
    """Solve signed nodes that comparators alone read."""
    flowing, pulling = ws[total : total + n], ws[drag : drag + n]
    rails, sums, currents = ws[block : block + 2 * n], ws[drawn], ws[value : value + n]
    for i in range(n):
        i_q, plus_draws, minus_draws = node[first + i, 0], node[first + i, 3], node[first + i, 4]
        for s in range(LANES):
            current, _ = signed_node(flowing[i, s], pulling[i, s], i_q, skew)
            plus, minus = split(current, i_q)
            currents[i, s] = current
            rails[i, s] = plus
            rails[n + i, s] = minus
            sums[s] += plus_draws * plus + minus_draws * minus
        if i % CHUNK == CHUNK - 1:
            weigh(record, 0, share, ws, drawn)
    weigh(record, 0, share, ws, drawn)


def signed_logs(
    ws: Any,
    total: Any,
    drag: Any,
    node: Any,
    first: Any,
    skew: Any,
    value: Any,
    block: Any,
    n: Any,
) -> Any:
    """Solve signed nodes: their currents, rails and, behind those, logarithms."""
    for i in range(n):
        i_q = node[first + i, 0]
        for s in range(LANES):
            current, log = signed_node(ws[total + i, s], ws[drag + i, s], i_q, skew)
            ws[value + i, s] = current
            ws[block + i, s], ws[block + n + i, s] = split(current, i_q)
            ws[block + 2 * n + i, s] = log


def pin_logs(ws: Any, value: Any, node: Any, first: Any, block: Any, n: Any) -> Any:
    """Rails of signed nodes whose currents are given and, behind those, logarithms."""
    for i in range(n):
        i_q = node[first + i, 0]
        for s in range(LANES):
            plus, minus = split(ws[value + i, s], i_q)
            ws[block + i, s] = plus
            ws[block + n + i, s] = minus
            ws[block + 2 * n + i, s] = log_rail(plus, i_q)


def rectified_logs(
    ws: Any, total: Any, drag: Any, usual: Any, value: Any, block: Any, n: Any
) -> Any:
    """Solve diodes: their currents, rails and, behind those, logarithms."""
    for i in range(n):
        for s in range(LANES):
            current, log = rectified_node(ws[total + i, s], ws[drag + i, s], usual)
            ws[value + i, s] = current
            ws[block + i, s] = maximum(current, F(0.0))
            ws[block + n + i, s] = log


def copied(
    ws: Any, block: Any, n: Any, signs: Any, leaks: Any, leak: Any, least: Any, row: Any
) -> Any:
    """Make copied columns of rails and logarithms, leakage and all, in place."""
    logs, more = block + signs * n, block + 2 * signs * n
    for sign in range(signs - 1, -1, -1):
        one, two = 2 * sign, 2 * sign + 1
        channel, junction, slope = leak[row, one, 0], leak[row, one, 1], leak[row, one, 2]
        other, second, bend = leak[row, two, 0], leak[row, two, 1], leak[row, two, 2]
        floor = least[row, sign]
        for i in range(n):
            at = sign * n + i
            for s in range(LANES):
                own = ws[block + at, s]
                if leaks == 1:
                    if channel > F(1e-29):
                        own = leg_current(own, channel, junction, slope)
                    passed = maximum(own, floor)
                    if other > F(1e-29):
                        passed = leg_current(passed, other, second, bend)
                    ws[more + at, s] = passed - own
                    ws[block + at, s] = own
                ws[logs + at, s] = own * ws[logs + i, s]


def supply(
    ws: Any,
    block: Any,
    node: Any,
    first: Any,
    signs: Any,
    n: Any,
    record: Any,
    share: Any,
    drawn: Any,
) -> Any:
    """Add what rows draw by their rails."""
    for i in range(n):
        plus_draws, minus_draws = node[first + i, 3], node[first + i, 4]
        for s in range(LANES):
            ws[drawn, s] += plus_draws * ws[block + i, s]
        if signs == 2:
            for s in range(LANES):
                ws[drawn, s] += minus_draws * ws[block + n + i, s]
        if i % CHUNK == CHUNK - 1:
            weigh(record, 0, share, ws, drawn)
    weigh(record, 0, share, ws, drawn)


# ------------------------------------------------------------------------------------- units


def comparators(
    ws: Any,
    block: Any,
    unit: Any,
    first: Any,
    signs: Any,
    leak: Any,
    bank: Any,
    n: Any,
    record: Any,
    share: Any,
    drawn: Any,
) -> Any:
    """Add what comparators draw against bias legs: the smaller of two currents in series."""
    plus_leaks, minus_leaks = leak[bank, 0, 0] > F(1e-29), leak[bank, 1, 0] > F(1e-29)
    for i in range(n):
        up_copy, down_copy = unit[first + i, 2], unit[first + i, 3]
        up_leg, down_leg = unit[first + i, 4], unit[first + i, 5]
        for s in range(LANES):
            plus = ws[block + i, s]
            if plus_leaks:
                plus = leg_current(plus, leak[bank, 0, 0], leak[bank, 0, 1], leak[bank, 0, 2])
            ws[drawn, s] += minimum(plus * up_copy, up_leg)
        if signs == 2:
            for s in range(LANES):
                minus = ws[block + n + i, s]
                if minus_leaks:
                    minus = leg_current(minus, leak[bank, 1, 0], leak[bank, 1, 1], leak[bank, 1, 2])
                ws[drawn, s] += minimum(minus * down_copy, down_leg)
        if i % CHUNK == CHUNK - 1:
            weigh(record, 1, share, ws, drawn)
    weigh(record, 1, share, ws, drawn)


def windows(
    ws: Any,
    block: Any,
    carried: Any,
    unit: Any,
    copies: Any,
    first: Any,
    signs: Any,
    leak: Any,
    bank: Any,
    n: Any,
    record: Any,
    share: Any,
    drawn: Any,
) -> Any:
    """Add what window comparators draw, whose legs are weighed by the threshold's copies."""
    plus_leaks, minus_leaks = leak[bank, 0, 0] > F(1e-29), leak[bank, 1, 0] > F(1e-29)
    for i in range(n):
        u = first + i
        for s in range(LANES):
            up = ws[carried + i, s] * copies[0, u] + ws[carried + n + i, s] * copies[1, u]
            if signs == 2:
                up = up + ws[block + n + i, s] * copies[2, u]
            plus = ws[block + i, s]
            if plus_leaks:
                plus = leg_current(plus, leak[bank, 0, 0], leak[bank, 0, 1], leak[bank, 0, 2])
            ws[drawn, s] += minimum(plus * unit[u, 2], unit[u, 4] * up)
        if signs == 2:
            for s in range(LANES):
                down = ws[carried + i, s] * copies[3, u] + ws[carried + n + i, s] * copies[4, u]
                down = down + ws[block + i, s] * copies[5, u]
                minus = ws[block + n + i, s]
                if minus_leaks:
                    minus = leg_current(minus, leak[bank, 1, 0], leak[bank, 1, 1], leak[bank, 1, 2])
                ws[drawn, s] += minimum(minus * unit[u, 3], unit[u, 5] * down)
        if i % CHUNK == CHUNK - 1:
            weigh(record, 1, share, ws, drawn)
    weigh(record, 1, share, ws, drawn)


def window_thresholds(
    ws: Any,
    carried: Any,
    copies: Any,
    unit: Any,
    signs: Any,
    node: Any,
    first: Any,
    n: Any,
    edges: Any,
) -> Any:
    """Find where units step whose thresholds come from the input: up in the first lines."""
    for i in range(n):
        i_q, u = node[first + i, 0], unit + i
        for s in range(LANES):
            up = ws[carried + i, s] * copies[0, u] + ws[carried + n + i, s] * copies[1, u]
            if signs == 2:
                down = ws[carried + i, s] * copies[3, u] + ws[carried + n + i, s] * copies[4, u]
                ws[edges + n + i, s] = net_current(meeting_rail(down, copies[5, u], i_q), i_q)
                ws[edges + i, s] = net_current(meeting_rail(up, copies[2, u], i_q), i_q)
            else:
                ws[edges + i, s] = up
                ws[edges + n + i, s] = F(np.inf)


def loop_thresholds(
    ws: Any, carried: Any, unit: Any, first: Any, n_rails: Any, n: Any, edges: Any
) -> Any:
    """Find where loops rise and fall whose thresholds come from the input."""
    for i in range(n):
        ratio, gap = unit[first + i, 6], unit[first + i, 7]
        for s in range(LANES):
            total = ws[carried + i, s]
            if n_rails == 2:
                total = total + ws[carried + n + i, s]
            ws[edges + n + i, s] = total * ratio
            ws[edges + i, s] = total * ratio + gap


def fixed_thresholds(ws: Any, unit: Any, first: Any, n: Any, edges: Any) -> Any:
    """Write the thresholds that nothing moves."""
    for i in range(n):
        up, down = unit[first + i, 0], unit[first + i, 1]
        for s in range(LANES):
            ws[edges + i, s] = up
            ws[edges + n + i, s] = down


def step(
    ws: Any,
    c: Any,
    edges: Any,
    unit: Any,
    first: Any,
    count: Any,
    n_cells: Any,
    clocked: Any,
    n: Any,
    moved: Any,
) -> Any:
    """Step whole codes by their numbers of set cells; add what the steps charge."""
    top = F(n_cells)
    for i in range(n):
        charge = unit[first + i, 8]
        for s in range(LANES):
            v = ws[c + i, s]
            rises = F(1.0) if v >= ws[edges + i, s] else F(0.0)
            if clocked == 1:
                falls = F(1.0) if v <= -ws[edges + n + i, s] else F(0.0)
            else:
                falls = F(0.0) if v >= ws[edges + n + i, s] else F(1.0)
            old = ws[count + i, s]
            # Never both: a candidate that asks for both asks for the step up.
            new = minimum(maximum(old + rises - falls * (F(1.0) - rises), F(0.0)), top)
            ws[count + i, s] = new
            ws[moved, s] += abs(new - old) * charge


def rectify(ws: Any, c: Any, n: Any) -> Any:
    """Leave what is not negative."""
    for i in range(n):
        for s in range(LANES):
            ws[c + i, s] = maximum(ws[c + i, s], F(0.0))


def loop_inputs(
    ws: Any, block: Any, unit: Any, first: Any, count: Any, signs: Any, n: Any, drawn: Any
) -> Any:
    """Add what loops' inputs draw: the plus copy while low, the minus copy while high."""
    for i in range(n):
        up_copy, down_copy = unit[first + i, 2], unit[first + i, 3]
        for s in range(LANES):
            high = F(0.0)
            if signs == 2:
                high = ws[block + n + i, s] * down_copy
            ws[drawn, s] += high if ws[count + i, s] > F(0.0) else ws[block + i, s] * up_copy


def chosen(count: Any, a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
    """Return the number of five that a count of 0 to 4 stands for, without a branch."""
    low = b if count >= F(1.0) else a
    low = c if count >= F(2.0) else low
    low = d if count >= F(3.0) else low
    return e if count >= F(4.0) else low


def outputs(
    ws: Any,
    count: Any,
    table: Any,
    at: Any,
    n_cells: Any,
    n: Any,
    columns: Any,
    block: Any,
    sums: Any,
) -> Any:
    """From set cells to the state's copied columns, its row's supply and the cells' own.

    Parameters
    ----------
    table, at
        From there on (n, n_cells + 1, columns + 2): what each number of set cells makes of every
        column, of the row's supply and of the cells'.
    sums
        Line of the row's supply; that of the cells follows.
    """
    wide = columns + 2
    clear(ws, sums, 2)
    for i in range(n):
        begin_at = at + i * (n_cells + 1) * wide
        for k in range(wide):
            summed = k >= columns
            out = sums + k - columns if summed else block + k * n + i
            place = begin_at + k
            if n_cells > CHAIN:
                for s in range(LANES):
                    found = table[place + np.int64(ws[count + i, s]) * wide]
                    ws[out, s] = ws[out, s] + found if summed else found
                continue
            for j in range(0, n_cells, 4):
                a = table[place + j * wide]
                b = table[place + min(j + 1, n_cells) * wide]
                c = table[place + min(j + 2, n_cells) * wide]
                d = table[place + min(j + 3, n_cells) * wide]
                e = table[place + min(j + 4, n_cells) * wide]
                bound = F(j)
                if summed:
                    less = F(0.0) if j == 0 else a
                    for s in range(LANES):
                        more = chosen(ws[count + i, s] - bound, a, b, c, d, e)
                        ws[out, s] += more - less
                elif j == 0:
                    for s in range(LANES):
                        ws[out, s] = chosen(ws[count + i, s], a, b, c, d, e)
                else:
                    for s in range(LANES):
                        more = chosen(ws[count + i, s] - bound, a, b, c, d, e)
                        ws[out, s] = more if ws[count + i, s] > bound else ws[out, s]


# --------------------------------------------------------------------------------------- dies


def bring(
    ws: Any,
    leg: Any,
    slot: Any,
    block: Any,
    rows: Any,
    legs: Any,
    node: Any,
    net: Any,
    pull: Any,
) -> Any:
    """Compute what a wiring brings into a row of several versions, once for all that read it."""
    target, n = legs[leg, 1], legs[leg, 4]
    total = legs[leg, 8] + 2 * slot * n
    if leg == rows[target, 7]:
        fill(ws, total, total + n, node, rows[target, 2], n)
    else:
        clear(ws, total, 2 * n)
    wire(ws, leg, legs, net, pull, block, total, total + n)


def run_block(
    steps: Any,
    rows: Any,
    versions: Any,
    shares: Any,
    legs: Any,
    reads: Any,
    banks: Any,
    node: Any,
    row_f: Any,
    leak: Any,
    least: Any,
    net: Any,
    pull: Any,
    unit: Any,
    copies: Any,
    compared: Any,
    table: Any,
    shown: Any,
    x: Any,
    lengths: Any,
    start: Any,
    ws: Any,
    static: Any,
    switching: Any,
    keep: Any,
    outputs_kept: Any,
    candidates_kept: Any,
    states_kept: Any,
) -> Any:
    """Run one die on one block of frames; what the arrays are stands in the tables' module."""
    n_time, skew = x.shape[1], row_f[0, 1]
    features, widest = keep[2], keep[3]
    total, drag, edges, drawn = 0, widest, 2 * widest, 4 * widest
    record = np.zeros((2, LANES), np.float64)
    for t in range(n_time):
        frame, fresh = start + t, (start + t) % 2
        whole = True
        for s in range(LANES):
            record[0, s] = 0.0
            record[1, s] = 0.0
            whole = whole and frame < lengths[s]
        for index in range(len(steps)):
            number = steps[index, 1]
            if steps[index, 0] == 0:
                kind, n, first = rows[number, 0], rows[number, 1], rows[number, 2]
                signs, leaks, n_versions = rows[number, 3], rows[number, 4], rows[number, 5]
                base, leg0, n_legs = rows[number, 6], rows[number, 7], rows[number, 8]
                if kind == 4:
                    continue
                if kind == 3 and keep[1] == 1:
                    # The mean readout is linear: one product a sequence, at the end.
                    at = features
                    for j in range(n_legs):
                        leg = leg0 + j
                        read = versions[rows[legs[leg, 0], 6] + reads[base, j], 0]
                        take(ws, at, read, legs[leg, 5], whole, lengths, frame)
                        at += legs[leg, 5]
                if kind == 3 and keep[0] == 0:
                    continue
                if n_versions > 1:
                    for j in range(n_legs):
                        leg = leg0 + j
                        source = legs[leg, 0]
                        for v in range(rows[source, 5]):
                            slot = v
                            if rows[source, 0] == 4:
                                # A state's earlier version was computed a frame ago.
                                if rows[source, 5] == 2 and v == 0:
                                    continue
                                slot = fresh
                            read = versions[rows[source, 6] + v, 0]
                            bring(ws, leg, slot, read, rows, legs, node, net, pull)
                for v in range(n_versions):
                    block, value = versions[base + v, 0], versions[base + v, 1]
                    share = shares[base + v]
                    a_total, a_drag = total, drag
                    if kind == 0:
                        for i in range(n):
                            for s in range(LANES):
                                ws[value + i, s] = x[i, t, s]
                    elif n_versions == 1:
                        fill(ws, total, drag, node, first, n)
                        for j in range(n_legs):
                            read = versions[rows[legs[leg0 + j, 0], 6] + reads[base, j], 0]
                            wire(ws, leg0 + j, legs, net, pull, read, total, drag)
                    else:
                        for j in range(n_legs):
                            source = legs[leg0 + j, 0]
                            slot = reads[base + v, j]
                            if rows[source, 0] == 4:
                                slot = fresh if slot == rows[source, 5] - 1 else 1 - fresh
                            at = legs[leg0 + j, 8] + 2 * slot * n
                            if j == 0:
                                a_total, a_drag = at, at + n
                            elif j == 1:
                                join(ws, total, a_total, at, n)
                                join(ws, drag, a_drag, at + n, n)
                                a_total, a_drag = total, drag
                            else:
                                add(ws, total, at, n)
                                add(ws, drag, at + n, n)
                    if kind == 3:
                        keep_lines(outputs_kept, 0, t, ws, a_total, n)
                        continue
                    if kind == 1 and rows[number, 9] == 0:
                        candidate_rails(
                            ws,
                            a_total,
                            a_drag,
                            node,
                            first,
                            skew,
                            value,
                            block,
                            n,
                            record,
                            share,
                            drawn,
                        )
                        continue
                    if kind == 2:
                        usual = row_f[number, 0]
                        rectified_logs(ws, a_total, a_drag, usual, value, block, n)
                    elif leaks == 0 and rows[number, 11] == 0:
                        if kind == 0:
                            pin_block(ws, value, node, first, block, n, record, share, drawn)
                        elif versions[base + v, 2] == 0:
                            signed_supply(
                                ws, a_total, a_drag, node, first, skew, n, record, share, drawn
                            )
                        else:
                            signed_block(
                                ws,
                                a_total,
                                a_drag,
                                node,
                                first,
                                skew,
                                block,
                                n,
                                record,
                                share,
                                drawn,
                            )
                        continue
                    elif kind == 0:
                        pin_logs(ws, value, node, first, block, n)
                    else:
                        signed_logs(ws, a_total, a_drag, node, first, skew, value, block, n)
                    copied(ws, block, n, signs, leaks, leak, least, number)
                    supply(ws, block, node, first, signs, n, record, share, drawn)
                continue
            candidate, threshold, state = banks[number, 0], banks[number, 1], banks[number, 2]
            first, n, n_cells = banks[number, 3], banks[number, 5], banks[number, 6]
            clocked, window, signs = banks[number, 7], banks[number, 8], banks[number, 9]
            columns, course = banks[number, 10], banks[number, 11]
            sums, count = banks[number, 12], banks[number, 13]
            scale = np.float64(row_f[candidate, 2])
            base = rows[candidate, 6]
            last = base + rows[candidate, 5] - 1
            block, c = versions[last, 0], versions[last, 1]
            carried = 0
            if threshold >= 0:
                carried = versions[rows[threshold, 6] + rows[threshold, 5] - 1, 0]
            if clocked == 1:
                for v in range(rows[candidate, 5]):
                    part, share = versions[base + v, 0], shares[base + v] * scale
                    if window == 1:
                        read = versions[rows[threshold, 6] + v, 0]
                        windows(
                            ws,
                            part,
                            read,
                            unit,
                            copies,
                            first,
                            signs,
                            compared,
                            number,
                            n,
                            record,
                            share,
                            drawn,
                        )
                    else:
                        comparators(
                            ws, part, unit, first, signs, compared, number, n, record, share, drawn
                        )
            if threshold < 0:
                fixed_thresholds(ws, unit, first, n, edges)
            elif window == 1:
                window_thresholds(
                    ws, carried, copies, first, signs, node, rows[candidate, 2], n, edges
                )
            else:
                loop_thresholds(ws, carried, unit, first, rows[threshold, 3], n, edges)
            if signs == 1:
                rectify(ws, c, n)
            step(ws, c, edges, unit, first, count, n_cells, clocked, n, drawn)
            for s in range(LANES):
                if frame < lengths[s]:
                    switching[s] += np.float64(ws[drawn, s])
                ws[drawn, s] = F(0.0)
            if keep[0] == 1:
                keep_lines(candidates_kept, first, t, ws, c, n)
                at = banks[number, 4]
                keep_states(states_kept, first, t, ws, count, shown, at, n_cells, n)
            if clocked == 0:
                loop_inputs(ws, block, unit, first, count, signs, n, drawn)
                weigh(record, 1, scale, ws, drawn)
            base = rows[state, 6]
            outputs(
                ws, count, table, course, n_cells, n, columns, versions[base, 0], sums + 2 * fresh
            )
            for v in range(rows[state, 5]):
                share = shares[base + v]
                slot = sums + 2 * (fresh if v == rows[state, 5] - 1 else 1 - fresh)
                for s in range(LANES):
                    record[0, s] += share * np.float64(ws[slot, s])
                    record[1, s] += share * np.float64(ws[slot + 1, s])
        for s in range(LANES):
            if frame < lengths[s]:
                static[0, s] += record[0, s]
                static[1, s] += record[1, s]


def begin(
    rows: Any,
    versions: Any,
    legs: Any,
    banks: Any,
    node: Any,
    net: Any,
    pull: Any,
    table: Any,
    cells: Any,
    ws: Any,
    keep: Any,
    n_features: Any,
) -> Any:
    """Begin a group: what states bring before the first frame, where the frame before had it."""
    clear(ws, keep[2], n_features)
    clear(ws, 4 * keep[3], 1)
    for number in range(len(banks)):
        first, n, n_cells = banks[number, 3], banks[number, 5], banks[number, 6]
        columns, course = banks[number, 10], banks[number, 11]
        sums, count, state = banks[number, 12], banks[number, 13], banks[number, 2]
        for i in range(n):
            for s in range(LANES):
                ws[count + i, s] = cells[first + i]
        at = versions[rows[state, 6], 0]
        outputs(ws, count, table, course, n_cells, n, columns, at, sums + 2)
        for leg in range(len(legs)):
            if legs[leg, 0] == state and legs[leg, 8] >= 0:
                bring(ws, leg, 1, at, rows, legs, node, net, pull)


def finish(
    ws: Any, legs: Any, rows: Any, y: Any, node: Any, net: Any, keep: Any, lengths: Any, out: Any
) -> Any:
    """Write the mean outputs of sequences, from the sums of what their wirings copy."""
    n, first, at = rows[y, 1], rows[y, 2], keep[2]
    clear(ws, 0, n)
    for j in range(rows[y, 8]):
        leg = rows[y, 7] + j
        product(ws, 0, net, legs[leg, 2], at, n, legs[leg, 5])
        at += legs[leg, 5]
    for i in range(n):
        for s in range(LANES):
            out[i, s] = ws[i, s] / F(lengths[s]) + node[first + i, 1]
