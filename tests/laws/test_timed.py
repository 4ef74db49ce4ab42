"""Timed circuits: exact steps of each law, the settled limit, order of the method, conservation."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from mru_hw.cells.base import Devices
from mru_hw.cells.settling import WITHIN, bank_load, bus_loads, settling_times
from mru_hw.circuits.base import NodeKind
from mru_hw.circuits.ladder.moving import comparator_step
from mru_hw.circuits.legs.gains import flip_gain
from mru_hw.circuits.legs.leakage import off_current
from mru_hw.circuits.loop.edges import follower, loop_legs
from mru_hw.circuits.loop.law import loop_currents
from mru_hw.circuits.nodes.laws import split
from mru_hw.circuits.nodes.moving import diode_step, lifted, splitter_step
from mru_hw.errors import UserError
from mru_hw.simulate.array import Rails
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.die_results import BehavioralRun
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip
from mru_hw.simulate.short_frame import settled_frame, settling_windows, short_frame
from mru_hw.simulate.supply import BLOCKS
from mru_hw.simulate.timed import simulate_timed
from mru_hw.simulate.timed_units import MovingLoop
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology
from mru_hw.units import render
from tests.networks import draw_inputs, draw_model, make_spec, with_even_settings

TECHNOLOGY = load_technology("generic180")
FIRST_QUADRANT = {"rectify_input": True, "rectify_candidate": True, "rectify_output": True}
Array = np.ndarray


def make_chip(cell: str, frame: str, n_layers: int = 2, **keys: Any) -> Chip:
    spec = make_spec(cell, n_layers, **keys)
    model = with_even_settings(draw_model(spec, 3), 3)
    spec = spec.model_validate(spec.model_dump() | {"frame_period": frame})
    return Chip(dataclasses.replace(model, spec=spec), TECHNOLOGY)


def timed(chip: Chip, inputs: Inputs, die: int | None = None, **keys: Any) -> BehavioralRun:
    return simulate_timed(chip.design, chip.calibration, inputs, [chip.die(die)], **keys)


def settled(chip: Chip, inputs: Inputs, die: int | None = None) -> BehavioralRun:
    return simulate_behavioral(chip.design, chip.calibration, inputs, [chip.die(die)])


# ---------------------------------------------------------------------- one circuit against scipy


@pytest.mark.parametrize("inflow", [2.0, 0.3, 0.0, -1.5])
@pytest.mark.parametrize("dt", [1e-5, 1e-3])
def test_a_diode_moves_as_its_differential_equation_says(inflow: float, dt: float) -> None:
    charge, rest, start = 1e-4, 1e-5, 0.7

    def law(_: float, log: Array) -> Array:
        return np.asarray((inflow + rest - np.exp(log)) / charge)

    # A negative inflow ends at 0 V, where the channel carries its rest current.
    exact = solve_ivp(law, (0, dt), [np.log(start)], rtol=1e-10, atol=1e-12, method="LSODA")
    wanted = max(float(np.exp(exact.y[0, -1])), rest)
    state, flow, q, least = (np.full((1, 1), v) for v in (start, inflow, charge, rest))
    assert diode_step(state, flow, q, least, dt)[0][0, 0] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("sunk", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("inflow", [0.05, 0.5, 2.0])
def test_a_diode_climbs_from_zero_volts_as_the_legs_that_give_way_let_it(
    inflow: float, sunk: float
) -> None:
    """From 0 V, with legs that sink only from some 4 U_T on: when it has half of its inflow."""
    thermal, slope, c, rest = 0.02585, 1.35, 1e-3, 2e-4

    def law(_: float, v: Array) -> Array:
        channel = rest * np.exp(np.minimum(v, 1.0) / (slope * thermal))
        return np.asarray((inflow + rest + sunk * np.exp(-v / thermal) - channel) / c)

    def half(_: float, v: Array) -> float:
        return float(v[0] - slope * thermal * np.log(1 + inflow / 2 / rest))

    half.terminal = True  # type: ignore[attr-defined]
    found = solve_ivp(law, (0, 1), [0.0], "BDF", events=half, first_step=1e-9, rtol=1e-8)
    at = float(found.t_events[0][0])
    one = np.ones((1, 1))
    start = lifted(rest * one, inflow * one, sunk * one, rest * one, slope)
    charge = slope * thermal * c * one
    moved = diode_step(start, inflow * one, charge, rest * one, at)[0]
    # By how much the law is late: half of 0.05 is reached where 10 that are sunk give way still.
    late = np.log((inflow + rest) / moved[0, 0] - 1) * charge[0, 0] / (inflow + rest)
    assert abs(late) < 0.1 * at
    # One that lies higher already is left where it is, and one that falls.
    assert lifted(3 * one, inflow * one, sunk * one, rest * one, slope)[0, 0] == 3
    assert lifted(rest * one, -inflow * one, sunk * one, rest * one, slope)[0, 0] == rest


@pytest.mark.parametrize("inflow", [-3.0, -0.05, 0.0, 0.4, 3.0])
@pytest.mark.parametrize("start", [1e-3, 0.1, 5.0])
def test_a_splitter_moves_as_its_differential_equation_says(inflow: float, start: float) -> None:
    charge, i_q, dt = 1e-4, 0.1, 2e-4

    def law(_: float, log: Array) -> Array:
        plus = np.exp(log)
        return np.asarray((inflow - plus + i_q**2 / plus) / charge)

    exact = solve_ivp(law, (0, dt), [np.log(start)], rtol=1e-10, atol=1e-12, method="LSODA")
    state, flow, rest, q = (np.full((1, 1), v) for v in (start, inflow, i_q, charge))
    assert splitter_step(state, flow, rest, q, dt)[0][0, 0] == pytest.approx(
        np.exp(exact.y[0, -1]), rel=1e-6
    )


def test_steps_of_any_length_end_where_the_circuit_rests() -> None:
    inflow = np.array([[-4.0], [-0.01], [0.0], [0.02], [6.0]])
    one, i_q = np.ones_like(inflow), np.full_like(inflow, 0.05)
    plus, _ = split(inflow, i_q)
    np.testing.assert_allclose(splitter_step(one, inflow, i_q, one, 1e9)[0], plus, rtol=1e-9)
    rest = 1e-6 * one
    np.testing.assert_allclose(
        diode_step(one, inflow, one, rest, 1e9)[0],
        np.maximum(inflow, 0) + rest,
        rtol=1e-6,
        atol=1e-8,
    )
    sink = np.array([[0.1], [0.99], [1.0], [1.3], [9.0]])
    v = comparator_step(0 * one, one, sink, (0.04, 0.09), one, 1e9, 1.8)
    assert v[0, 0] == 1.8
    assert v[1, 0] == pytest.approx(0.01 / (0.04 + 0.99 * 0.09))
    assert v[-1, 0] == 0.0


def test_two_steps_are_one_and_their_means_too() -> None:
    rng = np.random.default_rng(0)
    start, inflow = rng.uniform(0.01, 2, (2, 50, 1))
    inflow -= 0.7
    charge, rest = np.full_like(start, 1e-3), np.full_like(start, 1e-5)
    i_q, dt = np.full_like(start, 0.1), 4e-4
    a, first = diode_step(start, inflow, charge, rest, dt)
    b, second = diode_step(a, inflow, charge, rest, dt)
    whole, mean = diode_step(start, inflow, charge, rest, 2 * dt)
    np.testing.assert_allclose(b, whole, rtol=1e-7)
    np.testing.assert_allclose((first + second) / 2, mean, rtol=1e-6)
    p, *first_both = splitter_step(start, inflow, i_q, charge, dt)
    q, *second_both = splitter_step(p, inflow, i_q, charge, dt)
    whole, *means = splitter_step(start, inflow, i_q, charge, 2 * dt)
    np.testing.assert_allclose(q, whole, rtol=1e-9)
    for x, y, z in zip(first_both, second_both, means, strict=True):
        np.testing.assert_allclose((x + y) / 2, z, rtol=1e-9)


@pytest.mark.parametrize("over", [0.7, 1.1, 1.6])
def test_a_loop_moves_as_its_differential_equation_says(over: float) -> None:
    """V0 and the feedback's diode under a constant candidate, against scipy, from low."""
    chip = make_chip("fq_bmru", "10 ms", n_layers=1, **FIRST_QUADRANT)
    design, cal = chip.design, chip.calibration
    bank, die = design.banks[0], chip.die(None)
    devices = Devices(design=design, calibration=cal, die=die, temperature=27.0)
    array = compile_die(design, cal, die, temperature=27.0)
    memory, load = array.memories[0], bank_load(design, cal, bank)
    loop = MovingLoop(memory, load, devices, bank, 1)
    low = np.flatnonzero(~loop.cells[0, :, 0])[0]
    c = over * memory.up
    span, n = 2e-3, 1500
    times = np.linspace(0, span, n + 1)[1:]
    v = []
    for _ in times:
        loop.step(Rails(plus=c), span / n)
        v.append(loop.voltage[low, 0])
    scale = design.buses[bank.candidate].scale
    currents = loop_currents(devices, bank)
    hold, width, feedback = (
        float(i[low]) for i in (currents.hold, currents.width, currents.feedback)
    )
    given = currents.copied(c[:, 0, 0] * scale)[low] * flip_gain(cal, "n", design.i_lsb)
    rest, thermal = off_current(cal, "p", 1), cal.thermal("p", 27.0)

    def law(_: float, y: Array) -> Array:
        at = np.clip(y[:1], 0, cal.v_dd)
        sink, source = loop_legs(cal, at, 27.0)
        fed = np.exp(y[1])
        tail = np.full((1, 1), width)
        led = follower(cal, tail, at, temperature=27.0, reach=currents.reach)[1][0, 0]
        flowing = (given + (fed - rest) * feedback) * source[0] - hold * sink[0]
        rate = flowing / load["loop"][low]
        return np.array([rate, (led + rest - fed) / (thermal * load["feedback"][low])])

    exact = solve_ivp(
        law, (0, span), [0.0, np.log(rest)], t_eval=times, method="LSODA", rtol=1e-8, atol=1e-9
    )
    assert (exact.y[0, -1] > cal.v_dd / 2) == (over > 1)
    # A few steps early or late where it is fastest.
    shifted = np.interp(times, exact.t, exact.y[0])
    assert np.mean(np.abs(np.array(v) - shifted)) < 5e-3


