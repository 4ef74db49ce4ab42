"""The behavioral array of one die: its rows of nodes and its banks, and their laws on arrays.

Everything is in the network's own units (a current over its bus's scale) but supply
coefficients, which are in amperes per such unit. The numbers are one die's of a `Program`
(`mru_hw.simulate.program`), of which the arrays here are views.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mru_hw.circuits.cell.law import Bits, whole
from mru_hw.circuits.legs.leakage import Leak
from mru_hw.circuits.window.law import meeting_rail
from mru_hw.mapping.design import Bank, Design
from mru_hw.mapping.flow import Flow, Units
from mru_hw.mapping.realised import net_threshold
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.rows import Node, Rails, Wiring, apply, product

__all__ = ["DieArray", "Memory", "Node", "Rails", "Wiring", "apply", "product"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A bank on a die, in units of its candidate (thresholds) and its state (levels).

    Attributes
    ----------
    up, down
        (n, 1, 1) current at which a unit steps up, and at which it steps down. Of a ladder that is
        the current of the candidate's plus rail and of its minus rail, of which a comparator
        reads copies; of a loop the candidate at its rising and at its falling edge.
    up_nominal
        `up` without mismatch.
    i_q
        (n, 1, 1) quiescent current of a ladder's signed candidate; None where rails do not count.
    leaks
        By sign of the candidate's rail, by how much a comparator's copy exceeds its share; empty
        for loops.
    level
        (n, n_cells + 1) current into the state node with 0, 1, … n_cells cells set.
    held
        (n, n_cells + 1) supply current [A] of all cells of a unit, by the same number.
    output, level_gains, drawn
        (n, n_cells), (n, n_cells + 1) and (n, n_cells): what `level` and `held` are made of, as of
        `UnitLaw`.
    c_step
        (n_units,) capacitance that a step charges from the supply [F].
    c_still, c_clock
        What a strobe charges whether or not units step [F]: in all units, and in their lines and
        driver; nothing of loops.
    biased
        Current of a bias leg in the cells over its share of the bias rail: 1 but for leakage.
        `level` and `held` contain it.
    up_copy, down_copy, up_leg, down_leg
        (n, 1, 1) the two currents in series in each comparator, whose smaller one the supply gives:
        the copy per unit of the candidate's rail, and the leg in candidate units (`UnitLaw`).
    copies
        By role, (n, 1, 1): the current at a window comparator's node, in candidate units, per unit
        of the rail that the copy reads; empty where bias legs set the thresholds.
    """

    units: Units
    up: Floats
    down: Floats
    up_nominal: Floats
    i_q: Floats | None
    leaks: Mapping[str, Leak]
    level: Floats
    held: Floats
    output: Floats
    level_gains: Floats
    drawn: Floats
    c_step: Floats
    c_still: float
    c_clock: float
    biased: float
    up_copy: Floats
    down_copy: Floats
    up_leg: Floats
    down_leg: Floats
    copies: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def bank(self) -> Bank:
        """What was placed."""
        return self.units.bank

    def currents(self, cells: Bits) -> tuple[Floats, Floats]:
        """Return what units feed into the state's nodes, and their cells' supply [A].

        Parameters
        ----------
        cells
            Set cells, (n_cells, n_units, ...); both results are (n_units, ...).
        """
        count = cells.sum(axis=0, dtype=np.intp)
        each = (np.arange(len(count)) * (len(cells) + 1)).reshape(-1, *(1,) * (count.ndim - 1))
        at = count + each
        if whole(cells):
            return self.level.ravel().take(at), self.held.ravel().take(at)
        fed, drawn = (np.einsum("ku...,uk->u...", cells, one) for one in (self.output, self.drawn))
        return fed * self.level_gains.ravel().take(at), drawn

    def window(self, side: str, carried: Rails) -> Floats:
        """Return what a window comparator weighs against ``"up"`` or ``"down"`` candidates.

        Parameters
        ----------
        carried
            Rails of the threshold's node, (n, time, sequence), in its units.
        """
        weighed: Floats = carried.plus * self.copies[f"{side}_plus"]
        if carried.minus is not None:
            weighed = weighed + carried.minus * self.copies[f"{side}_minus"]
        return weighed

    def against(self, candidate: Rails, carried: tuple[Rails, Rails]) -> tuple[Floats, Floats]:
        """Return what a window comparator weighs each of the candidate's rails against.

        Parameters
        ----------
        candidate
            Rails of the candidate.
        carried
            Those of the threshold's node, as PMOS and as NMOS legs copy them.

        Returns
        -------
        up, down
            (n, time, sequence); nothing weighs a minus rail that is not there.
        """
        up = self.window("up", carried[0])
        if candidate.minus is None:
            return up, np.zeros_like(up)
        up = up + candidate.minus * self.copies["up_opposite"]
        down = self.window("down", carried[1]) + candidate.plus * self.copies["down_opposite"]
        return up, down

    def compared(self, candidate: Rails, against: tuple[Floats, Floats] | None) -> Floats:
        """Return the supply current of the comparators, (time, sequence), in candidate units.

        Two current sources in series carry the smaller current.

        Parameters
        ----------
        against
            Of window comparators, `against`.
        """
        up_leg, down_leg = self.up_leg, self.down_leg
        if against is not None:
            up_leg, down_leg = up_leg * against[0], down_leg * against[1]
        plus = self.leaks["plus"].copied(candidate.plus)
        total: Floats = np.minimum(plus * self.up_copy, up_leg).sum(axis=0)
        if candidate.minus is not None:
            minus = self.leaks["minus"].copied(candidate.minus)
            total += np.minimum(minus * self.down_copy, down_leg).sum(axis=0)
        return total

    def thresholds(self, carried: Rails | None = None) -> tuple[Floats, Floats]:
        """Return the candidate at which a unit steps up and the magnitude at which it steps down.

        Parameters
        ----------
        carried
            Input-dependent threshold: the rails of its node, (n, time, sequence), in its units. A
            loop weighs their sum, and the mirror errors of the placed legs stand for those of the
            copies.
        """
        up, down = self.up, self.down
        if carried is not None and self.copies:
            return self._window_thresholds(carried)
        if carried is not None:
            total = carried.plus if carried.minus is None else carried.plus + carried.minus
            down, up = total * (up / self.up_nominal), up - down
            up = down + up
        if self.i_q is not None:
            up, down = net_threshold(up, self.i_q), net_threshold(down, self.i_q)
        return up, down

    def _window_thresholds(self, carried: Rails) -> tuple[Floats, Floats]:
        """Where the candidate's own rail meets the threshold and a copy of its other rail."""
        up = self.window("up", carried)
        if self.i_q is None:
            return up, np.full_like(up, np.inf)
        found = []
        for side, weighed in (("up", up), ("down", self.window("down", carried))):
            rail = meeting_rail(weighed, self.copies[f"{side}_opposite"], self.i_q)
            found.append(net_threshold(rail, self.i_q))
        return found[0], found[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class DieArray:
    """All of a die that the behavioral level needs.

    Attributes
    ----------
    flow
        What feeds what.
    rows, memories
        Rows of nodes and banks, by number.
    bias_supply, clock_supply
        Supply current [A] of the bias tree and of the strobe drivers.
    """

    flow: Flow
    rows: tuple[Node, ...]
    memories: tuple[Memory, ...]
    bias_supply: float
    clock_supply: float

    @property
    def design(self) -> Design:
        """What it is of."""
        return self.flow.design

    @property
    def nodes(self) -> dict[str, Node]:
        """Rows by the names that the Design gives them."""
        return {node.row.bus.name: node for node in self.rows}

    def arrive(self, name: str, rails: Mapping[str, Rails]) -> tuple[Floats, Rails]:
        """Return what flows into a bus from the rails of its sources, and its own rails.

        For a look at one bus by itself; names are the Design's.
        """
        number: dict[str, int] = {row.bus.name: row.index for row in self.flow.rows}
        return self.nodes[name].receive({number[n]: of for n, of in rails.items() if n in number})
