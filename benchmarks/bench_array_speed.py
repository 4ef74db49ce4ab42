"""How fast the array levels run beside the matrix products that they cannot do without.

``python benchmarks/bench_array_speed.py`` prints JSON. One thread; 100 dies with weights of
their own, 300 sequences of 40 steps, 2 layers of 16 CMRU units, 13 inputs, float32 but where it is
said; *ragged* sequences have a quarter of the steps to all, and their figures count the steps that
they have: what padding costs is in the ratio. The products and every level take turns within one
run; times are those of this process, so that another's load counts for little. A unit-step is one
unit of one layer at one step of one sequence on one die. ``--first`` times the first call of a new
process instead, with an empty cache of machine code and with a filled one, without and with noise.
"""

from __future__ import annotations

import os

# Before numpy loads.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import numpy as np
from numpy.typing import DTypeLike

from benchmarks.study import computer, parsed, show, study
from mru_hw.lab.array_job import Case, Job, make_case, products
from mru_hw.model.network import Model
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology


def ideal(model: Model, inputs: Inputs) -> Job:
    return partial(simulate_ideal, model, inputs, dtype=np.float32, keep="decisions")


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


def measure(case: Case, repeats: int) -> dict[str, object]:
    """Time the products and every level in turns; medians, minima and maxima in seconds."""
    model, inputs = make_case(case)
    jobs = {"products": products(model, inputs)}
    jobs |= {name: prepare(model, inputs) for name, prepare in LEVELS.items()}
    cut = ragged(inputs)
    jobs |= {name: prepare(model, cut) for name, prepare in RAGGED.items()}
    # Which part of the case's steps a level has.
    share = dict.fromkeys(jobs, 1.0) | dict.fromkeys(RAGGED, cut.lengths.mean() / case.steps)
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(repeats):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            seconds[name].append(time.process_time() - start)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "case": asdict(case) | {"dtype": "float32", "unit_steps": case.unit_steps},
        "machine": computer() | {"threads": "1", "blas": f"{blas['name']} {blas['version']}"},
        "repeats": repeats,
        "results": {
            name: {
                "seconds_median": median[name],
                "seconds_min": min(values),
                "seconds_max": max(values),
                "unit_steps_per_s": case.unit_steps * share[name] / median[name],
                "ratio_to_products": median[name] / median["products"] / share[name],
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


def first_calls() -> dict[str, object]:
    """Time the kernel's first call in new processes: what it compiles, and what it reads."""
    found: dict[str, object] = {"machine": computer()}
    for level in ("numba", "numba, with noise"):
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
        found[level] = {"compiled_s": seconds[0], "cached_s": min(seconds[1:])}
    return found


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("--repeats", type=int, default=9)
    for name in ("dies", "sequences", "steps"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Case(), name))
    parser.add_argument("--first", action="store_true", help="time first calls instead")
    given = parsed(parser)
    case = Case(dies=given.dies, sequences=given.sequences, steps=given.steps)
    show(first_calls() if given.first else measure(case, given.repeats))


if __name__ == "__main__":
    main()
