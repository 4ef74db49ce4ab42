"""How fast the array levels run beside the matrix products that they cannot do without.

``python benchmarks/bench_array_speed.py`` prints JSON. One thread; 100 dies with weights of their
own, 300 sequences of 40 steps, 2 layers of 16 CMRU units, 13 inputs, float32 but where it is said;
*ragged* sequences have a quarter of the steps to all, and their figures count the steps that they
have: what padding costs is in the ratio. The products and every level take turns within one run;
times are those of this process, so that another's load counts for little. A unit-step is one unit
of one layer at one step of one sequence on one die. Torch, torch.compile and JAX run the arithmetic
of the level ``ideal`` (`benchmarks.array_peers`), and torch the twin of the behavioral level,
without gradients, on one chip of the same size. ``--only`` takes some rows. ``--first`` times the
first call of a new process instead, with an empty cache of machine code and with a filled one;
``--growth`` how time grows with dies, sequences, frames, units and layers, as exponents of fitted
powers.
"""

from __future__ import annotations

import os

# Before numpy loads.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np
from numpy.typing import DTypeLike

from benchmarks.array_peers import ONE_DIE, peers
from benchmarks.study import computer, parsed, show, study
from mru_hw.lab.array_job import Case, Job, make_case, products
from mru_hw.model.network import Model
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology


def ideal(
    model: Model, inputs: Inputs, *, kernel: str = "numba", dtype: DTypeLike = np.float32
) -> Job:
    return partial(simulate_ideal, model, inputs, dtype=dtype, keep="decisions", kernel=kernel)


def behavioral(
    model: Model,
    inputs: Inputs,
    *,
    kernel: str,
    noise: bool = False,
    dtype: DTypeLike = np.float32,
    temperature: float = 27.0,
    tech: str = "generic180",
) -> Job:
    """Dies of one mapped network: each has matrices of its own, made within the job."""
    first = {name: values[0].astype(np.float64) for name, values in model.tensors.items()}
    chip = Chip(Model(spec=model.spec, tensors=first), load_technology(tech))
    dies = [chip.die(seed) for seed in range(len(model.tensors["head.bias"]))]
    return partial(
        simulate_behavioral,
        chip.design,
        chip.calibration,
        inputs,
        dies,
        temperature=temperature,
        noise=NoiseRun(seed=1) if noise else None,
        dtype=dtype,
        keep_all=False,
        kernel=kernel,
    )


# A level joins the comparison with one line here: a function that prepares its job.
LEVELS: dict[str, Callable[[Model, Inputs], Job]] = {
    "ideal": ideal,
    "ideal, float64": partial(ideal, dtype=np.float64),
    "ideal, numpy": partial(ideal, kernel="numpy"),
    "numba": partial(behavioral, kernel="numba"),
    "numba, float64": partial(behavioral, kernel="numba", dtype=np.float64),
    "numba, 85 degC": partial(behavioral, kernel="numba", temperature=85.0),
    "numba, sky130": partial(behavioral, kernel="numba", tech="sky130"),
    "numba, with noise": partial(behavioral, kernel="numba", noise=True),
    "numba, with noise, float64": partial(behavioral, kernel="numba", noise=True, dtype=np.float64),
    "numpy": partial(behavioral, kernel="numpy"),
    "numpy, float64": partial(behavioral, kernel="numpy", dtype=np.float64),
    "numpy, with noise": partial(behavioral, kernel="numpy", noise=True),
}


RAGGED: dict[str, Callable[[Model, Inputs], Job]] = {
    f"{name}, ragged": LEVELS[name] for name in ("numba", "numba, with noise")
}
"""Levels on sequences of unlike length."""


