"""Where a nine-transistor loop switches: the folds of its static balance.

Node V0 gains the copy of the candidate c and the feedback, and loses the threshold:

    c f_n g_p(V_dd - V0) + I_fb(V0) = I_thresh g_n(V0)

f_n is the gain of the flip on the way, those of the legs are
``g(v) = (1 + lambda v) / (1 + lambda v_gate) (1 - e^(-v / U_T))``. The tail M8 and the follower M6
carry the feedback: ``I_fb = I_width g_n(V_s) g_p(V_dd - V0)``, with V_s where M6 in weak inversion
carries what M8 does. The loop rises where no low V0 balances the candidate any more and falls
where no high one does: at the maximum of c(V0) below the feedback's onset, and at its minimum
above it.

Both folds lie near the follower's gate voltage and not at half the supply, so the drain voltages
of the legs move the edges (docs/decisions/0008-unclocked-loops.md compares them with ngspice).

`loop_edges` counts every current with a unit device's usual gate voltage across its leg.
`LoopSettings` holds a loop's currents so, each corrected for the gate voltage at its own current,
and says what candidate the edges stand for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import NodeView
from mru_hw.circuits.legs.gains import at_usual, flip_gain, gate_voltages
from mru_hw.circuits.units import PlacedView, UnitView
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration, temperature_voltage

Array = NDArray[np.float64]

LEAST = 1e-4  # of a unit device's usual current: below, a gate voltage counts for nothing
OWN = 4  # rounds of a candidate's own gain, which moves by a few percent over decades
STEP = 2.5e-3  # V, of the grid of V0
ROUNDS = 20  # of the search for unit devices; each leaves about a fifth of the error


def loop_edges(
    calibration: Calibration,
    hold: Array,
    width: Array,
    *,
    i_lsb: float,
    reach: float,
    feedback: Array | float = 1.0,
    temperature: float | None = None,
) -> tuple[Array, Array]:
    """Return the candidate's rail currents [A] at which loops rise and fall.

    Counted with a unit device's usual gate voltages; `Way.candidate` gives the candidate's own.

    Parameters
    ----------
    calibration
        At the supply of the run.
    hold, width
        I_thresh and I_width [A], (n_units,).
    i_lsb
        Current [A] of one unit device of the bias rail.
    reach
        As in `follower`.
    feedback
        Ratio of the pair M9 : M7.
    temperature
        [degC]; the calibration's own when None.

    Returns
    -------
    up, down
        (n_units,); the second is negative where the loop never falls.
    """
    temperature = calibration.temperature if temperature is None else temperature
    v = np.arange(STEP, calibration.v_dd / 2, STEP)
    hold, width = hold[..., None], width[..., None]
    leg_n, leg_p = loop_legs(calibration, v, temperature)
    could, carried, tail = follower(calibration, width, v, temperature=temperature, reach=reach)
    fed = carried * leg_p * np.asarray(feedback)[..., None]
    plus = (hold * leg_n - fed) / (flip_gain(calibration, "n", i_lsb) * leg_p)
    # The feedback's onset: where the follower could carry half of the width.
    onset = could > np.maximum(tail, i_lsb)
    up = np.max(np.where(onset, -np.inf, plus), axis=-1)
    return up, np.min(np.where(onset, plus, np.inf), axis=-1)


def loop_legs(calibration: Calibration, v: Array, temperature: float) -> tuple[Array, Array]:
    """Return what the legs that sink and that source carry at V0 = `v`, over their nominal."""
    u_t = temperature_voltage(temperature)
    sink = _leg(calibration, "n", v, u_t)
    return sink, _leg(calibration, "p", calibration.v_dd - v, u_t)


def follower(
    calibration: Calibration,
    tail: Array,
    v: Array,
    *,
    temperature: float,
    reach: float,
) -> tuple[Array, Array, Array]:
    """Return the currents [A] of the source follower M6 over its tail M8, (n_units, n_v) each.

    M6 has its gate at V0 and its source at the drain of M8, at V_s. In weak inversion it carries
    ``I = I_f exp(-V_s / U_T)`` and M8 ``I = I_t (1 - exp(-V_s / U_T))``, so
    ``I = I_f I_t / (I_f + I_t)``: the smaller of the two, with a smooth transition.

    Parameters
    ----------
    tail
        Current [A] of the bias leg M8 with the usual gate voltage across it, (n_units, 1).
    v
        V0 [V], (n_v,).
    reach
        Current [A] of M6 with its source at ground and its gate at the usual gate voltage of a
        unit device: a unit device's usual current times the ratio of the two W/L.

    Returns
    -------
    could
        I_f, what M6 would carry with its source at ground.
    carried
        I, what it does carry.
    tail
        I_t, with the output conductance of M8 at the V_s that was found.
    """
    n, nominal = calibration.n, tail
    u_t = temperature_voltage(temperature)
    # M6 at V_s = 0; above it e^(-V_s/U_T) of that, which is what the tail carries.
    could = reach * np.exp((v - n.v_gate) / calibration.thermal("n", temperature))
    for _ in range(3):
        # x = e^(-V_s/U_T) from could x = tail (1 - x); the tail's own conductance by iteration.
        x = tail / (tail + could)
        source = -u_t * np.log(np.maximum(x, 1e-300))
        tail = nominal * (1 + n.conductance * source) / (1 + n.conductance * n.v_gate)
    return could, could * x, tail


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSizes:
    """How many transistor units carry a loop's currents.

    Attributes
    ----------
    diodes
        Of the candidate's NMOS diode and of the PMOS diode of its copy.
    bias, feedback
        Of each unit device of the bias rail, and of the pair M9 : M7; 1 where no area is
        multiplied.
    """

    diodes: tuple[int, int]
    bias: int = 1
    feedback: int = 1

    @classmethod
    def of(cls, placed: PlacedView, bank: UnitView) -> LoopSizes:
        """Return those of a row of loops."""
        return cls.at(placed.node(bank.candidate), placed.bias, bank.times("feedback"))

    @classmethod
    def at(cls, candidate: NodeView, bias: NodeView, feedback: int) -> LoopSizes:
        """Return those of loops that read a candidate."""
        n, p = (candidate.units * candidate.times(leg) for leg in ("sink_plus", "source_plus"))
        return cls(diodes=(n, p), bias=bias.times("sink_plus"), feedback=feedback)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The path from the candidate's NMOS diode to V0: its flip, then the PMOS leg M1; nominal.

    `loop_edges` takes the gain of this path with every gate voltage at its usual value. Here is
    what the gate voltages at the candidate's own current change of it, at first order in the
    output conductance.

    Attributes
    ----------
    calibration
        Constants at the conditions.
    diodes
        Transistor units of the candidate's NMOS and PMOS diode, over which its current is shared.
    i_lsb
        Current [A] of one unit device of the bias rail, at which `loop_edges` takes the gain.
    """

    calibration: Calibration
    diodes: tuple[int, int]
    i_lsb: float

    def gain(self, candidate: Array) -> Array:
        """Return the gain of the path at a candidate over the gain that `loop_edges` takes.

        The flip's copy sees ``V_dd - V_p`` across it over a diode at ``V_n``, and M1 starts from a
        PMOS diode at ``V_p``; V_n and V_p are the gate voltages at ``candidate / diodes``.

        Parameters
        ----------
        candidate
            Current [A] of the candidate's plus rail, any shape; the result, a ratio near 1, has it.
        """
        cal, floor = self.calibration, LEAST * self.calibration.i_usual
        n, p = (
            gate_voltages(cal, polarity, np.maximum(candidate / units, floor))
            for polarity, units in zip("np", self.diodes, strict=True)
        )
        flip = (1 + cal.n.conductance * (cal.v_dd - p)) / (1 + cal.n.conductance * n)
        found: Array = flip / flip_gain(cal, "n", self.i_lsb) * at_usual(cal, "p", p)
        return found

    def candidate(self, copied: Array, copy: Array | float = 1.0) -> Array:
        """Return the candidate [A], (n_units,), whose copy at V0 is `copied`.

        Solves ``copied = candidate copy gain(candidate)`` by iteration.

        Parameters
        ----------
        copied
            Candidate [A] as `loop_edges` returns it, with usual gate voltages on the path.
        copy
            Current of the path's devices on a die over the nominal one; 1 is nominal.
        """
        found: Array = copied / copy
        for _ in range(OWN):
            found = copied / (copy * self.gain(found))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """The currents of nominal loops, as `loop_edges` counts them, (n_units,).

    Attributes
    ----------
    hold, width
        I_thresh and I_width [A] with a unit device's usual gate voltage across their legs.
    feedback
        Ratio of the pair M9 : M7, with the same across M9.
    reach
        Current [A] of the follower M6, a device of its own W/L, at that gate voltage.
    way
        From the candidate's diode to V0.
    """

    hold: Array
    width: Array
    feedback: Array
    reach: float
    way: Way

    @classmethod
    def of(
        cls,
        calibration: Calibration,
        technology: Technology,
        hold: Array,
        width: Array,
        *,
        i_lsb: float,
        sizes: LoopSizes,
    ) -> LoopSettings:
        """Return the currents of so many unit devices.

        Parameters
        ----------
        hold, width
            Unit devices of I_thresh and I_width, (n_units,); they need not be whole.
        i_lsb
            Current [A] of one unit device of the bias rail.
        sizes
            How many devices carry them.
        """
        device = i_lsb / sizes.bias
        unit = i_lsb * at_usual(calibration, "n", calibration.v_gate("n", device))
        wider = technology.shape("p_cell", "p_mirror") * sizes.feedback
        fed = np.maximum(width, 1) * (i_lsb / wider)
        return cls(
            hold=hold * unit,
            width=width * unit,
            feedback=at_usual(calibration, "p", gate_voltages(calibration, "p", fed)),
            reach=technology.shape("n_cell", "n_mirror") * calibration.i_usual,
            way=Way(calibration=calibration, diodes=sizes.diodes, i_lsb=i_lsb),
        )

    def edges(self) -> tuple[Array, Array]:
        """Return the candidates [A], (n_units,), at which the loops rise and fall."""
        cal = self.way.calibration
        found = loop_edges(
            cal,
            self.hold,
            self.width,
            i_lsb=self.way.i_lsb,
            reach=self.reach,
            feedback=self.feedback,
            temperature=cal.temperature,
        )
        up, down = (self.way.candidate(copied) for copied in found)
        return up, down