# ------------------------------------------------------------------------------- the settled limit


@pytest.mark.parametrize(
    ("cell", "keys", "die"),
    [
        ("cmru", {"levels": 2}, None),
        ("cmru", {"levels": 3, "threshold": "input", "skip": "matrix"}, 1),
        ("bmru", {}, 1),
        ("bmru", {"rectify_candidate": True}, 1),
    ],
)
def test_in_long_frames_it_is_the_settled_level(
    cell: str, keys: dict[str, Any], die: int | None
) -> None:
    """States and decisions alike, candidates within 1 %, power within 0.1 %."""
    chip, inputs = make_chip(cell, "1 s", **keys), draw_inputs(4, 5, n_seq=4, n_time=6)
    found, wanted = timed(chip, inputs, die), settled(chip, inputs, die)
    valid = inputs.valid()
    assert np.array_equal(found.trace.decision, wanted.trace.decision)
    for i in range(2):
        np.testing.assert_allclose(
            found.trace.states[i][0][valid], wanted.trace.states[i][0][valid], atol=1e-12
        )
        moved = found.trace.candidates[i] - wanted.trace.candidates[i]
        assert np.nanmax(np.abs(moved)) < 0.01 * np.nanmax(np.abs(wanted.trace.candidates[i]))
        assert np.isnan(found.trace.candidates[i][0][~valid]).all()
    assert found.supply.switching == pytest.approx(wanted.supply.switching, rel=1e-12, abs=0)
    ratio = energy(found.supply).total / energy(wanted.supply).total
    np.testing.assert_allclose(ratio, 1, atol=1e-3)


