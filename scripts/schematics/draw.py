"""A sheet as an SVG picture, drawn with schemdraw.

Mirror and cell transistors carry an arrow at their source, as in analog books; switches and logic
carry none, and a PMOS among them a ring at its gate.
"""

from __future__ import annotations

from typing import Any

import schemdraw
from schemdraw.elements import Element
from schemdraw.segments import Segment, SegmentCircle, SegmentPoly, SegmentText

from scripts.schematics.sheet import SIDES, SUPPLIES, Label, Point, Sheet, Symbol
from scripts.schematics.trace import all_labels, dots

INCHES = 0.42  # per grid unit
MARGIN = 0.4
NAME, SMALL = 9, 8  # pt
GREY, BLUE = "#555555", "#1f4e99"
CONVENTION = "Bulks: NMOS at vss, PMOS at vdd."


class _Lines(Element):  # type: ignore[misc, unused-ignore]
    """Segments in the sheet's own coordinates."""

    def __init__(self, parts: list[Any]) -> None:
        super().__init__()
        self.segments.extend(parts)


def svg(sheet: Sheet) -> str:
    """Return the picture's text, the same for the same sheet."""
    drawing = schemdraw.Drawing(show=False, canvas="svg")
    drawing.config(unit=1, inches_per_unit=INCHES, fontsize=NAME, lw=1.2, margin=MARGIN)
    drawing.config(bgcolor="white", font="Helvetica, Arial, sans-serif")
    parts: list[Any] = []
    for title, low, high in sheet.boxes:
        parts += _box(title, low, high)
    parts += [Segment(wire) for wire in sheet.wires]
    for symbol in sheet.symbols:
        parts += _block(symbol) if symbol.block else _device(symbol)
    parts += [SegmentCircle(at, 0.08, fill="black") for at in dots(sheet)]
    for label in all_labels(sheet):
        symbol_of_supply = SUPPLIES.get(label.net) == label.side
        parts += _supply(label) if symbol_of_supply else _name(label, label.net in sheet.pins)
    parts += [_text(at, text, "left", SMALL, GREY) for text, at in sheet.notes]
    if any(symbol.block is None for symbol in sheet.symbols):
        corners = [at for s in sheet.symbols for at in s.terminals.values()]
        corners += [low for _, low, _ in sheet.boxes] + [label.at for label in sheet.labels]
        left, low = min(x for x, _ in corners), min(y for _, y in corners)
        parts.append(_text((left, low - 1.2), CONVENTION, "left", SMALL, GREY))
    drawing.add(_Lines(parts).at((0, 0)))
    return str(drawing.get_imagedata("svg").decode()) + "\n"


def _device(symbol: Symbol) -> list[Any]:
    if symbol.instance.cell == "c_state":
        return _capacitor(symbol)
    x, y = symbol.at
    across = SIDES[symbol.gate]

    def at(towards_gate: float, along: float) -> Point:
        gx, gy = across
        # `along` runs up for a standing transistor, to the right for a lying one.
        return (x + gx * towards_gate + abs(gy) * along, y + gy * towards_gate + abs(gx) * along)

    kind = symbol.instance.cell
    plain = not kind.endswith(("_mirror", "_cell", "_split"))
    lead = 1.0
    parts: list[Any] = [
        Segment([at(0, 1), at(0, 0.4), at(0.35, 0.4)]),
        Segment([at(0, -1), at(0, -0.4), at(0.35, -0.4)]),
        Segment([at(0.35, -0.55), at(0.35, 0.55)], lw=2),
        Segment([at(0.5, -0.4), at(0.5, 0.4)], lw=2),
    ]
    ring = plain and kind.startswith("p")
    if ring:
        parts.append(SegmentCircle(at(0.6, 0), 0.1, fill="white", zorder=4))
    parts.append(Segment([at(0.7 if ring else 0.5, 0), at(lead, 0)]))
    if not plain:
        up = symbol.sides["s"] in ("up", "right")
        end = 0.4 if up else -0.4
        tip, foot = (0.02, 0.3) if kind.startswith("n") else (0.33, 0.05)
        wing = 0.11
        parts.append(
            SegmentPoly(
                [
                    at(tip, end),
                    at(tip + (0.22 if foot > tip else -0.22), end + wing),
                    at(tip + (0.22 if foot > tip else -0.22), end - wing),
                ],
                fill="black",
                lw=0.5,
            )
        )
    return parts + _titles(symbol, at)


