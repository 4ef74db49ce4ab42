"""What distance from the bias tree costs thresholds, and what other ways to feed them would.

    python benchmarks/bench_floor_plan.py [--tech T] [--dies 200]

Everything but the mismatch of a threshold, which the array draws, is arithmetic on the technology's
constants and on the floor plan (`mru_hw.variation.placement`) of the chip of bench_process.py: 16
CMRU units of K = 1. Larger squares have more of its units. All errors are rms, relative to the
threshold's current.

block     the floor plan as it is: each unit copies the gate voltages of the tree in the middle.
          The polarity that a gradient moves more counts.
rebuild   a PMOS leg at the tree, of m unit devices, sends a current to a group of units. There an
          NMOS diode, an NMOS copy of it and a PMOS diode, m each, make both gate voltages anew.
centroid  each threshold leg in two halves, in its unit and at the place that mirrors it: a plane
          cancels, but a wire between the two hangs on a comparator's node.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.study import answer, parsed, study
from mru_hw.cells.settling import bank_load
from mru_hw.lab.corner_unit import N_UNITS, CornerUnit, spreads
from mru_hw.mapping.rows import Part
from mru_hw.technology import load_technology
from mru_hw.variation.placement import OVER_GATES, Placement

SQUARES = (16, 32, 64, 128, 256, 1024)  # units
REBUILDS = ((1, 64), (1, 256), (16, 64), (16, 256), (16, 1024))  # units of a group, unit devices
WIRE = 0.2e-9  # F/m, the usual rule for a narrow wire (Weste and Harris, CMOS VLSI Design)


class FloorPlan:
    """A technology's chip of 16 units."""

    def __init__(self, bench: CornerUnit) -> None:
        self.bench, self.technology = bench, bench.technology
        calibration = bench.calibration
        self.thermal = {p: calibration.thermal(p, calibration.temperature) for p in "np"}
        self.placement = Placement.of(bench.design)
        owners = (Part.UNITS.of(0), bench.design.banks[0].candidate)
        self.unit = OVER_GATES * sum(  # m^2
            self.gate(group.device) * float(group.units.sum()) / N_UNITS
            for group in bench.design.device_groups()
            if group.key[0] in owners
        )

    def gate(self, device: str) -> float:
        """Return the gate area [m^2] of a unit device."""
        placed = self.technology.devices[device]
        return placed.w * placed.l

    def gradient(self, distance: float) -> float:
        """Return the error of a leg at so many metres from its diode: the worse polarity's."""
        process = self.technology.process
        slopes = {"n": process.gradient_n, "p": process.gradient_p}
        return max(slopes[p] * distance / self.thermal[p] for p in "np")

    def square(self, units: int) -> float:
        """Return the rms error of a square of so many units around its diode."""
        return self.gradient(math.sqrt(units * self.unit / 6))

    def mismatch(self, device: str, units: int) -> float:
        """Return the relative sigma of the current of so many unit devices."""
        vt, beta = self.technology.sigma(device, units)
        return math.hypot(vt / self.thermal[device[0]], beta)

    def block(self) -> dict[str, Any]:
        """Return errors of the floor plan, and of larger squares of units."""
        x, y = self.placement.node(Part.UNITS.of(0), np.arange(N_UNITS))
        far = np.hypot(x, y)
        return {
            "side_m": self.placement.side,
            "unit_m2": self.unit,
            "distance_rms_m": float(np.sqrt(np.mean(far**2))),
            "distance_most_m": float(far.max()),
            "rms": self.gradient(float(np.sqrt(np.mean(far**2)))),
            "rms_in_the_corner": self.gradient(float(far.max())),
            "rms_of_squares": {n: self.square(n) for n in SQUARES},
        }

    def rebuild(self, group: int, m: int) -> dict[str, float]:
        """Return what local diodes of m unit devices cost, one set for so many units."""
        n, p = self.mismatch("n_mirror", m), self.mismatch("p_mirror", m)
        gates = 2 * m * (self.gate("n_mirror") + self.gate("p_mirror"))
        branches = 2 * m * self.bench.design.i_lsb
        own = self.square(group) if group > 1 else 0.0
        up, down = math.hypot(p, n, n, p, own), math.hypot(p, n, own)
        return {
            "units": group,
            "devices": m,
            "rms_up": up,
            "rms_down": down,
            "area_of_a_unit": OVER_GATES * gates / group / self.unit,
            "W_a_unit": branches * self.technology.v_dd / group,
            # Where a square of units without it is as far off.
            "pays_from_units": (up / self.square(1)) ** 2,
        }

    def centroid(self) -> dict[str, float]:
        """Return the comparators' capacitances, and those of the wires between two halves."""
        design = self.bench.design
        load = bank_load(design, self.bench.calibration, design.banks[0])
        x, y = self.placement.node(Part.UNITS.of(0), np.arange(N_UNITS))
        return {
            "node_F": float(np.mean((load["up"] + load["down"]) / 2)),
            "wire_F": WIRE * 2 * float(np.mean(np.abs(x) + np.abs(y))),
        }


def main() -> None:
    parser = study(__doc__, work=False)
    parser.add_argument("--dies", type=int, default=200)
    given = parsed(parser)
    bench = CornerUnit(load_technology(given.tech))
    plan = FloorPlan(bench)
    drawn = spreads(bench, given.dies)
    mismatch = {side: drawn[f"threshold {side}"]["mismatch"] for side in ("up", "down")}
    result = {
        "technology": given.tech,
        "mismatch_rms": mismatch,
        "block": plan.block(),
        # Where the square's error is that of mismatch.
        "gradient_is_mismatch_at_units": (min(mismatch.values()) / plan.square(1)) ** 2,
        "rebuild": [plan.rebuild(group, m) for group, m in REBUILDS],
        "centroid": plan.centroid(),
    }
    answer(result)


if __name__ == "__main__":
    main()
