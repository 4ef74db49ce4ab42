"""A layer without memory: the yardstick that tells which tasks need any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from mru_hw.model.memory.base import Drive, State
from mru_hw.model.memory.recurrence import Floats
from mru_hw.model.memory.software import SoftwareCell


@final
@dataclass(frozen=True, slots=True)
class Memoryless(SoftwareCell):
    """``h_t = tanh(c_t)``: what it gives follows from the same frame alone."""

    name: ClassVar[str] = "memoryless"
    no_circuit: ClassVar[str] = (
        "no circuit of the library bends a current by a tanh; the nearest analog form is the ReLU "
        "of a mirror, rectify_output of any layer"
    )

    def initial(self, drive: Drive) -> State:
        """Return nothing: it holds nothing."""
        del drive

    def remember(self, drive: Drive, before: State, out: Floats) -> State:
        """Bend the candidates."""
        np.tanh(drive.candidate, out=out)
        return before


MEMORYLESS = Memoryless()
