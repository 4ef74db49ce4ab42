"""Unit devices by themselves: leakage against drain voltage, capacitances.

All terminals are held by sources, so nothing has to settle but the device. A hundred devices in
parallel lift femtoamperes above the tolerances.
"""

from __future__ import annotations

import numpy as np

from mru_hw.spice.characterize.base import Array, cells_deck, rounded, stairs
from mru_hw.spice.deck import Deck, Waves
from mru_hw.technology import Technology
from mru_hw.technology.conditions import Conditions

MANY = 100
# Nothing floats but the inner nodes of sky130's substrate resistors; to follow their femtocoulombs
# as `OPTIONS` would takes a hundred times as long and changes no digit.
FORCED = "gmin=1e-17 abstol=1e-13 vntol=1e-5 chgtol=1e-12 trtol=1e3 reltol=1e-3 method=gear"
V_DS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)  # of the nominal supply
HOLD = 2e-4  # s, of each drain voltage
EDGE = 1e-6  # s
RAMP = 1e-3  # s, from ground to supply
ASIDE = 0.05  # V, either side of where a capacitance is taken
OFF = 1e-18  # A, the least leakage that is told: below, it is the simulator's gmin


def devices_deck(technology: Technology, at: Conditions) -> Deck:
    """Return the deck: devices that are off, a gate that rises, a drain that rises and falls."""
    held = np.array([share * technology.v_dd for share in V_DS])
    drain = stairs(np.array([HOLD * k for k in range(len(V_DS))]), held, EDGE)
    start, v_dd = HOLD * len(held), at.v_dd
    top = f"{start + RAMP:.9g} {v_dd}"
    rise = f"pwl(0 0 {start:.9g} 0 {top})"
    pulse = f"pwl(0 0 {start:.9g} 0 {top} {start + 2 * RAMP:.9g} 0)"
    lines = []
    # Every source counts from the device's own source towards where it conducts.
    for p, rail, ends in (("n", "0", "{0} 0"), ("p", "vdd", "vdd {0}")):
        place = ends.format
        lines += [
            f"xoff{p} o{p} {rail} {rail} {rail} {p}_mirror units={MANY}",
            f"voff{p} {place(f'o{p}')} {drain}",
            f"xgate{p} a{p} g{p} {rail} {rail} {p}_mirror units={MANY}",
            f"va{p} {place(f'a{p}')} {v_dd / 2}",
            f"vgate{p} {place(f'g{p}')} {rise}",
            f"xdrain{p} d{p} {rail} {rail} {rail} {p}_mirror units={MANY}",
            f"vdrain{p} {place(f'd{p}')} {pulse}",
        ]
    saves = tuple(f"i(v{what}{p})" for p in "np" for what in ("off", "gate", "drain"))
    return cells_deck(
        technology, at, lines, saves, t_stop=start + 2 * RAMP, step=1e-5, options=FORCED
    )


def fit_leakage(waves: Waves, polarity: str) -> list[float]:
    """Return the drain current [A] of a unit device that is off, at each of `V_DS`."""
    current = -waves.vectors[f"i(voff{polarity})"] / MANY
    ends = HOLD * (np.arange(len(V_DS)) + 0.95)
    found = np.interp(ends, waves.time, current)
    return [rounded(max(float(i), OFF)) for i in found]


def fit_capacitance(
    at: Conditions, waves: Waves, polarity: str, v_gate: float
) -> tuple[dict[str, float], dict[str, Array]]:
    """Return ``c_gate`` at the usual gate voltage and ``c_drain`` at half the supply.

    Both are charges over voltages, within `ASIDE` of there: of the gate with the drain at half
    the supply, all of it; of the drain, junction and overlap, between rise and fall, so that the
    leakage goes out.
    """
    start, slope = HOLD * len(V_DS), at.v_dd / RAMP
    time = waves.time

    def charged(name: str, low: float, high: float, *, falls: bool = False) -> float:
        first, last = low / slope + start, high / slope + start
        if falls:
            first, last = 2 * (start + RAMP) - last, 2 * (start + RAMP) - first
        grid = np.linspace(first, last, 201)
        current = np.interp(grid, time, -waves.vectors[f"i(v{name}{polarity})"])
        return float(np.trapezoid(current, grid)) / (high - low) / MANY

    half = at.v_dd / 2
    low, high = half - ASIDE, half + ASIDE
    up, down = (charged("drain", low, high, falls=f) for f in (False, True))
    constants = {
        f"c_gate_{polarity}": rounded(charged("gate", v_gate - ASIDE, v_gate + ASIDE)),
        f"c_drain_{polarity}": rounded((up - down) / 2),
    }
    volts = np.linspace(ASIDE, at.v_dd - ASIDE, 32)
    curve = [charged("gate", float(v) - ASIDE, float(v) + ASIDE) for v in volts]
    return constants, {"v_gs": volts, "c_gate": np.array(curve)}
