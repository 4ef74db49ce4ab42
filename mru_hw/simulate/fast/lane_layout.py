"""What the kernel knows of its lanes, and of what waits for one.

A lane runs one sequence at a time, from a frame on, for some *points*: runs of the same die that
differ in nothing but the scale of their noise. As long as all of them decide alike they are one
lane's work; where some decide otherwise than the first, they leave it, and what they share up to
that frame is put aside for the next lane that has nothing to do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

MOST_POINTS = 32
"""Points that lanes have together, at most: bits of a number."""


class Lanes(NamedTuple):
    """Lanes, what waits, and what ended.

    Attributes
    ----------
    sequence, frame, left, points, leave
        By lane: number of its sequence, its frame, frames that it has left with that one (0 where
        it has nothing to do), its points as bits, and those of them that leave it in this frame.
    at, beginning
        By lane column of its frame in the inputs, and what these begin with: frame and columns
        from a frame to the next.
    totals
        (3, lane) sums over the frames so far: currents of nodes and of units, charge.
    taken
        Lanes that have just taken something up.
    loudest
        By lane the largest scale of its points' noise.
    first, lengths, order
        Of sequences: column of the first frame, frames, and in which order they are begun.
    queue
        0 how many of `order` are begun, 1 how many sets of points wait, 2 which of both places
        states write in, 3 the points of a sequence that begins, 4 how many points there are.
    waiting, waiting_totals, waiting_lines
        (set, 3) sequence, frame and points; (set, 3) and (set, line) sums, set cells of all units
        and sums of the last row at the frame's begin.
    line, line_totals
        The same lines of lanes at their frame's begin.
    totals_out
        (3, point, sequence).
    features_out
        (line, point, sequence) sums of the last row, of the mean readout.
    """

    sequence: Ints
    frame: Ints
    left: Ints
    points: Ints
    leave: Ints
    at: Ints
    beginning: Ints
    totals: NDArray[np.float64]
    taken: Ints
    loudest: NDArray[Any]
    first: Ints
    lengths: Ints
    order: Ints
    queue: Ints
    waiting: Ints
    waiting_totals: NDArray[np.float64]
    waiting_lines: NDArray[Any]
    line: NDArray[Any]
    line_totals: NDArray[np.float64]
    totals_out: NDArray[np.float64]
    features_out: NDArray[Any]
