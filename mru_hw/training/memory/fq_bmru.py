"""The FQ-BMRU in torch."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.base import BETA, MemoryLayer
from mru_hw.training.surrogate import heaviside

DELTA = 1.0
"""Width of the window at the start."""


@final
class FqBmruLayer(MemoryLayer):
    """First-quadrant unit: set at ``c >= beta + delta``, held down to beta, cleared below.

    beta, delta and alpha count by their absolute values. A training begins with a window as wide
    as its lower edge and with biases in its middle: with biases around 0 almost every unit is
    cleared at once, nothing is held, and the thresholds have nothing to learn from.
    """

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.delta = nn.Parameter(torch.full((spec.n_units,), DELTA))
        self.alpha = nn.Parameter(torch.ones(spec.n_units))

    def draw(self, generator: torch.Generator) -> None:
        """Draw as usual; the candidates' biases lie around the middle of the window."""
        super().draw(generator)
        if self.candidate is not None:
            self.candidate.bias.add_(BETA + 0.5 * DELTA)

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return alpha times the bits: ``bit_t = set_t + kept_t bit_{t-1}``."""
        low = self.beta_of(u)
        above = heaviside(c - (low + self.delta.abs()))
        kept = heaviside(c - low) * (1.0 - above)
        return self.alpha.abs() * self.recurrence(kept, above, self.initial_state, None)
