"""The figure of which currents a unit device may carry: docs/circuits/figures/currents.svg.

    python -m scripts.current_map

I / (gm U_T) of one unit device of each polarity against its current, of every technology at its
first corner (`mru_hw.spice.characterize.currents`). The table over all corners is made by
``mru-hw characterize --currents``.
"""

from __future__ import annotations

from pathlib import Path

from mru_hw.lab.figures import plotting, saved
from mru_hw.spice.characterize.currents import TEMPERATURES, sweep
from mru_hw.technology import load_technology, technology_names

ROOT = Path(__file__).parents[1]

plt = plotting(9)


def main() -> None:
    """Write the figure."""
    names = technology_names()
    size = (7.5, 2.75 * len(names))
    figure, axes = plt.subplots(
        len(names), 2, figsize=size, sharex=True, sharey="row", squeeze=False
    )
    for row, name in zip(axes, names, strict=True):
        technology = load_technology(name)
        for temperature in TEMPERATURES:
            sweeps = sweep(technology, technology.corners[0], temperature)
            for panel, (i, slope, _) in zip(row, sweeps.values(), strict=True):
                on = i > 3 * i[0]
                panel.semilogx(i[on], slope[on], label=f"{temperature:g} °C")
        for panel, polarity in zip(row, ("NMOS", "PMOS"), strict=True):
            panel.set_title(f"{name}, {polarity}", fontsize=9)
            panel.set_xlim(1e-14, 1e-6)
            panel.grid(alpha=0.3)
        row[0].set_ylim(1, 3)
        row[0].set_ylabel(r"$I_D / (g_m U_T)$")
    for panel in axes[-1]:
        panel.set_xlabel("current of one unit device [A]")
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    saved(figure, ROOT / "docs" / "circuits" / "figures" / "currents.svg")


if __name__ == "__main__":
    main()
