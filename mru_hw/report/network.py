"""The network as blocks, the circuits of its chip with their schematics, and where units switch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from mru_hw.cells.base import Devices
from mru_hw.mapping.parts import Bank
from mru_hw.report.chip import ChipFacts
from mru_hw.report.circuits import circuits_table, devices_table, views_of
from mru_hw.report.colours import DIES, FAINT, INK
from mru_hw.report.drawing import Drawing, drawn
from mru_hw.report.figures import Array
from mru_hw.report.network_blocks import blocks
from mru_hw.report.parts import Picture, Section, Table
from mru_hw.report.schematic import devices, schematic, what_it_is
from mru_hw.sweeps.told import Told, percent, quantity
from mru_hw.sweeps.words import many
from mru_hw.variation.die import draw_dies, nominal_die

_DIES = 20
"""Dies whose switching points are drawn."""
_LAYERS = 4
"""Layers that are drawn, at most."""


def network_section(found: ChipFacts, seeds: Sequence[int]) -> Section:
    """Return the section that draws the network, its circuits and its units' switching points.

    Parameters
    ----------
    seeds
        Of dies of the point at the head.
    """
    loops = switching(found, [int(seed) for seed in seeds[:_DIES]])
    fixed = [loop for loop in loops if loop.fixed]
    paragraphs = [
        "What each schematic's devices are called by is their class; the table of unit devices "
        "has the technology's own sizes for it. ×m is a number of parallel unit devices.",
    ]
    if len(fixed) < len(loops):
        paragraphs.append(
            "Units whose thresholds come from the input have no fixed switching points, and are in "
            "no loop here."
        )
    return Section(
        key="network",
        title="The network and its circuits",
        paragraphs=paragraphs,
        pictures=[
            blocks(found),
            *([_loops(found, fixed)] if fixed else []),
            *(
                Picture(
                    name=f"schematic_{view}",
                    svg=schematic(view),
                    alternative=f"Schematic of {view}.",
                    caption=f"{view}: {what_it_is(view)}.",
                    data=devices(view),
                    half=True,
                )
                for view in views_of(found)
            ),
        ],
        tables=[
            circuits_table(found),
            *([_thresholds(fixed)] if fixed else []),
            devices_table(found),
        ],
    )


# ----------------------------------------------------------------------------- switching points


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Where the units of a layer switch; currents in A.

    Attributes
    ----------
    layer, levels, bits
        Which, K, and whether its units are single bits without a clock.
    up, down
        (1 + n_dies, n_units) candidate at which a unit steps up, and down; the nominal die first.
    level
        (1 + n_dies, n_units, n_levels) its output current by level, the lowest first.
    """

    layer: int
    levels: int
    bits: bool
    up: Array
    down: Array
    level: Array

    @property
    def fixed(self) -> bool:
        """Whether bias legs set its thresholds."""
        return bool(np.isfinite(self.up).all())


def switching(found: ChipFacts, seeds: Sequence[int]) -> list[Loop]:
    """Return where the units of each layer switch on the nominal die and on dies with mismatch."""
    at, design = found.conditions, found.design
    own = found.calibration.at(
        at.v_dd, temperature=at.temperature, corner=at.corner, loops_only=design.loops_only
    )
    dies = [nominal_die(design), *draw_dies(design, seeds)]
    placed = [
        Devices(design=design, calibration=own, die=die, temperature=at.temperature) for die in dies
    ]
    return [_loop(bank, placed) for bank in design.banks[:_LAYERS]]


def _loop(bank: Bank, dies: Sequence[Devices]) -> Loop:
    laws = [bank.circuit.law(devices, bank) for devices in dies]
    # The law of a clocked unit counts the current of the minus rail, so downward is negative.
    sign = -1.0 if bank.clocked else 1.0
    return Loop(
        layer=bank.layer,
        levels=bank.levels,
        bits=not bank.clocked,
        up=np.stack([law.up for law in laws]),
        down=sign * np.stack([law.down for law in laws]),
        level=np.stack([law.level for law in laws]),
    )


