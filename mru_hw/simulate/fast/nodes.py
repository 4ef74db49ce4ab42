"""Nodes of a row: rails, what wirings copy of them, supply (`mru_hw.simulate.fast.loops`)."""

from __future__ import annotations

from typing import Any

from mru_hw.circuits.legs.leakage import branch_supply, leg_current
from mru_hw.circuits.nodes.laws import log_rail, rectified_node, signed_node, split
from mru_hw.simulate.fast.elementary import maximum
from mru_hw.simulate.fast.lines import CHUNK, LANES, F, weigh


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
    flowing, pulling = ws[total : total + n], ws[drag : drag + n]
    rails, currents = ws[block : block + 3 * n], ws[value : value + n]
    for i in range(n):
        i_q = node[first + i, 0]
        for s in range(LANES):
            current, log = signed_node(flowing[i, s], pulling[i, s], i_q, skew)
            currents[i, s] = current
            rails[i, s], rails[n + i, s] = split(current, i_q)
            rails[2 * n + i, s] = log


def pin_logs(ws: Any, value: Any, node: Any, first: Any, block: Any, n: Any) -> Any:
    """Rails of signed nodes whose currents are given and, behind those, logarithms."""
    rails, currents = ws[block : block + 3 * n], ws[value : value + n]
    for i in range(n):
        i_q = node[first + i, 0]
        for s in range(LANES):
            plus, minus = split(currents[i, s], i_q)
            rails[i, s] = plus
            rails[n + i, s] = minus
            rails[2 * n + i, s] = log_rail(plus, i_q)


def rectified_logs(
    ws: Any, total: Any, drag: Any, usual: Any, value: Any, block: Any, n: Any
) -> Any:
    """Solve diodes: their currents, rails and, behind those, logarithms."""
    flowing, pulling = ws[total : total + n], ws[drag : drag + n]
    rails, currents = ws[block : block + 2 * n], ws[value : value + n]
    for i in range(n):
        for s in range(LANES):
            current, log = rectified_node(flowing[i, s], pulling[i, s], usual)
            currents[i, s] = current
            rails[i, s] = maximum(current, F(0.0))
            rails[n + i, s] = log


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
            own, log = ws[block + sign * n + i], ws[logs + i]
            bent = ws[logs + sign * n + i]
            if leaks == 1:
                excess = ws[more + sign * n + i]
                if channel > F(1e-29):
                    for s in range(LANES):
                        own[s] = leg_current(own[s], channel, junction, slope)
                if other > F(1e-29):
                    for s in range(LANES):
                        passed = leg_current(maximum(own[s], floor), other, second, bend)
                        excess[s] = passed - own[s]
                else:
                    for s in range(LANES):
                        excess[s] = maximum(own[s], floor) - own[s]
            for s in range(LANES):
                bent[s] = own[s] * log[s]


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


def leaking_supply(
    ws: Any,
    block: Any,
    diodes: Any,
    node: Any,
    first: Any,
    signs: Any,
    least: Any,
    row: Any,
    n: Any,
    record: Any,
    share: Any,
    drawn: Any,
) -> Any:
    """Add what rows draw that leak, by what each branch carries.

    Parameters
    ----------
    diodes
        First line of the own diodes' currents, plus and then minus.
    """
    sums = ws[drawn]
    for i in range(n):
        for sign in range(signs):
            at, weight, floor = sign * n + i, 5 + 4 * sign, least[row, sign]
            own, flip = node[first + i, weight], node[first + i, weight + 1]
            legs, behind = node[first + i, weight + 2], node[first + i, weight + 3]
            diode, direct, excess = ws[diodes + at], ws[block + at], ws[block + 2 * signs * n + at]
            for s in range(LANES):
                sums[s] += branch_supply(
                    diode[s], direct[s], excess[s], floor, own, flip, legs, behind
                )
        if i % CHUNK == CHUNK - 1:
            weigh(record, 0, share, ws, drawn)
    weigh(record, 0, share, ws, drawn)
