"""The GRU in torch: torch's own."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.base import MemoryLayer


@final
class GruLayer(MemoryLayer):
    """`torch.nn.GRU` of one layer, under its own names of tensors.

    The module itself keeps a list of its tensors aside, which noise on weights would not reach: so
    its function is called with those of this layer.
    """

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        shapes = spec.cell.own_tensors(spec.n_units, width_in)
        self.cell = nn.ParameterDict(
            {name.removeprefix("cell."): torch.zeros(shape) for name, shape in shapes.items()}
        )

    def draw(self, generator: torch.Generator) -> None:
        """Draw as torch does: all uniform within ``1/sqrt(n_units)``."""
        super().draw(generator)
        limit = self.spec.n_units**-0.5
        for parameter in self.cell.values():
            parameter.uniform_(-limit, limit, generator=generator)

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return the states."""
        del c
        weights = [self.cell[f"{kind}_l0"] for kind in ("weight_ih", "weight_hh")]
        biases = [self.cell[f"{kind}_l0"] for kind in ("bias_ih", "bias_hh")]
        start = u.new_zeros((1, len(u), self.spec.n_units))
        states, _ = torch.gru(
            u,
            start,
            weights + biases,
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=self.training,
            bidirectional=False,
            batch_first=True,
        )
        return states
