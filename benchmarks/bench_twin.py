"""The differentiable twin beside the settled behavioral level, and what an epoch with it costs.

``python -m benchmarks.bench_twin [MODEL INPUTS]`` prints JSON. First for a CMRU, a BMRU and an
FQ-BMRU network in both technologies, at eight conditions each (corner, temperature, supply, scale
of the mismatch; one die): the share of decisions alike, the largest difference of outputs over
the largest output, and of the energies of sequences, relative; in float32, as training computes,
and in float64. Then the processor seconds of a forward and backward pass, of a mapping and of a
compiled die, on the network of MODEL (that of the demo, say) and 64 sequences of INPUTS: an epoch
is as many of them as there are batches.
"""

from __future__ import annotations

import os

# Before numpy loads.
os.environ["OMP_NUM_THREADS"] = "1"

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.study import computer, show
from mru_hw.mapping import map_model
from mru_hw.model.io import load_model
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, load_inputs, make_inputs
from mru_hw.training.network import MemoryNetwork, decide
from mru_hw.twin.parameters import Straight
from mru_hw.twin.walk import TwinRun
from mru_hw.variation import draw_die

CONDITIONS = (
    ("tt", 27.0, 1.0, 0.0),
    ("tt", 27.0, 1.0, 1.0),
    ("tt", 27.0, 1.0, 4.0),
    ("ff", 85.0, 1.1, 1.0),
    ("ss", 0.0, 0.9, 1.0),
    ("sf", 27.0, 1.0, 1.0),
    ("fs", 85.0, 1.0, 1.0),
    ("tt", 85.0, 1.0, 0.0),
)
"""Corner, temperature [degC], supply over the nominal one, scale of the mismatch."""
CELLS: dict[str, dict[str, Any]] = {
    "cmru": {"levels": 2},
    "bmru": {},
    "fq_bmru": {"rectify_candidate": True},
}
TYPES = {"float64": torch.float64, "float32": torch.float32}
N_SEQ, N_TIME, BATCH = 100, 40, 64


def network(cell: str) -> Model:
    """Draw a 2 x 8 network."""
    layer = {"cell": cell, "n_units": 8, "n_out": 8, "rectify_input": True, "rectify_output": True}
    sizes = {"frame_period": "25 ms", "n_in": 8, "n_hidden": 8, "n_classes": 6}
    spec = ModelSpec.model_validate(sizes | {"layers": [layer | CELLS[cell]] * 2})
    rng, tensors = np.random.default_rng(1), {}
    for name, shape in spec.tensor_shapes().items():
        tensors[name] = rng.normal(size=shape) * 0.7
        if name.endswith((".beta", ".delta", ".alpha")):
            tensors[name] = rng.uniform(0.5, 1.0, shape)
        if name.endswith("initial_state"):
            tensors[name] = np.full(shape, -1.0 if cell == "bmru" else 0.0)
    return Model(spec=spec, tensors=tensors)


def sequences(n_in: int) -> Inputs:
    """Draw sequences of several lengths."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(N_SEQ, N_TIME, n_in))
    return make_inputs(x, rng.integers(N_TIME // 2, N_TIME + 1, N_SEQ))


def twin_of(
    chip: Chip, inputs: Inputs, condition: tuple[str, float, float, float], name: str
) -> dict[str, float]:
    """Compare one die at one condition."""
    corner, temperature, share, scale = condition
    design, v_dd = chip.design, share * chip.design.technology.v_dd
    constants = chip.calibration.at(
        v_dd, temperature=temperature, corner=corner, loops_only=design.loops_only
    )
    die = draw_die(design, 3, scale=scale)
    reference = simulate_behavioral(
        design, constants, inputs, [die], temperature=temperature, v_dd=v_dd
    )
    tensors = {k: torch.tensor(v, dtype=TYPES[name]) for k, v in chip.model.tensors.items()}
    x = MemoryNetwork(chip.model.spec).double().normalise(torch.from_numpy(inputs.x))
    run = TwinRun(
        compile_die(design, constants, die, temperature=temperature, dtype=name),
        Straight(design, tensors),
        x.permute(2, 1, 0).to(TYPES[name]).contiguous(),
        v_dd=v_dd,
        supply=True,
    )
    lengths = torch.from_numpy(inputs.lengths)
    output = run.output.permute(2, 1, 0)
    known = reference.trace.output
    assert known is not None
    away = np.abs(output.numpy() - known[0])
    valid = torch.arange(x.shape[1])[:, None] < lengths
    drawn = torch.where(valid, run.current.double(), 0.0).sum(0).numpy()
    priced = drawn * v_dd * design.timing.frame / energy(reference.supply).total[0]
    decided = decide(output, lengths, chip.model.spec.readout).numpy()
    return {
        "decisions_alike": float(np.mean(decided == reference.trace.decision[0])),
        "output_largest_difference": float(np.nanmax(away) / np.nanmax(np.abs(known))),
        "energy_largest_difference": float(np.abs(priced - 1).max()),
    }


def seconds(do: Callable[[], object], repeats: int = 5) -> float:
    """Return the least processor time of a call [s]."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        do()
        found.append(time.process_time() - start)
    return min(found)


def costs(folder: str, file: str) -> dict[str, float]:
    """Time what a batch takes."""
    model = load_model(folder)
    inputs = load_inputs(file).take(slice(0, BATCH))
    chip = Chip(model)
    die = draw_die(chip.design, 3)
    software = MemoryNetwork(model.spec)
    software.load(model.tensors)
    tensors = software.state_dict(keep_vars=True)
    plain = software.normalise(torch.from_numpy(inputs.x))
    x = plain.permute(2, 1, 0).contiguous()

    def array() -> Any:
        return compile_die(chip.design, chip.calibration, die, temperature=27.0, dtype=np.float32)

    def passes(*, supply: bool) -> None:
        straight = Straight(chip.design, tensors)
        run = TwinRun(made, straight, x, v_dd=1.8, supply=supply)
        torch.autograd.backward(run.output.square().mean() + run.current.mean())

    made = array()
    return {
        "software": seconds(lambda: torch.autograd.backward(software(plain).output.sum())),
        "twin": seconds(lambda: passes(supply=False)),
        "twin_with_supply": seconds(lambda: passes(supply=True)),
        "mapping": seconds(lambda: map_model(model, chip.design.technology, chip.calibration)),
        "draw_and_compile": seconds(lambda: (draw_die(chip.design, 4), array())),
    }


def main() -> None:
    """Print everything."""
    torch.set_num_threads(1)
    table = []
    for cell in CELLS:
        model = network(cell)
        inputs = sequences(model.spec.n_in)
        for tech in ("generic180", "sky130"):
            chip = Chip(model, tech)
            for condition in CONDITIONS:
                for name in TYPES:
                    row = {"cell": cell, "tech": tech, "condition": condition, "type": name}
                    table.append(row | twin_of(chip, inputs, condition, name))
    found: dict[str, object] = {"machine": computer(), "twin": table}
    if len(sys.argv) > 2:
        found["seconds_a_batch"] = costs(*sys.argv[1:3])
    show(found)


if __name__ == "__main__":
    main()
