"""One job: some dies of one point, in a worker process or in this one."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import LawError, RunStatus, UserError
from mru_hw.mapping import Design, unmap
from mru_hw.model.network import Model
from mru_hw.simulate.behavioral import BehavioralRun, NoiseRun, simulate_behavioral
from mru_hw.simulate.energy import energy
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.timed import simulate_timed
from mru_hw.sweeps.points import Job, Key
from mru_hw.sweeps.setup import Setup
from mru_hw.sweeps.subject import Subject
from mru_hw.technology.calibration import Calibration
from mru_hw.trim import TrimPlan, trim_die
from mru_hw.variation import Die, draw_dies, nominal_die
from mru_hw.variation.stuck import draw_stuck

Blocks = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DieResult:
    """What one run left.

    Attributes
    ----------
    key
        Point, trial and number of the die in the point.
    seed
        The die's, as `Chip.run` takes it.
    design
        Digest of the design; of a perturbed network it is another one.
    decision
        (n_seq,) class indices; None where the run failed.
    energy
        (n_seq,) [J]; None where the run failed or its level prices nothing.
    blocks
        Mean static and switching energy of a sequence [J] by supply block.
    seconds
        Wall time of the run [s]; of dies that ran together each one's share.
    """

    key: Key
    seed: int
    status: RunStatus
    design: str = ""
    accuracy: float | None = None
    decision: NDArray[np.int16] | None = None
    energy: NDArray[np.float64] | None = None
    blocks: Blocks | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the dies are compared with: ``software``, ``ideal`` or ``nominal``.

    Attributes
    ----------
    design
        Digest of the design; empty for ``software`` of the plan's own network, which needs none.
    energy
        (n_seq,) [J]; None where nothing is priced.
    """

    name: str
    design: str = ""
    accuracy: float
    decision: NDArray[np.int16]
    energy: NDArray[np.float64] | None = None


def references(
    subject: Subject, designs: Mapping[str, Design], trained: Mapping[str, Model] | None = None
) -> list[Reference]:
    """Run the network as trained, and of each design what it amounts to and its nominal die.

    Parameters
    ----------
    designs
        By digest.
    trained
        By digest, the network as trained, where that is another one than the plan's.
    """
    kernel = next(iter(subject.kernels.values()), None)

    def ideal(network: Model) -> NDArray[np.int64]:
        run = simulate_ideal(network, subject.inputs, keep="decisions", kernel=kernel)
        return run.decision

    found = [Reference(name="software", **_judged(subject, ideal(subject.model)))]
    for digest, network in (trained or {}).items():
        software = _judged(subject, ideal(network))
        found.append(Reference(name="software", design=digest, **software))
    for digest, design in designs.items():
        mapped = unmap(design, subject.constants(design))
        found.append(Reference(name="ideal", design=digest, **_judged(subject, ideal(mapped))))
        if subject.level == "ideal":
            continue
        what = design, subject.constants(design), subject.inputs, [nominal_die(design)]
        if subject.timing == "timed":
            run = simulate_timed(*what, keep_all=False)
        else:
            run = simulate_behavioral(*what, keep_all=False, kernel=kernel)
        priced = energy(run.supply.single_die()).total
        judged = _judged(subject, run.trace.decision[0])
        found.append(Reference(name="nominal", design=digest, energy=priced, **judged))
    return found


def run_job(subject: Subject, job: Job, workers: int = 1) -> list[DieResult]:
    """Run every die of a job; its bits depend on no other.

    `workers` are ngspice's processes at the level ``spice``.
    """
    chip = made_chip(subject, job)
    return [
        DieResult(key=key, seed=seed, **fields)
        for key, seed, fields in zip(
            job.keys(), job.seeds, _attempt(subject, chip, job.seeds, workers), strict=True
        )
    ]


