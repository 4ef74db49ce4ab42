"""The runs behind a sensitivity: dies on which some devices' mismatch is there and others' is not.

A die draws the same numbers for each of its devices whichever of them count, so all runs of a die
differ by nothing but what is switched: common random numbers.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import LawError, SimulationError, UserError
from mru_hw.mapping.design import Design
from mru_hw.model.network import Model
from mru_hw.simulate.asked import refuse_currents
from mru_hw.simulate.at_level import MappedNetwork
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.kernels import asked_kernel, refuse_kernel
from mru_hw.simulate.sensitivity.judge import Judge
from mru_hw.simulate.sensitivity.parts import Key, Part, parts_of
from mru_hw.simulate.settled_steps import output_tables
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die, draw_die
from mru_hw.variation.spread import MISMATCH_MOST
from mru_hw.workers import Worker, WorkerDied, side_by_side

TOGETHER = 16
"""Runs whose signals are held at a time."""

Counts = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is run: it travels to worker processes.

    Attributes
    ----------
    design, mapped
        The chip, and the network that it amounts to.
    calibration
        Constants at `conditions`.
    parts
        What is switched.
    mismatch, process, gradient
        Factors on the sigmas of mismatch, and of what all devices of a die share; only mismatch is
        switched.
    kernel
        Of the behavioral level.
    """

    design: Design
    mapped: Model
    calibration: Calibration
    conditions: Conditions
    inputs: Inputs
    parts: tuple[Part, ...]
    mismatch: float
    process: float
    gradient: float
    kernel: str

    def judge(self) -> Judge:
        """Run the software."""
        return Judge(self.mapped, self.design, self.inputs, self.kernel)

    def dies(self, seed: int) -> Iterator[Die]:
        """Yield a die with no mismatch, with all of it, with each part's alone, and without it."""
        full, none = (
            draw_die(self.design, seed, scale=scale, process=self.process, gradient=self.gradient)
            for scale in (self.mismatch, 0.0)
        )
        yield none
        yield full
        for part in self.parts:
            yield mixed(none, full, part.keys)
        for part in self.parts:
            yield mixed(full, none, part.keys)

    def count(self, judge: Judge, dies: Sequence[Die]) -> Counts:
        """Run dies and count what they do otherwise than software, (die, measure, sequence).

        Raises
        ------
        LawError
            A die's outputs or supply are not finite.
        """
        found = []
        for first in range(0, len(dies), TOGETHER):
            some = dies[first : first + TOGETHER]
            trace = self.run(some)
            for k, tables in enumerate(self.tables(some)):
                states = [state[k] for state in trace.states]
                found.append(judge.count(states, tables, trace.decision[k]))
        return np.array(found)

    def run(self, dies: Sequence[Die]) -> Trace:
        """Run dies on the sequences; every array has a leading die axis.

        Raises
        ------
        LawError
            A die's outputs or supply are not finite.
        """
        run = simulate_behavioral(
            self.design,
            self.calibration,
            self.inputs,
            dies,
            temperature=self.conditions.temperature,
            v_dd=self.conditions.v_dd,
            kernel=self.kernel,
        )
        if not run.finite.all():
            raise LawError(f"Die {dies[0].seed} lies beyond what the circuits' laws describe.")
        return run.trace

    def tables(self, dies: Sequence[Die]) -> Iterator[list[NDArray[np.float64]]]:
        """Yield for each die, by layer, what its units put out, as h.

        With 0, 1, … cells set, (n_units, n_cells + 1).
        """
        at = self.conditions.temperature
        return output_tables(self.design, self.calibration, dies, at)


class MappedChip(MappedNetwork, Protocol):
    """What a study needs of a chip."""

    @property
    def process(self) -> float:
        """Factor on the sigmas of what all devices of a die share."""

    @property
    def gradient(self) -> float:
        """Factor on the sigma of its slope across the chip."""


def make_study(
    chip: MappedChip,
    inputs: Inputs,
    by: str,
    *,
    conditions: Conditions,
    mismatch: float = 1.0,
    kernel: str | None = None,
) -> Study:
    """Return what there is to run.

    Parameters
    ----------
    by
        How the chip is cut into parts, one of `mru_hw.simulate.sensitivity.parts.WAYS`.
    mismatch
        Factor on the sigmas of mismatch.

    Raises
    ------
    UserError
        There is no such way, the factor is out of range, the inputs' currents are, the constants
        were not measured at the conditions, or there is no such kernel.
    """
    parts = parts_of(chip.design, by)
    if not 0 < mismatch <= MISMATCH_MOST:
        raise UserError("mismatch", mismatch, f"more than 0, at most {MISMATCH_MOST:g}")
    refuse_kernel(kernel, "behavioral", "settled")
    refuse_currents(chip.design, inputs)
    return Study(
        design=chip.design,
        mapped=chip.mapped,
        calibration=chip.calibration.at(
            conditions.v_dd,
            temperature=conditions.temperature,
            corner=conditions.corner,
            loops_only=chip.design.loops_only,
        ),
        conditions=conditions,
        inputs=inputs,
        parts=parts,
        mismatch=mismatch,
        process=chip.process,
        gradient=chip.gradient,
        kernel=asked_kernel(kernel),
    )


def mixed(die: Die, other: Die, keys: Collection[Key]) -> Die:
    """Return a die with some groups' devices as another one has them."""
    taken = set(keys)

    def of(name: str) -> dict[Key, NDArray[np.float64]]:
        mine, theirs = getattr(die, name), getattr(other, name)
        return {key: (theirs if key in taken else mine)[key] for key in mine}

    return Die(seed=die.seed, dvt=of("dvt"), dbeta=of("dbeta"), spread=die.spread)


def run_study(
    study: Study,
    seeds: Sequence[int],
    *,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Counts:
    """Run every die of a study, (seed, die of `Study.dies`, measure, sequence).

    Parameters
    ----------
    workers
        Processes; no number depends on it.
    progress
        Told 1 of every die whose runs are all done.
    """
    if workers == 1 or len(seeds) == 1:
        judge, found = study.judge(), []
        for seed in seeds:
            found.append(study.count(judge, list(study.dies(seed))))
            if progress is not None:
                progress(1)
        return np.array(found)
    crew = [Worker(_begin, (study,)) for _ in range(min(workers, len(seeds)))]
    idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    for worker in crew:
        idle.put(worker)

    def one(seed: int) -> Counts:
        worker = idle.get()
        try:
            return np.asarray(worker.call(_one, (seed,)))
        except WorkerDied:
            raise SimulationError(
                f"The process that ran die {seed} ended without a result; fewer workers take less "
                "memory."
            ) from None
        finally:
            idle.put(worker)

    def stop() -> None:
        for worker in crew:
            worker.kill()

    try:
        return np.array(side_by_side(one, seeds, len(crew), stop=stop, progress=progress))
    finally:
        for worker in crew:
            worker.close()


_there: list[tuple[Study, Judge]] = []
"""In a worker process, its study."""


def _begin(study: Study) -> None:
    _there[:] = [(study, study.judge())]


def _one(seed: int) -> Counts:
    study, judge = _there[0]
    return study.count(judge, list(study.dies(seed)))
