"""A bench for one CMRU unit of a chip, by itself: the chip's deck, cut down to that unit.

What is left of the chip is the bias tree, the unit's candidate node, its cells, its state node and
its layer's phase driver, under their own names, so that whatever reads or alters the chip's
devices does the same here. The candidate comes from a current source: the drains of the legs that
drive the node in the chip are not there, nor is the load of the layer's other units on the phase;
wires are, as long as the chip's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.statements import Cell, Element, Ends, Netlist, Statement, Subckt
from mru_hw.errors import UserError
from mru_hw.mapping.design import Design, Timing
from mru_hw.spice.bench import (
    PRE_ROLL,
    bench_deck,
    candidate_vectors,
    edge_and_step,
    frame_ends,
    refuse_short_frame,
    state_vectors,
)
from mru_hw.spice.chip import SUPPLIES, chip_netlist, node_instance, node_net, own_cells
from mru_hw.spice.deck import CHIP, TOKEN, TOP, Deck, pwl
from mru_hw.spice.dies import die_changes
from mru_hw.spice.options import network_options
from mru_hw.spice.power_up import power_up_time
from mru_hw.spice.pulses import strobe_pulses
from mru_hw.spice.sources import RAMP
from mru_hw.spice.text import deck_text
from mru_hw.technology import MODELS
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die
from mru_hw.version import __version__

UNIT = "mru_unit"
"""Subcircuit of the cut deck; the bench's instance is called as the chip's is."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitBench:
    """A deck with the bench of one unit, and when to read its run.

    Attributes
    ----------
    deck
        Ready to run.
    timing
        Of the frames, as they were run.
    t_start
        The first frame's start [s].
    v_dd
        Supply [V].
    strobe_at, read_at
        (n_time,) rising edge of each strobe, and end of each frame (`frame_ends`) [s].
    """

    deck: Deck
    timing: Timing
    t_start: float
    v_dd: float
    strobe_at: Array
    read_at: Array


def refuse_other_cells(design: Design, layer: int) -> None:
    """Name the layers whose units have no bench of their own.

    Raises
    ------
    UserError
        The layer's units have no strobe, thresholds from the input or a rectified candidate.
    """
    bank = design.banks[layer]
    signed = design.node(bank.candidate).circuit.compared
    if not bank.clocked or bank.threshold is not None or not signed:
        raise UserError(
            f"layers.{layer}",
            bank.cell.value,
            "cmru or bmru with fixed thresholds and signed candidates: only its units run singly",
        )


def unit_netlist(design: Design, layer: int, unit: int) -> Netlist:
    """Return the chip cut down to one unit, as subcircuit `UNIT`.

    Raises
    ------
    UserError
        The layer's units have no bench of their own, or the Design has no circuit.
    """
    refuse_other_cells(design, layer)
    bank, chip = design.banks[layer], chip_netlist(design)
    candidate = design.buses[bank.candidate]
    keep = {
        node_instance(design.bias, 0),
        "xrst",
        f"xphi{layer}",
        f"xu{layer}_{unit}",
        node_instance(candidate, unit),
        node_instance(design.buses[bank.state], unit),
    }
    kept: list[Element] = []
    nets: set[str] = set()
    for element in chip.top.elements:
        # Wires come last, and follow what hangs on them.
        wire = element.name.startswith("c")
        if element.nets[0] in nets if wire else element.name in keep:
            kept.append(element)
            nets.update(element.nets)
    cells = chip.cells()
    others = own_cells(design, cells).keys() - set(_needed(cells, kept))
    pins = (node_net(candidate, unit), f"phi{layer}", "rst", "iref", *SUPPLIES, "vss")
    head = Subckt(name=UNIT, pins=pins, values={})
    return Netlist(
        above=tuple(_without(chip.above, others)), top=Cell(head=head, elements=tuple(kept))
    )


def unit_deck(design: Design, layer: int, unit: int) -> str:
    """Return the text of `unit_netlist`.

    Raises
    ------
    UserError
        The layer's units have no bench of their own, or the Design has no circuit.
    """
    return deck_text(unit_netlist(design, layer, unit).statements())


def inner_nets(design: Design, layer: int, unit: int) -> tuple[str, ...]:
    """Return the voltages of every net of a unit's deck but those that its bench keeps anyway.

    Such as ``v(xchip.xu0_3.gs)``; the pins, at the bench's own level, as ``v(c0_3)``.

    Raises
    ------
    UserError
        The layer's units have no bench of their own, or the Design has no circuit.
    """
    cut = unit_netlist(design, layer, unit)
    below = _nets_below(cut.top, cut.cells(), f"{TOP}.")
    pins = (pin for pin in cut.top.head.pins if pin not in {*SUPPLIES, "vss"})
    kept = set(state_vectors(design, layer, unit))
    return tuple(v for v in (f"v({net})" for net in (*pins, *below)) if v not in kept)


def _nets_below(cell: Cell, cells: Mapping[str, Cell], path: str) -> Iterator[str]:
    """Yield the nets inside a cell and inside its instances, each once."""
    nets = dict.fromkeys(net for element in cell.elements for net in element.nets)
    yield from (path + net for net in nets if net not in {*cell.head.pins, "0"})
    for element in cell.elements:
        if element.model in cells:
            yield from _nets_below(cells[element.model], cells, f"{path}{element.name}.")