def _titles(symbol: Symbol, at: Any) -> list[Any]:
    name = symbol.instance.name.rsplit(".", 1)[-1]
    units = symbol.instance.units
    kind = symbol.instance.cell + (f" ×{units}" if units else "")
    place = {"left": "left", "right": "right", "up": "center", "down": "center"}[symbol.gate]
    x, y = at(-0.2, 0)
    if place == "center":
        y += -0.25 if symbol.gate == "up" else 0.55
        return [_text((x, y), name, place, NAME), _text((x, y - 0.42), kind, place, SMALL, GREY)]
    return [_text((x, y + 0.2), name, place, NAME), _text((x, y - 0.22), kind, place, SMALL, GREY)]


def _capacitor(symbol: Symbol) -> list[Any]:
    x, y = symbol.at
    return [
        Segment([(x, y + 1), (x, y + 0.12)]),
        Segment([(x, y - 1), (x, y - 0.12)]),
        Segment([(x - 0.4, y + 0.12), (x + 0.4, y + 0.12)], lw=2),
        Segment([(x - 0.4, y - 0.12), (x + 0.4, y - 0.12)], lw=2),
        _text((x + 0.5, y + 0.2), symbol.instance.name, "left", NAME),
        _text((x + 0.5, y - 0.22), symbol.instance.cell, "left", SMALL, GREY),
    ]


def _block(symbol: Symbol) -> list[Any]:
    assert symbol.block is not None
    (x, y), width, height = symbol.at, symbol.block.width, symbol.block.height
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    middle = (x + width / 2, y + height / 2)
    parts: list[Any] = [
        SegmentPoly(corners, fill="#f4f6fa"),
        _text((middle[0], middle[1] + 0.25), symbol.instance.name, "center", NAME),
        _text((middle[0], middle[1] - 0.25), symbol.instance.cell, "center", SMALL, GREY),
    ]
    for pin, (px, py) in symbol.terminals.items():
        dx, dy = SIDES[symbol.sides[pin]]
        align = {"left": "left", "right": "right"}.get(symbol.sides[pin], "center")
        inside = (px - 0.12 * dx, py - 0.25 * dy)
        parts.append(_text(inside, pin, align, SMALL, GREY))
    return parts


def _supply(label: Label) -> list[Any]:
    x, y = label.at
    if label.net == "vdd":
        return [
            Segment([(x, y), (x, y + 0.25)]),
            Segment([(x - 0.4, y + 0.25), (x + 0.4, y + 0.25)], lw=2),
            _text((x, y + 0.5), "vdd", "center", SMALL),
        ]
    return [
        Segment([(x, y), (x, y - 0.2)]),
        *(
            Segment([(x - w, y - d), (x + w, y - d)], lw=1.5)
            for w, d in ((0.35, 0.2), (0.22, 0.32), (0.09, 0.44))
        ),
    ]


def _name(label: Label, pin: bool) -> list[Any]:  # noqa: FBT001 (what the name is)
    (x, y), (dx, dy) = label.at, SIDES[label.side]
    align = {"left": "right", "right": "left"}.get(label.side, "center")
    gap = 0.28 if label.port else 0.15
    text = _text(
        (x + gap * dx, y + (gap + 0.12) * dy), label.net, align, NAME, BLUE if pin else "black"
    )
    return [SegmentCircle((x, y), 0.1, fill="white", zorder=4), text] if label.port else [text]


def _box(title: str, low: Point, high: Point) -> list[Any]:
    corners = [low, (high[0], low[1]), high, (low[0], high[1])]
    return [
        SegmentPoly(corners, ls="--", color=GREY, lw=0.8),
        _text((low[0] + 0.15, high[1] - 0.3), title, "left", SMALL, GREY),
    ]


def _text(at: Point, text: str, align: str, size: float, color: str = "black") -> SegmentText:
    return SegmentText(at, text, align=(align, "center"), fontsize=size, color=color)
