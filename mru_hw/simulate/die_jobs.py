"""Dies of a program on all sequences, in numpy or in the compiled kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mru_hw.simulate.blocks import SequenceBlock, SequenceGroup, join_groups
from mru_hw.simulate.decision_noise import DecisionNoise, NoiseLaw, noise_gains
from mru_hw.simulate.die_results import DieResults, Gathered
from mru_hw.simulate.die_run import DieRun
from mru_hw.simulate.fast.lane_layout import MOST_POINTS
from mru_hw.simulate.program import Program
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import Die, NoiseKey

if TYPE_CHECKING:
    from mru_hw.simulate.fast.run import FastProgram

TOGETHER_BYTES = 1 << 25
"""Inputs that are cut out of their file once for many dies, at most [bytes]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DieJob:
    """A program on all sequences, at all scales of the noise.

    Attributes
    ----------
    results
        One a scale.
    first
        Number of the program's first die in the run.
    law
        Of noise at scale 1; None where there is none at all.
    """

    results: Sequence[DieResults]
    program: Program
    calibration: Calibration
    first: int
    dies: Sequence[Die]
    groups: Sequence[SequenceGroup]
    inputs: Inputs
    law: NoiseLaw | None
    scales: Sequence[float]
    keys: Sequence[NoiseKey]
    offset: int

    def blocks(self, group: SequenceGroup) -> Iterable[SequenceBlock]:
        """Cut a group into blocks of frames; those of short sequences may be gone through again."""
        design, dtype = self.program.flow.design, self.program.net.dtype
        cut = group.blocks(self.inputs, design, dtype)
        size = int(group.lengths.max()) * len(group.lengths) * self.inputs.x.shape[2] * 8
        return list(cut) if self.program.n_die > 1 and size <= TOGETHER_BYTES else cut

    def points(self) -> Iterator[DieJob]:
        """Yield the same job at one scale after the other."""
        for result, scale in zip(self.results, self.scales, strict=True):
            yield dataclasses.replace(self, results=[result], scales=[scale])


def run_numpy(job: DieJob) -> None:
    """Run dies in numpy, one scale of the noise after the other."""
    for d, (die, array) in enumerate(zip(job.dies, job.program.dies(), strict=True)):
        gains = () if job.law is None else noise_gains(array)
        for point in job.points():
            (results,), (scale,) = point.results, point.scales
            for group in job.groups:
                drawn = None
                if job.law is not None and scale:
                    drawn = DecisionNoise(
                        law=dataclasses.replace(job.law, scale=scale),
                        gains=gains,
                        key=job.keys[d],
                        sequences=group.rows + job.offset,
                        lazy=not results.kept.arrays,
                    )
                gathered, held = Gathered(results, job.first + d, group), None
                for block in job.blocks(group):
                    run = DieRun(
                        array=array,
                        block=block,
                        calibration=job.calibration,
                        noise=drawn,
                        held=held,
                        stuck=die.stuck,
                    )
                    run.all_layers()
                    gathered.add(block, run)
                    held = run.held
                gathered.close()


def run_compiled(job: DieJob) -> None:
    """Run dies in the compiled kernel, at all scales together where no signals are kept."""
    from mru_hw.simulate.fast.run import SUMS, kept

    keep = kept(job.program, keep_all=bool(job.results[0].kept.arrays))
    width = job.inputs.x.shape[2] * job.program.net.itemsize
    batches = join_groups(job.groups, width, TOGETHER_BYTES) if keep == SUMS else []
    if batches:
        # More points than a lane has bits for go one set after the other.
        for start in range(0, len(job.scales), MOST_POINTS):
            part = slice(start, start + MOST_POINTS)
            results, scales = job.results[part], job.scales[part]
            _run_together(dataclasses.replace(job, results=results, scales=scales), batches)
        return
    for point in job.points():
        _run_blocks(point)


def _fast_program(job: DieJob) -> FastProgram:
    from mru_hw.simulate.fast.noise_tables import NoiseTables
    from mru_hw.simulate.fast.run import FastProgram

    keep_all, tables = bool(job.results[0].kept.arrays), None
    if job.law is not None and any(job.scales):
        tables = NoiseTables(job.program, job.law, job.scales, job.keys, lazy=not keep_all)
    return FastProgram(
        job.program,
        job.calibration,
        keep_all=keep_all,
        noise=tables,
        n_points=len(job.scales),
    )


def _run_together(job: DieJob, batches: Sequence[SequenceGroup]) -> None:
    """Run dies that keep no signals: lanes take up sequences, and points part where they differ."""
    from mru_hw.simulate.fast.run import FastSums

    fast, program = _fast_program(job), job.program
    dies = slice(job.first, job.first + program.n_die)
    for batch in batches:
        x = batch.frames(job.inputs, program.flow.design, program.net.dtype)
        sums = FastSums(fast, batch)
        for d in range(program.n_die):
            run = fast.start(d, sums, job.offset)
            run.all(x)
            run.end()
        assert sums.mean is not None
        for point, results in enumerate(job.results):
            results.decided(dies, batch, sums.mean[:, :, point])
            results.supplied(dies, batch, *sums.currents(point))


def _run_blocks(job: DieJob) -> None:
    """Run dies at one scale, group after group, block of frames after block."""
    from mru_hw.simulate.fast.run import FastSums

    fast, (results,) = _fast_program(job), job.results
    together = slice(job.first, job.first + job.program.n_die)
    for group in job.groups:
        blocks: Iterable[SequenceBlock] = ()
        sums = FastSums(fast, group)
        for d in range(job.program.n_die):
            if not isinstance(blocks, list) or not blocks:
                blocks = job.blocks(group)
            run = fast.start(d, sums, job.offset)
            gathered = Gathered(results, job.first + d, group) if fast.keeps else None
            for block in blocks:
                run.add(block)
                if gathered is not None:
                    gathered.take(block, run)
            run.end()
            if gathered is not None and sums.mean is None:
                gathered.decide()
        if sums.mean is not None:
            results.decided(together, group, sums.mean[:, :, 0])
        results.supplied(together, group, *sums.currents(0))
