"""How a figure becomes a document of SVG, for pages light and dark, or PDF."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, final

import matplotlib as mpl
from matplotlib.figure import Figure

from mru_hw.report.colours import FAINT, INK, theme

_STYLE: Any = {
    "text.parse_math": False,  # no text of a file is a formula
    "svg.hashsalt": "mru_hw",
    "pdf.fonttype": 42,  # publishers refuse fonts of type 3
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "hatch.linewidth": 1.2,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
}


@final
class Drawing(str):
    """A document of SVG that can be drawn again as PDF.

    Attributes
    ----------
    draw, size
        What puts it on a figure, and how large that is [inches].
    """

    __slots__ = ("draw", "size")
    draw: Callable[[Figure], None]
    size: tuple[float, float]

    def __new__(
        cls, text: str, draw: Callable[[Figure], None], size: tuple[float, float]
    ) -> Drawing:
        """Make one."""
        found = super().__new__(cls, text)
        found.draw, found.size = draw, size
        return found

    def pdf(self) -> bytes:
        """Return the figure as PDF, its text as text."""
        return _saved(self.draw, self.size, "pdf", CreationDate=None, Creator=None, Producer=None)


def drawn(draw: Callable[[Figure], None], size: tuple[float, float]) -> Drawing:
    """Return what `draw` puts on a figure of `size` inches, as a document of SVG."""
    text = _saved(draw, size, "svg", Date=None, Creator=None).decode("utf-8")
    head, mark, rest = text.partition("<defs>")
    return Drawing(f"{head}{theme()}{mark}{rest}", draw, size)


def _saved(
    draw: Callable[[Figure], None], size: tuple[float, float], kind: str, **metadata: Any
) -> bytes:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size)
        draw(figure)
        stream = io.BytesIO()
        figure.savefig(stream, format=kind, metadata=metadata)
    return stream.getvalue()
