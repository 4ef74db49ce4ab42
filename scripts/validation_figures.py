"""Draw the figures at the heads of docs/validation from the tables of the same pages.

    python -m scripts.validation_figures

reads each page's own table, so that a figure cannot say something else than what stands below it.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mru_hw.lab.figures import plotting, saved

PAGES = Path(__file__).parents[1] / "docs" / "validation"
BLUE, ORANGE, GREEN, GREY, SKY = "#0072b2", "#d55e00", "#009e73", "#888888", "#56b4e9"

plt = plotting(9)


def main() -> None:
    """Write the figures."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    (PAGES / "figures").mkdir(exist_ok=True)
    for name, draw, panels in (
        ("agreement", agreement, 1),
        ("timing", timing, 1),
        ("budget", budget, 1),
        ("sensitivity", sensitivity, 1),
        ("trim", trim, 2),
        ("retention", retention, 2),
        ("chip_training", chip_training, 1),
        ("digital", digital, 1),
    ):
        figure, axes = plt.subplots(1, panels, figsize=(7.5, 3.2), squeeze=False)
        draw(*axes[0])
        for place in axes[0]:
            place.spines[["top", "right"]].set_visible(False)
        figure.tight_layout()
        saved(figure, PAGES / "figures" / f"{name}.svg")
        plt.close(figure)


