"""Device noise on its way from the inputs to a candidate, node after node.

Each device adds white current noise ``2 q I`` and flicker ``I^2 / m`` (m unit devices), both
counted here without their constants: a *white* variance in amperes, a *flicker* variance in amperes
squared. `mru_hw.simulate.decision_noise` has the constants. With rail currents p and m of node j
(amperes), s = p + m and t = p^2 + m^2, n unit devices a diode, and g_ij the gain of a path from
node j to node i:

    arriving at node i        E_i = sum_j (|g_ij| + 2 g_ij^2 [legs read flips]) s_j + g_ij^2 D_j
    inside node j, shared     D_j = f_j E_j + s_j,   f_j = s_j / (s_j + k_j)

The three terms are the legs themselves, the two devices of the flip that they read (one where the
leg's polarity is not the diode's), and what all legs of node j share: what arrived there, through
its pole, and its diodes. The same with t / n in place of s, and f = 1, is the flicker variance. The
splitters of a signed node move both its rails alike, which legs of one weight take off each other.
k_j is the current at which the node's pole lies at the comparator's: a node at rest is slow.
Matrices are nonnegative, so E is no more than its row sums times the largest s and D of a frame: a
bound without a product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import leg_of
from mru_hw.mapping.design import Bank, Bus, Design
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.array import Node, Rails, Wiring, apply
from mru_hw.simulate.noise_laws import passed

FLIP = 2  # devices: the copy, and the diode that it feeds
LOOP_DEVICES = 3  # width leg and feedback pair of a loop that is high


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Variances (n, time, sequence) without their constants.

    Attributes
    ----------
    white, flicker
        [A], [A^2].
    """

    white: Floats
    flicker: Floats

    def __add__(self, other: Noise) -> Noise:
        return Noise(white=self.white + other.white, flicker=self.flicker + other.flicker)

    def __mul__(self, factor: Floats) -> Noise:
        return Noise(white=self.white * factor, flicker=self.flicker * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNoise:
    """Noise of a bus's n nodes, each (n, time, sequence).

    Attributes
    ----------
    legs
        Of a leg as large as a diode: s and t / n.
    shared
        D: of the current of a node, as all its legs copy it.
    share
        What of it a leg on the plus rail alone reads, p / s; None where there is no minus rail.
    """

    legs: Noise
    shared: Noise
    share: Floats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """What a wiring makes of its source's noise.

    Attributes
    ----------
    source
        Number of the row that it copies.
    path
        (n_target, n_source) g at the usual current, in amperes a ampere, with its sign.
    legs
        ``|g| + 2 g^2`` where legs read flips, nonnegative.
    one_rail
        Whether legs read the plus rail alone of nodes that have two.
    """

    source: int
    path: Floats
    legs: Floats
    one_rail: bool

    @classmethod
    def of(cls, wiring: Wiring, source: Node, target: Node) -> Gains:
        """Return the gains of all legs from a row to another on one die."""
        rest = None if source.i_q is None else source.i_q[:, 0, 0]
        return cls.paths(wiring.source, wiring.sourced, wiring.net, source, target.row.bus, rest)

    @classmethod
    def paths(
        cls,
        number: int,
        sourced: NDArray[np.bool_],
        net: Floats,
        source: Node,
        target: Bus,
        rest: Floats | None,
    ) -> Gains:
        """Return the gains of one or more dies, whose arrays then have a leading axis of dies.

        Parameters
        ----------
        number, source, target
            Of the row that legs copy; its nodes, of any die; the bus that they drive.
        sourced, net
            As of `Wiring`.
        rest
            Quiescent currents (…, n_source) of the source's splitters, where it has some.
        """
        circuit, bus, n = source.circuit, source.row.bus, source.row.bus.size
        plus, minus = net[..., :n], net[..., n : n * len(circuit.signs)]
        both = bool(minus.any())
        if rest is not None:
            # From the gain at rest to that at the usual current.
            rise = np.log(source.usual / rest)[..., None, :]
            plus = plus + net[..., 2 * n : 3 * n] * rise
            minus = minus - net[..., 3 * n : 4 * n] * rise
        path: Floats = ((plus - minus) / 2 if both else plus) * (target.scale / bus.scale)
        # A weight's legs on two rails are of either polarity: both read flips, or none.
        sunk, other = (circuit.flipped(leg_of(("plus", polarity))) for polarity in ("n", "p"))
        flipped = np.where(sourced[:, :n], other, sunk)
        legs = np.abs(path) + FLIP * flipped * path**2
        one_rail = minus.size > 0 and not both
        return cls(source=number, path=path, legs=legs, one_rail=one_rail)

    def arriving(self, noise: NodeNoise) -> Noise:
        """Return what all legs bring, as a variance."""
        legs, shared = self.legs_read(noise), self.read(noise)
        weights = np.hstack([self.legs, self.path**2])
        return Noise(
            white=apply(weights, np.concatenate([legs.white, shared.white])),
            flicker=apply(weights, np.concatenate([legs.flicker, shared.flicker])),
        )

    def unshared(self, noise: NodeNoise) -> Noise:
        """Return what legs bring by themselves and their flips, as a variance."""
        legs = self.legs_read(noise)
        return Noise(white=apply(self.legs, legs.white), flicker=apply(self.legs, legs.flicker))

    def read(self, noise: NodeNoise) -> Noise:
        """Return what legs read of what they share, (n_source, time, sequence)."""
        if not self.one_rail or noise.share is None:
            return noise.shared
        return noise.shared * noise.share**2

    def legs_read(self, noise: NodeNoise) -> Noise:
        """Return the noise of legs as large as the diodes."""
        if not self.one_rail or noise.share is None:
            return noise.legs
        share = noise.share
        return Noise(white=noise.legs.white * share, flicker=noise.legs.flicker * share**2)


def node_noise(bus: Bus, rails: Rails, arriving: Noise | None, corner: Floats) -> NodeNoise:
    """Return the noise of a bus's nodes.

    Parameters
    ----------
    rails
        Their rails, (n, time, sequence).
    arriving
        What its legs bring; None at the inputs, whose sources are ideal.
    corner
        k (n, 1, 1) [A].
    """
    plus = rails.plus * bus.scale
    total, squares = plus, plus * plus
    if rails.minus is not None:
        minus = rails.minus * bus.scale
        total, squares = plus + minus, squares + minus * minus
    legs = Noise(white=total, flicker=squares / wide(bus))
    share = None if rails.minus is None else plus / total
    if arriving is None:
        return NodeNoise(legs=legs, shared=legs, share=share)
    # A diode that is off passes nothing.
    through = Noise(
        white=arriving.white * passed(total, corner), flicker=arriving.flicker * (total > 0)
    )
    return NodeNoise(legs=legs, shared=through + legs, share=share)


def wide(bus: Bus) -> int:
    """Return the unit devices of a bus's diodes, as wide as those of its noisiest rail."""
    return bus.units * bus.narrowest


def own_counts(bank: Bank, bus: Bus) -> tuple[int, int]:
    """Return how many devices of a unit carry its candidate's rail, and how many bias legs do."""
    copies = [part for part in bank.circuit.roles if part.reads and not part.of_threshold]
    devices = 2 + FLIP * bus.circuit.flipped(copies[0].reads)
    if bank.window is not None:
        return devices, 0
    return devices, 1 if bank.clocked else 1 + LOOP_DEVICES


def bias_device(design: Design) -> float:
    """Return the usual current [A] of the bias rail's devices, as wide as its noisiest ones."""
    return design.i_lsb / design.buses["bias"].narrowest


def bias_legs(node: Node, device: float) -> Noise:
    """Return the noise (n, 1, 1) of bias legs into a row's nodes; each device carries `device`."""
    current = np.abs(node.constant) * node.row.bus.scale
    return Noise(white=current, flicker=current * device)


def arriving_at(
    node: Node, gains: Sequence[Gains], heard: Mapping[int, NodeNoise], device: float
) -> Noise:
    """Return what arrives at a row's nodes from their bias legs and from the rows before."""
    total = bias_legs(node, device)
    for path in gains:
        total = total + path.arriving(heard[path.source])
    return total
