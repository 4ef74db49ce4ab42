"""Draw the calibrations' laws against the samples they stand on.

    python -m scripts.law_figures

reads ``calibration/`` and writes the figure of docs/validation/characterisation.md, one row a
technology: gate voltage against current, the ratio of a 1:1 mirror against its leg's drain voltage,
and the leakage of a unit device that is off.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from mru_hw.lab.figures import plotting, saved
from mru_hw.model.network import Array
from mru_hw.spice.characterize.laws import V_DS
from mru_hw.technology import load_technology, technology_names
from mru_hw.technology.calibration import Calibration, load_calibration, temperature_voltage

ROOT = Path(__file__).parents[1]
SHOWN = (1e-11, 1e-10, 1e-9, 1e-8)  # A a unit device
AT = (("tt", 27.0), ("tt", 85.0), ("ff", 85.0))
COLOURS = {"n": "C0", "p": "C3"}

plt = plotting(9)


def main() -> None:
    """Write the figure."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    names = technology_names()
    figure, axes = plt.subplots(len(names), 3, figsize=(10, 3 * len(names)), squeeze=False)
    for row, name in zip(axes, names, strict=True):
        calibration = load_calibration(load_technology(name))
        samples = read_samples(ROOT / "calibration" / "raw" / f"{name}.csv")
        draw_gates(row[0], calibration, samples)
        draw_ratios(row[1], calibration, samples)
        draw_leakage(row[2], calibration)
        for panel, what in zip(row, ("gate voltage", "n mirror, 1:1", "leakage"), strict=True):
            panel.set_title(f"{name}, {what}", fontsize=9)
            panel.grid(alpha=0.3)
    for panel, columns in zip(axes[0], (1, 1, 2), strict=True):
        panel.legend(frameon=False, fontsize=7, loc="upper left", ncols=columns)
    labels = ("current of a unit device [A]", "$V_{DS}$ [V]", "$V_{DS}$ [V]")
    for panel, label in zip(axes[-1], labels, strict=True):
        panel.set_xlabel(label)
    figure.tight_layout()
    saved(figure, ROOT / "docs" / "circuits" / "figures" / "laws.svg")


def read_samples(path: Path) -> dict[str, Array]:
    """Read a table of samples."""
    found: dict[str, list[float]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            found.setdefault(row["sample"], []).append(float(row["value"]))
    return {name: np.array(values) for name, values in found.items()}


def draw_gates(panel: Axes, calibration: Calibration, samples: dict[str, Array]) -> None:
    """Points are ngspice's, lines weak inversion (dashed) and EKV (solid)."""
    current = samples["range_current"]
    u_t = temperature_voltage(calibration.temperature)
    for p, colour in COLOURS.items():
        panel.semilogx(current, samples[f"range_{p}_v_gs"], ".", ms=3, color=colour, label=f"{p}")
        log = [calibration.v_gate(p, float(i)) for i in current]
        panel.semilogx(current, log, "--", lw=0.8, color=colour)
        law = next(x for x in calibration.laws if x.law == "gate voltage, EKV" and x.polarity == p)
        k = law.parameters
        ekv = k["v_t"] + 2 * k["n"] * u_t * np.log(np.expm1(np.sqrt(current / k["i_s"])))
        panel.semilogx(current, ekv, "-", lw=0.8, color=colour)
    panel.set_ylabel(r"$|V_{GS}|$ [V]")


def draw_ratios(panel: Axes, calibration: Calibration, samples: dict[str, Array]) -> None:
    """Points are ngspice's, lines the mirror law with its nominal conductance."""
    current = samples["range_current"]
    ratios = samples["range_n_ratio"].reshape(len(V_DS), len(current))
    volts = np.array(V_DS) * calibration.v_dd
    grid = np.linspace(volts[0], volts[-1], 50)
    for k, wanted in enumerate(SHOWN):
        at = int(np.argmin(np.abs(np.log(current / wanted))))
        panel.plot(volts, ratios[:, at], "o", ms=3, color=f"C{k}", label=f"{wanted:.0e} A")
        law = [calibration.gain("n", float(v), float(current[at])) for v in grid]
        panel.plot(grid, law, "-", lw=0.8, color=f"C{k}")
    panel.set_ylabel("leg over diode")


def draw_leakage(panel: Axes, calibration: Calibration) -> None:
    """Points are ngspice's, lines what `Calibration.leakage` gives between them."""
    for k, (corner, temperature) in enumerate(AT):
        if corner not in calibration.grid.corners:
            continue
        at, table = (
            calibration.grid.leak_temperatures.index(temperature),
            calibration.grid.corners[corner],
        )
        for p, style in (("n", "-"), ("p", "--")):
            known = (table.leak_n if p == "n" else table.leak_p)[at]
            label = f"{p}, {corner}, {temperature:g} °C"
            panel.semilogy(calibration.v_leak, known, style, marker=".", color=f"C{k}", label=label)
    panel.set_ylim(1e-16, 1e-10)
    panel.set_ylabel("drain current at $V_{GS} = 0$ [A]")


if __name__ == "__main__":
    main()
