"""What the cells of one gated recurrence share: CMRU, BMRU and alphaCMRU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.base import MemoryLayer
from mru_hw.training.surrogate import heaviside, sign


class Gated(MemoryLayer):
    """``s_t = clip((1 - z_t) s_{t-1} + z_t (epsilon s_{t-1} + step_t sign c_t), -K, K)``."""

    def levels_of(self, u: Tensor, c: Tensor, step: Tensor | None) -> Tensor:
        """Return the states s by the input u, the candidates c and the steps' sizes, 1 if None."""
        z = heaviside(c.abs() - self.beta_of(u))
        increment = z * sign(c)
        if step is not None:
            increment = increment * step
        retained = None if self.epsilon == 1.0 else 1.0 - z * (1.0 - self.epsilon)
        return self.recurrence(retained, increment, self.initial_state, self.bound)


class Quantised(Gated):
    """States of whole levels: every step is 1, and ``h = alpha s``."""

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.alpha = nn.Parameter(torch.ones(spec.n_units))

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return alpha times the levels."""
        return self.alpha * self.levels_of(u, c, None)
