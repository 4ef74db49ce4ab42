"""Spontaneous flips of hysteretic loops: the law against accelerated ngspice, then at true noise.

    python -m benchmarks.bench_retention --work DIR [--tech T]
        [--parts accelerated,edges,table,width,ladder,supply]

* accelerated: the nine-transistor cell of bench_cell (350, 200, 500 pA; generic180, tt, 27 degC)
  under a constant candidate, with noise from ideal sources large enough to flip it within seconds:
  `fast`, white current into V0 (TRNOISE); `slow`, the same through an ideal pole, so an
  Ornstein-Uhlenbeck current. Flips per second out of each state, with Poisson's error, beside the
  law's. Candidates stand at a share of the loop between its edges: of ngspice's own in the deck,
  of the law's in the law.
* edges: of a chip of one unit (`mru_hw.lab.loop`, the one of `table`) in ngspice, beside the
  law's with and without leakage, at the conditions of `table`.
* table: the law at the circuit's own noise, the same cell in a unit of one FQ-BMRU, nominal and on
  the worst of 1,000 dies, at 80 % of the rising edge and 120 % of the falling one.
* width: the width of the loop below which a unit in its middle flips more than once a day.
* ladder: the clocked cell, without a strobe.
* supply: what a change of supply or temperature moves the edges by.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from benchmarks.study import answer, parsed, store_of, study
from mru_hw.cells.retention import (
    Retention,
    SlowNoise,
    bank_edges,
    bank_loops,
    bank_retention,
    candidate_noise,
    ladder_loops,
    ladder_retention,
    node_leakage,
    passage_time,
    slow_rate,
)
from mru_hw.circuits.legs.gains import flip_gain
from mru_hw.circuits.loop.law import loop_currents
from mru_hw.errors import UserError
from mru_hw.lab.cell import loop, loop_deck
from mru_hw.lab.held_cell import CELL, cell_loop, compared, flips, held_deck, states
from mru_hw.lab.levels import devices_of
from mru_hw.lab.loop import loop_deck as triangle_deck
from mru_hw.lab.loop import loop_in_ngspice
from mru_hw.lab.networks import loop_model, unit_model
from mru_hw.mapping import Design, map_model
from mru_hw.mapping.rows import Part
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import CHARGE, Calibration, load_calibration
from mru_hw.technology.conditions import Conditions, nominal_conditions
from mru_hw.variation import Die, draw_die, nominal_die

DAY = 86400.0  # s
FAST_STEP = 5e-6  # s, of white noise at V0; a crossing of the barrier takes some 100 us
FAST = ((8000, 2.0), (11000, 2.0), (16000, 1.0), (22000, 0.5))
"""Density over 2 q (I_thresh + I_width), and seconds."""
FAST_AT = 0.25  # of the loop, where the law's two rates are of a size
SLOW = ((2e-2, 2.0, 80.0), (2e-2, 2.5, 240.0), (2e-2, 3.0, 400.0), (2e-3, 2.5, 16.0))
"""Correlation time [s], half the loop over sigma, and seconds."""
SLOW_STEPS = 20  # samples a correlation time
WIDTHS = (4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28)  # unit devices of M8; 40 are placed
SUPPLY_EDGE = 1e-6  # s, of a step of supply
CONDITIONS = (("tt", 27.0), ("ff", 85.0))
NEAR = ("low_at_80_percent", "high_at_120_percent")
DRIVE = 2.0  # sum of the currents of the legs at a candidate's node over its own: our assumption


def accelerated(given: argparse.Namespace) -> dict[str, Any]:
    technology = load_technology(given.tech)
    conditions = nominal_conditions(technology)
    calibration = load_calibration(technology)
    store = store_of(given)
    deck = loop_deck(technology, CELL, conditions, ramp=10.0)
    edges = store("edges", deck, lambda w: loop(CELL, w, conditions.v_dd, 10.0))
    rise, fall = edges["rise"], edges["fall"]
    cell = cell_loop(technology, calibration)
    up, down = cell.edges()
    # The cell's own diode stands in for the rail: no flip before it.
    flip = flip_gain(calibration, "n", CELL.density)
    rows: dict[str, Any] = {"edges_A": [rise, fall], "law_edges_A": [up[0] * flip, down[0] * flip]}
    rows["capacitance_F"] = float(cell.c[0])
    current = fall + (rise - fall) * FAST_AT
    v, force, _ = cell.balance(down + (up - down) * FAST_AT)
    rows["fast"] = []
    for amplitude, seconds in FAST:
        density = amplitude * 2 * CHARGE * (CELL.thresh + CELL.width)
        rms = math.sqrt(density / (2 * FAST_STEP))
        noise = [f"inoise 0 v trnoise({rms:.6g} {FAST_STEP:.6g} 0 0)"]
        run = held_deck(technology, conditions, current, seconds, noise)
        found = store(f"fast-{amplitude}", run, flips)
        white = np.full_like(force, density)
        law = [-float(passage_time(v, side, white, cell.c)[0]) for side in (force, -force[:, ::-1])]
        rows["fast"].append({"over_shot": amplitude} | compared(found, law))
    rows["slow"] = []
    middle, half = (rise + fall) / 2, (rise - fall) / 2
    for tau, x, seconds in SLOW:
        step = tau / SLOW_STEPS
        rms = half / x * math.sqrt(2 * tau / step)
        noise = [
            f"inoise 0 x trnoise({rms:.6g} {step:.6g} 0 0)",
            "rnoise x 0 1",
            f"cnoise x 0 {tau:.6g}",
            "gnoise 0 v x 0 1",
        ]
        run = held_deck(technology, conditions, middle, seconds, noise)
        found = store(f"slow-{tau:g}-{x:g}", run, flips)
        noise_of = SlowNoise(sigma=np.array([half / x]), tau=np.array([tau]))
        law = 2 * [float(slow_rate(np.array([half]), noise_of)[0])]
        rows["slow"].append({"tau_s": tau, "sigmas": x} | compared(found, law))
    return rows


def edges_checked(given: argparse.Namespace) -> dict[str, Any]:
    """Edges [A] of a chip of one unit in ngspice, over the law's, at both conditions."""
    technology, store = load_technology(given.tech), store_of(given)
    design = map_model(loop_model(), technology, load_calibration(technology))
    bank = design.banks[0]

    def row(at: Calibration) -> dict[str, Any]:
        conditions = Conditions(corner=at.corner, temperature=at.temperature, v_dd=at.v_dd)
        run = store(
            f"edges-{at.corner}-{at.temperature:g}",
            triangle_deck(design, conditions=conditions),
            partial(loop_in_ngspice, design, at),
        )
        found = [run["rising edge"], run["falling edge"]]
        devices = devices_of(design, at, nominal_die(design))
        currents = loop_currents(devices, bank)
        dry = [float(currents.candidate(x)[0]) for x in bank_loops(devices, bank).edges()]
        into, out = node_leakage(technology, at)
        return {
            "ngspice_A": found,
            "law_over": np.array(dry) / found,
            "law_with_leakage_over": np.array(edges_of(design, at, devices.die)) / found,
            "leaks_A": [into, out],
        }

    return at_conditions(given, row)


