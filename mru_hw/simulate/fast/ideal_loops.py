"""The loops of the level ``ideal``, in text that a compiler takes (`mru_hw.simulate.fast.ideal`).

One call runs dies on one block of sequences and frames. `TILE` columns, frames times sequences, are
the innermost loop of everything: products of some frames at once keep their weights in registers,
and only the memory runs frame after frame. Every column does the same arithmetic in the same order
and none looks at another, so its bits depend on neither its neighbours, nor where time is cut, nor
on how many sequences stand beside each other.

Signals are lines of one workspace ``ws``, (lines, `TILE`), and are named by their first line. The
tables' columns have names, which the compiled text has as numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.model.memory.recurrence import climbed, held_step, signed_step
from mru_hw.simulate.fast.elementary import maximum

F: Any = np.float64
TILE: Any = 256

NET = INPUTS, HIDDEN, CLASSES, AT_INPUT, AT_HEAD = range(5)
"""What the network has: widths, and where the biases and matrices of both its ends begin."""
LINES = SIGNAL, OTHER, RECTIFIED, CANDIDATE, EDGE, STATE, OUTPUT, ZERO = range(8)
"""First lines of signals; the inputs' is 0, and ``ZERO`` is a line of zeros."""
LAYER = (
    UNITS,
    FIRST,
    WIDTH_IN,
    WIDTH_OUT,
    LAW,
    SPACING,
    LOW,
    HIGH,
    RELU_INPUT,
    RELU_CANDIDATE,
    RELU_OUTPUT,
    BY_INPUT,
    SKIP,
    AT_CANDIDATE,
    AT_THRESHOLD,
    AT_UNITS,
    AT_OUTPUT,
    AT_SKIP,
) = range(18)
"""What a layer has, ``FIRST`` its first unit of all; ``SKIP`` is 0, 1, or 2 for a matrix."""


def affine(
    ws: Any, out: Any, w: Any, at: Any, values: Any, n_out: Any, n_in: Any, add: Any, n: Any
) -> Any:
    """Write (or add, where `add` is 1) ``W v + b``; the bias stands before its matrix in `w`."""
    for i in range(n_out):
        b = w[at + i]
        if add == 1:
            for s in range(n):
                ws[out + i, s] += b
        else:
            for s in range(n):
                ws[out + i, s] = b
    product(ws, out, w, at + n_out, values, n_out, n_in, n)


def product(ws: Any, out: Any, w: Any, at: Any, values: Any, n_out: Any, n_in: Any, n: Any) -> Any:
    """Add a matrix times lines, four rows and four terms at a time.

    Parameters
    ----------
    out, values
        First lines of the sums and of what the columns multiply.
    w, at
        Row-major numbers, and where the matrix begins.
    n
        Columns.
    """
    # Slices of their own tell the compiler what cannot overlap.
    sums, terms = ws[out : out + n_out], ws[values : values + n_in]
    full_t, full_k = n_out - n_out % 4, n_in - n_in % 4
    for i in range(0, full_t, 4):
        a0 = at + i * n_in
        a1 = a0 + n_in
        a2 = a1 + n_in
        a3 = a2 + n_in
        for k in range(0, full_k, 4):
            w00, w01, w02, w03 = w[a0 + k], w[a0 + k + 1], w[a0 + k + 2], w[a0 + k + 3]
            w10, w11, w12, w13 = w[a1 + k], w[a1 + k + 1], w[a1 + k + 2], w[a1 + k + 3]
            w20, w21, w22, w23 = w[a2 + k], w[a2 + k + 1], w[a2 + k + 2], w[a2 + k + 3]
            w30, w31, w32, w33 = w[a3 + k], w[a3 + k + 1], w[a3 + k + 2], w[a3 + k + 3]
            for s in range(n):
                a, b, c, d = terms[k, s], terms[k + 1, s], terms[k + 2, s], terms[k + 3, s]
                sums[i, s] += w00 * a + w01 * b + w02 * c + w03 * d
                sums[i + 1, s] += w10 * a + w11 * b + w12 * c + w13 * d
                sums[i + 2, s] += w20 * a + w21 * b + w22 * c + w23 * d
                sums[i + 3, s] += w30 * a + w31 * b + w32 * c + w33 * d
        for k in range(full_k, n_in):
            w0, w1, w2, w3 = w[a0 + k], w[a1 + k], w[a2 + k], w[a3 + k]
            for s in range(n):
                a = terms[k, s]
                sums[i, s] += w0 * a
                sums[i + 1, s] += w1 * a
                sums[i + 2, s] += w2 * a
                sums[i + 3, s] += w3 * a
    for i in range(full_t, n_out):
        for k in range(n_in):
            x = w[at + i * n_in + k]
            for s in range(n):
                sums[i, s] += x * terms[k, s]


