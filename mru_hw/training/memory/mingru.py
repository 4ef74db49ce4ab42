"""The minGRU in torch."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.base import Linear, MemoryLayer


@final
class MinGruLayer(MemoryLayer):
    """``h_t = (1 - z_t) h_{t-1} + z_t g(c_t)``.

    Every retention lies between 0 and 1, so the scan needs no logarithms: what it multiplies only
    gets smaller.
    """

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.cell = nn.ModuleDict({"gate": Linear(width_in, spec.n_units)})

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return the states, with ``g(c) = c + 0.5`` where c >= 0, else sigmoid(c)."""
        w: Tensor = self.cell["gate"](u)
        added = w.sigmoid() * torch.where(c >= 0, c + 0.5, c.sigmoid())
        return self.recurrence((-w).sigmoid(), added, c.new_zeros(c.shape[2]), None)
