"""Retention: how often noise flips a state that nobody asked to flip.

A loop's node moves like a particle in a double well (`mru_hw.circuits.loop.edges` has the balance F
of currents), driven by the white noise of the branches that meet there:

    C dV/dt = F(V; c) + xi,    xi of density S(V) = 2 q (sum of all branch currents)

Two laws, of noise faster and of noise slower than the loop:

fast  mean first-passage time over the barrier, exact for one dimension and any barrier (Gardiner,
      Handbook of Stochastic Methods, section 5.2.7; Kramers, Physica 7, 1940, is its limit):
      ``T = int dy e^phi(y) int^y dx e^-phi(x) / D(x)``, ``phi' = -F / (C D)``, ``D = S / (4 C^2)``
slow  noise of sigma and correlation time tau in the candidate's copy passes the fold, at a distance
      d: ``k = d / (sigma tau sqrt(2 pi)) exp(-d^2 / 2 sigma^2)`` (an Ornstein-Uhlenbeck process and
      an absorbing edge, the limit of the same T for d >> sigma)

Both together: the slow rate plus the fast one averaged over the slow noise. It counts as slow what
passes the candidate's mirrors, though these are hardly slower than the loop, and as one with V0 the
feedback's diode, which lags: both make the law an upper bound (docs/validation/retention.md). Rates
are logarithms, for most of them are no numbers that a computer holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mru_hw.cells.base import Array, Devices
from mru_hw.cells.flicker import relative_flicker
from mru_hw.cells.settling import bank_load, bus_loads, device_capacitance
from mru_hw.circuits.legs.gains import flip_gain
from mru_hw.circuits.loop.edges import LoopSettings, LoopSizes, follower, loop_edges, loop_legs
from mru_hw.circuits.loop.law import feedback_ratio, loop_currents
from mru_hw.circuits.nodes.bias import bias_rails
from mru_hw.mapping.design import Bank
from mru_hw.technology import Technology
from mru_hw.technology.calibration import CHARGE, Calibration, temperature_voltage

SLOWEST = 1e-5  # Hz, about one a day: flicker noise below counts as a fixed offset
STEP = 1e-3  # V, of the grid of V0
BETWEEN = 25  # candidates from the given one to the fold, for the average over slow noise
UNHELD = 0.0  # ln of the rate times tau where the state is beyond its edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Loops as particles in a double well.

    Attributes
    ----------
    calibration
        At the conditions.
    hold, width
        I_thresh and I_width [A], (n,).
    feedback
        Ratio of the pair M9 : M7, (n,).
    c
        Capacitance [F] of V0, (n,).
    i_lsb
        Current [A] of one unit device of the bias rail.
    reach
        Of the follower M6, as in `mru_hw.circuits.loop.edges.follower`.
    """

    calibration: Calibration
    hold: Array
    width: Array
    feedback: Array
    c: Array
    i_lsb: float
    reach: float

    def edges(self) -> tuple[Array, Array]:
        """Return the rail currents [A] at which the loops rise and fall."""
        return loop_edges(
            self.calibration,
            self.hold,
            self.width,
            i_lsb=self.i_lsb,
            feedback=self.feedback,
            temperature=self.calibration.temperature,
            reach=self.reach,
        )

    def balance(self, candidate: Array) -> tuple[Array, Array, Array]:
        """Return V0 [V], the net current into it [A] and the density of its noise [A^2/Hz].

        Parameters
        ----------
        candidate
            Rail current [A], (n, ...).

        Returns
        -------
        v, force, density
            (n_v,), and twice (n, ..., n_v). A leg near its drain's rail carries a forward and a
            backward current, whose noises add: ``I coth(V / 2 U_T)`` in place of I. The feedback
            counts three times, for M9, M7 and M8.
        """
        cal = self.calibration
        v = np.arange(STEP, cal.v_dd, STEP)[:-1]
        u_t = temperature_voltage(cal.temperature)
        sink, source = loop_legs(cal, v, cal.temperature)
        _, carried, _ = follower(
            cal,
            self.width[:, None],
            v,
            temperature=cal.temperature,
            reach=self.reach,
        )
        shape = (len(self.hold), *(1,) * (candidate.ndim - 1), len(v))
        fed = (carried * source * self.feedback[:, None]).reshape(shape)
        emptied = (self.hold[:, None] * sink).reshape(shape)
        copied = candidate[..., None] * (flip_gain(cal, "n", self.i_lsb) * source)
        backward_n = 1 / np.tanh(v / (2 * u_t))
        backward_p = 1 / np.tanh((cal.v_dd - v) / (2 * u_t))
        density = 2 * CHARGE * (emptied * backward_n + (copied + 3 * fed) * backward_p)
        return v, copied + fed - emptied, density


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowNoise:
    """Noise of the candidate's copy.

    Attributes
    ----------
    sigma
        [A], (n,).
    tau
        Correlation time [s], (n,).
    """

    sigma: Array
    tau: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How well units keep their states.

    Attributes
    ----------
    up, down
        Edges [A], in the candidate's rail current, (n,).
    ln_rise, ln_fall
        ln of flips per second out of the low and out of the high state, (n,).
    """

    up: Array
    down: Array
    ln_rise: Array
    ln_fall: Array


# ------------------------------------------------------------------------------------------ laws


def passage_time(v: Array, force: Array, density: Array, c: Array) -> Array:
    """Return ln of the mean time [s] from a node's lowest stable balance to its highest.

    Infinite where there is but one.

    Parameters
    ----------
    v
        Grid [V], (n_v,), ascending.
    force, density
        Net current [A] and one-sided density of its noise [A^2/Hz], (..., n_v).
    c
        Capacitance [F], (...).
    """
    step = float(v[1] - v[0])
    diffusion = density / (4 * c[..., None] ** 2)
    slope = -force / (c[..., None] * diffusion)
    phi = np.zeros_like(slope)
    phi[..., 1:] = np.cumsum((slope[..., 1:] + slope[..., :-1]) * (step / 2), axis=-1)
    inner = np.logaddexp.accumulate(-phi - np.log(diffusion), axis=-1)
    # From the first minimum of phi to the last one.
    first = np.argmax(slope > 0, axis=-1)[..., None]
    last = len(v) - 1 - np.argmax(slope[..., ::-1] < 0, axis=-1)[..., None]
    at = np.arange(len(v))
    outer = np.where((at >= first) & (at <= last), phi + inner, -np.inf)
    time = np.logaddexp.reduce(outer, axis=-1) + 2 * math.log(step)
    only: Array = (first > last)[..., 0]
    return np.where(only, np.inf, time)


def fast_rates(loop: Loop, candidate: Array) -> tuple[Array, Array]:
    """Return ln of the rates [1/s] at which white noise at V0 alone makes loops rise and fall.

    Parameters
    ----------
    candidate
        Rail current [A], (n, ...); below the rising edge for the first to mean anything, above
        the falling one for the second.
    """
    v, force, density = loop.balance(candidate)
    c = np.broadcast_to(loop.c.reshape(-1, *(1,) * (candidate.ndim - 1)), candidate.shape)
    rise = -passage_time(v, force, density, c)
    # Mirrored, the high state is the low one.
    fall = -passage_time(v, -force[..., ::-1], density[..., ::-1], c)
    return rise, fall


def slow_rate(distance: Array, noise: SlowNoise) -> Array:
    """Return ln of the rate [1/s] at which slow noise passes an edge at a distance [A].

    Within one sigma of the edge, and beyond it, it is one a correlation time.
    """
    x = np.maximum(distance / noise.sigma, 0.0)
    law = np.log(np.maximum(x, 1.0) / math.sqrt(2 * math.pi)) - x**2 / 2
    rate: Array = np.where(x > 1, law, UNHELD) - np.log(noise.tau)
    return rate


def loop_retention(loop: Loop, candidate: Array, noise: SlowNoise) -> Retention:
    """Return how often loops flip under fast and slow noise.

    Parameters
    ----------
    candidate
        Rail current [A], (n,).
    noise
        Of its copy.
    """
    up, down = loop.edges()
    rates = []
    for edge, state in ((up, 0), (down, 1)):
        distance = (edge - candidate) * (1 - 2 * state)
        share = np.linspace(0.0, 1.0, BETWEEN)
        between = candidate[:, None] + (edge - candidate)[:, None] * share
        flips = fast_rates(loop, between)[state]
        z = distance / noise.sigma
        # A sum over steps of z; where they are wide, the first term alone, once.
        step = np.clip(z / (BETWEEN - 1), 1e-300, math.sqrt(2 * math.pi))[:, None]
        weight = np.log(step / math.sqrt(2 * math.pi)) - (z[:, None] * share) ** 2 / 2
        fast = np.logaddexp.reduce(flips + weight, axis=1)
        passed = slow_rate(distance, noise)
        rates.append(np.where(z > 1, np.logaddexp(fast, passed), passed))
    return Retention(up=up, down=down, ln_rise=rates[0], ln_fall=rates[1])


# ----------------------------------------------------------------------------------------- units


def loop_capacitance(technology: Technology, calibration: Calibration, legs: Array) -> Array:
    """Return the capacitance [F] of V0 of a cell by itself.

    Parameters
    ----------
    legs
        Unit devices of M1 and M2 together, (n,).
    """
    unit = device_capacitance(technology, calibration)
    fixed = 2 * unit["n_cell"][0] + unit["p_cell"][1] + unit["n_switch"][1] + unit["p_switch"][1]
    return fixed + legs * unit["n_mirror"][1]


def bank_loops(devices: Devices, bank: Bank) -> Loop:
    """Return the loops of a bank of FQ-BMRU units, (n_units,)."""
    loop = loop_currents(devices, bank)
    return Loop(
        calibration=devices.calibration,
        hold=loop.hold,
        width=loop.width,
        feedback=loop.feedback,
        c=bank_load(devices.design, devices.calibration, bank)["loop"],
        i_lsb=devices.i_lsb,
        reach=loop.reach,
    )


def ladder_loops(devices: Devices, bank: Bank) -> Loop:
    """Return the cells of a bank of clocked units between strobes, (n_units n_cells,).

    A cell's candidate is nothing but leakage. Gates and drains of its switches are not counted in
    C, but the capacitor is.
    """
    owner, technology = bank.name, devices.design.technology
    rail_n, _ = bias_rails(devices)
    nominal = LoopSettings.of(
        devices.calibration,
        technology,
        np.full(bank.n_units, float(bank.hold_units))[:, None],
        np.full(bank.n_units, float(bank.width_units))[:, None],
        i_lsb=devices.i_lsb,
        sizes=LoopSizes.of(devices, bank),
    )
    hold = devices.factor(owner, "hold", "n") * (nominal.hold * rail_n)
    width = devices.factor(owner, "width", "n") * (nominal.width * rail_n)
    legs = np.full(hold.size, bank.hold_units * bank.times("hold"))
    alone = loop_capacitance(technology, devices.calibration, legs)
    return Loop(
        calibration=devices.calibration,
        hold=hold.ravel(),
        width=width.ravel(),
        feedback=(feedback_ratio(devices, bank) * nominal.feedback).ravel(),
        c=alone + technology.capacitor.capacitance,
        i_lsb=devices.i_lsb,
        reach=nominal.reach,
    )


def node_leakage(technology: Technology, calibration: Calibration) -> tuple[float, float]:
    """Return what leaks into V0 and out of it [A] where it flips.

    Into it: M9 and the switch that forces it high; out of it the other switch. By width over
    length from the mirrors' leakage, which leaves out what a switch's short channel adds. Both
    folds lie near an NMOS gate voltage (`mru_hw.circuits.loop.edges`); with the whole supply
    across, as at rest, a PMOS may leak ten times as much (sky130), and moves no fold by it.
    """
    v = calibration.n.v_gate

    def share(name: str) -> float:
        device, unit = technology.devices[name], technology.devices[f"{name[0]}_mirror"]
        return device.w / device.l / (unit.w / unit.l)

    into = calibration.leakage("p", calibration.v_dd - v) * (share("p_cell") + share("p_switch"))
    return into, calibration.leakage("n", v) * share("n_switch")


def candidate_noise(devices: Devices, bank: Bank, candidate: Array, drive: Array) -> SlowNoise:
    """Return the noise of what M1 copies.

    Parameters
    ----------
    candidate
        Rail current [A], (n_units,), above zero.
    drive
        Sum of the currents of the legs at the candidate's node, whatever their signs [A].

    Notes
    -----
    White ``2 q I`` of each leg, of the diode it copies, and of the node's own devices, through the
    poles of the node's diode and of the diode behind its copy, each of noise bandwidth
    ``g_m / 4 C``, ``g_m = I / (n kT/q)``. Flicker of the same devices and of M1 and M2
    (`relative_flicker`), from `SLOWEST` to the first pole. The bias rail has its capacitor, and
    what is before the legs its own poles: not counted.
    """
    design, cal = devices.design, devices.calibration
    bus = design.buses[bank.candidate]
    rails = bus_loads(design, cal)[bus.name].rails
    variance, tau = np.zeros_like(candidate), np.full_like(candidate, np.inf)
    for polarity, branches in (("n", 2 * drive + candidate), ("p", 2 * candidate)):
        g_m = candidate / cal.thermal(polarity, devices.temperature)
        pole = rails["plus", polarity] / g_m
        variance = variance + 2 * CHARGE * branches / (4 * pole)
        tau = np.minimum(tau, pole)
    relative = relative_flicker(design.technology, cal, devices.temperature)
    # A leg of m unit devices has 1/m of it, and carries m times a device's current.
    n, p = (bus.times(leg) for leg in ("sink_plus", "source_plus"))
    squares = 2 * drive * bus.i_device / n + (2 / n + 2 / p) * candidate**2 / bus.units
    bias = design.bias.times("sink_plus")
    squares = squares + (bank.up_units * design.i_lsb) * design.i_lsb / bias
    band = np.log(1 / (2 * math.pi * tau) / SLOWEST)
    return SlowNoise(sigma=np.sqrt(variance + relative * band * squares), tau=tau)


def bank_edges(devices: Devices, bank: Bank) -> tuple[Array, Array]:
    """Return where a bank's units rise and fall, in rail currents [A], with leakage."""
    loop = loop_currents(devices, bank)
    up, down = bank_loops(devices, bank).edges()
    into, out = node_leakage(devices.design.technology, devices.calibration)
    return loop.candidate(up - into), loop.candidate(down + out)


