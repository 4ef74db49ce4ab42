"""A whole network in ngspice beside the level ideal and the behavioral array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.lab.store import Arrays, Store
from mru_hw.model.structure import normalised
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.die_results import BehavioralRun
from mru_hw.simulate.energy import energy
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.local import LocalLayer, local_layers
from mru_hw.simulate.run import Chip
from mru_hw.simulate.spice_level import SpiceResult, simulate_spice
from mru_hw.simulate.steps import judge_steps
from mru_hw.simulate.supply import BLOCKS, SupplyRecord
from mru_hw.simulate.trace import Trace
from mru_hw.spice.bench import make_bench
from mru_hw.spice.chip import chip_deck
from mru_hw.spice.flatten import flatten
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology.conditions import Conditions, nominal_conditions
from mru_hw.variation import Die

Array = NDArray[Any]
TEST_ROWS = 10  # row i is test where i % 10 == 0


def test_rows(count: int) -> Inputs:
    """Return the first `count` test sequences of the digits."""
    from mru_hw.training.digits import load_digits

    rows = load_digits().take(TEST_ROWS * np.arange(count))
    return make_inputs(rows.x[:, : rows.lengths.max()], rows.lengths, rows.y)


def run_sequence(
    chip: Chip,
    inputs: Inputs,
    row: int,
    store: Store,
    conditions: Conditions | None = None,
    seed: int | None = None,
) -> Arrays:
    """Return one sequence's run, on a die if one is named; `store` keeps it."""
    one = inputs.take(slice(row, row + 1))
    die, name = (None, "") if seed is None else (chip.die(seed), f"-die{seed}")
    conditions = conditions or nominal_conditions(chip.design.technology)
    frames = normalised(chip.model.spec, one.x[0, : one.lengths[0]])
    token = make_bench(chip.design, frames, conditions, die=die).deck.token

    def run() -> Arrays:
        return packed(
            simulate_spice(
                chip.design, chip.calibration, one, conditions=conditions, die=die, workers=1
            )
        )

    return store.arrays(f"{chip.design.digest()}{name}-{token:.9f}", run)


def packed(result: SpiceResult) -> Arrays:
    """Return all of a run as arrays."""
    blocks = np.array([result.energy_by_block[name][0] for name in BLOCKS])
    levels = {f"layer{i}.level": level for i, level in enumerate(result.levels)}
    return (
        result.trace.arrays()
        | levels
        | {
            "blocks": blocks,
            "core_seconds": result.core_seconds,
            "time_points": result.time_points,
            "status": np.array([result.status[0].name]),
        }
    )


def judge_layer(
    chip: Chip, i: int, spice: list[Array], candidates: list[Array], software: list[LocalLayer]
) -> dict[str, Any]:
    """Count the wrong steps of layer `i` against the given candidates, frame by frame."""
    window = chip.design.banks[i].threshold is not None
    thresholds = [layer.beta for layer in software] if window else None
    runs = zip(spice, candidates, strict=True)
    steps = judge_steps(chip.mapped, chip.design, i, runs, thresholds=thresholds)
    beyond = int(np.sum(steps.wrong > 0.03))
    held = {"wrong_if_always_held": len(steps.moving)}
    return steps.summary() | held | {"wrong_beyond_3_percent": beyond, "deciles": steps.deciles()}


def compare(chip: Chip, inputs: Inputs, runs: list[Arrays], ideal: Trace, array: Trace) -> Any:
    """Compare every layer's steps, candidates and states, and the decisions."""
    done = [k for k, run in enumerate(runs) if str(run["status"][0]) == "DONE"]
    spans = {k: int(inputs.lengths[k]) for k in done}
    n_layers = len(chip.design.banks)
    alphas = [chip.mapped.tensors[f"layers.{i}.alpha"] for i in range(n_layers)]
    reached = {
        k: [runs[k][f"layer{i}.level"][0, : spans[k]] * alphas[i] for i in range(n_layers)]
        for k in done
    }
    local, software = {}, {}
    for k in done:
        frames = normalised(chip.mapped.spec, inputs.x[k, : spans[k]])
        local[k] = local_layers(chip.mapped, frames, reached[k])
        software[k] = local_layers(chip.mapped, frames, [h[k, : spans[k]] for h in ideal.states])
    layers = []
    for i in range(n_layers):
        states = [reached[k][i] for k in done]
        wanted = [ideal.candidates[i][k, : spans[k]] for k in done]
        by_wanted, by_own = [software[k][i] for k in done], [local[k][i] for k in done]
        own = [layer.candidate for layer in by_own]
        seen = [runs[k][f"layer{i}.candidate"][0, : spans[k]] for k in done]
        priced = [array.candidates[i][k, : spans[k]] for k in done]
        known = [array.states[i][k, : spans[k]] for k in done]
        alike = [np.abs(a - b) < 0.5 * alphas[i] for a, b in zip(states, known, strict=True)]
        layers.append(
            {
                "against_reference": judge_layer(chip, i, states, wanted, by_wanted),
                "against_own_earlier_layers": judge_layer(chip, i, states, own, by_own),
                "against_own_candidate": judge_layer(chip, i, states, seen, by_own),
                "candidate_error_rms": rms_apart(seen, own),
                "candidate_slopes": slopes(seen, own),
                "candidate_rms": rms_apart(own, [0 * c for c in own]),
                "behavioral": {
                    "candidate_error_rms": rms_apart(seen, priced),
                    "candidate_off_ideal_rms": rms_apart(priced, wanted),
                    "states_alike": float(np.mean(np.concatenate(alike))),
                },
            }
        )
    decisions = [int(runs[k]["decision"][0]) for k in range(len(runs))]
    return {
        "sequences": len(runs),
        "complete": len(done),
        "decisions_alike": int(np.sum(np.array(decisions) == ideal.decision)),
        "decisions": {"spice": decisions, "ideal": ideal.decision, "label": inputs.y},
        "layers": layers,
    }


