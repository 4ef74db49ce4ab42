"""What designs cost and yield: energy, power and area against yield, where a sweep has several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from mru_hw.errors import UserError
from mru_hw.report.chip import ChipFacts, square
from mru_hw.report.colours import DIES, FAINT, INK
from mru_hw.report.drawing import Drawing, drawn
from mru_hw.report.montecarlo import points_of_yield
from mru_hw.report.parts import Picture, Section, Table
from mru_hw.spice.area import signal_area
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.explain import plans_of
from mru_hw.sweeps.points import points
from mru_hw.sweeps.statistics.answers import Statistics, Yield
from mru_hw.sweeps.told import Told, ends, percent, quantity
from mru_hw.sweeps.verdict import Verdict
from mru_hw.sweeps.view import RunView

DESIGN_AXES = tuple(name for name, axis in AXES.items() if not axis.not_at and axis.trials is None)
"""Axes that make another chip, as the level ideal knows them, and not another condition or die."""
_AREAS = 24
"""Designs that are mapped for their area, at most."""
_NEAR = 0.02
"""Areas that differ by a smaller share have no drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A design of a sweep.

    Attributes
    ----------
    name
        What tells it from the others, in words.
    yielded
        Its dies.
    energy, power
        Mean of its dies at the condition where they are largest [J, W]; NaN where not priced.
    accuracy
        Mean of its dies at the condition where it is least.
    area
        Gate area of the signal and bias devices [m^2]; NaN where it was not mapped.
    best
        Whether no other design yields as much for less energy, or more for as much, and some of
        its dies pass.
    """

    name: str
    yielded: Yield
    energy: float
    power: float
    accuracy: float
    area: float
    best: bool = False

    @property
    def share(self) -> float:
        """Share of its dies that pass."""
        return self.yielded.passed / self.yielded.dies


def tradeoffs(
    run: RunView, told: Statistics, judged: Verdict, chip: ChipFacts | None
) -> Section | None:
    """Return what the designs of a sweep cost and yield; None where it has one alone."""
    found = choices(run, told, judged, chip)
    if len(found) < 2:
        return None
    priced = any(np.isfinite(one.energy) for one in found)
    return Section(
        key="tradeoffs",
        title="Trade-offs between designs",
        paragraphs=[
            f"{len(found)} designs of one network on the same dies and sequences, at the corner of "
            "the figures at the head. Energy and power are means of the dies at the condition "
            "where they are largest, accuracy where it is least; the yield asks for all "
            "conditions. Marked ● are those that no other design beats: none yields as much for "
            "less energy, and some of their dies pass. Whether two yields differ by more than "
            "luck, their intervals say.",
        ],
        pictures=[_picture(found)] if priced else [],
        tables=[_table(found)],
    )


def choices(
    run: RunView, told: Statistics, judged: Verdict, chip: ChipFacts | None
) -> list[Choice]:
    """Return the designs of a sweep whose dies are drawn as those at its head."""
    head = judged.judged
    if head is None:
        return []
    names = [
        name for name in DESIGN_AXES if len({_key(one.settings[name]) for one in told.yields}) > 1
    ]
    alike = [
        one
        for one in told.yields
        if one.study == head.study
        and one.dies
        and all(one.settings[n] == head.settings[n] for n in one.settings if n not in names)
    ]
    areas = _areas(run, alike, chip)
    found = [_choice(run, one, names, area) for one, area in zip(alike, areas, strict=True)]
    return [_marked(one, found) for one in found]


def _key(value: Any) -> str:
    return repr(value)


def _choice(run: RunView, one: Yield, names: Sequence[str], area: float) -> Choice:
    some = [point for point in points_of_yield(run, one) if len(point.accuracy)]
    return Choice(
        name=", ".join(AXES[name].render(one.settings[name]) for name in names) or "the design",
        yielded=one,
        energy=max((float(p.energy.mean()) for p in some if len(p.energy)), default=np.nan),
        power=max((float(p.power.mean()) for p in some if len(p.power)), default=np.nan),
        accuracy=min((float(p.accuracy.mean()) for p in some), default=np.nan),
        area=area,
    )


def _marked(one: Choice, others: Sequence[Choice]) -> Choice:
    beaten = any(
        other.share >= one.share
        and other.energy <= one.energy
        and (other.share, -other.energy) != (one.share, -one.energy)
        for other in others
    )
    best = one.yielded.passed > 0 and np.isfinite(one.energy) and not beaten
    values = {name: getattr(one, name) for name in one.__dataclass_fields__}
    return Choice(**values | {"best": bool(best)})


def _areas(run: RunView, some: Sequence[Yield], chip: ChipFacts | None) -> list[float]:
    """Return the gate area of each design, NaN where it is not known."""
    nothing = [float("nan")] * len(some)
    if chip is None or len(some) > _AREAS:
        return nothing
    subject = chip.subject
    try:
        all_points = points(plans_of(run), subject.technology)
        designs = [subject.design(subject.setup(all_points[one.points[0]])) for one in some]
    except UserError:  # a version of the mapping that has no such design
        return nothing
    return [signal_area(design) for design in designs]


# ------------------------------------------------------------------------------------ as seen


def _table(found: Sequence[Choice]) -> Table:
    rows: list[list[str]] = [
        [
            one.name,
            "●" if one.best else "",
            quantity(one.energy, "J") if np.isfinite(one.energy) else Told("not priced"),
            quantity(one.power, "W") if np.isfinite(one.power) else Told("not priced"),
            square(one.area) if np.isfinite(one.area) else Told("not known"),
            percent(one.accuracy),
            percent(one.share),
            ends(one.yielded.band),
            Told(str(one.yielded.dies), one.yielded.dies),
        ]
        for one in found
    ]
    return Table(
        name="tradeoffs",
        caption=(
            "Designs of the sweep. Gate area: of the devices that carry signal and bias currents, "
            "without switches and logic."
        ),
        head=(
            *("design", "unbeaten", "energy", "power", "gate area", "accuracy", "yield"),
            *("95 % interval", "dies"),
        ),
        rows=rows,
        numbers=range(2, 9),
    )


def _picture(found: Sequence[Choice]) -> Picture:
    some = [one for one in found if np.isfinite(one.energy)]
    return Picture(
        name="tradeoffs",
        svg=_drawn(some),
        alternative="Yield of each design against its energy, and against its gate area.",
        caption=(
            "Yield of each design with its 95 % interval, against the energy of a sequence"
            + (" and the gate area" if _apart(some) else "")
            + ". Filled: unbeaten."
        ),
        data={
            "design": [one.name for one in some],
            "energy [J]": [one.energy for one in some],
            "area [m^2]": [one.area for one in some],
            "yield": [one.share for one in some],
            "low": [one.yielded.band.low if one.yielded.band else None for one in some],
            "high": [one.yielded.band.high if one.yielded.band else None for one in some],
        },
    )


def _apart(some: Sequence[Choice]) -> bool:
    """Whether the designs' areas are known and differ by more than `_NEAR`."""
    areas = [one.area for one in some]
    return bool(np.isfinite(areas).all()) and max(areas) > (1 + _NEAR) * min(areas)


