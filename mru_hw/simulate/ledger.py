"""Who draws the supply current: the energy of a nominal chip by row of nodes and bank of units.

The walk is the array's own (`DieRun`), which adds up four supply blocks; here each current is
written down with the row or the bank that it flows in, so that the parts sum to the blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mru_hw.mapping.design import Design
from mru_hw.mapping.flow import Row, Units
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.die_run import DieRun
from mru_hw.simulate.nominal_walk import nominal_runs
from mru_hw.simulate.supply import BLOCKS
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration

Book = dict[tuple[str, str], list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a part of the chip takes in a sequence, on average.

    Attributes
    ----------
    owner
        Name of a row of nodes or a bank of units, as the Design has it.
    block
        The supply pin that gives it.
    static, switching
        Energy [J].
    """

    owner: str
    block: str
    static: float
    switching: float

    @property
    def total(self) -> float:
        """Both [J]."""
        return self.static + self.switching


def ledger(
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    *,
    temperature: float,
    v_dd: float,
) -> list[Entry]:
    """Return where the energy of a sequence goes on the nominal die, without noise.

    Parameters
    ----------
    calibration
        The constants at the process corner.
    temperature, v_dd
        [degC], [V].
    """
    book: Book = {}
    where = {"temperature": temperature, "v_dd": v_dd}
    for run in nominal_runs(_Written, design, calibration, inputs, **where):
        run.book = book
        run.all_layers()
        run.always()
    joules = v_dd * design.timing.frame / inputs.n_seq
    return [
        Entry(owner=owner, block=block, static=static * joules, switching=moving * joules)
        for (owner, block), (static, moving) in book.items()
    ]


def power_course(
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    *,
    temperature: float,
    v_dd: float,
) -> dict[str, Floats]:
    """Return the supply power [W] of the nominal die over the frames of one sequence, by block.

    Parameters
    ----------
    inputs
        One sequence.
    calibration, temperature, v_dd
        As of `ledger`.
    """
    found: list[Floats] = []
    where = {"temperature": temperature, "v_dd": v_dd}
    for run in nominal_runs(DieRun, design, calibration, inputs, **where):
        run.all_layers()
        found.append(v_dd * (run.static + run.switching)[:, 0])
    frames = np.concatenate(found)[: int(inputs.lengths[0])]
    return {name: frames[:, k] for k, name in enumerate(BLOCKS)}


class _Written(DieRun):
    """A run of a die that writes down who drew what."""

    book: Book
    _row_name = ""
    _bank_name = ""

    def always(self) -> None:
        """Write down what flows at all times."""
        ones = np.ones(self.block.valid.shape)
        self._add(self.array.design.bias.name, "bias", 0, ones * self.array.bias_supply)
        names = [memory.bank.name for memory in self.array.memories if memory.bank.clocked]
        for name in names:
            self._add(name, "clock", 0, ones * (self.array.clock_supply / len(names)))

    def _row(self, row: Row) -> None:
        self._row_name = row.bus.name
        super()._row(row)

    def _bank(self, units: Units) -> None:
        self._bank_name = units.bank.name
        self._row_name = self.array.flow.rows[units.state].bus.name
        super()._bank(units)

    def _draw(self, block: str, current: Floats, share: float) -> None:
        super()._draw(block, current, share)
        self._add(self._owner(block), block, 0, share * current)

    def _charge(self, block: str, capacitance: Any) -> None:
        super()._charge(block, capacitance)
        per_farad = self.calibration.v_dd / self.array.design.timing.frame
        self._add(self._owner(block), block, 1, np.asarray(capacitance) * per_farad)

    def _owner(self, block: str) -> str:
        return self._row_name if block == "mirror" else self._bank_name

    def _add(self, owner: str, block: str, kind: int, current: Any) -> None:
        """Add a current [A], (time, sequence) or one for all, over the frames that count."""
        n = len(self.block.rows)
        valid = self.block.valid[:, :n]
        here = np.broadcast_to(np.asarray(current, dtype=np.float64), self.block.valid.shape)[:, :n]
        entry = self.book.setdefault((owner, block), [0.0, 0.0])
        entry[kind] += float(here[valid].sum())


def by(
    entries: list[Entry], names: Mapping[str, str], apart: Mapping[str, str] | None = None
) -> Iterator[tuple[str, float, float]]:
    """Yield name, static and switching energy [J] of owners that share a name, the largest first.

    Parameters
    ----------
    names
        What each owner belongs to; what is none of these and draws nothing is left out.
    apart
        By supply block, the name of what it feeds where that counts apart from its owners; left
        out where the block draws nothing.
    """
    found: dict[str, list[float]] = {}
    alone = apart or {}
    for entry in entries:
        if not entry.total and (entry.owner not in names or entry.block in alone):
            continue
        pair = found.setdefault(alone.get(entry.block) or names[entry.owner], [0.0, 0.0])
        pair[0] += entry.static
        pair[1] += entry.switching
    for name, (static, switching) in sorted(found.items(), key=lambda item: -sum(item[1])):
        yield name, static, switching
