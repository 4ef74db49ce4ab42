"""What a behavioral run records of the supply: mean current per block and sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCKS = ("mirror", "memory", "clock", "bias")
"""Supply pins of the chip: what each bus, bank, phase driver and the bias tree draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyRecord:
    """Supply currents of a run.

    Attributes
    ----------
    static, switching
        (..., n_seq, n_block) current [A], the mean over the valid frames of each sequence.
    duration
        (n_seq,) length of each sequence [s].
    v_dd
        Supply [V].
    """

    static: NDArray[np.float64]
    switching: NDArray[np.float64]
    duration: NDArray[np.float64]
    v_dd: float

    def single_die(self) -> SupplyRecord:
        """Return the record of the only die, without the die axis."""
        return SupplyRecord(
            static=self.static[0],
            switching=self.switching[0],
            duration=self.duration,
            v_dd=self.v_dd,
        )
