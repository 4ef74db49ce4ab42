"""Figures as SVG in data URIs: nothing is loaded, nothing runs, the same input gives the same."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

from mru_hw.units import render

Array = NDArray[np.float64]

BLUE, ORANGE, GREEN, GREY, RED = "#2b6cb0", "#c05621", "#2f855a", "#4a5568", "#b83280"
COLOURS = (BLUE, ORANGE, GREEN, RED, GREY, "#6b46c1")
LINES = {
    "software": ("as trained", GREY, (0, (1, 1))),
    "ideal": ("mapped and rounded", GREEN, (0, (5, 1))),
    "nominal": ("nominal die", ORANGE, "solid"),
}
_STYLE: Any = {
    "text.parse_math": False,  # no text of a file is a formula
    "svg.hashsalt": "mru_hw",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "figure.constrained_layout.use": True,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure of the page.

    Attributes
    ----------
    uri
        ``data:image/svg+xml;base64,…``.
    alternative
        What it shows, for who cannot see it.
    caption
        What the reader should take from it.
    """

    uri: str
    alternative: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A quantity over the values of an axis: mean and, where there are dies, P10 to P90."""

    label: str
    mean: Array
    low: Array
    high: Array


def drawn(draw: Callable[[Figure], None], size: tuple[float, float]) -> str:
    """Return what `draw` puts on a figure of `size` inches, as a data URI."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size)
        draw(figure)
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _known(references: Mapping[str, float]) -> list[tuple[str, str, Any, float]]:
    """Return label, colour, dashes and value of the references that have a line."""
    return [(*LINES[name], share) for name, share in references.items() if name in LINES]