def _drawn(some: Sequence[Choice]) -> Drawing:
    sides = [("energy of a sequence", "J", [one.energy for one in some])]
    if _apart(some):
        sides.append(("gate area [µm²]", "", [one.area * 1e12 for one in some]))

    def draw(figure: Figure) -> None:
        for axes, (label, unit, x) in zip(
            np.atleast_1d(figure.subplots(1, len(sides), sharey=True)), sides, strict=True
        ):
            _dots(axes, some, x)
            axes.set_xlabel(label)
            if unit:
                axes.xaxis.set_major_formatter(EngFormatter(unit=unit))
            axes.set_ylabel("yield [%]")
            axes.locator_params(axis="x", nbins=5)
            axes.margins(x=0.25)

    return drawn(draw, (4.4 * len(sides), 3.6))


def _dots(axes: Axes, some: Sequence[Choice], x: Sequence[float]) -> None:
    order = sorted(range(len(x)), key=x.__getitem__)
    higher = {k: place % 2 for place, k in enumerate(order)}  # neighbours' names stand apart
    for k, (at, one) in enumerate(zip(x, some, strict=True)):
        if one.yielded.band is not None:
            ends_at = [100 * one.yielded.band.low, 100 * one.yielded.band.high]
            axes.plot([at, at], ends_at, color=FAINT, linewidth=1)
        fill = DIES if one.best else "none"
        axes.plot([at], [100 * one.share], "o", color=DIES, markerfacecolor=fill, markersize=6)
        axes.annotate(
            one.name[:40],
            (at, 100 * one.share),
            xytext=(5, 5 + 11 * higher[k]),
            textcoords="offset points",
            fontsize=8,
            color=INK,
            annotation_clip=False,
        )
