"""Device noise of decisions in the timed behavioral level: what a strobe reads, moved by a draw.

The law is the settled level's (`mru_hw.simulate.decision_noise`): one value a unit and frame,
referred to the candidate, from the currents that the nodes carry at the strobe, drawn by the same
counters. What it is added to is not the candidate but the candidate at which the comparator would
rest at the voltage that it has: a comparator that still moves is as far from its decision as its
voltage says. Where everything has settled the two are one, and so are the decisions. A node
that still moves has not gathered all of its noise yet, so in short frames this is more than it has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mru_hw.cells.base import Array
from mru_hw.errors import UserError
from mru_hw.mapping.design import Design
from mru_hw.mapping.flow import Row, Units
from mru_hw.simulate.array import DieArray, Rails
from mru_hw.simulate.decision_noise import DecisionNoise
from mru_hw.simulate.noise_walk import NodeNoise
from mru_hw.simulate.timed_units import Leaning

LEAST = 1e-12
"""Of a rail in its bus's unit, as noise reads it: one that still falls may pass below nothing."""


def refuse_noise_of_loops(design: Design, field: str, value: object) -> None:
    """Refuse device noise in timed runs of a design that has loops.

    Raises
    ------
    UserError
        About `field` and `value`: a loop's layer is there, which decides at no strobe.
    """
    loops = [bank.layer for bank in design.banks if not bank.clocked]
    if loops:
        expected = (
            f"none with `timing` timed, for the loops of layer {loops[0]} have no strobe: they may "
            "flip at any time, and one draw a frame does not say how often"
        )
        raise UserError(field, value, expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrobeNoise:
    """The noise that strobes of one die read, on some sequences.

    Attributes
    ----------
    array
        The die.
    noise
        Law, gains and draws.
    rails
        The rails of a row now, (n, 1, sequence) each, of its first diodes.
    """

    array: DieArray
    noise: DecisionNoise
    rails: Callable[[int], Rails]

    def drawn(self, units: Units, leaning: Leaning, frame: int) -> Array:
        """Return the noise on a bank's candidates at a strobe (n, sequence), in their unit.

        Parameters
        ----------
        leaning
            What its comparators say.
        frame
            Number of the sequences' frame.
        """
        heard: dict[int, NodeNoise] = {}
        for step in self.array.flow.steps:
            if isinstance(step, Units):
                if step.index == units.index:
                    break
            elif self._heard(step):
                rails = self.rails(step.index)
                heard[step.index] = self.noise.node(
                    self.array, self.array.rows[step.index], rails, heard
                )
        memory = self.array.memories[units.index]
        nearest = leaning.nearest()[:, None]
        both = leaning.up[:, None], leaning.down[:, None]
        found: Array = self.noise.draw(self.array, memory, heard, nearest, both, frame)[:, 0]
        return found

    def _heard(self, row: Row) -> bool:
        circuit = self.array.rows[row.index].circuit
        return bool(circuit.rails) and bool(circuit.copied)


def noisy_rails(plus: Array, minus: Array | None) -> Rails:
    """Return rails as noise reads them: no current below nothing."""
    floor = np.maximum
    return Rails(plus=floor(plus, LEAST), minus=None if minus is None else floor(minus, LEAST))
