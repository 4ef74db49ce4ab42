"""The BMRU in torch."""

from __future__ import annotations

from typing import final

from mru_hw.training.memory.gated import Quantised


@final
class BmruLayer(Quantised):
    """Bistable unit: an update replaces the state by the candidate's sign (epsilon = 0)."""
