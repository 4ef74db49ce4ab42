"""The kernel's loops, in text that a compiler takes (`mru_hw.simulate.fast.source`).

One call runs one die on one block of `LANES` sequences, frame after frame, with everything it needs
in a core's cache. Sequences are lanes: the innermost loop of every function runs over them, every
lane does the same arithmetic in the same order and none looks at another, so its bits depend on
neither its neighbours nor how many lanes there are. Products are summed four by four terms with
fused multiply-adds; nothing else is contracted.

The steps are those of the flow (`mru_hw.mapping.flow`), the numbers those of a `Program`, both
laid out by `mru_hw.simulate.fast.tables`, which names the columns. A row's *block* in the workspace
holds (rows, lanes) of a version: the columns that wirings copy (`mru_hw.simulate.rows.Rails`), or
the rails that comparators read.
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


def product(out: Any, weight: Any, values: Any, n_target: Any, n_rows: Any) -> Any:
    """Add ``weight @ values``: rows four by four, so that sums stay in registers."""
    full_t, full_k = n_target - n_target % 4, n_rows - n_rows % 4
    for i in range(0, full_t, 4):
        for k in range(0, full_k, 4):
            w00, w01, w02, w03 = weight[i, k], weight[i, k + 1], weight[i, k + 2], weight[i, k + 3]
            j = i + 1
            w10, w11, w12, w13 = weight[j, k], weight[j, k + 1], weight[j, k + 2], weight[j, k + 3]
            j = i + 2
            w20, w21, w22, w23 = weight[j, k], weight[j, k + 1], weight[j, k + 2], weight[j, k + 3]
            j = i + 3
            w30, w31, w32, w33 = weight[j, k], weight[j, k + 1], weight[j, k + 2], weight[j, k + 3]
            for s in range(LANES):
                a, b, c, d = values[k, s], values[k + 1, s], values[k + 2, s], values[k + 3, s]
                out[i, s] += w00 * a + w01 * b + w02 * c + w03 * d
                out[i + 1, s] += w10 * a + w11 * b + w12 * c + w13 * d
                out[i + 2, s] += w20 * a + w21 * b + w22 * c + w23 * d
                out[i + 3, s] += w30 * a + w31 * b + w32 * c + w33 * d
        for k in range(full_k, n_rows):
            w0, w1, w2, w3 = weight[i, k], weight[i + 1, k], weight[i + 2, k], weight[i + 3, k]
            for s in range(LANES):
                a = values[k, s]
                out[i, s] += w0 * a
                out[i + 1, s] += w1 * a
                out[i + 2, s] += w2 * a
                out[i + 3, s] += w3 * a
    for i in range(full_t, n_target):
        for k in range(n_rows):
            w = weight[i, k]
            for s in range(LANES):
                out[i, s] += w * values[k, s]


def lines(ws: Any, at: Any, n: Any) -> Any:
    """Return (n, lanes) of the workspace."""
    return ws[at : at + n * LANES].reshape(n, LANES)


def wire(leg: Any, net: Any, pull: Any, ws: Any, block: Any, total: Any, drag: Any) -> Any:
    """Add what a wiring brings by a version of its source."""
    n, columns, part = leg[4], leg[5], leg[6]
    values = lines(ws, block, columns)
    product(total, net[leg[2] : leg[2] + n * columns].reshape(n, columns), values, n, columns)
    if leg[7] == 1:
        product(drag, pull[leg[3] : leg[3] + n * part].reshape(n, part), values, n, part)


def fill(total: Any, drag: Any, node: Any, first: Any, n: Any) -> Any:
    """Begin with what the legs off the bias rail bring."""
    for i in range(n):
        a, b = node[first + i, 1], node[first + i, 2]
        for s in range(LANES):
            total[i, s] = a
            drag[i, s] = b


def clear(values: Any, n: Any) -> Any:
    """Fill with zeros."""
    for i in range(n):
        for s in range(LANES):
            values[i, s] = F(0.0)


def add(total: Any, values: Any, n: Any) -> Any:
    """Add lines to lines."""
    for i in range(n):
        for s in range(LANES):
            total[i, s] += values[i, s]


def weigh(record: Any, share: Any, drawn: Any) -> Any:
    """Add a share of a sum to the float64 sum of its lane, and begin the sum anew."""
    for s in range(LANES):
        record[s] += share * np.float64(drawn[s])
        drawn[s] = F(0.0)


def take_inputs(x: Any, t: Any, out: Any, n: Any) -> Any:
    """Take the inputs of a frame as what flows into their nodes."""
    for i in range(n):
        for s in range(LANES):
            out[i, s] = x[i, t, s]


def pin_block(
    value: Any, node: Any, first: Any, block: Any, n: Any, record: Any, share: Any, drawn: Any
) -> Any:
    """Make the copied columns of signed nodes whose currents are given."""
    for i in range(n):
        i_q, plus_draws, minus_draws = node[first + i, 0], node[first + i, 3], node[first + i, 4]
        for s in range(LANES):
            plus, minus = split(value[i, s], i_q)
            log = log_rail(plus, i_q)
            block[i, s] = plus
            block[n + i, s] = minus
            block[2 * n + i, s] = plus * log
            block[3 * n + i, s] = minus * log
            drawn[s] += plus_draws * plus + minus_draws * minus
        if i % CHUNK == CHUNK - 1:
            weigh(record, share, drawn)
    weigh(record, share, drawn)


def signed_block(
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
    for i in range(n):
        i_q, plus_draws, minus_draws = node[first + i, 0], node[first + i, 3], node[first + i, 4]
        for s in range(LANES):
            value, log = signed_node(total[i, s], drag[i, s], i_q, skew)
            plus, minus = split(value, i_q)
            block[i, s] = plus
            block[n + i, s] = minus
            block[2 * n + i, s] = plus * log
            block[3 * n + i, s] = minus * log
            drawn[s] += plus_draws * plus + minus_draws * minus
        if i % CHUNK == CHUNK - 1:
            weigh(record, share, drawn)
    weigh(record, share, drawn)


def signed_logs(
    total: Any, drag: Any, node: Any, first: Any, skew: Any, value: Any, block: Any, n: Any
) -> Any:
    """Solve signed nodes: their currents, rails and, in the third lines, logarithms."""
    for i in range(n):
        i_q = node[first + i, 0]
        for s in range(LANES):
            value[i, s], log = signed_node(total[i, s], drag[i, s], i_q, skew)
            block[i, s], block[n + i, s] = split(value[i, s], i_q)
            block[2 * n + i, s] = log


def pin_logs(value: Any, node: Any, first: Any, block: Any, n: Any) -> Any:
    """Rails of signed nodes whose currents are given and, in the third lines, logarithms."""
    for i in range(n):
        i_q = node[first + i, 0]
        for s in range(LANES):
            block[i, s], block[n + i, s] = split(value[i, s], i_q)
            block[2 * n + i, s] = log_rail(block[i, s], i_q)


def rectified_logs(total: Any, drag: Any, usual: Any, value: Any, block: Any, n: Any) -> Any:
    """Solve diodes: their currents, rails and, in the second lines, logarithms."""
    for i in range(n):
        for s in range(LANES):
            value[i, s], log = rectified_node(total[i, s], drag[i, s], usual)
            block[i, s] = maximum(value[i, s], F(0.0))
            block[n + i, s] = log


def candidate_rails(
    total: Any, drag: Any, node: Any, first: Any, skew: Any, value: Any, block: Any, n: Any
) -> Any:
    """Solve signed nodes that comparators alone read."""
    for i in range(n):
        i_q = node[first + i, 0]
        for s in range(LANES):
            value[i, s], _ = signed_node(total[i, s], drag[i, s], i_q, skew)
            block[i, s], block[n + i, s] = split(value[i, s], i_q)


def copied(block: Any, n: Any, signs: Any, leaks: Any, leak: Any, least: Any) -> Any:
    """Make copied columns of rails and logarithms, leakage and all, in place."""
    logs, more = signs * n, 2 * signs * n
    for sign in range(signs - 1, -1, -1):
        channel, junction, slope = leak[2 * sign, 0], leak[2 * sign, 1], leak[2 * sign, 2]
        second = leak[2 * sign + 1]
        other_channel, other_junction, other_slope = second[0], second[1], second[2]
        floor = least[sign]
        for i in range(n):
            at = sign * n + i
            for s in range(LANES):
                own = block[at, s]
                if leaks == 1:
                    if channel > F(1e-29):
                        own = leg_current(own, channel, junction, slope)
                    passed = maximum(own, floor)
                    if other_channel > F(1e-29):
                        passed = leg_current(passed, other_channel, other_junction, other_slope)
                    block[more + at, s] = passed - own
                    block[at, s] = own
                block[logs + at, s] = own * block[logs + i, s]


def supply(
    block: Any, node: Any, first: Any, signs: Any, n: Any, record: Any, share: Any, drawn: Any
) -> Any:
    """Add what rows draw by their rails."""
    for i in range(n):
        plus_draws, minus_draws = node[first + i, 3], node[first + i, 4]
        for s in range(LANES):
            drawn[s] += plus_draws * block[i, s]
        if signs == 2:
            for s in range(LANES):
                drawn[s] += minus_draws * block[n + i, s]
        if i % CHUNK == CHUNK - 1:
            weigh(record, share, drawn)
    weigh(record, share, drawn)


def comparators(
    block: Any, unit: Any, signs: Any, leak: Any, n: Any, record: Any, share: Any, drawn: Any
) -> Any:
    """Add what comparators draw against bias legs: the smaller of two currents in series."""
    plus_leaks, minus_leaks = leak[0, 0] > F(1e-29), leak[1, 0] > F(1e-29)
    for i in range(n):
        up_copy, down_copy = unit[i, 2], unit[i, 3]
        up_leg, down_leg = unit[i, 4], unit[i, 5]
        for s in range(LANES):
            plus = block[i, s]
            if plus_leaks:
                plus = leg_current(plus, leak[0, 0], leak[0, 1], leak[0, 2])
            drawn[s] += minimum(plus * up_copy, up_leg)
        if signs == 2:
            for s in range(LANES):
                minus = block[n + i, s]
                if minus_leaks:
                    minus = leg_current(minus, leak[1, 0], leak[1, 1], leak[1, 2])
                drawn[s] += minimum(minus * down_copy, down_leg)
        if i % CHUNK == CHUNK - 1:
            weigh(record, share, drawn)
    weigh(record, share, drawn)


def windows(
    block: Any,
    carried: Any,
    unit: Any,
    copies: Any,
    signs: Any,
    leak: Any,
    n: Any,
    record: Any,
    share: Any,
    drawn: Any,
) -> Any:
    """Add what window comparators draw, whose legs are weighed by the threshold's copies."""
    plus_leaks, minus_leaks = leak[0, 0] > F(1e-29), leak[1, 0] > F(1e-29)
    for i in range(n):
        for s in range(LANES):
            up = carried[i, s] * copies[0, i] + carried[n + i, s] * copies[1, i]
            plus = block[i, s]
            if signs == 2:
                up = up + block[n + i, s] * copies[2, i]
            if plus_leaks:
                plus = leg_current(plus, leak[0, 0], leak[0, 1], leak[0, 2])
            drawn[s] += minimum(plus * unit[i, 2], unit[i, 4] * up)
        if signs == 2:
            for s in range(LANES):
                down = carried[i, s] * copies[3, i] + carried[n + i, s] * copies[4, i]
                down = down + block[i, s] * copies[5, i]
                minus = block[n + i, s]
                if minus_leaks:
                    minus = leg_current(minus, leak[1, 0], leak[1, 1], leak[1, 2])
                drawn[s] += minimum(minus * unit[i, 3], unit[i, 5] * down)
        if i % CHUNK == CHUNK - 1:
            weigh(record, share, drawn)
    weigh(record, share, drawn)


