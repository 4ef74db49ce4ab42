"""What is wrong with input files, and the sentence that each mistake gets."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw import npz
from mru_hw.stimulus import load_inputs
from tests.mistakes import Harmful, sentence

X = np.zeros((2, 3, 4))
NAN_X = X.copy()
NAN_X[1, 2, 0] = np.nan
INPUT_ERRORS = [
    ({}, "x.npz: x is missing, expected an array (n_seq, n_time, n_in)."),
    ({"x": X[0]}, "x.npz: x is of shape (3, 4), expected shape (n_seq, n_time, n_in), none of"),
    ({"x": X[:0]}, "x.npz: x is of shape (0, 3, 4), expected shape (n_seq, n_time, n_in), none"),
    ({"x": X.astype(str)}, "x.npz: x is of type <U32, expected real numbers."),
    ({"x": NAN_X}, "x.npz: x[1, 2, 0] is nan, expected a finite number."),
    ({"x": X, "lengths": [3, 4]}, "x.npz: lengths[1] is 4, expected 1 to 3, the frames of x."),
    ({"x": X, "lengths": [0, 3]}, "x.npz: lengths[0] is 0, expected 1 to 3, the frames of x."),
    ({"x": X, "lengths": [3]}, "x.npz: lengths is of shape (1,), expected shape (2,), one a"),
    ({"x": X, "lengths": [3.0, 3.0]}, "x.npz: lengths is of type float64, expected whole numbers."),
    ({"x": X, "y": [0, -1]}, "x.npz: y[1] is -1, expected a class index from 0."),
    ({"x": X, "y": [0]}, "x.npz: y is of shape (1,), expected shape (2,), one a sequence."),
]


@pytest.mark.parametrize(("arrays", "expected"), INPUT_ERRORS)
def test_wrong_inputs(arrays: dict[str, Any], expected: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **(arrays or {"z": X}))
    assert sentence(lambda: load_inputs(tmp_path / "x.npz")).startswith(expected)


def test_inputs_that_are_no_npz(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    for data in (b"", b"text", pickle.dumps(X), b"PK\x03\x04damaged"):
        path.write_bytes(data)
        found = sentence(lambda: load_inputs(path))
        assert found.endswith("expected an .npz file of plain arrays, no pickle and not damaged.")
        assert found.startswith("inputs is ")
    np.savez(path, x=np.array([Harmful()], dtype=object))
    assert "no pickle and not damaged" in sentence(lambda: load_inputs(path))
    path.unlink()
    assert "plain arrays (no such file)." in sentence(lambda: load_inputs(path))


def test_inputs_that_unpack_to_too_much(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros((10, 100, 100)))
    found = sentence(lambda: npz.read_npz(tmp_path / "x.npz", "--inputs", limit=1000))
    assert re.fullmatch(
        r"--inputs is 80\d\d\d\d bytes unpacked, expected at most 1000 bytes\.", found
    )
