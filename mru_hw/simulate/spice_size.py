"""How large a run ngspice finishes: transistors, and frames of one sequence.

One process runs a whole sequence, however long: ngspice has no state that could be handed on, and
it holds every saved vector at every time point until the run is over. Three constants, the least of
the networks of one to sixteen units that were measured (benchmarks/bench_long_sequence.py --spice),
say from which size on no run comes to its end within the limits of its process. What is below may
take longer still, and is told so when it does.
"""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.statements import Netlist
from mru_hw.errors import Bare, UserError
from mru_hw.mapping.design import Design
from mru_hw.spice.bench import bench_saves, edge_and_step
from mru_hw.spice.chip import CHIP_CELL, chip_netlist
from mru_hw.spice.flatten import flatten
from mru_hw.spice.runner import Limits
from mru_hw.stimulus import Inputs
from mru_hw.technology import Technology
from mru_hw.units import render

CORE_SECONDS = 1e-4
"""Processor time of a frame over its transistors [s], one core of an AMD EPYC: loops in
`generic180`; ladders take 1.4e-4 to 8e-4 there and 1e-3 in `sky130`."""
TIME_POINTS = 2.9
"""Internal time points of a frame over the steps that it has at least; ladders have 3.2 to 5.4."""
LONGEST_FRAME = 1.0
"""s: in longer ones ngspice's steps, which grow with the frame, miss what happens at its edges:
with frames of 10 s two ladders of one network take 11 steps otherwise than with tighter tolerances,
and their power is 18 % off (two CMRU units, 40 frames, `generic180`)."""
VALUE_BYTES = 24
"""Memory of a worker over its values, a value being one saved vector at one time point [bytes]:
ngspice's eight, those that it holds ready for more, and the copies that are handed over; 24.4 in a
run of 10,000 frames."""


def transistors(design: Design) -> int:
    """Count the transistors of a chip's deck, unit devices of one leg as one."""
    return count_transistors(chip_netlist(design), CHIP_CELL, design.technology)


def count_transistors(deck: Netlist | str, top: str, technology: Technology) -> int:
    """Count the transistors of subcircuit `top` of a deck."""
    return sum(device.kind == "m" for device in flatten(deck, top, technology))


def longest_sequence(*, count: int, saves: int, period: float, limits: Limits) -> int:
    """Return the frames of the longest sequence that may come to its end.

    Parameters
    ----------
    count
        Transistors.
    saves
        Vectors that the run keeps.
    period
        Of a frame [s].
    limits
        What the process may use.
    """
    points = TIME_POINTS * period / edge_and_step(period)[1]
    by_time = limits.time_s / (CORE_SECONDS * count)
    # The time and the token are vectors too.
    by_memory = limits.memory_bytes / (VALUE_BYTES * (saves + 2) * points)
    return max(1, int(min(by_time, by_memory)))


def refuse_long(design: Design, inputs: Inputs) -> None:
    """Refuse sequences that ngspice would not finish with the whole network.

    Raises
    ------
    UserError
        One has more frames than `longest_sequence`, or frames are longer than `LONGEST_FRAME`.
    """
    if design.timing.frame > LONGEST_FRAME:
        found, most = (render(s, "s") for s in (design.timing.frame, LONGEST_FRAME))
        expected = f"at most {most} in ngspice, or the level behavioral"
        raise UserError("frame_period", Bare(found), expected)
    count, saves = transistors(design), len(bench_saves(design))
    refuse_frames(inputs, count=count, saves=saves, period=design.timing.frame)


def refuse_frames(inputs: Inputs, *, count: int, saves: int, period: float) -> None:
    """Refuse sequences that take more than a process's usual limits (`longest_sequence`).

    Raises
    ------
    UserError
        As said.
    """
    limits = Limits()
    frames = longest_sequence(count=count, saves=saves, period=period, limits=limits)
    row = int(np.argmax(inputs.lengths))
    if inputs.lengths[row] > frames:
        raise UserError(
            f"inputs: lengths[{row}]",
            Bare(f"{inputs.lengths[row]:,} frames"),
            f"at most {frames:,} for {count:,} transistors in ngspice, whose process has "
            f"{limits.time_s / 60:g} minutes and {limits.memory_bytes / 2**30:g} GiB: shorter "
            "sequences, or the level behavioral",
        )
