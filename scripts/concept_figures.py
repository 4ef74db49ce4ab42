"""Draw the pictures of docs/explanation, one a concept: ``python -m scripts.concept_figures``.

They are drawn from the rules themselves (a ladder's step, a settling node, a die's draws), with
numbers chosen to be seen; none is a measurement.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mru_hw.lab.figures import plotting, saved

FIGURES = Path(__file__).parents[1] / "docs" / "explanation" / "figures"
INK, BLUE, ORANGE, GREEN, GREY = "#222222", "#0072b2", "#d55e00", "#009e73", "#888888"

plt = plotting(9)


def main() -> None:
    """Write the figures."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    FIGURES.mkdir(exist_ok=True)
    for name, draw, size in (
        ("weight", weight, (8.5, 3.4)),
        ("step", step, (8.0, 3.8)),
        ("frame", frame, (8.0, 3.6)),
        ("spread", spread, (8.0, 3.0)),
        ("levels", levels, (8.0, 3.4)),
    ):
        figure, axes = plt.subplots(figsize=size)
        draw(axes)
        figure.tight_layout()
        saved(figure, FIGURES / f"{name}.svg")
        plt.close(figure)


# ------------------------------------------------------------------------- a weight as a current


def weight(axes: Axes) -> None:
    """Draw a node's diode, the rail that it drives, and two legs that copy shares of it."""
    axes.set(xlim=(0, 10.6), ylim=(0, 4.2))
    axes.axis("off")
    axes.plot([0.9, 9.1], [2.2, 2.2], color=BLUE, lw=2)
    _say(axes, 3.2, 2.4, "rail: one gate voltage", BLUE)
    _device(axes, 1.5, "diode: 16 unit devices", diode=True)
    _arrow(axes, (1.5, 3.9), (1.5, 3.0), ORANGE)
    _say(axes, 1.65, 3.55, "state $h$ as a current, 1 nA", ORANGE, "left")
    for place, units, share in ((5.0, 12, "12/16"), (8.2, 5, "5/16")):
        _device(axes, place, f"leg: {units} unit devices")
        _arrow(axes, (place, 3.9), (place, 3.0), GREEN)
        _say(axes, place + 0.15, 3.55, f"weight {share}: {units / 16:.4g} nA", GREEN, "left")
    _say(axes, 5.3, 0.12, "sources of all devices on one supply", GREY)
    axes.plot([0.9, 9.1], [0.5, 0.5], color=GREY, lw=1.5)


def _device(axes: Axes, x: float, text: str, *, diode: bool = False) -> None:
    """Draw a transistor with its gate on the rail, its drain above and its source below."""
    axes.plot([x, x], [0.5, 1.3], color=INK, lw=1.5)
    axes.plot([x, x], [1.3, 1.9], color=INK, lw=4)
    axes.plot([x, x], [1.9, 3.0], color=INK, lw=1.5)
    axes.plot([x - 0.18, x - 0.18], [1.35, 1.85], color=BLUE, lw=2)
    axes.plot([x - 0.18, x - 0.45, x - 0.45], [1.6, 1.6, 2.2], color=BLUE, lw=1.5)
    if diode:
        axes.plot([x - 0.45, x - 0.45, x], [2.2, 2.75, 2.75], color=BLUE, lw=1.5)
    _say(axes, x + 0.2, 1.5, text, INK, "left")


# ------------------------------------------------------------------------------------- a step


def step(axes: Axes) -> None:
    """Draw candidates over frames between two thresholds, and the level that they move."""
    candidates = np.array([0.4, 1.3, 1.6, 0.7, -0.3, 1.2, 0.2, -1.4, -0.8, -1.2, -1.7, 0.5])
    level, levels = 0, []
    for c in candidates:
        level = int(np.clip(level + (c >= 1) - (c <= -1), -2, 2))
        levels.append(level)
    frames = np.arange(len(candidates))
    axes.bar(frames, candidates, width=0.55, color=BLUE, alpha=0.55)
    for threshold, text in ((1, "rising threshold"), (-1, "falling threshold")):
        axes.plot([-0.5, 11.6], [threshold] * 2, color=ORANGE, lw=1.2, ls="--")
        axes.text(11.8, threshold, text, color=ORANGE, va="center")
    edges = np.arange(len(candidates) + 1) - 0.5
    axes.stairs(levels, edges, color=INK, lw=2, baseline=None)
    axes.text(2.6, 2.1, "level: counts up, never beyond K = 2", color=INK)
    axes.text(2.7, -0.55, "candidate of each frame", color=BLUE)
    axes.set(xlabel="frame", ylabel="candidate over beta; level")
    axes.set(xlim=(-0.7, 14.5), ylim=(-2.4, 2.6))
    axes.set_xticks(frames)
    axes.spines[["top", "right"]].set_visible(False)


# ------------------------------------------------------------------------------------ a frame