def _attempt(
    subject: Subject, chip: MadeChip | None, seeds: Sequence[int], workers: int
) -> list[dict[str, Any]]:
    """Run dies together; where one of them cannot be run, each alone."""
    began = time.perf_counter()
    try:
        # What overflows is told by its status.
        with np.errstate(over="ignore", invalid="ignore"):
            found = _run(subject, chip, seeds, workers)
    except (MemoryError, LawError) as error:
        if len(seeds) > 1:
            return [_attempt(subject, chip, [seed], workers)[0] for seed in seeds]
        no_law = isinstance(error, LawError)
        found = [{"status": RunStatus.NO_LAW if no_law else RunStatus.OUT_OF_MEMORY}]
    seconds = (time.perf_counter() - began) / len(seeds)
    return [{"seconds": seconds, **fields} for fields in found]


def failed(job: Job, status: RunStatus) -> list[DieResult]:
    """Return the results of a job that left none."""
    return [
        DieResult(key=(job.point.index, job.trial, job.first + k), seed=seed, status=status)
        for k, seed in enumerate(job.seeds)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeChip:
    """The design of a job's dies, with what they are run at and how they are trimmed."""

    setup: Setup
    design: Design
    digest: str
    trim: TrimPlan | None
    kernel: str | None


def made_chip(subject: Subject, job: Job) -> MadeChip | None:
    """Map what a job runs on; None where the network that was drawn cannot be."""
    setup = subject.setup(job.point, job.trial)
    try:
        design = subject.design(setup)
        return MadeChip(
            setup=setup,
            design=design,
            digest=subject.digest(design),
            trim=trim_plan(subject, design, setup),
            kernel=subject.kernels.get(job.point.study),
        )
    except UserError:
        if not job.point.drawn:
            raise
        return None


def constants(subject: Subject, design: Design, setup: Setup) -> Calibration:
    """Return the technology's constants at the conditions of a point.

    Raises
    ------
    UserError
        They were not measured there.
    """
    return subject.constants(design).at(
        setup.conditions.v_dd,
        temperature=setup.conditions.temperature,
        corner=setup.conditions.corner,
        loops_only=design.loops_only,
    )


def trim_plan(subject: Subject, design: Design, setup: Setup) -> TrimPlan | None:
    """Return how a point's dies are trimmed; None where they are not.

    Raises
    ------
    UserError
        They cannot be.
    """
    if not setup.trim_bits:
        return None
    return TrimPlan.of(
        design,
        subject.constants(design),
        subject.inputs,
        setup.trim_bits,
        mismatch_scale=setup.mismatch,
    )


def _run(
    subject: Subject, chip: MadeChip | None, seeds: Sequence[int], workers: int
) -> list[dict[str, Any]]:
    """Return what runs of dies left, by the fields of `DieResult`."""
    if chip is None:
        return [{"status": RunStatus.NOT_MAPPED} for _ in seeds]
    fields: dict[str, Any] = {"status": RunStatus.DONE, "design": chip.digest}
    if chip.setup.level == "ideal":
        mapped = unmap(chip.design, subject.constants(chip.design))
        trace = simulate_ideal(mapped, subject.inputs, keep="decisions", kernel=chip.kernel)
        return [fields | _judged(subject, trace.decision) for _ in seeds]
    if chip.setup.level == "spice":
        return [fields | _spice(subject, chip, drawn_die(chip, seed), workers) for seed in seeds]
    if chip.trim is None:
        return _behavior(subject, chip, (chip.design, drawn_dies(chip, seeds)), fields)
    # Trimmed dies have a design each.
    made = [made_die(chip, seed) for seed in seeds]
    return [_behavior(subject, chip, (one, [die]), fields)[0] for one, die in made]


def _behavior(
    subject: Subject, chip: MadeChip, made: tuple[Design, Sequence[Die]], fields: dict[str, Any]
) -> list[dict[str, Any]]:
    """Run dies of one design at the level ``behavioral``."""
    run = run_dies(subject, chip, made, keep_all=False)
    priced = energy(run.supply)
    found = []
    for d in range(len(run.finite)):
        if not run.finite[d].all():
            found.append({"status": RunStatus.NOT_FINITE})
            continue
        blocks = {
            name: (float(static[d].mean()), float(switching[d].mean()))
            for name, (static, switching) in priced.blocks.items()
        }
        judged = _judged(subject, run.trace.decision[d])
        found.append(fields | judged | {"energy": priced.total[d], "blocks": blocks})
    return found


def drawn_die(chip: MadeChip, seed: int) -> Die:
    """Draw a die as its point has them."""
    return drawn_dies(chip, [seed])[0]


def drawn_dies(chip: MadeChip, seeds: Sequence[int]) -> list[Die]:
    """Draw dies as their point has them."""
    setup = chip.setup
    dies = draw_dies(
        chip.design,
        seeds,
        scale=setup.mismatch,
        process=setup.process,
        gradient=setup.gradient,
    )
    return [_amiss(chip, die) for die in dies]


def _amiss(chip: MadeChip, die: Die) -> Die:
    """Return a die with what is wrong at its point beside mismatch and process."""
    setup = chip.setup
    stuck = draw_stuck(chip.design, die.seed, setup.stuck)
    return dataclasses.replace(die, reference=setup.reference, stuck=stuck)


def made_die(chip: MadeChip, seed: int) -> tuple[Design, Die]:
    """Return a die as it leaves the test, and the design with its trim as it is set."""
    if chip.trim is None:
        return chip.design, drawn_die(chip, seed)
    setup = chip.setup
    trimmed = trim_die(
        chip.trim,
        seed,
        corner=setup.conditions.corner,
        process=setup.process,
        gradient=setup.gradient,
    )
    return trimmed.design, _amiss(chip, trimmed.die)


def run_die(
    subject: Subject, chip: MadeChip, made: tuple[Design, Die], *, keep_all: bool
) -> BehavioralRun:
    """Run one die, as of `made_die`, as `run_dies` does."""
    design, die = made
    return run_dies(subject, chip, (design, [die]), keep_all=keep_all)


def run_dies(
    subject: Subject, chip: MadeChip, made: tuple[Design, Sequence[Die]], *, keep_all: bool
) -> BehavioralRun:
    """Run dies at the level ``behavioral``, noise included where their point has some.

    Parameters
    ----------
    made
        The design, and dies of it as they leave the test.
    keep_all
        Whether to return outputs, candidates and states too; no decision depends on it.
    """
    setup, (design, dies) = chip.setup, made
    what = design, constants(subject, design, setup), subject.inputs, dies
    how: dict[str, Any] = {
        "temperature": setup.conditions.temperature,
        "v_dd": setup.conditions.v_dd,
        "noise": NoiseRun(seed=setup.seed, scale=setup.noise) if setup.noise else None,
        "sequence_offset": subject.first_sequence,
        "keep_all": keep_all,
    }
    if setup.timing == "timed":
        return simulate_timed(*what, **how)
    return simulate_behavioral(*what, **how, kernel=chip.kernel)


def _judged(subject: Subject, decision: NDArray[np.int64]) -> dict[str, Any]:
    right = decision == subject.inputs.y
    return {"decision": decision.astype(np.int16), "accuracy": float(np.mean(right))}


def _spice(subject: Subject, chip: MadeChip, die: Die, workers: int) -> dict[str, Any]:
    from mru_hw.simulate.spice_level import simulate_spice

    result = simulate_spice(
        # read for its normalisation and readout only
        chip.design,
        subject.constants(chip.design),
        subject.inputs,
        conditions=chip.setup.conditions,
        die=die,
        workers=workers,
    )
    bad = next((s for s in result.status if s is not RunStatus.DONE), None)
    if bad is not None:
        return {"status": bad}
    # A transient analysis does not tell static from switching current.
    blocks = {
        name: (float(np.mean(e)), 0.0)
        for name, e in result.energy_by_block.items()
        if name not in result.unresolved
    }
    judged = _judged(subject, result.trace.decision)
    return judged | {"energy": result.trace.energy_J, "blocks": blocks}


def cores() -> int:
    """Return the processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity is not None else (os.cpu_count() or 1)
