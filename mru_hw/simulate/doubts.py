"""What makes the figures of a chip at some conditions doubtful, in sentences."""

from __future__ import annotations

from collections.abc import Iterable

from mru_hw.mapping import Design
from mru_hw.simulate.lost_signal import lost_signal
from mru_hw.simulate.short_frame import short_frame
from mru_hw.technology.calibration import Calibration

Doubts = tuple[str, str]
"""By kind: signals lost in leakage, and frames too short for settled states; empty where not so."""
NONE: Doubts = ("", "")


def doubts(
    design: Design, calibration: Calibration, *, settled: bool = True, reference: float = 0.0
) -> Doubts:
    """Return what makes behavioral runs of a chip doubtful.

    Parameters
    ----------
    calibration
        Constants at the run's conditions.
    settled
        Whether the runs take each phase as finished: then frames may be too short.
    reference
        Relative error of the current into the chip's reference pin.
    """
    at = calibration.temperature
    short = short_frame(design, calibration, at, reference) if settled else ""
    return lost_signal(design, calibration, reference), short


def warning(several: Iterable[Doubts]) -> str:
    """Return the first sentence of each kind; empty where there is none."""
    firsts = (next(filter(None, kind), "") for kind in zip(*several, strict=True))
    return " ".join(filter(None, firsts))
