"""A strobe's energy, peak current and droop in ngspice, beside the array's law and the bound.

    python benchmarks/bench_strobe_energy.py [--tech T] [--quick] [--conditions] [--tight]
        [--work DIR]

A layer of equal CMRU units behind its strobe driver, each unit with its own candidate; threshold
1 nA, a bias tree that is as large as the layer. Three strobes: every unit steps up (the first step
after the reset), none steps, every unit steps down. Tolerances are those of single units, which
resolve the clock's charge; --tight takes the tight ones of networks.

* clock: charge of driver and lines over V_dd in the strobe without steps, and the array's
  (`clock_capacitance`). unit: the same strobe in one unit (phase tap and step control).
* step: what a unit takes beyond that in a strobe with a step, the mean of up and down until it is
  at rest again, and the array's (`c_step`).
* peak: the largest supply current over that before the strobe, of driver and units.
* charge: the largest that a strobe takes within 1 us of its edge, against the bound
  (`strobe_charge`); the pin's other edge comes later.
* droop: the same layer behind the resistance and with the capacitor of `mru_hw.spice.decoupling`,
  sized for this layer; `stepped` says whether every unit then had levels 1, 1 and 0.

--conditions adds slow and fast extremes of one layer, with the capacitor of each condition.
Results are kept in --work by the decks' own tokens, so a call that was cut off goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_ladder import Store, unit_of
from benchmarks.machine import machine
from mru_hw.errors import RunStatus
from mru_hw.mapping.design import Bank, Design
from mru_hw.mapping.options import DEFAULTS
from mru_hw.spice.characterize.base import I_USUAL, UNITS, bench_deck
from mru_hw.spice.characterize.unit import charge_beyond_rest
from mru_hw.spice.chip import unit_name, unit_subckt
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.decoupling import DROOP, RESISTANCE, strobe_charge
from mru_hw.spice.drive import clock_capacitance, drive_units, line_loads
from mru_hw.spice.options import OPTIONS, TIGHT_OPTIONS
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.conditions import Conditions, nominal_conditions

Array = NDArray[np.float64]

LAYERS = (
    *((1, 1), (1, 16), (1, 40)),
    *((2, 1), (2, 4), (2, 16), (2, 42)),
    *((4, 1), (4, 12), (8, 1), (8, 8)),
)
"""K and units."""
QUICK = ((2, 1), (2, 8))
DRIVES = ((2, 1), (1, 2), (2, 2), (4, 4))
"""Of four units of K = 2, beside the drive that they have."""
EXTREMES = (("ff", 125.0, 1.1), ("sf", 85.0, 1.1), ("ss", -40.0, 0.9))
PERIOD, PULSE, EDGE = 5e-3, 20e-6, 1e-7  # s
STROBES = (PERIOD, 2 * PERIOD, 3 * PERIOD)
REST = 0.35 * PERIOD  # s after a strobe: the unit is at rest, and its candidate has not moved yet
SHORT = 1e-6  # s after an edge: the phases are over, and the supply has brought little
STEPS = (1, 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Equal units behind one driver, and the supply before them.

    Attributes
    ----------
    design
        Of one bank, whose `n_units` and `n_cells` count.
    drive
        Unit devices of the hold and step lines' drivers.
    capacitance
        Behind `RESISTANCE` [F]; None for an ideal supply.
    """

    design: Design
    drive: tuple[int, int]
    capacitance: float | None = None

    @property
    def bank(self) -> Bank:
        """Its units."""
        return self.design.banks[0]

    @property
    def name(self) -> str:
        supply = "" if self.capacitance is None else "-rc"
        return f"k{self.bank.levels}-n{self.bank.n_units}-d{self.drive[0]}{self.drive[1]}{supply}"