def _loops(found: ChipFacts, loops: Sequence[Loop]) -> Picture:
    n_dies = len(loops[0].up) - 1
    temperature = found.conditions.temperature
    return Picture(
        name="hysteresis",
        svg=_draw_loops(loops),
        alternative="Output current of a unit of each layer against its candidate, up and down.",
        caption=(
            "Hysteresis of one unit of each layer, by the laws of its circuit: its output current "
            "while a slow candidate rises and falls, on the nominal die (thick) and "
            f"{many(n_dies, 'die')} with mismatch (thin), at {temperature:g} °C. A clocked unit "
            "moves one level a frame, so that it takes a frame for each level on the steep sides "
            "(dotted: levels between)."
        ),
        data=_loop_columns(loops),
    )


def _loop_columns(loops: Sequence[Loop]) -> Mapping[str, list[float]]:
    found: dict[str, list[float]] = {}
    for loop in loops:
        unit = _shown(loop)
        name = f"layer {loop.layer}, unit {unit}"
        found[f"{name}: up [A]"] = loop.up[:, unit].tolist()
        found[f"{name}: down [A]"] = loop.down[:, unit].tolist()
        found[f"{name}: lowest output [A]"] = loop.level[:, unit, 0].tolist()
        found[f"{name}: highest output [A]"] = loop.level[:, unit, -1].tolist()
    return found


def _shown(loop: Loop) -> int:
    """Return the unit that is drawn: the one whose threshold is the median of its layer's."""
    return int(np.argsort(loop.up[0], kind="stable")[len(loop.up[0]) // 2])


def _draw_loops(loops: Sequence[Loop]) -> Drawing:
    def draw(figure: Figure) -> None:
        places = np.atleast_1d(figure.subplots(1, len(loops)))
        for axes, loop in zip(places, loops, strict=True):
            _draw_loop(axes, loop)

    return drawn(draw, (max(4.2, 3.6 * len(loops)), 3.2))


def _draw_loop(axes: Axes, loop: Loop) -> None:
    unit = _shown(loop)
    ups, downs, levels = loop.up[:, unit], loop.down[:, unit], loop.level[:, unit]
    most = 1.6 * float(max(np.abs(ups).max(), np.abs(downs).max()))
    left = 0.0 if loop.bits else -most
    for k in reversed(range(len(ups))):
        low, high, nominal = float(levels[k, 0]), float(levels[k, -1]), k == 0
        up, down = float(ups[k]), float(downs[k])
        pen: Any = {"color": DIES if nominal else FAINT, "linewidth": 1.6 if nominal else 0.6}
        axes.plot([left, up, up, most], [low, low, high, high], zorder=3 + nominal, **pen)
        axes.plot([most, down, down, left], [high, high, low, low], zorder=3 + nominal, **pen)
    for between in levels[0, 1:-1]:
        axes.plot([downs[0], ups[0]], [between, between], color=DIES, linestyle=":", linewidth=1)
    top = float(levels.max())
    axes.annotate("up", (float(ups[0]), top * 1.03), ha="center", color=INK, fontsize=8)
    axes.annotate("down", (float(downs[0]), top * 1.03), ha="center", color=INK, fontsize=8)
    axes.set_title(f"layer {loop.layer}, unit {unit}", loc="left", fontsize=9, pad=14)
    axes.set_xlabel("candidate")
    axes.set_ylabel("output")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(EngFormatter(unit="A"))
    axes.locator_params(axis="x", nbins=4)


def _thresholds(loops: Sequence[Loop]) -> Table:
    return Table(
        name="thresholds",
        caption=(
            "Where the units of a layer switch, by the laws of their circuits: the nominal die, "
            "and the standard deviation over units and dies with mismatch of what each is off "
            "from its nominal, as a share of that. Of the unit's own devices alone: what the "
            "candidate's legs add stands under “What to enlarge”."
        ),
        head=("layer and edge", "units", "least", "most", "sigma by mismatch", "dies"),
        rows=[row for loop in loops for row in _edges(loop)],
        numbers=range(1, 6),
    )


def _edges(loop: Loop) -> Iterator[list[str]]:
    for word, values in (("up", loop.up), ("down", loop.down)):
        nominal = values[0]
        known = nominal != 0
        off = values[1:, known] / nominal[known] - 1
        yield [
            f"layer {loop.layer}, {word}",
            Told(str(len(nominal)), len(nominal)),
            quantity(float(nominal.min()), "A"),
            quantity(float(nominal.max()), "A"),
            percent(float(np.sqrt((off**2).mean()))) if off.size else Told("not told"),
            Told(str(len(values) - 1), len(values) - 1),
        ]
