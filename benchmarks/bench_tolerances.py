"""Default and tight tolerances of ngspice on the first-quadrant network, sequence by sequence.

What tight tolerances cost, the bits that the default ones decide otherwise, and how many bits of
the array (settled and timed) differ from either; beside it what the supply and what the inputs
deliver, in the array and in ngspice. The network is that of `bench_first_quadrant.py`, its
sequences the test recordings of two digits one after another, cut at 101 frames.

    python benchmarks/bench_tolerances.py --work DIR [--tech T] [--frame "10 ms"] [--sequences 2]

DIR keeps the trained network. The two tolerances run one after the other on each sequence, so
their ratio stands on the same machine in the same minutes.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import answer, parsed, study
from mru_hw.errors import RunStatus
from mru_hw.lab.first_quadrant import strung, trained
from mru_hw.model.network import Model
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip, Run, run_level
from mru_hw.spice.options import Tolerances
from mru_hw.stimulus import Inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.units import parse


def network(work: Path, frame: str) -> tuple[Model, Inputs]:
    """The trained first-quadrant network on frames of another length, and its test recordings."""
    found = trained(work)
    spec = found.model.spec.model_copy(update={"frame_period": parse(frame, "s", "--frame")})
    return replace(found.model, spec=spec), found.test


def bits(run: Run, alphas: list[Any]) -> Any:
    """The units' bits at the frames' ends, one after the other."""
    states = zip(run.trace.states or (), alphas, strict=True)
    return np.concatenate([(layer > alpha / 2).ravel() for layer, alpha in states])


def both(chip: Chip, inputs: Inputs) -> dict[str, Any]:
    """Run one sequence in ngspice at both tolerances and in the array, settled and timed."""
    conditions = nominal_conditions(chip.design.technology)
    runs = {
        str(closely): run_level(
            chip, inputs, level="spice", conditions=conditions, tolerances=closely
        )
        for closely in Tolerances
    }
    for timing in ("settled", "timed"):
        runs[timing] = run_level(
            chip, inputs, level="behavioral", conditions=conditions, timing=timing
        )
    alphas = [chip.mapped.tensors[f"layers.{k}.alpha"] for k in range(len(chip.model.spec.layers))]
    found = {name: bits(run, alphas) for name, run in runs.items()}
    seconds = float(inputs.lengths[0]) * chip.model.spec.frame_period
    result: dict[str, Any] = {"frames": int(inputs.lengths[0]), "bits": len(found["tight"])}
    for one, other in (
        ("default", "tight"),
        ("settled", "default"),
        ("settled", "tight"),
        ("timed", "default"),
        ("timed", "tight"),
    ):
        result[f"unlike_{one}_{other}"] = int(np.sum(found[one] != found[other]))
    for name, run in runs.items():
        joules = run.trace.energy_J if run.supply is None else energy(run.supply).total
        assert joules is not None
        row = {"power_W": float(joules[0]) / seconds}
        row["input_power_W"] = float(run.input_energy[0]) / seconds
        if run.endings is not None:
            (ending,) = run.endings
            assert ending.status is RunStatus.DONE
            row["core_seconds"] = ending.core_seconds
        result[name] = row
    result["cost"] = result["tight"]["core_seconds"] / result["default"]["core_seconds"]
    return result


def main() -> None:
    parser = study(__doc__, required=True)
    parser.add_argument("--frame", default="10 ms")
    parser.add_argument("--sequences", type=int, default=2)
    given = parsed(parser)
    model, test = network(given.work, given.frame)
    chip = Chip(model, load_technology(given.tech))
    sequences = strung(test, given.sequences)
    rows = []
    for row in range(sequences.n_seq):
        rows.append(both(chip, sequences.take(slice(row, row + 1))))
        print(f"{row}: {rows[-1]['cost']:.2f} times", file=sys.stderr)
    sums = {
        name: sum(row[name] for row in rows)
        for name in rows[0]
        if name == "bits" or name.startswith("unlike_")
    }
    result = {
        "tech": given.tech,
        "frame_period_s": model.spec.frame_period,
        "sequences": rows,
        "sums": sums | {"cost_median": float(np.median([row["cost"] for row in rows]))},
    }
    answer(result)


if __name__ == "__main__":
    main()
