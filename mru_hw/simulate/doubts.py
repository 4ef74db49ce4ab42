"""What makes the figures of a chip at some conditions doubtful, in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mru_hw.mapping import Design
from mru_hw.simulate.lost_signal import lost_signal
from mru_hw.simulate.short_frame import settled_frame, short_frame
from mru_hw.technology.calibration import Calibration


class Doubts(NamedTuple):
    """What makes behavioral runs at some conditions doubtful, by kind; empty where not so.

    Attributes
    ----------
    lost, short
        Signals lost in leakage, and frames too short for settled states, a sentence or two each.
    frame
        Where frames are short, one in which every node settles [s].
    """

    lost: str = ""
    short: str = ""
    frame: float = 0.0


NONE = Doubts()


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
    frame = settled_frame(design, calibration, at, reference) if short else 0.0
    return Doubts(lost_signal(design, calibration, reference), short, frame)


def warning(several: Iterable[Doubts]) -> str:
    """Return of each kind what is said first, and of short frames where they need be longest.

    Empty where there is none.
    """
    found = list(several)
    lost = next((one.lost for one in found if one.lost), "")
    short = max(found, key=lambda one: one.frame, default=NONE).short
    return " ".join(filter(None, (lost, short)))
