"""A signed node over conditions: its splitter at rest and under current, and what its rails leak.

    python benchmarks/bench_signed_node.py [--tech T] [--dies 0] [--work DIR]

A candidate's splitter (four unit devices) and a signed node of 32 with one leg of 32 on each of its
four rails, behind the bias tree of 64 and 1 nA; both nodes get 0, +2 and -2 nA. Measured: what the
splitter carries at rest; the kT/q by which its node moves per factor e, either way (asinh of
2 nA over twice the current at rest); and what each leg carries while its rail should carry next to
nothing, less what the translinear loop leaves on it (1 to 3 pA). Beside each stands the law with
the constants of the condition: `Calibration.rest_gain`, `signed_slope` and `signed_skew`,
`mru_hw.cells.leakage`. With --dies as many draws of mismatch at sf, ff and fs, 125 degC: mean and
sigma of the legs, and the sigma that Pelgrom's law gives a leg of that leakage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_ladder import Store
from benchmarks.machine import machine
from mru_hw.cells.leakage import bus_leak
from mru_hw.mapping.design import SPLIT_UNITS, Bus, NodeKind
from mru_hw.mapping.gains import flip_gain
from mru_hw.mapping.options import DEFAULTS
from mru_hw.spice.cells import cell_views
from mru_hw.spice.characterize.base import I_USUAL, UNITS, bench_deck
from mru_hw.spice.deck import Change, Deck, Waves
from mru_hw.spice.dies import device_class
from mru_hw.spice.flatten import flatten
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration, temperature_voltage
from mru_hw.technology.conditions import Conditions

Array = NDArray[np.float64]

BIAS_UNITS = 64
I_LSB = I_USUAL / BIAS_UNITS  # A
MOST = 2e-9  # A
REST, PLUS, MINUS, END = 0.29, 0.99, 2.09, 2.1  # s: when each is read
COURSE = f"pwl(0 0 0.3 0 0.6 {MOST} 1 {MOST} 1.3 0 1.4 0 1.7 {-MOST} {END} {-MOST})"
LEGS = ("sink_plus", "source_plus", "sink_minus", "source_minus")
NETS = {"sink_plus": "np", "source_plus": "pp", "sink_minus": "nm", "source_minus": "pm"}
HOT = (("sf", 125.0, 1.1), ("ff", 125.0, 1.1), ("fs", 125.0, 1.1))


def node_deck(technology: Technology, at: Conditions, dies: int = 0) -> Deck:
    """Return the deck of one candidate and one signed node, or of as many nodes as dies."""
    lines = [
        f"ibias vdd n {I_USUAL}",
        f"xbias n p q_n vdd 0 bias_tree units={BIAS_UNITS}",
        f"ic 0 c {COURSE}",
        "vsplit vdd vdds 0",
        f"xc c cnp cpm q_n vdds 0 signed_split units={UNITS} split={DEFAULTS.candidate_split}",
    ]
    saves = ["v(c)", "v(cnp)", "i(vsplit)"]
    for k in range(max(dies, 1)):
        rails = " ".join(f"{NETS[leg]}{k}" for leg in LEGS)
        lines += [
            f"iin{k} 0 s{k} {COURSE}",
            f"xs{k} s{k} {rails} q_n vdd 0 signed_node units={UNITS}",
        ]
        for leg in LEGS:
            bulk, device = ("vdd", "p_mirror") if leg.startswith("source") else ("0", "n_mirror")
            name = f"{NETS[leg]}{k}"
            lines += [
                f"v{name} o{name} 0 {at.v_dd / 2}",
                f"xl{name} o{name} {name} {bulk} {bulk} {device} units={UNITS}",
            ]
            saves.append(f"i(v{name})")
    deck = bench_deck(technology, at, lines, tuple(saves), t_stop=END, step=5e-3)
    return replace(deck, commands=tuple(_mismatch(technology, dies)))


def _mismatch(technology: Technology, dies: int) -> list[str]:
    text = technology.devices_spice() + cell_views()
    parts = [p for p in flatten(text, "signed_node", technology) if p.kind == "m"]
    leg = technology.transistor_path
    rng, commands = np.random.default_rng(1), list[str]()
    for k in range(dies):
        drawn = [(f"m.xs{k}.{p.path}", device_class(technology, p), p.values["m"]) for p in parts]
        for name, net in NETS.items():
            device = "p_mirror" if name.startswith("source") else "n_mirror"
            drawn.append((f"m.xl{net}{k}.{leg(device)}", device, float(UNITS)))
        for path, device, units in drawn:
            dvt, dbeta = (s * rng.normal() for s in technology.sigma(device, units))
            sign = 1.0 if technology.devices[device].polarity == "n" else -1.0
            commands += [
                Change(device=path, parameter="delvto", add=sign * dvt).command,
                Change(device=path, parameter="mulu0", times=1 + dbeta).command,
            ]
    return commands


def idle_legs(waves: Waves, k: int) -> dict[str, float]:
    """Return what the legs carry [A] while their rails should carry nothing."""
    found = {}
    for leg in LEGS:
        when = MINUS if leg.endswith("plus") else PLUS
        current = np.interp(when, waves.time, waves.vectors[f"i(v{NETS[leg]}{k})"])
        found[leg] = float(abs(current))
    return found


def read(at: Conditions, waves: Waves) -> dict[str, Any]:
    """Return rest [A], slopes [kT/q per factor e] and idle legs [A]."""
    v = {
        name: float(np.interp(t, waves.time, waves.vectors["v(c)"]))
        for name, t in (("rest", REST), ("plus", PLUS), ("minus", MINUS))
    }
    rest = float(abs(np.interp(REST, waves.time, waves.vectors["i(vsplit)"])))
    per_e = temperature_voltage(at.temperature) * float(np.arcsinh(MOST / (2 * rest)))
    return {
        "rest_A": rest,
        "slope_up": (v["plus"] - v["rest"]) / per_e,
        "slope_down": (v["rest"] - v["minus"]) / per_e,
        "legs_A": idle_legs(waves, 0),
    }


def law(calibration: Calibration) -> dict[str, Any]:
    """Return the same by the array's laws."""
    bus = Bus(
        name="s",
        kind=NodeKind.SIGNED,
        size=1,
        scale=I_USUAL,
        units=UNITS,
        usual=I_USUAL,
        split=1,
        mean=(0.0,),
        deviation=(1.0,),
    )
    i_q = SPLIT_UNITS * I_LSB * calibration.rest_gain(I_LSB)
    left = np.array([np.hypot(MOST / 2, i_q) - MOST / 2]) / I_USUAL
    leak, legs = bus_leak(calibration, bus), {}
    for sign, direct in (("plus", "n"), ("minus", "p")):
        pair = leak.copied(sign, left) if leak.legs else (left, left)
        for polarity, copied in zip((direct, "p" if direct == "n" else "n"), pair, strict=True):
            gain = 1.0 if polarity == direct else flip_gain(calibration, direct, bus.i_device)
            leg = f"{'source' if polarity == 'p' else 'sink'}_{sign}"
            legs[leg] = float(copied[0] * gain * I_USUAL)
    slope, skew = calibration.signed_slope, calibration.signed_skew
    return {
        "rest_A": DEFAULTS.candidate_split * i_q,
        "slope_up": slope * (1 + skew),
        "slope_down": slope * (1 - skew),
        "legs_A": legs,
    }


