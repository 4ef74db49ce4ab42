"""Energy is the integral of supply voltage times supply current, branch by branch."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from mru_hw.energy import energy
from mru_hw.mapping import Design, NodeKind
from mru_hw.mapping.design import Bank, Bus
from mru_hw.mapping.gains import (
    leg_slopes,
    node_thermal,
    path_exponents,
    path_gains,
)
from mru_hw.simulate.behavioral import BehavioralRun, simulate_behavioral
from mru_hw.simulate.run import Chip
from mru_hw.simulate.supply import BLOCKS
from mru_hw.spice.chip import chip_deck
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology
from tests.networks import draw_inputs, draw_model, make_spec

TECHNOLOGY = load_technology("generic180")
V_DD = TECHNOLOGY.v_dd


def make_chip(cell: str = "cmru", n_layers: int = 2, **keys: Any) -> Chip:
    spec = make_spec(cell, n_layers, **({"levels": 2} if cell == "cmru" else {}) | keys)
    model = draw_model(spec, 3)
    rng = np.random.default_rng(3)
    even = {
        name: rng.uniform(0.5, 1.0, values.shape)
        for name, values in model.tensors.items()
        if name.endswith((".beta", ".alpha", ".delta"))
    }
    return Chip.of(dataclasses.replace(model, tensors=dict(model.tensors) | even), TECHNOLOGY)


def run(chip: Chip, inputs: Inputs, **keys: Any) -> BehavioralRun:
    return simulate_behavioral(chip.design, chip.calibration, inputs, [chip.die(None)], **keys)


# ------------------------------------------------------- a census by hand, transistor by transistor

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

    def windows(
        self,
        layer: int,
        candidates: list[Rail],
        thresholds: list[Rail],
    ) -> None:
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


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"skip": "matrix"},
        {"rectify_input": True, "rectify_output": True},
        {"rectify_input": True, "rectify_output": True, "skip": 1},
        {"threshold": "input"},
        {"threshold": "input", "rectify_input": True, "skip": "matrix"},
    ],
)
def test_energy_equals_a_census_by_hand(keys: dict[str, Any]) -> None:
    chip = make_chip(n_layers=1, **keys)
    rng = np.random.default_rng(1)
    for _ in range(3):
        x = rng.normal(size=4)
        found = run(chip, make_inputs(x[None, None, :]))
        alpha = chip.mapped.tensors["layers.0.alpha"]
        initial = chip.mapped.tensors["layers.0.initial_state"]
        before = [round(float(s)) + 2 for s in initial]
        after = [round(float(h)) + 2 for h in found.trace.states[0][0, 0, 0] / alpha]
        census = frame_by_hand(chip, x, (before, after))
        result = energy(found.supply)
        for block, (static, switching) in result.blocks.items():
            joules = census.blocks[block] * V_DD * chip.design.timing.frame
            assert (static + switching)[0, 0] == pytest.approx(joules, rel=1e-6), block
        total = sum(census.blocks.values()) * V_DD * chip.design.timing.frame
        assert result.total[0, 0] == pytest.approx(total, rel=1e-6)


# ------------------------------------------------------------------------- removing a branch


def pmos_legs(design: Design) -> list[tuple[str, int, int, str]]:
    """An element of every kind of connection that has a leg on the supply."""
    found = []
    for c in design.connections:
        if c.source == "bias" or not c.target.startswith("y"):
            continue
        for sign, role in ((1, "source_plus"), (-1, "source_minus")):
            rail = c.plus if sign > 0 else -c.minus
            row, column = (int(k) for k in np.argwhere(rail > 0)[0])
            found.append((c.parameter, row, column, role))
    return found


def test_removing_a_leg_removes_its_lines_and_exactly_its_energy() -> None:
    """Legs into an output pin move no state, so nothing else changes."""
    chip = make_chip()
    inputs = draw_inputs(4, 5, n_seq=5)
    before, deck = energy(run(chip, inputs).supply), chip_deck(chip.design).splitlines()
    legs = pmos_legs(chip.design)
    assert {role for *_, role in legs} == {"source_plus", "source_minus"}
    for parameter, row, column, _ in legs:
        cut = dataclasses.replace(chip, design=chip.design.without(parameter, row, column))
        after = energy(run(cut, inputs).supply)
        found = before.total - after.total
        assert np.all(found > 0)
        for block in BLOCKS:
            change = sum(before.blocks[block]) - sum(after.blocks[block])
            wanted = found if block == "mirror" else np.zeros_like(found)
            np.testing.assert_allclose(change, wanted, rtol=1e-6, atol=1e-24)
        gone = set(deck) - set(chip_deck(cut.design).splitlines())
        index = [c.parameter for c in chip.design.connections].index(parameter)
        legs_gone = [line for line in gone if line.startswith(f"xw{index}")]
        assert len(legs_gone) == 2
        assert all(f"_{row}_{column} " in line for line in legs_gone)
        assert {line.split()[0] for line in gone} - {x.split()[0] for x in legs_gone} <= {"*"}
        added = set(chip_deck(cut.design).splitlines()) - set(deck)
        assert all(line.startswith("*") for line in added)  # the design's hash


def test_the_energy_of_a_removed_leg_is_its_current() -> None:
    chip = make_chip(n_layers=1)
    x = np.random.default_rng(2).normal(size=4)
    inputs = make_inputs(x[None, None, :])
    found = run(chip, inputs)
    alpha = chip.mapped.tensors["layers.0.alpha"]
    initial = chip.mapped.tensors["layers.0.initial_state"]
    states = (
        [round(float(s)) + 2 for s in initial],
        [round(float(h)) + 2 for h in found.trace.states[0][0, 0, 0] / alpha],
    )
    parameter, row, column, _ = pmos_legs(chip.design)[0]
    cut = dataclasses.replace(chip, design=chip.design.without(parameter, row, column))
    by_hand = [sum(frame_by_hand(one, x, states).blocks.values()) for one in (chip, cut)]
    joules = [energy(r.supply).total[0, 0] for r in (found, run(cut, inputs))]
    difference = (by_hand[0] - by_hand[1]) * V_DD * chip.design.timing.frame
    assert joules[0] - joules[1] == pytest.approx(difference, rel=1e-6)
    assert difference > 0


def test_removing_a_leg_of_a_threshold_is_seen_by_deck_and_census_alike() -> None:
    chip = make_chip(n_layers=1, threshold="input")
    x = np.random.default_rng(2).normal(size=4)
    parameter = "layers.0.threshold.weight"
    legs = {c.parameter: c for c in chip.design.connections}[parameter]
    row, column = (int(k) for k in np.argwhere(legs.plus)[0])
    cut = dataclasses.replace(chip, design=chip.design.without(parameter, row, column))
    lines = [set(chip_deck(one.design).splitlines()) for one in (chip, cut)]
    gone = [line for line in lines[0] - lines[1] if not line.startswith("*")]
    index = [c.parameter for c in chip.design.connections].index(parameter)
    assert gone
    assert all(line.startswith(f"xw{index}") for line in gone)
    assert all(line.startswith("*") for line in lines[1] - lines[0])
    joules = []
    for one in (chip, cut):
        found = run(one, make_inputs(x[None, None, :]))
        initial = chip.mapped.tensors["layers.0.initial_state"]
        level = found.trace.states[0][0, 0, 0] / chip.mapped.tensors["layers.0.alpha"]
        states = [round(float(s)) + 2 for s in initial], [round(float(h)) + 2 for h in level]
        by_hand = sum(frame_by_hand(one, x, states).blocks.values())
        joules.append(float(energy(found.supply).total[0, 0]))
        assert joules[-1] == pytest.approx(by_hand * V_DD * chip.design.timing.frame, rel=1e-9)
    assert joules[0] != pytest.approx(joules[1], rel=1e-3)


def test_the_legs_of_a_bias_are_priced_with_the_bias() -> None:
    chip = make_chip()
    tensors = dict(chip.model.tensors) | {"head.bias": np.full(3, 0.5)}
    chip = Chip.of(dataclasses.replace(chip.model, tensors=tensors), TECHNOLOGY)
    inputs = draw_inputs(4, 5, n_seq=5)
    c = next(c for c in chip.design.connections if c.parameter == "head.bias")
    row = int(np.argmax(c.plus[:, 0]))
    units = int(c.plus[row, 0])
    assert units > 0
    cut = dataclasses.replace(chip, design=chip.design.without("head.bias", row, 0))
    before, after = (energy(run(x, inputs).supply) for x in (chip, cut))
    gain = path_gains(chip.calibration, chip.design.buses["bias"], chip.design.buses["y"])
    watts = units * chip.design.i_lsb * gain["source_plus"] * V_DD
    np.testing.assert_allclose(before.power - after.power, watts, rtol=1e-6)


# --------------------------------------------------------------------------------- the scaling


@pytest.mark.parametrize(("cell", "keys"), [("cmru", {}), ("bmru", {}), ("cmru", {"skip": 1})])
def test_energy_adds_up_and_is_power_times_duration(cell: str, keys: dict[str, Any]) -> None:
    chip = make_chip(cell, **keys)
    inputs = draw_inputs(4, 6, n_seq=20)
    record = run(chip, inputs).supply
    result = energy(record)
    parts = sum(static + switching for static, switching in result.blocks.values())
    np.testing.assert_allclose(result.total, parts, rtol=1e-12)
    np.testing.assert_allclose(
        result.power, V_DD * (record.static + record.switching).sum(-1), rtol=1e-12
    )
    np.testing.assert_allclose(
        result.total, result.power * inputs.lengths * chip.design.timing.frame, rtol=1e-12
    )
    for static, switching in result.blocks.values():
        assert np.all(static >= 0)
        assert np.all(switching >= 0)
    assert tuple(result.blocks) == BLOCKS


def test_a_sequence_costs_the_sum_of_its_frames() -> None:
    """A sequence of one frame, and the same as the first of two: the mean is over valid frames."""
    chip = make_chip()
    x = np.random.default_rng(4).normal(size=(1, 2, 4))
    both = energy(run(chip, make_inputs(x)).supply).total[0, 0]
    first = energy(run(chip, make_inputs(x, [1])).supply).total[0, 0]
    assert 0 < first < both


def test_a_frame_twice_as_long_costs_twice_the_static_and_the_same_switching_energy() -> None:
    chip = make_chip()
    inputs = draw_inputs(4, 7, n_seq=10)
    timing = chip.design.timing
    slow = dataclasses.replace(
        timing,
        frame=2 * timing.frame,
        strobes=tuple(2 * t for t in timing.strobes),
        pulse=2 * timing.pulse,
    )
    slower = dataclasses.replace(chip, design=dataclasses.replace(chip.design, timing=slow))
    fast, long = (energy(run(c, inputs).supply) for c in (chip, slower))
    for block in BLOCKS:
        np.testing.assert_allclose(long.blocks[block][0], 2 * fast.blocks[block][0], rtol=1e-9)
        np.testing.assert_allclose(long.blocks[block][1], fast.blocks[block][1], rtol=1e-9)
    assert np.all(fast.blocks["clock"][1] > 0)
    assert np.all(fast.blocks["memory"][1] > 0)


def test_switching_energy_goes_with_the_square_of_the_supply() -> None:
    """But for the crowbar current of a clock driver, which its capacitance at a supply holds."""
    chip = make_chip()
    inputs = draw_inputs(4, 8, n_seq=10)
    low, high = (energy(run(chip, inputs, v_dd=v).supply) for v in (1.62, 1.98))
    cells = sum(bank.n_units * bank.n_cells for bank in chip.design.banks)
    at = [chip.calibration.at(v) for v in (1.62, 1.98)]
    charged = [len(chip.design.banks) * cal.c_driver + cells * cal.c_clock for cal in at]
    assert charged[1] > charged[0]
    ratio = high.blocks["clock"][1] / low.blocks["clock"][1]
    np.testing.assert_allclose(ratio, (1.98 / 1.62) ** 2 * charged[1] / charged[0], rtol=1e-12)
    # Bias currents are constant but for the mirrors' output conductance: 8 % a volt, twice.
    ratio = high.power / low.power
    assert np.all(ratio > 1.98 / 1.62)
    assert np.all(ratio < 1.98 / 1.62 * (1 + 0.36 * 0.09) ** 3)


def test_energy_follows_the_unit_current() -> None:
    """All static currents are ratios of i_unit; what is charged and what drivers leak is not.

    Twice the current moves every gate by n U_T ln 2, some 25 mV, and so each mirror's gain by
    25 mV times its conductance of at most 0.09 per volt, over two mirrors.
    """
    from mru_hw.mapping import DesignOptions, map_model

    chip = make_chip()
    inputs = draw_inputs(4, 9, n_seq=5)
    twice = map_model(chip.model, TECHNOLOGY, chip.calibration, DesignOptions(i_unit=2e-9))
    runs = [run(dataclasses.replace(chip, design=d), inputs) for d in (chip.design, twice)]
    half = [chip.mapped.tensors[f"layers.{i}.alpha"] / 2 for i in range(2)]
    states = zip(*(found.trace.states for found in runs), half, strict=True)
    same = [~np.any(np.abs(a - b)[0] > h, axis=(1, 2)) for a, b, h in states]
    alike = same[0] & same[1]  # a step near its threshold may turn out otherwise
    assert alike.sum() >= 4
    one, two = (energy(found.supply) for found in runs)
    for block in (name for name in BLOCKS if name != "clock"):
        static = [part.blocks[block][0][0, alike] for part in (one, two)]
        np.testing.assert_allclose(static[1], 2 * static[0], rtol=5e-3)
    for part in (0, 1):
        clocks = [made.blocks["clock"][part] for made in (one, two)]
        np.testing.assert_allclose(clocks[1], clocks[0], rtol=1e-12)


def test_a_loop_draws_its_input_in_either_state() -> None:
    """Low, the supply gives the plus copy; high, threshold and width."""
    chip = make_chip("fq_bmru", n_layers=1)
    tensors = dict(chip.model.tensors)
    tensors["layers.0.candidate.weight"] = 0 * tensors["layers.0.candidate.weight"]
    idle = []
    for initial, bias in ((0.0, 0.25), (0.0, 0.125), (1.0, 0.25)):
        tensors["layers.0.initial_state"] = np.full(6, initial)
        tensors["layers.0.beta"] = np.full(6, 0.05)
        tensors["layers.0.delta"] = np.full(6, 0.7)
        tensors["layers.0.candidate.bias"] = np.full(6, bias)
        one = Chip.of(dataclasses.replace(chip.model, tensors=tensors), TECHNOLOGY)
        record = run(one, make_inputs(np.zeros((1, 3, 4)))).supply
        idle.append(record.static[0, 0, BLOCKS.index("memory")])
    low, lower, high = idle
    # Low: proportional to what flows in, once the quiescent current is small beside it.
    assert low / lower == pytest.approx(2.0, rel=0.1)
    assert high > 2 * low