def frame(axes: Axes) -> None:
    """Draw what happens within two frames of a chip of two layers."""
    time = np.linspace(0, 2, 1200, endpoint=False)
    rows = ("input current", "candidate of layer 0", "strobe of layer 0", "state of layer 0")
    rows = (*rows, "candidate of layer 1", "strobe of layer 1", "outputs, read at the end")
    heights = {name: len(rows) - 1 - k for k, name in enumerate(rows)}
    inside = time % 1
    strobes = {0: 0.45, 1: 0.85}
    first = np.where(time < 1, 0.75, 0.25)
    c0 = first + np.where(time < 1, -0.55, 0.5) * np.exp(-inside / 0.09)
    h0 = np.where(time < strobes[0], 0.2, np.where(time < 1 + strobes[0], 0.75, 0.75))
    late = np.clip(time - strobes[0], 0, None)
    c1 = 0.2 + 0.55 * (1 - np.exp(-late / 0.1))
    out = 0.2 + 0.5 * (1 - np.exp(-np.clip(time - strobes[1], 0, None) / 0.04))
    courses = (first, c0, None, h0, c1, None, out)
    for name, course, colour in zip(
        rows, courses, (INK, BLUE, ORANGE, GREEN, BLUE, ORANGE, INK), strict=True
    ):
        base = heights[name]
        if course is None:
            at = strobes[int(name[-1])]
            shown = np.where(np.abs(inside - at) < 0.02, 0.75, 0.05)
        else:
            shown = course
        axes.plot(time, base + shown * 0.9, color=colour, lw=1.5)
        axes.text(-0.03, base + 0.35, name, color=colour, ha="right", va="center")
    for edge in (0, 1, 2):
        axes.axvline(edge, color=GREY, lw=0.8, ls=":")
    axes.set(xlim=(0, 2), ylim=(-0.1, len(rows)), xlabel="time, in frames")
    axes.set_yticks([])
    axes.set_xticks([0, 0.5, 1, 1.5, 2])
    axes.spines[["top", "right", "left"]].set_visible(False)


# ------------------------------------------------------------------------------------- spread


def spread(axes: Axes) -> None:
    """Draw thresholds of eight devices of four dies, by what moved them."""
    rng = np.random.default_rng(4)
    for die in range(4):
        shared = rng.normal(0, 9)
        own = 12 + shared + rng.normal(0, 4, 8)
        places = die * 10 + np.arange(8)
        axes.plot(places, own, "o", color=BLUE, ms=4)
        axes.plot([places[0], places[-1]], [12 + shared] * 2, color=ORANGE, lw=2)
        axes.text(places.mean(), -18, f"die {die}", ha="center", color=INK)
    axes.plot([-2, 38], [0, 0], color=GREY, lw=1)
    axes.plot([-2, 38], [12, 12], color=GREEN, lw=1.5, ls="--")
    axes.text(38.6, 0, "nominal", color=GREY, va="center")
    axes.text(38.6, 12, "corner: all dies", color=GREEN, va="center")
    axes.text(38.6, 22, "process: a die's own", color=ORANGE, va="center")
    axes.text(38.6, -9, "mismatch: a device's", color=BLUE, va="center")
    axes.set(ylabel="threshold shift [mV]", xlim=(-2, 50), ylim=(-21, 30))
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)


# ------------------------------------------------------------------------------------- levels


LEVELS = ("software", "ideal", "behavioral", "timed", "spice", "silicon")
HELD = {
    "the trained equations": "111111",
    "rounding to whole devices": "011111",
    "nodes and cells; energy": "001111",
    "mismatch, corner, temperature, supply": "001111",
    "device noise": "001p01",
    "delays, slow nodes, wires": "000111",
    "races, cells that lose their state": "000011",
    "layout, coupling, a real reference": "000001",
}
"""What each level of truth has in it: 1 all, p a part, 0 nothing."""


def levels(axes: Axes) -> None:
    """Draw what each level of truth has in it."""
    for row, (name, held) in enumerate(HELD.items()):
        axes.text(-0.6, -row, name, ha="right", va="center", color=INK)
        for column, mark in enumerate(held):
            colour = GREY if column == len(LEVELS) - 1 else BLUE
            shown = {"1": colour, "p": "none", "0": "none"}[mark]
            edge = colour if mark != "0" else "#cccccc"
            size = 11 if mark != "0" else 4
            axes.plot(column, -row, "o", ms=size, mfc=shown, mec=edge, mew=1.8)
    for column, name in enumerate(LEVELS):
        axes.text(column, 0.75, name, ha="center", color=INK)
    axes.text(5, -len(HELD) - 0.1, "never compared", ha="center", color=GREY)
    axes.set(xlim=(-4.2, 5.6), ylim=(-len(HELD) - 0.4, 1.2))
    axes.axis("off")


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    axes.annotate(
        "", xy=end, xytext=start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.8}
    )


def _say(axes: Axes, x: float, y: float, text: str, colour: str, align: Any = "center") -> None:
    axes.text(x, y, text, color=colour, ha=align, va="center")


if __name__ == "__main__":
    main()
