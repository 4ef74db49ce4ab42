"""By how much frames are too short for settled states, and what a longer frame would cost."""

from __future__ import annotations

from dataclasses import dataclass

from mru_hw.cells.settling import settling_times
from mru_hw.errors import UserError
from mru_hw.mapping import Design
from mru_hw.report.chip import ChipFacts
from mru_hw.report.nominal import plain
from mru_hw.simulate.short_frame import long_enough, settling_windows
from mru_hw.sweeps.explain import plans_of
from mru_hw.sweeps.points import points
from mru_hw.sweeps.told import quantity
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import condition
from mru_hw.sweeps.work import constants

_OUTPUT = "an output, whose lag makes no step wrong but is in the decision,"


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """The node and the condition that miss their time by most.

    Attributes
    ----------
    needed, given
        Time that the node needs to settle, and that it has [s].
    at
        The condition, in words.
    enough
        A frame in which every node of its kind settles at every condition of the sweep [s].
    price
        What that frame costs at the head, in words: static energy follows the frame.
    """

    needed: float
    given: float
    at: str
    enough: float
    price: str

    def said(self, what: str) -> str:
        """Say by how much the time is short."""
        return (
            f"{what} needs up to {quantity(self.needed, 's')} to settle and has "
            f"{quantity(self.given, 's')} at {self.at}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortFrame:
    """What misses its time in the frames of a sweep.

    Attributes
    ----------
    frame
        Of the design [s].
    strobes
        When each layer's strobe comes, from the start of a frame [s].
    read
        Of the nodes that a strobe reads: a step that they make wrong stays.
    output
        Of those that are read at the frame's end: they lag, and no step is wrong by it.
    """

    frame: float
    strobes: tuple[float, ...]
    read: Late | None
    output: Late | None

    def said(self) -> str:
        """Say by how much frames are short."""
        parts = [
            *([] if self.read is None else [self.read.said("a node that a strobe reads")]),
            *([] if self.output is None else [self.output.said(_OUTPUT)]),
        ]
        return f"the frame of {quantity(self.frame, 's')} is short: {'; '.join(parts)}"

    def worst_said(self) -> str:
        """Say by how much frames are short for the node that counts most: one that a strobe reads.

        A step that such a node makes wrong stays, an output that lags does not.
        """
        late = self.output if self.read is None else self.read
        what = _OUTPUT if self.read is None else "a node that a strobe reads"
        assert late is not None  # else no frame is short
        return f"the frame of {quantity(self.frame, 's')} is short: {late.said(what)}"

    def phases_said(self) -> str:
        """Say where the times that nodes have come from."""
        at = ", ".join(quantity(one, "s") for one in self.strobes)
        return (
            f"In a frame of {quantity(self.frame, 's')} the strobes of the layers come at {at}: "
            "what a strobe reads has the time since the strobe before, or since the frame began; "
            "an output has the time from the last strobe to the end of the frame."
        )

    def enough(self) -> dict[str, Late]:
        """Return by what then settles which frames are long enough, the shorter one first."""
        found = {"all that strobes read": self.read, "all outputs": self.output}
        known = {what: late for what, late in found.items() if late is not None}
        return dict(sorted(known.items(), key=lambda item: item[1].enough))


def short_frames(run: RunView, found: ChipFacts | str) -> ShortFrame | None:
    """Return by how much the frames of a sweep's settled runs are short; None if they are not.

    Points with another design than that at the head, and those with noise or another reference
    current, are left out.
    """
    if isinstance(found, str) or not run.doubtful:
        return None
    windows = settling_windows(found.design)
    asked = points(plans_of(run), found.subject.technology)
    worst: dict[bool, tuple[float, float, PointView]] = {}
    for point in run.points:
        if point.settings["timing"] != "settled" or not plain(run, point):
            continue
        try:
            there = constants(found.subject, found.design, found.subject.setup(asked[point.number]))
        except UserError:
            continue
        for name, needed in settling_times(found.design, there).items():
            given, layer = windows[name]
            read = layer is not None
            most = worst[read][0] / worst[read][1] if read in worst else 1.0
            if needed / given > most:
                worst[read] = needed, given, point
    if not worst:
        return None
    late = {read: _late(run, found.design, *one) for read, one in worst.items()}
    frame = found.design.timing.frame
    strobes = tuple(found.design.timing.strobes[bank.layer] for bank in found.design.strobed)
    return ShortFrame(frame=frame, strobes=strobes, read=late.get(True), output=late.get(False))


def past_limit(run: RunView, factor: float) -> str:
    """Say which limit of the energy the most expensive run breaks where all take `factor` as much.

    Empty where none does, and where nothing limits it.
    """
    limit = run.spec(run.base.study).limits.get("energy")
    priced = [float(point.energy.max()) for point in run.points if len(point.energy)]
    if limit is None or limit.at_most is None or not priced:
        return ""
    least = factor * max(priced)
    if least <= limit.at_most:
        return ""
    return f", past the limit of {quantity(limit.at_most, 'J')} ({quantity(least, 'J')} at worst)"


def _late(run: RunView, design: Design, needed: float, given: float, point: PointView) -> Late:
    frame, enough = design.timing.frame, long_enough(design, needed, given)
    static, moving = (sum(pair[k] for pair in run.base.blocks.values()) for k in (0, 1))
    price = "not priced"
    if static:
        now = float(run.base.energy.mean())
        then = now * (static * enough / frame + moving) / (static + moving)
        price = (
            f"{quantity(then, 'J')} a sequence in place of {quantity(now, 'J')}"
            f"{past_limit(run, then / now)}, and sequences that take "
            f"{100 * (enough / frame - 1):.1f} % longer"
        )
    return Late(needed=needed, given=given, at=condition(run, point), enough=enough, price=price)
