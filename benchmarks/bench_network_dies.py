"""Whole networks on mismatch dies: the behavioral array beside ngspice, die by die.

The same die exists in both: its draws move every device of the deck by `alter`. Each die runs the
same test sequences, rows 0, 10, 20 ... of X.npz; a run that was done before, with the same deck, is
read from --work. bench_first_quadrant leaves such a model and its X.npz.

    python benchmarks/bench_network_dies.py --model MODEL --inputs X.npz --work DIR
        [--tech generic180] [--dies 20] [--sequences 10]
        [--corner C] [--temperature DEGC] [--vdd V]

A step is a unit's change of level at a frame. It is wrong where the mapped, rounded network (the
level ideal) changes otherwise; `reproduced` are ngspice's wrong steps that the array makes as well,
`invented` those that it alone makes. One wrong step changes what the units after it see, so in both
worlds wrong steps come in flocks.

Equivalence is shown, not the absence of a difference: two one-sided tests at 95 % (Schuirmann,
J. Pharmacokinet. Biopharm. 15, 1987), so 90 % intervals that must lie within the bounds: of the
mean difference of accuracy over dies (Student's t, 1 point), and of the ratios of the 10th and the
90th percentile of the energy (bootstrap over dies, 3 %).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_spice_agreement import (
    TEST_ROWS,
    add_conditions,
    asked_conditions,
    run_sequence,
)
from benchmarks.machine import machine
from mru_hw.model.io import load_model
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.energy import energy
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.simulate.supply import BLOCKS
from mru_hw.stimulus import Inputs, load_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import Conditions

Array = NDArray[np.float64]
ACCURACY_BOUND, ENERGY_BOUND = 0.01, 0.03
CONFIDENCE = 0.9  # of the intervals: two one-sided tests at 95 %
BOOTSTRAPS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one world gives: (die, sequence, ...)."""

    decision: NDArray[np.int64]
    energy: Array
    blocks: Array
    levels: list[Array]


# ------------------------------------------------------------------------------------- running


def levels_of(chip: Chip, states: list[Array]) -> list[Array]:
    """States over alpha, rounded to levels, (die, sequence, time, unit)."""
    alphas = [chip.mapped.tensors[f"layers.{b.layer}.alpha"] for b in chip.design.banks]
    return [np.rint(h / alpha) for h, alpha in zip(states, alphas, strict=True)]


def spice_side(
    chip: Chip, inputs: Inputs, dies: int, work: Path, conditions: Conditions
) -> tuple[Side, NDArray[np.bool_], Array]:
    """Run all dies; also which runs ended, and core-seconds, (die, sequence)."""
    n_time = inputs.x.shape[1]
    shape = (dies, inputs.n_seq)
    levels = [np.full((*shape, n_time, bank.n_units), np.nan) for bank in chip.design.banks]
    side = Side(
        decision=np.zeros(shape, dtype=np.int64),
        energy=np.zeros(shape),
        blocks=np.zeros((*shape, len(BLOCKS))),
        levels=levels,
    )
    done, seconds = np.zeros(shape, dtype=bool), np.zeros(shape)
    for d in range(dies):
        for row in range(inputs.n_seq):
            found = run_sequence(chip, inputs, row, work, conditions, seed=d)
            done[d, row] = str(found["status"][0]) == "DONE"
            seconds[d, row] = found["core_seconds"][0]
            side.decision[d, row], side.energy[d, row] = found["decision"][0], found["energy_J"][0]
            side.blocks[d, row] = found["blocks"]
            n = int(inputs.lengths[row])
            for i, level in enumerate(levels):
                level[d, row, :n] = found[f"layer{i}.level"][0, :n]
        print(f"die {d}: {seconds[d].sum():.0f} core-s", file=sys.stderr)
    return side, done, seconds


def array_side(chip: Chip, inputs: Inputs, dies: int, conditions: Conditions) -> Side:
    """Run the same dies in the behavioral array."""
    calibration = chip.calibration.at(
        conditions.v_dd,
        temperature=conditions.temperature,
        corner=conditions.corner,
        loops_only=chip.design.loops_only,
    )
    found = simulate_behavioral(
        chip.design,
        calibration,
        inputs,
        [chip.die(d) for d in range(dies)],
        temperature=conditions.temperature,
        v_dd=conditions.v_dd,
    )
    priced = energy(found.supply)
    return Side(
        decision=found.trace.decision,
        energy=priced.total,
        blocks=np.stack([sum(priced.blocks[name]) for name in BLOCKS], axis=-1),
        levels=levels_of(chip, list(found.trace.states)),
    )


# ------------------------------------------------------------------------------------- judging


