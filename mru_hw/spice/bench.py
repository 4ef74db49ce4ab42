"""The test bench around a chip: supplies, reference, stimulus, phases, reset, probes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.legs.gains import pin_voltage
from mru_hw.circuits.statements import (
    Comment,
    Control,
    Element,
    End,
    Include,
    Netlist,
    Options,
    Save,
    Source,
    Statement,
    Transient,
    Use,
    dc,
    rows,
)
from mru_hw.errors import Bare, UserError
from mru_hw.mapping.design import Bus, Design
from mru_hw.spice.chip import (
    CHIP_CELL,
    SUPPLIES,
    chip_netlist,
    chip_pins,
    node_instance,
    wire_notes,
)
from mru_hw.spice.deck import BENCH, CHIP, TOKEN, TOP, Deck, token_line, token_of, token_source
from mru_hw.spice.dies import die_commands
from mru_hw.spice.measures import bench_measures, measure_notes
from mru_hw.spice.options import Tolerances, network_options, unresolved_blocks
from mru_hw.spice.power_up import power_up_time
from mru_hw.spice.pulses import strobe_pulses
from mru_hw.spice.sources import INPUT_SUPPLY, input_sources, numbers
from mru_hw.spice.text import deck_lines, deck_text
from mru_hw.technology import MODELS
from mru_hw.technology.conditions import Conditions
from mru_hw.units import render
from mru_hw.variation import Die
from mru_hw.variation.spread import Spread
from mru_hw.version import __version__
from mru_hw.words import many

Array = NDArray[np.float64]

PRE_ROLL = 0.2  # of a frame, from the reset's end to frame 0
EDGE = 1e-7  # s, of phases and reset
SHORTEST_FRAME = 1e-4
"""s: ten ramps of the inputs, and a strobe of four edges. Far below what settles at nanoamperes."""
BREAK = 5e-5
"""Of the largest step: ngspice 39 merges breakpoints that lie nearer, and with an edge a pulse."""

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
    chip, player
        The same as statements: the chip, and the bench that plays it.
    t_start
        The first frame's start [s]; the last one's end is ``deck.t_stop``.
    read_at
        (n_time,) when states and outputs are read: the end of each frame [s], as `frame_ends`.
    decided_at
        (n_layers, n_time) when each layer's candidates count [s]: at the strobe's rising edge, and
        for loops, which follow them all the time, at the frame's end.
    """

    deck: Deck
    chip: Netlist
    player: tuple[Statement, ...]
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
    return tuple(f"v({TOP}.{net})" for net in bank.circuit.nets(bank, k))


def state_diode(design: Design, layer: int, k: int) -> str:
    """Return the current of the diode that collects the output of unit `k` of `layer`."""
    bus = design.buses[design.banks[layer].state]
    return _diode(design, bus, k, "plus")


