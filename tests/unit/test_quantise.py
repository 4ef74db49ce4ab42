"""An alphaCMRU as the nearest CMRU: exact where steps have one size, least squares elsewhere."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.cli.app import run
from mru_hw.model.io import load_model, save_model
from mru_hw.model.network import Model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.quantise import quantised
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, make_inputs, save_inputs
from tests.networks import draw_model, make_spec


def sequences(n_in: int, *, labels: bool = True) -> Inputs:
    rng = np.random.default_rng(4)
    y = rng.integers(0, 3, 30) if labels else None
    return make_inputs(1.5 * rng.normal(size=(30, 17, n_in)), rng.integers(5, 18, 30), y)


def relaxed(**keys: Any) -> Model:
    return draw_model(make_spec("alpha_cmru", 2, **({"levels": 2} | keys)), 5)


def evenly(model: Model, size: float, start: float) -> Model:
    """Give every step of its alphaCMRUs one size, and every unit one initial state."""
    changed = dict(model.tensors)
    for name, values in model.tensors.items():
        if name.endswith(".alpha.weight"):
            changed[name] = np.zeros_like(values)
        elif name.endswith(".alpha.bias"):
            changed[name] = np.full_like(values, -size)
        elif name.endswith(".initial_state"):
            changed[name] = np.full_like(values, start)
    return Model(spec=model.spec, tensors=changed)


@pytest.mark.parametrize("keys", [{}, {"threshold": "input"}, {"skip": "matrix"}])
def test_steps_of_one_size_are_kept_whole(keys: dict[str, Any]) -> None:
    model, data = evenly(relaxed(**keys), 0.5, -1.0), sequences(4)
    made = quantised(model, data, 4)
    assert [layer.cell.name for layer in made.model.spec.layers] == ["cmru", "cmru"]
    assert [layer.levels for layer in made.model.spec.layers] == [4, 4]
    assert made.alike == 1.0
    assert max(made.lost.values()) < 1e-20
    one, other = simulate_ideal(model, data), simulate_ideal(made.model, data)
    assert one.output is not None
    assert other.output is not None
    np.testing.assert_allclose(other.output, one.output, atol=1e-12)
    moving = np.ptp(one.states[0][data.valid()], axis=0) > 0
    assert moving.any()
    np.testing.assert_allclose(made.model.tensors["layers.0.alpha"][moving], 0.5)
    np.testing.assert_array_equal(made.model.tensors["layers.0.initial_state"][moving], -2.0)


def test_a_level_is_the_least_squares_of_the_states() -> None:
    """By a plain loop over the frames of each sequence."""
    model, data = relaxed(), sequences(4)
    made = quantised(model, data, 2)
    known, beta = simulate_ideal(model, data), np.abs(model.tensors["layers.0.beta"])
    rank, states = [], []
    for c, h, n in zip(known.candidates[0], known.states[0], data.lengths, strict=True):
        s = made.model.tensors["layers.0.initial_state"]
        for t in range(n):
            s = np.clip(s + np.where(np.abs(c[t]) >= beta, np.where(c[t] < 0, -1, 1), 0), -2, 2)
            rank.append(s)
            states.append(h[t])
    lost = []
    for unit, (s, h) in enumerate(zip(np.transpose(rank), np.transpose(states), strict=True)):
        slope, offset = np.polyfit(s, h, 1)
        assert made.model.tensors["layers.0.alpha"][unit] == pytest.approx(slope, rel=1e-9)
        lost.append(np.var(h - slope * s - offset) / np.var(h))
    assert made.lost[0] == pytest.approx(np.mean(lost), rel=1e-9)
    assert 0 < made.lost[0] < 1


def test_the_command_writes_a_model_that_maps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(relaxed(), Path("soft"))
    save_inputs(sequences(4), Path("x.npz"))
    words = ["quantise", "soft", "--inputs", "x.npz", "--out", "hard", "--levels"]
    assert run([*words, "2"]) == 0
    said = capsys.readouterr().out
    assert "hard: CMRUs of 5 levels." in said
    assert "Accuracy in software: " in said
    assert run([*words, "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["accuracy"].keys() == {"before", "after"}
    assert 0 <= told["decisions_alike"] <= 1
    assert Chip("hard").run("x.npz").trace.decision.shape == (30,)
    before = load_model("hard").tensors
    for change, sentence in (
        ("3", '--out is "hard", expected a new path, for the model there was made otherwise.'),
        ("0", "--levels is 0, expected at least 1."),
    ):
        assert run([*words, change]) == 2
        assert capsys.readouterr().err == sentence + "\n"
    assert run(["quantise", "hard", "--inputs", "x.npz", "--levels", "2", "--out", "other"]) == 2
    assert 'layers is "cmru, cmru", expected an alpha_cmru among them' in capsys.readouterr().err
    assert not Path("other").exists()
    assert all(np.array_equal(load_model("hard").tensors[k], v) for k, v in before.items())
