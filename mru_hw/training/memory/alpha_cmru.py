"""The alphaCMRU in torch."""

from __future__ import annotations

from typing import final

from torch import Tensor

from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.base import Linear
from mru_hw.training.memory.gated import Gated


@final
class AlphaCmruLayer(Gated):
    """Relaxed CMRU: an update adds ``|W_a u_t + b_a| sign c_t``, so states are not quantised."""

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.epsilon = 1.0
        self.alpha = Linear(width_in, spec.n_units)

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return the states: clipped sums of steps of any size."""
        return self.levels_of(u, c, self.alpha(u).abs())
