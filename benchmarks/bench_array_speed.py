"""How fast the array levels run beside the matrix products that they cannot do without.

``python benchmarks/bench_array_speed.py`` prints JSON. One thread; 100 dies with weights of
their own, 300 sequences of 40 steps, 2 layers of 16 CMRU units, 13 inputs, float32. The products
and every level take turns within one run. A unit-step is one unit of one layer at one step of one
sequence on one die.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import computer, parsed, show, study
from mru_hw.model.memory import CMRU
from mru_hw.model.network import Model
from mru_hw.model.structure import LayerSpec, ModelSpec
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology


@dataclass(frozen=True, kw_only=True)
class Case:
    """The size of the job."""

    dies: int = 100
    sequences: int = 300
    steps: int = 40
    layers: int = 2
    units: int = 16
    n_in: int = 13
    classes: int = 10

    @property
    def unit_steps(self) -> int:
        return self.dies * self.sequences * self.steps * self.layers * self.units


Job = Callable[[], object]


def ideal(model: Model, inputs: Inputs) -> Job:
    return partial(simulate_ideal, model, inputs, dtype=np.float32, keep="decisions")


def behavioral(model: Model, inputs: Inputs, *, noise: bool) -> Job:
    """Dies of one mapped network: each has matrices of its own, made within the job."""
    first = {name: values[0].astype(np.float64) for name, values in model.tensors.items()}
    chip = Chip(Model(spec=model.spec, tensors=first), load_technology("generic180"))
    dies = [chip.die(seed) for seed in range(len(model.tensors["head.bias"]))]
    return partial(
        simulate_behavioral,
        chip.design,
        chip.calibration,
        inputs,
        dies,
        noise=NoiseRun(seed=1) if noise else None,
        dtype=np.float32,
        keep_all=False,
    )


# A level joins the comparison with one line here: a function that prepares its job.
LEVELS: dict[str, Callable[[Model, Inputs], Job]] = {
    "ideal": ideal,
    "behavioral": partial(behavioral, noise=False),
    "behavioral with noise": partial(behavioral, noise=True),
}


def make_case(case: Case, seed: int = 0) -> tuple[Model, Inputs]:
    """Draw a network with distinct weights for each die, scaled so that its states move."""
    rng = np.random.default_rng(seed)
    layer = LayerSpec(cell=CMRU, n_units=case.units, n_out=case.units, levels=2, skip=1)
    spec = ModelSpec(
        frame_period=0.025,
        n_in=case.n_in,
        n_hidden=case.units,
        n_classes=case.classes,
        layers=(layer,) * case.layers,
    )
    tensors = {}
    for name, shape in spec.tensor_shapes().items():
        drawn = rng.normal(size=(case.dies, *shape)) / np.sqrt(shape[-1])
        if name.endswith((".alpha", ".beta")):
            # Currents within a technology's range.
            drawn = rng.uniform(0.5, 1.0, drawn.shape)
        tensors[name] = np.zeros_like(drawn) if name.endswith("initial_state") else drawn
    x = rng.normal(size=(case.sequences, case.steps, case.n_in))
    # float32 beforehand: the conversion is no part of the job.
    narrow = {name: values.astype(np.float32) for name, values in tensors.items()}
    return Model(spec=spec, tensors=narrow), make_inputs(x)


def products(model: Model, inputs: Inputs) -> Job:
    """Only the matrix products of `simulate_ideal`, one call a die, into arrays used again."""
    spec = model.spec
    x = np.ascontiguousarray(inputs.x.transpose(2, 1, 0), np.float32).reshape(spec.n_in, -1)
    names = [n for n, shape in spec.tensor_shapes().items() if len(shape) == 2]
    weights = [model.tensors[name] for name in names]
    n_die, columns = len(weights[0]), x.shape[1]
    buffers = {w.shape[1]: np.zeros((w.shape[1], columns), np.float32) for w in weights}
    inner: NDArray[np.float32] = np.ones((spec.n_hidden, columns), np.float32)

    def run() -> None:
        for die in range(n_die):
            for weight in weights:
                given = x if weight.shape[2] == spec.n_in else inner
                np.matmul(weight[die], given, out=buffers[weight.shape[1]])

    return run


def measure(case: Case, repeats: int) -> dict[str, object]:
    """Time the products and every level in turns; medians, minima and maxima in seconds."""
    model, inputs = make_case(case)
    jobs = {"products": products(model, inputs)}
    jobs |= {name: prepare(model, inputs) for name, prepare in LEVELS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(repeats):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - start)
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
                "unit_steps_per_s": case.unit_steps / median[name],
                "ratio_to_products": median[name] / median["products"],
            }
            for name, values in seconds.items()
        },
    }


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--dies", type=int, default=Case.dies)
    given = parsed(parser)
    show(measure(Case(dies=given.dies), given.repeats))


if __name__ == "__main__":
    main()
