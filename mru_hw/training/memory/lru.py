"""The LRU in torch."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.base import MemoryLayer, Recurrence

RING = (0.4, 0.99)
"""Least and largest size of Lambda in a drawn network."""
LRU_EXACT = frozenset({"cell.nu", "cell.theta"})
"""Logarithms of rates: noise of 5 % on nu = -5 would be a quarter of the decay."""


@final
class Lru(nn.Module):
    """``x_t = Lambda x_{t-1} + gamma (B u_t)``, ``y_t = Re(C x_t) + D u_t``.

    Parameters
    ----------
    n_units, width_in
        Complex numbers of the diagonal, and the width of u.
    """

    def __init__(self, n_units: int, width_in: int) -> None:
        super().__init__()
        self.nu = nn.Parameter(torch.zeros(n_units))
        self.theta = nn.Parameter(torch.zeros(n_units))
        self.B = nn.Parameter(torch.zeros(n_units, width_in, 2))
        self.C = nn.Parameter(torch.zeros(n_units, n_units, 2))
        self.D = nn.Parameter(torch.zeros(n_units, width_in))

    def draw(self, generator: torch.Generator) -> None:
        """Draw Lambda evenly over a ring, and the maps so that sizes stay about 1."""
        low, high = RING
        area = torch.rand(self.nu.shape, generator=generator)
        size = (low**2 + area * (high**2 - low**2)).sqrt()
        self.nu.copy_((-size.log()).log())
        # 1 less what lies in [0, 1), so that no angle is 0, which has no logarithm.
        turn = 1.0 - torch.rand(self.theta.shape, generator=generator)
        self.theta.copy_((2.0 * math.pi * turn).log())
        n_units, width_in = self.D.shape
        for weight, spread in ((self.B, 2 * width_in), (self.C, n_units), (self.D, width_in)):
            weight.normal_(0.0, spread**-0.5, generator=generator)

    def forward(self, u: Tensor, recurrence: Recurrence) -> Tensor:
        """Return y, (sequence, time, unit), of u, (sequence, time, width_in)."""
        n_units, width_in = self.D.shape
        rate = self.nu.exp()
        turn = torch.complex(-rate, self.theta.exp()).exp()
        gain = (-torch.expm1(-2.0 * rate)).sqrt()
        # Complex maps as real ones of twice the width: rows of B are (re, im) of each unit in turn.
        rows = (gain[:, None, None] * self.B).transpose(1, 2).reshape(2 * n_units, width_in)
        given = torch.view_as_complex((u @ rows.T).view(*u.shape[:2], n_units, 2))
        kept = turn.expand(1, u.shape[1], n_units)
        x = recurrence(kept, given, torch.zeros_like(turn), None)
        columns = (self.C * self.C.new_tensor([1.0, -1.0])).flatten(1)
        y: Tensor = torch.view_as_real(x).flatten(2) @ columns.T + u @ self.D.T
        return y


@final
class LruLayer(MemoryLayer):
    """Linear recurrent unit."""

    exact = LRU_EXACT

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.cell = Lru(spec.n_units, width_in)

    def draw(self, generator: torch.Generator) -> None:
        """Draw the ring too."""
        super().draw(generator)
        self.cell.draw(generator)

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return y."""
        del c
        y: Tensor = self.cell(u, self.recurrence)
        return y
