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
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.study import answer, parsed, relative, store_of, study
from mru_hw.errors import RunStatus
from mru_hw.lab.store import Store
from mru_hw.lab.strobe import STEPS, Layer, design_of, layer_deck, layer_of, read
from mru_hw.spice.decoupling import DROOP, RESISTANCE, strobe_charge
from mru_hw.spice.drive import clock_capacitance, line_loads
from mru_hw.spice.options import OPTIONS, TIGHT_OPTIONS
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.conditions import Conditions, nominal_conditions

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


def main() -> None:
    parser = study(__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--conditions", action="store_true")
    parser.add_argument("--tight", action="store_true")
    given = parsed(parser)
    technology = load_technology(given.tech)
    nominal, cal = nominal_conditions(technology), load_calibration(technology)
    options = TIGHT_OPTIONS if given.tight else OPTIONS
    store = store_of(given)
    rows = [
        row_of(store, technology, cal, nominal, layer, options=options)
        for layer in layers(technology, quick=given.quick)
    ]
    if given.conditions:
        layer = layer_of(design_of(technology, 2, 16))
        for at in (relative(technology, where) for where in EXTREMES):
            there = cal.at(at.v_dd, temperature=at.temperature, corner=at.corner)
            rows.append(row_of(store, technology, there, at, layer, options=options))
    result = {
        "tech": technology.name,
        "options": options,
        "supply_ohm": RESISTANCE,
        "droop_allowed_V": DROOP,
        "core_seconds": store.core_seconds,
        "layers": rows,
    }
    answer(result)


if __name__ == "__main__":
    main()
