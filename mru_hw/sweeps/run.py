"""A sweep from plan to store: begun, resumed or found finished."""

from __future__ import annotations

import contextlib
import importlib.util
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mru_hw.errors import RunStatus, SimulationError, UserError
from mru_hw.simulate.kernels import NUMBA
from mru_hw.sweeps.crew import run_jobs
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.points import (
    Asked,
    Job,
    Point,
    Shard,
    first_dies,
    jobs,
    points,
    together,
)
from mru_hw.sweeps.ready import doubtful_facts, make_ready, trim_facts
from mru_hw.sweeps.references import references
from mru_hw.sweeps.room import refuse_no_room, run_bytes
from mru_hw.sweeps.statistics.stopping import Until
from mru_hw.sweeps.store import DAMAGED, Store, create_store, plain
from mru_hw.sweeps.store_file import UnusableStoreError, stands
from mru_hw.sweeps.subject import (
    Subject,
    arithmetic,
    identity,
    shared_subject,
)
from mru_hw.sweeps.until import dies_next, refuse_until, told
from mru_hw.sweeps.versions import code, machine, versions
from mru_hw.sweeps.view import view_of
from mru_hw.sweeps.work import DieResult, cores, run_job
from mru_hw.words import many

STUDY = "sweep"
"""Name of the only study of a run that comes from one plan."""
JOBS_EACH = 4
"""Jobs that every worker has at least, as long as there are so many runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call of `run_sweep` ended.

    Attributes
    ----------
    runs
        Runs that the store holds, failed ones included.
    computed
        Those of them that this call computed.
    failed
        Number of runs by the name of their status, of those that are not done.
    digest
        Hash of all results but their seconds.
    seconds
        Wall time of this call [s].
    """

    path: Path
    runs: int
    computed: int
    failed: dict[str, int]
    digest: str
    seconds: float

    def refuse_cut_off(self) -> None:
        """Raise `SimulationError` where the machine ended runs: the sweep is not complete."""
        cut = [status for status in RunStatus if status.of_machine and status.name in self.failed]
        if cut:
            count = sum(self.failed[status.name] for status in cut)
            was = "was" if count == 1 else "were"
            raise SimulationError(
                f"{count} of {many(self.runs, 'run')} {was} cut off. {cut[0].value} The sweep "
                "is not complete; the same call tries them again."
            )


