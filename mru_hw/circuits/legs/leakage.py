"""What a mirror's leg carries beyond its share, because transistors without gate voltage leak.

A diode's drain is its gate, so of what it leaks it needs little: with `I0` the channel's current
at V_GS = 0 and ``w = exp(V_GS / (n kT/q))``

    diode   ``I = I0 (w - w^(1 - n))``    since ``1 - exp(-q V_DS / kT) = 1 - w^-n`` at V_DS = V_GS
    leg     ``I0 w = I + I0 w^(1 - n)``   with its drain far from its source

(weak inversion: Enz and Vittoz, Charge-Based MOS Transistor Modeling, chapter 4). A leg off a
diode at rest leaks `I0`, and at a hundred times that current still a fifth of it more than its
share. Here ``w^(1 - n)`` is ``(1 + I / I0)^(1 - n)``, exact at both ends and within 0.05 of `I0`
between them for n up to 1.5.

A drain's junction, and what the gate tunnels between it and the bulk, feed the leg whatever its
gate does, `J`; a diode's own junction takes as much off its channel. So a leg carries ``max(I, J)``
of it. Channel and junction are told apart by the gate voltage: what weak inversion leaves of
`Calibration.leakage` is the junction's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import NodeView, Rail, leg_of
from mru_hw.circuits.legs.gains import node_flip
from mru_hw.technology.calibration import Calibration

NEGLIGIBLE = 0.0025
"""Of a bus's usual current: a rail that leaks less passes for tight. `generic180`'s leak 0.15 % at
27 degC, and the array takes up to 1.8 times as long with them."""
COMPARED = {"plus": "n", "minus": "p"}
"""Polarity of the copies that comparators weigh, by the candidate's rail."""
TIGHT = 1e-30
"""What the channel of a tight rail leaks: nothing, and still a divisor."""
NEXT_TO_NONE = 1e-3
"""Of what a channel leaks: no rail of a node falls so low."""
ROUNDS, LEAST_RISE = 12, 0.05
"""Of Newton's method, and of a leg's current per current of its diode, for n below 1.95."""
STEPS = 8
"""Until what a copy leaks and the voltage it leaks at agree to some per cent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What a leg as large as a rail's diode leaks, in any one unit of current.

    Attributes
    ----------
    channel
        I0: the channel's current at V_GS = 0, of all unit devices of the diode together.
    junction
        J: what flows through the drain whatever the gate does, of as many.
    slope
        Subthreshold slope factor n.
    """

    channel: float
    junction: float
    slope: float

    def copied(self, current: NDArray[Any]) -> NDArray[Any]:
        """Return the current of a leg as large as the diode, for a diode's `current` >= 0."""
        if self.channel == TIGHT:
            return current
        found: NDArray[Any] = leg_current(current, self.channel, self.junction, self.slope)
        return found

    def carried(self, copied: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the current of the diode at which a leg as large carries `copied`.

        The inverse of `copied`, in the same unit. A leg never carries less than ``I0 + J``, its
        own leakage; for `copied` down to there the answer is 0.1 % of I0 instead of zero.
        """
        if self.channel == TIGHT:
            return copied
        # Newton's method from above, where a leg's current is convex and rises.
        current = copied
        for _ in range(ROUNDS):
            over = np.maximum(current - self.junction, 0) / self.channel
            rises = 1 - (self.slope - 1) * (1 + over) ** -self.slope
            current = current - (self.copied(current) - copied) / np.maximum(rises, LEAST_RISE)
        least = NEXT_TO_NONE * self.channel
        return np.where(copied > self.channel + self.junction, np.maximum(current, least), least)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusLeak:
    """How a bus's rails leak, in the bus's unit; both are empty where leakage is negligible.

    Attributes
    ----------
    legs
        By rail, the leak of a leg with half the supply across it. Of a rail behind a flip it is
        divided by the flip's gain, since the gain of a leg's whole path multiplies it later
        (`mru_hw.circuits.legs.gains.path_gains`).
    least
        By sign, the least current that the flip of its direct rail can carry. At low current the
        flip's diode needs next to no voltage, so nearly the whole supply lies across the flip's
        leg, and that leaks most.
    """

    legs: dict[Rail, Leak]
    least: dict[str, float]

    def direct(self, sign: str) -> Rail:
        """Return the rail of a sign that hangs on the node itself: the other one copies it."""
        return next(rail for rail in self.legs if rail[0] == sign)

    def copied(self, sign: str, current: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the currents of legs on a sign's two rails, leakage included.

        Parameters
        ----------
        sign
            ``plus`` or ``minus``.
        current
            Of the direct rail's diode, at least 0, in the bus's unit.

        Returns
        -------
        direct, flipped
            Of a leg as large as the diode on the direct rail, and on the one behind the flip.
        """
        first, second = (leak for (s, _), leak in self.legs.items() if s == sign)
        direct = first.copied(current)
        return direct, second.copied(self.passed(sign, direct))

    def passed(self, sign: str, direct: NDArray[Any]) -> NDArray[Any]:
        """Return what flows into the other rail's diode, from what legs copy of the direct one."""
        least: NDArray[Any] = np.maximum(direct, self.least[sign])
        return least


def leg_current(current: Any, channel: Any, junction: Any, slope: Any) -> Any:
    """Return what a leg as large as a diode carries with `current`, at least 0, in the diode.

    Plain arithmetic, as in `mru_hw.circuits.nodes.laws`.

    Parameters
    ----------
    channel, junction, slope
        As those of `Leak`, scalars or broadcast against `current`.
    """
    over = np.maximum(current - junction, 0) / channel
    return np.exp(np.log(over + 1) * (1 - slope)) * channel + np.maximum(current, junction)


def branch_supply(
    diode: Any, direct: Any, excess: Any, least: Any, own: Any, flip: Any, legs: Any, behind: Any
) -> Any:
    """Return what a sign's branches of a node take from the supply, each by what it carries.

    The node's own diode carries its current, and all else what a leg copies of it. Plain
    arithmetic, as in `mru_hw.circuits.nodes.laws`.

    Parameters
    ----------
    diode
        Current of the sign's own diode.
    direct
        Of a leg as large as that diode, leakage included.
    excess
        By how much a leg on the rail behind the flip exceeds `direct`.
    least
        The least current that the flip can carry.
    own, flip, legs, behind
        What the supply gives per unit of the diode (1 of a PMOS, else 0), of the flip, of the legs
        on the direct rail and of those behind the flip.
    """
    passed = np.maximum(direct, least)
    return diode * own + passed * flip + direct * legs + (direct + excess) * behind


def off_current(calibration: Calibration, polarity: str, units: float) -> float:
    """Return the current [A] of a diode's channel at 0 V, were it saturated."""
    m = calibration.n if polarity == "n" else calibration.p
    return (
        units
        * calibration.i_usual
        * math.exp(-m.v_gate / calibration.thermal(polarity, calibration.temperature))
    )


def device_leak(calibration: Calibration, polarity: str, v_ds: float) -> tuple[float, float]:
    """Return what the channel and the junction of a unit device leak [A].

    The channel's with the drain at the gate voltage where its gains are 1; they scale it with
    `v_ds` [V] as they scale any current.
    """
    known = calibration.leakage(polarity, calibration.v_gate(polarity, calibration.i_usual))
    channel = min(off_current(calibration, polarity, 1), known)
    gain = calibration.gain(polarity, v_ds, calibration.i_usual)
    return channel, max(calibration.leakage(polarity, v_ds) / gain - channel, 0.0)


def bus_leak(calibration: Calibration, bus: NodeView) -> BusLeak:
    """Return how a bus's rails leak; empty for one whose rails no leg copies, too."""
    legs: dict[Rail, Leak] = {}
    least: dict[str, float] = {}
    bound = NEGLIGIBLE * bus.usual / bus.scale
    for sign, polarity in bus.circuit.rails if bus.circuit.copied else ():
        other = "p" if polarity == "n" else "n"
        per = bus.units * bus.times(leg_of((sign, polarity))) / bus.scale
        if sign in least:
            per /= node_flip(calibration, bus, sign)
        else:
            ends = bus.i_rail((sign, other))
            least[sign] = _least(calibration, polarity, ends) * per
        legs[sign, polarity] = _legs_leak(calibration, polarity, per, bound)
    leaks = max(least.values(), default=0.0) >= bound
    leaks |= any(leak.channel > TIGHT for leak in legs.values())
    return BusLeak(legs=legs, least=least) if leaks else BusLeak(legs={}, least={})


def compared_leaks(calibration: Calibration, bus: NodeView) -> dict[str, Leak]:
    """Return what comparators' copies leak beyond the candidate's rails as rows have them.

    Rails that legs copy have what a leg leaks in them already, and a comparator's copy is a leg.
    """
    if not bus.circuit.copied:
        return candidate_leaks(calibration, bus)
    return {sign: Leak(channel=TIGHT, junction=0.0, slope=1.0) for sign in COMPARED}


def candidate_leaks(calibration: Calibration, bus: NodeView) -> dict[str, Leak]:
    """Return how the comparators' copies of a candidate's two diodes leak, by sign, in its unit."""
    bound, per = NEGLIGIBLE * bus.usual / bus.scale, bus.units / bus.scale
    return {
        sign: _legs_leak(calibration, polarity, per * bus.times(leg_of((sign, polarity))), bound)
        for sign, polarity in COMPARED.items()
    }


def _legs_leak(calibration: Calibration, polarity: str, per: float, bound: float) -> Leak:
    """Return the leak of legs, `per` of one unit device; tight where that is below `bound`."""
    slope = (calibration.n if polarity == "n" else calibration.p).slope
    known = device_leak(calibration, polarity, calibration.v_dd / 2)
    tight = sum(known) * per < bound
    channel, junction = (TIGHT, 0.0) if tight else (leak * per for leak in known)
    return Leak(channel=channel, junction=junction, slope=slope)


def _least(calibration: Calibration, polarity: str, usual: float) -> float:
    """Return the leakage [A] of one unit device of a flip's leg, without signal.

    It depends on the voltage across the leg, ``V_dd - V_GS`` of the flip's diode. Where the
    junction leaks less than `NEGLIGIBLE` of the `usual` current [A], V_GS is taken at that current;
    else the diode carries the leakage alone, and both are solved for together.
    """
    other = "p" if polarity == "n" else "n"
    left = calibration.v_dd - calibration.v_gate(other, usual)
    leaks = sum(device_leak(calibration, polarity, left))
    _, junction = device_leak(calibration, polarity, calibration.v_dd / 2)
    if junction < NEGLIGIBLE * usual:
        return leaks
    for _ in range(STEPS):
        left = calibration.v_dd - max(calibration.v_gate(other, leaks), 0.0)
        leaks = sum(device_leak(calibration, polarity, left))
    return leaks
