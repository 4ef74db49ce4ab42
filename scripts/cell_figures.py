"""The nine-transistor cell in both technologies, as figures for docs/circuits/hysteretic_cell.md.

``python -m scripts.cell_figures [--work DIR]`` runs what it draws with the decks of
`mru_hw.lab.cell`: minutes, or seconds with the DIR that the bench left. tt, 27 degC and
1.8 V.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mru_hw.lab import cell as bench
from mru_hw.lab.store import Store
from mru_hw.spice.deck import Waves
from mru_hw.technology import Technology, load_technology, technology_names
from mru_hw.technology.conditions import nominal_conditions
from scripts.circuit_figures import NANO, save

PICO = 1e-12
CENTRE = bench.Setting()
LOOPS = tuple(i * PICO for i in (10, 50, 150, 200, 500))  # A, widths
POINTS = 400


def current(value: float) -> str:
    """Write a bias current."""
    return f"{value / NANO:g} nA" if value >= NANO else f"{value / PICO:g} pA"


def samples(setting: bench.Setting, waves: Waves) -> dict[str, list[float]]:
    """Sample the output current on both branches over the input's range."""
    points = bench.loop_points(setting, bench.RAMP)
    share = np.linspace(0, 1, POINTS)
    rising = points[1][0] + share * bench.RAMP
    falling = points[4][0] - share * bench.RAMP
    out = waves.vectors["i(vout)"]
    return {
        "input": list(share * bench.TOP * setting.thresh),
        "rising": list(np.interp(rising, waves.time, out)),
        "falling": list(np.interp(falling, waves.time, out)),
    }


def outputs(store: Store, technology: Technology, axes: Axes) -> None:
    """Draw the output against the input for several widths."""
    conditions = nominal_conditions(technology)
    for width in LOOPS:
        setting = replace(CENTRE, width=width)
        deck = bench.loop_deck(technology, setting, conditions)
        row = store(f"{technology.name}-samples-{setting.name}", deck, partial(samples, setting))
        i_in = np.array(row["input"]) / PICO
        (line,) = axes.plot(i_in, np.array(row["rising"]) / PICO, label=current(width))
        axes.plot(i_in, np.array(row["falling"]) / PICO, "--", color=line.get_color())
    axes.set_xlabel("input current [pA]")


def edges(store: Store, technology: Technology, axes: Axes) -> None:
    """Draw where the cell switches, over where the settings say."""
    conditions = nominal_conditions(technology)
    for k, width in enumerate(bench.WIDTHS):
        rises, falls = [], []
        for thresh in bench.THRESHOLDS:
            setting = replace(CENTRE, thresh=thresh, width=width)
            row = bench.measured_loop(store, technology, setting, conditions)
            if row.get("verdict") not in {"loop", "latched"}:
                continue
            rises.append((thresh, row["rise"] / thresh))
            if row["fall"] is not None and thresh > width:
                falls.append((thresh - width, row["fall"] / (thresh - width)))
        for pairs, marker in ((rises, "^-"), (falls, "v--")):
            x, y = table(pairs)
            axes.semilogx(x / NANO, y, marker, ms=4, lw=0.8, color=f"C{k}")
        axes.plot([], [], color=f"C{k}", label=current(width))
    axes.axhline(1, color="black", lw=0.8)
    axes.set_xlabel("edge by the settings [nA]")


def table(pairs: list[tuple[float, float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Split pairs into two arrays, which may be empty."""
    x, y = np.array(pairs).reshape(-1, 2).T
    return x, y


def delays(store: Store, technology: Technology, axes: Axes) -> None:
    """Draw both delays against the overdrive."""
    conditions = nominal_conditions(technology)
    for k, thresh in enumerate(bench.THRESHOLDS):
        setting = replace(CENTRE, thresh=thresh)
        row: dict[str, Any] = bench.measured_delays(store, technology, setting, conditions)
        for edge, style in (("rise", "^-"), ("fall", "v--")):
            steps = [s for s in row["steps"] if s["edge"] == edge and s["delay"] is not None]
            over, delay = table([(s["overdrive"], s["delay"]) for s in steps])
            axes.loglog(over / PICO, delay * 1e3, style, ms=4, lw=0.8, color=f"C{k}")
        axes.plot([], [], color=f"C{k}", label=current(thresh))
    axes.set_xlabel("overdrive [pA]")


FIGURES = (
    ("hysteretic_cell_outputs", outputs, "output current [pA]", "I_width"),
    ("hysteretic_cell_edges", edges, "measured / set", "I_width"),
    ("hysteretic_cell_delays", delays, "delay [ms]", "I_thresh"),
)


def main() -> None:
    """Draw all figures, a panel for each technology."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path)
    work = parser.parse_args().work
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    store = Store(work)
    names = technology_names()
    for name, draw, label, legend in FIGURES:
        _, panels = plt.subplots(1, len(names), figsize=(8.5, 3.4), sharey=True)
        for axes, technology in zip(panels, names, strict=True):
            draw(store, load_technology(technology), axes)
            axes.set_title(technology, fontsize=9)
        panels[0].set_ylabel(label)
        panels[-1].legend(title=legend, fontsize=7, title_fontsize=7)
        save(name)


if __name__ == "__main__":
    main()
