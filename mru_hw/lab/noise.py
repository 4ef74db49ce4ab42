"""Noise of devices and of a unit's decision in ngspice, beside the array's law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mru_hw.lab.ladder import I_UNIT
from mru_hw.lab.networks import unit_model
from mru_hw.lab.store import Store
from mru_hw.mapping import map_model
from mru_hw.mapping.design import Design
from mru_hw.model.network import Array
from mru_hw.simulate.decision_noise import LOW_CORNER, NoiseLaw, decision_capacitance
from mru_hw.spice.batch import batch
from mru_hw.spice.chip import SUPPLIES, node_net
from mru_hw.spice.deck import BENCH, CHIP, token_of
from mru_hw.spice.unit_bench import UNIT, unit_deck
from mru_hw.technology import MODELS, Technology
from mru_hw.technology.calibration import CHARGE, Calibration, load_calibration, temperature_voltage
from mru_hw.technology.conditions import Conditions, nominal_conditions

CURRENTS = (1e-12, 1e-11, 3.1e-11, 1e-10, 1e-9)  # A, of a unit device
HOT = ("ff", 85.0)
OPTIONS = "gmin=1e-18 abstol=1e-18 vntol=1e-9 reltol=1e-6"
UNIT_OPTIONS = "gmin=1e-17 abstol=1e-16 vntol=1e-8 reltol=1e-5"
"""A whole unit's operating point is found by these, and with tighter ones not always."""
OHMS = 1e9  # of the ideal element that makes a voltage of a current: densities stay printable
BAND = "dec 5 1e-5 1e6"
ABOVE = 3e4  # Hz, beyond the poles of the rails that the comparator's legs read
LEVELS = 2
FRAME = 4e-3  # s: eight time constants of a comparator's node
NODE = "xchip.xu0_0.xstep.u"
PATH = {
    "xbias.xd": "n",
    "xbias.xf": "n",
    "xbias.xfd": "p",
    "xc0_0.xdn": "n",
    "xu0_0.xstep.xu2": "n",
    "xu0_0.xstep.xu1": "p",
}
"""Devices between the reference, the candidate and the comparator's node, and their polarity."""


