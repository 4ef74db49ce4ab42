"""Device noise in the twin: the draws of the level `behavioral`, on a training's candidates.

How large it is follows from the currents of every node before a candidate
(`mru_hw.simulate.noise_walk`). The law runs in numpy on the currents that the twin has found, and
its draws are numbers to the gradients: they say where a candidate lies, not how it would move with
the weights' noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mru_hw.mapping.flow import Units
from mru_hw.simulate.array import DieArray, Rails
from mru_hw.simulate.decision_noise import DecisionNoise
from mru_hw.simulate.noise_walk import NodeNoise


class Heard:
    """The noise of one die's rows on a batch, row after row of the flow.

    Parameters
    ----------
    array
        The die.
    noise
        Its law and draws.
    """

    def __init__(self, array: DieArray, noise: DecisionNoise) -> None:
        self._array, self._noise = array, noise
        self._rows: dict[int, NodeNoise] = {}

    def row(self, index: int, rails: Rails) -> None:
        """Work out a row's noise from that of the rows before it, by the row's last version."""
        node = self._array.rows[index]
        if node.circuit.rails and node.circuit.copied:
            minus = None if rails.minus is None else _plain(rails.minus)
            known = Rails(plus=_plain(rails.plus), minus=minus)
            self._rows[index] = self._noise.node(self._array, node, known, self._rows)

    def on(self, units: Units, c: Tensor, thresholds: Sequence[Tensor]) -> Tensor:
        """Return the noise on a bank's candidates (unit, time, sequence)."""
        up, down = (_plain(edge) for edge in thresholds)
        memory = self._array.memories[units.index]
        drawn = self._noise.draw(self._array, memory, self._rows, _plain(c), (up, down), 0)
        return torch.from_numpy(drawn)


def _plain(values: Any) -> Any:
    tensor: Tensor = values if isinstance(values, Tensor) else values.tensor
    return tensor.detach().numpy()
