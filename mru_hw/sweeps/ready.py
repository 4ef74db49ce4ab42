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
from mru_hw.simulate.spice_size import refuse_long
from mru_hw.simulate.supply import input_charge
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
    warning
        What makes its runs doubtful, a sentence; empty where nothing does.
    """

    point: Point
    setup: Setup
    trained: Model
    design: Design
    digest: str
    input_energy: float | None
    warning: str = ""


def make_ready(subject: Subject, points: Iterable[Point]) -> tuple[Ready, ...]:
    """Map what the points run on, each design once.

    Raises
    ------
    UserError
        A design cannot be made or run, does not take the inputs, or the technology's constants
        were not measured at a point.
    """
    if subject.level == "spice":
        ngspice_library()
    designs: dict[tuple[str, ...], tuple[Design, str, float]] = {}
    found = []
    for point in points:
        setup = subject.setup(point)
        key = setup.options.model_dump_json(), _name(subject, setup), setup.tech or ""
        if key not in designs:
            design = subject.design(setup)
            _refuse(subject, design)
            charge = float(np.mean(input_charge(design, subject.inputs)))
            designs[key] = design, design.digest(), charge
        design, name, charge = designs[key]
        warning = ""
        if subject.level == "behavioral":
            warning = lost_signal(design, constants(subject, design, setup))
        priced = None if subject.level == "ideal" else charge * setup.conditions.v_dd
        found.append(
            Ready(
                point=point,
                setup=setup,
                trained=subject.trained(point),
                design=design,
                digest=name,
                input_energy=priced,
                warning=warning,
            )
        )
    return tuple(found)


def _name(subject: Subject, setup: Setup) -> str:
    """Tell a network from another; the one as trained needs no hash."""
    if setup.model is subject.model:
        return ""
    return digest(setup.model.tensors, setup.model.spec.model_dump_json())


def _refuse(subject: Subject, design: Design) -> None:
    refuse_currents(design, subject.inputs)
    if subject.level == "spice":
        refuse_without_circuit(design)
        refuse_long(design, subject.inputs)


def doubtful_facts(ready: Sequence[Ready]) -> dict[str, str]:
    """Say at how many points the signal is lost, and why at the first; nothing where at none."""
    told = [one.warning for one in ready if one.warning]
    if not told:
        return {}
    return {DOUBTFUL: f"Doubtful points: {len(told)} of {len(ready)}. {told[0]}"}


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
