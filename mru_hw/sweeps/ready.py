"""The points of a sweep with their designs: mapped, and refused here, before a store exists."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mru_hw.arrays import digest
from mru_hw.errors import UserError, renamed_fields
from mru_hw.mapping import Design
from mru_hw.model.network import Model
from mru_hw.simulate.asked import refuse_currents
from mru_hw.simulate.doubts import NONE, Doubts, doubts, warning
from mru_hw.simulate.spice_size import refuse_long
from mru_hw.simulate.supply import input_charge
from mru_hw.simulate.timed_noise import refuse_noise_of_loops
from mru_hw.spice.chip import refuse_without_circuit
from mru_hw.spice.library import ngspice_library
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.points import Point
from mru_hw.sweeps.setup import Setup
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.work import constants, trim_plan
from mru_hw.variation import refuse_unknown_response

Designs = dict[tuple[str, ...], tuple[Design, str, float]]
"""By what a design is made from: the design, its digest, and what its inputs deliver [A s]."""

DOUBTFUL = "doubtful"
"""Name of the fact that says what makes runs of a sweep doubtful."""
DOUBTFUL_POINTS = "doubtful.points"
"""Name of the fact that has the numbers of the points with such runs, as JSON."""


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
        What makes its runs doubtful, by kind.
    """

    point: Point
    setup: Setup
    trained: Model
    design: Design
    digest: str
    input_energy: float | None
    warnings: Doubts = NONE


def make_ready(
    subject: Subject, points: Iterable[Point], plans: Mapping[str, Plan]
) -> tuple[Ready, ...]:
    """Map what the points of several plans run on, each design once.

    Raises
    ------
    UserError
        A design cannot be made or run, does not take the inputs, or the technology's constants
        were not measured at a point.
    """
    designs: Designs = {}
    found = []
    for point in points:
        try:
            found.append(_ready(subject, point, designs))
        except UserError as error:
            raise plans[point.study].at_point(point.settings, error) from None
    return tuple(found)


def _ready(subject: Subject, point: Point, designs: Designs) -> Ready:
    """Map what a point runs on, unless it is among the designs."""
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
    known = subject.constants(design)
    refuse_unknown_response(design.technology, known, "process_scale", setup.process)
    found_doubts = NONE
    if setup.level == "behavioral":
        found_doubts = point_doubts(subject, design, setup)
    priced = None if setup.level == "ideal" else charge * setup.conditions.v_dd
    return Ready(
        point=point,
        setup=setup,
        trained=subject.trained(point),
        design=design,
        digest=name,
        input_energy=priced,
        warnings=found_doubts,
    )


def point_doubts(subject: Subject, design: Design, setup: Setup) -> Doubts:
    """Return what makes the behavioral runs of a point doubtful.

    Raises
    ------
    UserError
        The technology's constants were not measured there.
    """
    there, settled = constants(subject, design, setup), setup.timing == "settled"
    return doubts(design, there, settled=settled, reference=setup.reference)


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


def in_plan_words(text: str) -> str:
    """Return a sentence of the package with its parameters as PLAN.yaml writes them."""
    return renamed_fields(text, {"timing": "timing:"})


def doubtful_facts(ready: Sequence[Ready]) -> dict[str, str]:
    """Say how many points are doubtful, and why, as `warning` chooses; nothing if none is."""
    found = [one for one in ready if any(one.warnings)]
    if not found:
        return {}
    why = in_plan_words(warning(one.warnings for one in found))
    return {
        DOUBTFUL: f"Doubtful points: {len(found)} of {len(ready)}. {why}",
        DOUBTFUL_POINTS: json.dumps([one.point.index for one in found]),
    }


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
