"""Units of a bank: comparators, thresholds, steps and outputs (`mru_hw.simulate.fast.loops`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.circuits.legs.leakage import leg_current
from mru_hw.circuits.nodes.laws import net_current
from mru_hw.circuits.window.law import meeting_rail
from mru_hw.simulate.fast.elementary import maximum, minimum
from mru_hw.simulate.fast.lines import CHAIN, CHUNK, LANES, F, clear, weigh


def compare_side(
    ws: Any, rail: Any, copy: Any, leg: Any, leak: Any, bank: Any, sign: Any, drawn: Any
) -> Any:
    """Add what one side of a unit's comparators draws."""
    rails, sums = ws[rail], ws[drawn]
    channel, junction, slope = leak[bank, sign, 0], leak[bank, sign, 1], leak[bank, sign, 2]
    if channel > F(1e-29):
        for s in range(LANES):
            sums[s] += minimum(leg_current(rails[s], channel, junction, slope) * copy, leg)
    else:
        for s in range(LANES):
            sums[s] += minimum(rails[s] * copy, leg)


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
    for i in range(n):
        up_copy, down_copy = unit[first + i, 2], unit[first + i, 3]
        up_leg, down_leg = unit[first + i, 4], unit[first + i, 5]
        compare_side(ws, block + i, up_copy, up_leg, leak, bank, 0, drawn)
        if signs == 2:
            compare_side(ws, block + n + i, down_copy, down_leg, leak, bank, 1, drawn)
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
    up_leaks, down_leaks = leak[bank, 0, 0] > F(1e-29), leak[bank, 1, 0] > F(1e-29)
    sums = ws[drawn]
    for i in range(n):
        u = first + i
        b_plus, b_minus = ws[carried + i], ws[carried + n + i]
        plus, minus = ws[block + i], ws[block + (signs - 1) * n + i]
        opposite = copies[2, u] if signs == 2 else F(0.0)
        for s in range(LANES):
            up = b_plus[s] * copies[0, u] + b_minus[s] * copies[1, u] + minus[s] * opposite
            copied_plus = plus[s]
            if up_leaks:
                copied_plus = leg_current(
                    copied_plus, leak[bank, 0, 0], leak[bank, 0, 1], leak[bank, 0, 2]
                )
            sums[s] += minimum(copied_plus * unit[u, 2], unit[u, 4] * up)
        if signs == 2:
            for s in range(LANES):
                down = b_plus[s] * copies[3, u] + b_minus[s] * copies[4, u] + plus[s] * copies[5, u]
                copied_minus = minus[s]
                if down_leaks:
                    copied_minus = leg_current(
                        copied_minus, leak[bank, 1, 0], leak[bank, 1, 1], leak[bank, 1, 2]
                    )
                sums[s] += minimum(copied_minus * unit[u, 3], unit[u, 5] * down)
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


def stepped(old: Any, v: Any, up: Any, down: Any, clocked: Any, top: Any) -> Any:
    """Return how many cells are set after a candidate `v`."""
    rises = F(1.0) if v >= up else F(0.0)
    below = v <= -down if clocked == 1 else not v >= down
    falls = F(1.0) if below else F(0.0)
    # Never both: a candidate that asks for both asks for the step up.
    return minimum(maximum(old + rises - falls * (F(1.0) - rises), F(0.0)), top)


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
            old = ws[count + i, s]
            new = stepped(old, ws[c + i, s], ws[edges + i, s], ws[edges + n + i, s], clocked, top)
            ws[count + i, s] = new
            ws[moved, s] += abs(new - old) * charge


def rectify(ws: Any, c: Any, n: Any) -> Any:
    """Leave what is not negative."""
    for i in range(n):
        for s in range(LANES):
            ws[c + i, s] = maximum(ws[c + i, s], F(0.0))


def loop_inputs(
    ws: Any,
    block: Any,
    unit: Any,
    first: Any,
    count: Any,
    signs: Any,
    leaks: Any,
    n: Any,
    drawn: Any,
) -> Any:
    """Add what loops' inputs draw: the plus copy while low, the minus copy while high.

    Both hang on rails behind a flip.
    """
    more = block + 2 * signs * n
    for i in range(n):
        up_copy, down_copy = unit[first + i, 2], unit[first + i, 3]
        for s in range(LANES):
            plus, minus = ws[block + i, s], F(0.0)
            if signs == 2:
                minus = ws[block + n + i, s]
            if leaks == 1:
                plus += ws[more + i, s]
                if signs == 2:
                    minus += ws[more + n + i, s]
            ws[drawn, s] += minus * down_copy if ws[count + i, s] > F(0.0) else plus * up_copy


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
