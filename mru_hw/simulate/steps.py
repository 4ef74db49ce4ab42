"""Right and wrong steps of a ladder (design section 1): counted once, not carried on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping import Design
from mru_hw.model.network import Model

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Distances ``| |c| - beta | / beta`` of the candidates at which a step was right or wrong."""

    right: Array
    wrong: Array

    def summary(self) -> dict[str, int | float | None]:
        """Return the counts, the nearest right step and the furthest wrong one."""
        return {
            "steps": len(self.right) + len(self.wrong),
            "wrong": len(self.wrong),
            "smallest_distance_right": float(self.right.min()) if len(self.right) else None,
            "largest_distance_wrong": float(self.wrong.max()) if len(self.wrong) else None,
        }


def judge_steps(
    mapped: Model, design: Design, layer: int, runs: Iterable[tuple[Array, Array]]
) -> Steps:
    """Judge every step of a CMRU layer from its own level before it and a given candidate.

    Parameters
    ----------
    mapped, design
        The network that the design amounts to, and the design.
    layer
        Which layer.
    runs
        Per sequence the states h that were reached and the candidates that count, each
        (n_time, n_units), valid frames only.
    """
    limit, prefix = design.banks[layer].levels, f"layers.{layer}."
    alpha, beta = mapped.tensors[prefix + "alpha"], np.abs(mapped.tensors[prefix + "beta"])
    start = mapped.tensors[prefix + "initial_state"][None, :]
    right, wrong = [np.empty(0)], [np.empty(0)]
    for state, c in runs:
        level = np.rint(state / alpha)
        before = np.concatenate([start, level[:-1]])
        step = np.where(np.abs(c) >= beta, np.sign(c), 0.0)
        matches = level == np.clip(before + step, -limit, limit)
        distance = np.abs(np.abs(c) - beta) / beta
        right.append(distance[matches])
        wrong.append(distance[~matches])
    return Steps(right=np.concatenate(right), wrong=np.concatenate(wrong))
