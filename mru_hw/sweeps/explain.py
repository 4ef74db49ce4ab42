"""One die of a sweep, run again: which sequences, units and frames failed on it, and why.

RUN.sqlite records what its runs were made of, and hashes of it; the model and the inputs themselves
are read from where they lie now. The file may come from anybody: what it names is looked up and
checked, and nothing of it is written anywhere but as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import UserError
from mru_hw.files import validated
from mru_hw.mapping import Design, unmap
from mru_hw.model.io import load_model
from mru_hw.model.network import Model
from mru_hw.simulate.causes import Disagreement
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.settled_steps import wrong_steps_of_die
from mru_hw.sweeps.choice import Chosen, choose
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.points import Job, Point, points
from mru_hw.sweeps.subject import MODEL, Subject, model_digest, shared_subject
from mru_hw.sweeps.view import RunView, open_run
from mru_hw.sweeps.work import MadeChip, made_chip, made_die, run_die
from mru_hw.variation import Die, nominal_die

_MADE_OF = {
    "model": "the network",
    "inputs": "the sequences",
    "technology": "the technology",
    "calibration": "the calibration",
}
"""What a run is made of, by the name of its hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """A die of a sweep that was run again, to the same decisions.

    Attributes
    ----------
    chosen
        Which run of the sweep it is.
    subject, chip
        What the sweep runs on, and the chip of the point.
    design, die
        As the die leaves the test: with its trim set.
    mapped
        What the chip's design amounts to; wrong steps are told against it.
    decision, reference, nominal
        (n_seq,) of the die, at the level ideal, and of the nominal die at the same condition.
    steps
        Its wrong steps, sequences counted from the first that the sweep ran.
    """

    chosen: Chosen
    subject: Subject
    chip: MadeChip
    design: Design
    die: Die
    mapped: Model
    decision: NDArray[np.int64]
    reference: NDArray[np.int64]
    nominal: NDArray[np.int64]
    steps: tuple[Disagreement, ...]


def rerun(
    path: Path,
    *,
    die: int | None = None,
    point: int | None = None,
    trial: int | None = None,
    model: str | Path | None = None,
    inputs: str | Path | None = None,
) -> Rerun:
    """Run one die of a sweep again.

    Parameters
    ----------
    path
        RUN.sqlite.
    die
        Seed of the die. When None and no point is asked for either, that of the worst run of what
        binds; else the die of the least accuracy at the point.
    point
        Number of the point; when None that of the worst run of what binds, and of a sweep without
        a specification the one that speaks for it.
    trial
        Which of the networks that the point draws; the first when None, or that of the worst run.
    model, inputs
        Where they lie, if not where the plan says, beside RUN.sqlite or in the working folder.

    Raises
    ------
    UserError
        No such run is in the sweep, it failed, the sweep is of another level than ``behavioral``,
        what it was made of is missing or has changed, or this version makes other decisions.
    """
    with open_run(path) as view:
        chosen, plans, facts = choose(view, die, point, trial), plans_of(view), dict(view.facts)
    return run_again(path, chosen, plans, subject_of(path, plans, facts, model, inputs))


def run_again(path: Path, chosen: Chosen, plans: Mapping[str, Plan], subject: Subject) -> Rerun:
    """Run a die of a sweep again, whose plans and subject are at hand.

    Raises
    ------
    UserError
        The mapping makes another design of it, or this version makes other decisions.
    """
    found = points(plans, subject.technology)[chosen.point.number]
    chip = _chip(subject, found, chosen)
    design, its = made_die(chip, chosen.seed)
    with np.errstate(over="ignore", invalid="ignore"):
        trace = run_die(subject, chip, (design, its), keep_all=True).trace.single_die()
        bare = run_die(subject, chip, (chip.design, nominal_die(chip.design)), keep_all=False)
    if not np.array_equal(trace.decision == subject.inputs.y, chosen.right):
        expected = (
            f"a sweep whose runs this version makes again: die {chosen.seed} decides otherwise "
            "now, so the laws of the circuits or the arithmetic have changed"
        )
        raise UserError("run", str(path), expected)
    mapped = unmap(chip.design, subject.constants(chip.design))
    reference = simulate_ideal(mapped, subject.inputs, kernel=chip.kernel)
    steps = wrong_steps_of_die(
        trace,
        mapped,
        design,
        subject.constants(design),
        its,
        subject.inputs,
        conditions=chip.setup.conditions,
        reference=reference,
    )
    return Rerun(
        chosen=chosen,
        subject=subject,
        chip=chip,
        design=design,
        die=its,
        mapped=mapped,
        decision=trace.decision,
        reference=reference.decision,
        nominal=bare.trace.decision[0],
        steps=steps,
    )


