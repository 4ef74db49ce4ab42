"""Input files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mru_hw.errors import UserError
from mru_hw.stimulus import load_inputs, make_inputs, save_inputs

X = np.arange(24.0).reshape(2, 3, 4)


def test_inputs_go_to_disk_and_back(tmp_path: Path) -> None:
    inputs = make_inputs(X, [3, 1], np.array([1, 0]))
    save_inputs(inputs, tmp_path / "x.npz")
    again = load_inputs(tmp_path / "x.npz")
    assert np.array_equal(again.x, inputs.x)
    assert again.lengths.tolist() == [3, 1]
    assert again.y is not None
    assert again.y.tolist() == [1, 0]


def test_lengths_and_labels_are_optional(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=X.astype(np.float32))
    inputs = load_inputs(tmp_path / "x.npz")
    assert inputs.x.dtype == np.float64
    assert inputs.lengths.tolist() == [3, 3]
    assert inputs.y is None


def test_padding_may_hold_anything_and_becomes_zero() -> None:
    x = X.copy()
    x[1, 1:] = np.nan
    inputs = make_inputs(x, [3, 1])
    assert (inputs.x[1, 1:] == 0).all()
    assert inputs.valid().tolist() == [[True, True, True], [True, False, False]]


def test_rows_are_taken_together() -> None:
    part = make_inputs(X, [3, 1], np.array([1, 0])).take(slice(1, 2))
    assert part.n_seq == 1
    assert part.lengths.tolist() == [1]
    assert part.y is not None
    assert part.y.tolist() == [0]


def test_an_earlier_file_is_replaced_and_a_foreign_one_is_not(tmp_path: Path) -> None:
    inputs = make_inputs(X)
    save_inputs(inputs, tmp_path / "x.npz")
    save_inputs(inputs, tmp_path / "x.npz")
    (tmp_path / "mine").write_text("text")
    with pytest.raises(UserError, match=r"expected a new path or an earlier \.npz\."):
        save_inputs(inputs, tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "text"
