"""The registry of memory cells: both halves there, and one recurrence behind every reading."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from mru_hw.errors import UserError
from mru_hw.mapping.cells import CellKind
from mru_hw.model.memory import CELLS, CMRU, FQ_BMRU, LevelCell, by_name
from mru_hw.model.network import Model
from mru_hw.model.structure import LayerSpec
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.training.memory import LAYERS, memory_layer
from tests.halves import variants
from tests.networks import draw_inputs, draw_tensors, make_spec

LEVEL_CELLS = [name for name, cell in CELLS.items() if isinstance(cell, LevelCell)]


def level_cell(name: str) -> LevelCell:
    cell = CELLS[name]
    assert isinstance(cell, LevelCell)
    return cell


def test_every_cell_has_both_halves_and_its_own_name() -> None:
    assert {name: cell.name for name, cell in CELLS.items()} == {name: name for name in CELLS}
    assert set(LAYERS) == set(CELLS)
    assert {kind.value: kind.memory for kind in CellKind}.items() <= CELLS.items()


@pytest.mark.parametrize("name", list(CELLS))
def test_a_cell_is_its_name_in_documents_and_the_same_after_any_copy(name: str) -> None:
    spec = LayerSpec.model_validate({"cell": name, "n_units": 1, "n_out": 1})
    assert spec.cell is CELLS[name]
    assert spec.model_dump(mode="json")["cell"] == name
    for again in (
        copy.deepcopy(spec),
        pickle.loads(pickle.dumps(spec)),
        LayerSpec.model_validate(spec.model_dump()),
    ):
        assert again == spec
        assert [other == again.cell for other in CELLS.values()].count(True) == 1


def test_a_cell_without_a_torch_half_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(LAYERS, CMRU.name)
    spec = LayerSpec.model_validate({"cell": "cmru", "n_units": 1, "n_out": 1})
    with pytest.raises(UserError, match=r"layers\.0\.cell is \"cmru\", expected a cell that can"):
        memory_layer(spec, 1, "layers.0.cell")


@pytest.mark.parametrize(("name", "keys"), [(n, k) for n in LEVEL_CELLS for k in variants(n)])
def test_stepping_from_the_own_level_is_what_ideal_runs(name: str, keys: dict[str, Any]) -> None:
    """The expected step and the level ideal are one recurrence, ties and bounds included."""
    cell, spec = level_cell(name), make_spec(name, n_layers=1, **keys)
    drawn, inputs = draw_tensors(spec, 3, grid=True), draw_inputs(4, 5, n_seq=6, grid=True)
    model = Model(spec=spec, tensors=drawn | {"layers.0.alpha": np.full(6, -0.5)})
    trace, own = simulate_ideal(model, inputs), by_name(model.tensors, "layers.0.")
    for row, n in enumerate(inputs.lengths):
        c = trace.candidates[0][row, :n]
        level = np.rint(trace.states[0][row, :n] / cell.gain(own("alpha")))
        before = np.concatenate([own("initial_state")[None], level[:-1]])
        if spec.layers[0].threshold == "fixed":
            beta = np.abs(own("beta"))
        else:
            h0 = inputs.x[row, :n] @ model.tensors["input.weight"].T + model.tensors["input.bias"]
            beta = np.abs(h0 @ own("threshold.weight").T + own("threshold.bias"))
        up, down = cell.edges(beta, own)
        wanted = cell.step(before, c, up, down, spec.layers[0].levels)
        np.testing.assert_array_equal(level, wanted)
        # A candidate beyond its threshold asks for a step, one within holds; a bit may sit there.
        beyond = cell.distance(c, np.broadcast_to(up, c.shape), np.broadcast_to(down, c.shape)) >= 0
        assert not (wanted != before)[~beyond].any()


@pytest.mark.parametrize("name", LEVEL_CELLS)
def test_ranks_and_settings_invert(name: str) -> None:
    cell = level_cell(name)
    for limit in (1, 2, 70):
        ranks = np.arange(cell.n_levels(limit))
        levels = cell.level(ranks, limit)
        assert (levels[0], levels[-1]) == cell.span(limit)
        np.testing.assert_array_equal(cell.rank(levels, limit), ranks)
        mean, deviation = cell.usual(limit)
        np.testing.assert_allclose([mean, deviation], [levels.mean(), levels.std()], atol=1e-12)
    tensors = {"beta": np.array([0.5, 1.25]), "delta": np.array([0.25, 0.5])}
    found = cell.settings(*cell.edges(tensors["beta"], by_name(tensors, "")))
    assert tuple(sorted(found)) == tuple(sorted(cell.threshold_names))
    for key, value in found.items():
        np.testing.assert_array_equal(value, tensors[key])


def test_distances_are_shares_of_a_threshold() -> None:
    c, two = np.array([-3.0, -1.0, 1.0, 2.0]), np.full(4, 2.0)
    assert CMRU.distance(c, np.full(4, 1.0), two).tolist() == [0.5, -0.5, 0.0, 1.0]
    assert CMRU.distance(c, two, np.full(4, np.inf)).tolist() == [-1.0, -1.0, -0.5, 0.0]
    assert CMRU.distance(c, np.zeros(4), np.zeros(4)).tolist() == [np.inf] * 4
    # Rises at 2, falls below 1: 0.5 lies a quarter below, 1.75 an eighth short of a rise.
    c = np.array([0.5, 1.75, 3.0])
    assert FQ_BMRU.distance(c, np.full(3, 2.0), np.ones(3)).tolist() == [0.25, -0.125, 0.5]
