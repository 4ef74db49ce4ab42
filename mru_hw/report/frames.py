"""By how much frames are too short for settled states, and what a longer frame would cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mru_hw.cells.settling import settling_times
from mru_hw.errors import UserError
from mru_hw.report.chip import ChipFacts
from mru_hw.report.nominal import plain
from mru_hw.simulate.short_frame import settling_windows
from mru_hw.sweeps.explain import plans_of
from mru_hw.sweeps.points import points
from mru_hw.sweeps.told import quantity
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import condition
from mru_hw.sweeps.work import constants

_DIGITS = 3
"""Of a frame that is long enough, rounded up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortFrame:
    """The node and the condition that miss their time by most.

    Attributes
    ----------
    frame
        Of the design [s].
    needed, given
        Time that the node needs to settle, and that it has [s].
    at
        The condition, in words.
    enough
        A frame in which every node settles at every condition of the sweep [s].
    energy, energy_then
        Of a sequence at the head, and with that frame [J]: static energy follows the frame. None
        where nothing is priced.
    """

    frame: float
    needed: float
    given: float
    at: str
    enough: float
    energy: float | None
    energy_then: float | None

    def said(self) -> str:
        """Say by how much frames are short."""
        return (
            f"the frame of {quantity(self.frame, 's')} is short: at {self.at} a node needs up to "
            f"{quantity(self.needed, 's')} to settle and has {quantity(self.given, 's')}"
        )

    def price(self) -> str:
        """Say what a longer frame costs."""
        if self.energy is None or self.energy_then is None:
            return "not priced"
        return (
            f"{quantity(self.energy_then, 'J')} a sequence in place of "
            f"{quantity(self.energy, 'J')}, and sequences that take "
            f"{100 * (self.enough / self.frame - 1):.1f} % longer"
        )


def short_frames(run: RunView, found: ChipFacts | str) -> ShortFrame | None:
    """Return by how much the frames of a sweep's settled runs are short; None if they are not.

    Points with another design than that at the head, or with what its die alone does not have, are
    left out.
    """
    if isinstance(found, str) or not run.doubtful:
        return None
    windows, worst = settling_windows(found.design), None
    asked = points(plans_of(run), found.subject.technology)
    for point in run.points:
        if point.settings["timing"] != "settled" or not plain(run, point):
            continue
        try:
            there = constants(found.subject, found.design, found.subject.setup(asked[point.number]))
        except UserError:
            continue
        for name, needed in settling_times(found.design, there).items():
            given = windows[name][0]
            if needed > given and (worst is None or needed / given > worst[0] / worst[1]):
                worst = needed, given, point
    return None if worst is None else _short(run, found.design.timing.frame, *worst)


def _short(run: RunView, frame: float, needed: float, given: float, point: PointView) -> ShortFrame:
    enough = _up(frame * needed / given)
    static, moving = (sum(pair[k] for pair in run.base.blocks.values()) for k in (0, 1))
    energy = float(run.base.energy.mean()) if len(run.base.energy) else None
    longer = (static * enough / frame + moving) / (static + moving) if static + moving else np.nan
    return ShortFrame(
        frame=frame,
        needed=needed,
        given=given,
        at=condition(run, point),
        enough=enough,
        energy=energy,
        energy_then=None if energy is None or np.isnan(longer) else energy * longer,
    )


def _up(seconds: float) -> float:
    """Round up."""
    unit = 10.0 ** (math.floor(math.log10(seconds)) + 1 - _DIGITS)
    return math.ceil(seconds / unit) * unit
