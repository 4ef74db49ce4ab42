"""What software makes of given states: each layer judged by itself, whatever the one before did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.model.network import Model

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalLayer:
    """A layer's candidates and thresholds, in the network's own units.

    Attributes
    ----------
    candidate
        (n_time, n_units).
    beta
        (n_units,), or (n_time, n_units) where it comes from the input: ``|W_b u_t + b_b|``.
    threshold
        ``W_b u_t + b_b``, (n_time, n_units), with its sign; None where beta is fixed.
    """

    candidate: Array
    beta: Array
    threshold: Array | None = None


def local_layers(mapped: Model, frames: Array, states: Sequence[Array]) -> list[LocalLayer]:
    """Return what each layer would see if software read given states of the layers before it.

    Parameters
    ----------
    mapped
        The network that the design amounts to.
    frames
        (n_time, n_in) normalised inputs.
    states
        Per layer h, (n_time, n_units): the circuit's, say.
    """
    t: Mapping[str, NDArray[Any]] = mapped.tensors
    v: Array = frames @ t["input.weight"].T + t["input.bias"]
    found = []
    for i, (layer, h) in enumerate(zip(mapped.spec.layers, states, strict=True)):
        p = f"layers.{i}."
        u = np.maximum(v, 0) if layer.rectify_input else v
        c: Array = u @ t[p + "candidate.weight"].T + t[p + "candidate.bias"]
        c = np.maximum(c, 0) if layer.rectify_candidate else c
        b: Array | None = None
        if layer.threshold == "input":
            b = u @ t[p + "threshold.weight"].T + t[p + "threshold.bias"]
        beta: Array = np.abs(t[p + "beta"] if b is None else b)
        found.append(LocalLayer(candidate=c, beta=beta, threshold=b))
        o: Array = h @ t[p + "output.weight"].T + t[p + "output.bias"]
        o = np.maximum(o, 0) if layer.rectify_output else o
        if layer.skip == "matrix":
            o = o + v @ t[p + "skip.weight"].T
        elif layer.skip == 1:
            o = o + v
        v = o
    return found
