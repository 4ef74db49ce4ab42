"""Power of the nominal die by layer and by circuit."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.errors import renamed_fields
from mru_hw.mapping import Design
from mru_hw.mapping.design import Bank
from mru_hw.report import figures
from mru_hw.report.chip import ChipFacts
from mru_hw.report.nominal import place_of
from mru_hw.report.parts import Picture, Section, Table
from mru_hw.simulate.ledger import Entry, by, ledger
from mru_hw.simulate.sensitivity.parts import parts_of
from mru_hw.spice.decoupling import Decoupling, decoupling, strobe_capacitances
from mru_hw.spice.drive import MEASURED_CELLS, clock_capacitance, unit_capacitance
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.told import Told, percent, quantity
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import counted, many
from mru_hw.technology.calibration import Calibration

_APART = {"layer": {}, "circuit": {"clock": "strobe drivers and lines"}}
"""Supply blocks that are a row by themselves."""
_COUNTED = {
    "layer": "",
    "circuit": (
        " What the legs of a mirror draw counts with the node that they copy; strobe drivers and "
        "lines are the supply block clock, and the bias tree is the block bias."
    ),
}
_UNKNOWN = (
    "Not known, at any condition: the chip's own peak without decoupling, which is the charge of a "
    "strobe over the time in which its edges move it; the wave of the supply current in ngspice "
    "tells it (commands: “Settings, versions, hashes”)."
)
_SEQUENCES = 300
"""Sequences that the nominal die is priced on, at most."""


def power_parts(found: ChipFacts, said: str, elsewhere: str = "") -> Section:
    """Return power by layer and by circuit, of the nominal die without noise.

    Parameters
    ----------
    said
        The condition in words.
    elsewhere
        What strobes ask for at another condition, as of `strobe_elsewhere`.
    """
    at = found.conditions
    inputs = found.subject.inputs.take(slice(0, _SEQUENCES))
    own = found.calibration.at(
        at.v_dd, temperature=at.temperature, corner=at.corner, loops_only=found.design.loops_only
    )
    entries = ledger(found.design, own, inputs, temperature=at.temperature, v_dd=at.v_dd)
    seconds = float(inputs.lengths.mean()) * found.design.timing.frame
    total = sum(entry.total for entry in entries)
    tables = [
        _parts_table(found.design, entries, kind, seconds, total) for kind in ("layer", "circuit")
    ]
    asked = found.decoupling
    cut = inputs.n_seq < found.subject.inputs.n_seq
    which = f"the first {inputs.n_seq} sequences" if cut else "all sequences"
    return Section(
        key="power-parts",
        title="",
        paragraphs=[
            f"By layer and by circuit: the nominal die at {said}, without noise, on {which}; it "
            f"takes {quantity(total, 'J')} a sequence, {quantity(total / seconds, 'W')}. The table "
            "by block is the mean of the dies, and so has another sum.",
            *([] if asked is None else _peak(total / seconds, asked)),
            *([] if asked is None else [f"{elsewhere}{_UNKNOWN}"]),
            *([] if asked is None else [_needed(asked), _most(found.design, own, asked)]),
        ],
        tables=tables if asked is None else [*tables, _strobe_table(found.design, own, asked)],
        pictures=[_layers(found.design, entries, seconds)],
    )


def _peak(power: float, asked: Decoupling) -> Iterator[str]:
    """Say which current the supply has to give at most, and which part of it is the chip's."""
    mean = power / asked.conditions.v_dd
    yield (
        f"Peak current from the supply, with decoupling, at {asked.conditions}: "
        f"{quantity(mean + asked.current, 'A')} in a strobe. The chip's part of it is its mean "
        f"current there, {quantity(mean, 'A')}. The rest, {quantity(asked.current, 'A')}, is the "
        f"assumed supply's: the droop that is allowed, {quantity(asked.droop, 'V')}, over its "
        f"resistance, {quantity(asked.resistance, 'ohm')}, the same for every chip and condition. "
        "What the chip asks for in a strobe is a charge, "
        f"{quantity(asked.charge, 'C')} at most, which the decoupling gives."
    )


def strobe_elsewhere(run: RunView, found: ChipFacts, binding: Held | None) -> str:
    """Say what a strobe charges, and the mean current, where what binds is worst.

    Empty where that is the condition at the head, or a chip has no strobes.
    """
    if binding is None:
        return ""
    point = next(one for one in run.points if one.number == binding.point)
    place = place_of(run, found, point)
    if place is None or place.conditions == found.conditions or not len(point.power):
        return ""
    there = decoupling(place.design, place.constants, place.conditions)
    if there is None:
        return ""
    mean = float(point.power.mean()) / place.conditions.v_dd
    return (
        f"At {place.said}, where what binds is worst, a strobe asks for "
        f"{quantity(there.charge, 'C')} at most and the mean current is {quantity(mean, 'A')} "
        f"(of {counted(point)}). "
    )


