"""The verdict of a report as a table of text, for a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator

from mru_hw.errors import printable
from mru_hw.report.remedy import Remedy
from mru_hw.sweeps.verdict import Verdict
from mru_hw.sweeps.view import RunView

_LEAST = 72
"""Columns below which a table is not made narrower."""
_LONGEST = 600
"""Characters of a cell."""
_WIDEST = 24
"""Of its first two columns."""


def verdict_lines(
    run: RunView, told: Verdict, helps: Remedy | None = None, width: int | None = None
) -> Iterator[str]:
    """Yield the verdict as lines: what, the figure, and what it rests on.

    Parameters
    ----------
    helps
        What would help against what binds, as the page says it.
    width
        Columns; those of the terminal when None.
    """
    columns = max(_LEAST, shutil.get_terminal_size().columns if width is None else width)
    more = [] if helps is None else [("what would help", "", helps.short)]
    every = [*told.rows(run), *more]
    rows = [tuple(printable(str(cell), _LONGEST) for cell in row) for row in every]
    if not rows:
        return
    first, second = (min(_WIDEST, max(len(row[k]) for row in rows)) for k in (0, 1))
    rest = columns - first - second - 4
    for row in rows:
        cells = [
            textwrap.wrap(cell, size) or [""]
            for cell, size in zip(row, (first, second, rest), strict=True)
        ]
        for k in range(max(map(len, cells))):
            parts = [cell[k] if k < len(cell) else "" for cell in cells]
            yield f"{parts[0]:<{first}}  {parts[1]:<{second}}  {parts[2]}".rstrip()
