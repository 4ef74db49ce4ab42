"""Mapping and its inverse: what rounding may change, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mru_hw.budget.wanted import wanted_legs
from mru_hw.circuits.legs.gains import path_gains
from mru_hw.circuits.loop.edges import LoopSettings, LoopSizes, loop_units
from mru_hw.circuits.window.gains import threshold_copy, window_copies
from mru_hw.mapping import Design, DesignOptions, NodeKind, map_model, passes, unmap
from mru_hw.mapping.cells import CellKind
from mru_hw.mapping.draft import Draft
from mru_hw.mapping.passes import PASSES, choose_scales, place_buses, timing
from mru_hw.mapping.reading import Reading
from mru_hw.model.check import checked_tensors
from mru_hw.model.network import Model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.training.network import from_model
from mru_hw.training.scan import recur_loop
from tests.networks import draw_inputs, draw_model, make_spec, with_even_settings

TECHNOLOGY = load_technology("generic180")
CALIBRATION = load_calibration(TECHNOLOGY)


def draw(cell: str, seed: int, **keys: Any) -> Model:
    return with_even_settings(draw_model(make_spec(cell, **keys), seed), seed)


def mapped(model: Model) -> tuple[Design, Model]:
    design = map_model(model, TECHNOLOGY, CALIBRATION)
    return design, unmap(design, CALIBRATION)


def map_on_nodes(model: Model, design: Design) -> Design:
    """Map once more, on the nodes of an earlier mapping."""
    draft = Draft(
        model=model, technology=TECHNOLOGY, calibration=CALIBRATION, options=DesignOptions()
    )
    for step in PASSES:
        if step is place_buses:
            draft.buses.update(design.buses)
        elif step is not choose_scales:
            step(draft)
    return dataclasses.replace(
        design,
        spec=model.spec,
        connections=tuple(draft.connections),
        banks=tuple(draft.banks),
    )


networks = st.one_of(
    st.fixed_dictionaries(
        {
            "cell": st.just("cmru"),
            "levels": st.integers(1, 4),
            "threshold": st.sampled_from(["fixed", "input"]),
            "rectify_candidate": st.booleans(),
            "skip": st.sampled_from([0, 1, "matrix"]),
            "rectify_input": st.booleans(),
            "rectify_output": st.booleans(),
        }
    ),
    st.fixed_dictionaries(
        {
            "cell": st.sampled_from(["bmru", "fq_bmru"]),
            "threshold": st.sampled_from(["fixed", "input"]),
            "skip": st.sampled_from([0, 1, "matrix"]),
            "rectify_input": st.booleans(),
            "rectify_candidate": st.booleans(),
            "rectify_output": st.booleans(),
        }
    ),
)


def test_every_leg_lies_within_half_a_unit_device_of_its_weight() -> None:
    model = draw("cmru", 1, levels=2)
    design, _ = mapped(model)
    for connection in design.connections:
        if connection.parameter not in ("input.weight", "head.weight"):
            continue
        source, target = design.buses[connection.source], design.buses[connection.target]
        gains = path_gains(CALIBRATION, source, target)
        device = source.scale / target.scale / source.units
        node = Reading(design, CALIBRATION).node_line(target)
        read = Reading(design, CALIBRATION).read_legs(connection, node)
        wanted = model.tensors[connection.parameter]
        # The nodes are read with the legs that are placed, not with those asked for.
        largest = max(gains.values()) * device * np.max(node.rho) * 1.1
        assert np.max(np.abs(read.plus - wanted)) <= 0.5 * largest
        assert np.max(np.abs(read.minus - wanted)) <= 0.5 * largest
        assert np.max(np.abs(read.plus - wanted)) > 0.1 * device  # rounding does happen


def test_a_connection_is_signed_by_its_network_whatever_its_legs_round_to() -> None:
    model = draw("cmru", 1, levels=1, skip="matrix", rectify_input=True)
    p = "layers.0.skip.weight"
    model = dataclasses.replace(
        model, tensors=dict(model.tensors) | {p: np.full_like(model.tensors[p], 1e-6)}
    )
    design, _ = mapped(model)
    placed = {c.parameter: c for c in design.connections}
    assert {c.parameter for c in design.connections if c.both} >= {"input.weight", p}
    assert not placed["layers.0.candidate.weight"].both
    # All that was asked for is rounded away, on both rails.
    assert not placed[p].plus.any()
    legs = wanted_legs(model, design, CALIBRATION)[p]
    for role in ("source_plus", "sink_minus"):
        assert np.all(legs[role] > 0), role
    # A weight on one of two rails is half a weight: what the other one misses is not multiplied.
    signed = placed["input.weight"]
    bare = dataclasses.replace(signed, minus=np.zeros_like(signed.minus))
    node = Reading(design, CALIBRATION).node_line(design.buses[signed.target])
    read = Reading(design, CALIBRATION).read_legs(bare, node)
    np.testing.assert_array_equal(read.weight, read.plus / 2)


@settings(max_examples=60)
@given(network=networks, seed=st.integers(0, 10**6))
def test_round_trip_keeps_the_network_up_to_rounding(network: dict[str, Any], seed: int) -> None:
    model = draw(**network, seed=seed)
    design, back = mapped(model)
    checked_tensors(back.spec, back.tensors, "")
    old, new = model.tensors, back.tensors
    half = {b.name: 0.5 * 1.25 / b.units for b in design.buses.values()}
    for connection in design.connections:
        source, target = design.buses[connection.source], design.buses[connection.target]
        step = half[connection.source] * source.scale / target.scale
        name = connection.parameter
        owner = int(name.split(".")[1]) if name.startswith("layers.") else -1
        if name.endswith((".skip.weight", ".threshold.weight", ".threshold.bias")) or owner < 0:
            wanted = old.get(name, np.eye(*connection.plus.shape))
            assert np.max(np.abs(new[name] - wanted)) <= step * (1 + 1e-9)
        elif ".candidate." in name:
            # Only candidate over threshold counts; the mapping keeps the ratio.
            ratio = np.ones(len(new[name]))
            if f"layers.{owner}.beta" in old and network["cell"] != "fq_bmru":
                ratio = np.abs(old[f"layers.{owner}.beta"]) / new[f"layers.{owner}.beta"]
            ratio = ratio[:, None] if new[name].ndim == 2 else ratio
            allowed = step * np.max(ratio)
            assert np.max(np.abs(new[name] * ratio - old[name])) <= allowed * (1 + 1e-9)
    for i, bank in enumerate(design.banks):
        p = f"layers.{i}."
        assert np.array_equal(new[p + "initial_state"], old[p + "initial_state"])
        c, h = design.buses[bank.candidate].scale, design.buses[bank.state].scale
        assert np.all(np.abs(new[p + "alpha"] - old[p + "alpha"]) <= 0.6 * design.i_lsb / h)
        if p + "beta" in old:
            # A threshold is at least as far from its wish as half a unit of a bias leg.
            assert np.all(np.abs(new[p + "beta"] - old[p + "beta"]) <= design.i_lsb / c)
        if p + "delta" in old:
            assert np.all(np.abs(new[p + "delta"] - old[p + "delta"]) <= 1.5 * design.i_lsb / c)


@settings(max_examples=40)
@given(network=networks, seed=st.integers(0, 10**6))
def test_mapping_the_unmapped_network_again_changes_no_circuit(
    network: dict[str, Any], seed: int
) -> None:
    """On the same nodes.

    Scales and diodes follow the weights, so a fresh choice moves them by the rounding; and where
    the two rails of a weight were rounded to each side of their mean, a leg may move by one unit
    device, and the bias takes up what that brings on the whole.
    """
    design, back = mapped(draw(**network, seed=seed))
    # The ratio of an output's own copy (rectify_output beside a skip) moved into its weights.
    if any(c.parameter.endswith(".rectified") for c in design.connections):
        return
    again = map_on_nodes(back, design)
    moved: dict[str, Any] = {}
    for old, new in zip(design.connections, again.connections, strict=True):
        assert (old.parameter, old.source, old.target) == (new.parameter, new.source, new.target)
        for a, b in ((old.plus, new.plus), (old.minus, new.minus)):
            if old.source == "bias":
                assert np.all(np.abs(a - b)[:, 0] <= 1 + moved[old.target]), old.parameter
                continue
            moved[old.target] = moved.get(old.target, 0) + np.abs(a - b).sum(axis=1)
            assert np.max(np.abs(a - b)) <= 1, old.parameter
            assert np.count_nonzero(a != b) <= 0.1 * a.size + 1, old.parameter
    for first, second in zip(design.banks, again.banks, strict=True):
        assert np.array_equal(first.gain_units, second.gain_units)
        assert np.max(np.abs(first.up_units - second.up_units)) <= 1
        assert np.max(np.abs(first.down_units - second.down_units)) <= 1


@pytest.mark.parametrize(
    ("cell", "keys"),
    [
        ("cmru", {"levels": 2}),
        ("cmru", {"levels": 1, "threshold": "input", "skip": "matrix"}),
        ("cmru", {"levels": 4, "rectify_input": True, "rectify_output": True, "skip": 1}),
        ("bmru", {"skip": 1}),
        ("fq_bmru", {"rectify_input": True, "rectify_candidate": True, "rectify_output": True}),
        ("fq_bmru", {"rectify_candidate": True, "threshold": "input"}),
    ],
)
def test_ideal_on_the_unmapped_network_equals_torch(cell: str, keys: dict[str, Any]) -> None:
    _, back = mapped(draw(cell, 4, **keys))
    inputs = draw_inputs(4, 5, n_seq=40, n_time=20)
    trace = simulate_ideal(back, inputs)
    network = from_model(back)
    for memory in network.memories:
        memory.recurrence = recur_loop
    with torch.no_grad():
        wanted = network(network.normalise(torch.from_numpy(inputs.x)))
    valid = inputs.valid()
    for i, layer in enumerate(wanted.layers):
        state, candidate = layer.state.numpy()[valid], layer.candidate.numpy()[valid]
        assert np.array_equal(trace.states[i][valid], state)
        assert np.ptp(state) > 0
        np.testing.assert_allclose(trace.candidates[i][valid], candidate, rtol=0, atol=1e-11)


def test_a_small_threshold_or_gain_never_rounds_to_nothing() -> None:
    model = draw("cmru", 2, levels=2)
    beta, alpha = np.ones(6), np.ones(6)
    beta[0], alpha[1] = 0.015, 0.025
    tensors = dict(model.tensors) | {"layers.0.beta": beta, "layers.0.alpha": alpha}
    # The weights of that unit are as small as its threshold, or its legs would be too wide.
    tensors["layers.0.candidate.weight"] = (
        model.tensors["layers.0.candidate.weight"] * beta[:, None]
    )
    tensors["layers.0.candidate.bias"] = model.tensors["layers.0.candidate.bias"] * beta
    _, back = mapped(dataclasses.replace(model, tensors=tensors))
    assert back.tensors["layers.0.beta"][0] > 0
    assert back.tensors["layers.0.alpha"][1] > 0


def test_negative_gains_move_their_sign_into_the_output() -> None:
    model = draw("cmru", 3, levels=2)
    tensors = dict(model.tensors)
    tensors["layers.0.alpha"] = -tensors["layers.0.alpha"]
    _, plain = mapped(model)
    _, turned = mapped(dataclasses.replace(model, tensors=tensors))
    assert np.array_equal(turned.tensors["layers.0.alpha"], plain.tensors["layers.0.alpha"])
    weight = "layers.0.output.weight"
    np.testing.assert_allclose(turned.tensors[weight], -plain.tensors[weight], rtol=0.1, atol=0.05)


def test_thresholds_that_come_from_the_input_leave_no_fixed_one() -> None:
    for cell in ("cmru", "fq_bmru"):
        keys: dict[str, Any] = {"levels": 2} if cell == "cmru" else {"rectify_candidate": True}
        design, back = mapped(draw(cell, 5, threshold="input", **keys))
        assert "layers.0.beta" not in back.tensors
        assert design.banks[0].threshold == "b0"
        c, b = design.buses["c0"], design.buses["b0"]
        window = design.banks[0].window
        if window is None:
            assert b.scale == c.scale
            continue
        # What rounding leaves of a window comparator's copies, each within half a unit device.
        copies = window_copies(CALIBRATION, window, c, b)
        assert b.scale * threshold_copy(copies) == pytest.approx(c.scale)
        for role, copied in copies.items():
            diode = c.units if role.endswith("opposite") else b.units
            assert abs(copied - 1) <= 0.5 * 1.25 / diode


def test_the_digest_changes_with_every_part_of_the_circuit() -> None:
    model = draw("cmru", 6, levels=2)
    design, _ = mapped(model)
    first, bank = design.connections[0], design.banks[0]
    device = TECHNOLOGY.devices["n_mirror"]
    wide = TECHNOLOGY.model_copy(
        update={"devices": TECHNOLOGY.devices | {"n_mirror": device.model_copy(update={"w": 1e-6})}}
    )
    row, column = np.argwhere(first.plus)[0]
    up = bank.up_units.copy()
    up[0] += 1
    buses = design.buses | {"x": dataclasses.replace(design.buses["x"], units=33)}
    hot = dataclasses.replace(design.compensated, temperature=85.0)
    louder = dataclasses.replace(design.buses["v0"], deviation=(2.0,) * 5)
    changed = [
        dataclasses.replace(design, compensated=hot),
        dataclasses.replace(design, buses=design.buses | {"v0": louder}),
        design.without(first.parameter, int(row), int(column)),
        dataclasses.replace(
            design, banks=(dataclasses.replace(bank, up_units=up), *design.banks[1:])
        ),
        dataclasses.replace(design, technology=wide),
        dataclasses.replace(design, options=DesignOptions(bias_units=32)),
        dataclasses.replace(design, options=DesignOptions(i_unit="2 nA")),
        dataclasses.replace(design, buses=buses),
        dataclasses.replace(design, timing=timing(20e-3, [CellKind.CMRU] * 2)),
        mapped(draw("cmru", 7, levels=2))[0],
    ]
    digests = [design.digest(), *(d.digest() for d in changed)]
    assert len(set(digests)) == len(digests)
    # Where the network came from is no part of the circuit.
    spec = design.spec.model_copy(update={"provenance": {"seed": 1}, "metrics": {"accuracy": 1.0}})
    assert dataclasses.replace(design, spec=spec).digest() == design.digest()
    assert mapped(model)[0].digest() == design.digest()


@given(n_layers=st.integers(1, 200), frame=st.floats(1e-3, 1.0))
def test_strobes_stand_in_order_inside_the_frame_and_never_overlap(
    n_layers: int, frame: float
) -> None:
    plan = timing(frame, [CellKind.CMRU] * n_layers)
    starts = np.array(plan.strobes)
    assert len(starts) == n_layers
    assert starts[0] > 0.2 * frame
    assert starts[-1] + plan.pulse < 0.95 * frame
    assert np.all(np.diff(starts) > 2 * plan.pulse)
    assert plan.pulse > 0


def test_loops_take_no_strobe_and_follow_the_last_one_before_them() -> None:
    cells = [CellKind.FQ_BMRU, CellKind.CMRU, CellKind.FQ_BMRU, CellKind.BMRU]
    clocked = timing(10e-3, [CellKind.CMRU] * 4).strobes
    assert timing(10e-3, cells).strobes == (0.0, clocked[1], clocked[1], clocked[3])


@given(
    rise=st.floats(0.3, 4.0),
    share=st.floats(0.05, 0.95),
)
def test_a_loops_unit_devices_switch_where_they_were_asked_to(rise: float, share: float) -> None:
    """But for rounding: half a device at the rising edge, one more at the other one."""
    i_lsb = np.float64(1e-9 / 64)
    wanted = np.array([rise * 1e-9]), np.array([rise * share * 1e-9])
    hold, width = placed_loops(*wanted)
    up, down = loop_settings(hold, width).edges()
    assert abs(up - wanted[0])[0] < i_lsb
    assert abs(down - wanted[1])[0] < i_lsb
    # More width opens the hysteresis and leaves the rising edge alone, but for the fold.
    wider = loop_settings(hold, width + 4).edges()
    assert wider[0][0] == pytest.approx(up[0], rel=0.01)
    assert wider[1] < down


SIZES = LoopSizes(diodes=(32, 32))


def placed_loops(rise: Any, fall: Any) -> Any:
    return loop_units(CALIBRATION, TECHNOLOGY, rise, fall, i_lsb=1e-9 / 64, sizes=SIZES)


def loop_settings(hold: Any, width: Any) -> LoopSettings:
    return LoopSettings.of(CALIBRATION, TECHNOLOGY, hold, width, i_lsb=1e-9 / 64, sizes=SIZES)


def test_a_unit_that_is_never_cleared_stays_so_without_a_candidate() -> None:
    rise, never = np.array([1e-9, 3e-10]), np.zeros(2)
    _, down = loop_settings(*placed_loops(rise, never)).edges()
    assert np.all(down < 0)


def test_a_design_without_an_unknown_parameter_is_no_design() -> None:
    design, _ = mapped(draw("cmru", 1, levels=1))
    with pytest.raises(KeyError, match="nonsense"):
        design.without("nonsense", 0, 0)


def test_nodes_get_the_circuit_that_their_signal_needs() -> None:
    keys = {"levels": 2, "rectify_input": True, "rectify_output": True}
    plain = mapped(draw("cmru", 1, **keys))[0].buses
    assert [plain[f"v{i}"].kind for i in range(3)] == [NodeKind.RECTIFIED] * 3
    beside = mapped(draw("cmru", 1, skip=1, **keys))[0].buses
    assert [beside[f"v{i}"].kind for i in range(3)] == [NodeKind.SIGNED] * 3
    assert beside["o0"].kind is NodeKind.RECTIFIED
    assert plain["c0"].kind is NodeKind.CANDIDATE
    assert mapped(draw("bmru", 1))[0].buses["c0"].kind is NodeKind.CANDIDATE
    assert mapped(draw("fq_bmru", 1))[0].buses["c0"].kind is NodeKind.SIGNED


def test_the_last_bits_of_a_product_move_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """They differ between processors, and decks and finished runs go by the digest."""
    usual = passes._usual_signals

    def moved(draft: Draft) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        more = 1 + 4 * np.finfo(np.float64).eps
        return {name: (m * more, d / more) for name, (m, d) in usual(draft).items()}

    model = draw_model(make_spec("cmru", levels=2), 3)
    wanted = map_model(model, TECHNOLOGY, CALIBRATION).digest()
    monkeypatch.setattr(passes, "_usual_signals", moved)
    assert map_model(model, TECHNOLOGY, CALIBRATION).digest() == wanted
