"""The netlist that a drawing shows, read from its geometry alone.

A wire joins what lies on it: ends of wires, terminals, labels. Two wires that cross without an
end there are apart, as on paper without a dot. Points with the same label are one net.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from scripts.schematics.sheet import SUPPLIES, Label, Point, Sheet, Symbol

Segment = tuple[Point, Point]


def segments(sheet: Sheet) -> list[Segment]:
    """List the straight pieces of all wires."""
    return [piece for wire in sheet.wires for piece in pairwise(wire)]


def on(point: Point, segment: Segment) -> bool:
    """Tell whether a point lies on a segment, ends included."""
    (x, y), ((x0, y0), (x1, y1)) = point, segment
    return min(x0, x1) <= x <= max(x0, x1) and min(y0, y1) <= y <= max(y0, y1)


def loose_terminals(sheet: Sheet) -> Iterator[tuple[Symbol, str, Point]]:
    """List the terminals that neither a wire nor another terminal reaches."""
    pieces = segments(sheet)
    count: defaultdict[Point, int] = defaultdict(int)
    for symbol in sheet.symbols:
        for at in symbol.terminals.values():
            count[at] += 1
    placed = {label.at for label in sheet.labels}
    for symbol in sheet.symbols:
        for pin, at in symbol.terminals.items():
            if count[at] == 1 and at not in placed and not any(on(at, s) for s in pieces):
                yield symbol, pin, at


def all_labels(sheet: Sheet) -> list[Label]:
    """List every name that the drawing shows: placed ones, and those of loose terminals."""
    own = [
        Label(
            net=symbol.instance.nets[pin],
            at=at,
            side=symbol.sides[pin]
            if symbol.block
            else SUPPLIES.get(symbol.instance.nets[pin], symbol.sides[pin]),
            port=False,
        )
        for symbol, pin, at in loose_terminals(sheet)
    ]
    return [*sheet.labels, *own]


def arms(sheet: Sheet, point: Point) -> int:
    """Count the wire pieces and terminals that leave a point; three or more need a dot."""
    total = 0
    for piece in segments(sheet):
        if on(point, piece):
            total += 1 if point in piece else 2
    return total + sum(point == at for s in sheet.symbols for at in s.terminals.values())


def dots(sheet: Sheet) -> list[Point]:
    """List the points where three or more pieces join."""
    ends = {point for piece in segments(sheet) for point in piece}
    ends |= {at for symbol in sheet.symbols for at in symbol.terminals.values()}
    return sorted(point for point in ends if arms(sheet, point) > 2)


def traced(sheet: Sheet) -> dict[tuple[str, str], str]:
    """Return the net of each terminal (instance, pin) as the drawing shows it.

    A net without a label is called by a number. Bulks follow the drawing's convention.

    Raises
    ------
    ValueError
        Two labels on one net.
    """
    pieces = segments(sheet)
    points = {point for piece in pieces for point in piece}
    points |= {at for symbol in sheet.symbols for at in symbol.terminals.values()}
    labels = all_labels(sheet)
    points |= {label.at for label in labels}
    root = {point: point for point in points}

    def find(point: Point) -> Point:
        while root[point] != point:
            point = root[point]
        return point

    for piece in pieces:
        for point in points:
            if on(point, piece):
                root[find(point)] = find(piece[0])
    names: dict[Point, str] = {}
    for label in labels:
        known = names.setdefault(find(label.at), label.net)
        if known != label.net:
            raise ValueError(f"{known} and {label.net} are drawn as one net at {label.at}")
    result: dict[tuple[str, str], str] = {}
    number: dict[Point, str] = {}
    for symbol in sheet.symbols:
        name = symbol.instance.name
        for pin, at in symbol.terminals.items():
            group = find(at)
            result[name, pin] = names.get(group) or number.setdefault(group, f"#{len(number)}")
        if "b" in symbol.instance.nets and "g" in symbol.instance.nets:
            result[name, "b"] = "vss" if symbol.instance.cell.startswith("n_") else "vdd"
        if symbol.block is not None:
            result |= {(name, net): net for net in SUPPLIES}
    return result


def crossed_symbols(sheet: Sheet) -> list[tuple[str, Segment]]:
    """List the wires that run through a symbol."""
    found = []
    for symbol in sheet.symbols:
        x0, y0, x1, y1 = body(symbol)
        for piece in segments(sheet):
            xs, ys = sorted(p[0] for p in piece), sorted(p[1] for p in piece)
            if xs[0] < x1 and xs[1] > x0 and ys[0] < y1 and ys[1] > y0:
                found.append((symbol.instance.name, piece))
    return found


def body(symbol: Symbol) -> tuple[float, float, float, float]:
    """Return the box that a symbol's lines fill: left, bottom, right, top."""
    x, y = symbol.at
    if symbol.block is not None:
        return x, y, x + symbol.block.width, y + symbol.block.height
    reach = dict.fromkeys(symbol.sides.values(), 0.95)
    return (
        x - reach.get("left", 0.05),
        y - reach.get("down", 0.05),
        x + reach.get("right", 0.05),
        y + reach.get("up", 0.05),
    )
