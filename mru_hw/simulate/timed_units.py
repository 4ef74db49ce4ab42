"""Memory units that move: comparators that slew until the strobe, loops that slew at all times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.cells.base import Array, Devices
from mru_hw.circuits.cell.law import Bits, step_cells
from mru_hw.circuits.ladder.moving import comparator_step
from mru_hw.circuits.legs.gains import flip_gain, node_flip
from mru_hw.circuits.legs.leakage import off_current
from mru_hw.circuits.loop.edges import STEP, follower, loop_legs
from mru_hw.circuits.loop.law import loop_currents
from mru_hw.circuits.nodes.moving import diode_step
from mru_hw.circuits.window.law import meeting_rail
from mru_hw.mapping.design import Bank
from mru_hw.mapping.realised import net_threshold
from mru_hw.simulate.array import Memory, Rails
from mru_hw.simulate.memory import NOTHING, initial_cells
from mru_hw.technology.calibration import Calibration
from mru_hw.variation.stuck import Stuck, kept

ON_MARGIN = 0.1
"""A loop's bit is set from so far above a unit device's gate voltage on [V]: between its folds."""
INNER = 2
"""Steps of a loop's node within one of the network: its feedback is fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaning:
    """What comparators say at a moment, in candidate units, (n, sequence) or what broadcasts.

    Attributes
    ----------
    up, down
        Thresholds: a unit steps up from `up` on, and down from -`down` on.
    rising, falling
        The candidate at which the comparator of steps up, and that of steps down, would rest at
        the voltage that it has; one at a rail rests there under all beyond, and the candidate
        itself counts if it is one of them.
    """

    up: Array
    down: Array
    rising: Array
    falling: Array

    def nearest(self) -> Array:
        """Return what is said by the comparator that is nearer to its threshold."""
        nearer = np.abs(self.rising - self.up) <= np.abs(self.falling + self.down)
        found: Array = np.where(nearer, self.rising, self.falling)
        return found


