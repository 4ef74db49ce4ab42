"""What a behavioral run records of the supply: mean current per block and sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design
from mru_hw.spice.area import BLOCKS
from mru_hw.stimulus import Inputs
from mru_hw.stimulus.inputs import PIECE

__all__ = ["BLOCKS", "SupplyRecord", "input_charge"]


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


def input_charge(design: Design, inputs: Inputs) -> NDArray[np.float64]:
    """Return the charge [C] that the sources of a chip's input currents deliver, (n_seq,).

    What flows into a pin comes from a source, as the bench has it; what flows out of one has come
    through the chip and counts there.
    """
    normal, scale = design.spec.normalisation, design.inputs.scale
    sums, step = np.zeros(inputs.n_seq), max(1, PIECE // inputs.x.shape[2])
    for row, length in enumerate(inputs.lengths):
        for start in range(0, int(length), step):
            x = inputs.x[row, start : min(start + step, int(length))]
            if normal is not None:
                x = (x - np.array(normal.mean)) / np.array(normal.scale)
            sums[row] += np.maximum(x, 0.0).sum()
    charge: NDArray[np.float64] = sums * (scale * design.timing.frame)
    return charge
