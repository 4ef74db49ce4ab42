"""Noise of decisions: how far device noise moves a candidate, at a strobe or in a loop.

What counts is every device between the inputs and a decision (`mru_hw.simulate.noise_walk` walks
the nodes). A unit decides where its candidate c meets its threshold T, so its noise is referred to
c, and is a sum of three draws, each of them standard normal (`mru_hw.variation.noise`):

    noise_i = a_i z_i + sum_j g_ij b_j z_j + (T_i -+ bias legs) r z

z_i is the unit's own: legs into its candidate, the flips that they read, its candidate's diode, the
comparator's copy and threshold. z_j is that of the node j that it reads, common to all units that
read it, and z that of the bias rail, common to all. Each amplitude comes twice, *fresh*, with a
draw a frame, and *held*, with a draw a sequence:

    fresh^2 = white B E + flicker fast Q,   held^2 = flicker slow Q

with the walk's white E and flicker Q variances. B is the noise bandwidth of the comparator's node,
shortened by the poles of the nodes before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.cells.flicker import relative_flicker
from mru_hw.cells.settling import bank_load, bus_loads, device_capacitance
from mru_hw.circuits.base import Line
from mru_hw.circuits.legs.gains import node_thermal
from mru_hw.mapping.design import Bank, Design
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.array import DieArray, Memory, Node, Rails
from mru_hw.simulate.noise_draw import OF_BIAS, OF_NODES, OF_UNIT, Part, Places
from mru_hw.simulate.noise_laws import meeting, own_devices, sigma
from mru_hw.simulate.noise_walk import (
    FLIP,
    Gains,
    NodeNoise,
    Noise,
    arriving_at,
    bias_device,
    bias_legs,
    node_noise,
    own_counts,
    wide,
)
from mru_hw.technology.calibration import CHARGE, Calibration
from mru_hw.variation import NoiseKey

LOW_CORNER = 1e-3  # Hz, below which flicker noise counts as a fixed offset
BIAS_DEVICES = 3  # the reference's diode, and the flip that PMOS legs read


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseLaw:
    """Constants of the noise of a run.

    Attributes
    ----------
    white
        White noise of a device over its current: 2 q [A s] times the larger of 1 and what the
        technology's cards have over it, NMOS and PMOS half each. 2 q I is Nyquist's theorem carried
        to weak inversion, forward saturation (Enz and Vittoz, Charge-Based MOS Transistor Modeling,
        chapter 6).
    bandwidth
        Per layer (n_units, 1, 1), of the comparator's node [Hz]: ``g / 4 C`` of a single pole, with
        the output conductance of its legs at the threshold and the capacitance of
        `decision_capacitance`.
    flicker
        Relative variance of one unit device's current per factor e of bandwidth
        (`relative_flicker`).
    slow, fast
        ln of the bands below and above one per frame that the two draws stand for, from
        `LOW_CORNER` on; the second per layer, as `bandwidth`.
    corners
        Per bus (n, 1, 1), the current [A] at which the poles of its nodes lie at the slowest
        comparator's.
    bias
        Variances of the bias rail's current over its square, without their constants: white [1/A]
        through its poles, flicker [1].
    scale
        Factor on sigma.
    """

    white: float
    bandwidth: tuple[Floats, ...]
    flicker: float
    slow: float
    fast: tuple[Floats, ...]
    corners: Mapping[str, Floats]
    bias: tuple[float, float]
    scale: float

    @classmethod
    def of(
        cls, design: Design, calibration: Calibration, temperature: float, scale: float
    ) -> NoiseLaw:
        """Return the law of a design at its thresholds."""
        slopes = calibration.n.conductance + calibration.p.conductance
        charges = node_charges(design, calibration, temperature)
        bandwidths = [
            slopes
            * _usual_threshold(design, bank)
            / (4 * decision_capacitance(design, calibration, bank))
            for bank in design.banks
        ]
        slowest = max(float(1 / (4 * b.min())) for b in bandwidths)
        cards = design.technology.noise
        edge = max(1 / design.timing.frame, LOW_CORNER)
        bias = design.buses["bias"]
        charge = bias_charge(design, calibration, temperature)
        return cls(
            white=CHARGE * (cards.white_n + cards.white_p),
            bandwidth=tuple(b[:, None, None] for b in bandwidths),
            flicker=relative_flicker(design.technology, calibration, temperature),
            slow=float(np.log(edge / LOW_CORNER)),
            fast=tuple(np.log(np.maximum(b / edge, 1.0))[:, None, None] for b in bandwidths),
            corners={name: (c / slowest)[:, None, None] for name, c in charges.items()},
            bias=(BIAS_DEVICES / (bias.scale + charge / slowest), BIAS_DEVICES / wide(bias)),
            scale=scale,
        )

    def fresh(self, layer: int, noise: Noise) -> Floats:
        """Return the sigma [A] of a draw a frame, of the layer's units."""
        return self._sigma(noise, self.bandwidth[layer], self.fast[layer])

    def fresh_node(self, layer: int, noise: Noise) -> Floats:
        """Return the sigma [A] of a draw a frame of nodes that a layer's units share."""
        return self._sigma(noise, self.bandwidth[layer].max(), self.fast[layer].max())

    def _sigma(self, noise: Noise, bandwidth: Floats, band: Floats) -> Floats:
        found: Floats = sigma(
            noise.white, noise.flicker, self.white * bandwidth, self.flicker * band
        )
        return found

    def held(self, noise: Noise) -> Floats:
        """Return the sigma [A] of a draw a sequence."""
        found: Floats = np.sqrt(noise.flicker * (self.flicker * self.slow))
        return found


