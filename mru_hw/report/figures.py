"""Figures as SVG: nothing is loaded, nothing runs, the same input gives the same text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import NDArray

from mru_hw.report.colours import (
    BLOCKS,
    DIES,
    FAINT,
    INK,
    LEVELS,
    LIMIT,
    NGSPICE,
    PAPER,
    SEVERAL,
)
from mru_hw.report.drawing import Drawing, drawn
from mru_hw.sweeps.told import percent
from mru_hw.units import in_symbols, render

Array = NDArray[np.float64]

TOGETHER = 3
"""Curves that share a frame; more have a frame each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A quantity over the values of an axis: mean and, where there are dies, P10 to P90."""

    label: str
    mean: Array
    low: Array
    high: Array


def _known(references: Mapping[str, float]) -> list[tuple[str, str, Any, float]]:
    """Return label, colour, dashes and value of the references that have a line."""
    return [(*LEVELS[name], share) for name, share in references.items() if name in LEVELS]


def accuracy_histogram(
    accuracy: Array, references: Mapping[str, float], n_seq: int, limit: float | None = None
) -> Drawing:
    """Draw how many dies reach which accuracy, beside the references and the least allowed."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        # Every accuracy is a multiple of one sequence: a bar for each, or for a few together.
        right = np.rint(accuracy * n_seq).astype(int)
        low, high = int(right.min()), int(right.max())
        step = max(1, (high - low) // 40 + 1)
        edges = (np.arange(low, high + step + 1, step) - 0.5) / n_seq * 100
        axes.hist(100 * accuracy, bins=edges.tolist(), color=DIES, edgecolor=PAPER, linewidth=0.5)
        for label, colour, dashes, share in _known(references):
            # What lies under another line shows through its gaps.
            order = 5 if dashes != "solid" else 4
            axes.axvline(100 * share, color=PAPER, linewidth=4, zorder=order)
            axes.axvline(
                100 * share, color=colour, ls=dashes, linewidth=2, label=label, zorder=order
            )
        if limit is not None:
            _limit(axes, 100 * limit, "at least")
        axes.set_xlabel(f"accuracy on {n_seq} sequences [%]")
        axes.set_ylabel("dies")
        _legend(axes, references, 1.12)

    return drawn(draw, (7, 3.6))


def _legend(axes: Axes, references: Mapping[str, float], height: float) -> None:
    """Name the references above a frame, where there are some."""
    if _known(references):
        axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, height), ncols=3)


def _limit(axes: Axes, at: float, label: str) -> None:
    """Draw a limit as a line that bears its name."""
    axes.axvline(at, color=LIMIT, linestyle=(0, (3, 1, 1, 1)), linewidth=1.6, zorder=6)
    axes.annotate(
        label,
        (at, 1.07),
        xycoords=("data", "axes fraction"),
        ha="center",
        va="bottom",
        fontsize=9,
        color=LIMIT,
    )


def _limit_beyond(axes: Axes, label: str, *, right: bool) -> None:
    """Name a limit that lies outside a frame, with an arrow towards it."""
    axes.annotate(
        f"{label} →" if right else f"← {label}",
        (1.0 if right else 0.0, 1.1),
        xycoords="axes fraction",
        ha="right" if right else "left",
        va="bottom",
        fontsize=9,
        color=LIMIT,
    )


def spread(
    panels: Sequence[tuple[str, str, str, Array, Mapping[str, float]]],
) -> Drawing:
    """Draw distributions: panels of (label, what is counted, unit, values, limits).

    What is counted in [%] is a share of all values. A limit far from the values stands beside an
    arrow at that end of the frame, for on one scale with it the values would be one bar.
    """

    def draw(figure: Figure) -> None:
        for axes, (label, counted, unit, values, limits) in zip(
            np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True
        ):
            each = 100 / values.size if counted.endswith("[%]") else 1.0
            axes.hist(
                values.ravel(),
                bins=32,
                weights=np.full(values.size, each),
                color=DIES,
                edgecolor=PAPER,
                linewidth=0.3,
            )
            left, right = axes.get_xlim()
            for words, value in limits.items():
                if left - (right - left) <= value <= right + (right - left):
                    _limit(axes, value, words)
                else:
                    _limit_beyond(
                        axes, f"{words} {in_symbols(render(value, unit))}", right=value > right
                    )
            _middle(axes, values)
            axes.xaxis.set_major_formatter(EngFormatter(unit=unit))
            axes.set_xlabel(label)
            axes.set_ylabel(counted)
            axes.locator_params(axis="x", nbins=5)

    return drawn(draw, (4.0 * len(panels), 3.2))