class Batch:
    """ngspice in a process of its own for each deck; what it wrote is kept by the deck's text."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, technology: Technology, lines: Sequence[str], chip: str = "") -> list[Array]:
        """Run a deck whose control lines write 0.data, 1.data, ...; return their tables."""
        text = "\n".join(["* noise", *lines, "quit", ".endc", ".end", ""])
        files = {BENCH: text, CHIP: chip, **technology.model_files()}

        def run() -> list[Any]:
            with batch(files, "0.data", time_s=300) as folder:
                count = len(list(folder.glob("*.data")))
                return [np.loadtxt(folder / f"{k}.data", ndmin=2) for k in range(count)]

        kept = self._store.keep(f"noise-{token_of(files.values()):.9f}", run)
        return [np.array(table) for table in kept]


def header(conditions: Conditions, options: str = OPTIONS) -> list[str]:
    """Return the first lines of a deck."""
    return [
        f".lib '{MODELS}' {conditions.corner}",
        f".options temp={conditions.temperature:.9g} {options}",
    ]


def conditions_of(technology: Technology) -> list[Conditions]:
    """Return the nominal conditions and the hot fast ones."""
    corner, temperature = HOT
    hot = Conditions(corner=corner, temperature=temperature, v_dd=technology.v_dd)
    return [nominal_conditions(technology), hot]


def named(conditions: Conditions) -> str:
    """Name conditions."""
    return f"{conditions.corner}, {conditions.temperature:g} degC"


def spectra(
    batch: Batch, technology: Technology, conditions: Conditions, polarity: str
) -> dict[str, Any]:
    """Noise of one unit device at all currents."""
    sign = 1 if polarity == "n" else -1
    device = f"{polarity}_mirror"
    at = f"onoise.m.xm.{technology.transistor_path(device)}"
    lines = [
        *header(conditions),
        technology.devices_spice(),
        f"ir 0 r {sign * CURRENTS[0]}",
        f"xr r r 0 0 {device}",
        "vg g 0 0",
        "vd s 0 dc 0 ac 1",
        "vs s d 0",
        f"xm d g 0 0 {device}",
        f"hout out 0 vs {OHMS:g}",
        ".control",
        "set num_threads=1",
        "set numdgt=10",
    ]
    for k, current in enumerate(CURRENTS):
        lines += [
            f"alter vd dc={sign * conditions.v_dd / 2:.9g}",
            f"alter ir dc={sign * current:.9g}",
            "op",
            "let gate=v(r)",
            "alter vg dc=$&gate",
        ]
        for place, v_ds in enumerate((conditions.v_dd / 2, 0.0)):
            lines += [
                f"alter vd dc={sign * v_ds:.9g}",
                "op",
                f"wrdata {6 * k + 3 * place}.data i(vs)",
                "ac lin 1 1 1",
                f"wrdata {6 * k + 3 * place + 1}.data mag(i(vs))",
                f"noise v(out) vd {BAND} 1",
                "setplot previous",
                f"wrdata {6 * k + 3 * place + 2}.data onoise_spectrum {at}.id {at}.1overf",
            ]
    tables = batch(technology, lines)
    constants, size = technology.flicker, technology.devices[device]
    gate = getattr(constants, f"k_{polarity}") / (constants.c_ox * size.w * size.l)
    calibration = load_calibration(technology)
    thermal = calibration.thermal(polarity, conditions.temperature)
    rows = []
    for k in range(len(CURRENTS)):
        current = abs(float(tables[6 * k][0, 1]))
        noise = tables[6 * k + 2]
        f, (total, white, flicker) = noise[:, 0], (noise[:, 1::2] / OHMS).T ** 2
        g, rest = float(tables[6 * k + 4][0, 1]), tables[6 * k + 5]
        level = float((rest[0, 3] / OHMS) ** 2)
        thermal_level = 4 * CHARGE * temperature_voltage(conditions.temperature) * g
        law = gate / thermal**2 * current**2
        over = np.interp(np.log((1e-3, 1.0, 1e2)), np.log(f), flicker * f) / law
        corner = math.exp(float(np.interp(0.0, np.log(white / flicker), np.log(f))))
        rows.append(
            {
                "current_A": current,
                "white_over_2qI": float(white[0]) / (2 * CHARGE * current),
                "flicker_over_law_at_1mHz_1Hz_100Hz": over,
                "corner_Hz": corner,
                "corner_of_the_law_Hz": law / (2 * CHARGE * current),
                "white_at_zero_over_4kTg": level / thermal_level,
                "spectrum_over_2qI": total / (2 * CHARGE * current),
                "frequency_Hz": f,
                "law_over_2qI": 1 + law / (2 * CHARGE * current) / f,
            }
        )
    return {"rows": rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One unit, its law at the conditions, currents in A."""

    design: Design
    calibration: Calibration
    conditions: Conditions

    @property
    def threshold(self) -> float:
        """The threshold's current [A]."""
        return float(self.design.banks[0].up_units[0]) * self.design.i_lsb

    @property
    def reference(self) -> float:
        """The current [A] into the reference pin."""
        return self.design.i_lsb * self.design.bias.units

    @property
    def node(self) -> str:
        """The net of the candidate's node."""
        return node_net(self.design.buses[self.design.banks[0].candidate], 0)

    def law(self) -> NoiseLaw:
        """Return the array's law, its scale 1."""
        return NoiseLaw.of(self.design, self.calibration, self.conditions.temperature, 1.0)

    def variances(self) -> tuple[float, float]:
        """White (2 q I) and flicker variance [A^2] of the law, for a candidate without legs."""
        law, bank, current = self.law(), self.design.banks[0], self.threshold
        units = self.design.buses[bank.candidate].units
        white = current * 3 + current**2 * law.bias[0]
        squares = current**2 * (2 / units + law.bias[1]) + current * self.design.i_lsb
        band = law.slow + float(law.fast[0][0, 0, 0])
        bandwidth = float(law.bandwidth[0][0, 0, 0])
        return 2 * CHARGE * bandwidth * white, law.flicker * squares * band

    def instance(self) -> list[str]:
        """Return the lines of the unit and its supplies."""
        pins = f"{self.node} phi0 rst iref {' '.join(SUPPLIES)} 0"
        return [
            f"vdd vdd 0 {self.conditions.v_dd:.9g}",
            *(f"v{name} vdd {name} 0" for name in SUPPLIES),
            "vref vdd vref 0",
            f"ibias vref iref {self.reference:.9g}",
            f"xchip {pins} {UNIT}",
        ]


