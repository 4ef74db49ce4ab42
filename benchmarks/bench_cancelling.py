"""Networks whose candidates are small differences of large currents, in ngspice and in software.

Trained weights seldom cancel. Here they do, on purpose: 2 x 8 CMRU units (K = 2, beta = 1), whose
inputs come in pairs of nearly equal currents, and each unit takes the two of a pair with nearly
opposite weights. A row of weights is scaled so that the currents of either sign behind the unit's
candidate, sum(|W| |v|), are 3 to 5 thresholds on average, a number drawn per unit, while most
candidates lie under one. Inputs move from frame to frame as a first-order process does, with
half of the frame before in each.

    python benchmarks/bench_cancelling.py [--seeds 0 1] [--tech T] [--sequences 3] [--frames 60]
        [--work DIR] [--corner C] [--temperature DEGC] [--vdd V]

`gross` and `net` are that sum and |c| over beta in the mapped network, per layer: mean, median and
the share of steps with |c| below beta. Everything else is as bench_spice_agreement.py has it. A
sequence that was run before, with the same deck, is read from --work.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.study import answer, asked_conditions, parsed, store_of, study
from mru_hw.lab.agreement import measure
from mru_hw.model.network import Array, Model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology

N_UNITS, CLASSES = 8, 4
PAIRS = N_UNITS // 2
GROSS = (3.0, 5.0)  # thresholds behind a candidate, mean over frames
APART = 0.7  # a pair's difference over its common part, in the input layer
UNEQUAL = 0.1  # relative, standard deviation: what the weights of a pair differ by
ALPHA = 0.5
LAYER = {"cell": "cmru", "n_units": N_UNITS, "n_out": N_UNITS, "levels": 2, "skip": 1}


def paired_inputs(rng: np.random.Generator, sequences: int, frames: int) -> Inputs:
    """Features 0 to 3 are the common parts of the pairs, 4 to 7 their differences."""
    drawn = rng.normal(size=(frames, sequences, 2 * PAIRS))
    x = np.zeros_like(drawn)
    for t in range(frames):
        x[t] = 0.5 * x[t - 1] + np.sqrt(0.75) * drawn[t] if t else drawn[t]
    return make_inputs(x.transpose(1, 0, 2))


def both_of_pairs(rng: np.random.Generator, shared: Array) -> Array:
    """Rows for the two of each pair: the same but for `UNEQUAL`, (2 pairs, n)."""
    rows = np.repeat(shared, 2, axis=0)
    return rows * (1 + UNEQUAL * rng.normal(size=rows.shape))


def cancelling_network(seed: int, inputs: Inputs) -> Model:
    """Draw a network; its rows of candidate weights are scaled on these inputs, layer by layer."""
    rng = np.random.default_rng((seed, 1))
    spec = ModelSpec.model_validate(
        {
            "frame_period": "25 ms",
            "n_in": inputs.x.shape[2],
            "n_hidden": N_UNITS,
            "n_classes": CLASSES,
            "layers": [LAYER, LAYER],
        }
    )
    tensors = {name: np.zeros(shape) for name, shape in spec.tensor_shapes().items()}
    common = np.repeat(np.eye(PAIRS), 2, axis=0)
    apart = np.repeat(np.eye(PAIRS), 2, axis=0) * np.tile([[0.5], [-0.5]], (PAIRS, 1))
    tensors["input.weight"] = np.concatenate([common, APART * apart], axis=1)
    signs = np.tile([1.0, -1.0], PAIRS)
    for i in range(2):
        p = f"layers.{i}."
        weights = rng.normal(size=(N_UNITS, PAIRS))
        tensors[p + "candidate.weight"] = both_of_pairs(rng, weights.T).T * signs
        tensors[p + "output.weight"] = both_of_pairs(
            rng, rng.normal(size=(PAIRS, N_UNITS)) / N_UNITS
        )
        tensors[p + "beta"], tensors[p + "alpha"] = np.ones(N_UNITS), np.full(N_UNITS, ALPHA)
    tensors["head.weight"] = rng.normal(size=(CLASSES, N_UNITS)) / N_UNITS
    model = Model(spec=spec, tensors=tensors)
    for i in range(2):
        gross = gross_currents(model, inputs)[i].mean(axis=(0, 1))
        tensors[f"layers.{i}.candidate.weight"] *= (rng.uniform(*GROSS, N_UNITS) / gross)[:, None]
    return model


def gross_currents(model: Model, inputs: Inputs) -> list[Array]:
    """Per layer sum(|W| |v|) + |b| over beta, (sequence, time, unit)."""
    t, states = model.tensors, simulate_ideal(model, inputs).states
    v = inputs.x @ t["input.weight"].T + t["input.bias"]
    found = []
    for i in range(len(model.spec.layers)):
        p = f"layers.{i}."
        gross = np.abs(v) @ np.abs(t[p + "candidate.weight"]).T + np.abs(t[p + "candidate.bias"])
        found.append(gross / np.abs(t[p + "beta"]))
        v = v + states[i] @ t[p + "output.weight"].T + t[p + "output.bias"]
    return found


def cancellation(model: Model, inputs: Inputs) -> list[dict[str, Any]]:
    """What a layer's candidates are made of."""
    candidates = simulate_ideal(model, inputs).candidates
    found = []
    for i, gross in enumerate(gross_currents(model, inputs)):
        net = np.abs(candidates[i]) / np.abs(model.tensors[f"layers.{i}.beta"])
        found.append(
            {
                "gross": {"mean": float(gross.mean()), "median": float(np.median(gross))},
                "net": {
                    "mean": float(net.mean()),
                    "median": float(np.median(net)),
                    "below_beta": float(np.mean(net < 1)),
                },
            }
        )
    return found


def main() -> None:
    parser = study(__doc__, conditions=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--sequences", type=int, default=3)
    parser.add_argument("--frames", type=int, default=60)
    given = parsed(parser)
    technology = load_technology(given.tech)
    conditions = asked_conditions(given, technology)
    networks = {}
    for seed in given.seeds:
        inputs = paired_inputs(np.random.default_rng((seed, 0)), given.sequences, given.frames)
        chip = Chip(cancelling_network(seed, inputs), technology)
        networks[seed] = {"cancellation": cancellation(chip.mapped, inputs)} | measure(
            chip, inputs, store_of(given), conditions
        )
    answer({"networks": networks})


if __name__ == "__main__":
    main()
