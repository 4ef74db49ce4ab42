"""The cell views of ``circuits/`` that a Design's deck takes."""

from __future__ import annotations

from collections.abc import Iterable

from mru_hw.circuits.catalogue import NODE_VIEWS
from mru_hw.circuits.ladder.roles import VIEWS
from mru_hw.data import circuits_dir

LIBRARY = (*NODE_VIEWS, *VIEWS)
"""What a network of clocked units with fixed thresholds is made of."""


def cell_views(names: Iterable[str] = LIBRARY) -> str:
    """Return the SPICE text of cells that the emitter instantiates."""
    root = circuits_dir()
    return "\n".join((root / name / "cell.sp").read_text(encoding="utf-8") for name in names)
