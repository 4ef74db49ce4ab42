"""Whether two worlds are alike over dies: wrong steps, accuracy, energy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mru_hw.model.network import Array
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.simulate.supply import BLOCKS
from mru_hw.stimulus import Inputs

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


def levels_of(chip: Chip, states: list[Array]) -> list[Array]:
    """Return states over alpha, rounded to levels, (die, sequence, time, unit)."""
    alphas = [chip.mapped.tensors[f"layers.{b.layer}.alpha"] for b in chip.design.banks]
    return [np.rint(h / alpha) for h, alpha in zip(states, alphas, strict=True)]


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
    """Return the correlation of two rows; None where one does not vary."""
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