def loop_units(
    calibration: Calibration,
    technology: Technology,
    rise: Array,
    fall: Array,
    *,
    i_lsb: float,
    sizes: LoopSizes,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the unit devices (n_units,) of threshold and width that switch at given edges.

    Parameters
    ----------
    rise, fall
        The candidate's rail currents [A].
    i_lsb, sizes
        As in `LoopSettings.of`.
    """
    hold, width = rise / i_lsb, (rise - fall) / i_lsb
    for step in range(2 * ROUNDS):
        settings = LoopSettings.of(calibration, technology, hold, width, i_lsb=i_lsb, sizes=sizes)
        up, down = settings.edges()
        # Each edge goes almost with its own current, so the error is the correction.
        width = np.maximum(width + (down - fall) / i_lsb, 0.0)
        # From half-way on the threshold is whole: the width takes up what that moved of the
        # other edge.
        hold = np.maximum(hold * rise / up, 1.0) if step < ROUNDS else np.rint(hold)
    hold_units, width_units = np.rint(hold), np.rint(width)
    # A candidate of nothing at all must not clear a unit that is never cleared.
    width_units = np.where(fall > 0, width_units, np.ceil(width) + 1)
    return hold_units.astype(np.int64), width_units.astype(np.int64)


def _leg(calibration: Calibration, polarity: str, voltage: Array, u_t: float) -> Array:
    m = calibration.n if polarity == "n" else calibration.p
    gain = (1 + m.conductance * voltage) / (1 + m.conductance * m.v_gate)
    saturation: Array = gain * -np.expm1(-voltage / u_t)
    return saturation