def positive(ws: Any, out: Any, values: Any, n_lines: Any, n: Any) -> Any:
    """Write ReLU of lines."""
    for i in range(n_lines):
        for s in range(n):
            ws[out + i, s] = maximum(ws[values + i, s], F(0.0))


def total(ws: Any, out: Any, values: Any, n_lines: Any, n: Any) -> Any:
    """Add lines to lines."""
    for i in range(n_lines):
        for s in range(n):
            ws[out + i, s] += ws[values + i, s]


def ask(ws: Any, out: Any, c: Any, edges: Any, w: Any, at: Any, layer: Any, n: Any) -> Any:
    """Write the steps that candidates ask for; `layer` is a row of the table.

    Parameters
    ----------
    out, c, edges
        First lines of the steps, of the candidates, and of beta where the layer's input gives it.
    at
        Where the units' own numbers begin: thresholds up and down, or what they have beyond beta.
    """
    n_units = layer[UNITS]
    for i in range(n_units):
        up, down = w[at + i], w[at + n_units + i]
        steps, candidate = ws[out + i], ws[c + i]
        beta = ws[edges + i * layer[BY_INPUT]]
        if layer[LAW] == 0:
            for s in range(n):
                steps[s] = signed_step(candidate[s], beta[s] + up, beta[s] + down)
        else:
            for s in range(n):
                steps[s] = held_step(candidate[s], beta[s] + up, beta[s] + down)


def climb(
    ws: Any, h: Any, w: Any, gains: Any, layer: Any, levels: Any, frames: Any, lanes: Any
) -> Any:
    """Climb frame after frame, and write the states over the steps that led to them.

    Parameters
    ----------
    h
        First line of the steps, then of h.
    gains
        Where in `w` the units' h of one level begin.
    levels
        (unit, lane) of all layers, before the first frame; afterwards of the last one.
    """
    spacing, low, high = F(layer[SPACING]), F(layer[LOW]), F(layer[HIGH])
    for i in range(layer[UNITS]):
        gain, level, line = w[gains + i], levels[layer[FIRST] + i], ws[h + i]
        for f in range(frames):
            first = f * lanes
            for s in range(lanes):
                level[s] = climbed(level[s], spacing * line[first + s], low, high)
                line[first + s] = gain * level[s]


