"""The test bench around a chip: supplies, reference, stimulus, phases, reset, probes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.legs.gains import pin_voltage
from mru_hw.errors import Bare, UserError
from mru_hw.mapping.design import Bus, Design
from mru_hw.model.structure import ModelSpec
from mru_hw.spice.chip import (
    SUPPLIES,
    all_clocked,
    chip_deck,
    chip_pins,
    clocked_banks,
    loop_net,
    node_instance,
    wire_notes,
)
from mru_hw.spice.deck import BENCH, CHIP, TOKEN, Deck, pwl, token_line, token_of
from mru_hw.spice.dies import die_commands
from mru_hw.spice.options import Tolerances, network_options, unresolved_blocks
from mru_hw.spice.paths import TOP
from mru_hw.spice.power_up import power_up_time
from mru_hw.technology import MODELS
from mru_hw.technology.conditions import Conditions
from mru_hw.units import render
from mru_hw.variation import Die
from mru_hw.version import __version__

Array = NDArray[np.float64]

PRE_ROLL = 0.2  # of a frame, from the reset's end to frame 0
EDGE = 1e-7  # s, of phases and reset
RAMP = 1e-5  # s, of input currents
SHORTEST_FRAME = 1e-4
"""s: ten ramps of the inputs, and a strobe of four edges. Far below what settles at nanoamperes."""
BREAK = 5e-5
"""Of the largest step: ngspice 39 merges breakpoints that lie nearer, and with an edge a pulse."""

INPUT_SUPPLY = "vdd_input"
"""Node that the input sources draw from: an ideal supply beside the chip's own, to be counted."""
DECOUPLING = 10e-12
"""Capacitor [F] outside a chip with loops, on the reference's pin: a loop that switches pulls the
bias rail along, and with it its neighbours' currents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A deck with its test bench, and what to read from its run.

    Attributes
    ----------
    deck
        Ready to run.
    t_start
        The first frame's start [s]; the last one's end is ``deck.t_stop``.
    read_at
        (n_time,) when states and outputs are read: the end of each frame [s], as `frame_ends`.
    decided_at
        (n_layers, n_time) when each layer's candidates count [s]: at the strobe's rising edge, and
        for loops, which follow them all the time, at the frame's end.
    """

    deck: Deck
    t_start: float
    read_at: Array
    decided_at: Array


def candidate_vectors(design: Design, layer: int, k: int) -> tuple[str, ...]:
    """Return the device currents of candidate `k` of `layer`: plus rail, minus rail if any."""
    bus = design.buses[design.banks[layer].candidate]
    return tuple(_diode(design, bus, k, sign) for sign in bus.circuit.signs)


def state_vectors(design: Design, layer: int, k: int) -> tuple[str, ...]:
    """Return the node voltages of the cells of unit `k` of `layer`, in thermometer order."""
    bank = design.banks[layer]
    if not bank.clocked:
        return (f"v({TOP}.{loop_net(layer, k)})",)
    cells = range(1, bank.n_cells + 1)
    return tuple(f"v(xchip.xu{layer}_{k}.v{j})" for j in cells)


def state_diode(design: Design, layer: int, k: int) -> str:
    """Return the current of the diode that collects the output of unit `k` of `layer`."""
    bus = design.buses[design.banks[layer].state]
    return _diode(design, bus, k, "plus")


def _diode(design: Design, bus: Bus, k: int, sign: str) -> str:
    """Return the current of the diode of a rail of node `k` of a bus."""
    part = bus.circuit.role(f"diode_{sign}")
    inside = design.technology.transistor_path(part.device)
    return f"@m.{TOP}.{node_instance(bus, k)}.{part.path}.{inside}[id]"


def edge_and_step(period: float) -> tuple[float, float]:
    """Return the edges of phases and reset and the largest step [s] of frames of `period` [s].

    An edge spans two of the distances below which breakpoints are merged.
    """
    step = min(period / 10, max(EDGE / BREAK / 2, period / 40))
    return max(EDGE, 2 * BREAK * step), step


def refuse_short_frame(design: Design) -> None:
    """Raise `UserError` where the edges of inputs and strobes do not fit into a frame."""
    if design.timing.frame < SHORTEST_FRAME:
        found = Bare(render(design.timing.frame, "s"))
        raise UserError("frame_period", found, f"at least {render(SHORTEST_FRAME, 's')} in SPICE")


def as_written(value: float) -> float:
    """Return a number as a deck's nine digits have it: a run is over where its own text says."""
    return float(f"{value:.9g}")


def frame_ends(t_start: float, period: float, n_time: int) -> Array:
    """Return when each frame ends [s], (n_time,), as a deck's nine digits have it.

    The last one is the run's own end, so no frame lies beyond what was run.
    """
    ends = t_start + period * np.arange(1, n_time + 1, dtype=np.float64)
    return np.array([as_written(end) for end in ends.tolist()])


