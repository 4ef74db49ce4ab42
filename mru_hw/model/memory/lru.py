"""LRU: the linear recurrent unit, a diagonal of complex numbers that turn and fade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from mru_hw.model.memory.base import Drive, Shapes, State
from mru_hw.model.memory.recurrence import Floats
from mru_hw.model.memory.software import SoftwareCell


@final
@dataclass(frozen=True, slots=True)
class Lru(SoftwareCell):
    """``x_t = Lambda x_{t-1} + gamma (B u_t)``, ``h_t = Re(C x_t) + D u_t``.

    ``Lambda = exp(-exp(nu) + i exp(theta))`` and ``gamma = sqrt(1 - |Lambda|^2)``, a unit each. B
    and C are complex, stored as pairs: the last axis has the real and the imaginary part. Orvieto
    et al., arXiv 2303.06349.
    """

    name: ClassVar[str] = "lru"
    candidates: ClassVar[int] = 0
    no_circuit: ClassVar[str] = (
        "its states are complex numbers that turn and fade, and no circuit of the library holds "
        "one; the nearest analog form is a cmru, which adds up and does not fade"
    )

    def own_tensors(self, n_units: int, width_in: int) -> Shapes:
        """Return the shapes of the logarithms of decay and angle, and of the three maps."""
        return {
            "cell.nu": (n_units,),
            "cell.theta": (n_units,),
            "cell.B": (n_units, width_in, 2),
            "cell.C": (n_units, n_units, 2),
            "cell.D": (n_units, width_in),
        }

    def initial(self, drive: Drive) -> State:
        """Return x = 0."""
        b = _complex(drive.tensor("cell.B"))
        return np.zeros((*b.shape[:2], drive.input.shape[3]), b.dtype)

    def remember(self, drive: Drive, before: State, out: Floats) -> State:
        """Run frame by frame."""
        b, c = (_complex(drive.tensor(f"cell.{name}")) for name in "BC")
        d = drive.tensor("cell.D")
        decay, angle = (np.exp(drive.tensor(f"cell.{name}")) for name in ("nu", "theta"))
        turn = np.exp(-decay + 1j * angle).astype(b.dtype)[:, :, None]
        gain = np.sqrt(-np.expm1(-2 * decay))[:, :, None]
        x = before
        for t in range(out.shape[2]):
            u = drive.input[:, :, t]
            x = turn * x + gain * (b @ u)
            out[:, :, t] = (c @ x).real + d @ u
        return x


def _complex(pairs: Floats) -> Floats:
    """Return complex numbers of pairs (..., 2), of the same precision."""
    return np.ascontiguousarray(pairs).view(np.result_type(pairs.dtype, np.complex64))[..., 0]


LRU = Lru()
