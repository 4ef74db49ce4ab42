"""Every cause of a wrong step, each from a run that was made up to show it and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from mru_hw.errors import RunStatus
from mru_hw.mapping import Design
from mru_hw.simulate.causes import LEGEND, Cause, Disagreement, table
from mru_hw.simulate.disagreement import (
    StepRule,
    own_levels,
    wrong_steps,
)
from mru_hw.simulate.evidence import Evidence, read_evidence
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.local import LocalLayer, local_layers
from mru_hw.simulate.loop_steps import wrong_bits
from mru_hw.simulate.run import Chip
from mru_hw.spice.bench import candidate_vectors, state_vectors
from mru_hw.spice.deck import Waves
from mru_hw.technology import load_technology
from tests.agreement.networks import chip_of, one_unit
from tests.networks import draw_inputs, draw_model, make_spec

K = 2
RULE = StepRule(
    layer=1,
    levels=K,
    start=np.array([0]),
    up=np.array([1.0]),
    down=np.array([1.0]),
    own_up=np.array([1.0]),
    own_down=np.array([1.0]),
)


def code(*levels: int) -> np.ndarray[Any, Any]:
    """Thermometer codes, (n_time, 1, cells)."""
    return np.array([np.arange(2 * K) < K + level for level in levels])[:, None]


def made(c: list[float], levels: list[int], **keys: Any) -> Evidence:
    """A run that settles, steps within its strobes and reaches these levels."""
    own = np.array(c)[:, None]
    plain = {
        "candidate": own,
        "earlier": own,
        "before": code(0, *levels[:-1]),
        "after": code(*levels),
        "end": code(*levels),
    }
    return Evidence(**(plain | keys))


def found(evidence: Evidence, reference: list[float], **keys: Any) -> list[Disagreement]:
    return list(wrong_steps(RULE, evidence, np.array(reference)[:, None], **keys))


def only(evidence: Evidence, reference: list[float], **keys: Any) -> Disagreement:
    records = found(evidence, reference, **keys)
    assert len(records) == 1
    return records[0]


def seen(c: float) -> LocalLayer:
    """What software has in the only frame with the circuit's own earlier layers."""
    return LocalLayer(candidate=np.array([[c]]), beta=np.array([1.0]))


def test_right_steps_leave_no_record() -> None:
    c = [1.5, 0.9, 1.2, 3.0, -1.0, -0.99, -2.0]
    assert found(made(c, [1, 1, 2, 2, 1, 1, 0]), c) == []


def test_one_wrong_step_is_counted_once() -> None:
    # The second frame misses its step and stays one level low from there on.
    c = [1.5, 1.02, 0.5, -1.5]
    record = only(made(c, [1, 1, 1, 0]), c)
    assert (record.frame, record.before, record.wanted, record.found) == (1, 1, 2, 1)
    assert record.distance == pytest.approx(0.02)
    assert record.cause is Cause.THRESHOLD


def test_threshold_offset_by_the_candidate_s_own_error() -> None:
    record = only(made([0.95], [0]), [1.08])
    assert record.cause is Cause.THRESHOLD
    assert record.distance == pytest.approx(0.08)
    assert record.distance_own == pytest.approx(-0.05)


@pytest.mark.parametrize(("own", "reference"), [(0.8, 1.5), (0.95, 1.3), (0.85, 1.05)])
def test_a_settled_candidate_that_lies_far_off_is_a_cause_of_its_own(
    own: float, reference: float
) -> None:
    record = only(made([own], [0]), [reference])
    assert record.cause is Cause.CANDIDATE
    assert record.distance == pytest.approx(reference - 1)
    assert record.distance_own == pytest.approx(own - 1)
    # So it is where the layers before are as software has them.
    local = seen(reference)
    assert only(made([own], [0]), [reference], local=local).cause is Cause.CANDIDATE


def test_unsettled_candidate_was_on_its_way() -> None:
    moving = made([0.8], [0], earlier=np.array([[0.6]]))
    assert only(moving, [1.5]).cause is Cause.UNSETTLED
    # One that lies as far off and rests is an error of the linear layers.
    assert only(made([0.8], [0]), [1.5]).cause is Cause.CANDIDATE
    # A comparator that still shows what the candidate asked for before.
    lagging = made([1.5], [0], earlier=np.array([[0.2]]))
    assert only(lagging, [1.5]).cause is Cause.UNSETTLED


def test_a_second_cell_that_moves_is_a_race() -> None:
    assert only(made([1.5], [2]), [1.5]).cause is Cause.RACE


def test_wrong_cell_is_a_race() -> None:
    # Cell 4 instead of cell 3: one cell moved, but the code is no thermometer any more.
    wrong = np.array([[[True, True, False, True]]])
    assert found(made([1.5], [1], after=wrong, end=wrong), [1.5]) == []  # the level is right
    record = only(made([0.2], [0], after=wrong, end=wrong), [0.2])
    assert record.cause is Cause.RACE


