"""SRC: the spiking recurrent cell, an excitable unit of two coupled states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from mru_hw.model.memory.base import Drive, Shapes, State
from mru_hw.model.memory.recurrence import Floats
from mru_hw.model.memory.software import SoftwareCell

FADE = 0.9
"""What the input current keeps from frame to frame."""
LARGEST_INPUT = 3.0
"""rho, the size that the input current saturates at."""
FAST, SLOW = 2.0, -7.0
"""r and r_s: what the state and the slow state give back."""
LEAST_BIAS = -4.0
"""The bias is this, less the size of the learned tensor."""
SLOW_FADE = 0.9
"""z_s, what the slow state keeps while the unit does not fire."""
FIRES = 0.5
"""The state from which on the unit fires: the slow state then follows it at once."""


@final
@dataclass(frozen=True, slots=True)
class Src(SoftwareCell):
    """Spikes of an excitable unit; ``b = -4 - |bias|``, a unit's own.

    ::

        i_t = 0.9 i_{t-1} + c_t,    x_t = 3 tanh(i_t / 3)
        f_t = tanh(x_t + 2 f_{t-1} - 7 s_{t-1} + b)
        s_t = z_t s_{t-1} + (1 - z_t) f_t,    z_t = 0 where f_t > 0.5, else 0.9
        h_t = ReLU(f_t)

    With z = 0 of the published form, whose gate keeps nothing of the fast state f. Geurts et al.,
    arXiv 2306.03623.
    """

    name: ClassVar[str] = "src"
    no_circuit: ClassVar[str] = (
        "its states are analog and fire, and no circuit of the library does; the nearest analog "
        "form is an fq_bmru, whose loop has hysteresis without a slow state"
    )

    def own_tensors(self, n_units: int, width_in: int) -> Shapes:
        """Return the shape of the bias."""
        del width_in
        return {"cell.bias": (n_units,)}

    def initial(self, drive: Drive) -> State:
        """Return input current, fast and slow state, all 0, (3, die, unit, sequence)."""
        nothing = np.zeros_like(drive.candidate[:, :, 0])
        return np.stack([nothing, nothing, nothing])

    def remember(self, drive: Drive, before: State, out: Floats) -> State:
        """Run frame by frame."""
        bias = LEAST_BIAS - np.abs(drive.unit("cell.bias")[:, :, 0])
        current, fast, slow = before
        for t in range(out.shape[2]):
            current = FADE * current + drive.candidate[:, :, t]
            pushed = LARGEST_INPUT * np.tanh(current / LARGEST_INPUT) + bias
            fast = np.tanh(pushed + FAST * fast + SLOW * slow)
            kept = np.where(fast > FIRES, 0.0, SLOW_FADE).astype(fast.dtype)
            slow = kept * slow + (1 - kept) * fast
            np.maximum(fast, 0, out=out[:, :, t])
        return np.stack([current, fast, slow])


SRC = Src()
