"""A Design in the order in which its signal flows: what each reading of it walks along.

Rows of nodes, wirings and banks know each other by number. A row comes after everything that it
reads, a bank after its candidates and its threshold, and its state's row after the bank. The bias
rail carries no signal and is no row.

Banks step one after the other inside a frame, so a signal takes several values in it. A row's
*changes* are the moments at which something before it in the same frame steps; between two of them
it holds one value, a *version*, and a version lasts its share of the frame. A strobe at the
frame's begin, which loops have, leaves one version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from mru_hw.mapping.design import Bank, Bus, Connection, Design
from mru_hw.mapping.rows import INPUTS, OUTPUTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Legs:
    """The legs of one connection: a wiring.

    Attributes
    ----------
    index
        Its number; wirings stand in the order of the rows that they drive.
    source, target
        Numbers of the rows.
    connection
        What was placed.
    """

    index: int
    source: int
    target: int
    connection: Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A value that a row holds for a part of the frame.

    Attributes
    ----------
    share
        Of the frame, above 0; those of a row sum to 1.
    reads
        By number of a row that feeds it (a wiring's source, a bank's candidate and threshold),
        which version of that.
    """

    share: float
    reads: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of like nodes.

    Attributes
    ----------
    index, bus
        Its number, and what was placed.
    nodes
        Its nodes among those of all rows.
    legs
        Numbers of the wirings into it.
    bank
        Number of the bank whose units feed it, or None.
    versions
        Its values in a frame, in the order in which it holds them.
    """

    index: int
    bus: Bus
    nodes: slice
    legs: tuple[int, ...]
    bank: int | None
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """A bank.

    Attributes
    ----------
    index, bank
        Its number, and what was placed.
    candidate, threshold, state
        Numbers of rows; no threshold is None.
    units
        Its units among those of all banks.
    cells, levels
        Its cells, unit after unit, among those of all banks; and the same of its levels, one more
        in each unit.
    strobe
        When it steps, as a share of the frame.
    """

    index: int
    bank: Bank
    candidate: int
    threshold: int | None
    state: int
    units: slice
    cells: slice
    levels: slice
    strobe: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What feeds what in a Design, and when.

    Attributes
    ----------
    design
        What it is of.
    rows, legs, banks
        All of them, by number.
    steps
        Rows and banks in one order.
    done
        By step, numbers of the rows that no later step reads.
    x, y
        Numbers of the rows of inputs and of outputs.
    """

    design: Design
    rows: tuple[Row, ...]
    legs: tuple[Legs, ...]
    banks: tuple[Units, ...]
    steps: tuple[Row | Units, ...] = field(repr=False)
    done: tuple[tuple[int, ...], ...] = field(repr=False)
    x: int
    y: int

    @classmethod
    def of(cls, design: Design) -> Flow:
        """Order a Design.

        Raises
        ------
        ValueError
            A row has no source, or the graph has a loop.
        """
        names = list(_ordered(design))
        rows = {name: k for k, name in enumerate(n for n in names if n in design.buses)}
        legs = tuple(_legs(design, rows))
        banks = tuple(_banks(design, rows))
        changes: dict[int, tuple[float, ...]] = {}
        found: list[Row] = []
        at = 0
        fed = {units.state: units for units in banks}
        for name, k in rows.items():
            bus = design.buses[name]
            into = tuple(wiring.index for wiring in legs if wiring.target == k)
            units = fed.get(k)
            sources = [legs[i].source for i in into]
            if units is None:
                changes[k] = tuple(sorted({t for s in sources for t in changes[s]}))
            else:
                changes[k] = (units.strobe,) if units.strobe > 0 else ()
            row = Row(
                index=k,
                bus=bus,
                nodes=slice(at, at + bus.size),
                legs=into,
                bank=None if units is None else units.index,
                versions=_versions(changes[k], {s: changes[s] for s in sources}),
            )
            found.append(row)
            at += bus.size
        steps = tuple(_steps(names, found, banks))
        return cls(
            design=design,
            rows=tuple(found),
            legs=legs,
            banks=banks,
            steps=steps,
            done=tuple(_done(steps, legs)),
            x=rows[INPUTS],
            y=rows[OUTPUTS],
        )

    def legs_into(self, row: Row) -> Iterator[Legs]:
        """List the wirings into a row."""
        return (self.legs[k] for k in row.legs)


