"""Figures of a zoo as SVG: accuracies by cell, dies before and after, and how long states last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mru_hw.files import whole_file
from mru_hw.statistics.shares import clopper_pearson
from mru_hw.zoo.lasting import Lasting
from mru_hw.zoo.plan import ZooPlan
from mru_hw.zoo.table import Condition, Row, words_of

BLUE, ORANGE, GREEN, GREY = "#2b6cb0", "#c05621", "#2f855a", "#4a5568"
_STYLE: Any = {
    "text.parse_math": False,
    "svg.hashsalt": "mru_hw",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "figure.constrained_layout.use": True,
    "legend.frameon": False,
}
_WIDTHS = (BLUE, GREEN, GREY, "#805ad5")
"""Colours of widths, the smallest first."""
_LINE = 0.24
"""Height of a line of a figure [inch]."""
ACCURACY = (
    "Accuracy on the test part by cell: a dot a seed, a stroke the mean of the seeds; of several "
    "widths one below the other"
)
DIES = (
    "Share of dies within a point of the software, as trained and after training for the chip; "
    "lines are intervals of 95 %"
)
LASTING = "Accuracy over the length of a sequence: in software, and on dies with noise"


def draw_all(
    plan: ZooPlan, found: Sequence[Row], lasting: Sequence[Lasting], folder: Path
) -> list[tuple[str, str]]:
    """Draw what the rows can show into a folder; return file names and what each shows."""
    drawn: list[tuple[str, str]] = []
    tested = [row for row in found if row.tests]
    judged = [row for row in found if row.chip is not None and row.chip.before]
    if tested:
        drawn.append(("accuracy.svg", ACCURACY))
        panels = len({row.entry.task for row in tested})
        lines = len({(row.entry.task, row.entry.cell) for row in tested})
        size = (8.0, 0.7 + 0.7 * panels + _LINE * lines)
        _save(lambda figure: _by_cell(figure, plan, tested), folder / "accuracy.svg", size)
    if judged:
        drawn.append(("dies.svg", DIES))
        size = (8.0, 1.2 + 1.6 * _LINE * len(judged))
        _save(lambda figure: _dies(figure, judged), folder / "dies.svg", size)
    if lasting:
        drawn.append(("lasting.svg", LASTING))
        _save(lambda figure: _lasting(figure, lasting), folder / "lasting.svg", (9.5, 3.6))
    return drawn


def _save(draw: Callable[[Figure], None], path: Path, size: tuple[float, float]) -> None:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size)
        draw(figure)
        with whole_file(path) as part:
            figure.savefig(part, format="svg", metadata={"Date": None, "Creator": None})


def _of_task(found: Sequence[Row], task: str) -> list[Row]:
    return [row for row in found if row.entry.task == task]


def _by_cell(figure: Figure, plan: ZooPlan, found: Sequence[Row]) -> None:
    tasks = [name for name in plan.tasks if _of_task(found, name)]
    cells = {name: _cells_of(plan, _of_task(found, name)) for name in tasks}
    heights = [len(cells[name]) + 2.5 for name in tasks]
    widths = sorted({row.entry.width for row in found})
    axes = figure.subplots(len(tasks), 1, squeeze=False, height_ratios=heights)
    for one, name in zip(axes[:, 0], tasks, strict=True):
        group = _of_task(found, name)
        for row in group:
            k = widths.index(row.entry.width)
            y = cells[name].index(row.entry.cell) + (k - (len(widths) - 1) / 2) / (len(widths) + 1)
            shares = [100 * share for share in row.tests]
            one.plot(shares, [y] * len(shares), "o", color=_WIDTHS[k % 4], alpha=0.6, markersize=4)
            one.plot([mean(shares)], [y], "|", color=ORANGE, markersize=9, markeredgewidth=2)
        _names(one, cells[name])
        least = min(100 * min(row.tests) for row in group)
        one.set_xlim(least - 0.05 * (100 - least) - 0.5, 100.5)
        one.set_title(plan.tasks[name].title or name, loc="left", fontsize=10)
    axes[-1, 0].set_xlabel("accuracy [%]")
    if len(widths) > 1:
        dots = [Line2D([], [], color=_WIDTHS[k % 4], marker="o", ls="") for k in range(len(widths))]
        named = [f"width {width}" for width in widths]
        figure.legend(dots, named, loc="outside upper right", ncols=len(widths))


def _cells_of(plan: ZooPlan, group: Sequence[Row]) -> list[str]:
    """Return the cells of some rows, in the plan's order."""
    met = {row.entry.cell for row in group}
    return [name for name in plan.cells if name in met]


def _names(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color=GREY, alpha=0.2)


def _dies(figure: Figure, found: Sequence[Row]) -> None:
    chips = [row.chip for row in found if row.chip is not None]
    conditions = list(dict.fromkeys(words_of(one.settings) for one in chips[0].before))
    axes = figure.subplots(1, len(conditions), squeeze=False, sharey=True)
    stages = (("as trained", GREY, -0.15), ("trained for the chip", GREEN, 0.15))
    for place, condition in zip(axes[0], conditions, strict=True):
        for label, colour, shift in stages:
            for y, chip in enumerate(chips):
                known = chip.before if colour == GREY else chip.after
                for one in known:
                    if words_of(one.settings) == condition:
                        _share(place, one, y + shift, colour, label if y == 0 else None)
        place.set_title(condition, loc="left", fontsize=10)
        place.set_xlabel("dies within a point [%]")
        place.set_xlim(-3, 103)
        entries = [row.entry for row in found]
        _names(place, [f"{one.task}, {one.cell}, {one.width}" for one in entries])
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)


def _share(axes: Axes, one: Condition, y: float, colour: str, label: str | None) -> None:
    if not one.n_dies:
        return
    band = clopper_pearson(one.within, one.n_dies)
    axes.plot([100 * band.low, 100 * band.high], [y, y], color=colour, linewidth=1.5)
    axes.plot([100 * band.value], [y], "o", color=colour, markersize=6, label=label)


def _lasting(figure: Figure, found: Sequence[Lasting]) -> None:
    panels = ["software", *dict.fromkeys(name for one in found for name in one.dies)]
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)
    marks = "osD^vP*X"
    for place, name in zip(axes[0], panels, strict=True):
        for k, one in enumerate(found):
            known = one.software if name == "software" else one.dies.get(name, {})
            if known:
                label = f"{one.cell}, {one.width}"
                lengths, shares = list(known), [100 * mean(v) for v in known.values()]
                place.plot(lengths, shares, f"-{marks[k % len(marks)]}", label=label, color=f"C{k}")
        place.set_xscale("log")
        ticks = sorted({length for one in found for length in one.software})
        place.set_xticks(ticks, [f"{n:,}" for n in ticks])
        place.minorticks_off()
        place.set_title(name, loc="left", fontsize=10)
        place.set_xlabel("frames of a sequence")
        place.grid(color=GREY, alpha=0.2)
    axes[0, 0].set_ylabel("accuracy [%]")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
