"""What a sweep takes beside its kernel: processor seconds, memory and bytes a run.

``python -m benchmarks.bench_sweep_speed MODEL INPUTS`` prints JSON. Of some dies in this process,
by chunks, without noise and with: processor time of a die, and the share of it that the compiled
loops take. Then a sweep of ``--dies`` dies at eight scales of the noise with ``--workers``: wall
and processor seconds (its workers' too), the largest memory of a process, bytes of the file; and
the same carried on to 10,000 dies, in proportion to the dies beyond a small sweep's.
"""

from __future__ import annotations

import os

# Before numpy loads.
os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.study import computer, parsed, show, study
from mru_hw.files import validated
from mru_hw.simulate.fast import source
from mru_hw.sweeps.face import sweep
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.points import Job, jobs, points
from mru_hw.sweeps.subject import Subject, shared_subject
from mru_hw.sweeps.work import run_job

NOISE = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
WANTED = 10_000
_LOOPS = ("run", "finish", "hold")


def plan_of(given: argparse.Namespace, n_dies: int, *noise: float) -> dict[str, Any]:
    return {
        "model": str(given.model.resolve()),
        "inputs": str(given.inputs.resolve()),
        "n_dies": n_dies,
        "axes": [{"axis": "noise_scale", "values": list(noise)}],
    }


def counted(work: Callable[[], object]) -> tuple[float, float]:
    """Return the processor time of a piece of work and of the compiled loops in it [s]."""
    module, inside = source.kernel("float64"), [0.0]

    def timed(loop: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            start = time.process_time()
            found = loop(*arguments)
            inside[0] += time.process_time() - start
            return found

        return call

    plain = {name: getattr(module, name) for name in _LOOPS}
    for name, loop in plain.items():
        setattr(module, name, timed(loop))
    start = time.process_time()
    work()
    total = time.process_time() - start
    for name, loop in plain.items():
        setattr(module, name, loop)
    return total, inside[0]


def every(subject: Subject, todo: Sequence[Job]) -> None:
    """Run jobs."""
    for job in todo:
        run_job(subject, job)


def shares(given: argparse.Namespace) -> list[dict[str, float]]:
    """Return what a die takes, and what of it is the kernel's."""
    rows = []
    for noise in (0.0, 1.0):
        for chunk in (8, 32):
            plan = validated(Plan, plan_of(given, 96, noise), "plan").resolved(Path())
            subject = shared_subject({"plan": plan}, Path())
            todo = list(jobs(points({"plan": plan}, subject.technology), set(), chunk))
            run_job(subject, todo[0])

            total, inside = counted(partial(every, subject, todo))
            rows.append(
                {
                    "noise_scale": noise,
                    "chunk": chunk,
                    "ms_a_die": 1e3 * total / 96,
                    "kernel_share": inside / total,
                }
            )
    return rows


def whole(given: argparse.Namespace, n_dies: int) -> dict[str, float]:
    """Run a sweep and return what it took."""

    def spent() -> float:
        usages = (resource.getrusage(k) for k in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in usages)

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run.sqlite"
        wall, cpu = time.monotonic(), spent()
        sweep(plan_of(given, n_dies, *NOISE), out, workers=given.workers)
        wall, cpu = time.monotonic() - wall, spent() - cpu
        size = out.stat().st_size
    own, theirs = (
        resource.getrusage(k).ru_maxrss for k in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "dies": n_dies,
        "wall_s": wall,
        "processor_s": cpu,
        "memory_mib": max(own, theirs) / 1024,
        "bytes": size,
    }


def carried_on(few: dict[str, float], many: dict[str, float]) -> dict[str, float]:
    """Carry a sweep on to `WANTED` dies."""
    times = (WANTED - many["dies"]) / (many["dies"] - few["dies"])
    names = ("wall_s", "processor_s", "bytes")
    return {name: many[name] + times * (many[name] - few[name]) for name in names}


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("model", type=Path)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("--dies", type=int, default=500)
    parser.add_argument("--few", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    given = parsed(parser)
    few, many = whole(given, given.few), whole(given, given.dies)
    show(
        {
            "machine": computer(),
            "dies": shares(given),
            "noise": NOISE,
            "sweeps": [few, many],
            f"carried on to {WANTED} dies": carried_on(few, many),
        }
    )


if __name__ == "__main__":
    main()