def accuracy_histogram(accuracy: Array, references: Mapping[str, float], n_seq: int) -> str:
    """Draw how many dies reach which accuracy, beside the references."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        # Every accuracy is a multiple of one sequence: a bar for each, or for a few together.
        right = np.rint(accuracy * n_seq).astype(int)
        low, high = int(right.min()), int(right.max())
        step = max(1, (high - low) // 40 + 1)
        edges = (np.arange(low, high + step + 1, step) - 0.5) / n_seq * 100
        axes.hist(100 * accuracy, bins=edges.tolist(), color=BLUE, edgecolor="white", linewidth=0.5)
        for label, colour, dashes, share in _known(references):
            # What lies under another line shows through its gaps.
            order = 5 if dashes != "solid" else 4
            axes.axvline(
                100 * share, color=colour, ls=dashes, linewidth=2, label=label, zorder=order
            )
        axes.set_xlabel(f"accuracy on {n_seq} sequences [%]")
        axes.set_ylabel("dies")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)

    return drawn(draw, (7, 3.4))


def energy_histograms(energies: Array, power: Array) -> str:
    """Draw energies of sequences (all dies) and mean powers of dies."""

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        left.hist(energies.ravel(), bins=40, color=BLUE, edgecolor="white", linewidth=0.3)
        low, high = np.percentile(energies, [10, 90])
        for value, label in ((low, "P10"), (energies.mean(), "mean"), (high, "P90")):
            left.axvline(value, color=ORANGE, linestyle="solid" if label == "mean" else "dashed")
            left.annotate(
                label, (value, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom"
            )
        left.xaxis.set_major_formatter(EngFormatter(unit="J"))
        left.set_xlabel("energy of a sequence")
        left.set_ylabel("sequences on dies")
        right.hist(power, bins=30, color=GREEN, edgecolor="white", linewidth=0.3)
        right.xaxis.set_major_formatter(EngFormatter(unit="W"))
        right.set_xlabel("mean power of a die")
        right.set_ylabel("dies")
        for axes in (left, right):
            axes.locator_params(axis="x", nbins=5)

    return drawn(draw, (7.5, 3.2))


def over_axis(
    axis: str,
    values: Sequence[Any],
    panels: Sequence[tuple[str, str, Sequence[Series]]],
    references: Mapping[str, float],
    *,
    unit: str = "",
) -> str:
    """Draw quantities over an axis: panels of (label, unit, series); references to the first.

    `unit` is the SI unit of the axis's own values, which its ticks have with a prefix.
    """

    def draw(figure: Figure) -> None:
        for place, (title, measure, series) in zip(
            np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True
        ):
            _curves(place, values, series, unit)
            _label(place, axis, title, measure, references)

    return drawn(draw, (4.2 * len(panels), 3.4 + 0.2 * len(panels[0][2])))


def over_sample(
    axis: str,
    values: Sequence[Any],
    panels: Sequence[tuple[str, str, Array]],
    references: Mapping[str, float],
    *,
    unit: str = "",
) -> str:
    """Draw the means of points that are a sample over one of their axes, as dots.

    `unit` is as `over_axis` has it.
    """

    def draw(figure: Figure) -> None:
        for place, (title, measure, means) in zip(
            np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True
        ):
            place.plot(list(values), means, color=BLUE, marker="o", markersize=3, linestyle="none")
            if unit:
                _write_prefixes(place, unit)
            _label(place, axis, title, measure, references)

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
        place.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    else:
        place.yaxis.set_major_formatter(EngFormatter(unit=measure))


def _write_prefixes(axes: Axes, unit: str) -> None:
    """Write a unit with its prefix behind each tick of the abscissa."""
    axes.xaxis.set_major_formatter(EngFormatter(unit=unit))
    axes.locator_params(axis="x", nbins=5)


def _curves(axes: Axes, values: Sequence[Any], series: Sequence[Series], unit: str) -> None:
    """Draw one curve in its band, or several with bars from P10 to P90, a little apart."""
    numbers = all(isinstance(value, (int, float)) for value in values)
    x = np.array(values, dtype=float) if numbers else np.arange(len(values), dtype=float)
    wide = numbers and x.min() >= 0 and x.max() >= 10 * np.min(x, where=x > 0, initial=np.inf)
    if not numbers or wide:
        # Ranks, evenly spaced: what matters is the step from value to value.
        x = np.arange(len(values), dtype=float)
        axes.set_xticks(x, [_tick(value, unit) for value in values])
    elif unit:
        _write_prefixes(axes, unit)
    apart = 0.03 * (x.max() - x.min()) / max(1, len(series) - 1)
    for k, one in enumerate(series):
        colour, label = COLOURS[k % len(COLOURS)], one.label or None
        if len(series) == 1:
            axes.plot(x, one.mean, color=colour, marker="o", markersize=4, label=label)
            axes.fill_between(x, one.low, one.high, color=colour, alpha=0.15, linewidth=0)
        else:
            at = x + (k - (len(series) - 1) / 2) * apart
            bars = np.stack([one.mean - one.low, one.high - one.mean]).clip(min=0)
            axes.errorbar(
                at,
                one.mean,
                bars,
                color=colour,
                marker="o",
                markersize=4,
                elinewidth=1,
                label=label,
            )


def _tick(value: Any, unit: str) -> str:
    if not isinstance(value, (int, float)):
        return str(value)[:20]
    return render(value, unit) if unit else f"{value:g}"


def energy_by_block(blocks: Mapping[str, tuple[float, float]], *, split: bool) -> str:
    """Draw the mean energy of a sequence by supply block, static and switching apart."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        names = sorted(blocks, key=lambda name: sum(blocks[name]))
        static = np.array([blocks[name][0] for name in names])
        switching = np.array([blocks[name][1] for name in names])
        axes.barh(names, static, color=BLUE, label="static" if split else "in all")
        if split:
            axes.barh(names, switching, left=static, color=ORANGE, label="switching")
            axes.legend(loc="lower right")
        for row, value in enumerate(static + switching):
            share = 100 * value / (static + switching).sum()
            axes.annotate(f" {share:.1f} %", (value, row), va="center")
        axes.xaxis.set_major_formatter(EngFormatter(unit="J"))
        axes.set_xlabel("energy of a sequence, on average")
        axes.margins(x=0.12)

    return drawn(draw, (7, 2.4))


def side_by_side(groups: Mapping[str, Mapping[str, float]], unit: str, label: str) -> str:
    """Draw several quantities (groups) for the same names, as bars beside each other."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        names = list(next(iter(groups.values())))
        x, width = np.arange(len(names), dtype=float), 0.8 / len(groups)
        for k, (group, values) in enumerate(groups.items()):
            place = x + (k - (len(groups) - 1) / 2) * width
            axes.bar(place, [values[n] for n in names], width, color=COLOURS[k], label=group)
        axes.set_xticks(x, names)
        axes.yaxis.set_major_formatter(EngFormatter(unit=unit))
        axes.set_ylabel(label)
        axes.legend()

    return drawn(draw, (7, 3))
