"""GRU: the gated recurrent unit as torch has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from mru_hw.model.memory.base import Drive, Shapes, State
from mru_hw.model.memory.recurrence import Floats
from mru_hw.model.memory.software import SoftwareCell, sigmoid


@final
@dataclass(frozen=True, slots=True)
class Gru(SoftwareCell):
    """What `torch.nn.GRU` computes, by its names and in its order of gates, r, z, n.

    ::

        r = sigmoid(W_ir u + b_ir + W_hr h + b_hr)
        z = sigmoid(W_iz u + b_iz + W_hz h + b_hz)
        n = tanh(W_in u + b_in + r (W_hn h + b_hn))
        h = (1 - z) n + z h

    Cho et al., EMNLP 2014, in the form of cuDNN and torch.
    """

    name: ClassVar[str] = "gru"
    candidates: ClassVar[int] = 0
    no_circuit: ClassVar[str] = (
        "its gates multiply two signals, and no circuit of the library does; the nearest analog "
        "form is a bmru, which keeps or replaces its state by a threshold"
    )

    def own_tensors(self, n_units: int, width_in: int) -> Shapes:
        """Return the shapes of torch's four tensors, the three gates below each other."""
        return {
            "cell.weight_ih_l0": (3 * n_units, width_in),
            "cell.weight_hh_l0": (3 * n_units, n_units),
            "cell.bias_ih_l0": (3 * n_units,),
            "cell.bias_hh_l0": (3 * n_units,),
        }

    def initial(self, drive: Drive) -> State:
        """Return h = 0."""
        weight = drive.tensor("cell.weight_hh_l0")
        n_die, _, n_unit = weight.shape
        return np.zeros((n_die, n_unit, drive.input.shape[3]), weight.dtype)

    def remember(self, drive: Drive, before: State, out: Floats) -> State:
        """Run frame by frame; all products of a frame are one call a die."""
        ahead, behind = drive.tensor("cell.weight_ih_l0"), drive.tensor("cell.weight_hh_l0")
        ahead_bias = drive.tensor("cell.bias_ih_l0")[:, :, None]
        behind_bias = drive.tensor("cell.bias_hh_l0")[:, :, None]
        h = before
        for t in range(out.shape[2]):
            given = np.split(ahead @ drive.input[:, :, t] + ahead_bias, 3, axis=1)
            own = np.split(behind @ h + behind_bias, 3, axis=1)
            r, z = sigmoid(given[0] + own[0]), sigmoid(given[1] + own[1])
            h = (1 - z) * np.tanh(given[2] + r * own[2]) + z * h
            out[:, :, t] = h
        return h


GRU = Gru()