# --------------------------------------------------------------------------------- at true noise


def one_unit(technology: Technology, calibration: Calibration) -> Design:
    """One FQ-BMRU that rises at 1 nA and falls at 0.5 nA."""
    model = loop_model(n_classes=1, frame="25 ms", alpha=1.0)
    return map_model(model, technology, calibration)


def retained(
    design: Design, calibration: Calibration, die: Die, candidate: float
) -> tuple[Retention, float]:
    """The law for the unit, and sigma of its candidate's noise [A]."""
    devices, c = devices_of(design, calibration, die), np.full(1, candidate)
    bank, drive = design.banks[0], DRIVE * c
    noise = candidate_noise(devices, bank, c, drive)
    return bank_retention(devices, bank, c, drive), float(noise.sigma[0])


def edges_of(design: Design, calibration: Calibration, die: Die) -> tuple[float, float]:
    up, down = bank_edges(devices_of(design, calibration, die), design.banks[0])
    return float(up[0]), float(down[0])


def at_conditions(
    given: argparse.Namespace, row: Callable[[Calibration], Any], *, loops_only: bool = True
) -> dict[str, Any]:
    """What is made of the constants at both conditions, or why there are none."""
    calibration = load_calibration(load_technology(given.tech))
    rows: dict[str, Any] = {}
    for corner, temperature in CONDITIONS:
        name = f"{corner}, {temperature:g} degC"
        try:
            at = calibration.at(corner=corner, temperature=temperature, loops_only=loops_only)
        except UserError as error:
            rows[name] = str(error)
        else:
            rows[name] = row(at)
    return rows