def window_thresholds(
    carried: Any, copies: Any, signs: Any, node: Any, first: Any, n: Any, edges: Any
) -> Any:
    """Find where units step whose thresholds come from the input: up in the first lines."""
    for i in range(n):
        i_q = node[first + i, 0]
        for s in range(LANES):
            up = carried[i, s] * copies[0, i] + carried[n + i, s] * copies[1, i]
            if signs == 2:
                edges[i, s] = net_current(meeting_rail(up, copies[2, i], i_q), i_q)
                down = carried[i, s] * copies[3, i] + carried[n + i, s] * copies[4, i]
                edges[n + i, s] = net_current(meeting_rail(down, copies[5, i], i_q), i_q)
            else:
                edges[i, s] = up
                edges[n + i, s] = F(np.inf)


def loop_thresholds(carried: Any, unit: Any, n_rails: Any, n: Any, edges: Any) -> Any:
    """Find where loops rise and fall whose thresholds come from the input."""
    for i in range(n):
        ratio, gap = unit[i, 6], unit[i, 7]
        for s in range(LANES):
            total = carried[i, s]
            if n_rails == 2:
                total = total + carried[n + i, s]
            edges[n + i, s] = total * ratio
            edges[i, s] = edges[n + i, s] + gap


def fixed_thresholds(unit: Any, n: Any, edges: Any) -> Any:
    """Write the thresholds that nothing moves."""
    for i in range(n):
        for s in range(LANES):
            edges[i, s] = unit[i, 0]
            edges[n + i, s] = unit[i, 1]


