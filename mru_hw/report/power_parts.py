"""Power of the nominal die by layer and by circuit."""

from __future__ import annotations

from mru_hw.errors import renamed_fields
from mru_hw.mapping import Design
from mru_hw.mapping.design import Bank
from mru_hw.report import figures
from mru_hw.report.chip import ChipFacts
from mru_hw.report.parts import Picture, Section, Table
from mru_hw.simulate.ledger import Entry, by, ledger
from mru_hw.simulate.sensitivity.parts import parts_of
from mru_hw.spice.decoupling import Decoupling, strobe_capacitances
from mru_hw.spice.drive import clock_capacitance, unit_capacitance
from mru_hw.sweeps.told import Told, percent, quantity
from mru_hw.sweeps.words import many
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
_SEQUENCES = 300
"""Sequences that the nominal die is priced on, at most."""


def power_parts(found: ChipFacts, said: str) -> Section:
    """Return power by layer and by circuit, of the nominal die without noise.

    Parameters
    ----------
    said
        The condition in words.
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
            *([] if asked is None else [_peak(total / seconds, asked), _needed(asked)]),
            *([] if asked is None else [_most(found.design, own, asked)]),
        ],
        tables=tables if asked is None else [*tables, _strobe_table(found.design, own, asked)],
        pictures=[_layers(found.design, entries, seconds)],
    )


def _peak(power: float, asked: Decoupling) -> str:
    """Say which current the supply has to give at most, and which part of it is the chip's."""
    mean = power / asked.conditions.v_dd
    return (
        f"Peak current from the supply: {quantity(mean + asked.current, 'A')} in a strobe at "
        f"{asked.conditions}. The chip's own part of it is its mean current, "
        f"{quantity(mean, 'A')}. The rest, "
        f"{quantity(asked.current, 'A')}, is the assumed supply's: the droop that is allowed, "
        f"{quantity(asked.droop, 'V')}, over its resistance, {quantity(asked.resistance, 'ohm')}, "
        "and the same for every chip. What this chip asks for in a strobe is a charge, up to "
        f"{quantity(asked.charge, 'C')}, which the decoupling gives; without decoupling the peak "
        "is that charge in the time of the strobe's edges, and is not resolved here: "
        "a run of the netlist at the level spice has its wave (commands: “Conditions, versions, "
        "hashes”)."
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
    return (
        f"That charge is a bound, of layer {asked.layer}, part by part in the table “strobe” "
        "below: every gate at the whole oxide's capacitance, and every unit steps. The energy "
        "counts what ngspice measured instead: in each strobe of that layer "
        f"{quantity(clock, 'F')} of driver and lines and {quantity(still, 'F')} in each of "
        f"{many(bank.n_units, 'unit')} (c_unit, and what passes its phase tap while the longer "
        f"lines move), and {quantity(own.c_step, 'F')} for each step that a unit takes."
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
