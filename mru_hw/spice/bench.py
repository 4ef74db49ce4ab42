"""The test bench around a chip: supplies, reference, stimulus, phases, reset, probes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design
from mru_hw.mapping.gains import V_PIN
from mru_hw.spice.chip import SUPPLIES, chip_pins

PRE_ROLL = 0.2  # of a frame: power-up, reset and the first input's settling before frame 0
RESET = 0.08  # of a frame
EDGE = 1e-7  # s, of phases and reset
RAMP = 1e-5  # s, of input currents

# pA flow in this circuit, so the usual 1e-12 of gmin and abstol would drown it.
OPTIONS = "gmin=1e-17 abstol=1e-15 vntol=1e-5 chgtol=1e-15 trtol=20 reltol=1e-3 method=gear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the chip is run at.

    Attributes
    ----------
    corner
        Section of the model library.
    temperature
        [degC].
    v_dd
        Supply [V].
    """

    corner: str
    temperature: float
    v_dd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A test bench's deck and what to read from its run.

    Attributes
    ----------
    text
        The deck's own lines, without the chip's.
    saves
        Vectors that the run keeps.
    t_start, t_stop
        First frame's start and the last one's end [s].
    read_at
        (n_time,) when states and outputs are read: the end of each frame [s].
    strobe_at
        (n_layers, n_time) rising edge of each layer's strobe [s].
    """

    text: str
    saves: tuple[str, ...]
    t_start: float
    t_stop: float
    read_at: NDArray[np.float64]
    strobe_at: NDArray[np.float64]


def candidate_vectors(design: Design, layer: int, k: int) -> tuple[str, str]:
    """Return the device currents whose difference is candidate `k` of `layer`."""
    node = f"xchip.xc{layer}_{k}"
    return f"@m.{node}.xdn.m0[id]", f"@m.{node}.xdp.m0[id]"


def state_vectors(design: Design, layer: int, k: int) -> tuple[str, ...]:
    """Return the node voltages of the cells of unit `k` of `layer`, in thermometer order."""
    cells = range(1, design.banks[layer].n_cells + 1)
    return tuple(f"v(xchip.xu{layer}_{k}.v{j})" for j in cells)


def make_bench(
    design: Design, frames: NDArray[np.float64], conditions: Conditions, models: Path
) -> Bench:
    """Write the bench that plays one sequence.

    Parameters
    ----------
    design
        The chip.
    frames
        (n_time, n_in) normalised inputs; 1.0 is the input bus's scale.
    conditions
        Corner, temperature, supply.
    models
        The model library, as the deck shall name it.
    """
    n_time = len(frames)
    period = design.timing.frame
    t_start = PRE_ROLL * period
    starts = t_start + period * np.arange(n_time)
    t_stop = t_start + period * n_time
    v_dd = f"{conditions.v_dd:.9g}"
    lines = [
        f"* mru_hw bench, design {design.digest()}",
        f".lib '{models}' {conditions.corner}",
        f".options temp={conditions.temperature:.9g} {OPTIONS}",
        f"vdd vdd 0 {v_dd}",
        # Declared zero-volt probes: the supply current, block by block.
        *(f"v{name} vdd {name} 0" for name in SUPPLIES),
        f"ibias vdd iref {design.i_lsb * design.buses['bias'].units:.9g}",
        *(f"vy{k} y{k} 0 {V_PIN}" for k in range(design.buses["y"].size)),
        *_reset_lines(period, v_dd),
    ]
    strobes = np.array([starts + t for t in design.timing.strobes])
    for i, first in enumerate(strobes[:, 0]):
        width = design.timing.pulse
        lines.append(
            f"vphi{i} phi{i} 0 pulse(0 {v_dd} {first:.9g} {EDGE} {EDGE} {width:.9g} {period:.9g})"
        )
    scale = design.buses["x"].scale
    for k in range(design.buses["x"].size):
        lines.append(_pwl(f"ix{k} 0 x{k}", starts, frames[:, k] * scale))
    pins = chip_pins(design)
    words = ["0" if pin == "vss" else pin for pin in pins]
    lines.append("xchip")
    lines += ["+ " + " ".join(words[i : i + 12]) for i in range(0, len(words), 12)]
    lines.append("+ mru_chip")
    saves = [f"i(v{name})" for name in ("dd", *SUPPLIES)]
    saves += [f"i(vy{k})" for k in range(design.buses["y"].size)]
    for bank in design.banks:
        for k in range(bank.n_units):
            saves += candidate_vectors(design, bank.layer, k)
            saves += state_vectors(design, bank.layer, k)
    return Bench(
        text="\n".join(lines) + "\n",
        saves=tuple(saves),
        t_start=t_start,
        t_stop=t_stop,
        read_at=starts + period,
        strobe_at=strobes,
    )


def analysis_lines(bench: Bench, period: float) -> str:
    """Return the analysis: from dark (uic), with the step capped at a tenth of a frame."""
    saves = [".save " + " ".join(bench.saves[i : i + 8]) for i in range(0, len(bench.saves), 8)]
    return "\n".join([*saves, f".tran {period / 10:.9g} {bench.t_stop:.9g} uic"]) + "\n"


def _reset_lines(period: float, v_dd: str) -> list[str]:
    end = RESET * period
    return [f"vrst rst 0 pwl(0 0 {EDGE} {v_dd} {end:.9g} {v_dd} {end + EDGE:.9g} 0)"]


def _pwl(head: str, starts: NDArray[np.float64], values: NDArray[np.float64]) -> str:
    """Write a staircase with short ramps; the first value holds from time zero."""
    points = [(0.0, values[0])]
    for j in range(1, len(starts)):
        if values[j] != values[j - 1]:
            points += [(starts[j], values[j - 1]), (starts[j] + RAMP, values[j])]
    words = [f"{t:.9g} {v:.9g}" for t, v in points]
    if len(words) == 1:
        return f"{head} {points[0][1]:.9g}"
    lines = [f"{head} pwl("] + ["+ " + " ".join(words[i : i + 4]) for i in range(0, len(words), 4)]
    return "\n".join(lines) + " )"
