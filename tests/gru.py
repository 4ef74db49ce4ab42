"""A GRU as a memory cell of one's own, both halves: its states go to each other by matrices.

    r = sigmoid(W_r u + b_r + R_r h + d_r),   z = sigmoid(W_z u + b_z + R_z h + d_z)
    n = tanh(c + r (R_n h + d_n)),            h = (1 - z) n + z h

with the candidate ``c = W_c u + b_c``: what `torch.nn.GRU` computes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import Tensor

from mru_hw.model.memory import Drive, MemoryCell, Shapes, linear_map
from mru_hw.model.memory.recurrence import Floats, Levels
from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory import Linear, MemoryLayer

GATES = ("reset", "update")
BACK = (*(f"{gate}_back" for gate in GATES), "candidate_back")


@final
@dataclass(frozen=True, slots=True)
class Gru(MemoryCell):
    """Gated recurrent unit; the initial state is h itself."""

    name: ClassVar[str] = "gru"
    threshold_names: ClassVar[tuple[str, ...]] = ()
    whole: ClassVar[bool] = False

    def own_tensors(self, n_units: int, width_in: int) -> Shapes:
        shapes: Shapes = {}
        for gate in GATES:
            shapes |= linear_map(gate, n_units, width_in)
        for back in BACK:
            shapes |= linear_map(back, n_units, n_units)
        return shapes

    def span(self, limit: int | None) -> tuple[float, float]:
        return -math.inf, math.inf

    def start_words(self, limit: int | None) -> str:
        return "a number"

    def remember(self, drive: Drive, before: Levels, out: Floats) -> Levels:
        weights = [drive.tensor(f"{back}.weight") for back in BACK]  # (die, unit, unit)
        biases = [drive.tensor(f"{back}.bias")[:, :, None] for back in BACK]
        reset_in, update_in = (drive.linear(gate) for gate in GATES)
        h: Any = np.broadcast_to(before, out[:, :, 0].shape)
        for t in range(out.shape[2]):
            r, z, n = (w @ h + b for w, b in zip(weights, biases, strict=True))
            r = 1 / (1 + np.exp(-(reset_in[:, :, t] + r)))
            z = 1 / (1 + np.exp(-(update_in[:, :, t] + z)))
            h = (1 - z) * np.tanh(drive.candidate[:, :, t] + r * n) + z * h
            out[:, :, t] = h
        last: Levels = h
        return last


@final
class GruLayer(MemoryLayer):
    """Gated recurrent unit."""

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        for gate in GATES:
            self.add_module(gate, Linear(width_in, spec.n_units))
        for back in BACK:
            self.add_module(back, Linear(spec.n_units, spec.n_units))

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        reset_in, update_in = (self.get_submodule(gate)(u) for gate in GATES)
        h = self.initial_state.to(c.dtype).expand(c.shape[0], -1)
        states = []
        for t in range(c.shape[1]):
            r, z, n = (self.get_submodule(back)(h) for back in BACK)
            r, z = (reset_in[:, t] + r).sigmoid(), (update_in[:, t] + z).sigmoid()
            h = (1 - z) * (c[:, t] + r * n).tanh() + z * h
            states.append(h)
        return torch.stack(states, dim=1)


GRU = Gru()