def per_day(ln_rate: float) -> float:
    """log10 of flips a day."""
    return (ln_rate + math.log(DAY)) / math.log(10)


def table(given: argparse.Namespace) -> dict[str, Any]:
    technology = load_technology(given.tech)
    calibration = load_calibration(technology)
    design = one_unit(technology, calibration)
    nominal = nominal_die(design)
    dies = [draw_die(design, seed) for seed in range(given.dies)]
    up, down = edges_of(design, calibration, nominal)

    def row(at: Calibration) -> dict[str, Any]:
        edges = np.array([edges_of(design, at, die) for die in dies])
        made: dict[str, Any] = {"edges_A": edges_of(design, at, nominal)}
        made["edges_mean_A"], made["edges_sigma_A"] = edges.mean(axis=0), edges.std(axis=0)
        for state, near in enumerate(NEAR):
            candidate = (0.8 * up, 1.2 * down)[state]
            distance = (edges[:, state] - candidate) * (1 - 2 * state)
            held = distance > 0
            worst = int(np.argmin(np.where(held, distance, np.inf)))
            found: dict[str, Any] = {"candidate_A": candidate, "not_held": int((~held).sum())}
            for which, die in (("nominal", nominal), ("worst_held", dies[worst])):
                law, sigma = retained(design, at, die, candidate)
                edge = (law.up, law.down)[state][0]
                found[which] = {
                    "distance_sigmas": (edge - candidate) * (1 - 2 * state) / sigma,
                    "sigma_A": sigma,
                    "log10_per_s": float((law.ln_rise, law.ln_fall)[state][0]) / math.log(10),
                }
            made[near] = found
        return made

    return {"edges_A": [up, down]} | at_conditions(given, row)


def width(given: argparse.Namespace) -> dict[str, Any]:
    """Flips a day over I_width, the candidate in the middle of the nominal loop."""
    technology = load_technology(given.tech)
    calibration = load_calibration(technology)
    placed = one_unit(technology, calibration)
    bank = placed.banks[0]
    placed_width = int(bank.loop_width[0])
    drawn = [draw_die(placed, seed) for seed in range(given.dies)]

    def row(at: Calibration) -> list[dict[str, Any]]:
        rows = []
        for units in WIDTHS:
            design = replace(placed, banks=(replace(bank, down_units=bank.up_units - units),))
            nominal = nominal_die(design)
            up, down = edges_of(design, at, nominal)
            if up - down <= 0 or down <= 0:
                continue
            middle = (up + down) / 2
            dies = [with_width(die, units / placed_width) for die in drawn]
            edges = np.array([edges_of(design, at, die) for die in dies])
            distances = np.minimum(edges[:, 0] - middle, middle - edges[:, 1])
            worst = dies[int(np.argmin(distances))]
            made = {"width_A": units * placed.i_lsb, "loop_A": up - down}
            for which, die in (("nominal", nominal), ("worst", worst)):
                law, sigma = retained(design, at, die, middle)
                made[which] = per_day(float(np.logaddexp(law.ln_rise, law.ln_fall)[0]))
                made["sigma_A"] = sigma
            made["held_dies"] = int((distances > 0).sum())
            rows.append(made)
        return rows

    return {"hold_A": float(bank.up_units[0] * placed.i_lsb)} | at_conditions(given, row)


