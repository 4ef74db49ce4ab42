"""One nine-transistor loop in ngspice at the extremes: is it there, and where are its edges?

    python benchmarks/bench_loop_conditions.py [--tech T] [--i-unit "1 nA"] [--work DIR]

A chip of one FQ-BMRU unit with thresholds of 1 and 0.5 times i_unit, its input on a slow triangle
that passes both (`mru_hw.lab.loop`), at the extremes of `bench_ladder_conditions`. An edge
is the current in the candidate's diode when the loop switches, in A; None where it does not. `law`
are those of the behavioral array with the condition's constants, `error` the law over ngspice, less
one. `switched` counts how often the loop went up and down: once each is right. `rest` is the
candidate [A] with no input, which is what drains leak into its node.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from benchmarks.bench_ladder_conditions import EXTREMES
from benchmarks.study import answer, label, parsed, relative, store_of, study
from mru_hw.errors import UserError
from mru_hw.lab.loop import (
    REST_S,
    between_folds,
    diode,
    flow,
    loop_deck,
    loop_in_array,
    loop_in_ngspice,
    loop_start,
)
from mru_hw.lab.networks import loop_model
from mru_hw.lab.store import Store
from mru_hw.mapping import DesignOptions, map_model
from mru_hw.mapping.design import Design
from mru_hw.mapping.rows import Part
from mru_hw.simulate.compile import compile_die
from mru_hw.spice.chip import loop_net
from mru_hw.spice.deck import TOP, Waves
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.units import parse
from mru_hw.variation import nominal_die

EDGES = ("rising edge", "falling edge")


def read(design: Design, calibration: Calibration, waves: Waves) -> dict[str, Any]:
    """Return both edges [A] and how often the loop went up and down."""
    values = loop_in_ngspice(design, calibration, waves)
    onset = between_folds(design, calibration)
    later = waves.time > loop_start(design) + REST_S
    high = waves.vectors[f"v({TOP}.{loop_net(0, 0)})"][later] > onset
    ups, downs = high[1:] & ~high[:-1], high[:-1] & ~high[1:]
    edges = {name: values[name] if np.isfinite(values[name]) else None for name in EDGES}
    before = loop_start(design) + REST_S - 0.2
    rest = float(np.interp(before, waves.time, waves.vectors[diode(design, Part.CANDIDATE.of(0))]))
    return edges | {"switched": [int(ups.sum()), int(downs.sum())], "rest": rest}


def row_of(store: Store, technology: Technology, i_unit: float, at: Conditions) -> dict[str, Any]:
    """Run one condition."""
    nominal = load_calibration(technology)
    design = map_model(loop_model(), technology, nominal, DesignOptions(i_unit=i_unit))
    row: dict[str, Any] = asdict(at)
    try:
        here = nominal.at(at.v_dd, temperature=at.temperature, corner=at.corner)
        law = loop_in_array(design, here, nominal_die(design))
        array = compile_die(design, here, nominal_die(design), temperature=at.temperature)
        rest = (
            flow(array, 0, 0.0)[Part.CANDIDATE.of(0)].plus.item()
            * design.node(Part.CANDIDATE.of(0)).scale
        )
        row["law"] = {name: law[name] for name in EDGES} | {"rest": rest}
    except UserError as error:
        here, row["law"] = nominal, None
        row["refused"] = str(error)
    name = f"{technology.name}-loop-{label(at)}-{at.v_dd:.3g}V"
    row |= store(name, loop_deck(design, conditions=at), partial(read, design, here))
    if row["law"] is not None:
        row["error"] = {
            name: row["law"][name] / row[name] - 1 for name in EDGES if row.get(name) is not None
        }
    return row


def main() -> None:
    """Print one JSON object."""
    parser = study(__doc__)
    parser.add_argument("--i-unit", default="1 nA")
    given = parsed(parser)
    technology, i_unit = load_technology(given.tech), parse(given.i_unit, "A", "--i-unit")
    store = store_of(given)
    rows = [row_of(store, technology, i_unit, relative(technology, where)) for where in EXTREMES]
    done = [row for row in rows if row["status"] == "DONE"]
    total = {
        "runs": len(rows),
        "done": len(done),
        "loops": sum(row["switched"] == [1, 1] for row in done),
    }
    answer({"total": total, "rows": rows})


if __name__ == "__main__":
    main()
