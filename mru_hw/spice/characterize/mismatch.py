"""How far a shift of a threshold moves a device's current, and what a splitter carries at rest.

Pairs of one gate voltage, one of them with its threshold shifted by ngspice's own `delvto`: what
mismatch draws. A second pair has its sources at half the supply, as the splitters of signed nodes.
A splitter that nothing drives hangs beside them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mru_hw.circuits.nodes.bias import VIEW_REST_UNITS
from mru_hw.mapping.options import DEFAULTS
from mru_hw.spice.characterize.base import UNITS, Array, cells_deck, rounded, stairs
from mru_hw.spice.deck import Change, Deck, Waves
from mru_hw.technology import Technology
from mru_hw.technology.calibration import temperature_voltage
from mru_hw.technology.conditions import Conditions

CURRENTS = tuple(rounded(1e-12 * 10 ** (k / 2)) for k in range(8))  # A a unit device
KINDS = ("n", "p", "split_n", "split_p")
SHIFT = 2e-3  # V, about a sigma
HOLD = 0.2  # s, of each current
REST = "i(vrest)"
FLAT = 10.0  # largest slope factor that is told: beyond, leakage is what flows


def mismatch_deck(technology: Technology, at: Conditions) -> Deck:
    """Return the deck of the pairs and of the splitter."""
    course = stairs(HOLD * np.arange(len(CURRENTS), dtype=float), UNITS * np.array(CURRENTS), 1e-3)
    half, lines, saves, commands = at.v_dd / 2, list[str](), list[str](), list[str]()
    for kind in KINDS:
        p = kind[-1]
        unit = "p_split" if kind == "split_p" else f"{p}_mirror"
        bulk, drain = ("0", at.v_dd - 0.1) if p == "n" else ("vdd", 0.1)
        source = bulk
        if kind == p:
            drain = half
        else:
            source = f"s_{kind}"
            lines.append(f"v{source} {source} 0 {half}")
        lines.append(f"i{kind} {f'vdd g_{kind}' if p == 'n' else f'g_{kind} 0'} {course}")
        lines.append(f"xd_{kind} g_{kind} g_{kind} {source} {bulk} {unit} units={UNITS}")
        for leg in ("a", "b"):
            node = f"{leg}_{kind}"
            lines.append(f"x{node} {node} g_{kind} {source} {bulk} {unit} units={UNITS}")
            lines.append(f"v{node} {node} 0 {drain}")
            saves.append(f"i(v{node})")
        shifted = f"m.xb_{kind}.{technology.transistor_path(unit)}"
        # ngspice adds delvto with the threshold's own sign, which is negative for PMOS.
        shift = SHIFT if p == "n" else -SHIFT
        commands.append(Change(device=shifted, parameter="delvto", add=shift).command)
    lines += [
        f"ibias vdd iref {course}",
        f"xbias iref bias_p q_n vdd 0 bias_tree units={UNITS}",
        "vrest vdd vdd_rest 0",
        f"xsplit in n_plus p_minus q_n vdd_rest 0 signed_split units={UNITS}"
        f" split={DEFAULTS.candidate_split}",
    ]
    saves.append(REST)
    deck = cells_deck(
        technology,
        at,
        lines,
        tuple(saves),
        t_stop=HOLD * len(CURRENTS),
        step=HOLD / 20,
    )
    return replace(deck, commands=tuple(commands))


def fit_curves(at: Conditions, waves: Waves) -> dict[str, list[float]]:
    """Return `mru_hw.technology.grid.CURVES`, each at every one of `CURRENTS`.

    A slope factor is ``n = -dVt / (kT/q ln(I_shifted / I))``.
    """
    ends = HOLD * (np.arange(len(CURRENTS)) + 0.95)
    thermal = temperature_voltage(at.temperature)

    def sizes(name: str) -> Array:
        found: Array = np.interp(ends, waves.time, np.abs(waves.vectors[name]))
        return found

    found = {}
    for kind in KINDS:
        moved = np.log(sizes(f"i(va_{kind})") / sizes(f"i(vb_{kind})"))
        least = SHIFT / thermal / FLAT
        found[f"mismatch_{kind}"] = SHIFT / thermal / np.maximum(moved, least)
    found["rest"] = sizes(REST) / (VIEW_REST_UNITS * DEFAULTS.candidate_split * np.array(CURRENTS))
    return {name: [rounded(float(v)) for v in values] for name, values in found.items()}