def test_crowbar_changes_a_level_without_a_strobe() -> None:
    before = made([0.2, 0.2], [0, 1], before=code(0, 1))
    assert only(before, [0.2, 0.2]).cause is Cause.CROWBAR
    after = made([0.2], [1], after=code(0))
    assert only(after, [0.2]).cause is Cause.CROWBAR
    # Near its threshold a cell may end after the strobe what the strobe began.
    slow = made([1.01], [1], after=code(0))
    assert only(slow, [0.99]).cause is Cause.THRESHOLD


def test_earlier_layer_made_the_candidate() -> None:
    local = seen(1.4)
    assert only(made([1.4], [1]), [0.3], local=local).cause is Cause.EARLIER


def test_what_nothing_shows_stays_unexplained() -> None:
    assert only(made([1.5], [0]), [1.5]).cause is Cause.UNEXPLAINED


def test_frames_that_a_run_did_not_reach_count_for_nothing() -> None:
    nan = np.array([[1.5], [np.nan]])
    evidence = made([1.5, 1.5], [1, -2], candidate=nan)
    assert found(evidence, [1.5, 1.5]) == []


def test_a_die_s_own_threshold_is_what_its_candidate_is_measured_by() -> None:
    rule = dataclasses.replace(RULE, own_up=np.array([1.2]))
    record = next(wrong_steps(rule, made([1.1], [0]), np.array([[1.1]]), units=[7]))
    assert (record.layer, record.unit) == (1, 7)
    assert record.distance == pytest.approx(0.1)
    assert record.distance_own == pytest.approx(1.1 / 1.2 - 1)
    assert record.cause is Cause.THRESHOLD
    # Earlier layers that are right change nothing about that.
    local = seen(1.1)
    (record,) = wrong_steps(rule, made([1.1], [0]), np.array([[1.1]]), local=local)
    assert record.cause is Cause.THRESHOLD


def test_table_and_record_name_everything() -> None:
    record = only(made([0.95], [0]), [1.08], sequence=4)
    head, line, *legend = table([record])
    assert head.split() == [
        "sequence", "layer", "unit", "frame", "step", "wanted", "distance", "own", "cause",
    ]  # fmt: skip
    assert line.split() == [
        "4", "1", "0", "0", "+0", "->", "+0", "+1", "+8.00", "%", "-5.00", "%", "threshold",
        "offset",
    ]  # fmt: skip
    assert legend == [*LEGEND, f"threshold offset: {Cause.THRESHOLD.meant}."]
    for column in ("step", "wanted", "distance", "own"):
        assert f"{column}: " in " ".join(legend)
    assert table([]) == []
    assert record.row()["cause"] == "threshold offset"
    assert set(record.row()) == {f.name for f in dataclasses.fields(Disagreement)}


# Without a skip a layer may be as wide as it likes: 5 in, 4 out.
@pytest.mark.parametrize(("skip", "n_out"), [(0, 4), (1, 5), ("matrix", 4)])
def test_local_layers_are_the_reference_s_own_with_its_own_states(skip: Any, n_out: int) -> None:
    keys = {"levels": 2, "skip": skip, "n_out": n_out, "rectify_input": True}
    model = draw_model(make_spec(**keys, threshold="input"), 1)
    inputs = draw_inputs(4, 3, n_seq=1, n_time=9)
    n = int(inputs.lengths[0])
    trace = simulate_ideal(model, inputs)
    local = local_layers(model, inputs.x[0, :n], [s[0, :n] for s in trace.states])
    for i, (a, b) in enumerate(zip(local, trace.candidates, strict=True)):
        np.testing.assert_allclose(a.candidate, b[0, :n], rtol=1e-12, atol=1e-12)
        # Its thresholds are those that its states were made by.
        h = trace.states[i][0, :n] / model.tensors[f"layers.{i}.alpha"]
        before = np.concatenate([model.tensors[f"layers.{i}.initial_state"][None], h[:-1]])
        step = np.where(np.abs(a.candidate) >= a.beta, np.sign(a.candidate), 0.0)
        np.testing.assert_allclose(h, np.clip(before + step, -2, 2), atol=1e-9)


# --------------------------------------------------------------------------------------- loops


@pytest.fixture(scope="module")
def loops() -> Chip:
    """Layers of one FQ-BMRU each: rises at 1.5, falls below 1.0, alpha 0.5."""
    model = draw_model(make_spec("fq_bmru", n_units=1, rectify_candidate=True), 1)
    tensors = dict(model.tensors)
    for i in range(2):
        p = f"layers.{i}."
        tensors |= {p + "beta": np.ones(1), p + "delta": np.full(1, 0.5)}
        tensors |= {p + "alpha": np.full(1, 0.5), p + "initial_state": np.zeros(1)}
    return Chip(dataclasses.replace(model, tensors=tensors), load_technology("generic180"))


