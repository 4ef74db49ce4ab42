"""What a page is made of: cards, sections, tables and pictures, all of plain text."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from mru_hw.sweeps.told import Told

Column = Sequence[Any] | NDArray[Any]
"""Values, one a row; they are written as lists have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure of the page.

    Attributes
    ----------
    svg
        Its drawing, a whole document.
    alternative
        What it shows, for who cannot see it.
    caption
        What the reader should take from it.
    name
        Of the files that hold the drawing and its numbers.
    data
        The numbers that were drawn, columns by heading, in SI units and shares; what a die has is
        an array, for there may be a million.
    half
        Whether two stand beside each other where the page is wide.
    """

    svg: str
    alternative: str
    caption: str
    name: str
    data: Mapping[str, Column] = field(default_factory=dict)
    half: bool = False

    @property
    def uri(self) -> str:
        """Return ``data:image/svg+xml;base64,…``."""
        return as_uri(self.svg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A figure at the head of the page.

    Attributes
    ----------
    confidence
        How sure it is: its interval, and what it rests on.
    """

    value: str
    label: str
    confidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with a caption; the first cell of a row names it.

    Attributes
    ----------
    name
        Of the file that holds it.
    numbers, code
        Columns that hold numbers, and text such as hashes.
    shades
        By row and column, how a cell is marked beside what it says: ``all``, ``most``, ``some``
        or ``none`` of its dies pass.
    total
        Whether the last row is the sum of the others.
    """

    name: str
    caption: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    numbers: Sequence[int] = ()
    code: Sequence[int] = ()
    shades: Mapping[tuple[int, int], str] = field(default_factory=dict)
    total: bool = False

    def shade(self, row: int, column: int) -> str:
        """Return how a cell is marked; empty where it is not."""
        return self.shades.get((row, column), "")

    def plain(self) -> Iterator[dict[str, Any]]:
        """Yield the rows with numbers in place of what was written from them, as files have it."""
        columns = [self._column(k) for k in range(self._width())]
        headings = self.headings()
        pairs = [any(len(_numbers(cell)) == 2 for cell in column) for column in columns]
        mixed = [len(_units(column)) > 1 for column in columns]
        for row in self.rows:
            found: dict[str, Any] = {}
            for k, (heading, cell) in enumerate(zip(headings, row, strict=True)):
                values = _numbers(cell)
                if pairs[k]:
                    low, high = values if len(values) == 2 else (None, None)
                    found |= {f"{heading} low": low, f"{heading} high": high}
                else:
                    found[heading] = values[0] if len(values) == 1 else str(cell)
                if mixed[k]:
                    found[f"{heading}: unit"] = cell.unit if isinstance(cell, Told) else ""
            yield found

    def headings(self) -> list[str]:
        """Return the heads of the columns with their units, each once."""
        head = list(self.head) or [f"column {k}" for k in range(self._width())]
        seen: dict[str, int] = {}
        found = []
        for k, heading in enumerate(head):
            units = _units(self._column(k))
            alike = len(units) == 1 and units != {""}
            name = f"{heading} [{units.pop()}]" if alike else heading or f"column {k}"
            seen[name] = seen.get(name, 0) + 1
            found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
        return found

    def _column(self, k: int) -> list[str]:
        return [row[k] for row in self.rows if k < len(row)]

    def _width(self) -> int:
        return max((len(row) for row in self.rows), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with paragraphs, tables, pictures and commands, any of them left out.

    Attributes
    ----------
    key
        Of the link that leads to it.
    lines
        Text that stands as it is, such as commands and files, each with what it is.
    """

    key: str
    title: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    lines: Sequence[tuple[str, str]] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing below the heading."""
        return not (self.paragraphs or self.tables or self.pictures or self.lines)


def _numbers(cell: str) -> tuple[float, ...]:
    return cell.numbers if isinstance(cell, Told) else ()


def _units(column: Sequence[str]) -> set[str]:
    """Return the units of the numbers of a column; shares and counts have an empty one."""
    return {cell.unit for cell in column if isinstance(cell, Told) and cell.numbers}


def as_uri(svg: str) -> str:
    """Return a drawing as ``data:image/svg+xml;base64,…``."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")
