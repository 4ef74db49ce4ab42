"""How a network's own tensors reach the numbers of a compiled die: straight through the rounding.

A number of a `Program` is what the mapping's whole unit devices, the gains of their paths and a
die's mismatch make of a tensor. Forward it is exactly that. Backward it has the derivative of the
line that the mapping rounds: a leg's current is its weight, a bias leg's its bias, a threshold's
its beta, all in the network's own units; a unit's gain alpha counts with the output's weights, as
it does in the mapping. Scales of buses, which follow the mean size of a layer's signals, are held.

    number + line(tensors) - line(tensors that were mapped)

The two lines cancel where the very tensors were mapped. Where a mapping serves several steps of a
training, the numbers follow the tensors along the line from one rounding to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mru_hw.mapping.design import Bank, Connection, Design
from mru_hw.twin.arrays import TensorArray


class Lines:
    """What the mapping would make of tensors if nothing were rounded, in the network's own units.

    Parameters
    ----------
    design
        Of the network.
    tensors
        Of the network, by the names of the contract.
    mapped
        Those that the design was mapped from: a state's currents have its gain in there for unit.
    """

    def __init__(
        self, design: Design, tensors: Mapping[str, Tensor], mapped: Mapping[str, Tensor]
    ) -> None:
        self.design, self.tensors, self._mapped = design, tensors, mapped
        self.banks = {bank.state: bank for bank in design.banks}

    def gain(self, bank: Bank, *, mapped: bool = False) -> Tensor:
        """Return what one level is of h."""
        tensors = self._mapped if mapped else self.tensors
        return _law(bank.memory.gain, tensors[f"layers.{bank.layer}.alpha"])

    def legs(self, connection: Connection) -> Tensor:
        """Return the legs on the plus rail, (n_target, n_source); a minus rail's are the negative.

        A unit's gain is a current and has no sign: the legs on its state have the gain's.
        """
        weight = self.tensors[connection.parameter]
        if connection.source == "bias":
            return weight[:, None]
        bank = self.banks.get(connection.source)
        if bank is None:
            return weight
        return weight * (self.gain(bank) / self.gain(bank, mapped=True).abs())

    def rails(self, connection: Connection, part: int) -> Tensor:
        """Return the legs on all `part` rails of the source's nodes, (n_target, part)."""
        legs = self.legs(connection)
        if part == legs.shape[1]:
            return legs
        return torch.cat([legs, -legs if connection.both else torch.zeros_like(legs)], dim=1)

    def brought(self, connection: Connection) -> Tensor:
        """Return what legs add to the constant of each target, (n_target,)."""
        legs = self.legs(connection)
        if connection.source == "bias":
            return legs[:, 0]
        bank = self.banks[connection.source]
        return legs @ (self.gain(bank, mapped=True).abs() * bank.lowest)

    def sourced(self, connection: Connection, sign: str) -> Tensor:
        """Return what legs draw from the supply [A], (n_source,), per unit of a source's rail."""
        legs = self.legs(connection) if sign == "plus" else -self.legs(connection)
        return legs.relu().sum(0) * self.design.buses[connection.target].scale

    def edges(self, bank: Bank) -> tuple[Tensor, Tensor]:
        """Return the thresholds (n_units,); of an input-dependent one what is added to it."""
        own = f"layers.{bank.layer}."

        def unit(name: str) -> Any:
            return TensorArray(self.tensors[own + name])

        alpha = unit("alpha")
        beta: Any = abs(0 * alpha if bank.threshold else unit("beta"))
        up: Any
        down: Any
        up, down = bank.memory.edges(beta, unit)
        return up.tensor, down.tensor


class Straight:
    """The numbers of a die, with the derivatives of the lines.

    Parameters
    ----------
    design
        What was mapped.
    tensors
        Of the network, by the names of the contract.
    mapped
        Those that the design was mapped from; the same, when None.
    """

    def __init__(
        self,
        design: Design,
        tensors: Mapping[str, Tensor],
        mapped: Mapping[str, Tensor] | None = None,
    ) -> None:
        before = {name: v.detach() for name, v in (mapped or tensors).items()}
        self.now = Lines(design, tensors, before)
        self.then = Lines(design, before, before)
        # Without a skip's matrix or a rectified output's copy, which nothing learns.
        self._learned = [c for c in design.connections if c.parameter in tensors]

    def net(self, connection: Connection, net: Tensor, part: int) -> Tensor:
        """Return the matrix of a wiring, `part` columns of which multiply rails."""
        if connection not in self._learned:
            return net
        moved = self.now.rails(connection, part) - self.then.rails(connection, part)
        return torch.cat([net[:, :part] + moved, net[:, part:]], dim=1)

    def constant(self, target: str, constant: Tensor) -> Tensor:
        """Return what does not move of a bus's inflow, (n, 1, 1).

        The bias legs bring it, and take off what a unit's output has beyond h.
        """
        for connection in (c for c in self._learned if c.target == target):
            bank = self.now.banks.get(connection.source)
            if connection.source == "bias" or (bank is not None and bank.lowest):
                moved = self.now.brought(connection) - self.then.brought(connection)
                constant = constant + moved[:, None, None]
        return constant

    def supply(self, source: str, sign: str, supply: Tensor) -> Tensor:
        """Return the supply current [A] per unit of a bus's rail, with what its legs source."""
        for connection in (c for c in self._learned if c.source == source):
            if sign == "plus" or connection.both:
                moved = self.now.sourced(connection, sign) - self.then.sourced(connection, sign)
                supply = supply + moved
        return supply

    def edges(self, bank: Bank, up: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
        """Return the thresholds of a bank's units, which broadcast against (n, time, sequence)."""
        lines = zip((up, down), self.now.edges(bank), self.then.edges(bank), strict=True)
        up, down = (edge + (now - then)[:, None, None] for edge, now, then in lines)
        return up, down


def _law(law: Any, tensor: Tensor) -> Tensor:
    """Run a law that is written for arrays."""
    found: TensorArray = law(TensorArray(tensor))
    return found.tensor
