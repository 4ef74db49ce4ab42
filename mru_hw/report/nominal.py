"""How much of each point's loss mismatch makes, and how much heat, supply and corner: nominal dies.

A sweep stores the nominal die at the nominal condition alone. Where the network is at hand, a page
runs it again at the condition of each point, so that a mean that falls there has its cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mru_hw.errors import LawError, UserError
from mru_hw.mapping.design import Design
from mru_hw.report.chip import ChipFacts
from mru_hw.sweeps.explain import plans_of
from mru_hw.sweeps.points import Job, points
from mru_hw.sweeps.spec import CONDITIONS
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import condition
from mru_hw.sweeps.work import made_chip, run_die
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import nominal_die

_MOST, _WORK = 24, 2_000_000_000
"""Conditions at which a page runs the nominal die, and the `work` of all of them, at most."""

ONE_SAMPLE = (
    "A nominal die has its own rounding and systematic errors, and mismatch may mend a decision "
    "near its border as well as break one, so that a mean of dies may lie above it."
)


def nominal_accuracies(run: RunView, found: ChipFacts | str) -> dict[int, float]:
    """Return by number of a point the accuracy of the nominal die at its condition.

    Points at which a run is no function of design and condition alone (noise, perturbed networks,
    what is drawn otherwise) are left out, and so is all where it would take long.
    """
    kin: dict[tuple[str, ...], list[PointView]] = {}
    for point in run.points:
        if plain(run, point):
            kin.setdefault(_key(point), []).append(point)
    if isinstance(found, str) or len(kin) > _MOST or len(kin) * work(run, found) > _WORK:
        return {}
    all_points = points(plans_of(run), found.subject.technology)
    accuracies: dict[int, float] = {}
    for alike in kin.values():
        job = Job(point=all_points[alike[0].number], trial=0, first=0, seeds=(0,))
        try:
            chip = made_chip(found.subject, job)
            if chip is None or chip.trim is not None:
                continue
            made = chip.design, nominal_die(chip.design)
            ran = run_die(found.subject, chip, made, keep_all=False)
        except (UserError, LawError):
            continue
        share = float(np.mean(ran.trace.decision[0] == found.subject.inputs.y))
        accuracies |= {point.number: share for point in alike}
    return accuracies


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A design at a condition.

    Attributes
    ----------
    constants
        Of the design's technology, at all conditions.
    said
        The condition in words.
    """

    design: Design
    constants: Calibration
    conditions: Conditions
    said: str

    @property
    def own(self) -> Calibration:
        """The constants at the condition."""
        at = self.conditions
        return self.constants.at(
            at.v_dd,
            temperature=at.temperature,
            corner=at.corner,
            loops_only=self.design.loops_only,
        )


def place_of(run: RunView, found: ChipFacts, point: PointView) -> Place | None:
    """Return the design and the condition of a point.

    Returns
    -------
    None where the laws did not run it, or its runs are no function of a design and a condition.
    """
    asked = points(plans_of(run), found.subject.technology)[point.number]
    if point.level != "behavioral" or asked.drawn:
        return None
    try:
        setup = found.subject.setup(asked)
        design = found.subject.design(setup)
    except UserError:
        return None
    return Place(
        design=design,
        constants=found.subject.constants(design),
        conditions=setup.conditions,
        said=condition(run, point),
    )


def work(run: RunView, found: ChipFacts) -> int:
    """Return what a die costs: its frames times the weights of its network.

    What a page runs is bounded by it and not by seconds, so that any machine runs the same.
    """
    return int(run.frames.sum()) * sum(one.size for one in found.model.tensors.values())


def plain(run: RunView, point: PointView) -> bool:
    """Whether a run of a point is a function of the base's design, its die and its condition."""
    settings = point.settings
    return (
        point.level == "behavioral"
        and point.design == run.base.design
        and not any(settings[name] for name in ("noise_scale", "perturbation", "reference_error"))
    )


def _key(point: PointView) -> tuple[str, ...]:
    return tuple(str(point.settings[name]) for name in ("corner", *CONDITIONS, "timing"))
