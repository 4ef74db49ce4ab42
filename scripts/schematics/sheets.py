"""The sheets that there are, with the decks that they draw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mru_hw.data import circuits_dir
from mru_hw.spice.cells import cell_views
from mru_hw.spice.chip import unit_name, unit_subckt
from scripts.schematics.deck import read_subcircuits
from scripts.schematics.draw import svg
from scripts.schematics.sheet import Sheet, read_sheet

FIGURES = Path(__file__).parents[2] / "docs/circuits/figures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a sheet draws.

    Attributes
    ----------
    name
        The cell's, or the figure's.
    sheet
        Placement file; the picture stands beside it.
    deck
        Text with the subcircuit and those inside it.
    top
        Subcircuit that is drawn.
    """

    name: str
    sheet: Path
    deck: str
    top: str

    @property
    def output(self) -> Path:
        """The picture's file."""
        return self.sheet.with_suffix(".svg")

    def read(self) -> Sheet:
        """Read and place the sheet."""
        return read_sheet(self.sheet, read_subcircuits(self.deck), self.top)


def sheets() -> list[Source]:
    """List the cells' sheets, and those of what the emitter builds from cells."""
    decks = sorted(circuits_dir().glob("*/cell.sp"))
    views = "".join(path.read_text(encoding="utf-8") for path in decks)
    cells = [
        Source(name=path.parent.name, sheet=path, deck=views, top=path.parent.name)
        for path in sorted(circuits_dir().glob("*/schematic.yaml"))
    ]
    legs = (FIGURES / "mirror_legs.sp").read_text(encoding="utf-8")
    return [
        *cells,
        Source(
            name="mirror_legs",
            sheet=FIGURES / "mirror_legs.yaml",
            deck=cell_views() + legs,
            top="mirror_legs",
        ),
        Source(
            name="cmru_unit",
            sheet=FIGURES / "cmru_unit.yaml",
            deck=cell_views() + unit_subckt(2, 0),
            top=unit_name(2, 0),
        ),
    ]


def picture(source: Source) -> str:
    """Return a sheet's SVG text."""
    return svg(source.read())