@pytest.mark.parametrize("start", [0.0, 1.0])
@pytest.mark.parametrize("die", [None, 2])
def test_loops_whose_inputs_change_slowly_are_at_the_settled_level(
    die: int | None, start: float
) -> None:
    """A loop keeps what passes by, so this holds where no input changes its sign."""
    chip = make_chip("fq_bmru", "0.5 s", n_layers=1, **FIRST_QUADRANT)
    tensors = dict(chip.model.tensors)
    tensors["layers.0.initial_state"] = np.full_like(tensors["layers.0.initial_state"], start)
    model = dataclasses.replace(chip.model, tensors=tensors)
    chip = Chip(model, chip.design.technology)
    way = 1 + np.sin(np.linspace(0, 4 * np.pi, 40))[None, :, None]
    way = 0.3 + way * [1.5, -0.1, 1.2, 1.0] + [0.0, 1.0, 0.0, 0.0]
    inputs = make_inputs(way)
    found, wanted = timed(chip, inputs, die), settled(chip, inputs, die)
    changes = np.diff(wanted.trace.states[0][0], axis=1)
    assert (changes > 0).sum() > 1
    assert (changes < 0).sum() > 1
    np.testing.assert_allclose(found.trace.states[0], wanted.trace.states[0], atol=1e-12)
    ratio = energy(found.supply).total / energy(wanted.supply).total
    np.testing.assert_allclose(ratio, 1, atol=0.02)
    # Every change of a bit is charged once, the first ones from the initial state.
    bits = found.trace.states[0][0] > tensors["layers.0.alpha"] / 2
    steps = (np.diff(bits.astype(int), axis=1, prepend=int(start)) != 0).sum(axis=1)
    cal = chip.calibration.at(1.8, temperature=27.0)
    array = compile_die(chip.design, cal, chip.die(die), temperature=27.0)
    charged = found.supply.switching[0, :, BLOCKS.index("memory")]
    per_volt = steps @ array.memories[0].c_step / chip.design.timing.frame / inputs.lengths
    expected = cal.v_dd * per_volt
    assert charged == pytest.approx(expected, rel=1e-12, abs=0)


