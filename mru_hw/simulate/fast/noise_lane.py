"""Noise of some lanes in the kernel: of the nodes before a bank, and of its units.

Both are as numpy has them in `mru_hw.simulate.noise_walk` and `mru_hw.simulate.decision_noise`, for
the few lanes and frames in which noise can decide (`mru_hw.simulate.fast.noise`). Up to `PART`
lanes, wherever they stand, are taken together into lines of their own, whose first half has white
variances and whose second half flicker variances: so one matrix product does for both. Columns of
tables, and what the lines of ``heard`` hold, stand in `mru_hw.simulate.fast.noise_layout`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.simulate.fast.elementary import maximum
from mru_hw.simulate.fast.lines import F
from mru_hw.simulate.fast.lines import clear as clear_wide
from mru_hw.simulate.fast.lines import product as product_wide
from mru_hw.simulate.fast.units import stepped
from mru_hw.simulate.noise_laws import meeting, own_devices, passed, sigma

PART: Any = 32
"""Lanes taken together."""
WIDE: Any = 64
"""Numbers of a line, a half for white and a half for flicker variances."""


def gather(
    ws: Any, lanes: Any, taken: Any, block: Any, n: Any, signs: Any, heard: Any, at: Any
) -> Any:
    """Copy the rails of a row's nodes in the lanes taken: plus in the first half, then minus."""
    for i in range(n):
        own, plus, minus = heard[at + i], ws[block + i], ws[block + (signs - 1) * n + i]
        for k in range(taken):
            own[k] = plus[lanes[k]]
            own[PART + k] = minus[lanes[k]]
        if signs == 1:
            for k in range(PART):
                own[PART + k] = F(0.0)


def own_variances(n: Any, scale: Any, each: Any, heard: Any, at: Any) -> Any:
    """Turn rails into the variances of legs as large as a row's diodes."""
    for i in range(n):
        own = heard[at + i]
        for k in range(PART):
            plus, minus = own[k] * scale, own[PART + k] * scale
            own[k] = plus + minus
            own[PART + k] = (plus * plus + minus * minus) * each


def shares(n: Any, heard: Any, own: Any, at: Any) -> Any:
    """Write what of rails' variances legs on the plus rail alone read."""
    for i in range(n):
        rails, part = heard[own + i], heard[at + i]
        for k in range(PART):
            share = rails[k] / (rails[k] + rails[PART + k])
            part[k] = share
            part[PART + k] = share * share


def read(heard: Any, first: Any, n: Any, one_rail: Any, share: Any, own: Any, shared: Any) -> Any:
    """Copy what legs read of a row's nodes: of their own noise, and of what they share."""
    for j in range(n):
        one, two = heard[own + j], heard[shared + j]
        legs, node = heard[2 * first + j], heard[2 * first + n + j]
        for s in range(len(one)):
            one[s] = legs[s]
        for s in range(len(two)):
            two[s] = node[s]
        if one_rail == 1:
            part = heard[share + first + j]
            for s in range(WIDE):
                one[s] *= part[s]
            for k in range(PART):
                two[k] *= part[PART + k]
                two[PART + k] *= part[PART + k]


def arrive(
    row: Any,
    rows: Any,
    legs: Any,
    wires: Any,
    node: Any,
    paths: Any,
    device: Any,
    arrives: Any,
    heard: Any,
    places: Any,
) -> Any:
    """Write what arrives at a row's nodes, before their legs: nothing at inputs."""
    n, first = rows[row, 1], rows[row, 2]
    shared = 2 * first + n
    if arrives == 0:
        clear_wide(heard, shared, n)
        return
    for i in range(n):
        own, out = heard[2 * first + i], heard[shared + i]
        if arrives == 2:  # from cells
            for k in range(PART):
                out[k] = own[k]
                out[PART + k] = own[k] * device
        else:
            white, flicker = node[first + i, 0], node[first + i, 1]
            for k in range(PART):
                out[k] = white
                out[PART + k] = flicker
    if arrives == 2:
        return
    for leg in range(rows[row, 7], rows[row, 7] + rows[row, 8]):
        source, n_source = rows[legs[leg, 0], 2], rows[legs[leg, 0], 1]
        at = 2 * source
        if wires[leg, 1] == 1:
            at = places[1]
            read(heard, source, n_source, 1, places[0], at, at + n_source)
        product_wide(heard, shared, paths, wires[leg, 0], at, n, 2 * n_source)


