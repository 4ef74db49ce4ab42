"""Thresholds of a CMRU unit at conditions: ngspice, the law there, and the nominal law.

    python -m benchmarks.bench_conditions [--tech sky130] [--work DIR] [--workers 1]

The ramp bench of the characterisation passes both thresholds of one unit in steps of 1 % of 1 nA.
Beside the candidates at which it begins to step stand those that the behavioral law gives with the
constants of the condition (`Calibration.at`) and with the nominal ones. The conditions are the
tables' points and the checks, which no table saw. Of the law only the trip voltages come from
this bench. With the folder of a characterisation nothing is run again.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import answer, parsed, study
from mru_hw.errors import RunStatus, UserError
from mru_hw.lab.networks import unit_model
from mru_hw.mapping import DesignOptions, map_model
from mru_hw.mapping.rows import Part
from mru_hw.simulate.compile import compile_die
from mru_hw.spice.characterize.base import I_USUAL, UNITS
from mru_hw.spice.characterize.jobs import KeptRuns, run_jobs
from mru_hw.spice.characterize.points import check_points, grid_points
from mru_hw.spice.characterize.trips import RAMP, ramp_deck, stepped
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.session import Session
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import nominal_die

BIAS_UNITS = 64  # of the bench's bias tree and thresholds, which carry I_USUAL


def law(technology: Technology, calibration: Calibration, at: Conditions) -> list[float]:
    """Return the candidates' sizes [I_USUAL] at which the bench's unit steps up and down."""
    nominal = load_calibration(technology)
    design = map_model(unit_model(2, "25 ms"), technology, nominal, DesignOptions(i_unit=I_USUAL))
    (bank,), bus = design.banks, replace(design.node(Part.CANDIDATE.of(0)), units=UNITS)
    legs = np.full(1, BIAS_UNITS)
    design = replace(
        design,
        buses=design.buses | {Part.CANDIDATE.of(0): bus},
        banks=(replace(bank, up_units=legs, down_units=legs),),
    )
    array = compile_die(design, calibration, nominal_die(design), temperature=at.temperature)
    found = array.memories[0].thresholds()
    return [float(x[0, 0, 0]) * bus.scale / I_USUAL for x in found]


def main() -> None:
    """Run what is missing and print the comparison."""
    parser = study(__doc__)
    parser.add_argument("--workers", type=int, default=1)
    given = parsed(parser)
    technology = load_technology(given.tech)
    nominal = load_calibration(technology)
    corners = tuple(nominal.grid.corners)
    checks = check_points(technology, corners)
    points = (*grid_points(technology, corners), *checks)
    with tempfile.TemporaryDirectory() as name:
        store = KeptRuns(folder=given.work or Path(name), simulator=f"ngspice {Session().version}")
        runs = run_jobs(
            Runner(Limits(time_s=900)),
            {str(k): ramp_deck(technology, at) for k, at in enumerate(points)},
            store,
            workers=given.workers,
            progress=lambda _: None,
        )
    rows: list[dict[str, Any]] = []
    for at, waves in zip(points, runs.values(), strict=True):
        rows.append(asdict(at) | {"check": at in checks, "status": waves.status.name})
        if waves.status is not RunStatus.DONE:
            continue
        firsts = [first for _, first in stepped(waves).values()]
        if 0 in firsts:
            rows[-1]["status"] = "no threshold in the ramp"
            continue
        measured = [float(RAMP[k - 1] + RAMP[k]) / 2 for k in firsts]
        try:
            here = nominal.at(at.v_dd, temperature=at.temperature, corner=at.corner)
        except UserError:
            rows[-1]["status"] = "refused at the level behavioral"
            continue
        for key, used in (("law", here), ("nominal_law", nominal)):
            errors = np.array(law(technology, used, at)) / measured - 1
            rows[-1] |= {f"{key}_error": [round(float(x), 4) for x in errors]}
        rows[-1] |= {"measured": [round(x, 4) for x in measured]}
    summary: dict[str, Any] = {"technology": technology.name}
    for key in ("law_error", "nominal_law_error"):
        for what, chosen in (("points", False), ("checks", True)):
            sizes = [abs(x) for r in rows if r["check"] == chosen for x in r.get(key, ())]
            if sizes:
                found = {"median": round(float(np.median(sizes)), 4), "worst": max(sizes)}
                summary[f"{key}_{what}"] = found
    answer(summary | {"rows": rows})


if __name__ == "__main__":
    main()
