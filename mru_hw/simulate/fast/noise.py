"""Noise of decisions in the kernel: drawn where it can decide (`mru_hw.simulate.fast.loops`).

A unit's candidate is disturbed if it lies within the bound of its noise of a threshold
(`mru_hw.simulate.fast.noise_reach`): first by the largest draws there are, then, in lanes that have
such a unit, by the draws of the nodes and of the bias rail, then, for units that are left, by their
own draw too. What is left then gets the noise itself (`mru_hw.simulate.fast.noise_lane`). Each step
is arithmetic of lanes that looks at nothing but a lane's own currents and draws, so its bits depend
on nothing else. ``noise`` is the tuple of `mru_hw.simulate.fast.noise_layout`; columns of its
tables stand there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.simulate.fast.lanes import loudest_of
from mru_hw.simulate.fast.lines import LANES, F, clear, product
from mru_hw.simulate.fast.noise_lane import (
    PART,
    devices,
    listen,
    sample,
    settle,
    thresholds,
    total,
    walk,
)
from mru_hw.simulate.fast.noise_reach import (
    MARKED,
    MARKS,
    amplitudes,
    narrow,
    reach,
    squares_at,
)
from mru_hw.variation.noise import ROUNDS, mixed, next_key, normal


def ask(asked: Any, at: Any, n: Any, stream: Any, sequence: Any, frame: Any) -> Any:
    """Ask for the first n draws of a stream of a sequence, four to a counter; return what follows.

    Parameters
    ----------
    asked
        (4, counters): the words of a counter, the frame last.
    at
        Number of the first counter.
    """
    groups = (n + 3) >> 2
    for group in range(groups):
        asked[0, at + group] = np.uint64(group)
        asked[1, at + group] = sequence
        asked[2, at + group] = np.uint64(stream)
        asked[3, at + group] = np.uint64(frame)
    return at + groups


def answer(asked: Any, n: Any, key: Any, words: Any) -> Any:
    """Write the four random words of each counter that was asked for (Philox)."""
    group, which, stream, frame = asked[0], asked[1], asked[2], asked[3]
    first, second, third, fourth = words[0], words[1], words[2], words[3]
    for k in range(n):
        a, b, c, d = group[k], frame[k], which[k], stream[k]
        k0, k1 = key[0], key[1]
        for _ in range(ROUNDS):
            a, b, c, d = mixed(a, b, c, d, k0, k1)
            k0, k1 = next_key(k0, k1)
        first[k] = a
        second[k] = b
        third[k] = c
        fourth[k] = d


def numbers(word: Any, begin_at: Any, end: Any, out: Any) -> Any:
    """Write the draws of words of counters."""
    for k in range(begin_at, end):
        out[k] = F(normal(word[k]))


def hold(noise: Any) -> Any:
    """Draw what holds over sequences, `LANES` after `LANES`, and put it where lanes take it up."""
    numbers_of, kept, held, sequences = noise.numbers, noise.store, noise.held, noise.sequences
    for start in range(0, len(numbers_of), LANES):
        part = min(LANES, len(numbers_of) - start)
        for s in range(part):
            sequences[s] = numbers_of[start + s]
        draw_held(part, noise)
        for line in range(len(held)):
            for s in range(part):
                kept[start + s, line] = held[line, s]


def tune_in(taken: Any, lanes: Any, noise: Any) -> Any:
    """Give lanes what holds over the sequences that they have taken up."""
    held, kept = noise.held, noise.store
    for k in range(taken):
        s = lanes.taken[k]
        which = lanes.sequence[s]
        lanes.loudest[s] = loudest_of(lanes.points[s], noise.scales)
        noise.sequences[s] = noise.numbers[which]
        for line in range(len(held)):
            held[line, s] = kept[which, line]


def draw_held(n: Any, noise: Any) -> Any:
    """Draw what holds over the sequences of n lanes: of each bank's units, bias rail, nodes.

    Behind these lines stand those that bounds need: of each unit what the draws of its nodes, and
    what its own and the bias rail's, make at most.
    """
    banks, held, asked, words, z = noise.banks, noise.held, noise.asked, noise.words, noise.flat
    key, sequences, most, bank, room = (
        noise.key,
        noise.sequences,
        noise.most,
        noise.bank,
        noise.room,
    )
    for number in range(len(banks)):
        place, n_units, n_nodes = banks[number, 8], banks[number, 9], banks[number, 10]
        rail = place + n_units
        for s in range(n):
            bias = ask(asked, 0, n_units, banks[number, 5], sequences[s], 0)
            nodes = ask(asked, bias, 1, banks[number, 6], sequences[s], 0)
            counters = ask(asked, nodes, n_nodes, banks[number, 7], sequences[s], 0)
            answer(asked, counters, key, words)
            for word in range(4):
                numbers(words[word], 0, counters, z[word])
            for i in range(n_units):
                held[place + i, s] = z[i & 3, i >> 2]
            held[rail, s] = z[0, bias]
            for j in range(n_nodes):
                held[rail + 1 + j, s] = z[j & 3, nodes + (j >> 2)]
        squares = squares_at(n_units)
        sums, norms = squares + n_nodes, rail + 1 + n_nodes
        for j in range(n_nodes):
            for s in range(LANES):
                room[squares + j, s] = held[rail + 1 + j, s] * held[rail + 1 + j, s]
        clear(room, sums, n_units)
        product(room, sums, noise.size, banks[number, 20], squares, n_units, n_nodes)
        for i in range(n_units):
            unit = banks[number, 17] + i
            own, moved, shared = most[unit, 1], most[unit, 2] * bank[number, 4], most[unit, 4]
            for s in range(LANES):
                held[norms + i, s] = shared * np.sqrt(room[sums + i, s])
                still = own * abs(held[place + i, s]) + moved * abs(held[rail, s])
                held[norms + n_units + i, s] = still


def draw_shared(number: Any, frame: Any, n_near: Any, noise: Any) -> Any:
    """Draw for lanes that are near what their units share: nodes, then the bias rail."""
    near, asked, words, flat, z = noise.near, noise.asked, noise.words, noise.flat, noise.z
    banks, sequences = noise.banks, noise.sequences
    n_nodes, groups, counters = banks[number, 10], (banks[number, 10] + 3) >> 2, 0
    for k in range(n_near):
        s = near[k]
        counters = ask(asked, counters, n_nodes, banks[number, 4], sequences[s], frame[s])
    nodes = counters
    for k in range(n_near):
        s = near[k]
        counters = ask(asked, counters, 1, banks[number, 3], sequences[s], frame[s])
    answer(asked, counters, noise.key, words)
    numbers(words[0], 0, counters, flat[0])
    for word in range(1, 4):
        numbers(words[word], 0, nodes, flat[word])
    for j in range(n_nodes):
        out, drawn, group = z[j], flat[j & 3], j >> 2
        for k in range(n_near):
            out[near[k]] = drawn[k * groups + group]
    for k in range(n_near):
        z[n_nodes, near[k]] = flat[0, nodes + k]


def list_units(number: Any, frame: Any, n_near: Any, everywhere: Any, noise: Any) -> Any:
    """List the units that are left, lane by lane, and ask for their own draws.

    Returns
    -------
    tuple of int
        How many units, and how many counters: four units that follow each other share one.
    """
    near, pairs, asked, room, n = (
        noise.near,
        noise.pairs,
        noise.asked,
        noise.room,
        noise.banks[number, 9],
    )
    stream, sequences = np.uint64(noise.banks[number, 2]), noise.sequences
    count, counters = 0, 0
    for k in range(n_near):
        s = near[k]
        for group in range((n + 3) >> 2):
            marked = 15
            if not everywhere:
                line = MARKS + 4 * group // MARKED
                marked = (int(room[line, s]) >> (4 * group % MARKED)) & 15
            if marked == 0:
                continue
            asked[0, counters] = np.uint64(group)
            asked[1, counters] = sequences[s]
            asked[2, counters] = stream
            asked[3, counters] = np.uint64(frame[s])
            for i in range(4 * group, min(4 * group + 4, n)):
                if (marked >> (i & 3)) & 1 == 1:
                    pairs[0, count] = s
                    pairs[1, count] = i
                    pairs[2, count] = counters
                    count += 1
            counters += 1
    return count, counters


def noise_of(
    ws: Any,
    number: Any,
    taken: Any,
    rows: Any,
    versions: Any,
    legs: Any,
    row_f: Any,
    node: Any,
    copies: Any,
    c: Any,
    edges: Any,
    noise: Any,
) -> Any:
    """Work out the noise of some units of up to `PART` lanes; return its first line."""
    # Once: taking an array out of the tuple costs as much as a node.
    lanes, banks, heard, places = noise.lanes, noise.banks, noise.heard, noise.places
    kinds, wires, at_node, device = noise.rows, noise.wires, noise.node, noise.device[0]
    bank = noise.bank
    walk(
        ws,
        lanes,
        taken,
        banks[number, 0],
        banks[number, 1],
        rows,
        versions,
        legs,
        row_f,
        noise.walks,
        kinds,
        wires,
        at_node,
        noise.paths,
        device,
        heard,
        places,
    )
    sample(ws, lanes, taken, number, banks, c, edges, noise.held, noise.z, heard, places)
    listen(number, banks, rows, legs, wires, bank, heard, places)
    thresholds(number, banks, rows, row_f, copies, heard, places)
    devices(number, banks, rows, row_f, kinds, at_node, node, device, heard, places)
    total(number, banks, bank, noise.unit, noise.unit_legs, noise.unit_path, heard, places)
    return places[3]


def disturb(
    ws: Any,
    number: Any,
    runs: Any,
    rows: Any,
    versions: Any,
    legs: Any,
    row_f: Any,
    node: Any,
    copies: Any,
    c: Any,
    edges: Any,
    count: Any,
    n_cells: Any,
    signs: Any,
    noise: Any,
) -> Any:
    """Add noise to a bank's candidates: wherever it can decide, or everywhere.

    Parameters
    ----------
    runs
        What lanes run (`mru_hw.simulate.fast.lane_layout`); points that noise has decide otherwise
        than the first of their lane leave it.
    count, n_cells, signs
        First line of the units' set cells, how many a unit has, and the candidates' rails.
    """
    mode, banks, bank, most, room = noise.mode, noise.banks, noise.bank, noise.most, noise.room
    near, words, pairs, lanes, kept_units = (
        noise.near,
        noise.words,
        noise.pairs,
        noise.lanes,
        noise.kept,
    )
    frame, left, loudest = runs.frame, runs.left, runs.loudest
    n, first = banks[number, 9], banks[number, 17]
    everywhere = mode[0] == 1 or banks[number, 13] >= 0
    if not everywhere:
        amplitudes(
            ws,
            number,
            rows,
            versions,
            legs,
            banks,
            noise.walks,
            noise.weights,
            bank,
            noise.least,
            room,
        )
        reach(ws, number, banks, bank, most, c, edges, noise.held, loudest, room)
    n_near, marks = 0, squares_at(n)
    for s in range(LANES):
        found = everywhere
        for line in range(MARKS, marks):
            found = found or room[line, s] > F(0.0)
        if found and left[s] > 0:
            near[n_near] = s
            n_near += 1
    if n_near == 0:
        return
    draw_shared(number, frame, n_near, noise)
    if not everywhere:
        narrow(ws, number, banks, bank, most, noise.size, c, edges, noise.z, loudest, room)
    count_pairs, counters = list_units(number, frame, n_near, everywhere, noise)
    answer(noise.asked, counters, noise.key, words)
    left_at, own = marks + banks[number, 10], noise.places[5]
    last, taken, kept = -1, 0, 0
    for p in range(count_pairs + 1):
        ends = p == count_pairs
        if not ends:
            s, i = pairs[0, p], pairs[1, p]
            drawn = F(normal(words[i & 3, pairs[2, p]]))
            size = (most[first + i, 0] + most[first + i, 3] * room[2, s]) * abs(drawn)
            if not everywhere and not room[left_at + i, s] <= size * loudest[s]:
                continue
            ends = s != last and taken == PART
        if ends and kept > 0:
            found_at = noise_of(
                ws,
                number,
                taken,
                rows,
                versions,
                legs,
                row_f,
                node,
                copies,
                c,
                edges,
                noise,
            )
            settle(
                ws,
                number,
                kept,
                kept_units,
                lanes,
                banks,
                c,
                edges,
                count,
                n_cells,
                signs,
                noise.scaled,
                runs.points,
                runs.leave,
                noise.heard,
                found_at,
            )
            taken, kept, last = 0, 0, -1
        if p == count_pairs:
            break
        if s != last:
            last = s
            lanes[taken] = s
            taken += 1
        kept_units[0, kept] = i
        kept_units[1, kept] = taken - 1
        noise.heard[own + i, taken - 1] = drawn
        kept += 1
