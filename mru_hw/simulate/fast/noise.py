"""Noise of decisions in the kernel: drawn where it can decide (`mru_hw.simulate.fast.loops`).

A unit's candidate is disturbed if it lies within the bound of its noise of a threshold. The bound
(`reach`) is arithmetic of lanes, as all of the kernel; what lies within is rare, and taken lane
by lane: the noise of the nodes before the bank (`walk`), draws, amplitudes. Each of them is a
function of the lane's own currents, so its bits depend on nothing else. ``noise`` is the tuple that
`mru_hw.simulate.fast.noise_tables` makes; columns of its tables stand there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.simulate.fast.elementary import maximum, minimum
from mru_hw.simulate.fast.lines import LANES, F, clear
from mru_hw.simulate.noise_laws import meeting, own_devices, passed, sigma
from mru_hw.variation.noise import normal, normal_at, philox


def draws(
    out: Any, at: Any, n: Any, k0: Any, k1: Any, stream: Any, sequence: Any, frame: Any
) -> Any:
    """Write the first draws of a stream in a frame of a sequence."""
    for group in range((n + 3) // 4):
        a, b, c, d = philox(np.uint64(group), frame, sequence, stream, k0, k1)
        i = at + 4 * group
        left = n - 4 * group
        out[i] = F(normal(a))
        if left > 1:
            out[i + 1] = F(normal(b))
        if left > 2:
            out[i + 2] = F(normal(c))
        if left > 3:
            out[i + 3] = F(normal(d))


def hold(noise: Any) -> Any:
    """Draw what holds over the sequences of a group: by lane, of each bank's units, bias, nodes."""
    banks, key, held = noise.banks, noise.key, noise.held
    at_first = np.uint64(0)
    for number in range(len(banks)):
        at, n_units, n_nodes = banks[number, 8], banks[number, 9], banks[number, 10]
        for s in range(noise.mode[1]):
            which = noise.sequences[s]
            own, bias, nodes = banks[number, 5], banks[number, 6], banks[number, 7]
            draws(held[s], at, n_units, key[0], key[1], np.uint64(own), which, at_first)
            draws(held[s], at + n_units, 1, key[0], key[1], np.uint64(bias), which, at_first)
            draws(
                held[s],
                at + n_units + 1,
                n_nodes,
                key[0],
                key[1],
                np.uint64(nodes),
                which,
                at_first,
            )