def step(
    c: Any, edges: Any, unit: Any, count: Any, n_cells: Any, clocked: Any, n: Any, moved: Any
) -> Any:
    """Step whole codes by their numbers of set cells; add what the steps charge."""
    top = F(n_cells)
    for i in range(n):
        charge = unit[i, 8]
        for s in range(LANES):
            v = c[i, s]
            rises = F(1.0) if v >= edges[i, s] else F(0.0)
            if clocked == 1:
                falls = F(1.0) if v <= -edges[n + i, s] else F(0.0)
            else:
                falls = F(0.0) if v >= edges[n + i, s] else F(1.0)
            old = count[i, s]
            # Never both: a candidate that asks for both asks for the step up.
            new = minimum(maximum(old + rises - falls * (F(1.0) - rises), F(0.0)), top)
            count[i, s] = new
            moved[s] += abs(new - old) * charge


def loop_inputs(block: Any, unit: Any, count: Any, signs: Any, n: Any, drawn: Any) -> Any:
    """Add what loops' inputs draw: the plus copy while low, the minus copy while high."""
    for i in range(n):
        for s in range(LANES):
            high = F(0.0)
            if signs == 2:
                high = block[n + i, s] * unit[i, 3]
            drawn[s] += high if count[i, s] > F(0.0) else block[i, s] * unit[i, 2]


