"""Which currents the unit devices of a nominal chip carry while sequences run, node by node."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mru_hw.circuits.base import Carried, leg_of
from mru_hw.circuits.cell.law import Bits
from mru_hw.mapping.design import Bus, Design
from mru_hw.mapping.flow import Row, Units
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.array import Memory
from mru_hw.simulate.die_run import DieRun
from mru_hw.simulate.nominal_walk import nominal_runs
from mru_hw.simulate.rows import Rails
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The currents of unit devices over nodes, frames and sequences.

    Attributes
    ----------
    least, most
        [A] of one unit device.
    below, above
        How many of the values lie below each range that was asked for, and above it.
    count
        How many there are.
    """

    least: float
    most: float
    below: tuple[int, ...]
    above: tuple[int, ...]
    count: int

    def with_others(self, other: Span) -> Span:
        """Return the span of both."""
        return Span(
            least=min(self.least, other.least),
            most=max(self.most, other.most),
            below=tuple(map(operator.add, self.below, other.below)),
            above=tuple(map(operator.add, self.above, other.above)),
            count=self.count + other.count,
        )


Book = dict[tuple[str, bool], Span]
"""By the name of a row of nodes, and whether devices are splitters or diodes and their copies."""


def carried(
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    *,
    temperature: float,
    v_dd: float,
    ranges: Sequence[tuple[float, float]],
) -> Book:
    """Return what unit devices at nodes carry on the nominal die, without noise.

    A leg has the current of its diode in each unit device. Values are those at the end of each
    part of a frame, one a node, rail and frame.

    Parameters
    ----------
    calibration
        The constants at the process corner.
    temperature, v_dd
        [degC], [V].
    ranges
        Of a unit device [A]: values beyond each are counted.
    """
    book: Book = {}
    where = {"temperature": temperature, "v_dd": v_dd}
    for run in nominal_runs(_Seen, design, calibration, inputs, **where):
        run.book, run.ranges = book, ranges
        run.all_layers()
    return book


class _Seen(DieRun):
    """A run of a die that writes down what rails carry."""

    book: Book
    ranges: Sequence[tuple[float, float]]

    def _row(self, row: Row) -> None:
        super()._row(row)
        self._see(row.index)

    def _feed(self, units: Units, memory: Memory, cells: Bits) -> None:
        super()._feed(units, memory, cells)
        self._see(units.state)

    def _see(self, row: int) -> None:
        """Add every version of a row's rails."""
        bus = self.array.flow.rows[row].bus
        for rails in self._rails[row]:
            for splitters, amperes in _devices(bus, rails):
                here = self._span(amperes)
                known = self.book.get((bus.name, splitters))
                self.book[bus.name, splitters] = here if known is None else known.with_others(here)

    def _span(self, amperes: Floats) -> Span:
        n = len(self.block.rows)
        values = amperes[:, :, :n][:, self.block.valid[:, :n]]
        return Span(
            least=float(values.min()),
            most=float(values.max()),
            below=tuple(int((values < low).sum()) for low, _ in self.ranges),
            above=tuple(int((values > high).sum()) for _, high in self.ranges),
            count=values.size,
        )


def _devices(bus: Bus, rails: Rails) -> Iterator[tuple[bool, Floats]]:
    """Yield whether they are splitters, and the current of a unit device, (n, time, sequence)."""
    carried_by = {"plus": rails.plus, "minus": rails.minus}
    for rail in bus.circuit.rails:
        current = carried_by[rail[0]]
        if current is not None:
            yield False, current * (bus.scale / bus.units / bus.times(leg_of(rail)))
    for part in bus.circuit.roles:
        if part.carried is Carried.REST:
            # Its two devices are in series with the two rails: the NMOS with minus.
            current = carried_by["minus" if part.device[0] == "n" else "plus"]
            if current is not None:
                yield True, current * (bus.scale / part.units(bus) / bus.times(part.name))