def bits(
    loops: Chip, own: list[float], reference: list[float], found: list[int], **keys: Any
) -> Any:
    model = dataclasses.replace(loops.mapped, tensors=loops.model.tensors)
    columns = [np.array(x, dtype=float)[:, None] for x in (own, reference)]
    states = 0.5 * np.array(found, dtype=float)[:, None]
    return list(wrong_bits(model, loops.design.banks[0], states, *columns, **keys))


def test_a_loop_s_bits_are_judged_with_their_hysteresis(loops: Chip) -> None:
    c = [1.2, 1.6, 1.2, 0.9, 1.2]
    assert bits(loops, c, c, [0, 1, 1, 0, 0]) == []
    # Kept a bit that it should have lost; from there on it is right again.
    (record,) = bits(loops, c, c, [0, 1, 1, 1, 1])
    assert (record.frame, record.before, record.wanted, record.found) == (3, 1, 0, 1)
    assert record.distance == pytest.approx(0.1 / 1.5)
    assert record.cause is Cause.THRESHOLD


def test_a_loop_that_its_candidate_does_not_explain_saw_another(loops: Chip) -> None:
    (record,) = bits(loops, [1.8, 0.3], [1.8, 0.3], [1, 1])
    assert (record.frame, record.cause) == (1, Cause.UNSETTLED)
    (record,) = bits(loops, [1.8], [0.3], [1], local=np.array([[1.8]]))
    assert record.cause is Cause.EARLIER
    assert bits(loops, [np.nan], [1.8], [0]) == []


def test_a_loop_s_bit_that_no_candidate_asked_for_stays_unexplained(loops: Chip) -> None:
    (record,) = bits(loops, [0.3], [0.3], [1])
    assert record.cause is Cause.UNEXPLAINED
    # One that is stuck: neither candidate asks for it.
    records = bits(loops, [1.8, 0.3, 0.2], [1.8, 0.3, 0.2], [1, 1, 1])
    assert [r.cause for r in records] == [Cause.UNSETTLED, Cause.UNEXPLAINED]


def test_a_loop_s_candidate_that_lies_far_off_is_a_cause_of_its_own(loops: Chip) -> None:
    (record,) = bits(loops, [0.3], [1.8], [0])
    assert record.cause is Cause.CANDIDATE
    assert record.distance == pytest.approx(0.3 / 1.5)
    assert record.distance_own == pytest.approx(0.7 / 1.5)
    (record,) = bits(loops, [1.45], [1.55], [0])
    assert record.cause is Cause.THRESHOLD


# ------------------------------------------------------------------------- read from waveforms


def waves_of(design: Design, cells: np.ndarray[Any, Any]) -> Waves:
    """A strobe at 1 ms, 1 ms long; voltages (n_cells, n_points) every 0.1 ms."""
    times = np.linspace(0, 1e-2, 101)
    plus, minus = candidate_vectors(design, 0, 0)
    vectors = {"time": times, plus: 1e-9 * np.minimum(times / 1e-3, 1), minus: 0 * times}
    vectors |= dict(zip(state_vectors(design, 0, 0), cells, strict=True))
    return Waves(status=RunStatus.DONE, vectors=vectors, core_seconds=0.0, message="")


def test_evidence_is_read_from_the_waveforms() -> None:
    design = chip_of(one_unit()).design
    times = np.linspace(0, 1e-2, 101)
    cells = np.zeros((4, 101))
    cells[:2] = 1.8
    cells[2, times > 1.1e-3] = 1.8
    cells[3, times > 1.6e-3] = 1.8
    timing = dataclasses.replace(design.timing, frame=1e-2, pulse=1e-3)
    evidence = read_evidence(
        design,
        0,
        [0],
        waves_of(design, cells),
        timing=timing,
        strobe_at=np.array([1e-3, 1.1e-2]),
        read_at=np.array([1e-2, 2e-2]),
        v_dd=1.8,
    )
    assert own_levels(RULE, evidence)[1][0, 0] == 2
    np.testing.assert_array_equal(evidence.before[0, 0], [True, True, False, False])
    np.testing.assert_array_equal(evidence.after[0, 0], [True] * 4)
    scale = design.buses["c0"].scale
    assert evidence.candidate[0, 0] == pytest.approx(1e-9 / scale)
    assert evidence.earlier[0, 0] == pytest.approx(0.8e-9 / scale, rel=1e-3)
    # The run ended before the second frame.
    assert np.isnan(evidence.candidate[1, 0])
