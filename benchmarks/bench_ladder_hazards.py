"""What may upset a ladder: a supply that comes up, candidates at the threshold, another layer.

    python benchmarks/bench_ladder_hazards.py [--tech T] [--work DIR] [--parts power near layers]

A CMRU unit of K = 2 behind its driver, thresholds of 1 nA, as the characterisation has it.

* power: V_dd comes up in 10 us to 1 s while reset follows it and phi is low, high or floating
  (10 fF and 1 Tohm to either supply); then reset goes, and a strobe asks for a step up. Told are
  the level after reset, which should be the initial one, whether st ever passed half of V_dd
  before reset went, and the level after the strobe.
* near: candidates within 1 % of the unit's own threshold in steps of 0.05 %, each from the end of
  the ladder, either side; a half step would be a code that is no thermometer, a cell of the unit
  between 10 and 90 % of V_dd a fifth of a frame after its strobe, or a step that a smaller
  candidate made and a larger one does not.
* layers: the same unit with candidates within 1 % of its threshold, 0.1 % apart, while another unit
  on the same bias rails steps at a strobe of its own 6 ms before; and while that one stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import answer, label, parsed, relative, store_of, study, told
from mru_hw.lab.store import Store
from mru_hw.mapping.options import DEFAULTS
from mru_hw.spice.characterize.base import I_USUAL, UNITS, cells_deck
from mru_hw.spice.characterize.trips import RAMP, ramp_deck, stepped
from mru_hw.spice.characterize.unit import BIAS_UNITS, CELLS, FRAME, STROBE, cmru_deck
from mru_hw.spice.chip import unit_subckt
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.options import OPTIONS
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.conditions import Conditions

CONDITIONS = (("tt", 27.0, 1.0), ("ff", 125.0, 1.1), ("ss", -40.0, 0.9))
RISES = (1e-5, 1e-3, 1e-1, 1.0)  # s
PHI = ("low", "high", "floating")
OPPOSITE = 3.0  # over I_USUAL: to the ladder's end
NEAR = np.round(np.arange(-0.01, 0.0101, 0.0005), 6)
APART = np.round(np.arange(-0.01, 0.0101, 0.001), 6)


# --------------------------------------------------------------------------------- power-up


def unit_lines(name: str, phi: str, supply: str = "vdd") -> list[str]:
    """One unit with its nodes and its driver, on the bias rails iref and bias_p."""
    return [
        f"xc{name} c{name} np{name} pm{name} q_n {supply} 0 signed_split units={UNITS}"
        f" split={DEFAULTS.candidate_split}",
        f"xphi{name} {phi} rst_b hd{name} st{name} {supply} 0 strobe_driver",
        f"xu{name} np{name} pm{name} h{name} iref bias_p hd{name} st{name} rst rst_b {supply} 0"
        f" cmru_unit_k2_s0 units={UNITS} up=64 down=64"
        f" hold={DEFAULTS.hold} width={DEFAULTS.width} gain=32",
        f"xh{name} h{name} hn{name} {supply} 0 state_node units={UNITS}",
    ]


def power_deck(technology: Technology, at: Conditions, rise: float, phi: str) -> Deck:
    """Return the deck of one rise of the supply, sup."""
    v, settled = at.v_dd, rise + 20e-3
    gone, strobe = settled + 1e-4, settled + 10e-3
    pulse = f"{strobe} 0 {strobe + 1e-7} {v} {strobe + 1e-4} {v}"
    sources = {
        "low": [f"vphi phi 0 pwl(0 0 {pulse})"],
        # High as the supply comes up, low once reset has gone, then the strobe.
        "high": [f"vphi phi 0 pwl(0 0 {rise} {v} {gone + 1e-3} {v} {gone + 1.1e-3} 0 {pulse})"],
        "floating": ["cphi phi 0 10f", "rup phi sup 1t", "rdown phi 0 1t"],
    }
    lines = [
        unit_subckt(2, 0),
        f"vsup sup 0 pwl(0 0 {rise} {v})",
        f"ibias 0 iref pwl(0 0 {rise} {I_USUAL})",
        f"xbias iref bias_p q_n sup 0 bias_tree units={BIAS_UNITS}",
        f"icu 0 cu pwl(0 0 {rise} {2 * I_USUAL})",
        *unit_lines("u", "phi", "sup"),
        "xrst rst rst_b sup 0 inverter",
        f"vrst rst 0 pwl(0 0 {rise} {v} {settled} {v} {gone} 0)",
        *sources[phi],
    ]
    saves = ("v(stu)", *(cell.replace("xu.", "xuu.") for cell in CELLS))
    t_stop = strobe + 5e-3
    return cells_deck(technology, at, lines, saves, t_stop=t_stop, step=t_stop / 200)


def powered(at: Conditions, rise: float, waves: Waves) -> dict[str, Any]:
    """Read one rise."""
    t, v = waves.time, at.v_dd

    def level(when: float) -> int:
        cells = [waves.vectors[cell.replace("xu.", "xuu.")] for cell in CELLS]
        return sum(float(np.interp(when, t, cell)) > v / 2 for cell in cells) - 2

    settled = rise + 20e-3
    before = (t > rise) & (t < settled)
    return {
        "after_reset": level(settled + 9e-3),
        "st_in_reset": float(np.max(waves.vectors["v(stu)"][before])) > v / 2,
        "after_strobe": level(settled + 14e-3),
    }


# ------------------------------------------------------------------------- at the threshold


def near_deck(technology: Technology, at: Conditions, up: float, down: float) -> Deck:
    """Return the deck of candidates around both thresholds, each from the ladder's end."""
    frames = [-OPPOSITE] * 4
    for c in up * (1 + NEAR):
        frames += [float(c), -OPPOSITE]
    frames += [OPPOSITE] * 4
    for c in down * (1 + NEAR):
        frames += [-float(c), OPPOSITE]
    return cmru_deck(technology, at, frames, CELLS, points=20)


