"""The kernel's loops, in text that a compiler takes (`mru_hw.simulate.fast.source`).

One call runs one die on sequences, `LANES` at a time, frame after frame, with everything it needs
in a core's cache; a lane that ends takes the next sequence (`mru_hw.simulate.fast.lanes`). The
innermost loop of every function runs over lanes, every lane does the same arithmetic in the same
order and none looks at another, so its bits depend on neither its neighbours nor their number.

The steps are those of the flow (`mru_hw.mapping.flow`), the numbers those of a `Program`, both
laid out by `mru_hw.simulate.fast.tables`, which names the columns. All that lanes have is lines of
one workspace ``ws``, (lines, lanes), and is named by its first line: a slice of it would cost more
than a node. A row's *block* holds the lines of a version: the columns that wirings copy
(`mru_hw.simulate.rows.Rails`), or the rails that comparators read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.simulate.fast.lanes import go_on, locate, part_ways, remember, take_up
from mru_hw.simulate.fast.lines import (
    LANES,
    add,
    charge,
    clear,
    draw,
    fill,
    join,
    keep_lines,
    keep_states,
    read_lines,
    take,
    weigh,
    wire,
)
from mru_hw.simulate.fast.nodes import (
    candidate_rails,
    copied,
    leaking_supply,
    pin_block,
    pin_logs,
    rectified_logs,
    signed_block,
    signed_logs,
    signed_supply,
    supply,
)
from mru_hw.simulate.fast.noise import disturb, tune_in
from mru_hw.simulate.fast.units import (
    comparators,
    fixed_thresholds,
    loop_inputs,
    loop_thresholds,
    outputs,
    rectify,
    step,
    window_thresholds,
    windows,
)


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


def run(
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
    cells: Any,
    lanes: Any,
    most: Any,
    ws: Any,
    record: Any,
    keep: Any,
    outputs_kept: Any,
    candidates_kept: Any,
    states_kept: Any,
    noise: Any,
) -> Any:
    """Run one die until nothing waits, or for `most` frames; the tables' module has the arrays.

    Parameters
    ----------
    x
        (input, column).
    cells
        Set cells of all units before the first frame, then zeros: sums of the last row.
    """
    skew, left, totals, at_x = row_f[0, 1], lanes.left, lanes.totals, lanes.at
    features, widest = keep[2], keep[3]
    total, drag, edges, drawn = 0, widest, 2 * widest, 4 * widest
    clear(ws, drawn, 1)
    for t in range(most):
        busy, taken = take_up(ws, banks, cells, keep, lanes)
        if busy == 0:
            break
        fresh = lanes.queue[2]
        if taken > 0:
            begin(rows, versions, legs, banks, node, net, pull, table, ws, fresh)
            if noise is not None:
                tune_in(taken, lanes, noise)
        locate(lanes)
        if lanes.queue[4] > 1:
            remember(ws, banks, keep, lanes)
        whole = busy == LANES
        for s in range(LANES):
            record[0, s] = 0.0
            record[1, s] = 0.0
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
                        take(ws, at, read, legs[leg, 5], whole, left)
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
                        read_lines(ws, value, x, at_x, n)
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
                    if leaks == 1:
                        # What the diodes carry, which copies overwrite.
                        clear(ws, edges, signs * n)
                        add(ws, edges, block, signs * n)
                    copied(ws, block, n, signs, leaks, leak, least, number)
                    if leaks == 1:
                        leaking_supply(
                            ws,
                            block,
                            edges,
                            node,
                            first,
                            signs,
                            least,
                            number,
                            n,
                            record,
                            share,
                            drawn,
                        )
                    else:
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
            if noise is not None:  # a compiled function without noise has nothing of it
                disturb(
                    ws,
                    number,
                    lanes,
                    rows,
                    versions,
                    legs,
                    row_f,
                    node,
                    copies,
                    c,
                    edges,
                    count,
                    n_cells,
                    signs,
                    noise,
                )
            if signs == 1:
                rectify(ws, c, n)
            step(ws, c, edges, unit, first, count, n_cells, clocked, n, drawn)
            charge(totals[2], ws[drawn], left)
            if keep[0] == 1:
                keep_lines(candidates_kept, first, t, ws, c, n)
                at = banks[number, 4]
                keep_states(states_kept, first, t, ws, count, shown, at, n_cells, n)
            if clocked == 0:
                loop_inputs(ws, block, unit, first, count, signs, rows[candidate, 4], n, drawn)
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
        draw(totals[0], record[0], left)
        draw(totals[1], record[1], left)
        if noise is not None:
            part_ways(lanes, noise.scales)
        go_on(ws, keep, lanes)


def begin(
    rows: Any,
    versions: Any,
    legs: Any,
    banks: Any,
    node: Any,
    net: Any,
    pull: Any,
    table: Any,
    ws: Any,
    fresh: Any,
) -> Any:
    """Write what states bring into a frame from the one before, where that one had it."""
    for number in range(len(banks)):
        n, n_cells, state = banks[number, 5], banks[number, 6], banks[number, 2]
        columns, course = banks[number, 10], banks[number, 11]
        sums, count = banks[number, 12], banks[number, 13]
        at = versions[rows[state, 6], 0]
        outputs(ws, count, table, course, n_cells, n, columns, at, sums + 2 * (1 - fresh))
        for leg in range(len(legs)):
            if legs[leg, 0] == state and legs[leg, 8] >= 0:
                bring(ws, leg, 1 - fresh, at, rows, legs, node, net, pull)
