"""The network of a sweep, where it is at hand: its size, where its current goes, what to enlarge.

RUN.sqlite has hashes of what its runs were made of, and not the network itself. A report that finds
the same network and sequences beside it tells more; one that does not says which, and why.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mru_hw.circuits.statements import Netlist
from mru_hw.errors import UserError
from mru_hw.mapping import Design
from mru_hw.model.network import Model
from mru_hw.report.again import Again, why_not
from mru_hw.report.parts import Section, Table
from mru_hw.spice.area import block_areas, signal_area
from mru_hw.spice.chip import CHIP_CELL, chip_netlist
from mru_hw.spice.decoupling import Decoupling, decoupling
from mru_hw.spice.flatten import flatten
from mru_hw.sweeps.explain import plans_of, subject_of
from mru_hw.sweeps.points import points
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.told import Told, percent
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import many
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation.placement import OVER_GATES, Placement

_TASK = 24
"""Characters of the name of a task: a model may come from anywhere."""
_ABOUT = 200
"""Of what its training said of the sequences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A subcircuit of a chip.

    Attributes
    ----------
    instances
        How many of it the chip has, at any depth.
    transistors
        In each, with those of the subcircuits inside.
    own
        In each, by device class, without those of the subcircuits inside.
    """

    instances: int
    transistors: int
    own: Mapping[str, int]

    @property
    def owned(self) -> int:
        """Transistors in all instances that no subcircuit inside has."""
        return self.instances * sum(self.own.values())


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
    cells
        Its subcircuits but the device classes, the chip itself among them, by name.
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
    cells: Mapping[str, Counted]
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
    netlist = chip_netlist(design)
    devices = list(flatten(netlist, CHIP_CELL, design.technology))
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
        cells=instances(netlist, design.technology),
        estimate=Placement.of(design).side ** 2 + more,
        decoupling=capacitor,
    )


def instances(netlist: Netlist, technology: Technology) -> dict[str, Counted]:
    """Return the subcircuits that a chip has instances of, the chip's own among them.

    The own transistors of all of them are those of the chip, each once.
    """
    cells = netlist.cells()
    inside = {
        name: Counter(element.model for element in cell.elements if element.model in cells)
        for name, cell in cells.items()
    }
    count: Counter[str] = Counter({CHIP_CELL: 1})

    def below(name: str, times: int) -> None:
        for child, n in inside[name].items():
            count[child] += times * n
            below(child, times * n)

    below(CHIP_CELL, 1)
    return {
        name: Counted(
            instances=n,
            transistors=sum(device.kind == "m" for device in flatten(netlist, name, technology)),
            own={child: k for child, k in inside[name].items() if child in technology.devices},
        )
        for name, n in count.items()
        if name not in technology.devices
    }


def network_said(model: Model) -> str:
    """Return the structure of a network in words."""
    spec = model.spec
    units = " + ".join(str(layer.n_units) for layer in spec.layers)
    cells = ", ".join(dict.fromkeys(layer.cell.name for layer in spec.layers))
    levels = sorted({layer.levels for layer in spec.layers if layer.levels is not None})
    k = "" if not levels else f", K = {', '.join(map(str, levels))}"
    word = "unit" if units == "1" else "units"
    ends = many(spec.n_in, "input"), many(spec.n_classes, "output")
    return f"{ends[0]}, {units} {cells} {word}{k}, {ends[1]}"


def task_of(model: Model) -> str | None:
    """Return the name of the task that a network was trained on; None where it does not say."""
    config = model.spec.provenance.get("config")
    task = config.get("task") or config.get("data") if isinstance(config, Mapping) else None
    task = task.get("name") if isinstance(task, Mapping) else task
    return task[:_TASK] if isinstance(task, str) else None


def about_task(model: Model) -> str | None:
    """Return what a network's training said of its sequences; None where it said nothing."""
    about = model.spec.provenance.get("data_about")
    return about[:_ABOUT].rstrip(".") if isinstance(about, str) and about else None


# ----------------------------------------------------------------------------------------- area


def area_section(found: ChipFacts | str) -> Section:
    """Return the section on the chip's area."""
    title = "Area"
    if isinstance(found, str):
        return Section(key="area", title=title, paragraphs=[found])
    total = found.gate_area
    shown = whole_parts([1e12 * area for area in found.areas.values()])
    rows: list[list[str]] = [
        [name, Told(f"{whole:,} µm²", area, unit="m^2"), percent(area / total)]
        for (name, area), whole in zip(found.areas.items(), shown, strict=True)
    ]
    rows.append(["in all", Told(f"{sum(shown):,} µm²", total, unit="m^2"), percent(1.0)])
    signal, capacitor = signal_area(found.design), found.decoupling
    more = "" if capacitor is None else f" plus {square(capacitor.area)}"
    paragraphs = [
        f"{found.transistors:,} transistors (unit devices of one leg as one). There is no layout. "
        f"The estimate of one, {square(found.estimate)}, follows rules that are stated: "
        f"{OVER_GATES:g} times {square(signal)}, the gate area of the signal and bias "
        f"devices,{more}: "
        "to each area of those gates come 1.5 areas of sources, drains and spacing, and 1.5 of "
        "wires, wells, switches, logic and the cells' capacitors. The other "
        f"{square(total - signal)} of gates, of switches and logic, are in that. What is "
        "added is the decoupling, as MOS capacitors (see “Power and energy”). Pads, rings and "
        "test structures are not in it."
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


def whole_parts(values: Sequence[float]) -> list[int]:
    """Round values to whole numbers whose sum is the rounded sum of the values."""
    down = [math.floor(value) for value in values]
    left = round(sum(values)) - sum(down)
    most = sorted(range(len(values)), key=lambda k: down[k] - values[k])
    return [whole + (k in most[:left]) for k, whole in enumerate(down)]


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