def _ordered(design: Design) -> Iterator[str]:
    """List moving buses and banks, each after what feeds it, else as the Design has them."""
    before: dict[str, list[str]] = {n: [] for n, b in design.buses.items() if b.circuit.moves}
    for connection in design.connections:
        if connection.source in before:
            before[connection.target].append(connection.source)
    for bank in design.banks:
        before[bank.name] = [n for n in (bank.candidate, bank.threshold) if n is not None]
        before[bank.state].append(bank.name)
    graph = TopologicalSorter(before)
    place = {name: k for k, name in enumerate(before)}
    graph.prepare()
    ready: list[str] = []
    while graph.is_active():
        ready += graph.get_ready()
        ready.sort(key=lambda name: place[name])
        name = ready.pop(0)
        yield name
        graph.done(name)


def _legs(design: Design, rows: Mapping[str, int]) -> Iterator[Legs]:
    placed = [c for c in design.connections if c.source in rows]
    for index, c in enumerate(sorted(placed, key=lambda c: rows[c.target])):
        yield Legs(index=index, source=rows[c.source], target=rows[c.target], connection=c)


def _banks(design: Design, rows: Mapping[str, int]) -> Iterator[Units]:
    unit = cell = level = 0
    for index, bank in enumerate(design.banks):
        n, cells = bank.n_units, bank.n_units * bank.n_cells
        yield Units(
            index=index,
            bank=bank,
            candidate=rows[bank.candidate],
            threshold=None if bank.threshold is None else rows[bank.threshold],
            state=rows[bank.state],
            units=slice(unit, unit + n),
            cells=slice(cell, cell + cells),
            levels=slice(level, level + cells + n),
            strobe=design.timing.strobes[bank.layer] / design.timing.frame,
        )
        unit, cell, level = unit + n, cell + cells, level + cells + n


def _versions(
    changes: tuple[float, ...], sources: Mapping[int, tuple[float, ...]]
) -> tuple[Version, ...]:
    """Cut a frame at a row's changes; each version reads its sources' newest."""
    left = [1.0, *(1 - t for t in changes), 0.0]
    begins = (0.0, *changes)
    return tuple(
        Version(
            share=left[k] - left[k + 1],
            reads={s: sum(t <= begin for t in known) for s, known in sources.items()},
        )
        for k, begin in enumerate(begins)
    )


def _done(steps: tuple[Row | Units, ...], legs: tuple[Legs, ...]) -> Iterator[tuple[int, ...]]:
    """List by step the rows that it is the last to read; a bank reads its rows' sources too."""
    into: dict[int, list[int]] = {}
    for wiring in legs:
        into.setdefault(wiring.target, []).append(wiring.source)
    last: dict[int, int] = {}
    for k, step in enumerate(steps):
        read = [step.index] if isinstance(step, Row) else [step.candidate, step.state]
        if isinstance(step, Units) and step.threshold is not None:
            read.append(step.threshold)
        for row in [*read, *(source for one in read for source in into.get(one, ()))]:
            last[row] = k
    for k in range(len(steps)):
        yield tuple(row for row, at in last.items() if at == k)


def _steps(names: list[str], rows: list[Row], banks: tuple[Units, ...]) -> Iterator[Row | Units]:
    by_name: dict[str, Row | Units] = {row.bus.name: row for row in rows}
    by_name |= {units.bank.name: units for units in banks}
    return (by_name[name] for name in names)
