"""Noise of decisions in the kernel: drawn where it can decide (`mru_hw.simulate.fast.loops`).

A unit's candidate is disturbed if it lies within the bound of its noise of a threshold. The bound
(`reach`) is arithmetic of lanes, as all of the kernel; what lies within is rare, and taken lane
by lane: draws, then the bound with their sizes (`within`), and only where that leaves a doubt the
noise itself (`mru_hw.simulate.fast.noise_lane`). Each of them is a
function of the lane's own currents, so its bits depend on nothing else. ``noise`` is the tuple that
`mru_hw.simulate.fast.noise_tables` makes; columns of its tables stand there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.simulate.fast.elementary import maximum, minimum
from mru_hw.simulate.fast.lines import LANES, F
from mru_hw.simulate.fast.noise_lane import disturbed, listen, walk
from mru_hw.simulate.noise_laws import sigma
from mru_hw.variation.noise import ROUNDS, mixed, next_key, normal

LINES: Any = 8
"""Lines of a bound before those of its units: amplitudes of shared and of own draws, a frame and a
sequence; both of each; how many units are near, and the last of them."""


def ask(asked: Any, at: Any, n: Any, stream: Any, sequence: Any) -> Any:
    """Ask for the first n draws of a stream of a sequence, four to a counter; return what follows.

    Parameters
    ----------
    asked
        (3, counters): the words of a counter that are not the frame.
    at
        Number of the first counter.
    """
    groups = (n + 3) >> 2
    for group in range(groups):
        asked[0, at + group] = np.uint64(group)
        asked[1, at + group] = sequence
        asked[2, at + group] = np.uint64(stream)
    return at + groups


def answer(asked: Any, n: Any, frame: Any, key: Any, words: Any) -> Any:
    """Write the four random words of each counter that was asked for (Philox, round by round)."""
    group, which, stream, k0, k1 = asked[0], asked[1], asked[2], key[0], key[1]
    first, second, third, fourth = words[0], words[1], words[2], words[3]
    for k in range(n):
        first[k], second[k], third[k], fourth[k] = group[k], frame, which[k], stream[k]
    for _ in range(ROUNDS):
        for k in range(n):
            a, b, c, d = mixed(first[k], second[k], third[k], fourth[k], k0, k1)
            first[k] = a
            second[k] = b
            third[k] = c
            fourth[k] = d
        k0, k1 = next_key(k0, k1)


def numbers(words: Any, begin_at: Any, end: Any, z: Any) -> Any:
    """Write the draws of counters' words."""
    for lane in range(4):
        word, out = words[lane], z[lane]
        for k in range(begin_at, end):
            out[k] = F(normal(word[k]))


def hold(noise: Any) -> Any:
    """Draw what holds over the sequences of a group: by lane, of each bank's units, bias, nodes."""
    banks, held, asked, words, z = noise.banks, noise.held, noise.asked, noise.words, noise.z
    key, sequences, largest, n_lanes = noise.key, noise.sequences, noise.held_most, noise.mode[1]
    for number in range(len(banks)):
        place, n_units, n_nodes = banks[number, 8], banks[number, 9], banks[number, 10]
        for s in range(n_lanes):
            which = sequences[s]
            bias = ask(asked, 0, n_units, banks[number, 5], which)
            nodes = ask(asked, bias, 1, banks[number, 6], which)
            n = ask(asked, nodes, n_nodes, banks[number, 7], which)
            answer(asked, n, np.uint64(0), key, words)
            numbers(words, 0, n, z)
            for i in range(n_units):
                held[s, place + i] = z[i & 3, i >> 2]
            held[s, place + n_units] = z[0, bias]
            most = F(0.0)
            for j in range(n_nodes):
                drawn = z[j & 3, nodes + (j >> 2)]
                held[s, place + n_units + 1 + j] = drawn
                most = maximum(most, abs(drawn))
            largest[s, number] = most


def weigh_nodes(
    ws: Any, block: Any, n: Any, signs: Any, weights: Any, at: Any, white: Any, flicker: Any
) -> Any:
    """Add the weighed noise of a row's currents to a bound's two lines."""
    linear, squared = ws[white], ws[flicker]
    full = n - n % 4 if signs == 2 else 0
    for i in range(0, full, 4):
        w = at + i
        a0, a1, a2, a3 = weights[w, 0], weights[w + 1, 0], weights[w + 2, 0], weights[w + 3, 0]
        b0, b1, b2, b3 = weights[w, 1], weights[w + 1, 1], weights[w + 2, 1], weights[w + 3, 1]
        plus, minus = ws[block + i : block + i + 4], ws[block + n + i : block + n + i + 4]
        for s in range(LANES):
            p, q = plus[0, s] + minus[0, s], plus[1, s] + minus[1, s]
            u, v = plus[2, s] + minus[2, s], plus[3, s] + minus[3, s]
            linear[s] += a0 * p + a1 * q + a2 * u + a3 * v
            squared[s] += b0 * p * p + b1 * q * q + b2 * u * u + b3 * v * v
    for i in range(full, n):
        a, b, c = weights[at + i, 0], weights[at + i, 1], weights[at + i, 2]
        plus, minus = ws[block + i], ws[block + (signs - 1) * n + i]
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


