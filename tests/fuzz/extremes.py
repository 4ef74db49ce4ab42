"""Documents and networks that are as they should be, at the ends of what they may hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml
from pydantic import ValidationError

from mru_hw.errors import UserError
from mru_hw.model.io import save_model
from mru_hw.model.memory import CELLS
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.stimulus import make_inputs, save_inputs
from tests.fuzz.draws import dumped, pick
from tests.networks import draw_tensors

_NAMES = (
    *(
        "",
        "a",
        "phi",
        "x1",
        "m1",
        "r",
        "v",
        "i",
        "q",
        "n0",
        "in",
        "out",
        "bias",
        "clock",
        "mru_chip",
    ),
    *("token", "temper", "time", "pi", "nan", "inf", "input", "head", "layer0", "_", "A" * 32),
)
_SCALES = (1.0, 1.0, 1.0, 1.0, 0.0, 1e-3, 1e-12, 1e-160, 1e-300, 5e-324, 30.0, 1e3, 1e12, 1e200)
_FRAMES = ("10 ms", "10 ms", "25 ms", "1 ms", "100 us", "1 us", "1 ps", "1e-30 s", "1 s", "1e6 s")


def write_network(draw: Random, model: Path, inputs: Path) -> str:
    """Write a network and inputs that may be read, and say what is extreme about them."""
    spec = None
    while spec is None:
        spec = _structure(draw)
    tensors: dict[str, Any] = draw_tensors(spec, draw.randrange(1 << 30))
    said = [f"{layer.cell} {layer.n_units}x{layer.levels} {layer.name}" for layer in spec.layers]
    for name, values in tensors.items():
        if name.endswith(("alpha", "beta", "delta")):
            tensors[name] = 0.4 + np.abs(values)
    for _ in range(pick(draw, (0, 1, 1, 2, 5))):
        name, scale = pick(draw, list(tensors)), pick(draw, _SCALES)
        if not name.endswith("initial_state"):
            tensors[name] = np.nan_to_num(tensors[name] * scale)  # of two scales beyond all floats
            said.append(f"{name} x {scale:g}")
    if draw.random() < 0.2:
        name, number = pick(draw, list(tensors)), pick(draw, (1e308, -1e308, 1e6, 0.0, 5e-324))
        if not name.endswith("initial_state"):
            tensors[name].reshape(-1)[0] = number
            said.append(f"{name}[0] = {number:g}")
    save_model(Model(spec=spec, tensors=tensors), model)
    rng = np.random.default_rng(draw.randrange(1 << 30))
    n_seq, n_time = pick(draw, (1, 2, 5)), pick(draw, (1, 2, 8))
    x, scale = rng.normal(size=(n_seq, n_time, spec.n_in)), pick(draw, _SCALES)
    y = rng.integers(0, spec.n_classes, n_seq)
    save_inputs(make_inputs(x * scale, rng.integers(1, n_time + 1, n_seq), y), inputs)
    return f"{', '.join(said)}, inputs x {scale:g}, {spec.frame_period:g} s, {spec.normalisation}"


def _structure(draw: Random) -> ModelSpec | None:
    """Return a structure that may be, or None."""
    n_in, n_hidden = pick(draw, (1, 2, 3)), pick(draw, (1, 2, 4))
    layers: list[dict[str, Any]] = []
    for _ in range(pick(draw, (1, 1, 2, 3))):
        cell = pick(draw, ("cmru", "cmru", "bmru", "fq_bmru"))
        bit = cell == "fq_bmru"
        skip = pick(draw, (0, 0, 1, "matrix"))
        width = layers[-1]["n_out"] if layers else n_hidden
        layers.append(
            {
                "name": pick(draw, _NAMES),
                "cell": cell,
                "n_units": pick(draw, (1, 2, 3)),
                "n_out": width if skip == 1 else pick(draw, (1, 2, 4)),
                "levels": pick(draw, (1, 1, 2, 2, 3, 40)) if cell == "cmru" else None,
                "threshold": "fixed" if bit else pick(draw, ("fixed", "fixed", "input")),
                "rectify_input": bit or draw.random() < 0.5,
                "rectify_candidate": bit or draw.random() < 0.2,
                "rectify_output": bit or draw.random() < 0.5,
                "skip": skip,
            }
        )
    document: dict[str, Any] = {
        "frame_period": pick(draw, _FRAMES),
        "n_in": n_in,
        "n_hidden": n_hidden,
        "n_classes": pick(draw, (1, 2, 3)),
        "layers": layers,
        "readout": pick(draw, ("mean", "vote", "last")),
    }
    if draw.random() < 0.3:
        document["normalisation"] = {
            "mean": [float(pick(draw, (0.0, 1.0, *_SCALES, -1e308)))] * n_in,
            "scale": [float(pick(draw, (1.0, 2.0, 5e-324, 1e-300, 1e300, 1e-9)))] * n_in,
        }
    try:
        return ModelSpec.model_validate(document)
    except (ValidationError, UserError):
        return None


def within(change: Callable[[Random, Any], str]) -> Callable[[Random, bytes], tuple[bytes, str]]:
    """Return a mutation of a YAML file by one of its document."""

    def mutate(draw: Random, data: bytes) -> tuple[bytes, str]:
        document = yaml.safe_load(data)
        said = ", ".join(change(draw, document) for _ in range(pick(draw, (1, 2, 3))))
        return dumped(document).encode(), said

    return mutate


_AXES: dict[str, tuple[Any, ...]] = {
    "die": (0, 1, 2**62 - 1),
    "mismatch_scale": (0, 5e-324, 1e-9, 1, 5, 10, 20),
    "process_scale": (0, 1e-300, 1, 3, 6),
    "gradient_scale": (0, 1e-300, 1, 10, 100),
    "noise_scale": (0, 5e-324, 1e-9, 1, 100, 1000),
    "corner": ("tt", "ff", "ss", "sf", "fs"),
    "temperature": (-40, 0, 27, 85, 85.5, 125),
    "v_dd": ("1.62 V", 1.8, "1.98 V", "1.7 V"),
    "perturbation": (0, 5e-324, 5, 100, 1000),
    "trim_bits": (0, 1, 4, 8, 12),
    "i_unit": ("1 nA", "3 nA", 3e-10, "1 pA", "1 uA"),
}
_PLAN: dict[str, tuple[Any, ...]] = {
    "n_dies": (1, 2, 3),
    "seed": (0, 1, 2**42 - 1),
    "chunk": (1, 2, 2**31, 2**62),
    "level": ("ideal", "behavioral", "spice"),
    "tech": ("generic180", "sky130"),
    "sequences": (":", "0:1", "1:", ":2"),
}


def plan_within(draw: Random, plan: Any) -> str:
    """Set a key or an axis of a plan to something that may stand there."""
    if draw.random() < 0.3:
        key = pick(draw, list(_PLAN))
        plan[key] = pick(draw, _PLAN[key])
        return f"{key} = {plan[key]}"
    axis = pick(draw, list(_AXES))
    values = draw.sample(_AXES[axis], pick(draw, (1, 1, 2)))
    kept = [other for other in plan["axes"] if other["axis"] != axis]
    plan["axes"] = [*kept, {"axis": axis, "values": values}]
    return f"{axis} = {values}"


_TRAINING: dict[str, tuple[Any, ...]] = {
    "batch_size": (1, 7, 1_000_000),
    "learning_rate": (1e-300, 1e-6, 1.0, 10),
    "weight_decay": (0, 1.0, 10),
    "warm_up": (0, 0.5, 0.999999),
    "gradient_limit": (1e-12, 1e12),
    "weight_limit": (5e-324, 1e-9, 1e-3, 1e3, 1e9),
    "activity": (1e-300, 1.0, 1e12),
    "initial_gain": (5e-324, 1e-9, 100),
    "learn_beta": (True,),
    "learn_alpha": (True,),
    "anneal": (0, 0.5, 1),
    "checkpoint_epochs": (1, 100_000),
    "epochs": (1, 2, 3),
}
_NOISE: dict[str, tuple[Any, ...]] = {
    "weight": (0, 1),
    "rounding": (0, 1),
    "candidate": (0, 10),
    "warp": (0, 0.5, 0.999999),
    "offset": (0, 10),
    "feature": (0, 10),
}


def config_within(draw: Random, config: Any) -> str:
    """Set a key of a training to something that may stand there."""
    way = draw.random()
    if way < 0.5:
        at, choices = config["training"], _TRAINING
    elif way < 0.7:
        at, choices = config["training"]["noise"], _NOISE
    elif way < 0.8:
        config["precision"] = pick(draw, ("float32", "float64"))
        config["seed"] = pick(draw, (0, 2**63 - 1))
        return f"{config['precision']}, seed {config['seed']}"
    elif way < 0.9:
        config["frame_period"] = pick(draw, _FRAMES)
        return f"frame_period {config['frame_period']}"
    else:
        layer = pick(draw, config["network"]["layers"])
        layer |= {"cell": pick(draw, list(CELLS)), "levels": None}
        layer |= {"skip": pick(draw, (0, "matrix")), "threshold": pick(draw, ("fixed", "input"))}
        config["network"]["initial_levels"] = None
        return f"{layer}"
    key = pick(draw, list(choices))
    at[key] = pick(draw, choices[key])
    return f"{key} = {at[key]}"