def weigh_nodes(
    ws: Any, block: Any, n: Any, signs: Any, weights: Any, at: Any, white: Any, flicker: Any
) -> Any:
    """Add the weighed noise of a row's currents to a bound's two lines."""
    linear, squared = ws[white], ws[flicker]
    for i in range(n):
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
    noise: Any,
    lines: Any,
    c: Any,
    edges: Any,
    first: Any,
    clocked: Any,
    n: Any,
) -> Any:
    """Mark the units that noise could move over a threshold, and by lane whether there are any.

    What noise is at most: `mru_hw.simulate.noise_draw.Part.most`, with each node's variance by what
    it is at most of all currents before it.
    """
    banks, walks, weights = noise.banks, noise.walks, noise.weights
    marks, any_near = lines + 4, lines + 4 + n
    for k in range(4):
        for s in range(LANES):
            ws[lines + k, s] = noise.least[number, k]
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
    white, fast, slow = noise.bank[number, 0], noise.bank[number, 1], noise.bank[number, 2]
    for s in range(LANES):
        held, own = np.sqrt(slow * ws[lines + 1, s]), np.sqrt(slow * ws[lines + 3, s])
        ws[lines, s] = held + sigma(ws[lines, s], ws[lines + 1, s], white, fast)
        ws[lines + 1, s] = own + sigma(ws[lines + 2, s], ws[lines + 3, s], white, fast)
    clear(ws, any_near, 1)
    for i in range(n):
        fixed, by_legs = noise.most[first + i, 0], noise.most[first + i, 1]
        by_nodes = noise.most[first + i, 2]
        for s in range(LANES):
            v, down = ws[c + i, s], ws[edges + n + i, s]
            gap = minimum(abs(v - ws[edges + i, s]), abs(v + down if clocked == 1 else v - down))
            most = fixed + by_legs * ws[lines + 1, s] + by_nodes * ws[lines, s]
            near = F(1.0) if gap <= most else F(0.0)
            ws[marks + i, s] = near
            ws[any_near, s] += near


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
) -> Any:
    """Work out the noise of the rows before a bank in one lane, as `mru_hw.simulate.noise_walk`.

    Parameters
    ----------
    kinds, node, own, path
        ``rows``, ``node``, ``legs`` and ``path`` of the noise.
    heard
        By node its currents' sum, its legs' flicker variance, white and flicker variance of what
        it shares, and what of it a leg on the plus rail reads.
    """
    for k in range(begin_at, end):
        row = walks[k]
        n, first, signs = rows[row, 1], rows[row, 2], rows[row, 3]
        block = versions[rows[row, 6] + rows[row, 5] - 1, 0]
        scale, wide, arrives = row_f[row, 2], F(kinds[row, 1]), kinds[row, 0]
        for u in range(first, first + n):
            plus = ws[block + u - first, s] * scale
            total, squares, share = plus, plus * plus, F(1.0)
            if signs == 2:
                minus = ws[block + n + u - first, s] * scale
                total, squares = plus + minus, squares + minus * minus
                share = plus / total
            heard[0, u], heard[1, u], heard[4, u] = total, squares / wide, share
            # What arrives, before the legs: from the bias rail, or from cells.
            heard[2, u] = total if arrives == 2 else node[u, 0]
            heard[3, u] = total * device if arrives == 2 else node[u, 1]
        if arrives == 1:
            for leg in range(rows[row, 7], rows[row, 7] + rows[row, 8]):
                source, at, one_rail = legs[leg, 0], wires[leg, 0], wires[leg, 1]
                for u in range(rows[source, 2], rows[source, 2] + rows[source, 1]):
                    share = heard[4, u] if one_rail == 1 else F(1.0)
                    own_w, own_f = heard[0, u] * share, heard[1, u] * share * share
                    all_w, all_f = heard[2, u] * share * share, heard[3, u] * share * share
                    for i in range(n):
                        heard[2, first + i] += own[at + i] * own_w + path[at + i] * all_w
                        heard[3, first + i] += own[at + i] * own_f + path[at + i] * all_f
                    at += n
        for u in range(first, first + n):
            total, white, flicker = heard[0, u], F(0.0), F(0.0)
            if arrives > 0:
                white = heard[2, u] * passed(total, node[u, 2])
                flicker = heard[3, u] if total > F(0.0) else F(0.0)
            heard[2, u] = white + total
            heard[3, u] = flicker + heard[1, u]


def shared_draws(
    s: Any, number: Any, sequence: Any, frame: Any, rows: Any, legs: Any, noise: Any
) -> Any:
    """Draw the noise [A] of the nodes that a bank reads in one lane, by wiring and node."""
    banks, heard, key, moved = noise.banks, noise.heard, noise.key, noise.moved
    wires, rested = noise.wires, noise.held
    white, fast, slow = noise.bank[number, 0], noise.bank[number, 1], noise.bank[number, 2]
    n_nodes, candidate = banks[number, 10], banks[number, 12]
    draws(moved, 0, n_nodes, key[0], key[1], np.uint64(banks[number, 4]), sequence, frame)
    at, held = 0, banks[number, 8] + banks[number, 9] + 1
    for leg in range(rows[candidate, 7], rows[candidate, 7] + rows[candidate, 8]):
        n, begin_at = rows[legs[leg, 0], 1], rows[legs[leg, 0], 2]
        for j in range(n):
            u = begin_at + j
            share = heard[4, u] if wires[leg, 1] == 1 else F(1.0)
            all_w, all_f = heard[2, u] * share * share, heard[3, u] * share * share
            now = moved[at + j] * sigma(all_w, all_f, white, fast)
            moved[at + j] = now + np.sqrt(all_f * slow) * rested[s, held + at + j]
        at += n


