"""PDMU: a Legendre memory a unit, whose contents a gate adds to this frame or a later one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from mru_hw.model.memory.base import Drive, Shapes, State, linear_map
from mru_hw.model.memory.recurrence import Floats
from mru_hw.model.memory.software import SoftwareCell

ORDER = 4
"""Legendre polynomials that a unit remembers its past by."""
DELAYS = 8
"""Frames among which the gate divides what the memory gives: this one and the next seven."""


@final
@dataclass(frozen=True, slots=True)
class Pdmu(SoftwareCell):
    """Parallel delayed memory unit.

    ::

        m_t = A m_{t-1} + B c_t                  a unit, with `ORDER` numbers
        y_t = W_p (m_t of all units)
        g_t = softmax(W_g u_t + b_g)             over `DELAYS` frames
        h_t = tanh(W_d u_t + b_d + sum_k g_{t-k,k} y_{t-k})

    A and B are stored and not learned: a training writes those of the Legendre memory by zero-order
    hold. arXiv 2512.01626; what that text leaves open is our reading
    (docs/decisions/0036-software-cells.md).
    """

    name: ClassVar[str] = "pdmu"
    no_circuit: ClassVar[str] = (
        "its memory is a filter of several analog states, and no circuit of the library holds one; "
        "the nearest analog form is a cmru, which counts"
    )

    def own_tensors(self, n_units: int, width_in: int) -> Shapes:
        """Return the shapes of the memory and of the maps about it."""
        return {
            "cell.A": (ORDER, ORDER),
            "cell.B": (ORDER,),
            "cell.project.weight": (n_units, n_units * ORDER),
            **linear_map("cell.gate", DELAYS, width_in),
            **linear_map("cell.direct", n_units, width_in),
        }

    def initial(self, drive: Drive) -> State:
        """Return empty memories and nothing on its way, (die, unit, order or delay, sequence)."""
        nothing = np.zeros_like(drive.candidate[:, :, 0])[:, :, None]
        return np.repeat(nothing, ORDER, axis=2), np.repeat(nothing, DELAYS, axis=2)

    def remember(self, drive: Drive, before: State, out: Floats) -> State:
        """Run frame by frame."""
        step = drive.tensor("cell.A")[:, None]
        put = drive.tensor("cell.B")[:, None, :, None]
        project = drive.tensor("cell.project.weight")
        gate, direct = _softmax(drive.linear("cell.gate")), drive.linear("cell.direct")
        memory, coming = before
        n_die, n_unit, _, n_seq = memory.shape
        for t in range(out.shape[2]):
            memory = step @ memory + put * drive.candidate[:, :, None, t]
            given = project @ memory.reshape(n_die, n_unit * ORDER, n_seq)
            coming = coming + gate[:, None, :, t] * given[:, :, None]
            np.tanh(direct[:, :, t] + coming[:, :, 0], out=out[:, :, t])
            coming = np.concatenate([coming[:, :, 1:], np.zeros_like(coming[:, :, :1])], axis=2)
        return memory, coming


def _softmax(x: Floats) -> Floats:
    """Return shares over the second axis."""
    shares: Floats = np.exp(x - x.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


PDMU = Pdmu()
