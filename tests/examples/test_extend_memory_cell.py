"""docs/extend/memory_cell.md, done as it says: a cell of software only, registered for a while."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mru_hw.errors import UserError
from mru_hw.mapping import map_model
from mru_hw.mapping.schemas import schema_text
from mru_hw.model.io import load_model
from mru_hw.model.memory import CELLS
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.training.config import TrainConfig
from mru_hw.training.memory import LAYERS
from mru_hw.training.network import from_model
from mru_hw.training.run import train
from tests.halves import compare_cut, compare_halves, variants
from tests.laws import test_scan
from tests.unit import test_memory_cells, test_training_network

PAGE = Path(__file__).parents[2] / "docs" / "extend" / "memory_cell.md"
REFUSAL = (
    'layers.0.cell is "leaky", expected cmru, bmru or fq_bmru: no capacitor of the library '
    "forgets over frames."
)
LAYER = {"cell": "leaky", "n_units": 3, "n_out": 2, "rectify_output": True}
SIZES = {"frame_period": 0.01, "n_in": 2, "n_hidden": 2, "n_classes": 2}


@pytest.fixture
def leaky(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both modules of the page, and the lines of both tables."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    numpy_half, torch_half = (_module(text, monkeypatch) for text in blocks)
    monkeypatch.setitem(CELLS, numpy_half.LEAKY.name, numpy_half.LEAKY)
    monkeypatch.setitem(LAYERS, numpy_half.LEAKY.name, torch_half.LeakyLayer)


def _module(text: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Import a block as the module that its first line names."""
    path = text.splitlines()[0].removeprefix("# ")
    name = path.removesuffix(".py").replace("/", ".")
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text, path, "exec"), module.__dict__)
    return module


@pytest.mark.usefixtures("leaky")
def test_it_trains_is_saved_and_loaded_and_runs_in_software(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 40)
    x = rng.normal(size=(40, 9, 2)) + 2.0 * y[:, None, None]
    inputs = make_inputs(x, rng.integers(3, 10, 40), y)
    save_inputs(inputs, tmp_path / "inputs.npz")
    config = TrainConfig.model_validate(
        {
            "data": "inputs.npz",
            "frame_period": "10 ms",
            "network": {"n_hidden": 2, "layers": [LAYER], "initial_levels": [0]},
            "training": {"epochs": 2, "batch_size": 16},
        }
    )
    trained = train(config, tmp_path / "model", folder=tmp_path)
    model = load_model(tmp_path / "model")
    assert model.spec == trained.model.spec
    assert "layers.0.beta" not in model.tensors
    assert not np.array_equal(model.tensors["layers.0.rate"], np.ones(3))
    trace, network = simulate_ideal(model, inputs), from_model(model)
    assert set(np.unique(trace.states[0][inputs.valid()])) == {-1.0, 1.0}
    output = network(network.normalise(torch.from_numpy(inputs.x))).output.detach().numpy()
    assert trace.output is not None
    valid = inputs.valid()
    np.testing.assert_allclose(trace.output[valid], output[valid], rtol=0, atol=1e-12)
    # Its state goes on from block to block.
    cut = simulate_ideal(model, inputs, memory_bytes=8 * 8 * 3 * 2)
    assert cut.decision.tolist() == trace.decision.tolist()
    # No circuit holds it.
    technology = load_technology("generic180")
    with pytest.raises(UserError) as refused:
        map_model(model, technology, load_calibration(technology))
    assert str(refused.value) == REFUSAL
    assert REFUSAL in PAGE.read_text()


@pytest.mark.usefixtures("leaky")
@pytest.mark.parametrize("grid", [False, True])
def test_both_halves_are_one_cell(grid: bool) -> None:
    for keys in variants("leaky"):
        compare_halves("leaky", grid=grid, skip=1, **keys)


@pytest.mark.usefixtures("leaky")
def test_what_goes_over_the_table_holds_for_it(tmp_path: Path) -> None:
    """The tests that go over `CELLS`, as the page promises."""
    name = "leaky"
    test_memory_cells.test_every_cell_has_both_halves_and_its_own_name()
    test_memory_cells.test_a_cell_is_its_name_in_documents_and_the_same_after_any_copy(name)
    test_training_network.test_tensors_are_those_of_the_contract(name, 1, "fixed", tmp_path)
    agree: Any = test_scan.test_layers_agree
    for seed in range(3):
        compare_cut(name, seed, None, 1 + 4 * seed)
        agree.hypothesis.inner_test(name, None, "fixed", None, 20, seed)


@pytest.mark.usefixtures("leaky")
@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "levels",
            2,
            r"levels is 2, expected none \(null\), because the cell is leaky\.",
        ),
        (
            "threshold",
            "input",
            r"threshold is \"input\", expected fixed, because the cell is leaky",
        ),
    ],
)
def test_options_that_it_does_not_take_are_refused(key: str, value: object, said: str) -> None:
    with pytest.raises(UserError, match=said):
        ModelSpec.model_validate(SIZES | {"layers": [LAYER | {key: value}]})


@pytest.mark.usefixtures("leaky")
def test_the_schema_gains_one_line() -> None:
    there = (PAGE.parents[1] / "schemas" / "model.schema.json").read_text().splitlines()
    now = schema_text("model.schema.json").splitlines()
    assert [line.strip() for line in now if line not in there] == ['"memoryless",', '"leaky"']


def test_it_is_gone_again() -> None:
    assert "leaky" not in CELLS
    with pytest.raises(ValueError, match=r"one of 'cmru', 'bmru', .* or 'memoryless'"):
        ModelSpec.model_validate(SIZES | {"layers": [LAYER]})
