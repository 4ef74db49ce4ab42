"""A thousand dies: the distribution of accuracy and energy, and how long it takes.

``python benchmarks/bench_thousand_dies.py`` prints JSON. The network and the sequences are those
of ``mru-hw demo`` (--demo names its folder, ``demo-out`` by default), 2 x 16 units and 300
sequences, level behavioral, mismatch as the process has it, no device noise. Without them it says
so and measures nothing. Each number of workers of --workers is timed on a fresh store; their
results are compared bit by bit. Start-up of the worker processes and SQLite are part of the time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import parsed, show, study
from mru_hw.report.summary import sweep_summary
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.versions import machine, versions
from mru_hw.sweeps.view import open_run


def distribution(values: Any) -> dict[str, float]:
    """Return mean, spread and percentiles."""
    found = {"mean": float(values.mean()), "std": float(values.std())}
    for percentile in (0, 1, 10, 50, 90, 99, 100):
        found[f"p{percentile}"] = float(np.percentile(values, percentile))
    return found


def measure(folder: Path, dies: int, workers: list[int]) -> dict[str, Any]:
    keys: dict[str, Any] = {"model": "model", "inputs": "inputs.npz", "n_dies": dies}
    plan = Plan.model_validate(keys)
    timed, digests = [], set()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for count in workers:
            store = Path(scratch) / f"{count}.sqlite"
            outcome = run_sweep({"sweep": plan}, folder, store, workers=count)
            digests.add(outcome.digest)
            with open_run(store) as run:
                base = run.base
                energies = run.energies(base)
                result = {
                    "sequences": run.n_sequences,
                    "frames": int(run.frames.sum()),
                    "references": run.references,
                    "accuracy": distribution(base.accuracy),
                    "energy_per_sequence_J": distribution(energies),
                    "power_of_a_die_W": distribution(base.power),
                    "blocks_J": base.blocks,
                    "failed": {status.name: n for status, n in run.failed().items()},
                    "summary": sweep_summary(run)["accuracy"],
                }
                seconds = {
                    "workers": count,
                    "wall": outcome.seconds,
                    "in_workers": base.seconds,
                    "dies_per_s": dies / outcome.seconds,
                    "store_bytes": store.stat().st_size,
                }
            timed.append(seconds)
    return {
        "dies": dies,
        "seconds": timed,
        "same_bits": len(digests) == 1,
        "digest": sorted(digests),
        "result": result,
        "machine": machine(),
        "versions": versions(),
    }


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("--demo", type=Path, default=Path("demo-out"))
    parser.add_argument("--dies", type=int, default=1000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    given = parsed(parser)
    if not (given.demo / "model").is_dir():
        show({"skipped": f"no model in {given.demo}: run mru-hw demo first"})
        return
    show(measure(given.demo, given.dies, given.workers))


if __name__ == "__main__":
    main()
