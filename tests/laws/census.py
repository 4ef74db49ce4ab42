"""A frame of a nominal chip by hand: every transistor whose source is a supply pin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mru_hw.circuits.legs.gains import leg_slopes, node_thermal, path_exponents, path_gains
from mru_hw.mapping import NodeKind
from mru_hw.mapping.design import Bank, Bus
from mru_hw.simulate.run import Chip
from mru_hw.simulate.supply import BLOCKS
from mru_hw.technology import load_technology

TECHNOLOGY = load_technology("generic180")
V_DD = TECHNOLOGY.v_dd
# A node's plus and minus rail [A] and the logarithm of the plus rail over the usual current.
Rail = tuple[float, float, float]


class Census:
    """One frame of a nominal chip: every PMOS whose source is a supply pin, one after the other.

    Walks the Design element by element in plain Python, with no matrix product and none of the
    behavioral level's own sums.
    """

    def __init__(self, chip: Chip) -> None:
        self.chip, self.design, self.cal = chip, chip.design, chip.calibration
        self.i_lsb = chip.design.i_lsb
        self.blocks = dict.fromkeys(BLOCKS, 0.0)
        self.rest = 2 * self.i_lsb * self.cal.rest_gain(self.i_lsb)

    def n(self, v_ds: float, current: float) -> float:
        return self.cal.gain("n", v_ds, current)

    def p(self, v_sd: float, current: float) -> float:
        return self.cal.gain("p", v_sd, current)

    def flips(self, i: float) -> tuple[float, float]:
        """Gain of a PMOS copy into an NMOS diode, and of an NMOS copy into a PMOS diode."""
        up = self.p(V_DD - self.cal.v_gate("n", i), i)
        return up, self.n(V_DD - self.cal.v_gate("p", i), i)

    def rails(self, bus: Bus, i: float) -> Rail:
        if bus.kind in (NodeKind.SIGNED, NodeKind.CANDIDATE):
            rest = self.rest * bus.split  # units of xsn and xsp
            root = math.sqrt(i * i / 4 + rest**2)
            return root + i / 2, root - i / 2, math.log((root + i / 2) / bus.usual)
        plus = max(i, 0.0)
        return plus, 0.0, math.log(plus / bus.usual + 1e-6)

    def into(self, name: str, rails: dict[str, list[Rail]], row: int) -> tuple[float, float]:
        """Current into a node at rest, what each leg carries and on which side, and its pull."""
        total = pull = 0.0
        target = self.design.buses[name]
        slopes = leg_slopes(self.cal, target)
        for c in (c for c in self.design.connections if c.target == name):
            source = self.design.buses[c.source]
            gains = path_gains(self.cal, source, target)
            falls = path_exponents(self.cal, source, 27.0)
            for column in range(source.size):
                i_plus, i_minus, log = rails[c.source][column]
                if source.kind is NodeKind.SIGNED:
                    other = 2 * math.log(self.rest * source.split / source.usual) - log
                m, k = int(c.plus[row, column]), int(c.minus[row, column])
                for role, units, i, at, sign in (
                    ("source_plus", m, i_plus, log, 1),
                    ("sink_plus", -m, i_plus, log, -1),
                    ("sink_minus", k, i_minus, other if k else 0.0, -1),
                    ("source_minus", -k, i_minus, other if k else 0.0, 1),
                ):
                    if units > 0:
                        leg = gains[role] * units / source.units * i
                        total += sign * leg * (1 - falls[role] * at)
                        pull += leg * slopes["p" if sign > 0 else "n"]
        return total, pull * node_thermal(self.cal, target, 27.0)

    def settle(self, bus: Bus, total: float, pull: float) -> Rail:
        """Rails of a node whose voltage moves by kT/q per factor e of its current."""
        if bus.kind in (NodeKind.SIGNED, NodeKind.CANDIDATE):
            rest = self.rest * bus.split
            log = math.asinh(total / 2 / rest)
            # Further up than down, from where it rests.
            moved = log + self.cal.signed_skew * abs(log)
            moved += self.cal.signed_rest / node_thermal(self.cal, bus, 27.0)
            plus, minus, _ = self.rails(bus, total - pull * moved)
            return plus, minus, log + math.log(rest / bus.usual)
        if bus.kind is NodeKind.PIN:
            return total, 0.0, 0.0
        plus = max(total, 0.0)
        log = math.log(plus / bus.usual + 1e-6)
        left = plus / (plus + pull)  # where the diode itself gives way
        return max(total - pull * log * left, 0.0), 0.0, log

    def node(self, name: str, rails: dict[str, list[Rail]], share: float) -> None:
        """The PMOS of a node's own cell view and all PMOS legs that copy it."""
        bus = self.design.buses[name]
        up, down = self.flips(bus.i_device)
        for column, (i_plus, i_minus, _) in enumerate(rails[name]):
            total = 0.0
            if bus.kind is NodeKind.SIGNED:
                total += i_minus  # xdp
                total += i_plus * down  # xfnd, under xfn
                total += i_minus * up  # xfp, over xfpd
            elif bus.kind is NodeKind.CANDIDATE:
                total += i_minus  # xdp
            elif bus.kind is NodeKind.RECTIFIED:
                total += i_plus * down  # xfd, under xf
            elif bus.kind is NodeKind.STATE:
                total += i_plus  # xd
                total += i_plus * up  # xf, over xfd
            total += self.legs(name, column, i_plus, i_minus)
            self.blocks["mirror"] += share * total

    def legs(self, name: str, column: int, i_plus: float, i_minus: float) -> float:
        total, bus = 0.0, self.design.buses[name]
        for c in (c for c in self.design.connections if c.source == name):
            gains = path_gains(self.cal, bus, self.design.buses[c.target])
            for row in range(c.plus.shape[0]):
                m, k = int(c.plus[row, column]), int(c.minus[row, column])
                if m > 0:
                    total += gains["source_plus"] * m / bus.units * i_plus
                if k < 0:
                    total += gains["source_minus"] * -k / bus.units * i_minus
        return total

    def bias(self) -> None:
        _, down = self.flips(self.i_lsb)
        scale = self.design.buses["bias"].scale
        # The reference itself, xfd, xq0, and the legs that source a bias.
        self.blocks["bias"] += scale + scale * down + 2 * self.i_lsb * down
        self.blocks["bias"] += self.legs("bias", 0, scale, 0.0)

    def units(self, layer: int, candidates: list[Rail], share: float) -> None:
        """xu1 and xd1 of every step control."""
        bank = self.design.banks[layer]
        _, down = self.flips(self.i_lsb)
        i = self.design.buses[bank.candidate].i_device
        for k, (i_plus, i_minus, _) in enumerate(candidates):
            xu1 = int(bank.up_units[k]) * self.i_lsb * down * self.p(V_DD, self.i_lsb)
            xu2 = i_plus * self.n(V_DD, i)
            xd1 = i_minus * self.p(V_DD, i)
            xd2 = int(bank.down_units[k]) * self.i_lsb * self.n(V_DD, self.i_lsb)
            self.blocks["memory"] += share * (min(xu1, xu2) + min(xd1, xd2))

    def windows(self, layer: int, candidates: list[Rail], thresholds: list[Rail]) -> None:
        """xu1, xu3, xu4 and xd1 of every window comparator."""
        bank = self.design.banks[layer]
        assert bank.window is not None
        assert bank.threshold is not None
        c, b = self.design.buses[bank.candidate], self.design.buses[bank.threshold]
        up, down = self.flips(b.i_device)
        n_c, p_c = self.n(V_DD, c.i_device), self.p(V_DD, c.i_device)
        n_b, p_b = self.n(V_DD, b.i_device), self.p(V_DD, b.i_device)
        w = bank.window
        for (c_plus, c_minus, _), (b_plus, b_minus, _) in zip(candidates, thresholds, strict=True):
            xu1 = w["up_plus"] / b.units * b_plus * down * p_b
            xu3 = w["up_minus"] / b.units * b_minus * p_b
            xu4 = w["up_opposite"] / c.units * c_minus * p_c
            xd2 = w["down_plus"] / b.units * b_plus * n_b
            xd3 = w["down_minus"] / b.units * b_minus * up * n_b
            xd4 = w["down_opposite"] / c.units * c_plus * n_c
            xu2, xd1 = c_plus * n_c, c_minus * p_c
            self.blocks["memory"] += min(xu1 + xu3 + xu4, xu2) + min(xd1, xd2 + xd3 + xd4)

    def cells(self, layer: int, n_set: list[int], share: float) -> None:
        """xm9, which feeds xm2, and xm7, over xm8, of every set cell."""
        bank = self.design.banks[layer]
        nominal = bank.width_units * self.i_lsb
        hold = bank.hold_units * self.i_lsb * self.n(V_DD, self.i_lsb)
        width = nominal
        for _ in range(20):
            width = nominal * self.n(self.switched(bank, width, width / 2), self.i_lsb)
        self.blocks["memory"] += share * sum(n_set) * (hold + width)

    def switched(self, bank: Bank, current: float, diode: float) -> float:
        """Drain voltage of xm5 or xm8 under its switch, n_cell: twice a mirror's W/L.

        `diode` is what the PMOS above, at the switch's own drain, carries over a unit's W/L.
        """
        u_t = self.cal.thermal("n", 27.0) / self.cal.n.slope
        # xm9 is in its triode region: of the width it carries the hold.
        v = V_DD + u_t * math.log1p(-bank.hold_units / bank.width_units)
        follower = (v - self.cal.v_gate("n", current / 2)) / self.cal.n.body
        back = math.exp((follower - (V_DD - self.cal.v_gate("p", diode))) / u_t)
        low, high = 0.0, V_DD
        for _ in range(60):
            at = (low + high) / 2
            carries = math.exp((follower - at) / u_t) - back
            low, high = (at, high) if carries > 1 else (low, at)
        return low

    def state(self, layer: int, n_set: list[int]) -> list[Rail]:
        bus = self.design.buses[f"h{layer}"]
        bank = self.design.banks[layer]
        found = []
        for n, g in zip(n_set, bank.gain_units, strict=True):
            nominal = leg = int(g) * self.i_lsb
            for _ in range(20 if n else 0):
                at = self.switched(bank, leg, n * leg / bus.units)
                leg = nominal * self.n(at, self.i_lsb)
            found.append(self.rails(bus, n * leg))
        return found

    def every(self, name: str, rails: dict[str, list[Rail]]) -> Any:
        bus = self.design.buses[name]
        return [self.settle(bus, *self.into(name, rails, row)) for row in range(bus.size)]


