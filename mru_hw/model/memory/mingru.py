"""minGRU: a gated unit whose gate and candidate do not look at the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from mru_hw.model.memory.base import Drive, Shapes, State, linear_map
from mru_hw.model.memory.recurrence import Floats
from mru_hw.model.memory.software import SoftwareCell, sigmoid


@final
@dataclass(frozen=True, slots=True)
class MinGru(SoftwareCell):
    """``h_t = (1 - z_t) h_{t-1} + z_t g(c_t)`` with ``z = sigmoid(W_z u + b_z)``.

    ``g(c) = c + 0.5`` where c >= 0, else ``sigmoid(c)``, so that h is positive. Feng et al., arXiv
    2410.01201.
    """

    name: ClassVar[str] = "mingru"
    no_circuit: ClassVar[str] = (
        "its state fades by a product with a gate, and no circuit of the library multiplies two "
        "signals; the nearest analog form is a bmru, whose gate is a threshold"
    )

    def own_tensors(self, n_units: int, width_in: int) -> Shapes:
        """Return the shapes of the linear map that gives the gate."""
        return linear_map("cell.gate", n_units, width_in)

    def initial(self, drive: Drive) -> State:
        """Return h = 0."""
        return np.zeros_like(drive.candidate[:, :, 0])

    def remember(self, drive: Drive, before: State, out: Floats) -> State:
        """Run frame by frame."""
        c, z = drive.candidate, sigmoid(drive.linear("cell.gate"))
        added = z * np.where(c >= 0, c + c.dtype.type(0.5), sigmoid(c))
        h = before
        for t in range(out.shape[2]):
            h = (1 - z[:, :, t]) * h + added[:, :, t]
            out[:, :, t] = h
        return h


MINGRU = MinGru()