def with_width(die: Die, factor: float) -> Die:
    """The same die with `factor` times the unit devices in M8."""
    key = (Part.UNITS.of(0), "width")
    return replace(
        die,
        dvt={**die.dvt, key: die.dvt[key] / math.sqrt(factor)},
        dbeta={**die.dbeta, key: die.dbeta[key] / math.sqrt(factor)},
    )


def ladder(given: argparse.Namespace) -> dict[str, Any]:
    technology = load_technology(given.tech)
    design = map_model(unit_model(2), technology, load_calibration(technology))

    def row(at: Calibration) -> dict[str, Any]:
        made: dict[str, Any] = {}
        dies = [draw_die(design, seed) for seed in range(given.dies)]
        laws = [ladder_loops(devices_of(design, at, die), design.banks[0]).edges() for die in dies]
        rises, falls = (np.array([law[k] for law in laws]) for k in (0, 1))
        into, out = node_leakage(technology, at)
        for which, die in (
            ("nominal", nominal_die(design)),
            ("worst_low", dies[int(np.argmin(rises.min(axis=1)))]),
            ("worst_high", dies[int(np.argmax(falls.max(axis=1)))]),
        ):
            law = ladder_retention(devices_of(design, at, die), design.banks[0])
            made[which] = {
                "rises_A": law.up.min(),
                "falls_A": law.down.max(),
                "log10_rise_per_s": law.ln_rise.max() / math.log(10),
                "log10_fall_per_s": law.ln_fall.max() / math.log(10),
            }
        return made | {"leaks_in_A": into, "leaks_out_A": out}

    return at_conditions(given, row, loops_only=False)


def supply(given: argparse.Namespace) -> dict[str, Any]:
    """What moves the edges, by the law; and ngspice's cell near an edge under a step of supply."""
    technology = load_technology(given.tech)
    calibration = load_calibration(technology)
    design = one_unit(technology, calibration)
    nominal = nominal_die(design)
    up, down = edges_of(design, calibration, nominal)
    moves = {}
    for v_dd in (0.9 * technology.v_dd, 1.1 * technology.v_dd):
        found = edges_of(design, calibration.at(v_dd), nominal)
        moves[f"{v_dd:.3g} V"] = [found[0] / up - 1, found[1] / down - 1]
    conditions = nominal_conditions(technology)
    store = store_of(given)
    deck = loop_deck(technology, CELL, conditions, ramp=10.0)
    edges = store("edges", deck, lambda w: loop(CELL, w, conditions.v_dd, 10.0))
    steps = []
    for state, share in itertools.product((0, 1), (0.2, 0.1, 0.05, 0.03, 0.02, 0.01)):
        edge = (edges["rise"], edges["fall"])[state]
        candidate = edge * (1 + share * (2 * state - 1))
        for factor in (1.1, 0.9):
            other = factor * conditions.v_dd
            course = "".join(
                f" {t:.9g} {v:.9g}"
                for t, v in (
                    (0.1, conditions.v_dd),
                    (0.1 + SUPPLY_EDGE, other),
                    (0.2, other),
                    (0.2 + SUPPLY_EDGE, conditions.v_dd),
                )
            )
            top = max(other, conditions.v_dd)
            courses = {"rn": f"pwl(0 {other:.9g} 0.03 {other:.9g} 0.0301 0)"}
            if state:
                courses = {"rp": f"pwl(0 0 0.03 0 0.0301 {top:.9g})"}
            deck = held_deck(technology, conditions, candidate, 0.3, [], supply=course, **courses)
            run = store(f"step-{state}-{share}-{factor}", deck, states)
            ended = run.get("states")
            steps.append({"state": state, "distance": share, "supply": factor, "ended": ended})
    return {"edges_move": moves, "steps": steps}


PARTS = {
    "accelerated": accelerated,
    "edges": edges_checked,
    "table": table,
    "width": width,
    "ladder": ladder,
    "supply": supply,
}


def main() -> None:
    parser = study(__doc__, required=True)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--dies", type=int, default=1000)
    given = parsed(parser)
    result = {"tech": given.tech}
    result |= {name: PARTS[name](given) for name in given.parts.split(",")}
    answer(result)


if __name__ == "__main__":
    main()
