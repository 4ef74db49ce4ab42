"""Readouts, their ties and padding; traces on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mru_hw.errors import UserError
from mru_hw.model.structure import ReadoutKind
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.readout import decide
from mru_hw.simulate.trace import load_trace
from tests.networks import draw_inputs, draw_model, make_spec

NAN = float("nan")


@pytest.mark.parametrize(
    ("readout", "frames", "expected"),
    [
        (ReadoutKind.MEAN, [[1, 0, 0], [0, 5, 0], [0, 0, 3]], 1),
        (ReadoutKind.MEAN, [[0, 2, 0], [0, 0, 2]], 1),
        (ReadoutKind.MEAN, [[0, 0, 0]], 0),
        (ReadoutKind.VOTE, [[9, 0, 0], [0, 1, 0], [0, 1, 0]], 1),
        (ReadoutKind.VOTE, [[0, 0, 1], [0, 1, 0]], 1),
        (ReadoutKind.VOTE, [[0, 1, 1]], 1),
        (ReadoutKind.LAST, [[9, 0, 0], [0, 1, 2]], 2),
        (ReadoutKind.LAST, [[9, 0, 0], [-1, -1, -1]], 0),
    ],
)
@pytest.mark.parametrize("padding", [0, 2])
def test_readout_by_hand(
    readout: ReadoutKind, frames: list[list[float]], expected: int, padding: int
) -> None:
    output = np.array([frames + [[NAN] * 3] * padding], np.float64)
    assert decide(output, np.array([len(frames)]), readout).tolist() == [expected]


@given(st.integers(0, 2**32 - 1), st.sampled_from(list(ReadoutKind)))
def test_readout_equals_one_sequence_at_a_time(seed: int, readout: ReadoutKind) -> None:
    rng = np.random.default_rng(seed)
    output = rng.integers(-2, 3, (2, 6, 7, 3)).astype(np.float64)
    lengths = rng.integers(1, 8, 6)
    output[:, np.arange(7) >= lengths[:, None]] = NAN
    found = decide(output, lengths, readout)
    for die in range(2):
        for row, length in enumerate(lengths):
            frames = output[die, row, :length]
            score = {
                ReadoutKind.MEAN: frames.mean(0),
                ReadoutKind.VOTE: np.bincount(frames.argmax(1), minlength=3),
                ReadoutKind.LAST: frames[-1],
            }[readout]
            if readout is ReadoutKind.MEAN:  # whole sums: their ties are exact
                score = frames.sum(0)
            assert found[die, row] == score.argmax()


def test_trace_goes_to_disk_and_back_under_the_names_of_the_contract(tmp_path: Path) -> None:
    model, inputs = draw_model(make_spec("bmru"), 0), draw_inputs(4, 1)
    trace = simulate_ideal(model, inputs)
    path = tmp_path / "y.npz"
    trace.save(path)
    trace.save(path)
    with np.load(path) as arrays:
        assert set(arrays.files) == {"decision", "output", "energy_J"} | {
            f"layer{i}.{kind}" for i in range(2) for kind in ("candidate", "state")
        }
        assert arrays["layer1.state"].shape == (9, 12, 6)
        assert np.isnan(arrays["layer1.state"][~inputs.valid()]).all()
        assert np.isnan(arrays["energy_J"]).all()
    again = load_trace(path)
    assert np.array_equal(again.states[1], trace.states[1], equal_nan=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["y.npz"]


def test_trace_does_not_overwrite_another_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    trace = simulate_ideal(draw_model(make_spec(), 0), draw_inputs(4, 1))
    with pytest.raises(UserError, match=r"expected a new path or an earlier \.npz\."):
        trace.save(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("missing", ["decision", "layer0.state"])
def test_trace_that_lacks_an_array_is_refused(missing: str, tmp_path: Path) -> None:
    trace = simulate_ideal(draw_model(make_spec(), 0), draw_inputs(4, 1))
    arrays = {name: values for name, values in trace.arrays().items() if name != missing}
    np.savez(tmp_path / "y.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=rf"y\.npz: {missing} is missing"):
        load_trace(tmp_path / "y.npz")
