"""What the kernel reads of one die's noise: tables, draws and room.

Columns of the tables of `Noise`:

``banks``   0 and 1 its rows in ``walks``, 2 to 4 streams of fresh draws of its units, the bias rail
            and the nodes that it reads, 5 to 7 of held ones, 8 place in ``held``, 9 units, 10 nodes
            that it reads, 11 place in ``weights``, 12 candidate, 13 threshold or -1, 14 clocked,
            15 devices that carry a candidate's rail and 16 bias legs that do, 17 first unit,
            18 whether splitters count, 19 whether the noise of the threshold's node does, 20 place
            in ``unit_legs``, ``unit_path`` and ``size``
``rows``    0 what arrives: 0 nothing, 1 by legs, 2 from cells; 1 unit devices of a diode, 2 whether
            legs read its plus rail alone
``wires``   0 place in ``paths``, 1 whether legs read the plus rail alone
``bank``    0 and 1 what white and flicker variances of shared draws count a frame, 2 flicker a
            sequence, 3 and 4 the bias rail's sigmas
``unit``    0 and 1 what white and flicker variances of a unit's own draws count a frame
``node``    0 and 1 white and flicker variance of bias legs, 2 current at the pole's corner, 3 what
            bias legs bring
``least``   0 and 1 white and flicker variance that nodes have without any current, 2 and 3 zeros
``most``    what bounds multiply by the sizes of draws: 0 and 1 amplitudes of a unit's own devices a
            frame and a sequence, 2 of the bias rail, 3 by amplitudes of its legs, 4 by the root of
            ``size`` times squares of draws and amplitudes of its nodes, 5 the same where each draw
            is 1
``weights`` what a current makes of the bound's white variance, and its square and itself of the
            flicker variance
``held``    lines of lanes; of each bank its units' draws that hold over a sequence, the bias rail's
            and its nodes', then by unit what bounds need of its nodes', and of the other two

``paths`` holds wirings into other nodes than candidates, row-major: of each node that noise arrives
at `Gains.legs` of the nodes that it comes from, then the square of their `Gains.path`.
``unit_legs``, ``unit_path`` and ``size`` hold `Gains.legs`, `Gains.path` and `Bound.size` of all
wirings into a bank's candidates, unit after unit.

``heard`` has lines of `PART` lanes, white variances and then flicker variances. By row of nodes
from twice its first node on: noise of legs as large as its diodes, then what its legs share (s and
D of `mru_hw.simulate.noise_walk`). Where other lines begin stands in ``places``: 0 what of a node's
current a leg on the plus rail reads, and its square; 1 what legs read of one wiring, or of a bank's
nodes, whose noise [A] then stands there; 2 variances of units, 3 what nodes bring them, in the end
their noise, 4 the current at which they decide, 5 their draws of a frame and of a sequence, 6 those
of a bank's nodes and of the bias rail.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Numbers = NDArray[Any]

LAZY, EAGER = range(2)
"""Noise where it can decide; noise everywhere."""
NOTHING, LEGS, CELLS = range(3)
"""What arrives at a row of nodes."""


class Noise(NamedTuple):
    """What the kernel reads of one die's noise, see the module; from `store` on it is its own.

    ``mode`` is `LAZY` or `EAGER`, ``scales`` are those of the run's points, and ``scaled`` is by
    bank what makes each point's noise in the candidates' unit of noise in amperes at scale 1.
    ``device`` is the current of the bias rail's devices [A], ``key`` the words of the draws' key,
    ``numbers`` are the sequences' in their file, ``store`` has the lines of ``held`` by sequence,
    ``sequences`` the numbers by lane, ``room`` what `mru_hw.simulate.fast.noise_reach` says. ``z``
    are lines of lanes: draws of the nodes that a bank reads, and of the bias rail. ``near`` lists
    the lanes that are near, ``pairs`` their units (lane, unit, counter), ``lanes`` those that are
    taken together and ``kept`` their units (unit, number of the lane). Numbers of lanes are
    unsigned: others could count from the end.
    """

    mode: Ints
    banks: Ints
    walks: Ints
    rows: Ints
    wires: Ints
    places: Ints
    bank: Numbers
    unit: Numbers
    scales: Numbers
    scaled: Numbers
    device: Numbers
    node: Numbers
    paths: Numbers
    unit_legs: Numbers
    unit_path: Numbers
    size: Numbers
    weights: Numbers
    least: Numbers
    most: Numbers
    key: NDArray[np.uint64]
    numbers: NDArray[np.uint64]
    store: Numbers
    sequences: NDArray[np.uint64]
    held: Numbers
    room: Numbers
    heard: Numbers
    z: Numbers
    flat: Numbers
    asked: NDArray[np.uint64]
    words: NDArray[np.uint64]
    near: NDArray[np.uint64]
    lanes: NDArray[np.uint64]
    pairs: Ints
    kept: Ints
