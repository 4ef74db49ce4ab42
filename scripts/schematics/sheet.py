"""Where things stand on a sheet: terminals, wires and labels, in grid units, y upwards.

A wire is a path such as ``xm7.g | xm7.d - 16,4``: ``|`` goes to the next point vertically first,
``-`` horizontally first. A point is a terminal or ``x,y``; a missing coordinate stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from mru_hw.files import read_yaml
from scripts.schematics.deck import CLASSES, Instance, Subcircuit, instances

Point = tuple[float, float]
SUPPLIES = {"vdd": "up", "vss": "down"}
SIDES: dict[str, Point] = {"left": (-1, 0), "right": (1, 0), "up": (0, 1), "down": (0, -1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A subcircuit as a box: its pins at each side, from the left or from the top."""

    width: float
    height: float
    pins: Mapping[str, Point]
    sides: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A placed instance.

    Attributes
    ----------
    at
        Middle of a device, lower left corner of a block.
    gate
        Side of a transistor's gate.
    turned
        Whether drain and source have changed places. Unturned, an NMOS has its drain above, a
        PMOS its source; a lying transistor has its drain at the left.
    terminals
        By pin, bulks apart: an NMOS's is at vss, a PMOS's at vdd.
    """

    instance: Instance
    at: Point
    gate: str
    turned: bool
    terminals: Mapping[str, Point]
    sides: Mapping[str, str]
    block: Block | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A net's name at a point; a `port` is drawn with a ring."""

    net: str
    at: Point
    side: str
    port: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A schematic.

    Attributes
    ----------
    pins
        Of the subcircuit that is drawn.
    wires
        Corner points of each.
    labels
        Those that the sheet places; terminals that no wire reaches get their own.
    boxes
        Dashed frames: title, lower left and upper right corner.
    """

    pins: tuple[str, ...]
    symbols: tuple[Symbol, ...]
    wires: tuple[tuple[Point, ...], ...]
    labels: tuple[Label, ...]
    boxes: tuple[tuple[str, Point, Point], ...]
    notes: tuple[tuple[str, Point], ...]


def read_sheet(path: Path, cells: Mapping[str, Subcircuit], top: str) -> Sheet:
    """Read a sheet and place the instances of `top` on it.

    Raises
    ------
    ValueError
        The sheet places an instance that the deck does not have, leaves one out, or holds a wire
        that is neither a path nor aligned.
    """
    document: dict[str, Any] = read_yaml(path)
    blocks = {name: _block(row) for name, row in document.get("blocks", {}).items()}
    listed = {i.name: i for i in instances(cells, top, closed=frozenset(blocks))}
    places: dict[str, str] = document["devices"]
    if set(places) != set(listed):
        odd = sorted(set(places) ^ set(listed))
        raise ValueError(f"{path}: {odd} is on the sheet or in the deck, but not on both")
    symbols = tuple(_placed(listed[name], text, blocks) for name, text in places.items())
    terminals = {f"{s.instance.name}.{pin}": at for s in symbols for pin, at in s.terminals.items()}
    return Sheet(
        pins=cells[top].pins,
        symbols=symbols,
        wires=tuple(_path(text, terminals) for text in document.get("wires", [])),
        labels=(
            *(_label(text, port=True) for text in document.get("ports", [])),
            *(_label(text, port=False) for text in document.get("labels", [])),
        ),
        boxes=tuple(
            (title, _point(low), _point(high))
            for title, (low, high) in document.get("boxes", {}).items()
        ),
        notes=tuple((text, _point(at)) for text, at in document.get("notes", {}).items()),
    )


def _block(row: Mapping[str, Any]) -> Block:
    width, height = (float(x) for x in row["size"])
    pins: dict[str, Point] = {}
    sides: dict[str, str] = {}
    for side in ("left", "right", "up", "down"):
        for name, along in row.get(side, {}).items():
            across = {"left": 0.0, "right": width, "up": height, "down": 0.0}[side]
            pins[name] = (across, along) if side in ("left", "right") else (along, across)
            sides[name] = side
    return Block(width=width, height=height, pins=pins, sides=sides)


def _placed(instance: Instance, text: str, blocks: Mapping[str, Block]) -> Symbol:
    words = text.split()
    x, y = _point(words[0])
    side, turned = words[1] if len(words) > 1 else "left", "turned" in words
    block = blocks.get(instance.cell)
    if block is not None:
        offsets, sides = dict(block.pins), dict(block.sides)
        if set(offsets) != set(instance.nets) - set(SUPPLIES):
            raise ValueError(f"{instance.name}: its block has other pins than {instance.cell}")
    elif instance.cell == "c_state":
        offsets, sides = {"a": (0.0, 1.0), "b": (0.0, -1.0)}, {"a": "up", "b": "down"}
    elif instance.cell in CLASSES:
        first, last = ("up", "down") if side in ("left", "right") else ("left", "right")
        # A PMOS stands with its source above; lying, both have their drain at the left.
        swapped = turned != (instance.cell[0] == "p" and first == "up")
        sides = {"d": last if swapped else first, "s": first if swapped else last, "g": side}
        offsets = {pin: SIDES[where] for pin, where in sides.items()}
    else:
        raise ValueError(f"{instance.name}: {instance.cell} is neither a device nor a block")
    return Symbol(
        instance=instance,
        at=(x, y),
        gate=side,
        turned=turned,
        terminals={pin: (x + dx, y + dy) for pin, (dx, dy) in offsets.items()},
        sides=sides,
        block=block,
    )


def _label(text: str, *, port: bool) -> Label:
    net, at, side = text.split()
    return Label(net=net, at=_point(at), side=side, port=port)


def _point(text: str) -> Point:
    x, y = text.split(",")
    return float(x), float(y)


def _path(text: str, terminals: Mapping[str, Point]) -> tuple[Point, ...]:
    words = text.split()
    points = [_reach(words[0], terminals, (0.0, 0.0))]
    for turn, word in zip(words[1::2], words[2::2], strict=True):
        here = points[-1]
        there = _reach(word, terminals, here)
        corner = {"|": (here[0], there[1]), "-": (there[0], here[1])}[turn]
        points += [corner, there]
    kept = [points[0], *(b for a, b in pairwise(points) if a != b)]
    if len(kept) < 2:
        raise ValueError(f"wire {text!r} has no length")
    return tuple(kept)


def _reach(word: str, terminals: Mapping[str, Point], here: Point) -> Point:
    if word in terminals:
        return terminals[word]
    if "," not in word:
        raise ValueError(f"{word!r} is no terminal of this sheet")
    x, y = word.split(",")
    return (float(x) if x else here[0]), (float(y) if y else here[1])
