"""The first-quadrant network of the published size: FQ-BMRU units on the spoken digits 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mru_hw.lab.networks import ALL_RECTIFIED
from mru_hw.model.network import Model
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.stimulus.inputs import save_inputs

FRAMES, FRAME_PERIOD = 101, "10 ms"
LAYER = {"cell": "fq_bmru", "n_units": 4, "n_out": 4} | ALL_RECTIFIED
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstQuadrant:
    """The trained network, its accuracy by part of the data, and the test recordings."""

    model: Model
    accuracy: dict[str, float]
    test: Inputs


def trained(work: Path) -> FirstQuadrant:
    """Train the network into a folder, or read what an earlier call left there."""
    from mru_hw.training.config import TrainConfig
    from mru_hw.training.digits import split_rows
    from mru_hw.training.run import train

    data = two_digits()
    work.mkdir(parents=True, exist_ok=True)
    save_inputs(data, work / "two-digits.npz")
    found = train(TrainConfig.model_validate(CONFIG), work / "model", folder=work)
    return FirstQuadrant(
        model=found.model, accuracy=dict(found.accuracy), test=split_rows(data).test
    )


def two_digits() -> Inputs:
    """Return the recordings of 0 and 1, in their own order."""
    from mru_hw.training.digits import load_digits

    digits = load_digits()
    assert digits.y is not None
    return digits.take(np.flatnonzero(np.isin(digits.y, (0, 1))))


def strung(test: Inputs, count: int) -> Inputs:
    """Return sequences of 101 frames, cut from the test recordings one after another."""
    frames = np.concatenate([x[:n] for x, n in zip(test.x, test.lengths, strict=True)])
    return make_inputs(frames[: count * FRAMES].reshape(count, FRAMES, -1))
