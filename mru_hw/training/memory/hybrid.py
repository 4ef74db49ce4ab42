"""The hybrid layer in torch: CMRU units beside LRU units."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.gated import Quantised
from mru_hw.training.memory.lru import LRU_EXACT, Lru


@final
class HybridLayer(Quantised):
    """The states of n_units CMRU units, then those of n_units LRU units."""

    exact = LRU_EXACT

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.epsilon = 1.0
        self.cell = Lru(spec.n_units, width_in)

    def draw(self, generator: torch.Generator) -> None:
        """Draw the ring too."""
        super().draw(generator)
        self.cell.draw(generator)

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return both, (sequence, time, 2 n_units)."""
        return torch.cat((super().remember(u, c), self.cell(u, self.recurrence)), dim=2)
