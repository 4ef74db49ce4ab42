"""One CMRU or BMRU unit in ngspice over conditions: does every step come, and only once?

    python benchmarks/bench_ladder_conditions.py [--tech T] [--conditions all|extremes] [--work DIR]
        [--levels 2] [--cell cmru|bmru] [--frame "10 ms"] [--workers 2]

A unit of threshold 1 nA stands in the bench of mru_hw.spice.unit_bench, behind its driver, and gets
candidates of 0, 0.9, 1.1, 2 and 5 thresholds, either sign, from both ends of its ladder and from
its middle. The first step after the reset is among them, for hold works against it longest.

Per condition: `wrong` lists the frames whose level is not the one before plus what the candidate
asks (frame, candidate over beta, level before, level after), `double` counts the frames in which
the level moved by more than one, `broken` those after which the code is no thermometer. Power is
that of the run, by block. Results are kept in --work by the decks' own tokens.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_ladder import Store
from benchmarks.machine import machine
from mru_hw.mapping import DesignOptions, map_model
from mru_hw.mapping.design import Design
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.chip import SUPPLIES
from mru_hw.spice.deck import Waves
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.unit_bench import UnitBench, make_unit_bench
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.technology.conditions import Conditions

Array = NDArray[np.float64]

TEMPERATURES = (-40.0, 27.0, 85.0, 125.0)
SUPPLIES_REL = (0.9, 1.0, 1.1)
EXTREMES = (
    *(("ff", 125.0, 1.1), ("sf", 125.0, 1.1), ("fs", 125.0, 1.1), ("ss", 125.0, 0.9)),
    *(("ff", -40.0, 1.1), ("sf", -40.0, 0.9), ("fs", -40.0, 0.9), ("ss", -40.0, 0.9)),
)
"""Leaking most, from either side; and slowest, with the least supply."""
SURE = 2.0  # thresholds, from which on no step may be missed


def candidates(levels: int) -> Array:
    """Over the threshold: both ends twice, at two speeds, then the middle near the thresholds."""
    up, down = [2.0] * (levels + 2), [-2.0] * (2 * levels + 2)
    fast = [5.0] * (2 * levels + 1)
    near = [0.9, -0.9, 0.0, 1.1, -1.1, 1.1, -1.1, 0.9, -0.9, 5.0, -5.0, -5.0, 5.0, 2.0, -2.0]
    middle = [2.0] * levels
    return np.array([*up, 0.9, 0.0, *down, -0.9, 0.0, *fast, *(-c for c in fast), *middle, *near])


def unit_model(cell: str, levels: int, frame: str) -> Model:
    """A network of one unit: beta = 1, alpha = 0.5."""
    layer = {"cell": cell, "n_units": 1, "n_out": 1}
    if cell == "cmru":
        layer["levels"] = levels
    shapes = {"n_in": 1, "n_hidden": 1, "n_classes": 1, "frame_period": frame}
    spec = ModelSpec.model_validate(shapes | {"layers": [layer]})
    tensors = {name: np.ones(shape) for name, shape in spec.tensor_shapes().items()}
    tensors |= {name: 0 * t for name, t in tensors.items() if name.endswith((".bias", "_state"))}
    tensors["layers.0.alpha"] = np.full(1, 0.5)
    if cell == "bmru":
        tensors["layers.0.initial_state"] = np.full(1, -1.0)
    return Model(spec=spec, tensors=tensors)


def judged(design: Design, bench: UnitBench, waves: Waves, c: Array) -> dict[str, Any]:
    """Compare each frame's level with the one before and what the candidate asks."""
    bank = design.banks[0]
    set_cells = read_unit(design, 0, 0, bench, waves).end[:, 0, :]
    level = set_cells.sum(axis=1)
    start = (bank.n_cells * (bank.levels + int(bank.initial[0]))) // (2 * bank.levels)
    before = np.concatenate([[start], level[:-1]])
    asked = np.clip(before + np.sign(c) * (np.abs(c) >= 1), 0, bank.n_cells)
    wrong = np.flatnonzero(level != asked)
    broken = np.any(set_cells[:, 1:] & ~set_cells[:, :-1], axis=1)
    inside = waves.time >= bench.t_start
    t = waves.time[inside]

    def power(name: str) -> float:
        amperes = waves.vectors[f"i(v{name})"][inside]
        return float(np.trapezoid(amperes, t) / (t[-1] - t[0]) * bench.v_dd)

    return {
        "wrong": [
            {
                "frame": int(k),
                "over_beta": float(c[k]),
                "before": int(before[k]),
                "after": int(level[k]),
            }
            for k in wrong
        ],
        "double": int(np.sum(np.abs(level - before) > 1)),
        "broken": int(broken.sum()),
        "missed_sure": int(np.sum(np.abs(c[wrong]) >= SURE)),
        "power_W": {name: power(name) for name in SUPPLIES},
    }


def run(
    store: Store, technology: Technology, model: Model, at: tuple[str, float, float]
) -> dict[str, Any]:
    """Run one condition, its supply relative to the nominal one."""
    corner, temperature, relative = at
    conditions = Conditions(corner=corner, temperature=temperature, v_dd=relative * technology.v_dd)
    design = map_model(model, technology, load_calibration(technology), DesignOptions(i_unit=1e-9))
    c = candidates(design.banks[0].levels)
    bench = make_unit_bench(design, 0, 0, c * design.buses["c0"].scale, conditions, options=OPTIONS)
    name = f"{technology.name}-{corner}{temperature:g}-{conditions.v_dd:.3g}V"
    made: dict[str, Any] = store(name, bench.deck, lambda waves: judged(design, bench, waves, c))
    return {"corner": corner, "temperature": temperature, "v_dd": conditions.v_dd} | made


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tech", default="generic180")
    parser.add_argument("--conditions", choices=("all", "extremes"), default="all")
    parser.add_argument("--levels", type=int, default=2)
    parser.add_argument("--cell", choices=("cmru", "bmru"), default="cmru")
    parser.add_argument("--frame", default="10 ms")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=Path)
    asked = parser.parse_args(arguments)
    technology = load_technology(asked.tech)
    everywhere = tuple(product(technology.corners, TEMPERATURES, SUPPLIES_REL))
    where = everywhere if asked.conditions == "all" else EXTREMES
    if asked.work is not None:
        asked.work.mkdir(parents=True, exist_ok=True)
    store = Store(asked.work)
    model = unit_model(asked.cell, asked.levels, asked.frame)
    with ThreadPoolExecutor(asked.workers) as pool:
        rows = list(pool.map(partial(run, store, technology, model), where))
    done = [row for row in rows if row["status"] == "DONE"]
    total = {
        name: sum(row[name] for row in done) for name in ("double", "broken", "missed_sure")
    } | {"wrong": sum(len(row["wrong"]) for row in done), "runs": len(rows), "done": len(done)}
    asked_for = {name: str(value) for name, value in vars(asked).items()}
    result = {"machine": machine(), "asked": asked_for, "total": total, "rows": rows}
    print(json.dumps(result, indent=1, default=float))


if __name__ == "__main__":
    main()