def layer_deck(
    technology: Technology, at: Conditions, layer: Layer, *, options: str = OPTIONS
) -> Deck:
    """Driver, units, candidates and bias behind one supply."""
    v_dd, n, levels = at.v_dd, layer.bank.n_units, layer.bank.levels
    supply = ["vtotal vdd near 0", "vnear near sup 0"]
    if layer.capacitance is not None:
        supply[1:] = [f"rsup near sup {RESISTANCE}", f"csup sup 0 {layer.capacitance}"]
    course = [(0.0, 2.0), (1.4, 2.0), (1.41, 0.0), (2.4, 0.0), (2.41, -2.0)]
    candidate = " ".join(f"{t * PERIOD:.9g} {c * I_USUAL:.9g}" for t, c in course)
    lines = [
        unit_subckt(levels, 0),
        *supply,
        *(f"v{name} sup vdd_{name} 0" for name in ("unit", "clock", "rest")),
        f"ibias vdd iref {n * I_USUAL}",
        f"xbias iref bias_p q_n vdd_rest 0 bias_tree units={64 * n}",
        "xphi phi rst_b hd st vdd_clock 0 strobe_driver"
        f" hold_drive={layer.drive[0]} step_drive={layer.drive[1]}",
        "xrst rst rst_b vdd_rest 0 inverter",
        f"vrst rst 0 pwl(0 0 1e-7 {v_dd} 2e-3 {v_dd} 2.0001e-3 0)",
        f"vphi phi 0 pulse(0 {v_dd} {PERIOD} {EDGE} {EDGE} {PULSE} {PERIOD})",
    ]
    for k in range(n):
        lines += [
            f"ic{k} 0 c{k} pwl({candidate})",
            f"xc{k} c{k} np{k} pm{k} q_n vdd_rest 0 signed_split units={UNITS}"
            f" split={DEFAULTS.candidate_split}",
            f"xu{k} np{k} pm{k} h{k} iref bias_p hd st rst rst_b vdd_unit 0"
            f" {unit_name(levels, 0)} units={UNITS} up=64 down=64"
            f" hold={DEFAULTS.hold} width={DEFAULTS.width} gain=32",
            f"xh{k} h{k} hn{k} vdd_rest 0 state_node units={UNITS}",
        ]
    saves = ("i(vtotal)", "i(vunit)", "i(vclock)", "i(vrest)", "v(sup)", *cells(layer))
    t_stop, step = 3.6 * PERIOD, PERIOD / 10
    return bench_deck(technology, at, lines, saves, t_stop=t_stop, step=step, options=options)


def cells(layer: Layer) -> list[str]:
    """Name the cells' nodes of the first and the last unit, in thermometer order."""
    ends = dict.fromkeys((0, layer.bank.n_units - 1))
    return [f"v(xu{k}.v{j})" for k in ends for j in range(1, layer.bank.n_cells + 1)]


def read(waves: Waves, layer: Layer, v_dd: float) -> dict[str, Any]:
    """Charges [C], peaks [A], droops [V] and levels of the three strobes."""
    time, found = waves.time, waves.vectors
    rows: dict[str, list[Any]] = {}

    def put(name: str, value: Any) -> None:
        rows.setdefault(name, []).append(value)

    for at in STROBES:
        inside = (time >= at - SHORT) & (time <= at + PULSE + SHORT)
        t = time[inside]
        short, both = t <= at + SHORT, np.zeros_like(t)
        for name in ("clock", "unit", "rest"):
            i = found[f"i(v{name})"][inside] - np.interp(at, time, found[f"i(v{name})"])
            # The driver's charge is that of a whole strobe, the pin's falling edge included.
            whole = name == "clock"
            put(f"{name}_C", np.trapezoid(i, t) if whole else np.trapezoid(i[short], t[short]))
            put(f"{name}_peak_A", np.max(i))
            both += i
        span = (at - SHORT, at, at + REST)
        put("unit_whole_C", charge_beyond_rest(time, found["i(vunit)"], *span))
        put("charge_C", np.max(_taken(t[short], both[short])))
        put("peak_A", np.max(both))
        supply = found["v(sup)"][inside]
        put("droop_V", supply[0] - np.min(supply))
        later = [float(np.interp(at + PERIOD / 2, time, found[cell])) for cell in cells(layer)]
        units = np.array(later).reshape(-1, layer.bank.n_cells)
        put("levels", np.sum(units > v_dd / 2, axis=1) - layer.bank.levels)
    return {name: np.array(values) for name, values in rows.items()}


def _taken(t: Array, i: Array) -> Array:
    """Return the charge [C] that was taken up to each time point."""
    taken: Array = np.concatenate([[0.0], np.cumsum((i[1:] + i[:-1]) / 2 * np.diff(t))])
    return taken