def walk(
    ws: Any,
    lanes: Any,
    taken: Any,
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
    paths: Any,
    device: Any,
    heard: Any,
    places: Any,
) -> Any:
    """Work out the noise of the rows before a bank."""
    for number in range(begin_at, end):
        row = walks[number]
        n, first, signs, arrives = rows[row, 1], rows[row, 2], rows[row, 3], kinds[row, 0]
        block, at = versions[rows[row, 6] + rows[row, 5] - 1, 0], 2 * first
        gather(ws, lanes, taken, block, n, signs, heard, at)
        if kinds[row, 2] == 1:
            shares(n, heard, at, places[0] + first)
        own_variances(n, row_f[row, 2], F(1.0) / F(kinds[row, 1]), heard, at)
        arrive(row, rows, legs, wires, node, paths, device, arrives, heard, places)
        for i in range(n):
            corner, own, shared = node[first + i, 2], heard[at + i], heard[at + n + i]
            for k in range(PART):
                total = own[k]
                shared[k] = shared[k] * passed(total, corner) + total
            for k in range(PART):
                # A diode that is off passes nothing.
                flicker, total = shared[PART + k], own[k]
                shared[PART + k] = (flicker if total > F(0.0) else F(0.0)) + own[PART + k]


def sample(
    ws: Any,
    lanes: Any,
    taken: Any,
    number: Any,
    banks: Any,
    c: Any,
    edges: Any,
    held: Any,
    z: Any,
    heard: Any,
    places: Any,
) -> Any:
    """Copy what a bank's units have in the lanes taken.

    Draws of a frame stand in the first half and those of a sequence in the second; and where units
    decide stands beside the sign of the step.
    """
    n, n_nodes, place, clocked = (
        banks[number, 9],
        banks[number, 10],
        banks[number, 8],
        banks[number, 14],
    )
    for j in range(n_nodes + 1):
        # The bias rail's draw follows those of the nodes, but leads where draws are held.
        now, then = z[j], held[place + n + (j + 1 if j < n_nodes else 0)]
        draws = heard[places[6] + j]
        for k in range(taken):
            draws[k] = now[lanes[k]]
            draws[PART + k] = then[lanes[k]]
    for i in range(n):
        own, meets, then = heard[places[5] + i], heard[places[4] + i], held[place + i]
        ups, downs, candidates = ws[edges + i], ws[edges + n + i], ws[c + i]
        two, three = heard[places[2] + i], heard[places[3] + i]
        for k in range(taken):
            own[PART + k] = then[lanes[k]]
            meets[k] = ups[lanes[k]]
            two[k] = downs[lanes[k]]
            three[k] = candidates[lanes[k]]
        if clocked == 0:
            for k in range(PART):
                meets[PART + k] = F(1.0)
            continue
        for k in range(PART):
            up, down = meets[k], two[k]
            below = down if down < F(np.inf) else up
            meets[k] = below if three[k] < F(0.0) else up
            meets[PART + k] = F(-1.0) if three[k] < F(0.0) else F(1.0)


def listen(
    number: Any, banks: Any, rows: Any, legs: Any, wires: Any, bank: Any, heard: Any, places: Any
) -> Any:
    """Read the nodes before a bank's candidates, and turn what they share into currents."""
    white, fast, slow = bank[number, 0], bank[number, 1], bank[number, 2]
    candidate, n_nodes = banks[number, 12], banks[number, 10]
    own, moved = places[1], places[1] + n_nodes
    for leg in range(rows[candidate, 7], rows[candidate, 7] + rows[candidate, 8]):
        n, first = rows[legs[leg, 0], 1], rows[legs[leg, 0], 2]
        read(heard, first, n, wires[leg, 1], places[0], own, moved)
        own += n
        moved += n
    for j in range(n_nodes):
        shared, draws = heard[places[1] + n_nodes + j], heard[places[6] + j]
        for k in range(PART):
            flicker = shared[PART + k]
            now = draws[k] * sigma(shared[k], flicker, white, fast)
            shared[k] = now + np.sqrt(flicker * slow) * draws[PART + k]


def thresholds(
    number: Any, banks: Any, rows: Any, row_f: Any, copies: Any, heard: Any, places: Any
) -> Any:
    """Begin the variances of units with what the nodes of their thresholds bring, if they count."""
    n, threshold, sums = banks[number, 9], banks[number, 13], places[2]
    if banks[number, 19] == 0:
        clear_wide(heard, sums, n)
        return
    first, n_nodes = rows[threshold, 2], rows[threshold, 1]
    scale = row_f[banks[number, 12], 2] / row_f[threshold, 2]
    for i in range(n):
        gain = copies[0, banks[number, 17] + i] * scale
        one, two = gain + F(2.0) * gain * gain, gain * gain
        own, shared = heard[2 * first + i], heard[2 * first + n_nodes + i]
        for s in range(WIDE):
            heard[sums + i, s] = own[s] * one + shared[s] * two


