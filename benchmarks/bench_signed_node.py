"""A signed node over conditions: its splitter at rest and under current, and what its rails leak.

    python benchmarks/bench_signed_node.py [--tech T] [--dies 0] [--work DIR]

A candidate's splitter (four unit devices) and a signed node of 32 with one leg of 32 on each of its
four rails, behind the bias tree of 64 and 1 nA; both nodes get 0, +2 and -2 nA. Measured: what the
splitter carries at rest; the kT/q by which its node moves per factor e, either way (asinh of
2 nA over twice the current at rest); and what each leg carries while its rail should carry next to
nothing, less what the translinear loop leaves on it (1 to 3 pA). Beside each stands the law with
the constants of the condition: `Calibration.rest_gain`, `signed_slope` and `signed_skew`,
`mru_hw.circuits.legs.leakage`. With --dies as many draws of mismatch at sf, ff and fs, 125 degC:
mean and sigma of the legs, and the sigma that Pelgrom's law gives a leg of that leakage.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np

from benchmarks.study import answer, label, parsed, relative, store_of, study, told
from mru_hw.circuits.base import NodeKind
from mru_hw.circuits.legs.gains import flip_gain
from mru_hw.circuits.legs.leakage import bus_leak
from mru_hw.circuits.nodes.bias import rest_current
from mru_hw.mapping.design import Bus
from mru_hw.mapping.options import DEFAULTS
from mru_hw.mapping.rows import Part
from mru_hw.spice.cells import cell_views
from mru_hw.spice.characterize.base import I_USUAL, UNITS, cells_deck
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.dies import device_changes, device_class
from mru_hw.spice.flatten import flatten
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration, temperature_voltage
from mru_hw.technology.conditions import Conditions

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
    deck = cells_deck(technology, at, lines, tuple(saves), t_stop=END, step=5e-3)
    return replace(deck, commands=tuple(_mismatch(technology, dies)))


def _mismatch(technology: Technology, dies: int) -> list[str]:
    text = technology.devices_spice() + cell_views()
    parts = [p for p in flatten(text, "signed_node", technology) if p.kind == "m"]
    leg = technology.transistor_path
    rng, commands = np.random.default_rng(1), list[str]()
    for k in range(dies):
        drawn = [(f"xs{k}.{p.path}", device_class(technology, p), p.values["m"]) for p in parts]
        for name, net in NETS.items():
            device = "p_mirror" if name.startswith("source") else "n_mirror"
            drawn.append((f"xl{net}{k}.{leg(device)}", device, float(UNITS)))
        for path, device, units in drawn:
            dvt, dbeta = (s * rng.normal() for s in technology.sigma(device, units))
            changes = device_changes(technology, device, path, dvt, dbeta)
            commands += [change.command for change in changes]
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
        name=Part.SIGNAL.of(0),
        kind=NodeKind.SIGNED,
        size=1,
        scale=I_USUAL,
        units=UNITS,
        usual=I_USUAL,
        split=1,
        mean=(0.0,),
        deviation=(1.0,),
    )
    i_q = rest_current(calibration, bus, I_LSB)
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


def main() -> None:
    """Measure and print."""
    parser = study(__doc__)
    parser.add_argument("--dies", type=int, default=0)
    given = parsed(parser)
    technology = load_technology(given.tech)
    nominal = load_calibration(technology)
    store, rows, dies = store_of(given), [], []
    for where in itertools.product(technology.corners, (-40.0, 27.0, 85.0, 125.0), (0.9, 1.0, 1.1)):
        at = relative(technology, where)
        name = f"node-{technology.name}-{label(at)}-{where[2]:g}"
        made = store(name, node_deck(technology, at), partial(read, at))
        rows.append(asdict(at) | made | {"law": law(there(nominal, at))})
    for at in [relative(technology, where) for where in HOT] if given.dies else ():
        name = f"dies-{technology.name}-{label(at)}"
        made = store(
            name,
            node_deck(technology, at, given.dies),
            partial(spread, technology, there(nominal, at), given.dies),
        )
        dies.append(asdict(at) | made)
    answer({"asked": told(given), "rows": rows, "dies": dies})


if __name__ == "__main__":
    main()
