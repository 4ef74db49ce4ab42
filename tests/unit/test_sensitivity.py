"""Which devices' mismatch costs wrong steps: what is switched, what is counted, what is told."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.cli.app import run as command
from mru_hw.mapping import DesignOptions
from mru_hw.model.io import save_model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.simulate.sensitivity.parts import WAYS, Part, parts_of
from mru_hw.simulate.sensitivity.prediction import predict
from mru_hw.simulate.sensitivity.study import Study, make_study, run_study
from mru_hw.simulate.steps import judge_steps
from mru_hw.stimulus import Inputs, save_inputs
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import nominal_die
from tests.mistakes import sentence
from tests.networks import draw_inputs, draw_model, make_spec, with_even_settings
from tests.sweeps import small_inputs, small_model

CELLS: dict[str, dict[str, Any]] = {
    "cmru": {"levels": 2, "rectify_input": True, "rectify_output": True},
    "bmru": {},
    "fq_bmru": {"rectify_input": True, "rectify_candidate": True, "rectify_output": True},
    "window": {"levels": 2, "threshold": "input"},
}


def make_case(name: str) -> tuple[Chip, Inputs]:
    keys = CELLS[name]
    cell = "cmru" if name == "window" else name
    model = with_even_settings(draw_model(make_spec(cell, **keys), 1), 2)
    return Chip(model), draw_inputs(model.spec.n_in, 3, n_seq=30)


def study_of(chip: Chip, inputs: Inputs, by: str = "layer", **keys: Any) -> Study:
    conditions = nominal_conditions(chip.design.technology)
    return make_study(chip, inputs, by, conditions=conditions, **keys)


@pytest.fixture(scope="module")
def chip() -> Chip:
    return Chip(small_model())


@pytest.fixture(scope="module")
def inputs(chip: Chip) -> Inputs:
    return small_inputs(chip.model, 20)


# ------------------------------------------------------------------------------------ parts


@pytest.mark.parametrize("by", WAYS)
@pytest.mark.parametrize("name", CELLS)
def test_every_group_is_in_one_part(name: str, by: str) -> None:
    design = make_case(name)[0].design
    parts = parts_of(design, by)
    keys = [key for part in parts for key in part.keys]
    placed = [group.key for group in design.device_groups() if group.units.any()]
    assert sorted(keys) == sorted(placed)
    assert len({part.name for part in parts}) == len(parts) > 1


def test_parts_are_called_by_what_is_in_them(chip: Chip) -> None:
    names = {by: {part.name: part.keys for part in parts_of(chip.design, by)} for by in WAYS}
    assert set(names["layer"]) == {"input", "bias tree", "layer 0", "layer 1", "head"}
    assert ("layers.1.candidate.weight", "sink_plus") in names["layer"]["layer 1"]
    assert ("v1", "diode_plus") in names["layer"]["layer 1"]
    assert ("head.weight", "sink_plus") in names["layer"]["head"]
    assert ("bank0", "up_copy") in names["circuit"]["cmru units"]
    assert names["circuit"]["bias tree"] == names["layer"]["bias tree"]
    assert set(names["group"]["bank0/up_copy"]) == {("bank0", "up_copy")}
    assert {owner for owner, _ in names["role"]["up_copy"]} == {"bank0", "bank1"}


def test_a_mirror_is_what_area_enlarges(chip: Chip) -> None:
    part = max(parts_of(chip.design, "mirror"), key=lambda one: len(one.keys))
    key = part.name.split(" and ")[0]
    wide = Chip(chip.model, options=DesignOptions(area={key: 2})).design
    doubled = {
        group.key
        for group, was in zip(wide.device_groups(), chip.design.device_groups(), strict=True)
        if group.units.sum() > 1.5 * was.units.sum()
    }
    assert doubled == set(part.keys)


# ------------------------------------------------------------------------------------- dies


def test_a_switched_part_draws_what_the_whole_die_draws(chip: Chip, inputs: Inputs) -> None:
    study = study_of(chip, inputs)
    none, full, *rest = study.dies(5)
    whole = chip.die(5)
    for key, shift in whole.dvt.items():
        np.testing.assert_array_equal(full.dvt[key], shift)
        np.testing.assert_array_equal(full.dbeta[key], whole.dbeta[key])
        assert not none.dvt[key].any()
    for k, part in enumerate(study.parts):
        alone, without = rest[k], rest[len(study.parts) + k]
        for key, shift in whole.dvt.items():
            inside = key in part.keys
            np.testing.assert_array_equal(alone.dvt[key], shift if inside else 0 * shift)
            np.testing.assert_array_equal(without.dvt[key], 0 * shift if inside else shift)


def test_what_a_die_shares_is_not_switched(chip: Chip, inputs: Inputs) -> None:
    shared = Chip(chip.model, process=1.0)
    none, full, *_ = study_of(shared, inputs).dies(5)
    assert none.spread is not None
    assert all(np.ptp(shift) == 0 != shift.flat[0] for shift in none.dvt.values())
    whole = shared.die(5)
    assert all(np.array_equal(full.dvt[key], whole.dvt[key]) for key in whole.dvt)


# ------------------------------------------------------------------------------------ counts


@pytest.mark.parametrize("name", ["cmru", "bmru", "fq_bmru"])
def test_wrong_steps_are_those_that_reports_count(name: str) -> None:
    chip, inputs = make_case(name)
    study = study_of(chip, inputs)
    (counts,) = study.count(study.judge(), [chip.die(5)])
    run, reference = chip.run(inputs, die=5), simulate_ideal(chip.mapped, inputs)
    wrong = 0
    for i, h in enumerate(run.states):
        frames = [slice(0, int(n)) for n in inputs.lengths]
        runs = [
            (np.abs(h[row, at]) * np.sign(h[row, at]), reference.candidates[i][row, at])
            for row, at in enumerate(frames)
        ]
        wrong += len(judge_steps(chip.mapped, chip.design, i, runs).wrong)
    assert counts[0].sum() == wrong > 0
    assert 0 < counts[1].sum() <= wrong
    np.testing.assert_array_equal(counts[2], run.decision != reference.decision)
    assert not counts[3].any()  # without labels


def test_the_whole_chip_as_one_part_is_all_there_is(chip: Chip, inputs: Inputs) -> None:
    study = study_of(chip, inputs)
    keys = tuple(group.key for group in chip.design.device_groups())
    one = dataclasses.replace(study, parts=(Part(name="all", keys=keys),))
    ((none, full, alone, without),) = run_study(one, [3])
    np.testing.assert_array_equal(alone, full)
    np.testing.assert_array_equal(without, none)
    assert (full != none).any()


def test_no_number_depends_on_the_workers(chip: Chip, inputs: Inputs) -> None:
    study = study_of(chip, inputs)
    alone, two = (run_study(study, range(3), workers=n) for n in (1, 2))
    np.testing.assert_array_equal(alone, two)


# -------------------------------------------------------------------------------- prediction


@pytest.mark.parametrize("name", CELLS)
def test_the_budget_knows_the_nominal_chip_and_its_dies(name: str) -> None:
    chip, inputs = make_case(name)
    study = study_of(chip, inputs, "layer")
    judge = study.judge()
    prediction = predict(study, judge)
    (nominal,) = study.count(judge, [nominal_die(chip.design)])
    steps = judge.n_steps.sum()
    if name != "window":  # what a threshold's own node has of systematic errors no trace keeps
        assert abs(nominal[1].sum() - steps * prediction.wrong(())) <= 2 + 0.2 * nominal[1].sum()
    dies = study.count(judge, [chip.die(seed) for seed in range(40)])
    measured = dies[:, 1].sum() / (40 * steps)
    predicted = prediction.wrong(prediction.variances)
    assert 0.8 * measured < predicted < 1.3 * measured
    shares = [prediction.share(part.keys) for part in study.parts]
    assert sum(shares) == pytest.approx(1)


def test_enlarging_the_costliest_mirrors_gives_steps_back_as_predicted(
    chip: Chip, inputs: Inputs
) -> None:
    found = chip.sensitivity(inputs, "mirror", dies=12)
    assert [part.gone["steps"].value for part in found.parts] == sorted(
        (part.gone["steps"].value for part in found.parts), reverse=True
    )
    names = [part.name.split(" and ")[0] for part in found.parts[:2]]
    wide = Chip(chip.model, options=DesignOptions(area=dict.fromkeys(names, 4)))
    again = wide.sensitivity(inputs, "layer", dies=12)
    before, after = found.whole["own_steps"].value, again.whole["own_steps"].value
    predicted = found.predicted_whole - again.predicted_whole
    assert predicted > 0
    assert before - after == pytest.approx(predicted, rel=0.6)


# ------------------------------------------------------------------------------ public faces


@pytest.fixture(scope="module")
def folder(chip: Chip, inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sensitivity")
    save_model(chip.model, path / "model")
    save_inputs(inputs, path / "x.npz")
    return path


def test_the_command_says_what_python_says(
    folder: Path, chip: Chip, inputs: Inputs, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["sensitivity", str(folder / "model"), "--inputs", str(folder / "x.npz")]
    options = ["--by", "circuit", "--dies", "3", "--die", "7", "--workers", "1"]
    assert command([*arguments, *options, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    found = chip.sensitivity(inputs, "circuit", dies=3, die=7)
    assert said == {"design": chip.design.digest()} | json.loads(json.dumps(found.as_data()))
    assert command([*arguments, *options, "--rows", "2"]) == 0
    out = capsys.readouterr().out
    assert out == "\n".join(found.lines(2)) + "\n"
    assert out.splitlines()[-1].strip() == f"and {len(found.parts) - 2} more, which cost less."
    assert "Accuracy" in out
    assert max(map(len, out.splitlines())) < 180
    assert found.parts[0].name in repr(found)


def test_sequences_without_labels_have_no_accuracy(chip: Chip, inputs: Inputs) -> None:
    bare = dataclasses.replace(inputs, y=None)
    found = chip.sensitivity(bare, "layer", dies=2, sequences=slice(0, 5))
    assert (found.sequences, found.labelled) == (5, False)
    assert "Accuracy" not in str(found)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"by": "colour"}, 'by is "colour", expected one of group, mirror, role, circuit, layer.'),
        ({"dies": 1}, "dies is 1, expected a whole number from 2 to 10000."),
        ({"die": -1}, "die is -1, expected a whole number from 0 to 9223372036854775807."),
        ({"die": 2**63 - 1}, "dies is 50, expected a whole number from 2 to 1."),
        ({"mismatch": 0}, "mismatch is 0, expected more than 0, at most 20."),
        ({"kernel": "c"}, 'kernel is "c", expected one of numba, numpy.'),
        ({"temperature": 400}, "temperature is 400"),
    ],
)
def test_what_there_is_not_is_refused(
    chip: Chip, inputs: Inputs, keys: dict[str, Any], expected: str
) -> None:
    assert sentence(lambda: chip.sensitivity(inputs, **keys)).startswith(expected)


def test_mistakes_are_told_as_flags(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sensitivity", str(folder / "model"), "--inputs", str(folder / "x.npz")]
    assert command([*arguments, "--by", "colour"]) == 2
    assert command([*arguments, "--mismatch-scale", "-1"]) == 2
    assert command([*arguments, "--dies", "1"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.split(" is ")[0] for line in said] == ["--by", "--mismatch-scale", "--dies"]
