"""The CMRU in torch."""

from __future__ import annotations

from typing import final

from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.gated import Quantised


@final
class CmruLayer(Quantised):
    """Cumulative unit: an update adds the candidate's sign to the level (epsilon = 1)."""

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.epsilon = 1.0