def rms_apart(found: list[Array], wanted: list[Array]) -> float:
    """Return the rms difference over all frames and units."""
    apart = np.concatenate([(a - b).ravel() for a, b in zip(found, wanted, strict=True)])
    return float(np.sqrt(np.mean(apart**2)))


def slopes(found: list[Array], wanted: list[Array]) -> list[float | None]:
    """Return each unit's slope of what was found over what was wanted; None where nothing moves."""
    x, y = np.concatenate(wanted), np.concatenate(found)
    x = x - x.mean(axis=0)
    moved, together = np.sum(x**2, axis=0), np.sum(x * y, axis=0)
    return [float(b / a) if a > 0 else None for a, b in zip(moved, together, strict=True)]


def power(chip: Chip, inputs: Inputs, runs: list[Arrays], supply: SupplyRecord) -> dict[str, Any]:
    """Return the mean supply power per block [W], all frames of all finished sequences together."""
    done = np.array([k for k, run in enumerate(runs) if str(run["status"][0]) == "DONE"])
    runs = [runs[k] for k in done]
    seconds = inputs.lengths[done] * chip.model.spec.frame_period
    behavioral = energy(supply)
    blocks = np.sum([run["blocks"] for run in runs], axis=0) / seconds.sum()
    table = {}
    for k, name in enumerate(BLOCKS):
        block = float(sum(part[done].sum() for part in behavioral.blocks[name]) / seconds.sum())
        table[name] = {"spice_W": float(blocks[k]), "behavioral_W": block}
    found = np.array([float(run["energy_J"][0]) for run in runs])
    total, priced = float(found.sum() / seconds.sum()), behavioral.total[done]
    table["total"] = {
        "spice_W": total,
        "behavioral_W": float(priced.sum() / seconds.sum()),
        **residuals(found / seconds, priced / seconds, "power"),
        **residuals(found, priced, "energy"),
    }
    return {
        name: row | {"ratio": row["behavioral_W"] / row["spice_W"]} for name, row in table.items()
    }


def residuals(spice: Array, behavioral: Array, name: str) -> dict[str, float]:
    """Return what is left over the sequences without the mean's error, and their spread."""
    spread = float(np.std(spice) / np.mean(spice))
    left = spice / np.mean(spice) - behavioral / np.mean(behavioral)
    return {f"{name}_spread": spread, f"{name}_residual": float(np.std(left))}


def run_array(chip: Chip, inputs: Inputs, conditions: Conditions, leakage: float) -> BehavioralRun:
    """Run the nominal die in the behavioral array, its leakage multiplied."""
    run = run_dies(chip, inputs, conditions, [chip.die(None)], leakage)
    return replace(run, trace=run.trace.single_die(), supply=run.supply.single_die())


def run_dies(
    chip: Chip, inputs: Inputs, conditions: Conditions, dies: Sequence[Die], leakage: float = 1.0
) -> BehavioralRun:
    """Run dies in the behavioral array, their leakage multiplied."""
    calibration = chip.calibration.at(
        conditions.v_dd,
        temperature=conditions.temperature,
        corner=conditions.corner,
        loops_only=chip.design.loops_only,
    )
    update = {n: tuple(leakage * i for i in getattr(calibration, n)) for n in ("leak_n", "leak_p")}
    return simulate_behavioral(
        chip.design,
        calibration.model_copy(update=update),
        inputs,
        dies,
        temperature=conditions.temperature,
        v_dd=conditions.v_dd,
    )


def measure(
    chip: Chip, inputs: Inputs, store: Store, conditions: Conditions, leakage: float = 1.0
) -> dict[str, Any]:
    """Run sequences in ngspice; compare steps, decisions and power with the other levels."""
    runs = [run_sequence(chip, inputs, row, store, conditions) for row in range(inputs.n_seq)]
    array = run_array(chip, inputs, conditions, leakage)
    devices = list(flatten(chip_deck(chip.design), "mru_chip", chip.design.technology))
    seconds = np.array([float(run["core_seconds"][0]) for run in runs])
    return {
        "design": chip.design.digest(),
        "conditions": conditions.as_data(),
        "frames": inputs.lengths,
        "frame_period_s": chip.model.spec.frame_period,
        "transistors": sum(device.kind == "m" for device in devices),
        "unit_transistors": int(sum(d.values["m"] for d in devices if d.kind == "m")),
        **compare(chip, inputs, runs, simulate_ideal(chip.mapped, inputs), array.trace),
        "power": power(chip, inputs, runs, array.supply),
        "core_seconds": {
            "sequences": seconds,
            "median": float(np.median(seconds)),
            "max": float(seconds.max()),
            "per_frame": float(seconds.sum() / inputs.lengths.sum()),
        },
    }
