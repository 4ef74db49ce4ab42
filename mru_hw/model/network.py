"""A trained network in memory: its structure and its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.model.structure import ModelSpec

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Model:
    """A trained network.

    Attributes
    ----------
    spec
        The structure.
    tensors
        Float64 arrays by the names of the contract, with the shapes of
        ``spec.tensor_shapes()``; checked by `mru_hw.model.io` and the importer.
    """

    spec: ModelSpec
    tensors: Mapping[str, Array]

    def __repr__(self) -> str:
        """Say in one line how large it is."""
        spec = self.spec
        layers = " + ".join(f"{layer.n_units} {layer.cell.name}" for layer in spec.layers)
        return f"<Model: {spec.n_in} inputs, {layers}, {spec.n_classes} classes>"
