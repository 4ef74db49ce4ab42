"""The points of a sweep with their designs: mapped, and refused here, before a store exists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mru_hw.arrays import digest
from mru_hw.mapping import Design
from mru_hw.model.network import Model
from mru_hw.simulate.asked import refuse_currents
from mru_hw.simulate.lost_signal import lost_signal
from mru_hw.simulate.short_frame import short_frame
from mru_hw.simulate.spice_size import refuse_long
from mru_hw.simulate.supply import input_charge
from mru_hw.simulate.timed_noise import refuse_noise_of_loops
from mru_hw.spice.chip import refuse_without_circuit
from mru_hw.spice.library import ngspice_library
from mru_hw.sweeps.points import Point
from mru_hw.sweeps.setup import Setup
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.work import constants, trim_plan

DOUBTFUL = "doubtful"
"""Name of the fact that says what makes runs of a sweep doubtful."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A point and the design of its network, before any perturbed one is drawn from it.

    Attributes
    ----------
    setup
        What its settings make of the network.
    trained
        The network as it was trained, before any axis changed it.
    digest
        Of the design.
    input_energy
        What the sources of the inputs deliver in a sequence [J], on average, as if from the
        supply; None at the level ``ideal``, which prices nothing.
    warnings
        What makes its runs doubtful, a sentence a kind: signals lost in leakage, and frames that
        are short. Empty where nothing does.
    """

    point: Point
    setup: Setup
    trained: Model
    design: Design
    digest: str
    input_energy: float | None
    warnings: tuple[str, str] = ("", "")


def make_ready(subject: Subject, points: Iterable[Point]) -> tuple[Ready, ...]:
    """Map what the points run on, each design once.

    Raises
    ------
    UserError
        A design cannot be made or run, does not take the inputs, or the technology's constants
        were not measured at a point.
    """
    designs: dict[tuple[str, ...], tuple[Design, str, float]] = {}
    found = []
    for point in points:
        setup = subject.setup(point)
        if setup.level == "spice":
            ngspice_library()
        key = setup.options.model_dump_json(), _name(subject, setup), setup.tech or ""
        if key not in designs:
            design = subject.design(setup)
            refuse_currents(design, subject.inputs)
            charge = float(np.mean(input_charge(design, subject.inputs)))
            designs[key] = design, design.digest(), charge
        design, name, charge = designs[key]
        _refuse(subject, design, setup)
        priced = None if setup.level == "ideal" else charge * setup.conditions.v_dd
        found.append(
            Ready(
                point=point,
                setup=setup,
                trained=subject.trained(point),
                design=design,
                digest=name,
                input_energy=priced,
                warnings=_doubts(subject, design, setup),
            )
        )
    return tuple(found)


def _name(subject: Subject, setup: Setup) -> str:
    """Tell a network from another; the one as trained needs no hash."""
    if setup.model is subject.model:
        return ""
    return digest(setup.model.tensors, setup.model.spec.model_dump_json())


def _refuse(subject: Subject, design: Design, setup: Setup) -> None:
    if setup.level == "spice":
        refuse_without_circuit(design)
        refuse_long(design, subject.inputs)
    elif setup.timing == "timed":
        refuse_without_circuit(design)
        if setup.noise:
            refuse_noise_of_loops(design, "noise_scale", setup.noise)


def _doubts(subject: Subject, design: Design, setup: Setup) -> tuple[str, str]:
    """Say what makes the runs of a point doubtful, by kind."""
    if setup.level != "behavioral":
        return "", ""
    there = constants(subject, design, setup)
    short = ""
    if setup.timing == "settled":
        short = short_frame(design, there, setup.conditions.temperature)
    return lost_signal(design, there), short


def doubtful_facts(ready: Sequence[Ready]) -> dict[str, str]:
    """Say how many points are doubtful, and of each kind why at the first; nothing if none is."""
    told = [one.warnings for one in ready if any(one.warnings)]
    if not told:
        return {}
    firsts = (next(filter(None, kind), "") for kind in zip(*told, strict=True))
    why = " ".join(filter(None, firsts))
    return {DOUBTFUL: f"Doubtful points: {len(told)} of {len(ready)}. {why}"}


def trim_facts(subject: Subject, ready: Iterable[Ready]) -> dict[str, str]:
    """Say how many thresholds the trim reaches, at worst over the points that trim.

    Raises
    ------
    UserError
        It reaches none at one of them.
    """
    ways = {
        (one.digest, one.setup.trim_bits, one.setup.mismatch): one
        for one in ready
        if not one.point.drawn
    }
    found: list[tuple[int, int]] = []
    for one in ways.values():
        plan = trim_plan(subject, one.design, one.setup)
        if plan is not None:
            found.append(plan.coverage)
    if not found:
        return {}
    shown, thresholds = min(found)
    return {"trim.shown": str(shown), "trim.thresholds": str(thresholds)}
