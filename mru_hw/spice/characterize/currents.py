"""Which currents a unit device may carry: its weak inversion and its leakage, in ngspice.

A single mirror device of each polarity, source and bulk on one node: V_GS is swept with half the
supply from drain to source, and its current at V_GS = 0 is taken there and with the whole supply
from drain to source. Columns of the table, per polarity, corner and temperature:

leak_half_A, leak_full_A
             drain current at V_GS = 0: channel, junction and what else the cards leak
i_low_A      a hundred times the former: below, leakage is more than 1 % of the current
i_high_A     largest current with gm/I_D above `HALF` of its largest value: weak inversion
slope_min, slope_max
             I / (gm U_T) between i_low, or 1 pA, and i_high / 10: alike where the cards are smooth
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mru_hw.model.network import Array
from mru_hw.spice.batch import batch
from mru_hw.spice.deck import BENCH
from mru_hw.technology import MODELS, Technology
from mru_hw.technology.calibration import temperature_voltage

TEMPERATURES = (-40.0, -20.0, 27.0, 85.0, 125.0)  # degC
LEAST = 1e-12  # A
HALF = 0.5
LEAK_SHARE = 0.01
FOUND = "found.data"
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


def measured_currents(
    technology: Technology,
    corners: Sequence[str],
    advance: Callable[[int], None] = lambda _done: None,
) -> list[dict[str, str]]:
    """Run the sweeps at corners and at all of `TEMPERATURES`; return the rows of the table.

    `advance` is told 1 of every sweep that is done.
    """
    rows = []
    for corner in corners:
        for temperature in TEMPERATURES:
            for polarity, (i, slope, full) in sweep(technology, corner, temperature).items():
                rows.append(judged(polarity, corner, temperature, i, slope, full))
            advance(1)
    return rows


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
        f"wrdata {FOUND} i(vn) i(vp) i(vl) i(vm)",
        ".endc",
        ".end",
    ]
    files = {BENCH: "\n".join(lines), **technology.model_files()}
    with batch(files, FOUND, time_s=300) as folder:
        table = np.loadtxt(folder / FOUND, skiprows=1)
    v_gs = table[:, 0]
    curves = {}
    for column, polarity in ((1, "n"), (2, "p")):
        i = np.maximum(np.abs(table[:, column]), 1e-21)
        # Where the cards' leakage holds the current it has no slope.
        slope = 1 / np.maximum(np.gradient(np.log(i), v_gs) * u_t, 1e-3)
        curves[polarity] = (i, slope, float(np.abs(table[0, column + 2])))
    return curves
