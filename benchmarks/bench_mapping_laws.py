"""How far the level ideal lies from the nominal array near thresholds: what no ratio compensates.

    python benchmarks/bench_mapping_laws.py --model MODEL [MODEL ...] [--sequences 100] [--tech T]
        [--without-conductance]

Both levels run test rows of the spoken digits (row i is test where i % 10 == 0) at the technology's
nominal conditions; no ngspice. The array's candidates lie within 1.5 % of beta of ngspice's there
(docs/decisions/0006-mirror-gains.md), so the rest of `ideal`'s error is the mapping's. Models are
what `mru-hw demo` trains (demo-out/model, demo-out/model-spice).

By layer, over candidates that `ideal` has within 0.3 beta of a threshold while all layers before
are alike: `error_rms` and `error_mean` of array less `ideal` over beta, the latter counted away
from zero; `against_software_rms`, of each level less the trained network over its beta. Over all
frames `states_differ`, and `steps_differ`, which count a step that one level took once. Of the
first layer `left_by_any_line`: the rms that the best linear correction of each unit's weights,
fitted to these very frames, would leave. --without-conductance takes constants with which no leg
bends and no node moves, so that the rounding of rails alone parts the two.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import computer, needs_model, parsed, show, study
from mru_hw.lab.agreement import test_rows
from mru_hw.lab.levels import differ, levels_of, rms
from mru_hw.mapping import map_model, unmap
from mru_hw.model.io import load_model
from mru_hw.model.network import Array, Model
from mru_hw.model.structure import normalised
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip, run_level
from mru_hw.stimulus import Inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions

NEAR = 0.3  # of beta, either side of a threshold


def left_by_line(model: Model, inputs: Inputs, error: Array, near: NDArray[np.bool_]) -> float:
    """Root mean square of what a line in each unit's own inputs leaves of the first layer's."""
    x = np.zeros((*inputs.x.shape[:2], model.tensors["input.weight"].shape[1]))
    for k, length in enumerate(inputs.lengths):
        x[k, :length] = normalised(model.spec, inputs.x[k, :length])
    u = x @ model.tensors["input.weight"].T + model.tensors["input.bias"]
    if model.spec.layers[0].rectify_input:
        u = np.maximum(u, 0)
    lines = np.concatenate([u, np.ones((*u.shape[:2], 1))], axis=2)
    left = []
    for k in range(error.shape[2]):
        a, e = lines[near[..., k]], error[..., k][near[..., k]]
        left.append(e - a @ np.linalg.lstsq(a, e, rcond=None)[0])
    return rms(np.concatenate(left))


def without_conductance(chip: Chip) -> Chip:
    """Map once more, with constants whose legs carry the same at any voltage."""
    cal = chip.calibration
    flat = {side: getattr(cal, side).model_copy(update={"conductance": 0.0}) for side in "np"}
    cal = cal.model_copy(update=flat)
    design = map_model(chip.model, chip.design.technology, cal)
    return replace(chip, design=design, calibration=cal, mapped=unmap(design, cal))


def compared(chip: Chip, inputs: Inputs) -> dict[str, Any]:
    conditions = nominal_conditions(chip.design.technology)
    software, ideal = simulate_ideal(chip.model, inputs), simulate_ideal(chip.mapped, inputs)
    array = run_level(chip, inputs, level="behavioral", conditions=conditions).trace
    alike, layers = inputs.valid(), []
    trained = alike.copy()
    for i in range(len(chip.design.banks)):
        beta = chip.mapped.tensors[f"layers.{i}.beta"]
        own = software.candidates[i] / chip.model.tensors[f"layers.{i}.beta"]
        c, found = ideal.candidates[i] / beta, array.candidates[i] / beta
        near = (np.abs(np.abs(c) - 1) < NEAR) & alike[:, :, None]
        by_software = (np.abs(np.abs(own) - 1) < NEAR) & trained[:, :, None]
        error = found - c
        models = ((chip.model, software), (chip.mapped, ideal), (chip.mapped, array))
        levels = [levels_of(model, trace, i) for model, trace in models]
        moved = [np.diff(level, axis=1, prepend=0.0) for level in levels]
        row: dict[str, Any] = {
            "candidates": int(near.sum()),
            "error_rms": rms(error[near]),
            "error_mean": float(np.mean((error * np.sign(c))[near])),
            "against_software_rms": {
                "ideal": rms((c - own)[by_software]),
                "array": rms((found - own)[by_software]),
            },
            "states": int(np.sum(~np.isnan(levels[0]))),
            "states_differ": differ(levels[1], levels[2]),
            "steps_differ": differ(moved[1], moved[2]),
            "states_differ_from_software": {
                "ideal": differ(levels[0], levels[1]),
                "array": differ(levels[0], levels[2]),
            },
        }
        if i == 0:
            row["left_by_any_line"] = left_by_line(chip.mapped, inputs, error, near)
        layers.append(row)
        alike = alike & np.all(levels[1] == levels[2], axis=2)
        same = (levels[0] == levels[1]) & (levels[0] == levels[2])
        trained = trained & np.all(same, axis=2)
    return {
        "design": chip.design.digest(),
        "decisions_differ": int(np.sum(ideal.decision != array.decision)),
        "accuracy": {
            name: float(np.mean(trace.decision == inputs.y))
            for name, trace in (("software", software), ("ideal", ideal), ("array", array))
        },
        "layers": layers,
    }


def main() -> None:
    parser = study(__doc__, work=False)
    parser.add_argument("--model", type=Path, nargs="+", default=[Path("demo-out/model")])
    parser.add_argument("--sequences", type=int, default=100)
    parser.add_argument("--without-conductance", action="store_true")
    given = parsed(parser)
    for path in given.model:
        needs_model(path)
    technology, inputs = load_technology(given.tech), test_rows(given.sequences)
    result: dict[str, Any] = {"machine": computer(), "sequences": inputs.n_seq}
    for path in given.model:
        chip = Chip(load_model(path), technology)
        if given.without_conductance:
            chip = without_conductance(chip)
        result[path.name] = compared(chip, inputs)
    show(result)


if __name__ == "__main__":
    main()
