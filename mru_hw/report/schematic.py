"""The schematics that lie beside the cell views, for a page (light and dark) and as PDF."""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch, Polygon

from mru_hw.circuits.statements import cells_of
from mru_hw.circuits.views import view_text
from mru_hw.core_yaml import load
from mru_hw.data import circuits_dir
from mru_hw.report.colours import BLUE, DARK, FAINT, INK, PAPER
from mru_hw.report.drawing import Drawing
from mru_hw.spice.reader import read_statements

_TURNED = {"black": INK, "#555555": FAINT, "#1f4e99": BLUE, "white": PAPER, "#f4f6fa": PAPER}
"""Colours of the sheets, and those of a page in their place."""
_POINTS_AN_INCH = 72


class _Shape(NamedTuple):
    """A shape of a sheet: its attributes and, of a text, its lines."""

    kind: str
    own: Mapping[str, str]
    lines: Sequence[str]

    @property
    def style(self) -> dict[str, str]:
        pairs = (part.partition(":") for part in self.own["style"].split(";") if part)
        return {name: value for name, _, value in pairs}


def what_it_is(view: str) -> str:
    """Return what a cell view's contract says that it is."""
    return str(_contract(view)["what"])


def source(view: str) -> str:
    """Return where a cell view's circuit comes from; empty where its contract does not say."""
    return str(_contract(view).get("source", ""))


def subcircuits(view: str) -> list[str]:
    """Return the names of a cell view's subcircuits, as its contract lists them."""
    return [str(name) for name in _contract(view)["subcircuits"]]


@functools.cache
def _contract(view: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = load((circuits_dir() / view / "cell.yaml").read_bytes())
    return found


def devices(view: str) -> dict[str, list[str]]:
    """Return what a schematic shows: each device, what it is, and the nets it is on."""
    cells = cells_of(read_statements(view_text(view).lower().splitlines()))
    elements = [(name, element) for name, cell in cells.items() for element in cell.elements]
    return {
        "subcircuit": [name for name, _ in elements],
        "device": [element.name for _, element in elements],
        "is": [element.model for _, element in elements],
        "nets": [" ".join(element.nets) for _, element in elements],
    }


def schematic(view: str) -> Drawing:
    """Return the schematic of a cell view."""
    text = (circuits_dir() / view / "schematic.svg").read_text(encoding="utf-8")
    box = re.search(r'viewBox="([^"]*)"', text)
    assert box is not None  # scripts/schematics wrote it
    left, top, width, height = (float(n) for n in box[1].split())

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(left, left + width)
        axes.set_ylim(top + height, top)
        for shape in _shapes(text):
            _DRAW[shape.kind](axes, shape)

    return Drawing(_themed(text), draw, (width / _POINTS_AN_INCH, height / _POINTS_AN_INCH))


def _themed(text: str) -> str:
    """Give a sheet the colours of a page, and dark ones where the reader prefers them."""
    text = text.replace('style="background-color:white;"', "")
    for name, colour in _TURNED.items():
        text = re.sub(rf'(stroke:|fill:|fill="){name}(?=[;"])', rf"\g<1>{colour}", text)
    rules = "".join(
        f'[style*="{kind}:{light}"],[{kind}="{light}"]{{{kind}:{dark} !important}}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    )
    head, mark, rest = text.partition(">")
    style = f"<style>@media screen and (prefers-color-scheme:dark){{{rules}}}</style>"
    return f"{head}{mark}{style}{rest}"


def _shapes(text: str) -> Iterator[_Shape]:
    # Only a text has an end of its own.
    shapes = re.findall(r"<(path|circle|polygon|text) ([^>]*?)(?:/>|>(.*?)</text>)", text)
    for kind, own, inside in shapes:
        lines = [html.unescape(line) for line in re.findall(r"<tspan[^>]*>(.*?)</tspan>", inside)]
        yield _Shape(kind, dict(re.findall(r'([\w-]+)="([^"]*)"', own)), lines)


# ------------------------------------------------------------------------ one shape at a time


def _colour(name: str) -> str:
    return _TURNED.get(name, name)


def _path(axes: Axes, shape: _Shape) -> None:
    numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", shape.own["d"])]
    style = shape.style
    axes.plot(
        numbers[::2],
        numbers[1::2],
        color=_colour(style["stroke"]),
        linewidth=float(style["stroke-width"]),
        linestyle="solid" if style["stroke-dasharray"] == "-" else "dashed",
        solid_capstyle="round",
    )


def _circle(axes: Axes, shape: _Shape) -> None:
    x, y, radius = (float(shape.own[name]) for name in ("cx", "cy", "r"))
    _filled(axes, Circle((x, y), radius), shape)


def _polygon(axes: Axes, shape: _Shape) -> None:
    pairs = (pair.split(",") for pair in shape.own["points"].split())
    _filled(axes, Polygon([(float(x), float(y)) for x, y in pairs]), shape)


def _filled(axes: Axes, patch: Patch, shape: _Shape) -> None:
    style = shape.style
    patch.set(
        edgecolor=_colour(style["stroke"]),
        facecolor=_colour(style["fill"]),
        linewidth=float(style["stroke-width"]),
        zorder=3,
    )
    axes.add_patch(patch)


def _text(axes: Axes, shape: _Shape) -> None:
    own = shape.own
    side = {"start": "left", "middle": "center", "end": "right"}[own["text-anchor"]]
    x, y, size = (float(own[name]) for name in ("x", "y", "font-size"))
    for k, line in enumerate(shape.lines):
        axes.text(
            x,
            y + (k + 1) * size,
            line,
            ha=side,
            va="center",
            fontsize=size,
            color=_colour(own["fill"]),
        )


_DRAW: dict[str, Callable[[Axes, _Shape], None]] = {
    "path": _path,
    "circle": _circle,
    "polygon": _polygon,
    "text": _text,
}
"""What draws each kind of shape that a sheet has."""
