"""The network of a chip, drawn as blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mru_hw.report.chip import ChipFacts, network_said
from mru_hw.report.colours import BLUE, FAINT, GREEN, INK, PINK, VERMILION
from mru_hw.report.drawing import Drawing, drawn
from mru_hw.report.parts import Picture
from mru_hw.sweeps.words import many
from mru_hw.units import in_symbols, render


@dataclass(frozen=True, slots=True)
class _Box:
    title: str
    lines: tuple[str, ...]
    colour: str


def blocks(found: ChipFacts) -> Picture:
    """Return the drawing."""
    boxes = list(_boxes(found))
    return Picture(
        name="network",
        svg=_draw_blocks(boxes, found),
        alternative=f"The network as blocks: {network_said(found.model)}.",
        caption=(
            "The network as blocks, as the signal runs: weights are legs of current mirrors, a sum "
            "is a node. Bias tree and strobes serve all of it. What is outside the frame is "
            "outside the chip."
        ),
        data={
            "block": [box.title for box in boxes],
            "what": ["; ".join(box.lines) for box in boxes],
        },
    )


def _boxes(found: ChipFacts) -> Iterator[_Box]:
    design, spec = found.design, found.model.spec
    legs = {
        one.parameter: sum(int(np.count_nonzero(units)) for _, units in one.legs())
        for one in design.connections
    }

    def wires(prefix: str) -> str:
        return f"{sum(n for name, n in legs.items() if name.startswith(prefix)):,} legs"

    width = spec.n_hidden
    yield _Box("input", (f"{spec.n_in} → {width}", wires("input")), BLUE)
    for k, (layer, bank) in enumerate(zip(spec.layers, design.banks, strict=True)):
        width = layer.n_out
        yield _Box(
            f"layer {k}",
            (
                many(layer.n_units, f"{layer.cell.name} unit"),
                f"levels {-bank.levels} to {bank.levels}" if layer.levels else "1 bit each",
                wires(f"layers.{k}."),
            ),
            VERMILION,
        )
    yield _Box("head", (f"{width} → {spec.n_classes}", wires("head")), BLUE)


def _draw_blocks(boxes: Sequence[_Box], found: ChipFacts) -> Drawing:
    spec, timing = found.model.spec, found.design.timing
    step, wide, high = 2.0, 1.5, 1.3

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_axis_off()
        right = step * len(boxes)
        axes.set_xlim(-1.7, right + 1.7)
        axes.set_ylim(-1.5, high + 0.45)
        axes.add_patch(
            Rectangle((-0.35, -1.35), right + 0.2, high + 1.65, fill=False, edgecolor=INK, lw=1.2)
        )
        axes.text(-0.25, high + 0.26, "chip", fontsize=8, va="top", color=INK)
        for k, box in enumerate(boxes):
            _box(axes, box, (step * k, 0.0), (wide, high))
            _arrow(axes, step * k - (step - wide), step * k, high / 2)
        _arrow(axes, step * (len(boxes) - 1) + wide, right + 0.2, high / 2)
        axes.text(
            -0.6, high / 2, f"{spec.n_in} input\ncurrents", ha="right", va="center", fontsize=8
        )
        axes.text(
            right + 0.3, high / 2, f"{spec.n_classes} output\ncurrents", va="center", fontsize=8
        )
        below = f"bias tree, from one reference: {render(found.design.i_lsb, 'A')} a unit device"
        _box(axes, _Box(in_symbols(below), (), PINK), (0.0, -0.6), (right - step + wide, 0.35))
        if found.design.strobed:
            said = f"strobes, one phase a layer, frame of {render(timing.frame, 's')}"
            _box(axes, _Box(in_symbols(said), (), GREEN), (0.0, -1.15), (right - step + wide, 0.35))

    return drawn(draw, (max(7.0, 1.9 * len(boxes) + 1.6), 3.0))


def _box(axes: Axes, box: _Box, at: tuple[float, float], size: tuple[float, float]) -> None:
    axes.add_patch(Rectangle(at, *size, fill=False, edgecolor=box.colour, linewidth=1.8))
    x, top = at[0] + size[0] / 2, at[1] + size[1]
    if not box.lines:
        axes.text(x, top - size[1] / 2, box.title, ha="center", va="center", fontsize=8)
        return
    axes.text(x, top - 0.12, box.title, ha="center", va="top", fontsize=9, fontweight="bold")
    axes.text(x, top - 0.45, "\n".join(box.lines), ha="center", va="top", fontsize=8)


def _arrow(axes: Axes, left: float, right: float, y: float) -> None:
    axes.annotate(
        "", (right, y), (left, y), arrowprops={"arrowstyle": "-|>", "color": FAINT, "lw": 1.2}
    )
