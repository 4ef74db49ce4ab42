"""Names of a chip's rows of nodes and of memory units, and what each row is to the network.

A name is made here alone, from what the row is and from its layer, and keeps both: who wants to
know asks the name (`RowName.part`, `RowName.layer`) and takes no text apart. Names are text all the
same, since decks, ``elements.csv``, a die's mismatch and DESIGN.yaml go by them.
"""

from __future__ import annotations

import enum


class Part(enum.StrEnum):
    """What a row is to the network; its value is what the row's name begins with."""

    BIAS = "bias"  # the reference rail
    INPUT = "x"
    SIGNAL = "v"  # what a layer reads, and after the last layer what the head reads
    CANDIDATE = "c"
    THRESHOLD = "b"  # of a layer whose thresholds come from the input
    STATE = "h"
    RECTIFIED = "o"  # a layer's rectified output, where a skip adds to it
    OUTPUT = "y"
    UNITS = "bank"  # a layer's memory units; all others are rows of nodes

    def of(self, layer: int) -> RowName:
        """Name the row of one layer; the layers' signals end with the one after the last layer."""
        return RowName(self, layer)


class RowName(str):
    """The name of a row.

    Attributes
    ----------
    part
        What the row is to the network.
    layer
        Number of its layer; None of a row that the chip has once.
    """

    __slots__ = ("layer", "part")
    part: Part
    layer: int | None

    def __new__(cls, part: Part, layer: int | None = None) -> RowName:
        """Name a row."""
        name = super().__new__(cls, part.value if layer is None else f"{part.value}{layer}")
        name.part, name.layer = part, layer
        return name

    def __reduce__(self) -> tuple[type[RowName], tuple[Part, int | None]]:
        return RowName, (self.part, self.layer)


BIAS, INPUTS, OUTPUTS = RowName(Part.BIAS), RowName(Part.INPUT), RowName(Part.OUTPUT)
