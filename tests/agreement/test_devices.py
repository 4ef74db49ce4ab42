"""ngspice takes every device class of every technology at the corners and temperatures allowed."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mru_hw.spice.characterize.lengths import solve
from mru_hw.technology import Technology, load_technology, technology_names
from mru_hw.technology.conditions import TEMPERATURES

DIODE = 1e-9  # A
AT = [(name, c) for name in technology_names() for c in load_technology(name).corners]


def bench(technology: Technology) -> tuple[list[str], list[str]]:
    """Every class as a diode, fully on and off, and the ladder cell's capacitor."""
    lines, saves = [f"v1 vdd 0 {technology.v_dd}", "xc vdd 0 c_state"], []
    for k, (name, device) in enumerate(technology.devices.items()):
        on, off = ("vdd", "0") if device.polarity == "n" else ("0", "vdd")
        lines += [
            f"i{k} {on} g{k} {DIODE}" if device.polarity == "n" else f"i{k} g{k} {on} {DIODE}",
            f"xd{k} g{k} g{k} {off} {off} {name}",
            f"von{k} {on} a{k} 0",
            f"xa{k} a{k} {on} {off} {off} {name}",
            f"voff{k} {on} b{k} 0",
            f"xb{k} b{k} {off} {off} {off} {name}",
        ]
        saves += [f"v(g{k})", f"i(von{k})", f"i(voff{k})"]
    return lines, saves


@pytest.mark.parametrize(("name", "corner"), AT)
def test_every_device_class_has_an_operating_point(name: str, corner: str) -> None:
    technology = load_technology(name)
    lines, saves = bench(technology)
    for temperature in (TEMPERATURES[0], technology.temperature, TEMPERATURES[1]):
        found = solve(technology, lines, saves, "op", corner, temperature, sizes=())
        values = dict(
            zip(product(technology.devices, ("gate", "on", "off")), found[0], strict=True)
        )
        assert np.all(np.isfinite(found))
        for key, device in technology.devices.items():
            gate, on, off = (values[key, what] for what in ("gate", "on", "off"))
            v_gs = gate if device.polarity == "n" else technology.v_dd - gate
            at = (key, temperature)
            assert 0 < v_gs < technology.v_dd, at
            assert abs(off) < DIODE, at
            assert abs(on) > 1e4 * DIODE * device.w / device.l, at  # a long one delays
            assert (on > 0) == (device.polarity == "n"), at
