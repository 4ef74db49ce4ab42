"""Whole networks: names, precision, padding, readouts, batches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mru_hw.errors import UserError
from mru_hw.model.io import load_model, save_model
from mru_hw.model.memory import CELLS
from mru_hw.model.structure import ModelSpec, Normalisation, ReadoutKind
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.training.batches import as_batch, augment, shuffled
from mru_hw.training.digits import load_digits, normalisation, split_rows
from mru_hw.training.network import MemoryNetwork, decide, from_model, score
from tests.halves import thresholds


def _spec(cell: str = "cmru", **keys: Any) -> ModelSpec:
    layer = {"cell": cell, "n_units": 4, "n_out": 5} | keys
    return ModelSpec.model_validate(
        {
            "frame_period": "10 ms",
            "n_in": 3,
            "n_hidden": 5,
            "n_classes": 2,
            "layers": [layer, layer],
            "normalisation": {"mean": [0.1, 0.2, 0.3], "scale": [1.0, 2.0, 4.0]},
        }
    )


def _network(spec: ModelSpec, seed: int = 0) -> MemoryNetwork:
    network = MemoryNetwork(spec)
    network.draw(torch.Generator().manual_seed(seed))
    return network


@pytest.mark.parametrize("skip", [0, 1, "matrix"])
@pytest.mark.parametrize(
    ("cell", "threshold"),
    [(name, t) for name in sorted(CELLS) for t in thresholds(name)],
)
def test_tensors_are_those_of_the_contract(
    cell: str, skip: object, threshold: str, tmp_path: Path
) -> None:
    spec = _spec(cell, skip=skip, threshold=threshold)
    model = _network(spec).export()
    assert {name: v.shape for name, v in model.tensors.items()} == spec.tensor_shapes()
    save_model(model, tmp_path / "m")
    again = from_model(load_model(tmp_path / "m")).export()
    for name, value in model.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], value)


def test_constructing_a_network_draws_nothing() -> None:
    before = torch.random.get_rng_state()
    MemoryNetwork(_spec())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_model_runs_in_float64_on_raw_data() -> None:
    network = from_model(_network(_spec()).export())
    x = network.normalise(torch.tensor([[[0.1, 4.2, 0.3]]]))
    assert x.dtype == torch.float64
    np.testing.assert_allclose(x, [[[0.0, 2.0, 0.0]]], atol=1e-7)
    assert network(x).output.dtype == torch.float64


def test_padding_counts_for_nothing() -> None:
    network = _network(_spec()).double()
    g = torch.Generator().manual_seed(1)
    x = torch.randn((2, 6, 3), generator=g, dtype=torch.float64)
    padded = torch.cat((x, torch.full((2, 4, 3), 1e3, dtype=torch.float64)), dim=1)
    lengths = torch.tensor([6, 6])
    short, long = network(x).output, network(padded).output
    for readout in ReadoutKind:
        torch.testing.assert_close(score(short, lengths, readout), score(long, lengths, readout))


def test_readouts_and_their_ties() -> None:
    frames = torch.tensor([[[0.0, 3.0], [1.0, 0.0], [1.0, 0.0], [9.0, 0.0]]])
    lengths = torch.tensor([3])
    np.testing.assert_allclose(score(frames, lengths, ReadoutKind.MEAN), [[2 / 3, 1.0]], rtol=1e-6)
    assert score(frames, lengths, ReadoutKind.VOTE).tolist() == [[2.0, 1.0]]
    assert score(frames, lengths, ReadoutKind.LAST).tolist() == [[1.0, 0.0]]
    assert [decide(frames, lengths, readout).tolist() for readout in ReadoutKind] == [[1], [0], [0]]
    level = torch.zeros((1, 2, 3))
    assert [decide(level, torch.tensor([2]), r).tolist() for r in ReadoutKind] == [[0], [0], [0]]


def _inputs(n: int = 20) -> Inputs:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, n)
    return make_inputs(rng.normal(size=(n, 8, 3)), lengths, rng.integers(0, 2, n))


def test_split_is_by_row_number() -> None:
    data = _inputs(25)
    split = split_rows(data)
    np.testing.assert_array_equal(split.test.x, data.x[[0, 10, 20]])
    np.testing.assert_array_equal(split.validation.x, data.x[[1, 11, 21]])
    assert split.train.n_seq == 19
    with pytest.raises(UserError, match=r"data: x is 2 sequences, expected at least 3\."):
        split_rows(_inputs(2))


def test_normalisation_ignores_padding_and_constant_features() -> None:
    x = np.array([[[1.0, 5.0], [3.0, 5.0], [0.0, 0.0]]])
    found = normalisation(make_inputs(x, [2]))
    assert found == Normalisation(mean=(2.0, 5.0), scale=(1.0, 1.0))


def test_the_digits_are_those_of_the_design() -> None:
    digits = load_digits()
    assert digits.x.shape[::2] == (3000, 13)
    assert digits.y is not None
    assert np.bincount(digits.y).tolist() == [300] * 10


def test_batches_hold_every_row_once() -> None:
    network = _network(_spec())
    rows = as_batch(_inputs(), network)
    some = shuffled(rows, 3, torch.Generator().manual_seed(0))
    assert sorted(torch.cat([b.lengths for b in some]).tolist()) == sorted(rows.lengths.tolist())
    assert all(b.x.shape[1] == b.lengths.max() for b in some)


def test_augmentation() -> None:
    rows = as_batch(_inputs(), _network(_spec()))
    g = torch.Generator().manual_seed(0)
    same = augment(rows, warp=0.0, offset=0.0, noise=0.0, generator=g)
    assert torch.equal(same.x, rows.x)
    warped = augment(rows, warp=0.3, offset=0.0, noise=0.0, generator=g)
    ratio = warped.lengths / rows.lengths
    assert (((warped.lengths - rows.lengths).abs() <= 1) | ((ratio - 1).abs() <= 0.3)).all()
    # A warped sequence begins where the original does, and stays within its values.
    assert torch.equal(warped.x[:, 0], rows.x[:, 0])
    assert warped.x.abs().max() <= rows.x.abs().max()
    shifted = augment(rows, warp=0.0, offset=1.0, noise=0.0, generator=g).x - rows.x
    torch.testing.assert_close(shifted, shifted[:, :1].expand_as(shifted), atol=1e-5, rtol=0)
