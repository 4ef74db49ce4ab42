"""The network of a sweep, where it is at hand: its size, where its current goes, what to enlarge.

RUN.sqlite has hashes of what its runs were made of, and not the network itself. A report that finds
the same network and sequences beside it tells more; one that does not says which, and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mru_hw.budget.table import Budget, make_budget
from mru_hw.errors import UserError
from mru_hw.mapping import Design
from mru_hw.model.network import Model
from mru_hw.report import figures
from mru_hw.report.again import Again, why_not
from mru_hw.report.parts import Picture, Section, Table
from mru_hw.simulate.ledger import Entry, by, ledger
from mru_hw.simulate.sensitivity.parts import parts_of
from mru_hw.spice.area import block_areas
from mru_hw.spice.chip import CHIP_CELL, chip_netlist
from mru_hw.spice.decoupling import Decoupling, decoupling
from mru_hw.spice.flatten import flatten
from mru_hw.sweeps.explain import plans_of, subject_of
from mru_hw.sweeps.points import points
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.told import Told, percent, quantity
from mru_hw.sweeps.view import RunView
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.units import render
from mru_hw.variation.placement import OVER_GATES, Placement

_SEQUENCES = 300
"""Sequences that the nominal die is priced on by layer and circuit, at most."""
_ENLARGED = 12
"""Mirrors that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipFacts:
    """The chip of the point at the head of a report.

    Attributes
    ----------
    network
        In words, such as ``13 inputs, 16 + 16 cmru units, K = 2, 10 classes``.
    subject
        What the sweep runs on.
    model, design, calibration, conditions
        Of the point.
    transistors
        Unit devices of one leg as one.
    areas
        Gate area by supply block [m^2].
    gate_area
        Their sum [m^2].
    estimate
        What a layout may take by the declared floor plan, decoupling included [m^2].
    decoupling
        Of the chip's strobes; None without a clock.
    """

    network: str
    subject: Subject
    model: Model
    design: Design
    calibration: Calibration
    conditions: Conditions
    transistors: int
    areas: dict[str, float]
    estimate: float
    decoupling: Decoupling | None

    @property
    def gate_area(self) -> float:
        """Area of all gates [m^2]."""
        return sum(self.areas.values())


def find_chip(
    run: RunView, again: Again, model: Path | None = None, inputs: Path | None = None
) -> ChipFacts | str:
    """Return the chip of a sweep, or a sentence that says why it is not at hand.

    Parameters
    ----------
    again
        In whose words to say so.
    model, inputs
        Where they lie, if neither where the plan says nor beside the sweep.

    Raises
    ------
    UserError
        What `model` or `inputs` name is not what the sweep was run with.
    """
    try:
        plans = plans_of(run)
        subject = subject_of(run.path, plans, run.facts, model, inputs)
        point = points(plans, subject.technology)[run.base.number]
        setup = subject.setup(point)
        design = subject.design(setup)
    except UserError as error:
        if model is not None or inputs is not None:
            raise
        return missing(why_not(error), again)
    if not point.drawn and design.digest() != run.base.design:
        why = "This version of the mapping makes another design of it than the sweep had."
        return missing(why, again)
    return facts_of(subject, setup.model, design, setup.conditions)


def facts_of(subject: Subject, model: Model, design: Design, conditions: Conditions) -> ChipFacts:
    """Return what is known of a chip before it runs."""
    calibration = subject.constants(design)
    devices = list(flatten(chip_netlist(design), CHIP_CELL, design.technology))
    capacitor = decoupling(design, calibration, conditions)
    more = 0.0 if capacitor is None else capacitor.area
    return ChipFacts(
        network=network_said(model),
        subject=subject,
        model=model,
        design=design,
        calibration=calibration,
        conditions=conditions,
        transistors=sum(device.kind == "m" for device in devices),
        areas=block_areas(devices),
        estimate=Placement.of(design).side ** 2 + more,
        decoupling=capacitor,
    )


def network_said(model: Model) -> str:
    """Return the structure of a network in words."""
    spec = model.spec
    units = " + ".join(str(layer.n_units) for layer in spec.layers)
    cells = ", ".join(dict.fromkeys(layer.cell.name for layer in spec.layers))
    levels = sorted({layer.levels for layer in spec.layers if layer.levels is not None})
    k = "" if not levels else f", K = {', '.join(map(str, levels))}"
    return f"{spec.n_in} inputs, {units} {cells} units{k}, {spec.n_classes} outputs"


# ----------------------------------------------------------------------------------------- area


