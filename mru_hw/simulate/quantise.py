"""An alphaCMRU as the nearest CMRU, which a circuit holds: its states by K levels of one size.

A CMRU of the same candidates and thresholds steps whenever the alphaCMRU does, by one level in
place of a size that the input gives. Its levels ``s`` do not depend on what a level is worth, so
the size alpha and an offset that are nearest to the states h over some sequences are a line of
least squares through (s, h), unit by unit:

    h ~ alpha s + d        alpha is the CMRU's, d goes through the output map into its bias

A unit starts at the level from which it comes nearest. Layers are taken in their order, each with
the candidates that the layers before it give it by then. What is lost is what no line through K
levels tells: steps of several sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.arrays import digest
from mru_hw.errors import UserError
from mru_hw.files import refuse_foreign
from mru_hw.mapping.lines import line_through
from mru_hw.model.io import STRUCTURE, WEIGHTS, load_model, save_model
from mru_hw.model.memory import ALPHA_CMRU, CMRU
from mru_hw.model.network import Model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.stimulus import Inputs

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantised:
    """A network without alphaCMRUs, and what that costs over the sequences that it was fitted to.

    Attributes
    ----------
    model
        The network.
    lost
        By number of the layer: the share of the variance of the alphaCMRU's states over time and
        sequences that the CMRU's do not tell, the mean over its units; 0 is nothing.
    alike
        Share of sequences that both networks decide alike, in software.
    """

    model: Model
    lost: Mapping[int, float]
    alike: float


def quantised(model: Model, inputs: Inputs, levels: int) -> Quantised:
    """Replace every alphaCMRU layer of a network by a CMRU layer.

    Parameters
    ----------
    model
        The network.
    inputs
        Raw sequences that its states are compared on; labels do not count.
    levels
        K of each layer: units have levels -K to K.

    Raises
    ------
    UserError
        It has no such layer, the inputs do not fit it, or `levels` is not positive.
    """
    if levels < 1:
        raise UserError("levels", levels, "at least 1")
    relaxed = [i for i, layer in enumerate(model.spec.layers) if layer.cell is ALPHA_CMRU]
    if not relaxed:
        cells = ", ".join(layer.cell.name for layer in model.spec.layers)
        raise UserError("model: layers", cells, f"an {ALPHA_CMRU.name} among them")
    valid = inputs.valid()
    reference = simulate_ideal(model, inputs)
    found, lost = model, {}
    for i in relaxed:
        line = _Line.nearest(found, i, levels, reference.states[i][valid].T, inputs)
        lost[i] = float(np.mean(line.lost))
        found = _as_cmru(found, i, levels, line)
    decided = simulate_ideal(found, inputs, keep="decisions").decision
    alike = float(np.mean(decided == reference.decision))
    origin = digest(model.tensors, f"{model.spec.model_dump_json()} {levels}")
    origin = digest({"x": inputs.x, "lengths": inputs.lengths}, origin)
    spec = found.spec.model_copy(update={"provenance": {"quantised": origin}, "metrics": {}})
    done = Model(spec=spec, tensors=found.tensors)
    return Quantised(model=done, lost=lost, alike=alike)


def save_quantised(made: Quantised, path: Path) -> None:
    """Write the network as a model folder, over an earlier one made of the same only.

    Raises
    ------
    UserError
        `path` holds another model, or something else.
    """
    refuse_foreign(path, marker=STRUCTURE, what="model", allowed=(STRUCTURE, WEIGHTS))
    if (path / STRUCTURE).is_file():
        there = load_model(path).spec.provenance.get("quantised")
        if there != made.model.spec.provenance["quantised"]:
            raise UserError("out", str(path), "a new path, for the model there was made otherwise")
    save_model(made.model, path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Initial level, size of a level, offset and lost share of variance, (n_units,) each."""

    initial: Array
    alpha: Array
    offset: Array
    lost: Array

    @classmethod
    def nearest(cls, model: Model, i: int, levels: int, states: Array, inputs: Inputs) -> _Line:
        """Return the lines of layer i through its states (n_units, frames).

        Where a unit starts says which levels it meets, so every initial level is tried.
        """
        valid, n = inputs.valid(), len(states)
        spread = np.maximum(states.var(axis=1), np.finfo(np.float64).tiny)
        best = cls(initial=np.zeros(n), alpha=np.ones(n), offset=np.zeros(n), lost=np.full(n, 2.0))
        for first in sorted(range(-levels, levels + 1), key=abs):
            start = np.full(n, float(first))
            plain = cls(initial=start, alpha=np.ones(n), offset=np.zeros(n), lost=start)
            counted = simulate_ideal(_as_cmru(model, i, levels, plain), inputs)
            level = counted.states[i][valid].T
            alpha, offset = line_through(level, states)
            left = states - alpha[:, None] * level - offset[:, None]
            lost = left.var(axis=1) / spread
            better = lost < best.lost
            best = cls(
                initial=np.where(better, start, best.initial),
                alpha=np.where(better, alpha, best.alpha),
                offset=np.where(better, offset, best.offset),
                lost=np.where(better, lost, best.lost),
            )
        return best


def _as_cmru(model: Model, i: int, levels: int, line: _Line) -> Model:
    """Put a CMRU in the place of layer i."""
    own, tensors = f"layers.{i}.", dict(model.tensors)
    del tensors[own + "alpha.weight"], tensors[own + "alpha.bias"]
    weight, bias = tensors[own + "output.weight"], tensors[own + "output.bias"]
    tensors |= {
        own + "alpha": line.alpha,
        own + "initial_state": line.initial,
        own + "output.bias": bias + weight @ line.offset,
    }
    layers = list(model.spec.layers)
    layers[i] = layers[i].model_copy(update={"cell": CMRU, "levels": levels})
    spec = model.spec.model_copy(update={"layers": tuple(layers)})
    return Model(spec=spec, tensors={name: tensors[name] for name in spec.tensor_shapes()})