def decision_capacitance(design: Design, calibration: Calibration, bank: Bank) -> Floats:
    """Return the capacitance [F] (n_units,) of the nodes at which a bank's units decide.

    The mean of both comparators', or a loop's own node. The legs on it pull their gates' rails
    along by their overlap, and carry that back as current: below the rails' poles it counts twice.
    """
    load = bank_load(design, calibration, bank)
    nets = ["loop"]
    if bank.clocked:
        nets = ["up", "down"] if design.buses[bank.candidate].circuit.splits else ["up"]
    farads = np.zeros(bank.n_units)
    for net in nets:
        farads += load[net]
    cards, devices = design.technology.noise, design.technology.devices
    for group, part in design.bank_groups(bank):
        if any(net in nets for net in part.drains):
            device = devices[group.device]
            overlap = cards.overlap_n if device.polarity == "n" else cards.overlap_p
            units = group.units.sum(axis=1) if group.units.ndim > 1 else group.units
            farads += overlap * device.w * units
    farads /= len(nets)
    return farads


def _usual_threshold(design: Design, bank: Bank) -> Floats:
    """Return the current [A] (n_units,) at which a bank's units usually decide."""
    if bank.threshold is not None:
        return np.full(bank.n_units, design.buses[bank.threshold].usual)
    current: Floats = np.maximum(bank.up_units, 1) * design.i_lsb
    return current


def node_charges(design: Design, calibration: Calibration, temperature: float) -> dict[str, Floats]:
    """Return by bus the charge [C] (n,) that moves its current by a factor e.

    Over a current it is a node's time constant: of the net that legs drive and of its diode's, the
    faster of two signs'.
    """
    found = {}
    for name, load in bus_loads(design, calibration).items():
        bus = design.buses[name]
        found[name] = node_thermal(calibration, bus, temperature) * load.node
        signs = [
            calibration.thermal(polarity, temperature) * load.rails[sign, polarity]
            for sign, polarity in load.rails
            if bus.circuit.direct(sign) == polarity
        ]
        if signs:
            found[name] = found[name] + np.minimum.reduce(signs)
    return found


def bias_charge(design: Design, calibration: Calibration, temperature: float) -> float:
    """Return the charge [C] that moves the bias rails by a factor e, from their gates."""
    unit = device_capacitance(design.technology, calibration)
    farads = {"n": 0.0, "p": 0.0}
    lines = {
        (bus.name, part.name)
        for bus in design.buses.values()
        for part in bus.circuit.roles
        if part.line is Line.RAIL
    }
    lines |= {
        (bank.name, part.name)
        for bank in design.banks
        for part in bank.circuit.roles
        if part.line is Line.RAIL
    }
    biases = {c.parameter for c in design.connections if c.source == "bias"}
    for group in design.device_groups():
        owner, _ = group.key
        if group.key in lines or owner in biases:
            polarity = design.technology.devices[group.device].polarity
            farads[polarity] += unit[group.device][0] * float(group.units.sum())
    return sum(c * calibration.thermal(polarity, temperature) for polarity, c in farads.items())