def row_of(
    store: Store,
    technology: Technology,
    cal: Calibration,
    at: Conditions,
    layer: Layer,
    *,
    options: str = OPTIONS,
) -> dict[str, Any]:
    """One layer at one condition: ideal supply, then the supply with its capacitor."""
    bound = strobe_charge(layer.design, cal, layer.bank)
    behind = replace(layer, capacitance=bound / DROOP)
    runs = [
        store(
            f"{technology.name}-{at.corner}-{one.name}",
            layer_deck(technology, at, one, options=options),
            partial(read, layer=one, v_dd=at.v_dd),
        )
        for one in (layer, behind)
    ]
    done = RunStatus.DONE.name
    if any(run["status"] != done for run in runs):
        return {"layer": layer.name, "status": [run["status"] for run in runs]}
    ideal, supplied = runs
    clock, n = ideal["clock_C"][1] / at.v_dd, layer.bank.n_units
    # A strobe without a step is over when it is: nodes whose candidate is zero drift much longer.
    up, _, down = ideal["unit_whole_C"]
    step = ((up + down) / 2 - ideal["unit_C"][1]) / at.v_dd / n
    law = clock_capacitance(layer.design, cal, layer.bank, layer.drive)
    return {
        "layer": layer.name,
        "corner": at.corner,
        "temperature_degC": at.temperature,
        "v_dd_V": at.v_dd,
        "line_loads_F": line_loads(technology, layer.bank),
        "clock_F": clock,
        "clock_law_F": law,
        "clock_law_error": law / clock - 1,
        "clock_J": clock * at.v_dd**2,
        "unit_F": ideal["unit_C"][1] / at.v_dd / n,
        "step_F": step,
        "step_law_F": cal.c_step,
        "step_law_error": cal.c_step / step - 1,
        "peak_A": max(ideal["peak_A"]),
        "driver_peak_A": max(ideal["clock_peak_A"]),
        "charge_C": max(ideal["charge_C"]),
        "charge_bound_C": bound,
        "charge_bound_over": bound / max(ideal["charge_C"]) - 1,
        "capacitor_F": bound / DROOP,
        "droop_V": max(supplied["droop_V"]),
        "stepped": all(
            level == wanted
            for levels, wanted in zip(supplied["levels"], STEPS, strict=True)
            for level in levels
        ),
    }


def layers(technology: Technology, *, quick: bool) -> Iterator[Layer]:
    """The layers with the drive that they have, then one with others."""
    for levels, n_units in QUICK if quick else LAYERS:
        yield layer_of(design_of(technology, levels, n_units))
    for drive in () if quick else DRIVES:
        yield Layer(design=design_of(technology, 2, 4), drive=drive)


def layer_of(design: Design) -> Layer:
    """Return a layer with the drive that the emitter gives it."""
    return Layer(design=design, drive=drive_units(design, design.banks[0]))


def design_of(technology: Technology, levels: int, n_units: int) -> Design:
    design = unit_of(technology, levels).design
    bank = design.banks[0]
    return replace(design, banks=(replace(bank, gain_units=np.repeat(bank.gain_units, n_units)),))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tech", default="generic180")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--conditions", action="store_true")
    parser.add_argument("--tight", action="store_true")
    parser.add_argument("--work", type=Path)
    given = parser.parse_args()
    technology = load_technology(given.tech)
    nominal, cal = nominal_conditions(technology), load_calibration(technology)
    if given.work is not None:
        given.work.mkdir(parents=True, exist_ok=True)
    options = TIGHT_OPTIONS if given.tight else OPTIONS
    store = Store(given.work)
    rows = [
        row_of(store, technology, cal, nominal, layer, options=options)
        for layer in layers(technology, quick=given.quick)
    ]
    if given.conditions:
        layer = layer_of(design_of(technology, 2, 16))
        for corner, temperature, share in EXTREMES:
            at = Conditions(corner=corner, temperature=temperature, v_dd=share * nominal.v_dd)
            there = cal.at(at.v_dd, temperature=temperature, corner=corner)
            rows.append(row_of(store, technology, there, at, layer, options=options))
    result = {
        "machine": machine(),
        "tech": technology.name,
        "options": options,
        "supply_ohm": RESISTANCE,
        "droop_allowed_V": DROOP,
        "core_seconds": store.core_seconds,
        "layers": rows,
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