def reference_current(design: Design) -> float:
    """Return the current [A] into the chip's reference pin."""
    return design.i_lsb * design.buses["bias"].units


def normalised(spec: ModelSpec, x: Array) -> Array:
    """Return raw frames (..., n_in) as the network sees them."""
    if spec.normalisation is None:
        return x
    result: Array = (x - np.array(spec.normalisation.mean)) / np.array(spec.normalisation.scale)
    return result


def make_bench(
    design: Design,
    frames: Array,
    conditions: Conditions,
    *,
    die: Die | None = None,
    tolerances: Tolerances = Tolerances.DEFAULT,
    measures: bool = False,
) -> Bench:
    """Write chip and bench for one sequence.

    Parameters
    ----------
    design
        The chip.
    frames
        (n_time, n_in) normalised inputs; 1.0 is the input bus's scale.
    conditions
        Corner, temperature, supply.
    die
        Mismatch of every device; the nominal chip when None.
    tolerances
        How closely ngspice solves it.
    measures
        Whether the bench also measures and prints power and outputs, for running it by hand.

    Raises
    ------
    UserError
        A part of the Design has no transistor circuit yet.
    """
    refuse_short_frame(design)
    period = design.timing.frame
    reset = power_up_time(design)
    if not all_clocked(design):
        reset += DECOUPLING * design.technology.v_dd / 2 / reference_current(design)
    t_start = reset + PRE_ROLL * period
    starts: Array = t_start + period * np.arange(len(frames), dtype=np.float64)
    read_at = frame_ends(t_start, period, len(frames))
    t_stop = float(read_at[-1])
    clocked = {
        bank.layer: starts + design.timing.strobes[bank.layer] for bank in clocked_banks(design)
    }
    decided_at: Array = np.array([clocked.get(bank.layer, read_at) for bank in design.banks])
    commands = () if die is None else tuple(die_commands(design, die))
    saves = bench_saves(design)
    body = [
        *_condition_lines(conditions, network_options(design, tolerances)),
        *_supply_lines(design, conditions),
        *_stimulus_lines(design, frames, starts, clocked, reset, conditions),
        *_instance_lines(design),
        *(".save " + " ".join(row) for row in _rows((*saves, TOKEN), 8)),
        # From dark.
        f".tran {edge_and_step(period)[1]:.9g} {t_stop:.9g} uic",
        *(_measure_lines(design, t_start, t_stop, conditions) if measures else ()),
        *(_control_lines(commands) if measures and commands else ()),
    ]
    chip = chip_deck(design)
    head = [
        f"* mru_hw {__version__} bench, design {design.digest()}",
        f"* {len(frames)} frames of {period:.9g} s after {t_start:.9g} s of power-up and reset;"
        f" {'the nominal chip' if die is None else f'die {die.seed}'}",
        *wire_notes(design),
        *_notes(design, t_stop - t_start, tolerances),
    ]
    deck = bench_deck(design, chip, head, body, saves, t_stop, commands)
    return Bench(deck=deck, t_start=t_start, read_at=read_at, decided_at=decided_at)


def bench_deck(
    design: Design,
    chip: str,
    head: Sequence[str],
    body: Sequence[str],
    saves: tuple[str, ...],
    t_stop: float,
    commands: tuple[str, ...],
) -> Deck:
    """Put a bench and what it plays together; its token stands for all but the head."""
    token = token_of([chip, *body, *commands])
    return Deck(
        files={
            BENCH: "\n".join([*head, token_line(token), *body, ".end", ""]),
            CHIP: chip,
            **design.technology.model_files(),
        },
        saves=saves,
        token=token,
        t_stop=t_stop,
        commands=commands,
    )


def bench_saves(design: Design) -> tuple[str, ...]:
    """List the vectors that a run keeps: supply currents, outputs, candidates, cells, states."""
    saves = [f"i(v{name})" for name in ("dd", *SUPPLIES, INPUT_SUPPLY)] + ["i(vref)"]
    saves += [f"i(vy{k})" for k in range(design.buses["y"].size)]
    for bank in design.banks:
        for k in range(bank.n_units):
            saves += candidate_vectors(design, bank.layer, k)
            saves += state_vectors(design, bank.layer, k)
            saves.append(state_diode(design, bank.layer, k))
    return tuple(saves)


# ------------------------------------------------------------------------------------ the parts


def _notes(design: Design, seconds: float, tolerances: Tolerances) -> list[str]:
    blocks = " + ".join(f"p_{name.removeprefix('vdd_')}" for name in (*SUPPLIES, "ref"))
    return [
        "* the token is a voltage made from the hash of this text: a result proves its circuit",
        f"* inputs: 1.0 of a normalised feature is {design.buses['x'].scale:.6g} A",
        f"* outputs: 1.0 of the network's is {design.buses['y'].scale:.6g} A",
        f"* energy of the frames: ({blocks}) times {seconds:.9g} s",
        "* p_input: what the sources of the inputs deliver, as if from the supply; not in that sum",
        *(
            f"* p_{name} is not resolved by these tolerances: up to three times too small"
            for name in unresolved_blocks(design, tolerances)
        ),
    ]