def reach(
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
    most: Any,
    lines: Any,
    c: Any,
    edges: Any,
) -> Any:
    """Mark the units that noise could move over a threshold, and by lane how many there are.

    What noise is at most: `mru_hw.simulate.noise_draw.Part.most`, with each node's variance by what
    it is at most of all currents before it.
    """
    first, n, marks = banks[number, 17], banks[number, 9], lines + LINES
    for k in range(4):
        start = least[number, k]
        for s in range(LANES):
            ws[lines + k, s] = start
    at = banks[number, 11]
    for k in range(banks[number, 0], banks[number, 1]):
        row = walks[k]
        block = versions[rows[row, 6] + rows[row, 5] - 1, 0]
        weigh_nodes(ws, block, rows[row, 1], rows[row, 3], weights, at, lines, lines + 1)
        at += rows[row, 1]
    candidate = banks[number, 12]
    for leg in range(rows[candidate, 7], rows[candidate, 7] + rows[candidate, 8]):
        row = legs[leg, 0]
        block = versions[rows[row, 6] + rows[row, 5] - 1, 0]
        weigh_nodes(ws, block, rows[row, 1], rows[row, 3], weights, at, lines + 2, lines + 3)
        at += rows[row, 1]
    white, fast, slow = bank[number, 0], bank[number, 1], bank[number, 2]
    for s in range(LANES):
        nodes, own = np.sqrt(slow * ws[lines + 1, s]), np.sqrt(slow * ws[lines + 3, s])
        ws[lines, s] = sigma(ws[lines, s], ws[lines + 1, s], white, fast)
        ws[lines + 2, s] = sigma(ws[lines + 2, s], ws[lines + 3, s], white, fast)
        ws[lines + 1, s] = nodes
        ws[lines + 3, s] = own
        ws[lines + 4, s] = ws[lines, s] + nodes
        ws[lines + 5, s] = ws[lines + 2, s] + own
        ws[lines + 6, s] = F(0.0)
        ws[lines + 7, s] = F(0.0)
    by_nodes, by_legs = ws[lines + 4], ws[lines + 5]
    near_by, last = ws[lines + 6], ws[lines + 7]
    turn = F(1.0) if banks[number, 14] == 1 else F(-1.0)
    for i in range(n):
        fixed, legs_most, nodes_most = most[first + i, 0], most[first + i, 1], most[first + i, 2]
        values, up, down, mark = ws[c + i], ws[edges + i], ws[edges + n + i], ws[marks + i]
        index = F(i)
        for s in range(LANES):
            gap = minimum(abs(values[s] - up[s]), abs(values[s] + turn * down[s]))
            bound = fixed + legs_most * by_legs[s] + nodes_most * by_nodes[s]
            near = F(1.0) if gap <= bound else F(0.0)
            mark[s] = near
            near_by[s] += near
            last[s] = index if gap <= bound else last[s]


def within(
    ws: Any,
    s: Any,
    number: Any,
    i: Any,
    own_draw: Any,
    bias_draw: Any,
    begin_at: Any,
    c: Any,
    edges: Any,
    lines: Any,
    banks: Any,
    bank: Any,
    most: Any,
    size: Any,
    z: Any,
    held: Any,
    held_most: Any,
) -> Any:
    """Tell whether noise can move a unit over a threshold in one lane, now that draws are known.

    As `reach`, with the sizes of the draws in place of the largest there is.
    """
    n, n_nodes, unit = banks[number, 9], banks[number, 10], banks[number, 17] + i
    place, at = banks[number, 8], banks[number, 20] + i * n_nodes
    weighed = F(0.0)
    for j in range(n_nodes):
        drawn = z[j & 3, begin_at + (j >> 2)]
        weighed += size[at + j] * drawn * drawn
    own, own_held = abs(own_draw), abs(held[s, place + i])
    bound = (most[unit, 3] + most[unit, 6] * ws[lines + 2, s]) * own
    bound += (most[unit, 4] + most[unit, 6] * ws[lines + 3, s]) * own_held
    bias = bank[number, 3] * abs(bias_draw)
    bias += bank[number, 4] * abs(held[s, place + n])
    bound += most[unit, 5] * bias + most[unit, 7] * np.sqrt(weighed) * ws[lines, s]
    bound += most[unit, 8] * held_most[s, number] * ws[lines + 1, s]
    v, down = ws[c + i, s], ws[edges + n + i, s]
    other = v + down if banks[number, 14] == 1 else v - down
    return minimum(abs(v - ws[edges + i, s]), abs(other)) <= bound