def there(calibration: Calibration, at: Conditions) -> Calibration:
    """Return the constants of a condition."""
    return calibration.at(at.v_dd, temperature=at.temperature, corner=at.corner)


def spread(
    technology: Technology, calibration: Calibration, dies: int, waves: Waves
) -> dict[str, Any]:
    """Return mean and sigma of each idle leg over dies, and what the law says of its sigma."""
    ut, found = temperature_voltage(calibration.temperature), {}
    means = law(calibration)["legs_A"]
    legs = [idle_legs(waves, k) for k in range(dies)]
    for leg in LEGS:
        values = np.array([each[leg] for each in legs])
        polarity = "p" if leg.startswith("source") else "n"
        dvt, _ = technology.sigma(f"{polarity}_mirror", UNITS)
        n = (calibration.n if polarity == "n" else calibration.p).slope
        found[leg] = {
            "mean_A": float(values.mean()),
            "sigma": float(values.std(ddof=1) / values.mean()),
            "law_mean_A": means[leg],
            "law_sigma_of_the_leg": dvt / (n * ut),
        }
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--tech", default="generic180")
    parser.add_argument("--dies", type=int, default=0)
    parser.add_argument("--work", type=Path)
    asked = parser.parse_args(arguments)
    technology = load_technology(asked.tech)
    nominal = load_calibration(technology)
    if asked.work is not None:
        asked.work.mkdir(parents=True, exist_ok=True)
    store, rows, dies = Store(asked.work), [], []
    for corner in technology.corners:
        for temperature in (-40.0, 27.0, 85.0, 125.0):
            for relative in (0.9, 1.0, 1.1):
                v_dd = relative * technology.v_dd
                at = Conditions(corner=corner, temperature=temperature, v_dd=v_dd)
                name = f"node-{technology.name}-{corner}{temperature:g}-{relative:g}"
                made = store(name, node_deck(technology, at), partial(read, at))
                row = {"corner": corner, "temperature": temperature, "v_dd": v_dd}
                rows.append(row | made | {"law": law(there(nominal, at))})
    for corner, temperature, relative in HOT if asked.dies else ():
        at = Conditions(corner=corner, temperature=temperature, v_dd=relative * technology.v_dd)
        name = f"dies-{technology.name}-{corner}{temperature:g}"
        made = store(
            name,
            node_deck(technology, at, asked.dies),
            partial(spread, technology, there(nominal, at), asked.dies),
        )
        dies.append({"corner": corner, "temperature": temperature, "v_dd": at.v_dd} | made)
    told = {name: str(value) for name, value in vars(asked).items()}
    print(json.dumps({"machine": machine(), "asked": told, "rows": rows, "dies": dies}, indent=1))


if __name__ == "__main__":
    main()