def outputs(
    count: Any, table: Any, n_cells: Any, n: Any, columns: Any, block: Any, fed: Any, held: Any
) -> Any:
    """From set cells to the state's copied columns, its row's supply and the cells' own.

    Parameters
    ----------
    table
        (n, n_cells + 1, columns + 2): what each number of set cells makes of every column, of the
        row's supply and of the cells'.
    """
    clear(fed, 1)
    clear(held, 1)
    for i in range(n):
        for k in range(columns):
            first = table[i, 0, k]
            at = k * n + i
            if n_cells <= CHAIN:
                for s in range(LANES):
                    block[at, s] = first
                for j in range(1, n_cells + 1):
                    level, bound = table[i, j, k], F(j)
                    for s in range(LANES):
                        block[at, s] = level if count[i, s] >= bound else block[at, s]
            else:
                for s in range(LANES):
                    block[at, s] = table[i, np.int64(count[i, s]), k]
        if n_cells <= CHAIN:
            first, last = table[i, 0, columns], table[i, 0, columns + 1]
            for s in range(LANES):
                fed[0, s] += first
                held[0, s] += last
            for j in range(1, n_cells + 1):
                a = table[i, j, columns] - table[i, j - 1, columns]
                b = table[i, j, columns + 1] - table[i, j - 1, columns + 1]
                bound = F(j)
                for s in range(LANES):
                    on = count[i, s] >= bound
                    fed[0, s] += a if on else F(0.0)
                    held[0, s] += b if on else F(0.0)
        else:
            for s in range(LANES):
                cells = np.int64(count[i, s])
                fed[0, s] += table[i, cells, columns]
                held[0, s] += table[i, cells, columns + 1]


