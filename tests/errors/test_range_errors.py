"""Numbers beyond what whole devices, currents or paths can hold are refused, not bent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mru_hw.errors import UserError
from mru_hw.files import refuse_foreign, whole_file, whole_folder
from mru_hw.mapping import map_model
from mru_hw.model.network import Model
from mru_hw.simulate.asked import refuse_corner
from mru_hw.simulate.run import Chip, run_level
from mru_hw.stimulus import make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.technology.conditions import nominal_conditions
from tests.networks import draw_model, make_spec

TECHNOLOGY = load_technology("generic180")


def small_model() -> Model:
    return draw_model(make_spec("cmru", levels=2), 3)


@pytest.mark.parametrize("weight", [1e6, 1e19, -1e19, 1e300])
def test_a_weight_beyond_whole_numbers_is_refused(weight: float) -> None:
    model = small_model()
    tensors = {name: values.copy() for name, values in model.tensors.items()}
    tensors["layers.0.candidate.weight"][0, 0] = weight
    huge = Model(spec=model.spec, tensors=tensors)
    with pytest.raises(
        UserError, match=r"\[0, 0\] is .*(512 unit devices of generic180|at most 1e\+09)"
    ):
        map_model(huge, TECHNOLOGY, load_calibration(TECHNOLOGY))


@pytest.mark.parametrize("level", ["behavioral", "ideal"])
def test_an_input_current_beyond_the_technology_is_refused(level: str) -> None:
    chip = Chip(small_model(), TECHNOLOGY)
    x = np.zeros((2, 3, chip.model.spec.n_in))
    x[1, 2, 0] = 1e6
    with pytest.raises(UserError, match=r"inputs: x\[1, 2, 0\] is 1000000\.0, expected at most 50"):
        run_level(chip, make_inputs(x), level=level, conditions=nominal_conditions(TECHNOLOGY))


def test_the_padding_may_hold_anything() -> None:
    chip = Chip(small_model(), TECHNOLOGY)
    x = np.zeros((1, 3, chip.model.spec.n_in))
    x[0, 2] = 1e9
    inputs = make_inputs(x, lengths=[2])
    conditions = nominal_conditions(TECHNOLOGY)
    assert run_level(chip, inputs, level="behavioral", conditions=conditions).trace.decision.shape


def test_a_corner_that_a_level_would_ignore_is_refused() -> None:
    with pytest.raises(UserError, match='corner is "ff", expected tt at the level ideal, which'):
        refuse_corner(TECHNOLOGY, "ideal", "ff")
    for level in ("behavioral", "spice"):
        refuse_corner(TECHNOLOGY, level, "ff")


def test_a_file_where_a_folder_should_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    out = tmp_path / "file" / "new.npz"
    with pytest.raises(UserError, match="expected a path in a folder, and file is none"):
        refuse_foreign(out, marker="PK", what="trace")
    with pytest.raises(UserError, match="expected a path that can be written"), whole_file(out):
        pass
    with pytest.raises(UserError, match="expected a path that can be written"), whole_folder(out):
        pass
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
