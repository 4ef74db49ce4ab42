"""What one run is made of before its die is drawn, which is what the axes of a sweep change."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mru_hw.errors import UserError
from mru_hw.mapping.options import DesignOptions
from mru_hw.model.check import checked_tensors
from mru_hw.model.network import Model
from mru_hw.technology.conditions import Conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The network, the choices of its mapping, the spread of its dies and what they are run at.

    Attributes
    ----------
    model
        The network that is mapped: as trained, or as an axis changed it.
    options
        The choices of its mapping.
    conditions
        Process corner, temperature [degC] and supply [V].
    mismatch, process, gradient, noise
        Factors on the sigmas of mismatch, of what all devices of a die share, of the threshold's
        slope across the die, and of the devices' noise; 0 is none.
    trim_bits
        Bits of the thresholds' trim DACs; 0 is a chip without them.
    reference
        Relative error of the current into the chip's reference pin.
    stuck
        Share of the memory cells that are stuck.
    seed, trial
        What draws that are no die's are named by: the plan's seed, and the number of the draw
        among those of a point.
    models
        Other networks, by what the plan calls them.
    tech
        Name of the technology; the plan's when None.
    level, timing
        Level of truth, and whether states move with their delays.
    """

    model: Model
    options: DesignOptions
    conditions: Conditions
    mismatch: float = 1.0
    process: float = 0.0
    gradient: float = 0.0
    noise: float = 0.0
    trim_bits: int = 0
    reference: float = 0.0
    stuck: float = 0.0
    seed: int = 0
    trial: int = 0
    models: Mapping[str, Model] = field(default_factory=dict)
    tech: str | None = None
    level: str = "behavioral"
    timing: str = "settled"


def perturbed(model: Model, percent: float, seed: int, trial: int) -> Model:
    """Return a network whose parameters are each times ``1 + N(0, (p/300)^2)``.

    The robustness protocol of arXiv 2605.15216. Initial states are no parameters. A trial draws
    the same normals at every p, each tensor from a stream of its own, named by the tensor.
    """
    if percent == 0:
        return model
    tensors = {}
    for name, values in model.tensors.items():
        changed = values
        if not name.endswith("initial_state"):
            stream = (zlib.crc32(b"perturbation"), trial, zlib.crc32(name.encode()))
            rng = np.random.Generator(
                np.random.Philox(np.random.SeedSequence(seed, spawn_key=stream))
            )
            changed = values * (1 + percent / 300 * rng.standard_normal(values.shape))
        tensors[name] = changed
    return Model(spec=model.spec, tensors=tensors)


def rounded(model: Model, kind: str, bits: int) -> Model:
    """Return a network whose tensors of a kind are whole multiples of a step.

    Parameters
    ----------
    kind
        How the names of the tensors end: ``.weight`` or ``.bias``.
    bits
        Each tensor's largest number is ``2^(bits - 1) - 1`` steps; 0 leaves all as they are.
    """
    if not bits:
        return model
    tensors = dict(model.tensors)
    for name, values in tensors.items():
        largest = float(np.abs(values).max()) if name.endswith(kind) and values.size else 0.0
        if largest:
            step = largest / (2 ** (bits - 1) - 1)
            tensors[name] = np.rint(values / step) * step
    return Model(spec=model.spec, tensors=tensors)


def with_frame(model: Model, seconds: float | None) -> Model:
    """Return a network whose frames come in another time; None leaves it as it is."""
    if seconds is None:
        return model
    spec = model.spec.model_copy(update={"frame_period": seconds})
    return Model(spec=spec, tensors=model.tensors)


def with_levels(model: Model, k: int | None) -> Model:
    """Return a network whose CMRU layers have the levels -k to k; None leaves it as it is.

    Raises
    ------
    UserError
        It has none, or a unit begins at a level beyond.
    """
    if k is None:
        return model
    layers = tuple(
        layer.model_copy(update={"levels": k}) if layer.cell.takes_levels else layer
        for layer in model.spec.layers
    )
    if layers == model.spec.layers and not any(layer.cell.takes_levels for layer in layers):
        raise UserError("k", k, "no such axis, for no layer of the network has levels")
    spec = model.spec.model_copy(update={"layers": layers})
    return Model(spec=spec, tensors=checked_tensors(spec, model.tensors, "k: "))