def _condition_lines(conditions: Conditions, options: str) -> list[str]:
    return [
        f".lib '{MODELS}' {conditions.corner}",
        f".include '{CHIP}'",
        f".options temp={conditions.temperature:.9g} {options}",
    ]


def _supply_lines(design: Design, conditions: Conditions) -> list[str]:
    return [
        f"vdd vdd 0 {conditions.v_dd:.9g}",
        # What the inputs deliver, apart from the chip's own supply.
        f"vin vin 0 {conditions.v_dd:.9g}",
        f"v{INPUT_SUPPLY} vin {INPUT_SUPPLY} 0",
        # Declared zero-volt probes: the supply current, block by block, and the reference's.
        *(f"v{name} vdd {name} 0" for name in SUPPLIES),
        "vref vdd vref 0",
        f"ibias vref iref {reference_current(design):.9g}",
        *(() if all_clocked(design) else (f"cref iref 0 {DECOUPLING:.9g}",)),
        *(
            f"vy{k} y{k} 0 {pin_voltage(conditions.v_dd):.9g}"
            for k in range(design.buses["y"].size)
        ),
    ]


def _stimulus_lines(
    design: Design,
    frames: Array,
    starts: Array,
    strobes: Mapping[int, Array],
    reset: float,
    conditions: Conditions,
) -> list[str]:
    period, width = design.timing.frame, design.timing.pulse
    v_dd, (edge, _) = f"{conditions.v_dd:.9g}", edge_and_step(period)
    currents = frames * design.buses["x"].scale
    return [
        f"vrst rst 0 pwl(0 0 {edge:.9g} {v_dd} {reset:.9g} {v_dd} {reset + edge:.9g} 0)",
        *(
            f"vphi{i} phi{i} 0"
            f" pulse(0 {v_dd} {at[0]:.9g} {edge:.9g} {edge:.9g} {width:.9g} {period:.9g})"
            for i, at in strobes.items()
        ),
        *(
            line
            for k in range(design.buses["x"].size)
            for line in _input_lines(k, starts, currents[:, k])
        ),
    ]


def _input_lines(k: int, starts: Array, currents: Array) -> Iterator[str]:
    """Write input `k`: what flows into the pin comes from a supply, what flows out goes to ground.

    Both ramps are linear, so their difference is the input's own ramp, through zero too. (Adding
    zero turns a negative zero into a plain one.)
    """
    yield from _staircase(f"ix{k} {INPUT_SUPPLY} x{k}", starts, np.maximum(currents, 0.0) + 0.0)
    if np.any(currents < 0):
        yield from _staircase(f"ixn{k} x{k} 0", starts, np.maximum(-currents, 0.0) + 0.0)


def _instance_lines(design: Design) -> list[str]:
    pins = ["0" if pin == "vss" else pin for pin in chip_pins(design)]
    return ["xchip", *("+ " + " ".join(row) for row in _rows(pins, 12)), "+ mru_chip"]


def _measure_lines(
    design: Design, t_start: float, t_stop: float, conditions: Conditions
) -> list[str]:
    """Mean power of each block over all frames, and the outputs at the end."""
    span = f"from={t_start:.9g} to={t_stop:.9g}"
    # The reference current counts to the bias distribution.
    currents = {name: f"i(v{name})" for name in (*SUPPLIES, INPUT_SUPPLY)}
    currents |= {"vdd_ref": "i(vref)"}
    lines = []
    for name, current in currents.items():
        block = name.removeprefix("vdd_")
        lines.append(f".measure tran i_{block} avg {current} {span}")
        lines.append(f".measure tran p_{block} param='{conditions.v_dd:.9g}*i_{block}'")
    at = t_stop - design.timing.frame * 1e-4
    lines += [
        f".measure tran y{k}_end find i(vy{k}) at={at:.9g}" for k in range(design.buses["y"].size)
    ]
    return lines


def _control_lines(commands: Iterable[str]) -> list[str]:
    return [".control", *commands, "run", "quit", ".endc"]


def _rows(words: Iterable[str], width: int) -> list[tuple[str, ...]]:
    listed = tuple(words)
    return [listed[i : i + width] for i in range(0, len(listed), width)]


def _staircase(head: str, starts: Array, values: Array) -> list[str]:
    """Write a staircase with short ramps; the first value holds from time zero."""
    points = [(0.0, values[0])]
    for j in range(1, len(starts)):
        if values[j] != values[j - 1]:
            points += [(starts[j], values[j - 1]), (starts[j] + RAMP, values[j])]
    if len(points) == 1:
        return [f"{head} {points[0][1]:.9g}"]
    return pwl(head, points, digits=9)