def area_section(found: ChipFacts | str) -> Section:
    """Return the section on the chip's area."""
    title = "Area"
    if isinstance(found, str):
        return Section(key="area", title=title, paragraphs=[found])
    total = found.gate_area
    rows: list[list[str]] = [
        [name, square(area), percent(area / total)] for name, area in found.areas.items()
    ]
    rows.append(["in all", square(total), percent(1.0)])
    paragraphs = [
        f"{found.transistors:,} transistors (unit devices of one leg as one). There is no layout. "
        f"The estimate of one, {square(found.estimate)}, follows rules that are stated: "
        f"{OVER_GATES:g} times the gate area of the signal and bias devices (sources, drains and "
        "spacing are 1.5 gates, wires, wells, switches and capacitors as much again), and the "
        "decoupling as MOS capacitors (see “Power and energy”). Pads, rings and test structures "
        "are not in it."
    ]
    return Section(
        key="area",
        title=title,
        paragraphs=paragraphs,
        tables=[
            Table(
                name="area_by_block",
                caption="Gate area W L by supply block, counted on the netlist's own devices.",
                head=("block", "gate area", "share"),
                rows=rows,
                numbers=(1, 2),
                total=True,
            )
        ],
    )


def square(area: float) -> Told:
    """Write an area; its number is in m^2."""
    digits = 0 if area > 1e-10 else 1
    return Told(f"{area * 1e12:,.{digits}f} µm²", area, unit="m^2")


def missing(why: str, again: Again) -> str:
    """Say that the network is not at hand, and how a report gets it."""
    return (
        f"The network of this sweep is not at hand: {why} {again.network}, area, power by layer "
        "and circuit, what to enlarge and why the worst die fails stand here."
    )


# ---------------------------------------------------------------------------- power, finer


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
            *([] if found.decoupling is None else [found.decoupling.line()]),
        ],
        tables=tables,
        pictures=[_layers(found.design, entries, seconds)],
    )


def _names(design: Design, kind: str) -> dict[str, str]:
    return {key[0]: part.name for part in parts_of(design, kind) for key in part.keys}


def _parts_table(
    design: Design, entries: list[Entry], kind: str, seconds: float, total: float
) -> Table:
    rows: list[list[str]] = []
    for name, static, moving in by(entries, _names(design, kind)):
        rows.append(_parts_row(name, static, moving, seconds, total))
    static, moving = (sum(getattr(e, f) for e in entries) for f in ("static", "switching"))
    rows.append(_parts_row("in all", static, moving, seconds, total))
    return Table(
        name=f"power_by_{kind}",
        caption=f"Supply power of the nominal die by {kind}; the last row is the sum.",
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


# ------------------------------------------------------------------------------ what to enlarge


def enlarge_section(found: ChipFacts | str) -> Section:
    """Return what the error budget advises: which mirrors to enlarge, and what that gains."""
    title, key = "What to enlarge", "enlarge"
    if isinstance(found, str):
        return Section(key=key, title=title, paragraphs=[found])
    try:
        budget = make_budget(found.model, found.design, found.calibration)
    except UserError as error:
        return Section(
            key=key, title=title, paragraphs=[f"The error budget has no answer: {error}"]
        )
    rows = list(_enlarged(budget, found.gate_area))
    shares = {mirror.name: 100 * mirror.share for mirror in budget.mirrors[:8]}
    return Section(
        key=key,
        title=title,
        paragraphs=[
            f"Mismatch moves a threshold by {percent(budget.sigma_threshold)} of itself (standard "
            "deviation, root mean square over all thresholds), by the error budget at nominal "
            "conditions. Mirrors are ranked by what one small area, 1 % of the chip's gates, "
            "removes of that variance. Doubling a mirror halves its own share: area in "
            "DESIGN.yaml does it by the name in the first column, and the sweep says what the "
            "yield gains. mru-hw sensitivity measures the same by switching mismatch off, part "
            "by part."
        ],
        tables=[
            Table(
                name="enlarge",
                caption=(
                    "What to enlarge first. Doubling adds the mirror's own gate area and takes "
                    "half of its share off the variance of thresholds."
                ),
                head=(
                    *("mirror", "share of variance", "doubling removes", "adds area"),
                    *("of the chip's gates", "1 % of the gates here removes"),
                ),
                rows=rows,
                numbers=range(1, 6),
            )
        ],
        pictures=[
            Picture(
                name="variance_by_mirror",
                svg=figures.ranked(shares, "share of the variance of thresholds [%]"),
                alternative="Bars: the share of each mirror in the variance of thresholds.",
                caption=(
                    "Mirrors in the order of the table, with their share of the variance of a "
                    "threshold's error; a small mirror that costs little area may stand before a "
                    "larger share."
                ),
                data={"mirror": list(shares), "share [%]": list(shares.values())},
            )
        ]
        if shares
        else [],
    )


def _enlarged(budget: Budget, gates: float) -> Iterator[list[str]]:
    for mirror in budget.mirrors[:_ENLARGED]:
        yield [
            mirror.name,
            percent(mirror.share),
            percent(mirror.share / 2),
            square(mirror.area),
            percent(mirror.area / gates),
            percent(mirror.benefit),
        ]


# --------------------------------------------------------------------------- calibrated range


def currents(found: ChipFacts) -> str:
    """Say which currents the unit devices carry, beside those that were measured."""
    low, high = found.calibration.i_curve[0], found.calibration.i_curve[-1]
    each = float(np.asarray(found.design.i_lsb))
    return (
        f"A unit device of the bias rail carries {render(each, 'A')}; devices were characterised "
        f"from {render(low, 'A')} to {render(high, 'A')}, and a design outside is refused."
    )
