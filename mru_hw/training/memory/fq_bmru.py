"""The FQ-BMRU in torch."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.base import MemoryLayer
from mru_hw.training.surrogate import heaviside


@final
class FqBmruLayer(MemoryLayer):
    """First-quadrant unit: set at ``c >= beta + delta``, held down to beta, cleared below.

    beta, delta and alpha count by their absolute values.
    """

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.delta = nn.Parameter(torch.full((spec.n_units,), 0.5))
        self.alpha = nn.Parameter(torch.ones(spec.n_units))

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return alpha times the bits: ``bit_t = set_t + kept_t bit_{t-1}``."""
        low = self.beta_of(u)
        above = heaviside(c - (low + self.delta.abs()))
        kept = heaviside(c - low) * (1.0 - above)
        return self.alpha.abs() * self.recurrence(kept, above, self.initial_state, None)