def run_sweep(
    plans: Mapping[str, Plan],
    folder: Path,
    out: Path,
    *,
    workers: int | None = None,
    shard: Shard | None = None,
    until: Until | None = None,
    dask: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Run a sweep, or go on with one that was interrupted.

    Parameters
    ----------
    plans
        The studies by name; they share the network, the inputs, the technology and the level.
    folder
        Where their relative paths begin.
    out
        The store. A finished run of the same plans is left as it is.
    workers
        Processes; as many as there are processors by default. No result depends on it.
    shard
        The part of the runs that this store is for; all if left out.
    until
        What to know of the dies before the sweep ends; all dies of the plans if left out.
    dask
        Address of the scheduler of a dask cluster to compute on; this machine if left out.
    progress
        Called with the runs stored and the runs in all, at the start and after every job.

    Raises
    ------
    UnusableStoreError
        `out` holds something else than this sweep.
    UserError
        Something that the plans name does not fit.
    """
    began = time.monotonic()
    if dask is not None and workers is not None:
        raise UserError("workers", workers, "no such option beside `dask`")
    workers = cores() if workers is None else workers
    if workers < 1:
        raise UserError("workers", workers, "at least 1")
    with _computers(dask, workers) as (compute, workers):
        return _swept(
            {name: plan.resolved(folder) for name, plan in plans.items()},
            folder,
            out,
            workers=workers,
            shard=shard,
            until=until,
            progress=progress,
            compute=compute,
            began=began,
        )


Compute = Callable[[Subject, Iterator[Job | None], int], Iterator[list[DieResult]]]


def _swept(
    plans: Mapping[str, Plan],
    folder: Path,
    out: Path,
    *,
    workers: int,
    shard: Shard | None,
    until: Until | None,
    progress: Callable[[int, int], None] | None,
    compute: Compute,
    began: float,
) -> Outcome:
    """Run a sweep of resolved plans with `compute`; else as `run_sweep`."""
    plan = next(iter(plans.values()))
    subject = shared_subject(plans, folder)
    wanted = points(plans, subject.technology)
    asked = asked_runs(wanted, shard, until)
    ready = make_ready(subject, wanted, plans)
    designs = {one.digest: one.design for one in ready}
    hashes = subject.hashes()
    this = identity(plans, hashes, designs)
    if not stands(out):
        facts = _facts(plans, hashes, this) | trim_facts(subject, ready) | doubtful_facts(ready)
        total = sum(map(len, asked.values()))
        refuse_no_room(out, total, run_bytes(subject.inputs.n_seq, plan.keep))
        if shard is not None:
            facts["shard"] = str(shard)
        other = {one.digest: one.trained for one in ready if one.trained is not subject.model}
        create_store(out, facts, subject, ready, references(subject, designs, other))
    with Store.open(out) as store:
        # Before anything is added: what a report would refuse is not gone on with.
        view_of(out, store.connection, "out", DAMAGED)
        if store.value("identity") != this:
            raise UnusableStoreError("out", str(out), _other(store, plans, hashes, designs))
        if not np.array_equal(store.labels, subject.labels):
            raise UnusableStoreError("out", str(out), DAMAGED)
        _refuse_other_shard(store, out, shard)
        store.restate({name: plan.as_data()["spec"] for name, plan in plans.items()})
        n_done = store.n_done()
        total = sum(map(len, asked.values()))
        computed, cut_off = 0, 0
        with store.kept_with_results():
            if progress is not None:
                progress(n_done, total)
            last = began
            if n_done < total:
                left = total - n_done
                chunk = dies_a_job(plan, wanted, left, workers)
                todo = (
                    jobs(wanted, store.done(), chunk, asked)
                    if until is None
                    else _jobs_until(until, store, wanted, chunk)
                )
                for results in compute(subject, todo, min(workers, -(-left // chunk))):
                    now = time.monotonic()
                    store.add(results, now - last)
                    computed, last = computed + len(results), now
                    cut_off += sum(one.status.of_machine for one in results)
                    if progress is not None:
                        progress(n_done + computed, total)
                store.complete(time.monotonic() - last, whole=store.n_done() == total)
        if until is not None and not cut_off:
            store.state_end(told(view_of(out, store.connection, "out", DAMAGED), until))
        return Outcome(
            path=out,
            runs=n_done + computed,
            computed=computed,
            failed=store.failed(),
            digest=store.digest(),
            seconds=time.monotonic() - began,
        )


def dies_a_job(plan: Plan, wanted: Sequence[Point], left: int, workers: int) -> int:
    """Return how many dies a job has, at most, where so many runs are left."""
    most = max(len(points) for points in together(wanted))
    return min(plan.chunk, max(1, left // (JOBS_EACH * workers * most)))


def asked_runs(wanted: Sequence[Point], shard: Shard | None, until: Until | None) -> Asked:
    """Return the runs that a store is for."""
    if shard is not None and until is not None:
        raise UserError("until", str(until), "no such option beside `shard`")
    if until is not None:
        refuse_until(until, wanted)
    asked = (shard or Shard(number=1, count=1)).asked(wanted)
    if not any(asked.values()):
        runs = sum(point.n_runs for point in wanted)
        raise UserError("shard", str(shard), f"at most as many shards as there are runs, {runs}")
    return asked


def _refuse_other_shard(store: Store, out: Path, shard: Shard | None) -> None:
    found = store.value("shard")
    if found != (None if shard is None else str(shard)):
        what = "the whole of it" if found is None else f"shard {found}"
        raise UnusableStoreError("out", str(out), f"a new path, for the sweep there is {what}")


def _jobs_until(
    until: Until, store: Store, wanted: tuple[Point, ...], chunk: int
) -> Iterator[Job | None]:
    """Yield the jobs of the dies that it takes, with a pause before each look at the results."""
    while True:
        needed = dies_next(view_of(store.path, store.connection, "out", DAMAGED), until)
        todo = list(jobs(wanted, store.done(), chunk, first_dies(wanted, needed or 0)))
        if not todo:
            return
        yield from todo
        yield None
        if not {job.keys()[0] for job in todo} <= store.done():
            return  # the machine cut some off


@contextlib.contextmanager
def _computers(dask: str | None, workers: int) -> Iterator[tuple[Compute, int]]:
    """Yield what computes jobs, and its processes: those of this machine, or a cluster's."""
    if dask is None:
        yield _here, workers
        return
    if importlib.util.find_spec("distributed") is None:
        raise UserError(
            "dask", dask, "no such option without the extra cluster (pip install 'mru-hw[cluster]')"
        )
    from mru_hw.sweeps.cluster import connected, count_workers, run_on

    with connected(dask) as client:
        there = max(1, count_workers(client))
        yield (lambda subject, todo, _: run_on(client, subject, _cut(todo))), there


def _here(subject: Subject, todo: Iterator[Job | None], workers: int) -> Iterator[list[DieResult]]:
    """Compute jobs on this machine; those of ngspice after the others up to the next pause."""
    while True:
        spice: list[Job] = []
        pause: list[Job | None] = []
        yield from run_jobs(subject, _others(todo, spice, pause), workers)
        for job in _cut(iter(spice)):
            # ngspice has worker processes of its own, one a sequence.
            if job is not None:
                yield run_job(subject, job, workers)
        if not pause:
            return


def _others(
    todo: Iterator[Job | None], spice: list[Job], pause: list[Job | None]
) -> Iterator[Job | None]:
    """Yield jobs that ngspice does not run, up to the next pause with some that it does run.

    Those are set aside; the worker processes of the others go on over pauses without any.
    """
    for job in todo:
        if job is None and spice:
            pause.append(job)
            return
        if job is not None and job.point.level == "spice":
            spice.append(job)
        else:
            yield job


def _cut(todo: Iterator[Job | None]) -> Iterator[Job | None]:
    """Yield jobs, of one die each where a die takes ngspice."""
    for job in todo:
        if job is None or job.point.level != "spice":
            yield job
        else:
            yield from job.single()


def _other(
    store: Store, plans: Mapping[str, Plan], hashes: Mapping[str, str], designs: Collection[str]
) -> str:
    """Say what sets a store's sweep apart from the one that is asked for."""
    for name, digest in hashes.items():
        if store.value(f"hash.{name}") != digest:
            return f"a new path, for the sweep there is of another {name}"
    if store.designs().isdisjoint(designs):
        return "a new path, for the sweep there is of another design"
    compiled = any(plan.kernel == NUMBA for plan in plans.values())
    for name in ("mru_hw", "numpy", *([NUMBA] if compiled else [])):
        found = store.value(f"version.{name}") or "of a version that it does not name"
        if found != versions().get(name):
            return f"a new path, for the sweep there was made with {name} {found}"
    for name, value in arithmetic(plans).items():
        if store.value(name) != value:
            word = name.replace("_", " ")
            return f"a new path, for the sweep there has the {word} {store.value(name)}"
    if store.value("version.results") != versions()["results"]:
        return "a new path, for the sweep there was made by other laws of the circuits"
    return "a new path, for the sweep there follows another plan"


def _facts(plans: Mapping[str, Plan], hashes: Mapping[str, str], this: str) -> dict[str, str]:
    first = next(iter(plans.values()))
    return (
        {"identity": this, "level": first.level}
        | arithmetic(plans)
        | {"plans": plain({name: plan.as_data() for name, plan in plans.items()})}
        | {f"hash.{name}": digest for name, digest in hashes.items()}
        | {f"version.{name}": version for name, version in versions().items()}
        | {f"code.{name}": value for name, value in code().items()}
        | {f"machine.{name}": value for name, value in machine().items()}
    )