def _middle(axes: Axes, values: Array) -> None:
    """Mark mean, P10 and P90; those too near the mean for a name have lines alone."""
    mean = float(values.mean())
    left, right = axes.get_xlim()
    for value, name in zip(
        (*np.percentile(values, [10, 90]).tolist(), mean), ("P10", "P90", "mean"), strict=True
    ):
        middle = name == "mean"
        axes.axvline(value, color=INK, linestyle="solid" if middle else "dashed")
        if middle or abs(value - mean) > 0.12 * (right - left):
            axes.annotate(
                name, (value, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom"
            )


def over_axis(
    axis: str,
    values: Sequence[Any],
    panels: Sequence[tuple[str, str, Sequence[Series]]],
    references: Mapping[str, float],
    *,
    unit: str = "",
) -> Drawing:
    """Draw quantities over an axis: panels of (label, unit, series); references to the first.

    Each curve has its band. Up to `TOGETHER` share a frame; more have one each, on common scales.
    `unit` is the SI unit of the axis's own values, which its ticks have with a prefix.
    """
    count = len(panels[0][2])
    across = 1 if count <= TOGETHER else count

    def draw(figure: Figure) -> None:
        places = figure.subplots(across, len(panels), sharex="all", sharey="col", squeeze=False)
        for column, (title, measure, series) in enumerate(panels):
            frames = [series] if across == 1 else [[one] for one in series]
            for row, some in enumerate(frames):
                place = places[row][column]
                _curves(place, values, some, unit)
                last = row == across - 1
                _label(place, axis if last else "", title, measure, references)
                if row == 0 and measure == "%":
                    _legend(place, references, 1.1)
                if across > 1:
                    place.set_title(some[0].label, fontsize=9, loc="left")

    return drawn(draw, (4.2 * len(panels), 3.6 if across == 1 else 0.8 + 1.7 * across))


def over_sample(
    axis: str,
    values: Sequence[Any],
    panels: Sequence[tuple[str, str, Array]],
    references: Mapping[str, float],
    *,
    unit: str = "",
) -> Drawing:
    """Draw the means of points that are a sample over one of their axes, as dots.

    `unit` is as `over_axis` has it.
    """

    def draw(figure: Figure) -> None:
        for place, (title, measure, means) in zip(
            np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True
        ):
            place.plot(list(values), means, color=DIES, marker="o", markersize=3, linestyle="none")
            if unit:
                _write_prefixes(place, unit)
            _label(place, axis, title, measure, references)
            if measure == "%":
                _legend(place, references, 1.0)

    return drawn(draw, (4.2 * len(panels), 3.4))


def _label(
    place: Axes, axis: str, title: str, measure: str, references: Mapping[str, float]
) -> None:
    """Name both axes, and put the references to shares."""
    place.set_xlabel(axis)
    place.set_ylabel(title if measure != "%" else f"{title} [%]")
    if measure == "%":
        for label, colour, dashes, share in _known(references):
            place.axhline(100 * share, color=colour, linestyle=dashes, linewidth=1, label=label)
    else:
        place.yaxis.set_major_formatter(EngFormatter(unit=measure))


def _write_prefixes(axes: Axes, unit: str) -> None:
    """Write a unit with its prefix behind each tick of the abscissa."""
    axes.xaxis.set_major_formatter(EngFormatter(unit=unit))
    axes.locator_params(axis="x", nbins=5)


def _curves(axes: Axes, values: Sequence[Any], series: Sequence[Series], unit: str) -> None:
    """Draw curves in their bands, named at their ends where there are several."""
    numbers = all(isinstance(value, (int, float)) for value in values)
    x = np.array(values, dtype=float) if numbers else np.arange(len(values), dtype=float)
    wide = numbers and x.min() >= 0 and x.max() >= 10 * np.min(x, where=x > 0, initial=np.inf)
    if not numbers or wide:
        # Ranks, evenly spaced: what matters is the step from value to value.
        x = np.arange(len(values), dtype=float)
        axes.set_xticks(x, [_tick(value, unit) for value in values])
    elif unit:
        _write_prefixes(axes, unit)
    marks = "osD"
    for k, one in enumerate(series):
        colour = DIES if len(series) == 1 else SEVERAL[k % len(SEVERAL)]
        axes.plot(x, one.mean, color=colour, marker=marks[k % 3], markersize=4, zorder=3)
        axes.fill_between(x, one.low, one.high, color=colour, alpha=0.18, linewidth=0)
    if len(series) > 1:
        _name_ends(axes, x, series)


def _name_ends(axes: Axes, x: Array, series: Sequence[Series]) -> None:
    """Write each curve's name at its right end, names apart."""
    ends = [one.mean[np.isfinite(one.mean)][-1:] for one in series]
    known = [k for k, end in enumerate(ends) if len(end)]
    known.sort(key=lambda k: float(ends[k][0]))
    for rank, k in enumerate(known):
        shift = (rank - (len(known) - 1) / 2) * 10.0
        axes.annotate(
            series[k].label,
            (float(x[-1]), float(ends[k][0])),
            xytext=(8, shift),
            textcoords="offset points",
            color=SEVERAL[k % len(SEVERAL)],
            fontsize=8,
            va="center",
            annotation_clip=False,
        )


def _tick(value: Any, unit: str) -> str:
    if not isinstance(value, (int, float)):
        return str(value)[:20]
    return in_symbols(render(value, unit)) if unit else f"{value:g}"


def energy_by_block(blocks: Mapping[str, tuple[float, float]], *, split: bool) -> Drawing:
    """Draw the mean energy of a sequence by supply block, static and switching apart.

    Blocks have their colours; what is switching is hatched.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        names = sorted(blocks, key=lambda name: sum(blocks[name]))
        static = np.array([blocks[name][0] for name in names])
        switching = np.array([blocks[name][1] for name in names])
        colours = [BLOCKS.get(name, FAINT) for name in names]
        axes.barh(names, static, color=colours)
        if split:
            axes.barh(
                names, switching, left=static, color=colours, hatch="////", edgecolor=PAPER, lw=0
            )
        for row, value in enumerate(static + switching):
            share = value / ((static + switching).sum() or 1.0)
            axes.annotate(f" {percent(share, 1)}", (value, row), va="center")
        axes.xaxis.set_major_formatter(EngFormatter(unit="J"))
        more = ", hatched: switching" if split else ""
        axes.set_xlabel(f"energy of a sequence, on average{more}")
        axes.margins(x=0.12)

    return drawn(draw, (7, 2.4))


def ranked(values: Mapping[str, float], label: str, unit: str = "") -> Drawing:
    """Draw quantities as bars, the first on top; shares in % without a `unit`."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        names, sizes = list(values)[::-1], list(values.values())[::-1]
        axes.barh([name[:48] for name in names], sizes, color=DIES)
        for row, value in enumerate(sizes):
            said = in_symbols(render(value, unit, 3)) if unit else percent(value / 100, 1)
            axes.annotate(f" {said}", (value, row), va="center")
        if unit:
            axes.xaxis.set_major_formatter(EngFormatter(unit=unit))
        axes.set_xlabel(label)
        axes.margins(x=0.14)

    return drawn(draw, (7, 0.9 + 0.28 * len(values)))


def side_by_side(groups: Mapping[str, Mapping[str, float]], unit: str, label: str) -> Drawing:
    """Draw quantities of levels of truth (groups) for the same names, as bars beside each other."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        names = list(next(iter(groups.values())))
        x, width = np.arange(len(names), dtype=float), 0.8 / len(groups)
        colours = {"ngspice": NGSPICE, "behavioral": DIES}
        for k, (group, values) in enumerate(groups.items()):
            place = x + (k - (len(groups) - 1) / 2) * width
            colour = colours.get(group, SEVERAL[k % len(SEVERAL)])
            hatch = "" if k == 0 else "///"
            heights = [values[n] for n in names]
            axes.bar(
                place, heights, width, color=colour, hatch=hatch, edgecolor=PAPER, lw=0, label=group
            )
        axes.set_xticks(x, names)
        axes.yaxis.set_major_formatter(EngFormatter(unit=unit))
        axes.set_ylabel(label)
        axes.legend()

    return drawn(draw, (7, 3))


def errors(values: Array, label: str) -> Drawing:
    """Draw how far the array is from ngspice, one bar height a few runs, with 0 marked."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.hist(100 * values, bins=24, color=NGSPICE, edgecolor=PAPER, linewidth=0.3)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlabel(f"{label} [%]")
        axes.set_ylabel("sequences on dies")

    return drawn(draw, (7, 2.8))