def rows_of(page: str, start: str) -> list[list[str]]:
    """Return the cells of the rows of the first table of a page whose head begins with `start`."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    table = text[text.index(f"\n{start}") + 1 :].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def number(text: str) -> float:
    """Return the first number of a cell."""
    return float(re.findall(r"-?\d[\d,]*\.?\d*", text)[0].replace(",", ""))


def agreement(axes: Axes) -> None:
    """Draw wrong steps over the distance from the threshold, in tenths of the steps."""
    table = rows_of("agreement", "| from | 0 | 0.24")
    found = {row[0]: [number(cell) for cell in row[1:]] for row in table}
    places = np.arange(10)
    for shift, (name, label, colour) in zip(
        (-0.2, 0.2),
        (
            ("layer 0: wrong", "layer 0", BLUE),
            ("layer 1: wrong, given its own layer 0", "layer 1, given its own layer 0", ORANGE),
        ),
        strict=True,
    ):
        axes.bar(places + shift, found[name], width=0.38, color=colour, label=label)
    axes.set(xlabel="tenth of the steps, nearest to the threshold first", ylabel="wrong steps")
    axes.set(ylim=(0, 10), title="of some 245 steps each, generic180, nominal")
    axes.set_xticks(places, [str(k + 1) for k in places])
    axes.legend(frameon=False)


def timing(axes: Axes) -> None:
    """Draw late steps that the timed array reproduces, misses and invents."""
    rows, names, process = rows_of("timing", "| | network | bits or steps"), [], ""
    rows = [row for row in rows if number(row[3]) > 0]
    for row in rows:
        process = row[0] or process
        names.append(f"{process}, {row[1]}")
    values = np.array([[number(cell) for cell in row[4:7]] for row in rows])
    shares = 100 * values / values[:, :2].sum(axis=1, keepdims=True)
    places, left = np.arange(len(rows))[::-1], np.zeros(len(rows))
    for k, (label, colour) in enumerate((("reproduced", GREEN), ("missed", GREY))):
        axes.barh(places, shares[:, k], left=left, color=colour, label=label)
        left += shares[:, k]
    axes.barh(places, shares[:, 2], left=left + 3, color=ORANGE, label="invented, beside them")
    axes.set_yticks(places, names)
    axes.set(xlabel="% of the late bits or steps of ngspice")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, 1.18), ncols=3)


def budget(axes: Axes) -> None:
    """Draw the random error of thresholds: predicted, and over dies."""
    rows = rows_of("budget", "| `area` | predicted")
    places = np.arange(len(rows))[::-1]
    names = [row[0].replace("`", "").replace("layers.0.", "") for row in rows]
    axes.plot([number(row[1]) for row in rows], places, "o", color=BLUE, label="predicted")
    axes.plot([number(row[2]) for row in rows], places, "s", color=ORANGE, label="300 dies")
    axes.set_yticks(places, names)
    axes.set(xlabel="random error of a threshold, % of beta", xlim=(8, 12))
    axes.legend(frameon=False)


def sensitivity(axes: Axes) -> None:
    """Draw what groups of devices add alone: on dies, over the prediction."""
    rows = rows_of("sensitivity", "| group | gone")
    axes.plot([0, 0.16], [0, 0.16], color=GREY, lw=1)
    for row in rows:
        x, y = number(row[5]), number(row[4])
        low, high = (float(each) for each in re.findall(r"[\d.]+", row[4].split("(")[1]))
        axes.errorbar(x, y, [[y - low], [high - y]], fmt="o", color=BLUE, ms=4, lw=1)
    axes.text(0.118, 0.122, "as predicted", color=GREY, rotation=30)
    axes.set(xlabel="predicted by the budget, % of steps", ylabel="measured on 40 dies")
    axes.set(title="wrong steps by the mismatch of one group alone", xlim=(0, 0.16), ylim=(0, 0.16))


def trim(*panels: Axes) -> None:
    """Draw yields over the area of the mirrors, by the bits of the trim DACs."""
    rows = rows_of("trim", "| | area | untrimmed")
    for axes, process in zip(panels, ("generic180", "sky130"), strict=True):
        own = [row for row in rows if process in row[0]]
        for column, (label, colour, mark) in enumerate(
            (
                ("untrimmed", GREY, "o"),
                ("3 bits", BLUE, "s"),
                ("4 bits", GREEN, "^"),
                ("6 bits", ORANGE, "v"),
            )
        ):
            shown = [number(row[2 + column]) for row in own]
            axes.plot([0.25, 1, 4], shown, marker=mark, color=colour, label=label, ms=5)
        axes.set_xscale("log")
        axes.set_xticks([0.25, 1, 4], ["1/4", "1", "4"])
        axes.set(title=process, xlabel="area of every mirror device", ylim=(96, 100.5))
        axes.minorticks_off()
    panels[0].set_ylabel("yield of 200 dies, %")
    panels[1].legend(frameon=False)


def retention(*panels: Axes) -> None:
    """Draw flips a second under amplified white noise, with the law."""
    rows = rows_of("retention", "| density | rises")
    density = [number(row[0]) for row in rows]
    for axes, column, title in zip(panels, (1, 3), ("rises", "falls"), strict=True):
        counts: Any = np.array([[float(v) for v in row[column].split("±")] for row in rows])
        axes.errorbar(density, counts[:, 0], counts[:, 1], fmt="o", color=BLUE, label="ngspice")
        law = [number(row[column + 1]) for row in rows]
        axes.plot(density, law, color=ORANGE, label="law, an upper bound")
        axes.set(title=title, xlabel="white noise into V0, times 2qI", yscale="log")
    panels[0].set_ylabel("flips a second")
    panels[0].legend(frameon=False)


def chip_training(axes: Axes) -> None:
    """Draw mean accuracies before and after, where heat or mismatch is large."""
    names = ("8 x mismatch, demo's", "8 x mismatch, trained\nwithout noise", "85 degC, 100 pA")
    table = rows_of("chip_training", "| trained on at")
    rows = [row for row in table if row[1] in {"85 degC", "8 x"}]
    places = range(len(names))[::-1]
    for place, (_, _, before, after, _) in zip(places, rows, strict=True):
        for seed, (old, new) in enumerate(zip(before.split(";"), after.split(";"), strict=True)):
            y, x = place - 0.2 * seed, (number(old), number(new))
            first = place == places[0] and seed == 0
            axes.plot(x, [y, y], color=GREY, lw=1)
            axes.plot(x[0], y, "o", color=GREY, label="before" if first else None)
            axes.plot(x[1], y, "o", color=BLUE, label="after" if first else None)
    axes.set_yticks([place - 0.2 for place in places], names)
    axes.set(xlabel="accuracy, % of 300 digits, mean of 1,000 dies; a line a seed")
    axes.legend(frameon=False)


def digital(axes: Axes) -> None:
    """Draw the energy of a digit: digital networks by process, and the chip by its current."""
    networks = [row for row in rows_of("digital", "| nanojoules a digit") if "all" in row[0]]
    chips = rows_of("digital", "| i_unit")
    names = ["45 nm, no leakage", "180 nm, 1.8 V", "180 nm, 0.6 V"]
    places = range(len(names) + len(chips))[::-1]
    for column, (label, colour, mark) in enumerate(
        (
            ("CMRU 2 x 16", BLUE, "o"),
            ("GRU 1 x 6", GREEN, "^"),
            ("GRU 1 x 8", ORANGE, "s"),
            ("GRU 2 x 16", GREY, "v"),
        )
    ):
        shown = [number(row[1 + column]) for row in networks]
        axes.plot(shown, places[: len(names)], mark, color=colour, label=label)
    axes.plot([number(row[2]) for row in chips], places[len(names) :], "D", color="black")
    axes.set_yticks(places, names + [f"chip, {row[0].split(',')[0]}" for row in chips])
    axes.set(xscale="log", xlabel="nJ a digit, 27 degC")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, 1.18), ncols=4)


if __name__ == "__main__":
    main()
