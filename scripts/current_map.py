"""Which currents a unit device may carry: its weak inversion and its leakage, in ngspice.

    python -m scripts.current_map [--tech NAME]

writes ``raw/<technology>_currents.csv`` beside its constants, and without a name those of every
technology and the figure of docs/reference/technologies.md. A single mirror device of each
polarity, source and bulk on one node: V_GS is swept with half the supply from drain to source, and
its current at V_GS = 0 is taken there and with the whole supply from drain to source. Columns, per
polarity, corner and temperature:

leak_half_A, leak_full_A
             drain current at V_GS = 0: channel, junction and what else the cards leak
i_low_A      a hundred times the former: below, leakage is more than 1 % of the current
i_high_A     largest current with gm/I_D above HALF of its largest value: weak inversion
slope_min, slope_max
             I / (gm U_T) between i_low, or 1 pA, and i_high / 10: alike where the cards are smooth
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mru_hw.lab.figures import plotting, saved
from mru_hw.spice.characterize.base import write_rows
from mru_hw.spice.characterize.currents import COLUMNS, TEMPERATURES, judged, sweep
from mru_hw.technology import load_technology, technology_names
from mru_hw.technology.folders import constants_folder

ROOT = Path(__file__).parents[1]

plt = plotting(9)


def main() -> None:
    """Write the tables and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tech", help="every technology without it, and the figure")
    asked = parser.parse_args().tech
    names = technology_names() if asked is None else [asked]
    size = (7.5, 2.75 * len(names))
    figure, axes = plt.subplots(
        len(names), 2, figsize=size, sharex=True, sharey="row", squeeze=False
    )
    for row, name in zip(axes, names, strict=True):
        technology = load_technology(name)
        found = []
        for corner in technology.corners:
            for temperature in TEMPERATURES:
                sweeps = sweep(technology, corner, temperature)
                for panel, (polarity, (i, slope, full)) in zip(row, sweeps.items(), strict=True):
                    found.append(judged(polarity, corner, temperature, i, slope, full))
                    if corner == technology.corners[0]:
                        on = i > 3 * i[0]
                        panel.semilogx(i[on], slope[on], label=f"{temperature:g} °C")
        for panel, polarity in zip(row, ("NMOS", "PMOS"), strict=True):
            panel.set_title(f"{name}, {polarity}", fontsize=9)
            panel.set_xlim(1e-14, 1e-6)
            panel.grid(alpha=0.3)
        row[0].set_ylim(1, 3)
        row[0].set_ylabel(r"$I_D / (g_m U_T)$")
        path = constants_folder(name) / "raw" / f"{name}_currents.csv"
        write_rows(path, COLUMNS, found)
    if asked is not None:
        return
    for panel in axes[-1]:
        panel.set_xlabel("current of one unit device [A]")
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    saved(figure, ROOT / "docs" / "circuits" / "figures" / "currents.svg")


if __name__ == "__main__":
    main()
