"""One job: some dies of one point, in a worker process or in this one."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import LawError, RunStatus, UserError
from mru_hw.mapping import Design, unmap
from mru_hw.simulate.behavioral import NoiseRun, simulate_noise
from mru_hw.simulate.die_results import BehavioralRun
from mru_hw.simulate.energy import energy
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.timed import simulate_timed
from mru_hw.sweeps.points import Job, Key
from mru_hw.sweeps.setup import Setup
from mru_hw.sweeps.subject import Subject
from mru_hw.technology.calibration import Calibration
from mru_hw.trim import TrimPlan, trim_die
from mru_hw.variation import Die, draw_dies
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


def run_job(subject: Subject, job: Job, workers: int = 1) -> list[DieResult]:
    """Run every die of a job; its bits depend on no other.

    `workers` are ngspice's processes at the level ``spice``.
    """
    chip = made_chip(subject, job)
    points = _attempt(subject, chip, job, job.seeds, workers)
    found = [fields for point in points for fields in point]
    return [
        DieResult(key=key, seed=seed, **fields)
        for (key, seed), fields in zip(job.runs(), found, strict=True)
    ]


Runs = list[list[dict[str, Any]]]
"""What runs left, by the fields of `DieResult`: by point and die."""


def _attempt(
    subject: Subject, chip: MadeChip | None, job: Job, seeds: Sequence[int], workers: int
) -> Runs:
    """Run dies together; where one of them cannot be run, each alone."""
    began, points = time.perf_counter(), len(job.points)
    try:
        # What overflows is told by its status.
        with np.errstate(over="ignore", invalid="ignore"):
            found = _run(subject, chip, points, seeds, workers)
    except (MemoryError, LawError) as error:
        if len(seeds) > 1:
            return _by_point([_attempt(subject, chip, job, [seed], workers) for seed in seeds])
        no_law = isinstance(error, LawError)
        status = RunStatus.NO_LAW if no_law else RunStatus.OUT_OF_MEMORY
        found = [[{"status": status}] for _ in range(points)]
    seconds = (time.perf_counter() - began) / (points * len(seeds))
    return [[{"seconds": seconds, **fields} for fields in point] for point in found]


def _by_point(dies: Sequence[Runs]) -> Runs:
    """Put the runs of dies that ran alone together."""
    return [[one[0] for one in point] for point in zip(*dies, strict=True)]


def failed(job: Job, status: RunStatus) -> list[DieResult]:
    """Return the results of a job that left none."""
    return [DieResult(key=key, seed=seed, status=status) for key, seed in job.runs()]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeChip:
    """The design of a job's dies, with what they are run at and how they are trimmed.

    Attributes
    ----------
    setup
        Of the job's first point.
    noises
        Scales of the noise of all its points, which differ in nothing else.
    """

    setup: Setup
    noises: tuple[float, ...]
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
            noises=tuple(subject.setup(point, job.trial).noise for point in job.points),
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
    subject: Subject, chip: MadeChip | None, points: int, seeds: Sequence[int], workers: int
) -> Runs:
    """Return what runs of dies left at the points of a job."""
    if chip is None:
        return [[{"status": RunStatus.NOT_MAPPED} for _ in seeds] for _ in range(points)]
    fields: dict[str, Any] = {"status": RunStatus.DONE, "design": chip.digest}
    if chip.setup.level == "ideal":
        mapped = unmap(chip.design, subject.constants(chip.design))
        trace = simulate_ideal(mapped, subject.inputs, keep="decisions", kernel=chip.kernel)
        return [[fields | judged(subject, trace.decision) for _ in seeds]]
    if chip.setup.level == "spice":
        return [[fields | _spice(subject, chip, drawn_die(chip, seed), workers) for seed in seeds]]
    if chip.trim is None:
        return _behavior(subject, chip, (chip.design, drawn_dies(chip, seeds)), fields)
    # Trimmed dies have a design each.
    made = [made_die(chip, seed) for seed in seeds]
    return _by_point([_behavior(subject, chip, (one, [die]), fields) for one, die in made])


def _behavior(
    subject: Subject, chip: MadeChip, made: tuple[Design, Sequence[Die]], fields: dict[str, Any]
) -> Runs:
    """Run dies of one design at the level ``behavioral``."""
    runs = _runs(subject, chip, made, chip.noises, keep_all=False)
    return [[fields | one for one in _left(subject, run)] for run in runs]


def _left(subject: Subject, run: BehavioralRun) -> list[dict[str, Any]]:
    """Return what dies left at one point."""
    priced = energy(run.supply)
    # Means of all dies at once: of each by itself they take several times as long.
    means = {
        name: np.stack([part.mean(axis=1) for part in parts], axis=1).tolist()
        for name, parts in priced.blocks.items()
    }
    found: list[dict[str, Any]] = []
    for d, finite in enumerate(run.finite):
        if not finite.all():
            found.append({"status": RunStatus.NOT_FINITE, "design": ""})
            continue
        blocks = {name: (of[d][0], of[d][1]) for name, of in means.items()}
        known = judged(subject, run.trace.decision[d])
        found.append(known | {"energy": priced.total[d], "blocks": blocks})
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
    (run,) = _runs(subject, chip, made, (chip.setup.noise,), keep_all=keep_all)
    return run


def _runs(
    subject: Subject,
    chip: MadeChip,
    made: tuple[Design, Sequence[Die]],
    noises: Sequence[float],
    *,
    keep_all: bool,
) -> list[BehavioralRun]:
    """Run dies as `run_dies` does, at one scale of the noise after the other or at all together."""
    setup, (design, dies) = chip.setup, made
    what = design, constants(subject, design, setup), subject.inputs, dies
    how: dict[str, Any] = {
        "temperature": setup.conditions.temperature,
        "v_dd": setup.conditions.v_dd,
        "sequence_offset": subject.first_sequence,
        "keep_all": keep_all,
    }
    if setup.timing == "settled":
        return simulate_noise(*what, seed=setup.seed, scales=noises, **how, kernel=chip.kernel)
    drawn = [NoiseRun(seed=setup.seed, scale=scale) if scale else None for scale in noises]
    return [simulate_timed(*what, noise=noise, **how) for noise in drawn]


def judged(subject: Subject, decision: NDArray[np.int64]) -> dict[str, Any]:
    """Return decisions as they are stored, and their accuracy."""
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
    known = judged(subject, result.trace.decision)
    return known | {"energy": result.trace.energy_J, "blocks": blocks}


def cores() -> int:
    """Return the processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity is not None else (os.cpu_count() or 1)
