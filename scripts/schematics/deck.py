"""Instances of a subcircuit and the nets that they connect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mru_hw.circuits.statements import Element, Netlist, cells_of
from mru_hw.spice.reader import read_statements
from mru_hw.technology.classes import CLASSES as TRANSISTORS

PINS = {"c_state": ("a", "b")}
"""Pins of a device class; all others are transistors."""
TRANSISTOR = ("d", "g", "s", "b")
CLASSES = {*TRANSISTORS, "c_state"}
"""The device classes that a technology supplies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One element of a subcircuit.

    Attributes
    ----------
    name
        As in the deck; inside an expanded subcircuit with the outer name and a dot before it.
    cell
        Device class or subcircuit.
    nets
        By pin.
    units
        Unit devices as the deck writes them, a number or a parameter; empty for one.
    """

    name: str
    cell: str
    nets: Mapping[str, str]
    units: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subcircuit:
    """Pins of one ``.subckt``, and the words of each of its instances."""

    pins: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def read_subcircuits(deck: Netlist | str) -> dict[str, Subcircuit]:
    """Return the subcircuits of a deck, or of a file's text, by name."""
    cells = cells_of(read_statements(deck.splitlines())) if isinstance(deck, str) else deck.cells()
    return {
        name: Subcircuit(pins=cell.head.pins, lines=tuple(map(_words, cell.elements)))
        for name, cell in cells.items()
    }


def _words(element: Element) -> tuple[str, ...]:
    pairs = (f"{key}={text}" for key, text in element.values.items())
    return (element.name, *element.nets, element.model, *pairs)


def instances(
    cells: Mapping[str, Subcircuit], top: str, *, closed: frozenset[str] = frozenset()
) -> list[Instance]:
    """List the instances of `top`, with subcircuits expanded unless they are `closed`."""
    return list(_walk(cells, top, "", ({}, {}), closed))


def _value(text: str, outer: Mapping[str, str]) -> str:
    factor, _, name = text.rpartition("*")
    found = outer.get(name, name)
    return str(int(factor) * int(found)) if factor and found.isdigit() else outer.get(text, text)


def _walk(
    cells: Mapping[str, Subcircuit],
    top: str,
    path: str,
    outer: tuple[Mapping[str, str], Mapping[str, str]],
    closed: frozenset[str],
) -> Iterator[Instance]:
    outer_nets, outer_values = outer
    for words in cells[top].lines:
        plain = [word for word in words if "=" not in word]
        given = dict(word.split("=", 1) for word in words if "=" in word)
        name, cell = path + plain[0], plain[-1]
        nets = [outer_nets.get(net, path + net) for net in plain[1:-1]]
        texts = {key: text.strip("{}") for key, text in given.items()}
        values = {key: _value(text, outer_values) for key, text in texts.items()}
        if cell in cells and cell not in closed:
            inner = dict(zip(cells[cell].pins, nets, strict=True))
            yield from _walk(cells, cell, f"{name}.", (inner, values), closed)
            continue
        pins = cells[cell].pins if cell in cells else PINS.get(cell, TRANSISTOR)
        yield Instance(
            name=name,
            cell=cell,
            nets=dict(zip(pins, nets, strict=True)),
            units=values.get("units", ""),
        )