def take(total: Any, values: Any, n: Any, whole: Any, lengths: Any, frame: Any) -> Any:
    """Sum lines over the valid frames."""
    if whole:
        add(total, values, n)
        return
    for i in range(n):
        for s in range(LANES):
            total[i, s] += values[i, s] if frame < lengths[s] else F(0.0)


def keep_lines(kept: Any, first: Any, t: Any, values: Any, n: Any) -> Any:
    """Write lines of a frame to what is kept."""
    for i in range(n):
        for s in range(LANES):
            kept[first + i, t, s] = values[i, s]


def keep_states(kept: Any, first: Any, t: Any, count: Any, shown: Any, n: Any) -> Any:
    """Write the states of a frame, as the network counts them."""
    for i in range(n):
        for s in range(LANES):
            kept[first + i, t, s] = shown[i, np.int64(count[i, s])]


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
    count: Any,
    x: Any,
    lengths: Any,
    start: Any,
    ws: Any,
    static: Any,
    switching: Any,
    features: Any,
    keep: Any,
    outputs_kept: Any,
    candidates_kept: Any,
    states_kept: Any,
) -> Any:
    """Run one die on one block of frames; what the arrays are stands in the tables' module."""
    n_time, skew = x.shape[1], row_f[0, 1]
    widest = banks[0, 13]
    total, drag = lines(ws, 0, widest), lines(ws, widest * LANES, widest)
    edges = lines(ws, 2 * widest * LANES, 2 * widest)
    drawn = lines(ws, 4 * widest * LANES, 1)[0]
    mirror = np.zeros(LANES, np.float64)
    memory = np.zeros(LANES, np.float64)
    for t in range(n_time):
        frame, fresh = start + t, (start + t) % 2
        whole = True
        for s in range(LANES):
            mirror[s] = 0.0
            memory[s] = 0.0
            whole = whole and frame < lengths[s]
        for index in range(len(steps)):
            number = steps[index, 1]
            if steps[index, 0] == 0:
                row = rows[number]
                kind, n, first = row[0], row[1], row[2]
                signs, leaks, n_versions = row[3], row[4], row[5]
                if kind == 4:
                    continue
                columns = row[10]
                if kind == 3 and keep[1] == 1:
                    # The mean readout is linear: one product a sequence, at the end.
                    at = 0
                    for j in range(row[7], row[7] + row[8]):
                        leg = legs[j]
                        version = versions[rows[leg[0], 6] + reads[row[6], j - row[7]], 0]
                        take(
                            features[at : at + leg[5]],
                            lines(ws, version, leg[5]),
                            leg[5],
                            whole,
                            lengths,
                            frame,
                        )
                        at += leg[5]
                if kind == 3 and keep[0] == 0:
                    continue
                if n_versions > 1:
                    for j in range(row[7], row[7] + row[8]):
                        leg = legs[j]
                        source = rows[leg[0]]
                        for v in range(source[5]):
                            slot = v
                            if source[0] == 4:
                                # A state's earlier version was computed a frame ago.
                                if source[5] == 2 and v == 0:
                                    continue
                                slot = fresh
                            bring = lines(ws, leg[8] + 2 * slot * n * LANES, n)
                            pulls = lines(ws, leg[8] + (2 * slot + 1) * n * LANES, n)
                            clear(bring, n)
                            clear(pulls, n)
                            wire(leg, net, pull, ws, versions[source[6] + v, 0], bring, pulls)
                for v in range(n_versions):
                    block = lines(ws, versions[row[6] + v, 0], columns)
                    value = lines(ws, versions[row[6] + v, 1], n)
                    share = shares[row[6] + v]
                    if kind == 0:
                        take_inputs(x, t, value, n)
                    else:
                        fill(total, drag, node, first, n)
                        for j in range(row[7], row[7] + row[8]):
                            leg = legs[j]
                            source = rows[leg[0]]
                            read = reads[row[6] + v, j - row[7]]
                            if n_versions == 1:
                                wire(leg, net, pull, ws, versions[source[6] + read, 0], total, drag)
                            else:
                                slot = read
                                if source[0] == 4:
                                    slot = fresh if read == source[5] - 1 else 1 - fresh
                                add(total, lines(ws, leg[8] + 2 * slot * n * LANES, n), n)
                                add(drag, lines(ws, leg[8] + (2 * slot + 1) * n * LANES, n), n)
                    if kind == 3:
                        keep_lines(outputs_kept, 0, t, total, n)
                        continue
                    if kind == 1 and row[9] == 0:
                        candidate_rails(total, drag, node, first, skew, value, block, n)
                    elif kind == 2:
                        rectified_logs(total, drag, row_f[number, 0], value, block, n)
                        copied(block, n, 1, leaks, leak[number], least[number])
                    elif leaks == 0 and row[11] == 0 and kind == 1:
                        signed_block(total, drag, node, first, skew, block, n, mirror, share, drawn)
                        continue
                    elif leaks == 0 and kind == 0:
                        pin_block(value, node, first, block, n, mirror, share, drawn)
                        continue
                    else:
                        if kind == 0:
                            pin_logs(value, node, first, block, n)
                        else:
                            signed_logs(total, drag, node, first, skew, value, block, n)
                        copied(block, n, 2, leaks, leak[number], least[number])
                    supply(block, node, first, signs, n, mirror, share, drawn)
                continue
            bank = banks[number]
            candidate, threshold, state = bank[0], bank[1], bank[2]
            n, n_cells, clocked, signs = bank[5], bank[6], bank[7], bank[9]
            own = unit[bank[3] : bank[3] + n]
            own_copies = copies[:, bank[3] : bank[3] + n]
            row = rows[candidate]
            first = row[2]
            scale = row_f[candidate, 2]
            last = row[6] + row[5] - 1
            block = lines(ws, versions[last, 0], signs * n)
            if clocked == 1:
                for v in range(row[5]):
                    part = lines(ws, versions[row[6] + v, 0], signs * n)
                    weight = shares[row[6] + v] * scale
                    if bank[8] == 1:
                        b = lines(ws, versions[rows[threshold, 6] + v, 0], 2 * n)
                        windows(
                            part,
                            b,
                            own,
                            own_copies,
                            signs,
                            compared[number],
                            n,
                            memory,
                            weight,
                            drawn,
                        )
                    else:
                        comparators(part, own, signs, compared[number], n, memory, weight, drawn)
            if threshold < 0:
                fixed_thresholds(own, n, edges)
            else:
                b_row = rows[threshold]
                b = lines(ws, versions[b_row[6] + b_row[5] - 1, 0], b_row[3] * n)
                if bank[8] == 1:
                    window_thresholds(b, own_copies, signs, node, first, n, edges)
                else:
                    loop_thresholds(b, own, b_row[3], n, edges)
            c = lines(ws, versions[last, 1], n)
            if signs == 1:
                for i in range(n):
                    for s in range(LANES):
                        c[i, s] = maximum(c[i, s], F(0.0))
            levels = count[bank[3] : bank[3] + n]
            step(c, edges, own, levels, n_cells, clocked, n, drawn)
            for s in range(LANES):
                if frame < lengths[s]:
                    switching[s] += np.float64(drawn[s])
                drawn[s] = F(0.0)
            if keep[0] == 1:
                keep_lines(candidates_kept, bank[3], t, c, n)
                seen = shown[bank[4] : bank[4] + n * (n_cells + 1)].reshape(n, n_cells + 1)
                keep_states(states_kept, bank[3], t, levels, seen, n)
            if clocked == 0:
                loop_inputs(block, own, levels, signs, n, drawn)
                weigh(memory, np.float64(scale), drawn)
            s_row = rows[state]
            wide = bank[10] + 2
            size = n * (n_cells + 1) * wide
            course = table[bank[11] : bank[11] + size].reshape(n, n_cells + 1, wide)
            fed = lines(ws, bank[12] + 2 * fresh * LANES, 1)
            held = lines(ws, bank[12] + (2 * fresh + 1) * LANES, 1)
            outputs(
                levels,
                course,
                n_cells,
                n,
                bank[10],
                lines(ws, versions[s_row[6], 0], bank[10] * n),
                fed,
                held,
            )
            for v in range(s_row[5]):
                share = shares[s_row[6] + v]
                slot = fresh if v == s_row[5] - 1 else 1 - fresh
                for s in range(LANES):
                    mirror[s] += share * np.float64(ws[bank[12] + 2 * slot * LANES + s])
                    memory[s] += share * np.float64(ws[bank[12] + (2 * slot + 1) * LANES + s])
        for s in range(LANES):
            if frame < lengths[s]:
                static[0, s] += mirror[s]
                static[1, s] += memory[s]