def ragged(inputs: Inputs) -> Inputs:
    """Cut sequences to a quarter of their steps to all, drawn alike."""
    n_seq, steps = inputs.x.shape[:2]
    lengths = np.random.default_rng(1).integers(steps // 4, steps + 1, n_seq)
    return make_inputs(inputs.x, lengths)


def timed(jobs: Mapping[str, Job], repeats: int) -> dict[str, list[float]]:
    """Run jobs in turns; the first time of each is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(repeats):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            seconds[name].append(time.process_time() - start)
    return seconds


GROWTH: dict[str, tuple[int, ...]] = {
    "dies": (8, 16, 32, 64),
    "sequences": (64, 128, 256, 512),
    "steps": (10, 20, 40, 80),
    "units": (8, 16, 32, 64),
    "layers": (1, 2, 4, 8),
}
GROWING = ("ideal", "numba")


def growth(repeats: int) -> dict[str, object]:
    """Fit powers of each size to the levels' times; the other sizes are 8 dies x 256 x 40, 2 x 16.

    Behavioral networks stop at 32 units and 4 layers.
    """
    found: dict[str, object] = {}
    for size, values in GROWTH.items():
        rows: dict[str, list[float]] = {name: [] for name in GROWING}
        for value in values:
            case = replace(Case(dies=8, sequences=256, steps=40), **{size: value})
            model, inputs = make_case(case)
            names = GROWING[: 1 if case.units > 32 or case.layers > 4 else 2]
            jobs = {name: LEVELS[name](model, inputs) for name in names}
            for name, seconds in timed(jobs, repeats).items():
                rows[name].append(statistics.median(seconds))
        found[size] = {
            name: {
                "seconds": dict(zip(values, seconds, strict=False)),
                "exponent": float(
                    np.polyfit(np.log(values[: len(seconds)]), np.log(seconds), 1)[0]
                ),
            }
            for name, seconds in rows.items()
        }
    return {"machine": computer(), "repeats": repeats, "growth": found}


def measure(case: Case, repeats: int, only: Sequence[str]) -> dict[str, object]:
    """Time the products and every level in turns; medians, minima and maxima in seconds."""
    model, inputs = make_case(case)
    jobs = {"products": products(model, inputs)}
    jobs |= {name: prepare(model, inputs) for name, prepare in LEVELS.items()}
    cut = ragged(inputs)
    jobs |= {name: prepare(model, cut) for name, prepare in RAGGED.items()}
    beside, absent = peers(model, inputs)
    jobs |= beside
    jobs = {name: job for name, job in jobs.items() if not only or name in {*only, "products"}}
    seconds = timed(jobs, repeats)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    share = {ONE_DIE: 1 / case.dies} | dict.fromkeys(RAGGED, cut.lengths.mean() / case.steps)
    steps = {name: case.unit_steps * share.get(name, 1.0) for name in seconds}
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "case": asdict(case) | {"dtype": "float32", "unit_steps": case.unit_steps},
        "machine": computer() | {"threads": "1", "blas": f"{blas['name']} {blas['version']}"},
        "repeats": repeats,
        "absent": absent,
        "results": {
            name: {
                "seconds_median": median[name],
                "seconds_min": min(values),
                "seconds_max": max(values),
                "unit_steps_per_s": steps[name] / median[name],
                "ratio_to_products": median[name]
                / median["products"]
                * (case.unit_steps / steps[name]),
            }
            for name, values in seconds.items()
        },
    }


_FIRST = """
import sys, time
from benchmarks.bench_array_speed import LEVELS, Case, make_case
job = LEVELS[sys.argv[1]](*make_case(Case(dies=1, sequences=64)))
start = time.process_time()
job()
print(time.process_time() - start)
"""


def first_calls(level: str) -> dict[str, float]:
    """Time a kernel's first call in new processes: what it compiles, and what it reads."""
    with tempfile.TemporaryDirectory() as cache:
        seconds = []
        for _ in range(3):
            done = subprocess.run(
                [sys.executable, "-c", _FIRST, level],
                env=os.environ | {"XDG_CACHE_HOME": cache},
                capture_output=True,
                text=True,
                check=True,
            )
            seconds.append(float(done.stdout))
    return {"compiled_s": seconds[0], "cached_s": min(seconds[1:])}


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("--repeats", type=int, default=9)
    for name in ("dies", "sequences", "steps"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Case(), name))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--first", action="store_true", help="time first calls instead")
    parser.add_argument("--growth", action="store_true", help="fit exponents instead")
    given = parsed(parser)
    case = Case(dies=given.dies, sequences=given.sequences, steps=given.steps)
    if given.first:
        show(
            {name: first_calls(name) for name in (*GROWING, "numba, with noise")}
            | {"machine": computer()}
        )
    elif given.growth:
        show(growth(given.repeats))
    else:
        show(measure(case, given.repeats, given.only))


if __name__ == "__main__":
    main()
