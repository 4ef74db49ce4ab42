"""The cell views of ``circuits/`` that a Design's deck takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mru_hw.circuits.catalogue import NODE_VIEWS
from mru_hw.circuits.ladder.roles import VIEWS
from mru_hw.circuits.statements import Statement
from mru_hw.circuits.views import view_text
from mru_hw.spice.reader import read_statements

LIBRARY = (*NODE_VIEWS, *VIEWS)
"""What a network of clocked units with fixed thresholds is made of."""


def cell_views(names: Iterable[str] = LIBRARY) -> str:
    """Return the SPICE text of cells that the emitter instantiates."""
    return "\n".join(view_text(name) for name in names)


def view_statements(name: str) -> Iterator[Statement]:
    """Read a cell view."""
    yield from read_statements(view_text(name).splitlines())