def test_the_error_falls_faster_than_the_step() -> None:
    chip = make_chip("cmru", "2 ms", n_layers=1, levels=2)
    inputs = draw_inputs(4, 8, n_seq=2, n_time=3)
    runs = [timed(chip, inputs, steps=n).trace.candidates[0][0] for n in (8, 32, 128)]
    coarse, fine = (np.nanmax(np.abs(run - runs[2])) for run in runs[:2])
    assert coarse / fine > 5


def test_short_frames_lag_and_long_frames_do_not() -> None:
    inputs = draw_inputs(4, 9, n_seq=3, n_time=4)
    errors = []
    for frame in ("100 ms", "3 ms", "0.3 ms"):
        chip = make_chip("cmru", frame, levels=2)
        moved = timed(chip, inputs, steps=16).trace.candidates[0]
        errors.append(np.nanmax(np.abs(moved - settled(chip, inputs).trace.candidates[0])))
    assert errors[0] < errors[1] < errors[2]
    assert errors[2] > 20 * errors[0]


def test_padded_frames_count_for_nothing() -> None:
    chip, inputs = make_chip("cmru", "5 ms", levels=2), draw_inputs(4, 9, n_seq=3, n_time=5)
    changed = inputs.x.copy()
    changed[~inputs.valid()] = 1.0
    other = make_inputs(changed, inputs.lengths)
    a, b = (timed(chip, x, steps=8) for x in (inputs, other))
    np.testing.assert_array_equal(a.trace.states[1], b.trace.states[1])
    np.testing.assert_array_equal(a.supply.static, b.supply.static)


# --------------------------------------------------------------------------------- settling time


def test_after_the_settling_time_a_node_is_near_its_rest() -> None:
    """The slowest diode without a quiescent current, from far above, alone."""
    chip = make_chip("fq_bmru", "10 ms", **FIRST_QUADRANT)
    design, cal = chip.design, chip.calibration
    needed = max(settling_times(design, cal).values())
    ends = []
    for name, load in bus_loads(design, cal).items():
        bus = design.buses[name]
        for (_, polarity), c in load.rails.items():
            charge = np.full((1, 1), cal.thermal(polarity, 27.0) * c.max())
            none, rest = np.zeros((1, 1)), np.full((1, 1), 1e-18)
            left = diode_step(np.full((1, 1), 50e-9), none, charge, rest, needed)[0][0, 0]
            if bus.kind in (NodeKind.RECTIFIED, NodeKind.STATE):
                ends.append(left / bus.usual)
    assert max(ends) == pytest.approx(WITHIN, rel=0.02)


def test_a_short_frame_is_told() -> None:
    long, short = (make_chip("cmru", frame, levels=2) for frame in ("1 s", "1 ms"))
    assert short_frame(long.design, long.calibration, 27.0) == ""
    assert "The frame of 1 ms is short" in short_frame(short.design, short.calibration, 27.0)