def plans_of(view: RunView) -> dict[str, Plan]:
    """Return the plans of a sweep by study."""
    return {name: validated(Plan, data, name) for name, data in view.plans.items()}


def subject_of(
    path: Path,
    plans: Mapping[str, Plan],
    facts: Mapping[str, str],
    model: str | Path | None,
    inputs: str | Path | None,
) -> Subject:
    """Read what the runs were made of, from where the plans say, beside the sweep, or from here.

    Raises
    ------
    UserError
        It is missing, or it is not what the runs were made of any more.
    """
    first = next(iter(plans.values()))
    places = {
        "model": _place(path, "model", first.model, model),
        "inputs": _place(path, "inputs", first.inputs, inputs),
    }
    if first.calibration is not None:
        places["calibration"] = _place(path, "calibration", first.calibration, None)
    found = {name: str(place) for name, place in places.items()}
    resolved = {
        study: plan.model_copy(update=found).resolved(path.parent) for study, plan in plans.items()
    }
    if not any(plan.varies(MODEL) for plan in plans.values()):
        # One of another size would not take the inputs, which are not to blame.
        _refuse_changed({"model": model_digest(load_model(found["model"]))}, found, facts, first)
    # The networks of an axis have paths of their own, from the same folder.
    beside = (f for f in _folders(path) if (f / first.model).exists())
    subject = shared_subject(resolved, next(beside, path.parent))
    _refuse_changed(subject.hashes(), found, facts, first)
    return subject


def _refuse_changed(
    hashes: Mapping[str, str], found: Mapping[str, str], facts: Mapping[str, str], first: Plan
) -> None:
    """Refuse what has another hash than the runs were made with."""
    for name, digest in hashes.items():
        if facts.get(f"hash.{name}") != digest:
            value = found.get(name, first.tech)
            expected = f"{_MADE_OF[name]} that the sweep was run with, which has changed since"
            raise UserError(name, value, expected)


def _folders(path: Path) -> tuple[Path, Path]:
    """Return where the paths of a plan may begin: beside the sweep, or in the working folder."""
    return path.absolute().parent, Path().absolute()


def _place(path: Path, name: str, stored: str, given: str | Path | None) -> Path:
    """Return where what a plan names lies: where it was said, beside the sweep, or here."""
    if given is not None:
        return Path(given).absolute()
    for folder in _folders(path):
        if (folder / stored).exists():
            return folder / stored
    expected = f"{_MADE_OF[name]} of the sweep, which is neither beside it nor in this folder"
    raise UserError(name, stored, f"{expected}: say where with `{name}`")


def _chip(subject: Subject, point: Point, chosen: Chosen) -> MadeChip:
    """Map the network of a run, and refuse where that gives another design than the sweep's."""
    job = Job(point=point, trial=chosen.trial, first=chosen.number, seeds=(chosen.seed,))
    chip = made_chip(subject, job)
    assert chip is not None  # its run is done
    if not point.drawn and chip.design.digest() != chosen.point.design:
        expected = f"{chosen.point.design}, which this version of the mapping does not make"
        raise UserError("design", chip.design.digest(), expected)
    return chip