def disturbed(
    ws: Any,
    s: Any,
    number: Any,
    i: Any,
    sequence: Any,
    frame: Any,
    rows: Any,
    legs: Any,
    row_f: Any,
    c: Any,
    edges: Any,
    copies: Any,
    rest: Any,
    noise: Any,
) -> Any:
    """Return the noise of a unit's candidate in one lane, in its unit (`DecisionNoise.parts`)."""
    banks, heard, key = noise.banks, noise.heard, noise.key
    wires, legs_own, path, moved, node = noise.wires, noise.legs, noise.path, noise.moved, noise.node
    n, candidate, threshold = banks[number, 9], banks[number, 12], banks[number, 13]
    scale, unit = row_f[candidate, 2], banks[number, 17] + i
    up, down = ws[edges + i, s], ws[edges + n + i, s]
    at, meets = up, up
    if banks[number, 14] == 1 and ws[c + i, s] < F(0.0):
        at = down if down < F(np.inf) else up
        meets = -at
    rail, root, steps = maximum(at * scale, F(0.0)), F(1.0), F(1.0)
    splits = F(0.0)
    if banks[number, 18] == 1:
        splits = rest * scale
        rail, root, steps = meeting(at * scale, splits)
    white, flicker = own_devices(
        rail,
        root,
        splits,
        F(banks[number, 15]),
        F(banks[number, 16]),
        F(noise.rows[candidate, 1]),
        noise.device[0],
    )
    if threshold >= 0 and banks[number, 19] == 1:
        u = rows[threshold, 2] + i
        gain = copies[0, unit] * (scale / row_f[threshold, 2])
        own = gain + F(2.0) * gain * gain
        white += heard[0, u] * own + heard[2, u] * gain * gain
        flicker += heard[1, u] * own + heard[3, u] * gain * gain
    white, flicker = white * steps, flicker * steps
    first = rows[candidate, 2]
    for leg in range(rows[candidate, 7], rows[candidate, 7] + rows[candidate, 8]):
        n_source, begin_at = rows[legs[leg, 0], 1], rows[legs[leg, 0], 2]
        place = wires[leg, 0] + i * n_source
        one_rail = wires[leg, 1]
        for j in range(n_source):
            u = begin_at + j
            share = heard[4, u] if one_rail == 1 else F(1.0)
            own = legs_own[place + j]
            white += own * heard[0, u] * share
            flicker += own * heard[1, u] * share * share
    white += node[first + i, 0]
    flicker += node[first + i, 1]
    held = banks[number, 8]
    drawn = F(normal_at(key[0], key[1], np.uint64(banks[number, 2]), sequence, frame, np.uint64(i)))
    total = sigma(white, flicker, noise.unit[unit, 0], noise.unit[unit, 1]) * drawn
    total += np.sqrt(flicker * noise.bank[number, 2]) * noise.held[s, held + i]
    drawn = F(normal_at(key[0], key[1], np.uint64(banks[number, 3]), sequence, frame, np.uint64(0)))
    bias = noise.bank[number, 3] * drawn + noise.bank[number, 4] * noise.held[s, held + n]
    total += (meets - node[first + i, 3]) * scale * bias
    at_node = 0
    for leg in range(rows[candidate, 7], rows[candidate, 7] + rows[candidate, 8]):
        n_source = rows[legs[leg, 0], 1]
        place = wires[leg, 0] + i * n_source
        for j in range(n_source):
            total += path[place + j] * moved[at_node + j]
        at_node += n_source
    return total * noise.bank[number, 5]


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
    banks, n = noise.banks, noise.banks[number, 9]
    first = rows[banks[number, 12], 2]
    walks, kinds, wires, at_node = noise.walks, noise.rows, noise.wires, noise.node
    own, path, device, heard, moved = noise.legs, noise.path, noise.device[0], noise.heard, noise.moved
    everywhere = noise.mode[0] == 2 or banks[number, 13] >= 0
    if not everywhere:
        reach(
            ws,
            number,
            rows,
            versions,
            legs,
            noise,
            lines,
            c,
            edges,
            banks[number, 17],
            banks[number, 14],
            n,
        )
    for s in range(noise.mode[1]):
        if frame >= lengths[s] or not (everywhere or ws[lines + 4 + n, s] > F(0.0)):
            continue
        sequence, time = noise.sequences[s], np.uint64(frame)
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
            own,
            path,
            device,
            heard,
        )
        moved[len(moved)-1]+=1
        shared_draws(s, number, sequence, time, rows, legs, noise)
        for i in range(n):
            if everywhere or ws[lines + 4 + i, s] > F(0.0):
                moved[len(moved)-2]+=1
                ws[c + i, s] += disturbed(
                    ws,
                    s,
                    number,
                    i,
                    sequence,
                    time,
                    rows,
                    legs,
                    row_f,
                    c,
                    edges,
                    copies,
                    node[first + i, 0],
                    noise,
                )
