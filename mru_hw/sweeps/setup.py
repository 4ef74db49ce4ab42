"""What one run is made of before its die is drawn, which is what the axes of a sweep change."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from mru_hw.mapping.options import DesignOptions
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
    seed, trial
        What draws that are no die's are named by: the plan's seed, and the number of the draw
        among those of a point.
    """

    model: Model
    options: DesignOptions
    conditions: Conditions
    mismatch: float = 1.0
    process: float = 0.0
    gradient: float = 0.0
    noise: float = 0.0
    trim_bits: int = 0
    seed: int = 0
    trial: int = 0


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