class MovingLadder:
    """A layer of clocked units on one die, (n, sequence) each; `cells` are (cell, n, sequence)."""

    def __init__(
        self,
        memory: Memory,
        load: Mapping[str, Array],
        calibration: Calibration,
        scale: float,
        width: int,
        stuck: Mapping[int, Stuck] = NOTHING,
    ) -> None:
        self._stuck = stuck
        self._memory, self._calibration, self._scale = memory, calibration, scale
        self._c = {side: (load[side] / scale)[:, None] for side in ("up", "down")}
        n, p, v_dd = calibration.n.conductance, calibration.p.conductance, calibration.v_dd
        self._slopes = (p / (1 + p * v_dd), n)
        self._trip = {"up": calibration.v_trip_up, "down": calibration.v_trip_down}
        # Currents at 0 V over those at the trip voltage, where the thresholds are taken.
        self._source = {k: (1 + p * v_dd) / (1 + p * (v_dd - v)) for k, v in self._trip.items()}
        self._sink = {k: 1 / (1 + n * v) for k, v in self._trip.items()}
        self.cells = initial_cells(memory.bank, width, stuck)
        shape = self.cells.shape[1:]
        self._v = {"up": np.full(shape, v_dd), "down": np.zeros(shape)}
        self._compared: Array = np.zeros(width)

    def step(self, candidate: Rails, carried: tuple[Rails, Rails] | None, dt: float) -> None:
        """Move the comparators for `dt` [s]; the rails are means over the step.

        Parameters
        ----------
        carried
            The rails of a threshold's node as PMOS and as NMOS legs copy them.
        """
        memory = self._memory
        against = None if carried is None else memory.against(candidate, carried)
        up, down = (memory.up, memory.down) if against is None else against
        # What sources and what sinks at each comparator, in candidate units.
        comparators = [("up", up, candidate.plus)]
        if candidate.minus is not None:  # else nothing sources into the one that steps down
            comparators.append(("down", candidate.minus, down))
        for side, source, sink in comparators:
            self._v[side] = comparator_step(
                self._v[side],
                source[:, 0] * self._source[side],
                sink[:, 0] * self._sink[side],
                self._slopes,
                self._c[side],
                dt,
                self._calibration.v_dd,
            )
        self._compared = memory.compared(candidate, against)[0] * self._scale

    def leaning(
        self, candidate: Rails, carried: tuple[Rails, Rails] | None, inflow: Array
    ) -> Leaning:
        """Return what the comparators say now.

        Parameters
        ----------
        candidate, carried
            As of `step`, now.
        inflow
            Into the candidates' nodes (n, sequence): by how much a rectifier that is off is off.
        """
        memory, own = self._memory, candidate.plus[:, 0]
        up, down = memory.thresholds()
        if carried is not None:
            up, down = (memory.thresholds(rails)[k] for k, rails in enumerate(carried))
        if candidate.minus is None:  # nothing sources into the comparator that steps down
            off = own + np.minimum(inflow, 0.0)
            rising = self._beyond("up", self._resting("up", carried), off)
            return Leaning(up=up[:, 0], down=np.inf * up[:, 0], rising=rising, falling=rising)
        own = own - candidate.minus[:, 0]
        rising, falling = self._resting("up", carried), -self._resting("down", carried)
        return Leaning(
            up=up[:, 0],
            down=down[:, 0],
            rising=self._beyond("up", rising, own),
            falling=self._beyond("down", falling, own),
        )

    def _resting(self, side: str, carried: tuple[Rails, Rails] | None) -> Array:
        """Return the candidate, without its sign, at which a comparator rests as it stands."""
        memory, v, trip = self._memory, self._v[side], self._trip[side]
        falling, rising = self._slopes
        # Of PMOS legs over NMOS legs at this voltage, where at the trip voltage it is 1.
        over = (1 - falling * v) / (1 - falling * trip) * (1 + rising * trip) / (1 + rising * v)
        share = over if side == "up" else 1 / over
        weighed, opposite = memory.up if side == "up" else memory.down, np.zeros(1)
        if carried is not None and memory.copies:
            weighed = memory.window(side, carried[side == "down"])
            opposite = memory.copies.get(f"{side}_opposite", np.zeros(1))
        if memory.i_q is None:
            found: Array = weighed[:, 0] * share
            return found
        rest = memory.i_q[:, 0]
        against = np.broadcast_to(opposite, memory.i_q.shape)[:, 0] * share
        return net_threshold(meeting_rail(weighed[:, 0] * share, against, rest), rest)

    def _beyond(self, side: str, resting: Array, own: Array) -> Array:
        """Return where comparators rest, and of those at a rail the candidate if it is beyond."""
        v = self._v[side]
        high = np.where(v <= 0.0, np.maximum(resting, own), resting)
        found: Array = np.where(v >= self._calibration.v_dd, np.minimum(resting, own), high)
        return found

    def strobe(
        self, leaning: Leaning | None = None, noise: Array | None = None
    ) -> NDArray[np.int64]:
        """Step by what the comparators say now; return the cells that moved, (sequence,).

        Parameters
        ----------
        leaning, noise
            What they say, and what moves the candidates (n, sequence); none if left out.
        """
        if leaning is None or noise is None:
            up = self._v["up"] < self._trip["up"]
            down = (self._v["down"] > self._trip["down"]) & ~up
        else:
            up = leaning.rising + noise >= leaning.up
            down = (leaning.falling + noise <= -leaning.down) & ~up
        moved = kept(step_cells(self.cells, up, down), self._stuck, self._memory.bank.layer)
        steps: NDArray[np.int64] = np.not_equal(moved, self.cells).sum(axis=(0, 1))
        self.cells = moved
        return steps

    def output(self) -> Array:
        """Return the current into the state node, (n, sequence)."""
        return self._memory.currents(self.cells)[0]

    def supply(self) -> Array:
        """Supply current [A] of cells and comparators, (sequence,)."""
        held: Array = self._memory.currents(self.cells)[1].sum(axis=0)
        return held + self._compared


