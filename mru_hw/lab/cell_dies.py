"""The nine-transistor cell between an input node and an output node, on mismatch dies."""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.catalogue import NODE_VIEWS
from mru_hw.circuits.loop.circuit import LOOP
from mru_hw.errors import RunStatus
from mru_hw.lab.cell import crossings
from mru_hw.model.network import Array
from mru_hw.spice.cells import cell_views
from mru_hw.spice.deck import TOKEN, Change, Deck, Waves, make_deck
from mru_hw.spice.dies import device_changes, device_class
from mru_hw.spice.flatten import flatten
from mru_hw.technology import MODELS, Technology
from mru_hw.technology.conditions import nominal_conditions

TOP = """\
.subckt cell_under_test in v vdd
iref vdd n 1n
xbias n p q_n vdd 0 bias_tree units=64
xin in in_p vdd 0 relu_node units=32
xc in_p v n 0 vdd out vdd 0 hysteretic_cell units=32 hold=64 width=32 gain=64
xout out out_n vdd 0 state_node units=64
.ends
"""
I_LOW, I_HIGH = 0.2e-9, 1.4e-9  # A
RAMP_S = 12.0
# The switching is found by the charge's own error, so that the steps between are long.
OPTIONS = "gmin=1e-17 abstol=1e-15 vntol=1e-5 chgtol=1e-19 trtol=0.3 reltol=1e-4 method=gear"


def cell_deck(technology: Technology, options: str = OPTIONS, step: float = RAMP_S / 75) -> Deck:
    """Return the deck of the cell under a triangle of input current, `RAMP_S` a side."""
    at = nominal_conditions(technology)
    body = [
        "* The nine-transistor cell between its input node and its output node",
        f".lib '{MODELS}' {at.corner}",
        f".options temp={at.temperature:g} {options}",
        technology.devices_spice(),
        cell_views((*NODE_VIEWS, *LOOP.views)),
        TOP,
        f"vdd vdd 0 {technology.v_dd}",
        f"iin 0 a pwl(0 {I_LOW} 1 {I_LOW} {1 + RAMP_S} {I_HIGH} {1 + 2 * RAMP_S} {I_LOW})",
        "vin a in 0",
        "xt in v vdd cell_under_test",
        f".save v(v) i(vin) {TOKEN}",
        f".tran {step:.9g} {1 + 2 * RAMP_S:.9g} uic",
    ]
    saves = ("v(v)", "i(vin)")
    return make_deck(body, technology.model_files(), saves, t_stop=1 + 2 * RAMP_S)


def cell_dies(technology: Technology, count: int, top: str = TOP) -> list[list[Change]]:
    """Draw mismatch for every transistor of the cell and the nodes around it, as in `top`."""
    deck = f"{technology.devices_spice()}\n{cell_views((*NODE_VIEWS, *LOOP.views))}\n{top}"
    dies: list[list[Change]] = [[] for _ in range(count)]
    for placed in flatten(deck, "cell_under_test", technology):
        if placed.kind != "m":
            continue
        name, path = device_class(technology, placed), f"xt.{placed.path}"
        sigma = technology.sigma(name, placed.values["m"])
        for seed, die in enumerate(dies):
            key = np.random.SeedSequence([seed, *placed.path.encode()])
            dvt, dbeta = (np.random.default_rng(key).standard_normal(2) * sigma).tolist()
            die.extend(device_changes(technology, name, path, dvt, dbeta))
    return dies


def switching(waves: Waves) -> Array:
    """Input currents [A] at which the cell rises and falls; NaN where it does not."""
    found = np.full(2, np.nan)
    if waves.status is not RunStatus.DONE:
        return found
    v, i = waves.vectors["v(v)"], waves.vectors["i(vin)"]
    for at, upwards in zip(*crossings(i, v, 0.9), strict=True):
        found[0 if upwards else 1] = at
    return found
