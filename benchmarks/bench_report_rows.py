"""What a store of a million runs takes to read, to hash, to put into a table and to report.

``python -m benchmarks.bench_report_rows MODEL INPUTS --work DIR`` prints JSON. A sweep over
``--points`` reference errors is run for a few dies; runs like theirs, with other energies and one
decision put right, fill its store up to ``--rows``. The store stays in ``--work`` and is measured
again by the next call. Each question is asked in a process of its own: processor seconds by part,
and the largest memory of that process.
"""

from __future__ import annotations

import os

# Before numpy loads.
os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import multiprocessing
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import computer, parsed, show, study, tell
from mru_hw.report.page import write_report
from mru_hw.sweeps.explanation import explain
from mru_hw.sweeps.face import read_sweep, sweep
from mru_hw.sweeps.results import COLUMNS
from mru_hw.sweeps.view import open_run

FEW = 20
"""Dies of a point that are run."""
CHUNK = 10_000
"""Runs that are made at a time."""


def plan_of(given: argparse.Namespace) -> dict[str, Any]:
    return {
        "model": str(given.model.resolve()),
        "inputs": str(given.inputs.resolve()),
        "n_dies": given.rows // given.points,
        "axes": [
            {"axis": "reference_error", "values": np.linspace(-0.05, 0.05, given.points).tolist()}
        ],
    }


def store_of(given: argparse.Namespace) -> Path:
    """Return a complete store of as many runs as are asked for."""
    out: Path = given.work / f"rows{given.rows}-{given.points}.sqlite"
    if out.exists():
        return out
    plan, part = plan_of(given), out.with_suffix(".part")
    part.unlink(missing_ok=True)
    sweep(plan, part, workers=1, shard=f"1/{plan['n_dies'] // FEW}")
    rng = np.random.default_rng(0)
    with sqlite3.connect(part) as db:
        (n_seq,) = db.execute("SELECT count(*) FROM sequence").fetchone()
        for point in range(given.points):
            query = f"SELECT {', '.join(COLUMNS)}, seconds FROM result WHERE point = ?"
            known = db.execute(query, (point,)).fetchall()
            for first in range(len(known), plan["n_dies"], CHUNK):
                dies = range(first, min(first + CHUNK, plan["n_dies"]))
                marks = ", ".join("?" * (len(COLUMNS) + 1))
                db.executemany(
                    f"INSERT INTO result VALUES ({marks})",
                    alike(known, dies, n_seq, rng),
                )
            tell(f"point {point} of {given.points}")
        db.execute("DELETE FROM run WHERE name = 'shard'")
    part.rename(out)
    return out


def alike(
    known: list[tuple[Any, ...]], dies: range, n_seq: int, rng: np.random.Generator
) -> Iterator[tuple[Any, ...]]:
    """Yield runs of other dies, each like one that is known."""
    which = rng.integers(len(known), size=len(dies))
    scales = rng.normal(1, 0.01, size=len(dies))
    changed = rng.integers(n_seq, size=len(dies))
    first = known[0][COLUMNS.index("die")]
    for die, row, scale, sequence in zip(dies, which, scales, changed, strict=True):
        one = dict(zip((*COLUMNS, "seconds"), known[row], strict=True))
        right = np.unpackbits(np.frombuffer(one["right"], np.uint8))
        right[sequence] = 1
        yield tuple(
            (
                one
                | {
                    "die": die,
                    "seed": known[0][COLUMNS.index("seed")] + die - first,
                    "accuracy": float(right.sum() / n_seq),
                    "right": np.packbits(right).tobytes(),
                    "energy_mean": float(scale * one["energy_mean"]),
                    "quantiles": (scale * np.frombuffer(one["quantiles"], "<f8")).tobytes(),
                    "blocks": (scale * np.frombuffer(one["blocks"], "<f8")).tobytes(),
                }
            ).values()
        )


def reported(out: Path, given: argparse.Namespace) -> Iterator[str]:
    """Yield the parts of a report as they are done."""
    with open_run(out) as run:
        yield "read and hash"
        write_report(run, given.work / "report.html")
        yield "page"


def tabled(out: Path, _: argparse.Namespace) -> Iterator[str]:
    """Yield the parts of a table."""
    found = read_sweep(out)
    yield "read"
    found.frame()
    yield "frame"


def repeated(out: Path, given: argparse.Namespace) -> Iterator[str]:
    """Yield the call of a sweep that is complete."""
    sweep(plan_of(given), out, workers=1)
    yield "sweep"


def explained(out: Path, _: argparse.Namespace) -> Iterator[str]:
    """Yield the explanation of a die that was run."""
    explain(out, 0)
    yield "explain"


QUESTIONS: dict[str, Callable[[Path, argparse.Namespace], Iterator[str]]] = {
    "report": reported,
    "table": tabled,
    "same sweep": repeated,
    "explain": explained,
}


def asked(name: str, out: Path, given: argparse.Namespace) -> dict[str, float]:
    """Return what a question takes, in this process."""
    found, before = {}, time.process_time()
    for part in QUESTIONS[name](out, given):
        now = time.process_time()
        found[f"{part.replace(' ', '_')}_s"], before = now - before, now
    # macOS counts bytes, Linux KiB.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    return found | {"all_s": sum(found.values()), "memory_mib": peak}


def main() -> None:
    parser = study(__doc__, tech=False, required=True)
    parser.add_argument("model", type=Path)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--questions", nargs="*", choices=QUESTIONS, default=list(QUESTIONS))
    given = parsed(parser)
    fresh = multiprocessing.get_context("spawn")
    with fresh.Pool(1) as pool:
        out = pool.apply(store_of, (given,))
    answers = {}
    for name in given.questions:
        with fresh.Pool(1) as pool:
            answers[name] = pool.apply(asked, (name, out, given))
    show(
        {
            "machine": computer(),
            "rows": given.rows,
            "points": given.points,
            "bytes": out.stat().st_size,
            "questions": answers,
        }
    )


if __name__ == "__main__":
    main()