def keep_block(kept: Any, at: Any, t: Any, ws: Any, values: Any, n_lines: Any, lanes: Any) -> Any:
    """Write lines to (line, time, lane) from frame `t` on."""
    for i in range(n_lines):
        for f in range(min(TILE // lanes, kept.shape[1] - t)):
            for s in range(lanes):
                kept[at + i, t + f, s] = ws[values + i, f * lanes + s]


def run_layer(
    ws: Any,
    v: Any,
    free: Any,
    lines: Any,
    layer: Any,
    w: Any,
    levels: Any,
    frames: Any,
    lanes: Any,
    keeps: Any,
    t: Any,
    candidates: Any,
    states: Any,
) -> Any:
    """Run a layer on some frames; its input `v` becomes its output, or `free` does: which one."""
    n = frames * lanes
    n_in, n_units, n_out = layer[WIDTH_IN], layer[UNITS], layer[WIDTH_OUT]
    u, c, edges, h = v, lines[CANDIDATE], lines[ZERO], lines[STATE]
    if layer[RELU_INPUT] == 1:
        u = lines[RECTIFIED]
        positive(ws, u, v, n_in, n)
    affine(ws, c, w, layer[AT_CANDIDATE], u, n_units, n_in, 0, n)
    if layer[RELU_CANDIDATE] == 1:
        positive(ws, c, c, n_units, n)
    if layer[BY_INPUT] == 1:
        edges = lines[EDGE]
        affine(ws, edges, w, layer[AT_THRESHOLD], u, n_units, n_in, 0, n)
        for i in range(n_units):
            for s in range(n):
                ws[edges + i, s] = abs(ws[edges + i, s])
    at = layer[AT_UNITS]
    ask(ws, h, c, edges, w, at, layer, n)
    climb(ws, h, w, at + 2 * n_units, layer, levels, frames, lanes)
    if keeps == 1:
        keep_block(candidates, layer[FIRST], t, ws, c, n_units, lanes)
        keep_block(states, layer[FIRST], t, ws, h, n_units, lanes)
    if layer[SKIP] == 1 and layer[RELU_OUTPUT] == 0:
        affine(ws, v, w, layer[AT_OUTPUT], h, n_out, n_units, 1, n)
        return v
    affine(ws, free, w, layer[AT_OUTPUT], h, n_out, n_units, 0, n)
    if layer[RELU_OUTPUT] == 1:
        positive(ws, free, free, n_out, n)
    if layer[SKIP] == 1:
        total(ws, free, v, n_out, n)
    elif layer[SKIP] == 2:
        product(ws, free, w, layer[AT_SKIP], v, n_out, n_in, n)
    return free


def run_dies(
    net: Any,
    lines: Any,
    layers: Any,
    weights: Any,
    x: Any,
    left: Any,
    levels: Any,
    sums: Any,
    ws: Any,
    keep: Any,
    output: Any,
    candidates: Any,
    states: Any,
) -> Any:
    """Run dies on one block of frames.

    Parameters
    ----------
    net, lines, layers
        The tables of `mru_hw.simulate.fast.ideal.Layers`.
    weights
        (die, number).
    x
        Normalised inputs, (time, feature, lane).
    left
        (lane,) frames that sequences have from the block's first on; 0 or less after their end.
    levels
        (die, unit, lane) before the block, afterwards those of its last frame.
    sums
        (die, feature, lane): what the head reads, summed over the valid frames.
    keep
        Whether outputs, and whether candidates and states, are kept.
    output, candidates, states
        (die, feature, time, lane), filled where they are kept.
    """
    n_time, lanes = x.shape[0], x.shape[2]
    together = TILE // lanes
    last = net[HIDDEN]
    for d in range(len(weights)):
        w = weights[d]
        for t in range(0, n_time, together):
            frames = min(together, n_time - t)
            n = frames * lanes
            for i in range(net[INPUTS]):
                for f in range(frames):
                    for s in range(lanes):
                        ws[i, f * lanes + s] = x[t + f, i, s]
            v, free = lines[SIGNAL], lines[OTHER]
            affine(ws, v, w, net[AT_INPUT], 0, net[HIDDEN], net[INPUTS], 0, n)
            last = net[HIDDEN]
            for number in range(len(layers)):
                now = run_layer(
                    ws,
                    v,
                    free,
                    lines,
                    layers[number],
                    w,
                    levels[d],
                    frames,
                    lanes,
                    keep[1],
                    t,
                    candidates[d],
                    states[d],
                )
                if now == free:
                    v, free = free, v
                last = layers[number, WIDTH_OUT]
            for i in range(last):
                for f in range(frames):
                    for s in range(lanes):
                        there = t + f < left[s]
                        sums[d, i, s] += ws[v + i, f * lanes + s] if there else F(0.0)
            if keep[0] == 1:
                y = lines[OUTPUT]
                affine(ws, y, w, net[AT_HEAD], v, net[CLASSES], last, 0, n)
                keep_block(output[d], 0, t, ws, y, net[CLASSES], lanes)


def mean_outputs(net: Any, weights: Any, sums: Any, lengths: Any, ws: Any, out: Any) -> Any:
    """Write the mean outputs of sequences, (die, class, lane), from the sums that the head reads.

    The head is linear: its product is one a sequence.
    """
    n_in, lanes, n_out, at = sums.shape[1], sums.shape[2], net[CLASSES], net[AT_HEAD]
    for d in range(len(weights)):
        for i in range(n_in):
            for s in range(lanes):
                ws[i, s] = sums[d, i, s]
        for i in range(n_out):
            for s in range(lanes):
                ws[n_in + i, s] = weights[d, at + i] * F(lengths[s])
        product(ws, n_in, weights[d], at + n_out, 0, n_out, n_in, lanes)
        for i in range(n_out):
            for s in range(lanes):
                out[d, i, s] = ws[n_in + i, s] / F(lengths[s])