def _needed(asked: Decoupling) -> str:
    """Say which decoupling the chip needs, without the names of options."""
    names = {"supply_resistance": "that resistance", "droop": "that fall"}
    return renamed_fields(asked.line(), names)


def _bank(design: Design, asked: Decoupling) -> Bank:
    return next(bank for bank in design.strobed if bank.layer == asked.layer)


def _most(design: Design, own: Calibration, asked: Decoupling) -> str:
    """Say how the charge that a strobe takes at most differs from what the energy counts."""
    bank = _bank(design, asked)
    still, clock = unit_capacitance(design, own, bank), clock_capacitance(design, own, bank)
    further = bank.n_cells - MEASURED_CELLS
    cells = "gates of its further ladder cells, and " if further > 0 else ""
    cells = "less the gates of cells that it lacks, and " if further < 0 else cells
    return (
        f"That charge is a bound, of layer {asked.layer}, part by part in the table “strobe” "
        "below: every gate at the whole oxide's capacitance, and every unit steps. The energy "
        "counts what ngspice measured instead: in each strobe of that layer "
        f"{quantity(clock, 'F')} of driver and lines (the fitted constant c_driver, "
        f"{quantity(own.c_driver, 'F')}, is of it), {quantity(still, 'F')} in each of "
        f"{many(bank.n_units, 'unit')} whether it steps or not, and {quantity(own.c_step, 'F')} "
        "(c_step) for each step that a unit takes. What is in each unit is the fitted constant "
        f"c_unit, {quantity(own.c_unit, 'F')}, of a unit of {MEASURED_CELLS} ladder cells by "
        f"itself, and {quantity(still - own.c_unit, 'F')} that the layer adds: {cells}what passes "
        "the unit's phase tap while lines of so many units move."
    )


def _strobe_table(design: Design, own: Calibration, asked: Decoupling) -> Table:
    """Return what the strobe of the layer that takes most charges at most."""
    parts = strobe_capacitances(design, own, _bank(design, asked))
    rows: list[list[str]] = [
        [what, Told(str(count), count), quantity(each, "F"), quantity(count * each * own.v_dd, "C")]
        for what, (count, each) in parts.items()
        if count * each > 0
    ]
    charge = quantity(asked.charges[asked.layer], "C")
    more = "" if asked.alone else " The decoupling holds the charge of the strobes of all layers."
    return Table(
        name="strobe",
        caption=(
            f"What one strobe of layer {asked.layer} takes at most: each part at the supply of "
            f"{quantity(own.v_dd, 'V')}; the last row is the sum.{more}"
        ),
        head=("part", "times", "of each", "charge"),
        rows=[*rows, ["in all", "", "", charge]],
        numbers=(1, 2, 3),
        total=True,
    )


def _names(design: Design, kind: str) -> dict[str, str]:
    return {key[0]: part.name for part in parts_of(design, kind) for key in part.keys}


def _parts_table(
    design: Design, entries: list[Entry], kind: str, seconds: float, total: float
) -> Table:
    rows: list[list[str]] = []
    for name, static, moving in by(entries, _names(design, kind), _APART[kind]):
        rows.append(_parts_row(name, static, moving, seconds, total))
    static, moving = (sum(getattr(e, f) for e in entries) for f in ("static", "switching"))
    rows.append(_parts_row("in all", static, moving, seconds, total))
    return Table(
        name=f"power_by_{kind}",
        caption=(
            f"Supply power of the nominal die by {kind}; the last row is the sum.{_COUNTED[kind]}"
        ),
        head=(kind, "power", "share", "static", "switching"),
        rows=rows,
        numbers=range(1, 5),
        total=True,
    )


def _parts_row(name: str, static: float, moving: float, seconds: float, total: float) -> list[str]:
    both = static + moving
    return [
        name,
        quantity(both / seconds, "W"),
        percent(both / total if total else 0.0),
        quantity(static / seconds, "W"),
        quantity(moving / seconds, "W"),
    ]


def _layers(design: Design, entries: list[Entry], seconds: float) -> Picture:
    watts = {
        name: (static + moving) / seconds
        for name, static, moving in by(entries, _names(design, "layer"))
    }
    first = next(iter(watts), "nothing")
    return Picture(
        name="power_by_layer",
        svg=figures.ranked(watts, "mean supply power of the nominal die", "W"),
        alternative="Bars of the supply power by layer, the largest on top.",
        caption=f"Supply power by layer, nominal die: {first} takes most.",
        data={"layer": list(watts), "power [W]": list(watts.values())},
    )