def frame_by_hand(chip: Chip, x: np.ndarray, n_set: tuple[list[int], list[int]]) -> Census:
    """One frame of a one-layer chip, from the initial states, given the states that follow."""
    design, census = chip.design, Census(chip)
    before, after = n_set
    timing = design.timing
    late = 1 - timing.strobes[0] / timing.frame
    i_unit = design.buses["bias"].scale
    census.bias()
    rails = {"bias": [(i_unit, 0.0, 0.0)]}
    scale = design.buses["x"].scale
    rails["x"] = [census.rails(design.buses["x"], float(v) * scale) for v in x]
    census.node("x", rails, 1.0)
    rails["v0"] = census.every("v0", rails)
    census.node("v0", rails, 1.0)
    rails["c0"] = census.every("c0", rails)
    census.node("c0", rails, 1.0)
    if "b0" in design.buses:
        rails["b0"] = census.every("b0", rails)
        census.node("b0", rails, 1.0)
        census.windows(0, rails["c0"], rails["b0"])
    else:
        census.units(0, rails["c0"], 1.0)
    for share, states in ((1 - late, before), (late, after)):
        census.cells(0, states, share)
        rails["h0"] = census.state(0, states)
        census.node("h0", rails, share)
        if "o0" in design.buses:
            rails["o0"] = census.every("o0", rails)
            census.node("o0", rails, share)
        rails["v1"] = census.every("v1", rails)
        census.node("v1", rails, share)
    steps = sum(abs(b - a) for a, b in zip(before, after, strict=True))
    cells = 4 * design.banks[0].n_units
    cal = chip.calibration
    census.blocks["memory"] += steps * cal.c_step * V_DD / timing.frame
    census.blocks["memory"] += design.banks[0].n_units * cal.c_unit * V_DD / timing.frame
    census.blocks["clock"] += cal.i_driver
    census.blocks["clock"] += (cal.c_driver + cells * cal.c_clock) * V_DD / timing.frame
    return census