def bank_retention(devices: Devices, bank: Bank, candidate: Array, drive: Array) -> Retention:
    """Return how often a bank's FQ-BMRU units flip on a die.

    Parameters
    ----------
    devices
        The die; its calibration is at the conditions.
    candidate, drive
        As in `candidate_noise`.
    """
    loop = bank_loops(devices, bank)
    copied = loop_currents(devices, bank).copied(candidate)
    noise = candidate_noise(devices, bank, candidate, drive)
    into, out = node_leakage(devices.design.technology, devices.calibration)
    up, down = bank_edges(devices, bank)
    return Retention(
        up=up,
        down=down,
        ln_rise=loop_retention(loop, copied + into, noise).ln_rise,
        ln_fall=loop_retention(loop, copied - out, noise).ln_fall,
    )


def ladder_retention(devices: Devices, bank: Bank) -> Retention:
    """Return how often the cells of a bank of clocked units flip between strobes."""
    loop = ladder_loops(devices, bank)
    into, out = node_leakage(devices.design.technology, devices.calibration)
    up, down = loop.edges()
    rise, _ = fast_rates(loop, np.full_like(up, into))
    _, fall = fast_rates(loop, np.full_like(up, -out))
    return Retention(up=up, down=down, ln_rise=rise, ln_fall=fall)
