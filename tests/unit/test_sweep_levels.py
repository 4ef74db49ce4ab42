"""Points of several levels of truth and timings on the same dies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.errors import UserError
from mru_hw.model.io import save_model
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import load_inputs, make_inputs, save_inputs
from mru_hw.sweeps.explain import rerun
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.statistics.answers import statistics
from mru_hw.sweeps.view import open_run
from mru_hw.sweeps.words import described
from tests.agreement.networks import loops
from tests.sweeps import rows, write_case

BOTH = {"axis": "timing", "values": ["settled", "timed"]}


def sweep(folder: Path, name: str, n_seq: int = 5, workers: int = 1, **plan: Any) -> Path:
    document = read_plan(write_case(folder, n_seq=n_seq, **plan))
    run_sweep({"sweep": document}, folder, folder / name, workers=workers)
    return folder / name


def test_a_timed_point_is_the_run_of_simulate(tmp_path: Path) -> None:
    """Dies, noise and sequences are those of `Chip.run`, to the bit."""
    noisy = {"axis": "noise_scale", "values": [1]}
    given: dict[str, Any] = {"n_dies": 2, "seed": 3, "sequences": "1:4", "workers": 2}
    store = sweep(tmp_path, "both.sqlite", axes=[noisy, BOTH], **given)
    columns = "decision, energy"
    found = rows(store, columns)
    assert found[:2] != found[2:]
    chip, inputs = Chip(tmp_path / "model"), load_inputs(tmp_path / "inputs.npz")
    for k, (decision, energy) in enumerate(found[2:]):
        run = chip.run(inputs, die=(3 << 20) + k, noise=3, timing="timed", sequences=slice(1, 4))
        assert np.array_equal(np.frombuffer(decision, "<i2"), run.decision)
        assert np.array_equal(np.frombuffer(energy, "<f8"), run.energy.total)
    key = sweep(tmp_path, "key.sqlite", axes=[noisy], timing="timed", **given)
    assert rows(key, columns) == found[2:]
    with open_run(key) as view:
        assert view.points[0].settings["timing"] == "timed"
        assert view.facts["kernel"] == "numpy"


def test_explain_and_noise_of_loops_refuse_timed_points(tmp_path: Path) -> None:
    store = sweep(tmp_path, "run.sqlite", axes=[BOTH])
    with pytest.raises(UserError, match="point is 1, expected a point with the timing settled, n"):
        rerun(store, point=1)
    plan = read_plan(write_case(tmp_path, axes=[BOTH, {"axis": "noise_scale", "values": [1]}]))
    save_model(loops("fq_bmru", [0.5, 0.25], [0.5, 0.75]), tmp_path / "model")
    save_inputs(make_inputs(np.ones((1, 2, 1)), y=[0]), tmp_path / "inputs.npz")
    with pytest.raises(UserError, match=r"axes\.1\.values\.0 is 1\.0, expected none with `timing`"):
        run_sweep({"sweep": plan}, tmp_path, tmp_path / "loops.sqlite", workers=1)


def test_spice_points_have_the_dies_and_sequences_of_the_behavioral_ones(tmp_path: Path) -> None:
    """Those of `Chip.run`, to the bit; and the comparison says how alike the two levels are."""
    two = {"axis": "level", "values": ["behavioral", "spice"]}
    plan: dict[str, Any] = {"axes": [two], "n_dies": 2, "seed": 3, "sequences": "1:2"}
    path = write_case(tmp_path, **plan)
    save_model(loops("bmru", [0.5]), tmp_path / "model")
    x = np.array([0.0, 1.0, 0.2, -1.0])[None, :, None].repeat(2, axis=0)
    save_inputs(make_inputs(x, y=[0, 0]), tmp_path / "inputs.npz")
    run_sweep({"sweep": read_plan(path)}, tmp_path, tmp_path / "run.sqlite", workers=1)
    found = rows(tmp_path / "run.sqlite", "point, seed, status, energy")
    chip, inputs = Chip(tmp_path / "model"), load_inputs(tmp_path / "inputs.npz")
    for number, seed, status, energy in found:
        level = ("behavioral", "spice")[number]
        run = chip.run(inputs, level, die=seed, sequences=slice(1, 2))
        assert status == "DONE"
        assert np.frombuffer(energy, "<f8") == pytest.approx(run.energy.total, rel=1e-12)
    assert [seed for _, seed, *_ in found] == [3 << 20, (3 << 20) + 1] * 2
    with open_run(tmp_path / "run.sqlite") as view:
        (one,) = statistics(view).comparisons
        assert described(view, view.points[1]).endswith("level spice")
    assert one.alike is not None
    assert one.energy is not None
    assert (one.dies, one.alike.value) == (2, 1)
    # Both levels draw nearly the same.
    assert abs(one.energy.value) < 0.02 * view.points[0].energy.mean()