def test_a_node_has_to_settle_before_its_strobe() -> None:
    """What a layer decides by has until that layer's strobe, not until the frame ends."""
    design = make_chip("cmru", "10 ms", levels=2).design
    first, second = design.timing.strobes
    windows = {name: window for name, (window, _) in settling_windows(design).items()}
    assert [first, second] == pytest.approx([6e-3, 8.5e-3])
    assert {windows[name] for name in ("x", "v0", "c0")} == {first}
    assert {windows[name] for name in ("h0", "v1", "c1")} == {second - first}
    assert {windows[name] for name in ("h1", "v2", "y")} == {10e-3 - second}
    loops = make_chip("fq_bmru", "10 ms", **FIRST_QUADRANT).design
    assert {window for window, _ in settling_windows(loops).values()} == {10e-3}


@pytest.mark.parametrize("layer", [1, None])
@pytest.mark.parametrize(("share", "told"), [(0.98, True), (1.02, False)])
def test_settling_that_ends_after_the_strobe_is_told(
    share: float, told: bool, layer: int | None
) -> None:
    chip = make_chip("cmru", "10 ms", n_layers=1 if layer is None else 2, levels=2)
    times = settling_times(chip.design, chip.calibration)
    windows = settling_windows(chip.design)
    needed, window = max(
        ((times[name], windows[name][0]) for name in times if windows[name][1] == layer),
        key=lambda pair: pair[0] / pair[1],
    )
    frame = 10e-3 * share * needed / window
    # All strobes scale with the frame, so this one comes just before the node settles, or after.
    assert needed < frame
    spec = chip.model.spec.model_copy(update={"frame_period": frame})
    there = Chip(dataclasses.replace(chip.model, spec=spec), chip.design.technology)
    said = short_frame(there.design, chip.calibration, 27.0)
    until = "until outputs are read" if layer is None else "before the strobe of layer 1"
    assert (f"{until}; settled states" in said) is told
    every = max(10e-3 * times[name] / windows[name][0] for name in times)
    enough = settled_frame(there.design, chip.calibration, 27.0)
    assert every <= enough <= 1.01 * every
    assert (f"In frames of {render(enough, 's')} every node settles." in said) is bool(said)
    spec = chip.model.spec.model_copy(update={"frame_period": enough})
    longer = Chip(dataclasses.replace(chip.model, spec=spec), chip.design.technology)
    assert short_frame(longer.design, chip.calibration, 27.0) == ""


# ------------------------------------------------------------------------------- device noise


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize(
    ("cell", "keys", "die"),
    [
        ("cmru", {"levels": 2}, None),
        ("cmru", {"levels": 3, "threshold": "input", "skip": "matrix"}, 1),
        ("bmru", {"rectify_candidate": True}, 1),
    ],
)
def test_in_long_frames_noise_decides_as_at_the_settled_level(
    cell: str, keys: dict[str, Any], die: int | None, scale: float
) -> None:
    """The same draws: states alike wherever noise moves them, candidates within 1 %."""
    chip, inputs = make_chip(cell, "1 s", **keys), draw_inputs(4, 5, n_seq=20, n_time=12)
    what = (chip.design, chip.calibration, inputs, [chip.die(die)])
    keyed: dict[str, Any] = {"noise": NoiseRun(seed=3, scale=scale), "sequence_offset": 7}
    found, wanted = simulate_timed(*what, **keyed), simulate_behavioral(*what, **keyed)
    quiet, moved = simulate_behavioral(*what), 0
    assert np.array_equal(found.trace.decision, wanted.trace.decision)
    for i in range(2):
        mine, other = found.trace.states[i], wanted.trace.states[i]
        assert np.nanmax(np.abs(mine - other)) < 1e-9
        moved += int((np.abs(other - quiet.trace.states[i]) > 1e-9).sum())
        apart = np.abs(found.trace.candidates[i] - wanted.trace.candidates[i])
        assert np.nanmax(apart) < 0.01 * np.nanmax(np.abs(wanted.trace.candidates[i]))
    assert (moved > 0) or scale == 1.0
    lazy = simulate_timed(*what, **keyed, keep_all=False)
    assert np.array_equal(lazy.trace.decision, found.trace.decision)
    np.testing.assert_array_equal(lazy.supply.static, found.supply.static)


def test_loops_have_no_noise_in_timed_runs() -> None:
    chip = make_chip("fq_bmru", "25 ms", n_layers=1, **FIRST_QUADRANT)
    inputs = draw_inputs(4, 5, n_seq=1, n_time=2)
    with pytest.raises(UserError, match="noise is 1, expected none with `timing` timed, for the l"):
        timed(chip, inputs, noise=NoiseRun(seed=1))
