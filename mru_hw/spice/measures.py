"""What a bench measures of its run: power by block, outputs frame by frame, the readout's values.

Every simulator's language has the words that are used here: a mean, a value at an instant, and
expressions of sums, comparisons, ``abs`` and ``a ? b : c``. What a measure takes of another may
be off in its last digit, for ngspice hands it on as text; so no two values are held to be the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.statements import Measure
from mru_hw.mapping.design import Design
from mru_hw.model.structure import ReadoutKind
from mru_hw.spice.chip import SUPPLIES
from mru_hw.spice.sources import INPUT_SUPPLY
from mru_hw.technology.conditions import Conditions
from mru_hw.units import render
from mru_hw.words import many

Array = NDArray[np.float64]

EARLY = 1e-4
"""Of a frame: how long before its end outputs are measured, so that the run has reached it."""
EQUAL = 1e-12
"""Relative: outputs that differ by no more are equal to a vote. A copy of one is not exactly it."""
MOST = 10_000
"""Outputs times frames that a bench measures. ngspice needs some seconds for them beside a run of
hours, and what other simulators make of more is not known."""
_ENDINGS = {ReadoutKind.LAST: "end", ReadoutKind.MEAN: "mean", ReadoutKind.VOTE: "votes"}
_LENGTH = 72
"""Characters of a sum; longer ones are sums of sums, for not every simulator goes on in a line."""
_OF_FRAMES = re.compile(r"[ycm]\d+_[fs]\d+")


def measures_frames(design: Design, n_time: int) -> bool:
    """Whether a bench of so many frames measures each of them."""
    return n_time * design.outputs.size <= MOST


def output_name(k: int, frame: int) -> str:
    """Name the measure of output `k` at the end of a frame."""
    return f"y{k}_f{frame}"


def readout_name(readout: ReadoutKind, k: int) -> str:
    """Name the measure of what the readout has of output `k`."""
    return f"y{k}_{_ENDINGS[readout]}"


def is_of_frames(measure: Measure) -> bool:
    """Whether a measure is of one frame, or a part of a sum over frames."""
    return _OF_FRAMES.fullmatch(measure.words[0]) is not None


def bench_measures(
    design: Design, t_start: float, read_at: Array, conditions: Conditions
) -> Iterator[Measure]:
    """Yield what a bench measures.

    Parameters
    ----------
    t_start, read_at
        The first frame's start, and (n_time,) the frames' ends [s].

    Notes
    -----
    ``p_<block>`` is the mean power over all frames, ``y<k>_f<t>`` output k at the end of frame t,
    ``y<k>_end`` the same of the last one; then the readout's values, which the decision is the
    largest of (`mru_hw.simulate.readout`).
    """
    yield from _powers(t_start, float(read_at[-1]), conditions)
    instants = [f"at={end - design.timing.frame * EARLY:.9g}" for end in read_at.tolist()]
    outputs = range(design.outputs.size)
    frames = range(len(instants)) if measures_frames(design, len(instants)) else range(0)
    for t in frames:
        for k in outputs:
            yield Measure(words=(output_name(k, t), "find", f"i(vy{k})", instants[t]))
    for k in outputs:
        name = readout_name(ReadoutKind.LAST, k)
        yield Measure(words=(name, "find", f"i(vy{k})", instants[-1]))
    if not frames:
        return
    match design.spec.readout:
        case ReadoutKind.MEAN:
            for k in outputs:
                terms = [output_name(k, t) for t in frames]
                yield from _sum(k, ReadoutKind.MEAN, terms, f"/{len(frames)}")
        case ReadoutKind.VOTE:
            for t in frames:
                yield from _largest(t, len(outputs))
            for k in outputs:
                terms = [_won(k, t, len(outputs)) for t in frames]
                yield from _sum(k, ReadoutKind.VOTE, terms)
        case ReadoutKind.LAST:
            pass


def measure_notes(design: Design, n_time: int) -> Iterator[str]:
    """Say, line by line, how the decision is read."""
    outputs, readout = design.outputs.size, design.spec.readout
    early = render(design.timing.frame * EARLY, "s")
    whole = measures_frames(design, n_time)
    if whole:
        yield (
            f"y<k>_f<t> [A]: output k at the end of frame t, counted from 0, {early} before it; "
            "y<k>_end of the last frame"
        )
    else:
        yield f"y<k>_end [A]: output k, counted from 0, {early} before the last frame's end"
        yield (
            f"no frame is measured by itself: {many(n_time, 'frame')} of "
            f"{many(outputs, 'output')} are more than {MOST} values"
        )
    of = f"the k of the largest y<k>_{_ENDINGS[readout]}, the lowest of equals"
    if readout is ReadoutKind.LAST:
        yield f"readout last, the outputs of the last frame: the decision is {of}"
    elif not whole:
        yield (
            f"readout {readout} of the frames: the decision is not measured; take the current of "
            "the source vy<k>, which Spectre calls vy<k>_src:p, at each frame's end"
        )
    elif readout is ReadoutKind.MEAN:
        yield f"readout mean, over all frames: the decision is {of}"
    else:
        winner = f"c{outputs - 1}_f<t> says which; " if outputs > 1 else ""
        yield (
            "readout vote, in how many frames output k is the largest, of outputs within "
            f"{EQUAL:g} of each other the lowest k "
            f"({winner}m<k>_f<t> [A] and c<k>_f<t>: the largest of 0 to k, and whose): "
            f"the decision is {of}"
        )


def power_measures(block: str) -> str:
    """Say which measures are the mean power of a supply block [W], or of the inputs."""
    # The reference current counts to the bias distribution.
    return "p_bias + p_ref" if block == "bias" else f"p_{block}"


def _powers(t_start: float, t_stop: float, conditions: Conditions) -> Iterator[Measure]:
    span = (f"from={t_start:.9g}", f"to={t_stop:.9g}")
    currents = {name: f"i(v{name})" for name in (*SUPPLIES, INPUT_SUPPLY)} | {"vdd_ref": "i(vref)"}
    for name, current in currents.items():
        block = name.removeprefix("vdd_")
        yield Measure(words=(f"i_{block}", "avg", current, *span))
        yield Measure(words=(f"p_{block}", f"param='{conditions.v_dd:.9g}*i_{block}'"))


def _param(name: str, expression: str) -> Measure:
    return Measure(words=(name, f"param='{expression}'"))


def _largest(t: int, n_out: int) -> Iterator[Measure]:
    """Yield the largest of outputs 0 to k of a frame, and whose it is: of `EQUAL` ones the lowest.

    What is the largest so far is a copy, and stands above or below its own by some last digits.
    """
    before, index = output_name(0, t), "0"
    for k in range(1, n_out):
        own = output_name(k, t)
        more = f"({own}-{before}>{EQUAL:g}*abs({before}))"
        yield _param(f"m{k}_f{t}", f"{more}?{own}:{before}")
        yield _param(f"c{k}_f{t}", f"{more}?{k}:{index}")
        before, index = f"m{k}_f{t}", f"c{k}_f{t}"


def _won(k: int, t: int, n_out: int) -> str:
    """Return 1 where output `k` is the largest of a frame, as an expression, and else 0."""
    return f"((abs(c{n_out - 1}_f{t}-{k})<0.5)?1:0)" if n_out > 1 else "1"


def _sum(k: int, readout: ReadoutKind, terms: Sequence[str], after: str = "") -> Iterator[Measure]:
    """Yield the sum of terms, by sums of sums where it is long, as the readout's value."""
    count = 0
    while len(packed := _packed(terms)) > 1:
        terms = []
        for part in packed:
            terms.append(f"y{k}_s{count}")
            count += 1
            yield _param(terms[-1], part)
    yield _param(readout_name(readout, k), f"({packed[0]}){after}")


def _packed(terms: Sequence[str]) -> list[str]:
    """Return sums of neighbouring terms, each of some `_LENGTH` characters."""
    sums = [terms[0]]
    for term in terms[1:]:
        if len(sums[-1]) + len(term) < _LENGTH:
            sums[-1] += f"+{term}"
        else:
            sums.append(term)
    return sums
