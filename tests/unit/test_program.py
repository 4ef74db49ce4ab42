"""The program of a design's dies: one layout, one flow, a bit a cell."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mru_hw.circuits.cell.law import step_cells, whole
from mru_hw.mapping.cells import CellKind
from mru_hw.mapping.flow import Flow, Row
from mru_hw.model.network import Model
from mru_hw.simulate.array import Memory, Node
from mru_hw.simulate.blocks import SequenceBlock
from mru_hw.simulate.compile import compile_die, compile_dies
from mru_hw.simulate.die_run import DieRun
from mru_hw.simulate.memory import initial_cells, step_memory
from mru_hw.simulate.program import Program
from mru_hw.simulate.run import Chip
from mru_hw.technology import load_technology
from mru_hw.variation import draw_die
from tests.agreement.networks import loops, two_windows
from tests.networks import draw_model, make_spec

TECHNOLOGY = load_technology("generic180")


def cumulative() -> Model:
    return draw_model(make_spec("cmru", 2, levels=2, skip=1), 0)


def rectified() -> Model:
    return draw_model(make_spec("cmru", 2, levels=2, skip="matrix", rectify_output=True), 4)


def first_quadrant() -> Model:
    return loops("fq_bmru", [1.0, 1.2], [0.4, 0.5])


NETWORKS = [cumulative, rectified, two_windows, first_quadrant]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("temperature", [27.0, 85.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_die_has_the_same_bits_in_whatever_company(
    network: Callable[[], Model], temperature: float, dtype: type[np.floating[Any]]
) -> None:
    chip = Chip(network(), TECHNOLOGY)
    here = chip.calibration.at(temperature=temperature, loops_only=chip.design.loops_only)
    dies = [chip.die(None), *(chip.die(seed) for seed in range(5))]
    dies[2:2] = [draw_die(chip.design, 7, process=1.0, gradient=1.0)]

    def programs(some: list[int]) -> list[Program]:
        given = [dies[k] for k in some]
        return list(compile_dies(chip.design, here, given, temperature=temperature, dtype=dtype))

    together = programs(list(range(len(dies))))
    # Dies whose devices share a shift have constants of their own.
    assert [program.n_die for program in together] == [2, 1, 4]
    arrays = [program.die(d) for program in together for d in range(program.n_die)]
    for k, array in enumerate(arrays):
        (alone,) = programs([k])
        one = alone.die(0)
        for left, right in zip(
            (*one.rows, *one.memories), (*array.rows, *array.memories), strict=True
        ):
            assert isinstance(left, Node | Memory)
            for entry in dataclasses.fields(left):
                value = getattr(left, entry.name)
                if isinstance(value, np.ndarray):
                    np.testing.assert_array_equal(value, getattr(right, entry.name))
                    if entry.name != "c_step":
                        assert value.dtype == dtype
        assert one.bias_supply == array.bias_supply


@pytest.mark.parametrize("network", NETWORKS)
def test_the_flow_puts_everything_after_what_feeds_it(network: Callable[[], Model]) -> None:
    flow = Flow.of(Chip(network(), TECHNOLOGY).design)
    place = {id(step): k for k, step in enumerate(flow.steps)}
    assert sorted(place.values()) == list(range(len(flow.rows) + len(flow.banks)))
    for legs in flow.legs:
        assert place[id(flow.rows[legs.source])] < place[id(flow.rows[legs.target])]
    for units in flow.banks:
        assert place[id(flow.rows[units.candidate])] < place[id(units)]
        assert place[id(units)] < place[id(flow.rows[units.state])]
    assert flow.rows[flow.x].bus.name == "x"
    assert flow.rows[flow.y].bus.name == "y"
    for row in flow.rows:
        assert sum(version.share for version in row.versions) == pytest.approx(1.0, abs=1e-12)
        assert all(version.share > 0 for version in row.versions)
    gone = [number for done in flow.done for number in done]
    assert sorted(gone) == list(range(len(flow.rows)))


def test_versions_end_with_the_strobes_before_them() -> None:
    """Two layers with skips: the last signal is old and old, new and old, new and new."""
    flow = Flow.of(Chip(cumulative(), TECHNOLOGY).design)
    rows: dict[str, Row] = {row.bus.name: row for row in flow.rows}
    first, second = flow.design.timing.strobes
    frame = flow.design.timing.frame
    last = rows["v2"]
    shares = [version.share for version in last.versions]
    cuts = [first / frame, (second - first) / frame, 1 - second / frame]
    np.testing.assert_allclose(shares, cuts, rtol=1e-12)

    def reads(row: Row, source: str) -> list[int]:
        return [version.reads[rows[source].index] for version in row.versions]

    assert reads(last, "v1") == [0, 1, 1]
    assert reads(last, "h1") == [0, 0, 1]
    assert reads(rows["v1"], "v0") == [0, 0]
    # A loop follows its candidate: one version.
    loop = Flow.of(Chip(first_quadrant(), TECHNOLOGY).design)
    assert all(len(row.versions) == 1 for row in loop.rows)


def test_polarity_is_kept() -> None:
    """A positive weight's leg on a plus rail sources, its leg on a minus rail sinks."""
    chip = Chip(cumulative(), TECHNOLOGY)
    (program,) = compile_dies(chip.design, chip.calibration, [chip.die(3)], temperature=27.0)
    for legs, matrix in zip(program.flow.legs, program.layout.matrices, strict=True):
        plus, minus = legs.connection.plus > 0, legs.connection.minus < 0
        found = np.hstack([plus, minus])[:, : matrix.part]
        np.testing.assert_array_equal(matrix.sourced, found)
        net = program.net[0, matrix.net].reshape(matrix.n_target, -1)[:, : matrix.part]
        np.testing.assert_array_equal(net > 0, matrix.sourced)


