"""Which currents a unit device may carry: its weak inversion and its leakage, in ngspice.

    python -m scripts.current_map

writes ``calibration/raw/<technology>_currents.csv`` and the figure of docs/technologies.md for
every technology. A single mirror device of each polarity, source and bulk on one node: V_GS is
swept with half the supply from drain to source, and its current at V_GS = 0 is taken there and with
the whole supply from drain to source. Columns, per polarity, corner and temperature:

leak_half_A, leak_full_A
             drain current at V_GS = 0: channel, junction and what else the cards leak
i_low_A      a hundred times the former: below, leakage is more than 1 % of the current
i_high_A     largest current with gm/I_D above HALF of its largest value: weak inversion
slope_min, slope_max
             I / (gm U_T) between i_low, or 1 pA, and i_high / 10: alike where the cards are smooth
"""

from __future__ import annotations

import csv
import subprocess
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from mru_hw.files import whole_file
from mru_hw.technology import MODELS, Technology, load_technology, technology_names
from mru_hw.technology.calibration import temperature_voltage

Array = NDArray[np.float64]

ROOT = Path(__file__).parents[1]
TEMPERATURES = (-40.0, -20.0, 27.0, 85.0, 125.0)  # degC
LEAST = 1e-12  # A
HALF = 0.5
LEAK_SHARE = 0.01
STEP = 5e-3  # V
OPTIONS = ".options gmin=1e-18 abstol=1e-18 vntol=1e-9 reltol=1e-6"
COLUMNS = (
    "polarity",
    "corner",
    "temperature_degC",
    "leak_half_A",
    "leak_full_A",
    "i_low_A",
    "i_high_A",
    "slope_min",
    "slope_max",
)

mpl.use("Agg")
mpl.rcParams.update({"svg.hashsalt": "mru_hw", "svg.fonttype": "none", "font.size": 9})


def main() -> None:
    """Write the tables and the figure."""
    names = technology_names()
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
        path = ROOT / "calibration" / "raw" / f"{name}_currents.csv"
        with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)
    for panel in axes[-1]:
        panel.set_xlabel("current of one unit device [A]")
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    with whole_file(ROOT / "docs" / "circuits" / "figures" / "currents.svg") as part:
        figure.savefig(part, format="svg", metadata={"Date": None})


def judged(
    polarity: str, corner: str, temperature: float, i: Array, slope: Array, full: float
) -> dict[str, str]:
    """Return a row of the table."""
    low = float(i[0]) / LEAK_SHARE
    usable = i > max(low, LEAST)
    weak = usable & (slope < slope[usable].min() / HALF)
    high = i[weak][-1]
    core = slope[weak & (i < high / 10)]
    numbers = (i[0], full, low, high, core.min(), core.max())
    values = (polarity, corner, f"{temperature:g}", *(f"{x:.4g}" for x in numbers))
    return dict(zip(COLUMNS, values, strict=True))


def sweep(
    technology: Technology, corner: str, temperature: float
) -> dict[str, tuple[Array, Array, float]]:
    """Return by polarity the current, its slope factor and the leakage."""
    v_dd, u_t = technology.v_dd, temperature_voltage(temperature)
    lines = [
        "* unit devices of both polarities",
        f".lib '{MODELS}' {corner}",
        technology.devices_spice(),
        f"{OPTIONS} temp={temperature:g}",
        "vg g 0 0",
        f"vn dn 0 {v_dd / 2}",
        "xn dn g 0 0 n_mirror",
        "eg gp 0 0 g 1",
        f"vp dp 0 {-v_dd / 2}",
        "xp dp gp 0 0 p_mirror",
        f"vl ln 0 {v_dd}",
        "xln ln 0 0 0 n_mirror",
        f"vm lp 0 {-v_dd}",
        "xlp lp 0 0 0 p_mirror",
        ".control",
        "set wr_vecnames",
        "set wr_singlescale",
        "set numdgt=12",
        f"dc vg 0 {v_dd} {STEP}",
        "wrdata found.data i(vn) i(vp) i(vl) i(vm)",
        ".endc",
        ".end",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in technology.model_files().items():
            (folder / file).write_text(text, encoding="utf-8")
        (folder / "bench.cir").write_text("\n".join(lines), encoding="utf-8")
        command = ["ngspice", "-b", "bench.cir"]
        # It ends with status 1 after a sweep without a plot; what counts is the table.
        subprocess.run(command, cwd=folder, check=False, capture_output=True, timeout=300)
        table = np.loadtxt(folder / "found.data", skiprows=1)
    v_gs = table[:, 0]
    curves = {}
    for column, polarity in ((1, "n"), (2, "p")):
        i = np.maximum(np.abs(table[:, column]), 1e-21)
        # Where the cards' leakage holds the current it has no slope.
        slope = 1 / np.maximum(np.gradient(np.log(i), v_gs) * u_t, 1e-3)
        curves[polarity] = (i, slope, float(np.abs(table[0, column + 2])))
    return curves


if __name__ == "__main__":
    main()
