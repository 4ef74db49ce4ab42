"""Laws of a mirror against biases that no constant was fitted at.

A mirror of `UNITS` unit devices goes from 1 pA to 10 nA a unit device. Its legs hang at drain
voltages over the supply, and legs of other unit counts at half of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import least_squares

from mru_hw.spice.characterize.base import UNITS, Array, cells_deck, rounded, stairs
from mru_hw.spice.deck import Deck, Waves
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration, Mirror, temperature_voltage
from mru_hw.technology.conditions import Conditions

CURRENTS = np.logspace(-12, -8, 33)  # A a unit device
V_DS = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)  # of the supply
HALF = V_DS.index(0.5)
COUNTS = (1, 8, 128)
_LEGS = tuple(f"v{k}" for k in range(len(V_DS)))
_COUNTED = tuple(f"m{k}" for k in range(len(COUNTS)))
HOLD = 0.2  # s, of each current: the gate's line needs some 10 ms at the least of them
WEAK = 1e-9  # A a unit device, up to which the second line of a law is told


def range_deck(technology: Technology, at: Conditions) -> Deck:
    """Return the deck of both polarities."""
    times = np.array([HOLD * k for k in range(len(CURRENTS))])
    course = stairs(times, UNITS * CURRENTS, 1e-3)
    lines, saves = [], []
    for p, rail, ends in (("n", "0", "0 g{0}"), ("p", "vdd", "g{0} 0")):
        source = f"i{p} {ends.format(p)} {course}"
        lines += [source, f"xd{p} g{p} g{p} {rail} {rail} {p}_mirror units={UNITS}"]
        saves.append(f"v(g{p})")
        legs = [(name, UNITS, share) for name, share in zip(_LEGS, V_DS, strict=True)]
        legs += [(name, count, V_DS[HALF]) for name, count in zip(_COUNTED, COUNTS, strict=True)]
        for name, count, share in legs:
            volts = share * at.v_dd if p == "n" else (1 - share) * at.v_dd
            node = f"{name}{p}"
            lines += [
                f"x{node} {node} g{p} {rail} {rail} {p}_mirror units={count}",
                f"v{node} {node} 0 {volts:.9g}",
            ]
            saves.append(f"i(v{node})")
    t_stop = HOLD * len(CURRENTS)
    return cells_deck(technology, at, lines, tuple(saves), t_stop=t_stop, step=HOLD / 20)


def samples(at: Conditions, waves: Waves) -> dict[str, Array]:
    """Return currents [A a unit device], gate voltages [V] and ratios of the legs at rest.

    ``<polarity>_ratio`` is (V_DS, current), the others (current,), those of other counts too.
    """
    ends = HOLD * (np.arange(len(CURRENTS)) + 0.95)
    found = {"current": CURRENTS}
    for p, sign in (("n", -1.0), ("p", 1.0)):
        gate = np.interp(ends, waves.time, waves.vectors[f"v(g{p})"])
        found[f"{p}_v_gs"] = gate if p == "n" else at.v_dd - gate
        legs = {
            name: np.interp(ends, waves.time, sign * waves.vectors[f"i(v{name}{p})"])
            for name in (*_LEGS, *_COUNTED)
        }
        found[f"{p}_ratio"] = np.array([legs[name] for name in _LEGS]) / (UNITS * CURRENTS)
        for name, count in zip(_COUNTED, COUNTS, strict=True):
            found[f"{p}_ratio_of_{count}"] = legs[name] / (count * CURRENTS)
    return found


def judge(at: Conditions, calibration: Calibration, waves: Waves) -> list[dict[str, Any]]:
    """Compare the laws with a run; return the fields of `mru_hw.technology.calibration.Law`.

    Parameters
    ----------
    calibration
        Nominal, with its grid: what it gives at the conditions is compared.
    """
    here = _mirrors_at(calibration, at)
    about = {"corner": at.corner, "temperature": at.temperature, "v_dd": at.v_dd}
    measured, found = samples(at, waves), []
    for p in "np":
        gate, ratios = measured[f"{p}_v_gs"], measured[f"{p}_ratio"]
        logs = np.array([here.v_gate(p, float(i)) for i in CURRENTS])
        found.append(_law("gate voltage, weak inversion", p, "V", gate - logs, {}))
        parameters, left = fit_ekv(gate, temperature_voltage(at.temperature))
        found.append(_law("gate voltage, EKV", p, "V", left, parameters, CURRENTS[1::2]))
        gains = np.array([[here.gain(p, s * at.v_dd, float(i)) for i in CURRENTS] for s in V_DS])
        # At a tenth of the supply a device may not be saturated yet.
        found.append(_law("mirror gain", p, "1", (ratios / gains - 1)[1:], {}))
        # The cards are the same for all: ngspice multiplies one device by its count.
        uneven = [measured[f"{p}_ratio_of_{count}"] / ratios[HALF] - 1 for count in COUNTS]
        found.append(_law("mirror unit count", p, "1", np.array(uneven), {}))
    return [about | law for law in found]


def _mirrors_at(calibration: Calibration, at: Conditions) -> Calibration:
    """Return the mirrors' constants at a condition, whether or not a unit works there."""
    between = calibration.grid.interpolated(at.corner, at.temperature, at.v_dd)
    sides = {
        p: getattr(calibration, p).model_copy(
            update={name: between[f"{p}.{name}"] for name in Mirror.model_fields}
        )
        for p in "np"
    }
    about = {"corner": at.corner, "temperature": at.temperature, "v_dd": at.v_dd}
    return calibration.model_copy(update=sides | about)


def fit_ekv(gate: Array, u_t: float) -> tuple[dict[str, float], Array]:
    """Fit the EKV interpolation to every other point; return its constants, the others' residual.

    ``I = I_s ln^2(1 + exp((V_GS - V_T) / (2 n U_T)))`` of a saturated device: Enz, Krummenacher and
    Vittoz, Analog Integrated Circuits and Signal Processing 8, 1995. Inverted,
    ``V_GS = V_T + 2 n U_T ln(exp(sqrt(I / I_s)) - 1)``.
    """

    def volts(x: Array, current: Array) -> Array:
        result: Array = x[1] + 2 * x[2] * u_t * np.log(np.expm1(np.sqrt(current / np.exp(x[0]))))
        return result

    start = np.array([np.log(1e-7), gate[-1], 1.5])
    fitted = least_squares(
        lambda x: (volts(x, CURRENTS[::2]) - gate[::2]) / u_t,
        start,
        bounds=([np.log(1e-11), 0.0, 1.0], [np.log(1e-4), 2.0, 4.0]),
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
    ).x
    constants = {
        "i_s": rounded(float(np.exp(fitted[0]))),
        "v_t": rounded(float(fitted[1])),
        "n": rounded(float(fitted[2])),
    }
    return constants, gate[1::2] - volts(fitted, CURRENTS[1::2])


def _law(
    name: str,
    polarity: str,
    unit: str,
    left: Array,
    parameters: dict[str, float],
    currents: Array = CURRENTS,
) -> dict[str, Any]:
    weak = np.abs(left[..., currents <= WEAK * (1 + 1e-9)])
    return {
        "law": name,
        "polarity": polarity,
        "parameters": parameters,
        "unit": unit,
        "points": int(left.size),
        "median": round(float(np.median(np.abs(left))), 6),
        "worst": round(float(np.max(np.abs(left))), 6),
        "median_weak": round(float(np.median(weak)), 6),
        "worst_weak": round(float(np.max(weak)), 6),
    }