def begin(
    rows: Any,
    versions: Any,
    legs: Any,
    banks: Any,
    net: Any,
    pull: Any,
    table: Any,
    count: Any,
    ws: Any,
) -> Any:
    """Put what states bring before the first frame where the frame before it would have."""
    for number in range(len(banks)):
        bank = banks[number]
        n, n_cells, state = bank[5], bank[6], bank[2]
        wide = bank[10] + 2
        size = n * (n_cells + 1) * wide
        course = table[bank[11] : bank[11] + size].reshape(n, n_cells + 1, wide)
        at = versions[rows[state, 6], 0]
        outputs(
            count[bank[3] : bank[3] + n],
            course,
            n_cells,
            n,
            bank[10],
            lines(ws, at, bank[10] * n),
            lines(ws, bank[12] + 2 * LANES, 1),
            lines(ws, bank[12] + 3 * LANES, 1),
        )
        for j in range(len(legs)):
            leg = legs[j]
            if leg[0] == state and leg[8] >= 0:
                m = leg[4]
                bring = lines(ws, leg[8] + 2 * m * LANES, m)
                pulls = lines(ws, leg[8] + 3 * m * LANES, m)
                clear(bring, m)
                clear(pulls, m)
                wire(leg, net, pull, ws, at, bring, pulls)


def finish(legs: Any, row: Any, node: Any, net: Any, features: Any, lengths: Any, out: Any) -> Any:
    """Return the mean outputs of sequences from the sums of what their last wirings copy."""
    n, first = row[1], row[2]
    clear(out, n)
    at = 0
    for j in range(row[7], row[7] + row[8]):
        leg = legs[j]
        columns = leg[5]
        weight = net[leg[2] : leg[2] + n * columns].reshape(n, columns)
        product(out, weight, features[at : at + columns], n, columns)
        at += columns
    for i in range(n):
        for s in range(LANES):
            out[i, s] = out[i, s] / F(lengths[s]) + node[first + i, 1]
