"""Figures that have the same bytes each time they are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mru_hw.files import whole_file


def saved(figure: Any, path: Path) -> None:
    """Write a figure as SVG, without its date, or as PNG; the same data gives the same bytes."""
    form = path.suffix.removeprefix(".")
    with whole_file(path) as part:
        metadata = {"Date": None} if form == "svg" else None
        figure.savefig(part, format=form, dpi=150, metadata=metadata)


def plotting(font_size: int = 8) -> Any:
    """Return matplotlib's pyplot, without a screen."""
    import matplotlib as mpl

    mpl.use("Agg")
    style: Any = {"svg.hashsalt": "mru_hw", "svg.fonttype": "none", "font.size": font_size}
    mpl.rcParams.update(style)
    from matplotlib import pyplot as plt

    return plt