def noise_gains(array: DieArray) -> tuple[tuple[Gains, ...], ...]:
    """Return by row of nodes, and by its wirings, what each makes of noise."""
    rows = array.rows
    return tuple(
        tuple(Gains.of(wiring, rows[wiring.source], node) for wiring in node.wirings)
        for node in rows
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionNoise:
    """The noise of one die's decisions on some sequences.

    Attributes
    ----------
    law
        Constants.
    gains
        Of the die (`noise_gains`).
    key
        Of its draws.
    sequences
        Indices of the sequences in their file.
    lazy
        Whether to draw only where a draw can change what a unit does; elsewhere the noise is 0.
        States and decisions have the same bits either way.
    """

    law: NoiseLaw
    gains: tuple[tuple[Gains, ...], ...]
    key: NoiseKey
    sequences: NDArray[np.int64]
    lazy: bool

    def node(
        self, array: DieArray, node: Node, rails: Rails, heard: Mapping[int, NodeNoise]
    ) -> NodeNoise:
        """Return the noise of a row's nodes from that of the nodes before it.

        Parameters
        ----------
        rails
            Their rails at the last version of the frame.
        heard
            By row, the noise of its sources.
        """
        bus, gains = node.row.bus, self.gains[node.row.index]
        arriving = None
        if gains:
            arriving = arriving_at(node, gains, heard, bias_device(array.design))
        elif rails.minus is None:
            # Output legs of cells: m units of the bias rail carry m i_lsb.
            current = rails.plus * bus.scale
            arriving = Noise(white=current, flicker=current * bias_device(array.design))
        return node_noise(bus, rails, arriving, self.law.corners[bus.name])

    def parts(
        self,
        array: DieArray,
        memory: Memory,
        heard: Mapping[int, NodeNoise],
        c: Floats,
        thresholds: tuple[Floats, Floats],
    ) -> list[Part]:
        """Return what a bank's noise [A] is made of: its units' own part first.

        Parameters
        ----------
        heard
            By row, the noise of the nodes that candidates read; and that of the thresholds' nodes,
            if there are any.
        c
            The candidates (unit, time, sequence), in their unit: they say which threshold is near.
        thresholds
            At which a unit steps up, and down (`Memory.thresholds`).
        """
        bank, law, node = memory.bank, self.law, array.rows[memory.units.candidate]
        gains, scale = self.gains[node.row.index], node.row.bus.scale
        up, down = thresholds
        own, meets = self._own(array, memory, heard, up * scale), up
        if bank.clocked:
            rises, falls = c >= 0, np.where(np.isfinite(down), down, up)
            other = self._own(array, memory, heard, falls * scale)
            own = Noise(
                white=np.where(rises, own.white, other.white),
                flicker=np.where(rises, own.flicker, other.flicker),
            )
            meets = np.where(rises, up, -falls)
        for path in gains:
            own = own + path.unshared(heard[path.source])
        own = own + bias_legs(node, bias_device(array.design))
        white, flicker = (np.full((1, 1, 1), value, c.dtype) for value in law.bias)
        rail = Noise(white=white, flicker=flicker)
        found = [
            Part(kind=OF_UNIT, path=None, fresh=law.fresh(bank.layer, own), held=law.held(own)),
            Part(
                kind=OF_BIAS,
                path=((meets - node.constant) * scale)[:, None],
                fresh=law.fresh_node(bank.layer, rail),
                held=law.held(rail),
            ),
        ]
        first = 0
        for path in gains:
            shared = path.read(heard[path.source])
            fresh, held = law.fresh_node(bank.layer, shared), law.held(shared)
            move = path.path[:, :, None, None]
            found.append(Part(kind=OF_NODES, first=first, path=move, fresh=fresh, held=held))
            first += len(fresh)
        return found

    def draw(
        self,
        array: DieArray,
        memory: Memory,
        heard: Mapping[int, NodeNoise],
        c: Floats,
        thresholds: tuple[Floats, Floats],
        start: int,
    ) -> Floats:
        """Return the noise on a bank's candidates (unit, time, sequence), in their unit.

        Parameters
        ----------
        heard, c, thresholds
            As of `parts`.
        start
            The sequences' frame with which the candidates begin.
        """
        parts = self.parts(array, memory, heard, c, thresholds)
        unit = c.dtype.type(self.law.scale / array.rows[memory.units.candidate].row.bus.scale)
        near = np.ones(c.shape[1:], dtype=np.bool_)
        if self.lazy:
            up, down = thresholds
            edge = -down if memory.bank.clocked else down
            gap = np.minimum(np.abs(c - up), np.abs(c - edge))
            near = (gap <= sum(part.most() for part in parts) * unit).any(axis=0)
        frames, columns = np.nonzero(near[:, : len(self.sequences)])
        places = Places(
            key=self.key,
            layer=memory.bank.layer,
            sequences=self.sequences,
            start=start,
            shape=c.shape[1:],
            frames=frames,
            columns=columns,
        )
        noise = np.zeros_like(c)
        noise[:, frames, columns] = places.total(parts, c.dtype) * unit
        return noise

    def _own(
        self, array: DieArray, memory: Memory, heard: Mapping[int, NodeNoise], threshold: Floats
    ) -> Noise:
        """Return the noise of a unit's own devices where it meets a threshold [A].

        Its candidate's diode (and flip, where the comparator reads it), the comparator's copy and
        what sets the threshold, referred to the candidate; a signed candidate's splitters too.
        """
        bank, bus = memory.bank, array.rows[memory.units.candidate].row.bus
        steps: Floats
        if memory.i_q is None:
            rail, steps = np.maximum(threshold, 0), np.ones_like(threshold)
            root, rest = steps, threshold * 0
        else:
            rest = memory.i_q * bus.scale
            rail, root, steps = meeting(threshold, rest)
        devices, legs = own_counts(bank, bus)
        white, flicker = own_devices(
            rail, root, rest, devices, legs, wide(bus), bias_device(array.design)
        )
        own = Noise(white=white, flicker=flicker)
        if bank.window is not None and memory.units.threshold is not None:
            node = heard[memory.units.threshold]
            read = array.rows[memory.units.threshold].row.bus
            gain = memory.copies["up_plus"] * (bus.scale / read.scale)
            own = own + (node.legs * (gain + FLIP * gain**2) + node.shared * gain**2)
        return own * steps
