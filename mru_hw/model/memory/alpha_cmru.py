"""alphaCMRU: the relaxed CMRU, whose step is a size that the input gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from mru_hw.model.memory.base import Drive, MemoryCell, Shapes, linear_map
from mru_hw.model.memory.recurrence import Floats, Levels, relaxed_ladder, signed_step


@final
@dataclass(frozen=True, slots=True)
class AlphaCmru(MemoryCell):
    """A CMRU whose step is ``|W_a u_t + b_a| sign(c)``, so that its states are not quantised.

    This is our reading: the published equation was not available. It trains and runs in software.
    """

    name: ClassVar[str] = "alpha_cmru"
    takes_levels: ClassVar[bool] = True
    whole: ClassVar[bool] = False
    no_circuit: ClassVar[str] = (
        "the states of an alphaCMRU are not quantised, so no row of hysteretic cells holds them; "
        "mru-hw quantise makes the nearest cmru of it"
    )

    def own_tensors(self, n_units: int, width_in: int) -> Shapes:
        """Return the shapes of the linear map that gives the step."""
        return linear_map("alpha", n_units, width_in)

    def span(self, limit: int | None) -> tuple[float, float]:
        """Return -K and K, infinite without a limit."""
        top = math.inf if limit is None else float(limit)
        return -top, top

    def start_words(self, limit: int | None) -> str:
        """Say which initial states there are."""
        return f"a state within ±{limit}"

    def remember(self, drive: Drive, before: Levels, out: Floats) -> Levels:
        """Climb by the sizes that the input gives; the state is h itself."""
        assert drive.beta is not None
        size = drive.linear("alpha")
        np.abs(size, out=size)
        steps = signed_step(drive.candidate, drive.beta, drive.beta)
        state = relaxed_ladder(steps, size, before, drive.limit)
        np.copyto(out, state.transpose(1, 2, 0, 3))
        last: Levels = state[-1].copy()
        return last


ALPHA_CMRU = AlphaCmru()
