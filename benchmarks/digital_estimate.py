"""What an 8-bit digital GRU and CMRU would need for a spoken digit: an estimate by counting.

``python -m benchmarks.digital_estimate`` prints JSON, the tables of docs/validation/digital.md.
Energies of operations and of memory at 45 nm and 0.9 V are those of Horowitz (ISSCC 2014); what is
carried to 180 nm, and what stands for control, small memories and leakage, is an assumption, named
here and there. Nothing is simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.study import show
from mru_hw.training.digits import DIGITS_FRAME_PERIOD, load_digits, split_rows

PJ = 1e-12
MULTIPLY_8, ADD_8, ADD_32 = 0.2 * PJ, 0.03 * PJ, 0.1 * PJ
"""At 45 nm, 0.9 V [J]: Horowitz, Computing's energy problem, ISSCC 2014."""
SRAM_ENERGY, SRAM_BYTES, SRAM_WORD = 10 * PJ, 8192, 8
"""64 bits of 8 KB, from the same table; 32 KB take twice, 1 MB ten times as much: the root of the
size, which is taken for every size."""
OVERHEAD = 2.0
"""Assumed, from 2 to 4: all over arithmetic and memory alone. Clock, control and registers take one
to three times as much as those two; once is the least, in favour of the digital network."""
OFF = {27: 2.1e-12, 85: 5.0e-12}
"""Off current [A] of a 0.22 um / 0.18 um NMOS and a 0.44 um / 0.18 um PMOS of `generic180` at
1.8 V, by ngspice, the mean of both. A foundry's device may leak ten times more or less."""
BRANCHES_BIT, LOGIC = 3, 10_000
"""Assumed: branches that leak in a cell of six transistors; in all logic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Where the digital network would be made.

    Attributes
    ----------
    name
        As the page has it.
    factor
        On every energy at 45 nm and 0.9 V: capacitance with the feature size, times supply squared.
    v_dd
        Supply [V].
    leaks
        Whether leakage is known.
    """

    name: str
    factor: float
    v_dd: float
    leaks: bool


PROCESSES = (
    Process(name="45 nm, 0.9 V", factor=1.0, v_dd=0.9, leaks=False),
    Process(name="180 nm, 1.8 V", factor=180 / 45 * (1.8 / 0.9) ** 2, v_dd=1.8, leaks=True),
    Process(name="180 nm, 0.6 V", factor=180 / 45 * (0.6 / 0.9) ** 2, v_dd=0.6, leaks=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a frame takes.

    Attributes
    ----------
    products, sums
        Products of 8 bits that are added up in 32, and sums of 8 bits alone.
    weights
        Bytes of weights and biases, each read once a frame.
    states
        Bytes of state, read and written once a frame.
    looked_up
        Values of a function from a table of 256 bytes.
    """

    products: int
    sums: int
    weights: int
    states: int
    looked_up: int


def cmru(n_in: int, n: int, layers: int, n_classes: int) -> Counted:
    """A CMRU network as the demo has it. States are levels of -2 to 2: what reads them adds."""
    maps = n_in * n + layers * n * n + n * n_classes
    added = layers * 2 * n * n  # a state's weight once or twice
    settings = 2 * layers * n
    biases = n + 2 * layers * n + n_classes
    return Counted(
        products=maps,
        sums=added + layers * 3 * n,  # two comparisons and the count
        weights=maps + layers * n * n + biases + settings,
        states=layers * n,
        looked_up=0,
    )


def gru(n_in: int, n: int, layers: int, n_classes: int) -> Counted:
    """A GRU network in the same frame: an input map, layers with an output map, and a head."""
    maps = n_in * n + layers * (6 * n * n + n * n) + n * n_classes
    biases = n + layers * (6 * n + n) + n_classes
    return Counted(
        products=maps + layers * 3 * n,
        sums=layers * 3 * n,
        weights=maps + biases,
        states=layers * n,
        looked_up=layers * 3 * n,
    )


def energies(counted: Counted, frames: float, process: Process) -> Iterator[tuple[str, float]]:
    """Yield what a sequence takes [J], by what takes it."""
    held = counted.weights + counted.states + (256 if counted.looked_up else 0)
    byte = SRAM_ENERGY / SRAM_WORD * np.sqrt(held / SRAM_BYTES)
    scaled = process.factor * frames
    arithmetic = counted.products * (MULTIPLY_8 + ADD_32) + counted.sums * ADD_8
    memory = (counted.weights + 2 * counted.states + counted.looked_up) * byte
    yield "arithmetic", arithmetic * scaled
    yield "memory", memory * scaled
    yield "control", (OVERHEAD - 1) * (arithmetic + memory) * scaled
    if process.leaks:
        branches = held * 8 * BRANCHES_BIT + LOGIC
        for temperature, off in OFF.items():
            leaked = branches * off * process.v_dd * frames * DIGITS_FRAME_PERIOD
            yield f"leakage at {temperature} degC", leaked


NETWORKS: Mapping[str, Counted] = {
    "CMRU 2 x 16": cmru(13, 16, 2, 10),
    "GRU 1 x 6": gru(13, 6, 1, 10),
    "GRU 1 x 8": gru(13, 8, 1, 10),
    "GRU 2 x 16": gru(13, 16, 2, 10),
}


def main() -> None:
    frames = float(split_rows(load_digits()).test.lengths.mean())
    rows: list[dict[str, Any]] = []
    for name, counted in NETWORKS.items():
        for process in PROCESSES:
            found = {part: 1e9 * value for part, value in energies(counted, frames, process)}
            active = found["arithmetic"] + found["memory"] + found["control"]
            rows.append(
                {"network": name, "process": process.name, "nJ": found, "active_nJ": active}
            )
    counts = {
        name: {field: getattr(counted, field) for field in Counted.__slots__}
        for name, counted in NETWORKS.items()
    }
    show({"frames": frames, "a_frame": counts, "rows": rows})


if __name__ == "__main__":
    main()
