"""What a sweep would take, before it is run: runs, time, memory, disk, and dies for a statement."""

from __future__ import annotations

import dataclasses
import math
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mru_hw.statistics.shares import (
    CONFIDENCE,
    clopper_pearson,
    dies_for_width,
    dies_without_failure,
)
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.points import TIMING, Job, Point, Shard, points, together
from mru_hw.sweeps.ready import DOUBTFUL, doubtful_facts, make_ready
from mru_hw.sweeps.room import free_bytes, refuse_no_room, run_bytes, store_bytes
from mru_hw.sweeps.run import asked_runs, dies_a_job
from mru_hw.sweeps.statistics.answers import independent
from mru_hw.sweeps.statistics.stopping import Until
from mru_hw.sweeps.subject import Subject, shared_subject
from mru_hw.sweeps.work import cores, run_job

SHARE = 0.95
"""The yield that a plan's dies are counted for."""
_PROBES = 3
"""Points at which a run is timed: the first, the last and one between."""
_ENOUGH = 1.0
"""Wall time of a job that tells what its runs take [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedYield:
    """Whether the dies of a plan can show the yield that its specification asks for.

    Attributes
    ----------
    study
        Name of the plan.
    share
        The yield.
    runs
        Independent runs at a point, the least of all points; None where runs share dies, so that
        no interval will be told.
    runs_wanted
        That show it, by the interval of two sides, if none of them fails.
    """

    study: str
    share: float
    runs: int | None
    runs_wanted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCheck:
    """What a sweep would take.

    Attributes
    ----------
    points, dies, runs, sequences
        Points, dies at each, runs that the call would compute if nothing were stored yet, and
        sequences of each run.
    seconds_a_run
        Mean wall time of the runs that were tried [s]; None where a run is ngspice's, and minutes.
    seconds
        Of all runs on the workers [s].
    memory, disk, disk_free
        Bytes: of all processes together, of RUN.sqlite, and free where it is to be.
    dies_without_failure
        Dies that show a yield of 95 % at a confidence of 95 % if none of them fails.
    dies_for_width
        Dies that know a yield near 95 % to within the half-width asked for, or one point.
    half
        That half-width, as a share.
    shown_without_failure
        The yield that the plan's own dies show, with 95 % confidence, if none of them fails: a
        bound on one side.
    low_without_failure
        The lower end of the interval that the sweep tells then: of two sides, so 97.5 % confidence.
    asked
        What is known before of each plan whose specification asks for a yield.
    warning
        What would make runs doubtful, in sentences, as the sweep itself says it; None where
        nothing does.
    """

    points: int
    dies: int
    runs: int
    sequences: int
    workers: int
    seconds_a_run: float | None
    seconds: float | None
    memory: int
    disk: int
    disk_free: int | None
    dies_without_failure: int
    dies_for_width: int
    half: float
    shown_without_failure: float
    low_without_failure: float
    asked: tuple[AskedYield, ...]
    warning: str | None

    def as_data(self) -> dict[str, Any]:
        """Return plain data, fit for JSON."""
        return asdict(self)


def check_plan(
    plans: Mapping[str, Plan],
    folder: Path,
    out: Path,
    *,
    workers: int | None = None,
    shard: Shard | None = None,
    until: Until | None = None,
) -> PlanCheck:
    """Map what a sweep would run on, try a few of its runs, and say what all of it takes.

    Raises
    ------
    UserError
        What `run_sweep` would refuse, a disk without room for the runs among it.
    """
    workers = cores() if workers is None else workers
    plans = {name: plan.resolved(folder) for name, plan in plans.items()}
    plan = next(iter(plans.values()))
    subject = shared_subject(plans, folder)
    wanted = points(plans, subject.technology)
    runs = sum(map(len, asked_runs(wanted, shard, until).values()))
    ready = make_ready(subject, wanted, plans)
    each = run_bytes(subject.inputs.n_seq, plan.keep)
    refuse_no_room(out, runs, each)
    spice = any(point.level == "spice" for point in wanted)
    probed = None if spice else _seconds(subject, wanted, dies_a_job(plan, wanted, runs, workers))
    dies = max(len(point.dies) for point in wanted)
    half = 0.01 if until is None else until.half
    return PlanCheck(
        points=len(wanted),
        dies=dies,
        runs=runs,
        sequences=subject.inputs.n_seq,
        workers=workers,
        seconds_a_run=probed,
        seconds=None if probed is None else probed * runs / workers,
        memory=_memory() * (workers + 1),
        disk=store_bytes(runs, each),
        disk_free=free_bytes(out),
        dies_without_failure=dies_without_failure(SHARE, CONFIDENCE),
        dies_for_width=dies_for_width(half, SHARE, CONFIDENCE),
        half=half,
        shown_without_failure=math.exp(math.log(1 - CONFIDENCE) / dies),
        low_without_failure=clopper_pearson(dies, dies).low,
        asked=() if until is not None else tuple(_asked(plans, wanted)),
        warning=doubtful_facts(ready).get(DOUBTFUL),
    )


def _asked(plans: Mapping[str, Plan], wanted: Sequence[Point]) -> Iterator[AskedYield]:
    for name, plan in plans.items():
        share = plan.judged_by.share
        if share is None:
            continue
        own = [point for point in wanted if point.study == name]
        alone = all(independent(point.settings, point.trials, point.n_runs) for point in own)
        yield AskedYield(
            study=name,
            share=share,
            runs=min(point.n_runs for point in own) if alone else None,
            runs_wanted=dies_without_failure(share, (1 + CONFIDENCE) / 2),
        )


def _seconds(subject: Subject, wanted: tuple[Point, ...], most: int) -> float:
    """Return the mean time of a run [s], by jobs of up to `most` dies.

    The first job warms up: it loads the kernel. Runs of a job share work, so each of those that
    follow has more dies, until one lasts long enough.
    """
    sets = together(wanted)
    places = {round(k * (len(sets) - 1) / (_PROBES - 1)) for k in range(_PROBES)}
    found, runs = [], []
    for place in sorted(places):
        first, *also = sets[place]
        runs.append(sum(point.n_runs for point in sets[place]))
        if first.settings[TIMING] == "timed":
            found.append(_timed_seconds(subject, first))
            continue

        def job(dies: int, point: Point = first, more: tuple[Point, ...] = tuple(also)) -> Job:
            seeds = tuple(point.dies[:dies])
            return Job(point=point, trial=0, first=0, seeds=seeds, also=more)

        each, dies = math.inf, 1
        run_job(subject, job(1))
        while dies <= min(most, len(first.dies)):
            results = run_job(subject, job(dies))
            each = min(each, results[-1].seconds)
            if each * len(results) > _ENOUGH:
                break
            dies *= 2
        found.append(each)
    return sum(each * n for each, n in zip(found, runs, strict=True)) / sum(runs)


def _timed_seconds(subject: Subject, point: Point) -> float:
    """Return the time of a timed run [s], which may take minutes, by its first frames.

    Their number is doubled until a run lasts long enough; what each of the others adds is what the
    last of these did.
    """
    job = Job(point=point, trial=0, first=0, seeds=tuple(point.dies[:1]))
    inputs, longest = subject.inputs, int(subject.inputs.lengths.max())

    def tried(frames: int) -> tuple[int, float]:
        lengths = np.minimum(inputs.lengths, frames)
        begin = dataclasses.replace(inputs, x=inputs.x[:, :frames], lengths=lengths)
        (run,) = run_job(dataclasses.replace(subject, inputs=begin), job)
        return int(lengths.sum()), run.seconds

    tried(1)
    frames, (n, took) = 1, tried(1)
    a_frame = took / n
    while frames < longest:
        frames = min(2 * frames, longest)
        more, then = tried(frames)
        a_frame = min(max((then - took) / (more - n), 0.0), then / more)
        n, took = more, then
        if took > _ENOUGH:
            break
    return took + (int(inputs.lengths.sum()) - n) * a_frame


def _memory() -> int:
    """Return the most memory that this process has had [bytes]."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
