"""The benches that constants were fitted to: what runs in each, and over which currents."""

from __future__ import annotations

from mru_hw.report.parts import Table
from mru_hw.spice.characterize import trips, unit
from mru_hw.spice.characterize.base import UNITS
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.grid import CURVES
from mru_hw.units import render

BENCHES = {
    "mirrors": "a mirror of each polarity: its current over drain voltage, then two decades of it",
    "mismatch": "pairs of devices, one with a shifted threshold, and a splitter at rest",
    "devices": "single devices: off over drain voltage, a rising gate, a rising drain",
    "unit": "a clocked unit of K = 2 with its driver, climbing and descending its ladder",
    "trips": "the same unit, its candidate passing both thresholds in small steps",
}
"""Benches of mru_hw.spice.characterize, in the order of the tables."""


def bench_of(name: str) -> str:
    """Return which bench gives a constant."""
    if name[:2] in ("n.", "p."):
        return "mirrors"
    if name in CURVES:
        return "mismatch"
    if name.startswith("v_trip"):
        return "trips"
    return "devices" if name[:4] in ("leak", "c_ga", "c_dr") and name != "c_driver" else "unit"


def ranges(constants: Calibration) -> dict[str, tuple[float, float]]:
    """Return by bench the least and the greatest current [A] of a unit device in it.

    Of the bench unit it is that of the unit devices of a splitter.
    """
    usual = constants.i_usual
    widest = max(map(abs, unit.FRAMES)) * usual * UNITS
    return {
        "mirrors": (usual / 10, 10 * usual),
        "mismatch": (constants.i_curve[0], constants.i_curve[-1]),
        "unit": (0.0, widest / constants.measured.candidate_split),
        "trips": (float(trips.PASSING[0]) * usual, float(trips.PASSING[-1]) * usual),
    }


def span(low: float, high: float) -> str:
    """Write a range of currents [A]."""
    return f"{render(low, 'A')} to {render(high, 'A')}" if low else f"up to {render(high, 'A')}"


def benches_table(constants: Calibration) -> Table:
    """Return the table of the benches."""
    usual = render(constants.i_usual, "A")
    known = {name: span(*ends) for name, ends in ranges(constants).items()}
    currents = {
        "mirrors": f"{known['mirrors']}; conductance and body at {usual}",
        "mismatch": known["mismatch"],
        "devices": f"off; capacitances around the gate voltage of {usual}, drains at half the "
        "supply",
        "unit": f"of a splitter {known['unit']}, either way",
        "trips": f"of the candidate's copies {known['trips']}; the unit's thresholds are at "
        f"{usual}",
    }
    return Table(
        name="benches",
        caption=(
            "What the constants were fitted to: benches in ngspice, which run at every condition "
            "above. Currents are those of one unit device."
        ),
        head=("bench", "what runs in it", "currents of a unit device"),
        rows=[[name, what, currents[name]] for name, what in BENCHES.items()],
    )