def _diode(design: Design, bus: Bus, k: int, sign: str) -> str:
    """Return the current of the diode of a rail of node `k` of a bus."""
    part, *_ = bus.circuit.diodes(bus.circuit.own(sign))
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
    return design.i_lsb * design.bias.units


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
        Whether the bench also measures and prints power, outputs and the readout's values, for
        running it by hand.

    Raises
    ------
    UserError
        A part of the Design has no transistor circuit yet.
    """
    refuse_short_frame(design)
    period = design.timing.frame
    reset = power_up_time(design)
    reference = reference_current(design)
    if die is not None:
        reference *= 1 + float(die.reference)
    if not design.all_strobed:
        reset += DECOUPLING * design.technology.v_dd / 2 / reference
    t_start = reset + PRE_ROLL * period
    starts: Array = t_start + period * np.arange(len(frames), dtype=np.float64)
    read_at = frame_ends(t_start, period, len(frames))
    t_stop = float(read_at[-1])
    clocked = {bank.layer: starts + design.timing.strobes[bank.layer] for bank in design.strobed}
    decided_at: Array = np.array([clocked.get(bank.layer, read_at) for bank in design.banks])
    commands = () if die is None else tuple(die_commands(design, die))
    saves = bench_saves(design)
    body = (
        *_conditions(conditions, network_options(design, tolerances)),
        *_supplies(design, conditions, reference),
        *_stimulus(design, frames, starts, clocked, reset, conditions),
        _instance(design),
        *(Save(vectors=row) for row in _rows((*saves, TOKEN), 8)),
        # From dark.
        Transient(step=f"{edge_and_step(period)[1]:.9g}", stop=f"{t_stop:.9g}"),
        *(bench_measures(design, t_start, read_at, conditions) if measures else ()),
        # No `run` among them: `ngspice -b` runs what stands above, and `-r FILE` keeps its waves.
        *([Control(lines=commands)] if measures and commands else ()),
    )
    chip = chip_netlist(design)
    notes = (
        f"mru_hw {__version__} bench, design {design.digest()}",
        f"{many(len(frames), 'frame')} of {period:.9g} s after {t_start:.9g} s of power-up and "
        f"reset; {'the nominal chip' if die is None else _which(die)}",
        f"corner {conditions.corner}, {conditions.temperature:g} degC, {conditions.v_dd:g} V",
        *wire_notes(design),
        *_notes(design, t_stop - t_start, tolerances),
        *(measure_notes(design, len(frames)) if measures else ()),
    )
    head = [Comment(text=note) for note in notes]
    deck = bench_deck(
        design,
        deck_text(chip.statements()),
        list(deck_lines(head)),
        list(deck_lines(body)),
        saves,
        t_stop,
        commands,
    )
    pulses = (
        pulse
        for layer, at in clocked.items()
        for pulse in strobe_pulses(layer, at, period, conditions.v_dd)
    )
    deck = replace(deck, pulses=tuple(pulses))
    return Bench(
        deck=deck,
        chip=chip,
        player=(*head, token_source(deck.token), *body, End()),
        t_start=t_start,
        read_at=read_at,
        decided_at=decided_at,
    )


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
    saves += [f"i(vy{k})" for k in range(design.outputs.size)]
    for bank in design.banks:
        for k in range(bank.n_units):
            saves += candidate_vectors(design, bank.layer, k)
            saves += state_vectors(design, bank.layer, k)
            saves.append(state_diode(design, bank.layer, k))
    return tuple(saves)


# ------------------------------------------------------------------------------------ the parts


def _which(die: Die) -> str:
    """Say which die it is, and what is wrong with it beside its mismatch."""
    stuck = sum(int(np.count_nonzero(cells)) for cells in die.stuck.values())
    reference = 100 * float(die.reference)
    parts = [
        f"die {die.seed}",
        *([] if die.spread is None else _shared(die.spread)),
        f"reference {reference:+.3g} % off" if reference else "",
        f"{many(stuck, 'cell')} stuck" if stuck else "",
    ]
    return ", ".join(filter(None, parts))


def _shared(spread: Spread) -> Iterator[str]:
    """Say what all devices of a die share, by polarity, and how it slopes across the chip."""
    for values, what, factor, unit in (
        (spread.vt, "|vth| of all devices", 1e3, "mV"),
        (spread.beta, "current factor", 100, "%"),
    ):
        said = [f"{factor * v:+.3g} {unit} ({kind})" for kind, v in values.items() if v]
        if said:
            yield f"{what} {' and '.join(said)}"
    said = [f"{x:+.3g} and {y:+.3g} ({kind})" for kind, (x, y) in spread.slope.items() if x or y]
    if said:
        yield f"|vth| slopes in mV/mm along x and y {'; '.join(said)}"  # V/m


def _notes(design: Design, seconds: float, tolerances: Tolerances) -> list[str]:
    blocks = " + ".join(f"p_{name.removeprefix('vdd_')}" for name in (*SUPPLIES, "ref"))
    return [
        "vtoken drives nothing: a hash of chip and bench as a voltage,"
        " which proves a result theirs",
        f"inputs: 1.0 of a normalised feature is {design.buses['x'].scale:.6g} A",
        f"outputs: 1.0 of the network's is {design.buses['y'].scale:.6g} A",
        f"energy of the frames: ({blocks}) times {seconds:.9g} s",
        "p_input: what the sources of the inputs deliver, as if from the supply; not in that sum",
        *(
            f"p_{name} in ngspice is within 10 % at these tolerances, mostly too large"
            for name in unresolved_blocks(design, tolerances)
        ),
    ]


def _conditions(conditions: Conditions, options: str) -> tuple[Statement, ...]:
    tolerances = dict(pair.split("=", 1) for pair in options.split())
    return (
        Use(file=MODELS, section=conditions.corner),
        Include(file=CHIP),
        Options(values={"temp": f"{conditions.temperature:.9g}", **tolerances}),
    )


def _supplies(design: Design, conditions: Conditions, reference: float) -> Iterator[Statement]:
    yield dc("vdd", "vdd", "0", conditions.v_dd)
    # What the inputs deliver, apart from the chip's own supply.
    yield dc("vin", "vin", "0", conditions.v_dd)
    yield dc(f"v{INPUT_SUPPLY}", "vin", INPUT_SUPPLY, 0)
    # Declared zero-volt probes: the supply current, block by block, and the reference's.
    for name in SUPPLIES:
        yield dc(f"v{name}", "vdd", name, 0)
    yield dc("vref", "vdd", "vref", 0)
    yield dc("ibias", "vref", "iref", reference)
    if not design.all_strobed:
        yield Element(name="cref", nets=("iref", "0"), model=f"{DECOUPLING:.9g}", values={})
    for k in range(design.outputs.size):
        yield dc(f"vy{k}", f"y{k}", "0", pin_voltage(conditions.v_dd))


def _stimulus(
    design: Design,
    frames: Array,
    starts: Array,
    strobes: Mapping[int, Array],
    reset: float,
    conditions: Conditions,
) -> Iterator[Statement]:
    period, width = design.timing.frame, design.timing.pulse
    v_dd, (edge, _) = conditions.v_dd, edge_and_step(period)
    currents = frames * design.inputs.scale
    points = ((0, 0), (edge, v_dd), (reset, v_dd), (reset + edge, 0))
    yield Source(name="vrst", nets=("rst", "0"), shape="pwl", numbers=numbers(*sum(points, ())))
    for i, at in strobes.items():
        yield Source(
            name=f"vphi{i}",
            nets=(f"phi{i}", "0"),
            shape="pulse",
            numbers=numbers(0, v_dd, at[0], edge, edge, width, period),
        )
    for k in range(design.inputs.size):
        yield from input_sources(k, starts, currents[:, k])


def _instance(design: Design) -> Element:
    pins = tuple("0" if pin == "vss" else pin for pin in chip_pins(design))
    end = 1 + len(pins)
    breaks = (*rows(1, end), end)
    return Element(name=TOP, nets=pins, model=CHIP_CELL, values={}, breaks=breaks)


def _rows(words: Iterable[str], width: int) -> list[tuple[str, ...]]:
    listed = tuple(words)
    return [listed[i : i + width] for i in range(0, len(listed), width)]
