"""A die as one flat subcircuit whose devices carry their own mismatch.

ngspice changes a loaded circuit (`mru_hw.spice.dies`). The other simulators have no such command in
common, and handing each device's draw down the hierarchy would give every subcircuit a parameter
for every device below it. So the hierarchy is written out, in the same SPICE as before: a device's
name is its path with ``__`` for the dots, behind its element's letter.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from mru_hw.circuits.statements import (
    Cell,
    Comment,
    Control,
    Element,
    Ends,
    Netlist,
    Save,
    Statement,
    Subckt,
    Values,
)
from mru_hw.errors import MruHwError, UserError
from mru_hw.spice.deck import Change
from mru_hw.technology import Technology


def refuse_kit(technology: Technology, dialect: str) -> None:
    """Refuse a die whose devices take no mismatch.

    Raises
    ------
    UserError
        The process's transistor is a subcircuit: it hands on no shift of its threshold.
    """
    if technology.transistor.primitive == "x":
        raise UserError(
            "dialect",
            dialect,
            f"ngspice for a die in {technology.name}, whose transistors are subcircuits that take"
            " no threshold shift",
        )


def flat_chip(chip: Netlist, changes: Iterable[Change]) -> Iterator[Statement]:
    """Write a chip without hierarchy.

    Parameters
    ----------
    chip
        The chip.
    changes
        A die; each becomes an instance parameter of its device.

    Raises
    ------
    MruHwError
        A change belongs to no device, or two devices would have one name.
    """
    yield from itertools.takewhile(lambda s: not isinstance(s, Subckt), chip.above)
    drawn: dict[str, dict[str, str]] = {}
    for change in changes:
        path = change.device.partition(".")[2].partition(".")[2]
        value = change.default * change.times + change.add
        drawn.setdefault(path, {})[change.parameter] = f"{value:.9g}"
    yield Comment(text="flat: a device's name is its path, with __ for the dots")
    head = chip.top.head
    yield Subckt(name=head.name, pins=head.pins, values={})
    names = set()
    for element in _walk(chip.cells(), head.name, "", {}, {}):
        name = flat_name(element.name, element.model)
        if name in names:
            raise MruHwError(f"Two devices of the flat chip would be called {name}.")
        names.add(name)
        values = {**element.values, **drawn.pop(element.name, {})}
        yield Element(name=name, nets=element.nets, model=element.model, values=values)
    if drawn:
        raise MruHwError(f"The deck holds no device {next(iter(drawn))}.")
    yield Ends(name=head.name)


def flat_bench(player: Iterable[Statement]) -> Iterator[Statement]:
    """Write a bench for the flat chip: other names in what is saved, no commands."""
    for statement in player:
        match statement:
            case Save(vectors=vectors):
                yield Save(vectors=tuple(_flat_vector(vector) for vector in vectors))
            case Control():
                pass
            case _:
                yield statement


def flat_name(path: str, model: str = "") -> str:
    """Return the flat chip's name of a device or net from its path below the chip."""
    letter = path.rpartition(".")[2][0] if model else ""
    return letter + path.replace(".", "__")


def _flat_vector(vector: str) -> str:
    head, top, path = vector.partition("xchip.")
    device = "m" if head.startswith("@") else ""
    return head + top + device + path.replace(".", "__")


def _plain(text: str, scope: Values) -> str:
    factor, _, name = text[1:-1].rpartition("*")
    return f"{int(factor) * float(scope[name]):.9g}" if factor else scope[name]


def _walk(
    cells: Mapping[str, Cell], name: str, path: str, nets: Mapping[str, str], scope: Values
) -> Iterator[Element]:
    """List the devices below a cell, by their paths, with the top's nets and plain numbers."""
    known = {"0": "0", **nets}
    prefix = path.replace(".", "__")
    for element in cells[name].elements:
        at = path + element.name
        joined = tuple(known.get(net, prefix + net) for net in element.nets)
        values = {
            key: _plain(text, scope) if text.startswith("{") else text
            for key, text in element.values.items()
        }
        inner = cells.get(element.model)
        if inner is None:
            yield Element(name=at, nets=joined, model=element.model, values=values)
        else:
            pins = dict(zip(inner.head.pins, joined, strict=True))
            below = {**inner.head.values, **values}
            yield from _walk(cells, element.model, f"{at}.", pins, below)
