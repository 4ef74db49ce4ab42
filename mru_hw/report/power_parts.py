"""Power of the nominal die by layer and by circuit."""

from __future__ import annotations

from mru_hw.errors import renamed_fields
from mru_hw.mapping import Design
from mru_hw.report import figures
from mru_hw.report.chip import ChipFacts
from mru_hw.report.parts import Picture, Section, Table
from mru_hw.simulate.ledger import Entry, by, ledger
from mru_hw.simulate.sensitivity.parts import parts_of
from mru_hw.spice.decoupling import Decoupling
from mru_hw.sweeps.told import percent, quantity

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
    cut = inputs.n_seq < found.subject.inputs.n_seq
    which = f"the first {inputs.n_seq} sequences" if cut else "all sequences"
    return Section(
        key="power-parts",
        title="",
        paragraphs=[
            f"By layer and by circuit: the nominal die at {said}, without noise, on {which}; it "
            f"takes {quantity(total, 'J')} a sequence. The same walk over the array gives the "
            "blocks, so that parts and blocks have one sum.",
            *([] if found.decoupling is None else [_peak(total / seconds, found.decoupling)]),
            *([] if found.decoupling is None else [_needed(found.decoupling)]),
        ],
        tables=tables,
        pictures=[_layers(found.design, entries, seconds)],
    )


def _peak(power: float, asked: Decoupling) -> str:
    """Say which current the supply has to give at most, and which part of it is the chip's."""
    mean = power / asked.conditions.v_dd
    return (
        f"Peak current from the supply: {quantity(mean + asked.current, 'A')} in a strobe. The "
        f"chip's own part of it is its mean current, {quantity(mean, 'A')}. The rest, "
        f"{quantity(asked.current, 'A')}, is the assumed supply's: the droop that is allowed, "
        f"{quantity(asked.droop, 'V')}, over its resistance, {quantity(asked.resistance, 'ohm')}, "
        "and the same for every chip. What this chip asks for in a strobe is a charge, up to "
        f"{quantity(asked.charge, 'C')}, which the decoupling gives; without decoupling the peak "
        "is that charge in the time of the strobe's edges, and was not computed: the command "
        "simulate has the wave, at the level spice with a folder for raw waves."
    )


def _needed(asked: Decoupling) -> str:
    """Say which decoupling the chip needs, without the names of options."""
    names = {"supply_resistance": "that resistance", "droop": "that fall"}
    return renamed_fields(asked.line(), names)


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
