"""Energy of sequences from what a run recorded of its supply."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.simulate.supply import BLOCKS, SupplyRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Energy of every sequence.

    Attributes
    ----------
    total
        (..., n_seq) [J].
    blocks
        Per supply block, static and switching energy, (..., n_seq) [J].
    power
        (..., n_seq) mean power [W].
    """

    total: NDArray[np.float64]
    blocks: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    power: NDArray[np.float64]


def energy(record: SupplyRecord) -> Energy:
    """Integrate ``v_dd * i`` over each sequence: mean current times supply times duration."""
    volt_seconds = record.v_dd * record.duration
    static = record.static * volt_seconds[:, None]
    switching = record.switching * volt_seconds[:, None]
    total = (static + switching).sum(axis=-1)
    return Energy(
        total=total,
        blocks={b: (static[..., k], switching[..., k]) for k, b in enumerate(BLOCKS)},
        power=total / record.duration,
    )
