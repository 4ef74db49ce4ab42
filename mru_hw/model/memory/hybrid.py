"""Hybrid: CMRU units beside LRU units, which the layer's output map reads together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from mru_hw.model.memory.base import Drive, MemoryCell, Shapes, State
from mru_hw.model.memory.cmru import CMRU
from mru_hw.model.memory.lru import LRU
from mru_hw.model.memory.recurrence import Floats


@final
@dataclass(frozen=True, slots=True)
class Hybrid(MemoryCell):
    """``h = (h of n_units CMRU units, then h of n_units LRU units)``, both on the same input.

    Its tensors are those of a `CMRU` layer and those of an `LRU` layer; ``output.weight`` has a
    column for each of the 2 n_units numbers. That they are mixed by the output map alone is our
    reading of arXiv 2601.09495 (docs/decisions/0036-software-cells.md).
    """

    name: ClassVar[str] = "hybrid"
    outputs: ClassVar[int] = 2
    takes_levels: ClassVar[bool] = True
    no_circuit: ClassVar[str] = (
        f"its cmru units have one, in a layer of their own (documentation, Cells), its lru "
        f"units have none: {LRU.no_circuit}"
    )

    def own_tensors(self, n_units: int, width_in: int) -> Shapes:
        """Return the shapes of alpha, and of the LRU's tensors."""
        return CMRU.own_tensors(n_units, width_in) | LRU.own_tensors(n_units, width_in)

    def span(self, limit: int | None) -> tuple[float, float]:
        """Return the lowest and the highest level of its CMRU units."""
        return CMRU.span(limit)

    def start_words(self, limit: int | None) -> str:
        """Say which initial levels its CMRU units may have."""
        return CMRU.start_words(limit)

    def initial(self, drive: Drive) -> State:
        """Return levels, and x of the LRU units."""
        return CMRU.initial(drive), LRU.initial(drive)

    def remember(self, drive: Drive, before: State, out: Floats) -> State:
        """Run both, each into its half of `out`."""
        n, (levels, numbers) = drive.candidate.shape[1], before
        return (
            CMRU.remember(drive, levels, out[:, :n]),
            LRU.remember(drive, numbers, out[:, n:]),
        )


HYBRID = Hybrid()
