"""The job that array levels are timed at: dies with weights of their own; its bare products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.model.memory import CMRU
from mru_hw.model.network import Model
from mru_hw.model.structure import LayerSpec, ModelSpec
from mru_hw.stimulus import Inputs, make_inputs


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
        """One unit of one layer at one step of one sequence on one die, all counted."""
        return self.dies * self.sequences * self.steps * self.layers * self.units


Job = Callable[[], object]


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
