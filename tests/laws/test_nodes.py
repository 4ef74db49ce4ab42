"""Every node of the array meets Kirchhoff's law, its own voltage taken into account."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq

from mru_hw.circuits.nodes.laws import EVEN
from mru_hw.mapping.realised import quiescent_current
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.run import Chip
from mru_hw.technology.calibration import temperature_voltage
from tests.laws.chips import make_chip


class Solver:
    """Kirchhoff's law at one node after the other, each leg by the mirror law itself.

    No logarithm is taken to first order and no node stays at its usual voltage.
    """

    def __init__(self, chip: Chip) -> None:
        self.design, self.cal = chip.design, chip.calibration
        self.i_q = quiescent_current(chip.design.buses["x"], chip.design.i_lsb, self.cal)

    def copy(self, polarity: str, i: float, units: int) -> tuple[float, float]:
        """A diode's current less what its own gate voltage takes from a leg, and that voltage."""
        gate = self.cal.v_gate(polarity, i / units)
        m = getattr(self.cal, polarity)
        return i / (1 + m.conductance * gate), gate

    def gates(self, bus: Any, rail: tuple[float, float]) -> dict[str, float]:
        """What a leg of the diode's size copies per unit of 1 + lambda V_DS, by role."""
        found = {}
        for name, i, direct, other in zip(("plus", "minus"), rail, "np", "pn", strict=True):
            if i <= 0:
                continue
            own, _ = self.copy(direct, i, bus.units)
            flipped = i
            for _ in range(50):  # the copy into the other diode, whose voltage it makes
                gate = self.cal.v_gate(other, flipped / bus.units)
                left = self.cal.v_dd - gate
                flipped = own * (1 + getattr(self.cal, direct).conductance * left)
            side = {"n": f"sink_{name}", "p": f"source_{name}"}
            found[side[direct]] = own
            found[side[other]] = self.copy(other, flipped, bus.units)[0]
        return found

    def node(self, name: str, rails: dict[str, list[tuple[float, float]]], row: int) -> float:
        """Current [A] into a class-AB node."""
        legs: list[tuple[str, float]] = []
        for c in (c for c in self.design.connections if c.target == name):
            source = self.design.buses[c.source]
            for column in range(source.size):
                gates = self.gates(source, rails[c.source][column])
                m, k = c.plus[row, column], c.minus[row, column]
                for role, units in (
                    ("source_plus", m),
                    ("sink_plus", -m),
                    ("sink_minus", k),
                    ("source_minus", -k),
                ):
                    if units > 0:
                        legs.append((role, units / source.units * gates[role]))
        i_q = self.i_q * self.design.buses[name].split

        def left(i: float) -> float:
            skew = self.cal.signed_skew if abs(self.cal.signed_skew) > EVEN else 0.0
            side = 1 + skew if i > 0 else 1 - skew
            moved = self.cal.signed_slope * side * temperature_voltage(27.0)
            rest = self.cal.v_signed + self.cal.signed_rest
            v = rest + moved * np.arcsinh(i / 2 / i_q)
            total = -i
            for role, leg in legs:
                if role.startswith("source"):
                    total += leg * (1 + self.cal.p.conductance * (self.cal.v_dd - v))
                else:
                    total -= leg * (1 + self.cal.n.conductance * v)
            return float(total)

        return float(brentq(left, -1e-7, 1e-7, xtol=1e-18))

    def rails(self, name: str, i: float) -> tuple[float, float]:
        i_q = self.i_q * self.design.buses[name].split
        root = np.sqrt(i * i / 4 + i_q**2)
        return float(root + i / 2), float(root - i / 2)


def test_every_node_meets_kirchhoff_s_law_with_its_own_voltage() -> None:
    """The array's logarithms are first order: what is left is (0.01 ln 30)^2 / 2 a connection."""
    chip = make_chip("cmru", levels=2)
    solver, design = Solver(chip), chip.design
    array = compile_die(design, chip.calibration, chip.die(None), temperature=27.0)
    x = np.random.default_rng(8).normal(size=(4, 1, 25))
    scale = {name: bus.scale for name, bus in design.buses.items()}
    bias = [(scale["bias"], 0.0)]
    rails = {"x": array.nodes["x"].rails(x)}
    v, rails["v0"] = array.arrive("v0", rails)
    c, _ = array.arrive("c0", rails)
    moved = []
    for k in range(x.shape[2]):
        given = {"bias": bias, "x": [solver.rails("x", i * scale["x"]) for i in x[:, 0, k]]}
        exact = np.array([solver.node("v0", given, row) for row in range(len(v))])
        np.testing.assert_allclose(
            v[:, 0, k] * scale["v0"], exact, atol=1e-3 * np.max(np.abs(exact))
        )
        given["v0"] = [solver.rails("v0", i) for i in exact]
        exact = np.array([solver.node("c0", given, row) for row in range(len(c))])
        np.testing.assert_allclose(
            c[:, 0, k] * scale["c0"], exact, atol=2e-3 * np.max(np.abs(exact))
        )
        linear = chip.mapped.tensors["layers.0.candidate.weight"] @ v[:, 0, k]
        linear += chip.mapped.tensors["layers.0.candidate.bias"]
        moved.append(np.max(np.abs(linear - exact / scale["c0"])))
    # What would be missing without it.
    assert np.max(moved) > 0.05