class MovingLoop:
    """A layer of nine-transistor loops on one die: V0 [V] and the feedback diode's current.

    ``C dV0/dt = c f_n g_p(V0) + I_fb g_p(V0) - I_thresh g_n(V0)``; the follower M6 feeds the
    diode M7 with what `mru_hw.circuits.loop.edges` says, so the folds are where the mapping has
    them.
    """

    def __init__(
        self, memory: Memory, load: Mapping[str, Array], devices: Devices, bank: Bank, width: int
    ) -> None:
        calibration, i_lsb = devices.calibration, devices.i_lsb
        self._memory = memory
        self._scale = devices.design.buses[bank.candidate].scale
        self._c, self._v_dd = load["loop"][:, None], calibration.v_dd
        self._rows = np.arange(bank.n_units)[:, None]
        self._on = calibration.n.v_gate + ON_MARGIN
        temperature = devices.temperature
        self._grid = np.arange(0.0, calibration.v_dd + STEP, STEP)
        v = np.minimum(self._grid, calibration.v_dd)
        loop = loop_currents(devices, bank)
        self._sink, self._source = loop_legs(calibration, v, temperature)
        tails = (loop.width, memory.level[:, 1] * devices.design.buses[bank.state].scale)
        fed, led = (
            follower(calibration, i[:, None], v, temperature=temperature, reach=loop.reach)[1]
            for i in tails
        )
        self._fed, self._led = fed, led / led[:, -1:]
        self._hold, self._feedback = loop.hold[:, None], loop.feedback[:, None]
        candidate = devices.design.buses[bank.candidate]
        signed = "minus" in candidate.circuit.signs
        minus = node_flip(calibration, candidate, "minus") if signed else 0.0
        self._loop, self._flip = loop, flip_gain(calibration, "n", i_lsb)
        self._gain_minus = loop.copy_minus[:, None] * minus
        units = bank.times("feedback_diode")
        self._charge = (calibration.thermal("p", temperature) * load["feedback"])[:, None]
        self._off = np.full((bank.n_units, 1), off_current(calibration, "p", units))
        stuck = devices.die.stuck.get(bank.layer, np.zeros((1, bank.n_units), np.int8))
        self._stuck = np.repeat(stuck[0][:, None], width, axis=1)
        self._v = np.where(initial_cells(bank, width, devices.die.stuck)[0], self._v_dd, 0.0)
        self._channel = self._at(self._fed, self._v) + self._off
        self._drawn: Array = np.zeros(width)
        self._output: Array = memory.level[:, 1:] * self._at(self._led, self._v)

    @property
    def voltage(self) -> Array:
        """V0 of each unit [V], (n, sequence)."""
        return self._v

    @property
    def cells(self) -> Bits:
        """Set cells (1, n, sequence)."""
        return (self._v > self._on)[None]

    def step(self, candidate: Rails, dt: float) -> None:
        """Move for `dt` [s]; the rails are means over the step."""
        plus, minus = self._currents(candidate)
        before = self._at(self._led, self._v)
        drawn = np.zeros(plus.shape)
        for _ in range(INNER):
            fed = self._inner(plus, minus, dt / INNER)
            drawn += (plus + fed * self._feedback) * self._at(self._source, self._v) + fed
            # What holds a stuck node up gives what its legs sink.
            drawn += (self._stuck > 0) * (minus + self._hold) * self._at(self._sink, self._v)
        self._drawn = drawn.sum(axis=0) / INNER
        led = (before + self._at(self._led, self._v)) / 2
        self._output = self._memory.level[:, 1:] * led

    def _currents(self, candidate: Rails) -> tuple[Array, Array]:
        """Return the copies of the candidate's rails at V0 [A]."""
        plus = self._loop.copied(candidate.plus[:, 0] * self._scale) * self._flip
        if candidate.minus is None:
            return plus, np.zeros_like(plus)
        return plus, candidate.minus[:, 0] * (self._gain_minus * self._scale)

    def _inner(self, plus: Array, minus: Array, h: float) -> Array:
        """Move for `h` [s]; return the mean of what feeds back."""
        v, channel = self._v, self._channel
        carried = self._at(self._fed, v)
        self._channel, mean = diode_step(channel, carried, self._charge, self._off, h)
        fed = mean - self._off
        source, source_slope = self._at(self._source, v), self._slope(self._source, v)
        sink, sink_slope = self._at(self._sink, v), self._slope(self._sink, v)
        sources, sinks = plus + fed * self._feedback, minus + self._hold
        rate = (sources * source - sinks * sink) / self._c
        # Rosenbrock-Euler: both legs let go near their rail, so this slope is never positive.
        z = np.minimum((sinks * sink_slope - sources * source_slope) * (h / self._c), 600.0)
        part = -np.expm1(-np.maximum(z, 1e-9)) / np.maximum(z, 1e-9)
        free = np.clip(v + h * rate * part, 0.0, self._v_dd)
        self._v = np.where(self._stuck == 0, free, v)
        fed_back: Array = fed
        return fed_back

    def _at(self, table: Array, v: Array) -> Array:
        k, part = self._place(v)
        found: Array = (
            table[k] + part * (table[k + 1] - table[k])
            if table.ndim == 1
            else table[self._rows, k] + part * (table[self._rows, k + 1] - table[self._rows, k])
        )
        return found

    def _slope(self, table: Array, v: Array) -> Array:
        k, _ = self._place(v)
        slope: Array = (table[k + 1] - table[k]) / STEP
        return slope

    def _place(self, v: Array) -> tuple[NDArray[np.int64], Array]:
        x = v / STEP
        k = np.minimum(x.astype(np.int64), len(self._grid) - 2)
        return k, x - k

    def output(self) -> Array:
        """Return the mean current into the state node over the last step, (n, sequence)."""
        return self._output

    def supply(self) -> Array:
        """Supply current [A] at V0 and of the feedback's diode, (sequence,)."""
        return self._drawn