def unit_at(technology: Technology, conditions: Conditions) -> Unit:
    """Return a unit of K = 2 with the constants of the conditions.

    Raises
    ------
    UserError
        There are no constants at the conditions.
    """
    calibration = load_calibration(technology)
    design = map_model(unit_model(LEVELS, f"{FRAME * 1e3:g} ms"), technology, calibration)
    there = calibration.at(corner=conditions.corner, temperature=conditions.temperature)
    return Unit(design=design, calibration=there, conditions=conditions)


def decided(batch: Batch, unit: Unit) -> dict[str, Any]:
    """`.noise` of the unit at its decision."""
    technology, chip = unit.design.technology, unit_deck(unit.design, 0, 0)
    lines = [
        *header(unit.conditions, UNIT_OPTIONS),
        f".include '{CHIP}'",
        *unit.instance(),
        "vrst rst 0 0",
        "vphi phi0 0 0",
        f"ic 0 {unit.node} dc {I_UNIT:g} ac 1",
        f"iu 0 {NODE} dc 0",
        ".control",
        "set num_threads=1",
        "set numdgt=10",
    ]
    sweep = f"dc ic {0.8 * I_UNIT:g} {1.2 * I_UNIT:g} {2e-3 * I_UNIT:g}"
    (course,) = batch(technology, [*lines, sweep, f"wrdata 0.data v({NODE})"], chip)
    c = float(np.interp(-unit.calibration.v_trip_up, -course[:, 1], course[:, 0]))
    parts = [
        f"onoise.m.xchip.{name}.{technology.transistor_path(f'{side}_mirror')}.{part}"
        for name, side in PATH.items()
        for part in ("id", "1overf")
    ]
    lines += [
        f"alter ic dc={c:.12g}",
        "ac dec 20 1e-5 1e7",
        f"wrdata 0.data vm({NODE})",
        f"noise v({NODE}) ic dec 20 1e-5 1e7 1",
        "setplot previous",
        f"wrdata 1.data onoise_spectrum {' '.join(parts)}",
        "alter ic acmag=0",
        "alter iu acmag=1",
        "ac dec 20 1e-5 1e7",
        f"wrdata 2.data vm({NODE})",
    ]
    gain, noise, impedance = batch(technology, lines, chip)
    f, slope = gain[:, 0], float(gain[0, 1])
    resistance = float(impedance[0, 1])
    fast = float(np.interp(ABOVE, f, impedance[:, 1]))
    pole = float(np.interp(-resistance / math.sqrt(2), -impedance[:, 1], f))
    density = (noise[:, 1::2] / slope).T ** 2
    counted = f >= LOW_CORNER
    total = float(np.trapezoid(density[0, counted], f[counted]))
    devices: dict[str, Any] = {}
    white = shots = 0.0
    carried = (*3 * (unit.reference,), c, c, unit.threshold)
    for k, (name, current) in enumerate(zip(PATH, carried, strict=True)):
        shot, flicker = density[1 + 2 * k], density[2 + 2 * k]
        variance = float(np.trapezoid(shot, f))
        white += variance
        shots += 2 * CHARGE * current * variance / float(shot[0])
        devices[name] = {
            "white_over_2q_i_unit": float(shot[0]) / (2 * CHARGE * I_UNIT),
            "bandwidth_Hz": variance / float(shot[0]),
            "flicker_sigma_A": math.sqrt(np.trapezoid(flicker[counted], f[counted])),
        }
    law_white, law_flicker = unit.variances()
    load = decision_capacitance(unit.design, unit.calibration, unit.design.banks[0])
    conductance = (unit.calibration.n.conductance + unit.calibration.p.conductance) * unit.threshold
    return {
        "candidate_A": c,
        "mirror_gain": slope / resistance,
        "conductance_S": 1 / resistance,
        "capacitance_F": 1 / (2 * math.pi * pole * resistance),
        "capacitance_above_the_mirrors_poles_F": 1 / (2 * math.pi * ABOVE * fast),
        "bandwidth_Hz": math.pi / 2 * pole,
        "law_conductance_S": conductance,
        "law_capacitance_F": float(load[0]),
        "law_bandwidth_Hz": float(unit.law().bandwidth[0][0, 0, 0]),
        "devices": devices,
        "sigma_A": {
            "white": math.sqrt(white),
            "white_of_2qI": math.sqrt(shots),
            "flicker": math.sqrt(total - white),
            "all": math.sqrt(total),
        },
        "law_sigma_A": {
            "white": math.sqrt(law_white),
            "flicker": math.sqrt(law_flicker),
            "all": math.sqrt(law_white + law_flicker),
        },
    }
