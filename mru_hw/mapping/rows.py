"""Names of a chip's rows of nodes and of memory units, and what each row is to the network.

A name is made here alone, from what the row is and from its layer, and keeps both: who wants to
know asks the name (`RowName.part`, `RowName.layer`) and takes no text apart. Names are text all the
same, since decks, ``elements.csv``, a die's mismatch and DESIGN.yaml go by them.
"""

from __future__ import annotations

import enum


class Part(enum.StrEnum):
    """What a row is to the network; its value is what the row's name begins with."""

    BIAS = "bias"
    INPUT = "x"
    SIGNAL = "v"
    CANDIDATE = "c"
    THRESHOLD = "b"
    STATE = "h"
    RECTIFIED = "o"
    OUTPUT = "y"
    UNITS = "bank"

    def of(self, layer: int) -> RowName:
        """Name the row of one layer; the layers' signals end with the one after the last layer."""
        return RowName(self, layer)


_ABOUT = {
    Part.BIAS: "the bias rail, which the reference current feeds",
    Part.INPUT: "nodes of the inputs",
    Part.SIGNAL: "nodes of the signals that {layer} reads",
    Part.CANDIDATE: "nodes of the candidates of {layer}",
    Part.THRESHOLD: "nodes of the thresholds of {layer}, which come from the input",
    Part.STATE: "nodes of the states of {layer}",
    Part.RECTIFIED: "nodes of the rectified output of {layer}, which a skip adds to",
    Part.OUTPUT: "output pins of the head",
    Part.UNITS: "memory units of {layer}",
}
"""What a row of each part is, in words; what follows the last layer is of the head."""


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

    def about(self, n_layers: int) -> str:
        """Return what the row is, in words, in a network of so many layers."""
        layer = "the head" if self.layer == n_layers else f"layer {self.layer}"
        return _ABOUT[self.part].format(layer=layer)

    def __reduce__(self) -> tuple[type[RowName], tuple[Part, int | None]]:
        return RowName, (self.part, self.layer)


BIAS, INPUTS, OUTPUTS = RowName(Part.BIAS), RowName(Part.INPUT), RowName(Part.OUTPUT)