def _needed(cells: Mapping[str, Cell], elements: Iterable[Element]) -> Iterator[str]:
    """Yield the names of the cells that elements are instances of, and of those inside."""
    for name in {element.model for element in elements} & cells.keys():
        yield name
        yield from _needed(cells, cells[name].elements)


def _without(statements: Iterable[Statement], cells: Collection[str]) -> Iterator[Statement]:
    """Drop some subcircuits, those of units of other lengths or initial states."""
    skipping = False
    for statement in statements:
        if isinstance(statement, Subckt):
            skipping = statement.name in cells
        if not skipping:
            yield statement
        skipping = skipping and not isinstance(statement, Ends)


def make_unit_bench(
    design: Design,
    layer: int,
    unit: int,
    candidates: Array,
    conditions: Conditions,
    *,
    timing: Timing | None = None,
    lead: Sequence[tuple[float, float]] = (),
    die: Die | None = None,
    watch: Sequence[str] = (),
    options: str | None = None,
) -> UnitBench:
    """Write the bench of one unit.

    Parameters
    ----------
    design, layer, unit
        The chip, and which of its units.
    candidates
        (n_time,) current [A] into the candidate's node, frame by frame. It changes when the chip's
        would: at the frame's start, or at the strobe of the layer before.
    conditions
        Corner, temperature, supply.
    timing
        Frame, strobes and pulse; the Design's own when None.
    lead
        Points ``(t, i)`` [s, A], t rising from 0, of the candidate after power-up and before the
        first frame: a ramp that finds the comparators' thresholds, say. No strobe comes then.
    die
        Mismatch of the devices that carry signal, those of the unit among them.
    watch
        Further vectors to keep.
    options
        ngspice's tolerances.

    Raises
    ------
    UserError
        The layer's units have no bench of their own, or the Design has no circuit.
    """
    refuse_short_frame(design)
    timing = timing or design.timing
    period, strobe = timing.frame, timing.strobes[layer]
    reset = power_up_time(design)
    t_power = reset + PRE_ROLL * period
    t_start = t_power + (lead[-1][0] if lead else 0.0)
    starts: Array = t_start + period * np.arange(len(candidates), dtype=np.float64)
    changes = starts + (timing.strobes[layer - 1] if layer else 0.0)
    read_at = frame_ends(t_start, period, len(candidates))
    t_stop = float(read_at[-1])
    cut = unit_netlist(design, layer, unit)
    chip = deck_text(cut.statements())
    instances = {element.name for element in cut.top.elements}
    drawn = () if die is None else die_changes(design, die)
    commands = tuple(c.command for c in drawn if c.device.split(".")[2] in instances)
    points = [(0.0, lead[0][1] if lead else float(candidates[0]))]
    points += [(t_power + t, i) for t, i in lead]
    saves = (
        *(f"i(v{name})" for name in ("dd", *SUPPLIES)),
        "i(vref)",
        *candidate_vectors(design, layer, unit),
        *state_vectors(design, layer, unit),
        *watch,
    )
    v_dd = f"{conditions.v_dd:.9g}"
    edge, step = edge_and_step(period)
    node = node_net(design.buses[design.banks[layer].candidate], unit)
    body = [
        f".lib '{MODELS}' {conditions.corner}",
        f".include '{CHIP}'",
        f".options temp={conditions.temperature:.9g} {options or network_options(design)}",
        f"vdd vdd 0 {v_dd}",
        *(f"v{name} vdd {name} 0" for name in SUPPLIES),
        "vref vdd vref 0",
        f"ibias vref iref {design.i_lsb * design.buses['bias'].units:.9g}",
        f"vrst rst 0 pwl(0 0 {edge:.9g} {v_dd} {reset:.9g} {v_dd} {reset + edge:.9g} 0)",
        *_strobes(f"vphi phi{layer} 0", starts + strobe, (edge, timing.pulse), conditions.v_dd),
        *_staircase(f"ic 0 {node}", points, changes, candidates),
        f"{TOP} {node} phi{layer} rst iref {' '.join(SUPPLIES)} 0 {UNIT}",
        *(f".save {' '.join(saves[k : k + 8])}" for k in range(0, len(saves), 8)),
        f".save {TOKEN}",
        f".tran {step:.9g} {t_stop:.9g} uic",
    ]
    head = [
        f"* mru_hw {__version__} bench of unit {unit} of layer {layer}, design {design.digest()}",
    ]
    deck = bench_deck(design, chip, head, body, saves, t_stop, commands)
    pulses = strobe_pulses(layer, starts + strobe, period, conditions.v_dd)
    deck = replace(deck, pulses=pulses)
    return UnitBench(
        deck=deck,
        timing=timing,
        t_start=t_start,
        v_dd=conditions.v_dd,
        strobe_at=starts + strobe,
        read_at=read_at,
    )


def _staircase(
    head: str, lead: list[tuple[float, float]], changes: Array, values: Array
) -> list[str]:
    points = list(lead)
    for at, value in zip(changes, values, strict=True):
        last = points[-1][1]
        if value != last:
            # One ramp late, for the lead may end where the first frame begins.
            points += [(float(at) + RAMP, last), (float(at) + 2 * RAMP, float(value))]
    return pwl(head, points)


def _strobes(head: str, at: Array, edge_pulse: tuple[float, float], v_dd: float) -> list[str]:
    points = [(0.0, 0.0)]
    edge, pulse = edge_pulse
    for t in at.tolist():
        top = t + edge + pulse
        points += [(t, 0.0), (t + edge, v_dd), (top, v_dd), (top + edge, 0.0)]
    return pwl(head, points)