def near(at: Conditions, waves: Waves) -> dict[str, Any]:
    """Read what each of them did."""
    n, found = len(NEAR), {}
    for side, first in (("up", 4), ("down", 8 + 2 * n)):
        edges = (first + 2 * np.arange(n) + STROBE) * FRAME
        cells = np.array(
            [np.interp(edges + FRAME / 5, waves.time, waves.vectors[cell]) for cell in CELLS]
        )
        share = cells / at.v_dd
        bits = share > 0.5
        level = bits.sum(axis=0)
        moved = np.abs(level - (0 if side == "up" else 4))
        found[side] = {
            "between_rails": int(np.sum((share > 0.1) & (share < 0.9))),
            "no_thermometer": int(np.sum(np.any(bits[1:] & ~bits[:-1], axis=0))),
            "more_than_one": int(np.sum(moved > 1)),
            "out_of_order": int(np.sum(np.diff(moved) < 0)),
            "stepped": int(np.sum(moved == 1)),
            "of": n,
        }
    return found


# ------------------------------------------------------------------------------- two layers


def layers_deck(technology: Technology, at: Conditions, up: float, *, moving: bool) -> Deck:
    """Return the deck of two units on one bias tree."""
    course: list[float] = [-OPPOSITE] * 4
    for c in up * (1 + APART):
        course += [float(c), -OPPOSITE]
    other = [OPPOSITE * (-1) ** (k // 2) if moving else 0.1 for k in range(len(course))]

    def pwl(values: Sequence[float]) -> str:
        points = " ".join(
            f"{(k + 0.2) * FRAME:.6g} {values[max(k - 1, 0)] * I_USUAL:.6g}"
            f" {(k + 0.2) * FRAME + 1e-5:.6g} {value * I_USUAL:.6g}"
            for k, value in enumerate(values)
        )
        return f"pwl(0 {values[0] * I_USUAL} {points})"

    v, width = at.v_dd, FRAME / 250
    lines = [
        unit_subckt(2, 0),
        f"ibias vdd iref {I_USUAL}",
        f"xbias iref bias_p q_n vdd 0 bias_tree units={BIAS_UNITS}",
        f"ica 0 ca {pwl(other)}",
        f"icu 0 cu {pwl(course)}",
        *unit_lines("a", "phi1"),
        *unit_lines("u", "phi2"),
        "xrst rst rst_b vdd 0 inverter",
        f"vrst rst 0 pwl(0 0 1e-7 {v} 2e-3 {v} 2.0001e-3 0)",
        f"vphi1 phi1 0 pulse(0 {v} {STROBE * FRAME - 6e-3} 1e-7 1e-7 {width} {FRAME})",
        f"vphi2 phi2 0 pulse(0 {v} {STROBE * FRAME} 1e-7 1e-7 {width} {FRAME})",
    ]
    saves = tuple(cell.replace("xu.", f"xu{unit}.") for unit in "ua" for cell in CELLS)
    return cells_deck(
        technology, at, lines, saves, t_stop=len(course) * FRAME, step=FRAME / 20, options=OPTIONS
    )


def layers(at: Conditions, waves: Waves) -> dict[str, Any]:
    """Read the second unit's steps and how often the first one moved."""
    edges = (4 + 2 * np.arange(len(APART)) + STROBE) * FRAME
    n_frames = round(waves.time[-1] / FRAME)

    def levels(unit: str, when: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        cells = [waves.vectors[cell.replace("xu.", f"xu{unit}.")] for cell in CELLS]
        found = np.array([np.interp(when, waves.time, cell) > at.v_dd / 2 for cell in cells])
        total: NDArray[np.int64] = found.sum(axis=0)
        return total

    first = levels("a", (np.arange(n_frames, dtype=np.float64) + 0.95) * FRAME)
    return {
        "levels": levels("u", edges + FRAME / 10).tolist(),
        "first_moved": int(np.sum(np.diff(first) != 0)),
    }


# -------------------------------------------------------------------------------------- all


def thresholds(store: Store, technology: Technology, at: Conditions, name: str) -> list[float]:
    """Return the unit's own thresholds [I_USUAL] to half a percent."""

    def made(waves: Waves) -> dict[str, Any]:
        firsts = [k for _, k in stepped(waves).values()]
        return {"at": [float(RAMP[k - 1] + RAMP[k]) / 2 for k in firsts]}

    found: list[float] = store(f"ramp-{name}", ramp_deck(technology, at), made)["at"]
    return found


def main() -> None:
    """Print one JSON object."""
    parser = study(__doc__)
    parser.add_argument("--parts", nargs="+", default=["power", "near", "layers"])
    given = parsed(parser)
    technology = load_technology(given.tech)
    store, rows = store_of(given), []
    for at in (relative(technology, where) for where in CONDITIONS):
        name = f"{technology.name}-{label(at)}"
        row: dict[str, Any] = asdict(at)
        if "power" in given.parts:
            row["power"] = [
                {"rise_s": rise, "phi": phi}
                | store(
                    f"power-{name}-{rise:g}-{phi}",
                    power_deck(technology, at, rise, phi),
                    partial(powered, at, rise),
                )
                for rise in RISES
                for phi in PHI
            ]
        if "near" in given.parts or "layers" in given.parts:
            up, down = thresholds(store, technology, at, name)
        if "near" in given.parts:
            deck = near_deck(technology, at, up, down)
            row["near"] = store(f"near-{name}", deck, partial(near, at))
        if "layers" in given.parts:
            for moving in (True, False):
                deck = layers_deck(technology, at, up, moving=moving)
                key = "moving" if moving else "still"
                row[f"layers_{key}"] = store(f"{key}-{name}", deck, partial(layers, at))
        rows.append(row)
    result = {"asked": told(given), "core_seconds": store.core_seconds}
    answer(result | {"rows": rows})


if __name__ == "__main__":
    main()