def devices(
    number: Any,
    banks: Any,
    rows: Any,
    row_f: Any,
    kinds: Any,
    node: Any,
    rest: Any,
    device: Any,
    heard: Any,
    places: Any,
) -> Any:
    """Add the variances of units' own devices and bias legs; turn thresholds into currents.

    Parameters
    ----------
    rest
        By node; in its first column the quiescent current of splitters, in the row's unit.
    """
    candidate = banks[number, 12]
    scale, first = row_f[candidate, 2], rows[candidate, 2]
    counts, bias = F(banks[number, 15]), F(banks[number, 16])
    wide, splitters = F(kinds[candidate, 1]), banks[number, 18]
    for i in range(banks[number, 9]):
        white, flicker, splits = node[first + i, 0], node[first + i, 1], rest[first + i, 0] * scale
        sums, meets, constant = heard[places[2] + i], heard[places[4] + i], node[first + i, 3]
        if splitters == 1:
            for k in range(PART):
                rail, root, steps = meeting(meets[k] * scale, splits)
                one, two = own_devices(rail, root, splits, counts, bias, wide, device)
                sums[k] = (sums[k] + one) * steps + white
                sums[PART + k] = (sums[PART + k] + two) * steps + flicker
        else:
            for k in range(PART):
                rail = maximum(meets[k] * scale, F(0.0))
                one, two = own_devices(rail, F(1.0), F(0.0), counts, bias, wide, device)
                sums[k] += one + white
                sums[PART + k] += two + flicker
        for k in range(PART):
            meets[k] = (meets[PART + k] * meets[k] - constant) * scale


def total(
    number: Any,
    banks: Any,
    bank: Any,
    bands: Any,
    legs: Any,
    path: Any,
    heard: Any,
    places: Any,
) -> Any:
    """Write the noise of units' candidates [A] at scale 1 (`DecisionNoise.parts`).

    Parameters
    ----------
    bands, legs, path
        ``unit``, ``unit_legs`` and ``unit_path`` of the noise.
    """
    n, n_nodes, matrix = banks[number, 9], banks[number, 10], banks[number, 20]
    product_wide(heard, places[2], legs, matrix, places[1], n, n_nodes)
    clear_wide(heard, places[3], n)
    product_wide(heard, places[3], path, matrix, places[1] + n_nodes, n, n_nodes)
    slow, fresh, rested = bank[number, 2], bank[number, 3], bank[number, 4]
    rail = heard[places[6] + n_nodes]
    for k in range(PART):
        rail[k] = fresh * rail[k] + rested * rail[PART + k]
    for i in range(n):
        white, fast = bands[banks[number, 17] + i, 0], bands[banks[number, 17] + i, 1]
        sums, nodes = heard[places[2] + i], heard[places[3] + i]
        meets, own = heard[places[4] + i], heard[places[5] + i]
        for k in range(PART):
            flicker = sums[PART + k]
            found = sigma(sums[k], flicker, white, fast) * own[k]
            found += np.sqrt(flicker * slow) * own[PART + k]
            nodes[k] = found + (meets[k] * rail[k] + nodes[k])


def settle(
    ws: Any,
    number: Any,
    kept: Any,
    units: Any,
    lanes: Any,
    banks: Any,
    c: Any,
    edges: Any,
    count: Any,
    n_cells: Any,
    signs: Any,
    scaled: Any,
    points: Any,
    leave: Any,
    heard: Any,
    at: Any,
) -> Any:
    """Add noise to the candidates of each lane's first point; mark those that decide otherwise.

    Parameters
    ----------
    units
        (2, kept): unit, and number of the lane among those taken.
    scaled
        (bank, point): from the noise at scale 1 in amperes to the point's in the candidates' unit.
    at
        First line of the noise.
    """
    n, clocked, top = banks[number, 9], banks[number, 14], F(n_cells)
    for m in range(kept):
        i, k = units[0, m], units[1, m]
        s = lanes[k]
        found, plain, old = heard[at + i, k], ws[c + i, s], ws[count + i, s]
        up, down = ws[edges + i, s], ws[edges + n + i, s]
        mine, reference = points[s] & ~leave[s], F(-1.0)
        for p in range(scaled.shape[1]):
            if (mine >> p) & 1 == 0:
                continue
            # Where noise is none, it stands for nothing, whatever it is.
            v = plain + found * scaled[number, p] if scaled[number, p] > F(0.0) else plain
            asked = maximum(v, F(0.0)) if signs == 1 else v
            new = stepped(old, asked, up, down, clocked, top)
            if reference < F(0.0):
                ws[c + i, s], reference = v, new
            elif new != reference:
                leave[s] |= 1 << p
