"""How much of a trained network survives mapping and the behavioral cell laws.

``python benchmarks/bench_levels.py MODEL --inputs X.npz`` prints JSON: `ideal` against torch in
float64 on the weights mapped back (every step), `ideal` against the original weights, and the
nominal die of `behavioral` against `ideal`. Steps, not states, are compared: in a ladder one wrong
step shifts what follows.
"""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import torch

from benchmarks.study import parsed, show, study
from mru_hw.lab.levels import levels_of
from mru_hw.model.io import load_model
from mru_hw.model.network import Model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip, run_level
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs, load_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.training.network import decide, from_model
from mru_hw.training.scan import recur_loop
from mru_hw.version import __version__


def steps_alike(first: np.ndarray, second: np.ndarray) -> float:
    """Share of frames at which a unit's level changes alike."""
    moved = [np.diff(levels, axis=1, prepend=0.0) for levels in (first, second)]
    valid = ~np.isnan(moved[0])
    return float((moved[0] == moved[1])[valid].mean())


def torch_equal(model: Model, inputs: Inputs, trace: Trace) -> dict[str, object]:
    """Compare every state and decision with torch in float64, one step after the other."""
    network = from_model(model)
    for memory in network.memories:
        memory.recurrence = recur_loop
    with torch.no_grad():
        found = network(network.normalise(torch.from_numpy(inputs.x)))
    valid = inputs.valid()
    different = sum(
        int((layer.state.numpy()[valid] != state[valid]).sum())
        for layer, state in zip(found.layers, trace.states, strict=True)
    )
    decision = decide(found.output, torch.from_numpy(inputs.lengths), model.spec.readout)
    return {
        "states_compared": sum(int(state[valid].size) for state in trace.states),
        "different_states": different,
        "different_decisions": int((decision.numpy() != trace.decision).sum()),
    }


def compare(path: Path, inputs: Inputs) -> dict[str, object]:
    technology = load_technology("generic180")
    chip = Chip(load_model(path), technology)
    conditions = nominal_conditions(technology)
    software = simulate_ideal(chip.model, inputs)
    ideal = simulate_ideal(chip.mapped, inputs)
    behavioral = run_level(chip, inputs, level="behavioral", conditions=conditions).trace
    n_layers = len(chip.model.spec.layers)

    def accuracy(trace: Trace) -> float:
        return float(np.mean(trace.decision == inputs.y))

    def alike(first: Trace, second: Trace) -> float:
        return float(np.mean(first.decision == second.decision))

    def layers(model: Model, first: Trace, other: Model, second: Trace) -> list[float]:
        pairs = ((levels_of(model, first, i), levels_of(other, second, i)) for i in range(n_layers))
        return [steps_alike(a, b) for a, b in pairs]

    errors = []
    for i in range(n_layers):
        difference = behavioral.candidates[i] - ideal.candidates[i]
        rms = float(np.sqrt(np.nanmean(ideal.candidates[i] ** 2)))
        errors.append(
            {
                "rms": float(np.sqrt(np.nanmean(difference**2))),
                "median": float(np.nanmedian(np.abs(difference))),
                "rms_of_candidate": rms,
            }
        )
    return {
        "model": path.name,
        "accuracy": {
            "software": accuracy(software),
            "ideal": accuracy(ideal),
            "behavioral": accuracy(behavioral),
        },
        "ideal_against_torch_float64": torch_equal(chip.mapped, inputs, ideal),
        "ideal_against_original": {
            "decisions_alike": alike(software, ideal),
            "steps_alike": layers(chip.model, software, chip.mapped, ideal),
        },
        "behavioral_against_ideal": {
            "decisions_alike": alike(ideal, behavioral),
            "steps_alike": layers(chip.mapped, ideal, chip.mapped, behavioral),
            "candidate_error": errors,
        },
    }


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    parser.add_argument("--inputs", type=Path, default=Path("demo-out/inputs.npz"))
    given = parsed(parser)
    if not given.inputs.is_file():
        show({"skipped": f"{given.inputs} is missing: run make demo first"})
        return
    paths = given.models or [Path("demo-out/model"), Path("demo-out/model-spice")]
    inputs = load_inputs(given.inputs)
    found = {
        "versions": {"mru_hw": __version__, "torch": torch.__version__, "numpy": np.__version__},
        "machine": platform.processor() or platform.machine(),
        "sequences": inputs.n_seq,
        "models": [compare(path, inputs) for path in paths],
    }
    show(found)


if __name__ == "__main__":
    main()
