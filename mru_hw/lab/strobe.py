"""A layer of equal units behind its strobe driver: what one strobe takes from the supply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.integrate import cumulative_trapezoid

from mru_hw.lab.ladder import unit_of
from mru_hw.mapping.design import Bank, Design
from mru_hw.mapping.options import DEFAULTS
from mru_hw.spice.characterize.base import I_USUAL, UNITS, cells_deck
from mru_hw.spice.characterize.unit import charge_beyond_rest
from mru_hw.spice.chip import unit_name, unit_subckt
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.decoupling import RESISTANCE
from mru_hw.spice.drive import drive_units
from mru_hw.spice.options import OPTIONS
from mru_hw.technology import Technology
from mru_hw.technology.conditions import Conditions

PERIOD, PULSE, EDGE = 5e-3, 20e-6, 1e-7  # s
STROBES = (PERIOD, 2 * PERIOD, 3 * PERIOD)
REST = 0.35 * PERIOD  # s after a strobe: the unit is at rest, and its candidate has not moved yet
SHORT = 1e-6  # s after an edge: the phases are over, and the supply has brought little
STEPS = (1, 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Equal units behind one driver, and the supply before them.

    Attributes
    ----------
    design
        Of one bank, whose `n_units` and `n_cells` count.
    drive
        Unit devices of the hold and step lines' drivers.
    capacitance
        Behind `RESISTANCE` [F]; None for an ideal supply.
    """

    design: Design
    drive: tuple[int, int]
    capacitance: float | None = None

    @property
    def bank(self) -> Bank:
        """Its units."""
        return self.design.banks[0]

    @property
    def name(self) -> str:
        """Name its kept runs."""
        supply = "" if self.capacitance is None else "-rc"
        return f"k{self.bank.levels}-n{self.bank.n_units}-d{self.drive[0]}{self.drive[1]}{supply}"


def layer_deck(
    technology: Technology, at: Conditions, layer: Layer, *, options: str = OPTIONS
) -> Deck:
    """Driver, units, candidates and bias behind one supply."""
    v_dd, n, levels = at.v_dd, layer.bank.n_units, layer.bank.levels
    supply = ["vtotal vdd near 0", "vnear near sup 0"]
    if layer.capacitance is not None:
        supply[1:] = [f"rsup near sup {RESISTANCE}", f"csup sup 0 {layer.capacitance}"]
    course = [(0.0, 2.0), (1.4, 2.0), (1.41, 0.0), (2.4, 0.0), (2.41, -2.0)]
    candidate = " ".join(f"{t * PERIOD:.9g} {c * I_USUAL:.9g}" for t, c in course)
    lines = [
        unit_subckt(levels, 0),
        *supply,
        *(f"v{name} sup vdd_{name} 0" for name in ("unit", "clock", "rest")),
        f"ibias vdd iref {n * I_USUAL}",
        f"xbias iref bias_p q_n vdd_rest 0 bias_tree units={64 * n}",
        "xphi phi rst_b hd st vdd_clock 0 strobe_driver"
        f" hold_drive={layer.drive[0]} step_drive={layer.drive[1]}",
        "xrst rst rst_b vdd_rest 0 inverter",
        f"vrst rst 0 pwl(0 0 1e-7 {v_dd} 2e-3 {v_dd} 2.0001e-3 0)",
        f"vphi phi 0 pulse(0 {v_dd} {PERIOD} {EDGE} {EDGE} {PULSE} {PERIOD})",
    ]
    for k in range(n):
        lines += [
            f"ic{k} 0 c{k} pwl({candidate})",
            f"xc{k} c{k} np{k} pm{k} q_n vdd_rest 0 signed_split units={UNITS}"
            f" split={DEFAULTS.candidate_split}",
            f"xu{k} np{k} pm{k} h{k} iref bias_p hd st rst rst_b vdd_unit 0"
            f" {unit_name(levels, 0)} units={UNITS} up=64 down=64"
            f" hold={DEFAULTS.hold} width={DEFAULTS.width} gain=32",
            f"xh{k} h{k} hn{k} vdd_rest 0 state_node units={UNITS}",
        ]
    saves = ("i(vtotal)", "i(vunit)", "i(vclock)", "i(vrest)", "v(sup)", *cells(layer))
    t_stop, step = 3.6 * PERIOD, PERIOD / 10
    return cells_deck(technology, at, lines, saves, t_stop=t_stop, step=step, options=options)


def cells(layer: Layer) -> list[str]:
    """Name the cells' nodes of the first and the last unit, in thermometer order."""
    ends = dict.fromkeys((0, layer.bank.n_units - 1))
    return [f"v(xu{k}.v{j})" for k in ends for j in range(1, layer.bank.n_cells + 1)]


def read(waves: Waves, layer: Layer, v_dd: float) -> dict[str, Any]:
    """Charges [C], peaks [A], droops [V] and levels of the three strobes."""
    time, found = waves.time, waves.vectors
    rows: dict[str, list[Any]] = {}

    def put(name: str, value: Any) -> None:
        rows.setdefault(name, []).append(value)

    for at in STROBES:
        inside = (time >= at - SHORT) & (time <= at + PULSE + SHORT)
        t = time[inside]
        short, both = t <= at + SHORT, np.zeros_like(t)
        for name in ("clock", "unit", "rest"):
            i = found[f"i(v{name})"][inside] - np.interp(at, time, found[f"i(v{name})"])
            # The driver's charge is that of a whole strobe, the pin's falling edge included.
            whole = name == "clock"
            put(f"{name}_C", np.trapezoid(i, t) if whole else np.trapezoid(i[short], t[short]))
            put(f"{name}_peak_A", np.max(i))
            both += i
        span = (at - SHORT, at, at + REST)
        put("unit_whole_C", charge_beyond_rest(time, found["i(vunit)"], *span))
        put("charge_C", np.max(cumulative_trapezoid(both[short], t[short], initial=0.0)))
        put("peak_A", np.max(both))
        supply = found["v(sup)"][inside]
        put("droop_V", supply[0] - np.min(supply))
        later = [float(np.interp(at + PERIOD / 2, time, found[cell])) for cell in cells(layer)]
        units = np.array(later).reshape(-1, layer.bank.n_cells)
        put("levels", np.sum(units > v_dd / 2, axis=1) - layer.bank.levels)
    return {name: np.array(values) for name, values in rows.items()}


def layer_of(design: Design) -> Layer:
    """Return a layer with the drive that the emitter gives it."""
    return Layer(design=design, drive=drive_units(design, design.banks[0]))


def design_of(technology: Technology, levels: int, n_units: int) -> Design:
    """Return a Design of one layer of so many units, K = `levels`."""
    design = unit_of(technology, levels).design
    bank = design.banks[0]
    return replace(design, banks=(replace(bank, gain_units=np.repeat(bank.gain_units, n_units)),))