def disturb(
    ws: Any,
    number: Any,
    frame: Any,
    lengths: Any,
    rows: Any,
    versions: Any,
    legs: Any,
    row_f: Any,
    node: Any,
    copies: Any,
    c: Any,
    edges: Any,
    lines: Any,
    noise: Any,
) -> Any:
    """Add noise to a bank's candidates: wherever it can decide, or everywhere."""
    # Once: taking an array out of the tuple costs as much as a node.
    mode, banks, walks, kinds, wires = noise.mode, noise.banks, noise.walks, noise.rows, noise.wires
    bank, unit, at_node, key, sequences = (
        noise.bank,
        noise.unit,
        noise.node,
        noise.key,
        noise.sequences,
    )
    own_legs, path, unit_legs, unit_path = noise.legs, noise.path, noise.unit_legs, noise.unit_path
    most, size, held, held_most = noise.most, noise.size, noise.held, noise.held_most
    heard, moved, taken, sums = noise.heard, noise.moved, noise.taken, noise.sums
    asked, words, z, near, device = noise.asked, noise.words, noise.z, noise.near, noise.device[0]
    n, n_nodes, first = banks[number, 9], banks[number, 10], rows[banks[number, 12], 2]
    everywhere = mode[0] == 2 or banks[number, 13] >= 0
    if not everywhere:
        reach(
            ws,
            number,
            rows,
            versions,
            legs,
            banks,
            walks,
            noise.weights,
            bank,
            noise.least,
            most,
            lines,
            c,
            edges,
        )
    # Lanes, of each its units, and the draws of both: nodes and bias first.
    n_near, counters, groups = 0, 0, (n_nodes + 3) >> 2
    for s in range(mode[1]):
        if frame < lengths[s] and (everywhere or ws[lines + 6, s] > F(0.0)):
            near[0, n_near] = s
            n_near += 1
            counters = ask(asked, counters, n_nodes, banks[number, 4], sequences[s])
    shared = counters
    for k in range(n_near):
        counters = ask(asked, counters, 1, banks[number, 3], sequences[near[0, k]])
    own = counters
    for k in range(n_near):
        s, i, left = near[0, k], n - 1, n
        if not everywhere:
            i, left = int(ws[lines + 7, s]), int(ws[lines + 6, s])
        near[1, k] = left
        while left > 0:
            if everywhere or ws[lines + LINES + i, s] > F(0.0):
                asked[0, counters] = np.uint64(i >> 2)
                asked[1, counters] = sequences[s]
                asked[2, counters] = np.uint64(banks[number, 2])
                near[2, counters] = i
                counters += 1
                left -= 1
            i -= 1
    answer(asked, counters, np.uint64(frame), key, words)
    numbers(words, 0, shared, z)
    for k in range(n_near):
        s, walked = near[0, k], False
        bias_draw = F(normal(words[0, shared + k]))
        for _ in range(near[1, k]):
            i = near[2, own]
            own_draw = F(normal(words[i & 3, own]))
            own += 1
            if not everywhere and not within(
                ws,
                s,
                number,
                i,
                own_draw,
                bias_draw,
                k * groups,
                c,
                edges,
                lines,
                banks,
                bank,
                most,
                size,
                z,
                held,
                held_most,
            ):
                continue
            if not walked:
                walk(
                    ws,
                    s,
                    banks[number, 0],
                    banks[number, 1],
                    rows,
                    versions,
                    legs,
                    row_f,
                    walks,
                    kinds,
                    wires,
                    at_node,
                    own_legs,
                    path,
                    device,
                    heard,
                    taken,
                    sums,
                )
                listen(
                    s,
                    number,
                    k * groups,
                    banks,
                    rows,
                    legs,
                    wires,
                    bank,
                    held,
                    z,
                    heard,
                    moved,
                )
                walked = True
            ws[c + i, s] += disturbed(
                ws,
                s,
                number,
                i,
                own_draw,
                bias_draw,
                banks,
                rows,
                row_f,
                kinds,
                at_node,
                node[first + i, 0],
                copies,
                c,
                edges,
                device,
                bank,
                unit,
                held,
                unit_legs,
                unit_path,
                heard,
                moved,
            )