@given(count=st.integers(0, 6), n_cells=st.integers(1, 6), ask=st.sampled_from([-1, 0, 1]))
def test_whole_codes_step_by_one(count: int, n_cells: int, ask: int) -> None:
    cells = np.arange(n_cells)[:, None] < min(count, n_cells)
    moved = step_cells(cells, np.array([ask > 0]), np.array([ask < 0]))
    assert whole(moved)
    assert moved.sum() == np.clip(min(count, n_cells) + ask, 0, n_cells)


@pytest.mark.parametrize("kind", CellKind)
def test_the_array_moves_cells_as_follow_moves_levels(kind: CellKind) -> None:
    """Every cell that a circuit holds, ties and both bounds included."""
    cell, rng = kind.memory, np.random.default_rng(4)
    flat = dict.fromkeys(("rectify_input", "rectify_candidate"), not cell.signed)
    spec = make_spec(kind.value, 1, levels=2 if cell.takes_levels else None, **flat)
    chip = Chip(draw_model(spec, 3), TECHNOLOGY)
    memory = compile_die(chip.design, chip.calibration, chip.die(None), temperature=27.0).memories[
        0
    ]
    bank, n_seq = memory.bank, 7
    c = np.round(8 * rng.normal(size=(bank.n_units, 60, n_seq))) / 8
    own = {name: rng.integers(1, 8, (bank.n_units, 1, 1)) / 8 for name in ("beta", "delta")}
    up, down = cell.edges(own["beta"], lambda name: own[name])
    cells = step_memory(memory, c, up, down, initial_cells(bank, n_seq))
    before = cell.level(cells[:, :, 0].sum(axis=0), bank.levels)
    found = cell.level(cells[:, :, 1:].sum(axis=0), bank.levels)
    wanted = cell.follow(c[None], up[None], down[None], before[None], bank.levels)[:, 0]
    np.testing.assert_array_equal(found, wanted.transpose(1, 0, 2))
    assert {found.min(), found.max()} == set(cell.span(bank.levels))


def test_a_broken_code_is_held_and_steps_as_the_circuit_does() -> None:
    """Cells 1 and 3 of four are set: no count says that. Up fills the gaps, down clears both."""
    chip = Chip(cumulative(), TECHNOLOGY)
    array = compile_die(chip.design, chip.calibration, chip.die(2), temperature=27.0)
    memory = array.memories[0]
    width, n_time = 2, 3
    held = [initial_cells(memory.bank, width) for memory in array.memories]
    held[0][:] = np.array([True, False, True, False])[:, None, None]
    x = np.zeros((array.rows[array.flow.x].row.bus.size, n_time, width))
    block = SequenceBlock(
        rows=np.arange(width),
        x=x,
        lengths=np.full(width, n_time),
        valid=np.ones((n_time, width), dtype=np.bool_),
    )
    strobes = np.full((memory.bank.n_units, n_time, width), np.inf)
    still = dataclasses.replace(memory, up=strobes, down=strobes)
    quiet = dataclasses.replace(array, memories=(still, *array.memories[1:]))
    run = DieRun(array=quiet, block=block, calibration=chip.calibration, noise=None, held=held)
    run.all_layers()
    np.testing.assert_array_equal(run.held[0], held[0])
    fed, drawn = memory.currents(held[0])
    two = (memory.output[:, 0] + memory.output[:, 2]) * memory.level_gains[:, 2]
    np.testing.assert_allclose(fed, np.repeat(two[:, None], width, axis=1), rtol=1e-12)
    np.testing.assert_allclose(drawn[:, 0], memory.drawn[:, 0] + memory.drawn[:, 2], rtol=1e-12)
    # The levels of a whole code are the same sums.
    whole_code = np.repeat(np.arange(4)[:, None, None] < 2, memory.bank.n_units, axis=1)
    np.testing.assert_allclose(memory.currents(whole_code)[0][:, 0], memory.level[:, 2])
    broken = np.array([True, False, True, False])[:, None]
    yes, no = np.array([True]), np.array([False])
    assert step_cells(broken, yes, no)[:, 0].tolist() == [True, True, True, True]
    assert step_cells(broken, no, yes)[:, 0].tolist() == [False, False, False, False]
    island = np.array([False, True, True, False])[:, None]
    assert step_cells(island, no, yes)[:, 0].tolist() == [False, True, False, False]
