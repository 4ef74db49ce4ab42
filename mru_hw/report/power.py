"""Power as power reports have it: in all, static and switching, by block, and what lies outside."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.report import figures
from mru_hw.report.parts import Picture, Section, Table
from mru_hw.sweeps.told import Told, percent, quantity
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import condition, counted, described, where

TOTAL = "in all"
_UNSPLIT = "not told apart"
_MEANS = {
    "mirror": "rails and legs of the linear layers, and every node",
    "memory": "comparators, cells and their steps",
    "clock": "phase drivers, lines and strobes on the chip",
    "bias": "the bias tree and its reference current",
}
"""What hangs on each supply pin."""


def power(run: RunView, more: Section | None) -> Section:
    """Return the section on power and energy.

    Parameters
    ----------
    more
        Tables that need the network itself: by layer and circuit, decoupling.
    """
    base = run.base
    if not base.blocks:
        why = (
            "The level ideal prices nothing: numbers without a circuit have no joules."
            if run.level == "ideal"
            else "No run at the point at the head has a price yet."
        )
        return Section(key="power", title="Power and energy", paragraphs=[why])
    tables = [block_table(run, base), *_conditions(run)]
    pictures = [_blocks(run)]
    paragraphs = [*_said(run, base)]
    if more is not None:
        tables += more.tables
        paragraphs += more.paragraphs
        pictures += more.pictures
    return Section(
        key="power",
        title="Power and energy",
        paragraphs=paragraphs,
        tables=tables,
        pictures=pictures,
    )


def block_table(run: RunView, point: PointView) -> Table:
    """Return power and energy of a point by supply block; the last row is their sum."""
    split = point.level != "spice"
    duration = point.duration
    parts = point.blocks
    whole = float(point.energy.mean())
    rows = [_row(name, *pair, whole, duration, split=split) for name, pair in parts.items()]
    rest = whole - sum(static + moving for static, moving in parts.values())
    if abs(rest) > 1e-9 * whole:
        rows.append(_row("not resolved by block", rest, 0.0, whole, duration, split=split))
    moving = sum(pair[1] for pair in parts.values())
    rows.append(_row(TOTAL, whole - moving, moving, whole, duration, split=split))
    return Table(
        name="power_by_block",
        caption=(
            f"Means over {counted(point)} at {described(run, point)}; a sequence lasts "
            f"{quantity(duration, 's')} on average. Power is energy over that."
            + ("" if split else " ngspice's transients do not tell static from switching.")
        ),
        head=("block", "what it feeds", "power", "share", "static", "switching", "energy"),
        rows=rows,
        numbers=range(2, 7),
        total=True,
    )


def _row(
    name: str, static: float, moving: float, whole: float, duration: float, *, split: bool
) -> list[str]:
    total = static + moving
    return [
        name,
        _MEANS.get(name, ""),
        quantity(total / duration, "W"),
        percent(total / whole if whole else 0.0),
        quantity(static / duration, "W") if split else Told(_UNSPLIT, unit="W"),
        quantity(moving / duration, "W") if split else Told(_UNSPLIT, unit="W"),
        quantity(total, "J"),
    ]


def _said(run: RunView, base: PointView) -> Iterator[str]:
    if base.input_energy is not None:
        share = base.input_energy / float(base.energy.mean())
        yield (
            f"The sources of the input currents deliver {quantity(base.input_energy, 'J')} a "
            f"sequence, {quantity(base.input_energy / base.duration, 'W')}, as if from the chip's "
            f"supply, at {condition(run, base)}: {percent(share)} of the chip's own energy, beside "
            "it and no part of it. The last column of the table by point has them elsewhere."
        )
    source = {
        "behavioral": "Where the figures come from: the laws of the circuits with constants that "
        "were fitted to single cells in ngspice. How far a whole chip agrees with ngspice stands "
        "under “Agreement with ngspice”.",
        "spice": "Where the figures come from: the supply current of the netlist in ngspice, "
        "integrated over its own time points.",
    }
    if base.level in source:
        yield source[base.level]
    yield (
        "Outside, and not in these figures: features before the chip; mean, vote and argmax after "
        "it; the circuits that make the reference current, the clock's waveform and the supply "
        "(the clock's drivers on the chip are the block clock, and are in them); "
        "pads, level shifters and converters."
    )


def _conditions(run: RunView) -> Iterator[Table]:
    """Yield power over the points, where there are several."""
    rows: list[list[str]] = []
    for point in run.points:
        if not len(point.power):
            continue
        moving = sum(pair[1] for pair in point.blocks.values())
        share = moving / float(point.energy.mean()) if point.energy.any() else 0.0
        rows.append(
            [
                where(run, point),
                Told(str(len(point.power)), len(point.power)),
                quantity(float(point.power.mean()), "W"),
                quantity(float(point.power.min()), "W"),
                quantity(float(point.power.max()), "W"),
                percent(share) if point.level != "spice" else Told(_UNSPLIT),
                quantity(float(point.energy.mean()), "J"),
                quantity(point.input_energy, "J"),
            ]
        )
    if len(rows) > 1:
        yield Table(
            name="power_by_point",
            caption=(
                "Mean power of the dies at every point, and of the least and the most hungry; "
                "inputs: energy of a sequence that their sources deliver."
            ),
            head=(
                *("at", "runs", "power", "least die", "most", "switching", "energy of a sequence"),
                "inputs deliver",
            ),
            rows=rows,
            numbers=range(1, 8),
        )


def _blocks(run: RunView) -> Picture:
    blocks = run.base.blocks
    switching = sum(pair[1] for pair in blocks.values())
    total = switching + sum(pair[0] for pair in blocks.values())
    split = run.base.level != "spice"
    switched = f" Switching makes {percent(switching / total)} of it." if split and total else ""
    names = list(blocks)
    return Picture(
        name="energy_by_block",
        svg=figures.energy_by_block(blocks, split=split),
        alternative="Bars of the mean energy of a sequence by supply block.",
        caption=f"Where the energy of a sequence goes, mean over {counted(run.base)}.{switched}",
        data={
            "block": names,
            "static [J]": [blocks[name][0] for name in names],
            "switching [J]": [blocks[name][1] for name in names],
        },
    )
