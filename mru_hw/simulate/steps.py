"""Right and wrong steps.

A step is wrong where a unit's level changes otherwise than the reference's would from the same
level. It is counted once: what it leaves in a ladder until the end is no further step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping import Design
from mru_hw.model.memory import by_name
from mru_hw.model.network import Model

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Distances of the candidates at which a step was right or wrong, from the nearest threshold.

    ``| |c| - beta | / beta``; for an FQ-BMRU ``min |c - threshold| / (beta + delta)`` over both.

    Attributes
    ----------
    right, wrong
        Distances of the right and of the wrong steps.
    moving
        Distances of the steps, right or wrong, that ask for another level: what a unit that
        always holds would do wrong.
    """

    right: Array
    wrong: Array
    moving: Array

    def summary(self) -> dict[str, int | float | None]:
        """Return the counts, the nearest right step and the furthest wrong one."""
        return {
            "steps": len(self.right) + len(self.wrong),
            "wrong": len(self.wrong),
            "smallest_distance_right": float(self.right.min()) if len(self.right) else None,
            "largest_distance_wrong": float(self.wrong.max()) if len(self.wrong) else None,
        }

    def deciles(self) -> dict[str, list[float]]:
        """Split the steps into tenths by their distance; count the wrong and the moving ones."""
        distance = np.concatenate([self.right, self.wrong])
        edges = np.quantile(distance, np.linspace(0, 1, 11))
        edges[-1] = np.inf

        def counts(values: Array) -> Array:
            found: Array = np.bincount(
                np.searchsorted(edges, values, side="right") - 1, minlength=10
            ).astype(np.float64)
            return found

        return {
            "from": list(edges[:-1]),
            "steps": list(counts(distance)),
            "wrong": list(counts(self.wrong)),
            "wrong_if_always_held": list(counts(self.moving)),
        }


def judge_steps(
    mapped: Model,
    design: Design,
    layer: int,
    runs: Iterable[tuple[Array, Array]],
    *,
    thresholds: Sequence[Array] | None = None,
) -> Steps:
    """Judge every step of a layer from its own level before it and a given candidate.

    Parameters
    ----------
    mapped, design
        The network that the design amounts to, and the design.
    layer
        Which layer.
    runs
        Per sequence the states h that were reached and the candidates that count, each
        (n_time, n_units), valid frames only.
    thresholds
        Per sequence the threshold beta (n_time, n_units) of each frame, where it comes from the
        input (`mru_hw.simulate.local`).
    """
    bank, own = design.banks[layer], by_name(mapped.tensors, f"layers.{layer}.")
    memory, runs = bank.memory, list(runs)
    if thresholds is None:
        thresholds = [np.abs(own("beta"))] * len(runs)
    right, wrong, moving = [np.empty(0)], [np.empty(0)], [np.empty(0)]
    for (state, c), beta in zip(runs, thresholds, strict=True):
        level = np.rint(state / own("alpha"))
        before = np.concatenate([own("initial_state")[None], level[:-1]])
        up, down = memory.edges(beta, own)
        wanted = memory.step(before, c, up, down, bank.levels)
        distance = np.abs(memory.distance(c, up, down))
        matches = level == wanted
        right.append(distance[matches])
        wrong.append(distance[~matches])
        moving.append(distance[wanted != before])
    return Steps(
        right=np.concatenate(right), wrong=np.concatenate(wrong), moving=np.concatenate(moving)
    )