def wrong_steps(
    chip: Chip, inputs: Inputs, spice: Side, array: Side, done: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """Per layer, wrong steps in both worlds, and how they go together."""
    ideal = levels_of(chip, list(simulate_ideal(chip.mapped, inputs).states))
    rows = []
    for i, wanted in enumerate(ideal):
        start = chip.mapped.tensors[f"layers.{i}.initial_state"]
        change = [
            np.diff(
                np.concatenate([np.broadcast_to(start, (*x.shape[:-2], 1, x.shape[-1])), x], -2),
                axis=-2,
            )
            for x in (spice.levels[i], array.levels[i], wanted[None])
        ]
        valid = (inputs.valid()[None] & done[:, :, None])[..., None]
        a, b = ((c != change[2]) & valid for c in change[:2])
        same = a & b & (change[0] == change[1])
        by_die = [w.sum(axis=(1, 2, 3)) for w in (a, b)]
        rows.append(
            {
                "steps": int(np.broadcast_to(valid, a.shape).sum()),
                "wrong_spice": int(a.sum()),
                "wrong_behavioral": int(b.sum()),
                "reproduced": int(same.sum()),
                "invented": int((b & ~a).sum()),
                "states_alike": float(
                    np.mean((spice.levels[i] == array.levels[i])[np.broadcast_to(valid, a.shape)])
                ),
                "correlation_of_counts_over_dies": correlation(*by_die),
            }
        )
    return rows


def correlation(a: NDArray[Any], b: NDArray[Any]) -> float | None:
    return float(np.corrcoef(a, b)[0, 1]) if np.std(a) > 0 and np.std(b) > 0 else None


def interval(values: Array, statistic: Callable[[Array], float]) -> tuple[float, float]:
    """Bootstrap over dies; the draws are the same whatever the values."""
    rng = np.random.default_rng(0)
    n = len(values)
    drawn = [statistic(values[rng.integers(0, n, n)]) for _ in range(BOOTSTRAPS)]
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def equivalence(inputs: Inputs, spice: Side, array: Side, done: NDArray[np.bool_]) -> Any:
    """Two one-sided tests, given as 90 % intervals beside their bounds."""
    found: dict[str, Any] = {}
    if inputs.y is not None:
        right = [np.mean(s.decision == inputs.y, axis=1, where=done) for s in (spice, array)]
        difference = right[1] - right[0]
        error = stats.sem(difference) if np.ptp(difference) else 0.0
        half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(difference) - 1) * error)
        mean = float(np.mean(difference))
        found["accuracy"] = {
            "spice": float(np.mean(right[0])),
            "behavioral": float(np.mean(right[1])),
            "difference": mean,
            "interval": (mean - half, mean + half),
            "equivalent": abs(mean) + half < ACCURACY_BOUND,
        }
    both = np.stack([np.where(done, s.energy, np.nan) for s in (spice, array)], axis=-1)
    for q in (10, 90):

        def ratio(values: Array, q: int = q) -> float:
            a, b = (np.nanpercentile(values[..., k], q) for k in range(2))
            return float(b / a - 1)

        low, high = interval(both, ratio)
        found[f"energy_p{q}"] = {
            "ratio": ratio(both),
            "interval": (low, high),
            "equivalent": max(-low, high) < ENERGY_BOUND,
        }
    return found


def energies(spice: Side, array: Side, done: NDArray[np.bool_]) -> Any:
    """Error of the mean, residual against the spread over sequences, and each block."""
    a, b = spice.energy[done], array.energy[done]
    left = a / a.mean() - b / b.mean()
    over_dies = [np.nanmean(np.where(done, s.energy, np.nan), axis=1) for s in (spice, array)]
    return {
        "mean_spice_J": float(a.mean()),
        "mean_error": float(b.mean() / a.mean() - 1),
        "spread": float(np.std(a) / a.mean()),
        "residual": float(np.std(left)),
        "residual_over_spread": float(np.std(left) / (np.std(a) / a.mean())),
        "correlation_of_means_over_dies": correlation(*over_dies),
        "spread_over_dies": float(np.std(over_dies[0]) / np.mean(over_dies[0])),
        "blocks": {
            name: {
                "share": float(spice.blocks[done, k].sum() / a.sum()),
                "error": float(array.blocks[done, k].sum() / spice.blocks[done, k].sum() - 1)
                if spice.blocks[done, k].sum() > 0
                else None,
            }
            for k, name in enumerate(BLOCKS)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--tech", default="generic180")
    parser.add_argument("--dies", type=int, default=20)
    parser.add_argument("--sequences", type=int, default=10)
    add_conditions(parser)
    given = parser.parse_args()
    technology = load_technology(given.tech)
    conditions = asked_conditions(given, technology)
    given.work.mkdir(parents=True, exist_ok=True)
    chip = Chip(load_model(given.model), technology)
    inputs = load_inputs(given.inputs).take(TEST_ROWS * np.arange(given.sequences))
    spice, done, seconds = spice_side(chip, inputs, given.dies, given.work, conditions)
    array = array_side(chip, inputs, given.dies, conditions)
    alike = spice.decision == array.decision
    result = {
        "machine": machine(),
        "technology": given.tech,
        "conditions": conditions.as_data(),
        "design": chip.design.digest(),
        "dies": given.dies,
        "sequences": inputs.n_seq,
        "frames": inputs.lengths,
        "runs": int(done.size),
        "complete": int(done.sum()),
        "decisions_alike": int(alike[done].sum()),
        "wrong_steps": wrong_steps(chip, inputs, spice, array, done),
        "energy": energies(spice, array, done),
        "equivalence": equivalence(inputs, spice, array, done),
        "core_seconds": float(seconds.sum()),
    }
    print(json.dumps(result, indent=2, default=np.ndarray.tolist))


if __name__ == "__main__":
    main()
