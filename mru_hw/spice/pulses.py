"""What a run must show of a layer's strobes, and whether it does.

Loose tolerances let ngspice step over a phase of 100 ns as if it had never been: the states stay,
and nothing else tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mru_hw.spice.deck import TOP, Pulse

Array = NDArray[np.float64]

SEEN = 0.9
"""Share of the supply that each phase of a strobe must rise to in a run."""


def strobe_pulses(layer: int, strobes: Array, period: float, v_dd: float) -> tuple[Pulse, ...]:
    """Return what a run must show of a layer's strobes: hold and step phase rise to the supply.

    Parameters
    ----------
    strobes
        (n_time,) when each strobe rises [s].
    period, v_dd
        A frame [s], in which a strobe's phases come at any time after it, and the supply [V].
    """
    starts = tuple(strobes.tolist())
    return tuple(
        Pulse(vector=f"v({TOP}.{net}{layer})", level=SEEN * v_dd, starts=starts, width=period)
        for net in ("hd", "st")
    )


def lost_pulse(pulses: Sequence[Pulse], vectors: Mapping[str, Array]) -> str:
    """Return a sentence about the first of a deck's pulses that a run does not show, or nothing.

    A pulse is seen where its vector lies below the level at the pulse's start and above it at a
    time point within its width.

    Parameters
    ----------
    vectors
        Those of the pulses and ``time``, each (n_points,).
    """
    time = vectors["time"]
    for pulse in pulses:
        values, starts = vectors[pulse.vector], np.array(pulse.starts)
        first = np.searchsorted(time, starts, side="right")
        last = np.searchsorted(time, starts + pulse.width, side="right")
        for at, low, high in zip(pulse.starts, first, last, strict=True):
            before = values[max(low - 1, 0)]
            highest = np.max(values[low:high], initial=-np.inf)
            if not before < pulse.level < highest:
                return (
                    f"{pulse.vector} does not rise above {pulse.level:.4g} V within "
                    f"{pulse.width:.4g} s of {at:.9g} s, at {high - low} time points"
                )
    return ""
