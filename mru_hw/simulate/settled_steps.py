"""Wrong steps of a settled behavioral run: the die's own states, as evidence of what units did.

The level ``behavioral`` has no waves: a unit's cells move at the strobe, by the candidate there,
and at no other time, so a wrong step is never a race or an unsettled node. A stuck cell moves none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Bank, Design
from mru_hw.model.network import Model
from mru_hw.simulate.causes import Cause, Disagreement
from mru_hw.simulate.compile import compile_dies
from mru_hw.simulate.disagreement import explain, step_rules
from mru_hw.simulate.evidence import Evidence
from mru_hw.simulate.memory import nominal_low
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die

Array = NDArray[np.float64]


def output_tables(
    design: Design, calibration: Calibration, dies: Sequence[Die], temperature: float
) -> Iterator[list[Array]]:
    """Yield for each die, by layer, h of its units with 0, 1, … cells set, (n_units, n_cells + 1).

    Parameters
    ----------
    calibration, temperature
        Constants at the conditions of a run, and the temperature among them [degC].
    """
    for program in compile_dies(design, calibration, dies, temperature=temperature):
        for array in program.dies():
            yield [
                memory.level - nominal_low(design, calibration, memory)[:, None]
                if memory.bank.lowest
                else memory.level
                for memory in array.memories
            ]


def cells_set(h: Array, table: Array) -> NDArray[np.int64]:
    """Return how many cells of each unit are set, by its output.

    Parameters
    ----------
    h
        (..., n_units).
    table
        What each unit puts out with 0, 1, … cells set, (n_units, n_cells + 1), rising.
    """
    between = (table[:, 1:] + table[:, :-1]) / 2
    found = np.zeros(h.shape, np.int64)
    for k in range(between.shape[1]):
        found += h > between[:, k]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What `explain` reads of a run, of one die on all sequences.

    Attributes
    ----------
    trace
        Candidates as the die has them.
    levels
        By layer, (n_seq, n_time, n_units).
    evidence
        By sequence and layer; None for layers without a strobe.
    """

    trace: Trace
    levels: tuple[NDArray[np.int64], ...]
    evidence: tuple[tuple[Evidence | None, ...], ...]

    def quantised(self, mapped: Model) -> tuple[Array, ...]:
        """Return per layer h without the circuit's errors, (n_seq, n_time, n_units)."""
        alphas = (mapped.tensors[f"layers.{i}.alpha"] for i in range(len(self.levels)))
        return tuple(level * alpha for level, alpha in zip(self.levels, alphas, strict=True))


def shown(
    trace: Trace,
    design: Design,
    calibration: Calibration,
    die: Die,
    inputs: Inputs,
    conditions: Conditions,
) -> Shown:
    """Read a behavioral run of one die.

    Parameters
    ----------
    trace
        The run, without a die axis, with candidates and states.
    calibration
        Constants at `conditions`.
    """
    (tables,) = output_tables(design, calibration, [die], conditions.temperature)
    ranks = [
        cells_set(np.nan_to_num(h), table) for h, table in zip(trace.states, tables, strict=True)
    ]
    return Shown(
        trace=trace,
        levels=tuple(
            np.asarray(bank.memory.level(rank, bank.levels))
            for bank, rank in zip(design.banks, ranks, strict=True)
        ),
        evidence=tuple(
            tuple(
                _evidence(bank, rank[row, :n], trace.candidates[bank.layer][row, :n])
                for bank, rank in zip(design.banks, ranks, strict=True)
            )
            for row, n in enumerate(inputs.lengths)
        ),
    )


def _evidence(bank: Bank, rank: NDArray[np.int64], candidate: Array) -> Evidence | None:
    """Return what a strobe's cells show that moved by the candidate at it, and at no other time."""
    if not bank.clocked:
        return None
    start = bank.memory.rank(bank.initial, bank.levels)
    counts = np.concatenate([np.asarray(start)[None], rank])
    cells = np.arange(bank.n_cells) < counts[:, :, None]
    return Evidence(
        candidate=candidate, earlier=candidate, before=cells[:-1], after=cells[1:], end=cells[1:]
    )


def wrong_steps_of_die(
    trace: Trace,
    mapped: Model,
    design: Design,
    calibration: Calibration,
    die: Die,
    inputs: Inputs,
    *,
    conditions: Conditions,
    reference: Trace,
) -> tuple[Disagreement, ...]:
    """List the wrong steps of a behavioral run of one die, with their causes.

    Parameters
    ----------
    trace
        The run, without a die axis, with candidates and states.
    mapped, reference
        What the design amounts to, and its run at the level ``ideal``.
    calibration
        Of the technology, for all conditions.
    """
    here = calibration.at_or_nominal(
        conditions.v_dd, temperature=conditions.temperature, corner=conditions.corner
    )
    rules = step_rules(mapped, design, calibration, die, conditions)
    seen = shown(trace, design, here, die, inputs, conditions)
    return blamed_on_stuck(explain(seen, mapped, design, rules, inputs, reference), die)


def blamed_on_stuck(found: Iterable[Disagreement], die: Die) -> tuple[Disagreement, ...]:
    """Return wrong steps of which those that nothing explains are due to a unit's stuck cells."""

    def stuck(one: Disagreement) -> bool:
        held = die.stuck.get(one.layer)
        unclear = one.cause in (Cause.RACE, Cause.UNEXPLAINED)
        return unclear and held is not None and bool(held[:, one.unit].any())

    return tuple(replace(one, cause=Cause.STUCK) if stuck(one) else one for one in found)
