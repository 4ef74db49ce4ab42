"""Noise of whole chips at their decisions: ngspice's `.noise` beside the array's law.

    python -m benchmarks.bench_noise_chip --work DIR [--tech generic180 sky130] [--model MODEL]

Of a network of one unit, one of two, and with --model of a trained one, each unit at its rising
threshold, under constant inputs: sigma of the candidate by all devices of the chip, with the cards'
white level and with 2 q I in its place, beside the law's by 2 q I. Results are kept in --work.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import machine, parsed, show, store_of, study
from mru_hw.errors import SimulationError
from mru_hw.lab.chip_noise import Decision, law_at, spice_at
from mru_hw.lab.networks import unit_model, units_model
from mru_hw.lab.noise import Batch, spectra
from mru_hw.lab.store import Store
from mru_hw.model.io import load_model
from mru_hw.model.network import Model
from mru_hw.simulate.run import Chip
from mru_hw.technology import load_technology, technology_names
from mru_hw.technology.conditions import nominal_conditions

SEED = 1
INPUTS = {"one unit": ((1.0,), (2.0,), (0.1,)), "two units": ((1.0, 0.5),)}
"""Constant inputs, in i_unit."""


def rows_of(
    store: Store, name: str, model: Model, technology: str, inputs: Any, whites: dict[str, Any]
) -> list[dict[str, Any]]:
    """Compare every unit of a network."""
    chip = Chip(model, technology)
    conditions = nominal_conditions(chip.design.technology)
    rows = []
    for x in inputs:
        for bank in chip.design.banks:
            for unit in range(bank.n_units):
                decision = Decision(
                    chip=chip,
                    conditions=conditions,
                    layer=bank.layer,
                    unit=unit,
                    x=tuple(value * chip.design.i_unit for value in x),
                )
                row: dict[str, Any] = {"network": name, "layer": bank.layer, "unit": unit, "x": x}
                row |= {"law": law_at(decision)}
                try:
                    row["spice"] = spice_at(store, decision, row["law"], whites)
                    law, spice = row["law"], row["spice"]
                    row["white_over_spice"] = law["white"] / spice["white_of_2qI"]
                    row["all_over_spice"] = math.hypot(
                        law["white"] * math.sqrt(law["cards_over_2qI"]), law["flicker"]
                    ) / math.hypot(spice["white"], spice["flicker"])
                except (SimulationError, OSError) as error:
                    row["failed"] = str(error)[:200]
                rows.append(row)
    return rows


def main() -> None:
    parser = study(__doc__, tech=False, required=True)
    parser.add_argument("--tech", nargs="+", default=list(technology_names()))
    parser.add_argument("--model", type=Path)
    given = parsed(parser)
    store = store_of(given)
    result: dict[str, Any] = {"machine": machine()}
    for name in given.tech:
        technology = load_technology(name)
        conditions = nominal_conditions(technology)
        whites = {
            side: np.array(
                [
                    row["white_over_2qI"]
                    for row in spectra(Batch(store), technology, conditions, side)["rows"]
                ]
            )
            for side in "np"
        }
        networks: list[tuple[str, Model, Any]] = [
            ("one unit", unit_model(2), INPUTS["one unit"]),
            ("two units", units_model(2), INPUTS["two units"]),
        ]
        if given.model is not None:
            model = load_model(given.model)
            x = np.random.default_rng(SEED).normal(size=(1, model.spec.n_in))
            networks.append((given.model.name, model, tuple(map(tuple, x))))
        result[name] = [
            row
            for label, model, inputs in networks
            for row in rows_of(store, label, model, name, inputs, whites)
        ]
    show(result)


if __name__ == "__main__":
    main()
