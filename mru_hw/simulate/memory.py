"""The memory of a bank on one die: from candidates to set cells."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.cell.law import Bits, step_cells
from mru_hw.mapping.design import Bank, Design
from mru_hw.mapping.realised import realised_bank
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.array import Memory
from mru_hw.technology.calibration import Calibration
from mru_hw.variation.stuck import Stuck, kept

NOTHING: Mapping[int, Stuck] = MappingProxyType({})
"""Of a die without stuck cells."""


def nominal_low(design: Design, calibration: Calibration, memory: Memory) -> NDArray[np.float64]:
    """Return the constant (n_units,) by which a unit's output current exceeds h, in its unit.

    A ladder's output is ``alpha (s + K)`` and never negative, while the network's ``h = alpha s``:
    the constant is ``alpha K`` and the next layer's bias takes it off. Without mismatch; 0 of an
    FQ-BMRU.
    """
    return realised_bank(design, memory.bank, calibration).low * memory.biased


def initial_cells(bank: Bank, width: int = 1, stuck: Mapping[int, Stuck] = NOTHING) -> Bits:
    """Return the cells (n_cells, n_units, width) of the initial state, a whole code.

    But for those that are stuck otherwise, by layer.
    """
    count = bank.memory.rank(bank.initial, bank.levels)
    cells = np.arange(bank.n_cells)[:, None, None] < count[:, None]
    return kept(np.repeat(cells, width, axis=2), stuck, bank.layer)


def step_memory(
    memory: Memory,
    c: Floats,
    up: Floats,
    down: Floats,
    before: Bits,
    stuck: Mapping[int, Stuck] = NOTHING,
) -> Bits:
    """Return the cells before the first frame and after each, (n_cells, n_units, 1 + time, n_seq).

    Parameters
    ----------
    c
        Candidates (unit, time, sequence), in candidate units.
    up, down
        Thresholds, broadcast against c.
    before
        Cells before the first frame, (n_cells, n_units, n_seq).
    stuck
        By layer, cells that are stuck.
    """
    rises = np.greater_equal(c, up)
    falls = memory.bank.circuit.falls(c, down) & ~rises
    cells: Bits = np.empty((*before.shape[:2], 1 + c.shape[1], c.shape[2]), np.bool_)
    cells[:, :, 0] = before
    for t in range(c.shape[1]):
        before = kept(step_cells(before, rises[:, t], falls[:, t]), stuck, memory.bank.layer)
        cells[:, :, t + 1] = before
    return cells
