"""What rounded unit devices amount to, in the network's own units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.cell.drains import CellLegs
from mru_hw.circuits.nodes.bias import rest_current
from mru_hw.circuits.nodes.laws import net_current
from mru_hw.mapping.design import Bank, Bus, Design
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration

Array = NDArray[np.float64]


class Placed(Protocol):
    """What realised numbers are read from: a Design, and one in the making."""

    @property
    def technology(self) -> Technology:
        """The process."""

    @property
    def i_lsb(self) -> float:
        """Current [A] of one unit device of the bias rail."""

    @property
    def bias(self) -> Bus:
        """The bias rail."""

    @property
    def buses(self) -> Mapping[str, Bus]:
        """Rows of nodes, by name."""

    def node(self, name: str) -> Bus:
        """Return a row of nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedBank:
    """Settings (n_units,) of a layer's units in the network's own units.

    Attributes
    ----------
    up, down
        Rising and falling threshold; for CMRU and BMRU both are magnitudes. NaN where they come
        from the input.
    alpha
        Size of one level, as in ``h = alpha s``: of the line through the outputs by the number of
        set cells, whose legs' drains fall with it (`mru_hw.circuits.cell.drains`).
    low
        What that line has beyond h: ``h = output - low`` (some alpha K; zero for FQ-BMRU).
    """

    up: Array
    down: Array
    alpha: Array
    low: Array


def compensating(design: Design, calibration: Calibration) -> Calibration:
    """Return the constants at the conditions that a Design's ratios are compensated for."""
    at = design.compensated
    return calibration.at(
        at.v_dd, temperature=at.temperature, corner=at.corner, loops_only=design.loops_only
    )


def quiescent_current(bus: Bus, i_lsb: float, calibration: Calibration) -> float:
    """Return what each rail of a class-AB node at rest carries [A], as measured."""
    return rest_current(calibration, bus, i_lsb)


def net_threshold(rail: NDArray[Any], i_q: NDArray[Any] | float) -> NDArray[Any]:
    """`mru_hw.circuits.nodes.laws.net_current` of a threshold."""
    net: NDArray[Any] = net_current(rail, i_q)
    return net


def rail_thresholds(placed: Placed, bank: Bank, calibration: Calibration) -> tuple[Array, Array]:
    """Return the rail currents [A] (n_units,) of a bank's rising and falling threshold.

    NaN for a window comparator, whose thresholds no bias leg sets.
    """
    return bank.circuit.nominal_thresholds(placed, bank, calibration)


def realised_levels(placed: Placed, bank: Bank, calibration: Calibration) -> tuple[Array, Array]:
    """Return the line through a bank's outputs [A] by the number of set cells, (n_units,) each.

    The least squares of all levels, none set among them, which is no output at all.

    Returns
    -------
    step, start
        What each cell adds, and what there is with none set. A single cell's line meets both its
        levels; where there are more, `start` is what the drains' fall with the level leaves.
    """
    output = level_currents(placed, bank, calibration)
    cells = np.arange(bank.n_cells + 1)
    away = cells - cells.mean()
    step: Array = (output @ away) / (away @ away)
    start: Array = output.mean(axis=1) - step * cells.mean()
    return step, start


def level_currents(placed: Placed, bank: Bank, calibration: Calibration) -> Array:
    """Return the output [A] of a bank's units, (n_units, n_cells + 1), by the set cells."""
    legs = CellLegs(
        calibration=calibration,
        technology=placed.technology,
        bank=bank,
        i_lsb=placed.i_lsb,
        bias=placed.bias,
        state=placed.node(bank.state),
        temperature=calibration.temperature,
    )
    nominal = bank.gain_units[:, None] * np.float64(placed.i_lsb)
    cells = np.arange(bank.n_cells + 1)
    output: Array = cells * nominal * legs.level_gains()
    return output


def realised_bank(placed: Placed, bank: Bank, calibration: Calibration) -> RealisedBank:
    """Return what a bank's unit devices amount to."""
    candidate = placed.buses[bank.candidate]
    c, h = candidate.scale, placed.buses[bank.state].scale
    up, down = rail_thresholds(placed, bank, calibration)
    if bank.clocked and candidate.circuit.splits:  # a loop weighs both rails
        i_q = quiescent_current(candidate, placed.i_lsb, calibration)
        up, down = net_threshold(up, i_q), net_threshold(down, i_q)
    step, start = (i / h for i in realised_levels(placed, bank, calibration))
    alpha = step / bank.memory.spacing
    return RealisedBank(
        up=up / c,
        down=down / c,
        alpha=alpha,
        low=start - bank.lowest * alpha,
    )
