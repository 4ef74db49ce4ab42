"""PLAN.yaml: what is accepted, what each mistake is told, how a plan becomes points and jobs."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mru_hw.mapping.options import DEFAULTS
from mru_hw.stimulus import load_inputs, make_inputs, save_inputs, sequence_range
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.axis_values import axis_names
from mru_hw.sweeps.plan import Plan, read_plan
from mru_hw.sweeps.points import jobs, points
from mru_hw.sweeps.schema import schema_text
from mru_hw.sweeps.spec import FIGURES
from mru_hw.sweeps.subject import load_subject
from mru_hw.technology import load_technology
from tests.mistakes import sentence
from tests.sweeps import write_case

FOLDER = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((FOLDER / "schemas" / "plan.schema.json").read_text())
BASE: dict[str, Any] = {"model": "model", "inputs": "inputs.npz"}
TECHNOLOGY = load_technology("generic180")

GOOD: list[dict[str, Any]] = [
    {},
    {"level": "ideal", "axes": [{"axis": "perturbation", "values": [5, 10, 15]}]},
    {"level": "spice", "n_dies": 2},
    {"sequences": "3:", "n_dies": 1000, "seed": 4, "chunk": 64},
    {"axes": [{"axis": "die", "values": [7, 0]}, {"axis": "v_dd", "values": ["1.7 V", 1.9]}]},
    {
        "axes": [
            {"axis": "mismatch_scale", "values": [0, 0.5]},
            {"axis": "corner", "values": ["ff"]},
        ]
    },
    {"axes": [{"axis": "temperature", "values": [-40, 27.5]}]},
    {"axes": [{"axis": "noise_scale", "values": [1.0]}]},
    {
        "level": "spice",
        "axes": [
            {"axis": "process_scale", "values": [0, 1]},
            {"axis": "gradient_scale", "values": [0.5]},
        ],
    },
    {"design": "DESIGN.yaml"},
    {"design": {"i_unit": "3 nA"}, "axes": [{"axis": "i_unit", "values": ["300 pA", 1e-9]}]},
    {"level": "ideal", "axes": [{"axis": "i_unit", "values": [1e-9]}]},
    {
        "sample": {"method": "sobol", "points": 64},
        "axes": [
            {"axis": "i_unit", "between": ["300 pA", 3e-9], "scale": "log"},
            {"axis": "corner", "values": ["tt", "ss"]},
        ],
    },
    {
        "keep": "all",
        "axes": [{"axis": "v_dd", "values": ["1.7 V", 1.8]}],
        "spec": {"accuracy": {"at_least": 0.9}, "power": {"at_most": "1 uW"}, "v_dd": ["1.7 V"]},
    },
    *({"axes": [{"axis": name, "values": list(axis.example)}]} for name, axis in AXES.items()),
]

BAD: list[tuple[dict[str, Any], str]] = [
    ({"colour": 1}, "plan.yaml: colour is 1, expected no key of this name but one of "),
    ({"model": None}, "plan.yaml: model is null, expected text."),
    ({"n_dies": 0}, "plan.yaml: n_dies is 0, expected a number greater than or equal to 1."),
    ({"n_dies": True}, "plan.yaml: n_dies is true, expected a whole number."),
    ({"n_dies": "5"}, 'plan.yaml: n_dies is "5", expected a whole number, without quotes.'),
    ({"seed": -1}, "plan.yaml: seed is -1, expected a number greater than or equal to 0."),
    ({"chunk": 0}, "plan.yaml: chunk is 0, expected a number greater than or equal to 1."),
    ({"level": "real"}, 'plan.yaml: level is "real", expected one of '),
    (
        {"timing": "timed", "level": "spice"},
        'plan.yaml: timing is "timed", expected settled at the level spice: behavioral alone has',
    ),
    *(
        (
            {"kernel": "numba"} | keys,
            'plan.yaml: kernel is "numba", expected no such key, for no point is at the level ide',
        )
        for keys in ({"timing": "timed"}, {"level": "spice"})
    ),
    (
        {"level": "spice", "axes": [{"axis": "level", "values": ["spice"]}]},
        'plan.yaml: axes is "level", expected no such axis at the level spice, which the key names',
    ),
    (
        {
            "axes": [
                {"axis": "level", "values": ["behavioral", "spice"]},
                {"axis": "noise_scale", "values": [0, 1]},
            ]
        },
        'plan.yaml: axes is "noise_scale", expected no such axis at the level spice, whose trans',
    ),
    ({"sequences": "1-5"}, 'plan.yaml: sequences is "1-5", expected start:stop, either end left'),
    (
        {"axes": [{"axis": "humidity", "values": [1]}]},
        'plan.yaml: axes.0.axis is "humidity", expected one of die, model, tech, mismatch_scale, '
        "process_scale, gradient_scale, noise_scale, corner, temperature, v_dd, perturbation, "
        "trim_bits, i_unit, signal_current, ",
    ),
    ({"axes": [{"values": [1]}]}, "plan.yaml: axes.0.axis is missing, expected one of die,"),
    ({"axes": ["corner"]}, "plan.yaml: axes.0 is"),
    ({"axes": {"corner": ["tt"]}}, "plan.yaml: axes is {'corner': ['tt']}, expected"),
    (
        {"axes": [{"axis": "noise_scale", "values": []}]},
        "plan.yaml: axes.0.values is",
    ),
    (
        {"axes": [{"axis": "noise_scale", "values": [1, 1.0]}]},
        "expected values that differ from each other.",
    ),
    (
        {"axes": [{"axis": "process_scale", "values": ["1"]}]},
        'plan.yaml: axes.0.values.0 is "1", expected a finite number, without',
    ),
    (
        {"axes": [{"axis": "gradient_scale", "values": [-1]}]},
        "axes.0.values.0 is -1, expected a number greater than or equal to 0.",
    ),
    (
        {"level": "ideal", "axes": [{"axis": "process_scale", "values": [1]}]},
        'plan.yaml: axes is "process_scale", expected no such axis at the level ideal, which has '
        "no dies.",
    ),
    (
        {"axes": [{"axis": "noise_scale", "values": [-1]}]},
        "plan.yaml: axes.0.values.0 is -1, expected a number greater than or equal to",
    ),
    (
        {"axes": [{"axis": "temperature", "values": [-300]}]},
        "plan.yaml: axes.0.values.0 is -300, expected a number greater than -273.15.",
    ),
    (
        {"axes": [{"axis": "v_dd", "values": ["1.8 A"]}]},
        'axes.0.values.0 is "1.8 A", expected a finite number with the unit V.',
    ),
    (
        {"axes": [{"axis": "perturbation", "values": [5], "trials": 0}]},
        "axes.0.trials is 0, expected",
    ),
    (
        {"axes": [{"axis": "corner", "values": ["tt"]}, {"axis": "corner", "values": ["ff"]}]},
        'plan.yaml: axes is "corner", expected each axis at most once.',
    ),
    (
        {"n_dies": 3, "axes": [{"axis": "die", "values": [1]}]},
        "plan.yaml: n_dies is 3, expected 1, for the axis die names the dies.",
    ),
    (
        {"level": "ideal", "axes": [{"axis": "corner", "values": ["tt"]}]},
        'plan.yaml: axes is "corner", expected no such axis at the level ideal, which has no dies.',
    ),
    (
        {"level": "ideal", "n_dies": 2},
        "plan.yaml: n_dies is 2, expected 1, for the level ideal has no dies.",
    ),
    (
        {"level": "spice", "axes": [{"axis": "noise_scale", "values": [1]}]},
        'plan.yaml: axes is "noise_scale", expected no such axis at the level spice,',
    ),
    (
        {"level": "spice", "axes": [{"axis": "trim_bits", "values": [3]}]},
        'plan.yaml: axes is "trim_bits", expected no such axis at the level spice,',
    ),
    (
        {"level": "ideal", "axes": [{"axis": "die", "values": [1]}]},
        'plan.yaml: axes is "die", expected no such axis at the level ideal, which has no dies.',
    ),
    (
        {"design": {"i_unit": "1 mA"}},
        'plan.yaml: design.i_unit is "1 mA", expected 1 pA to 1 uA',
    ),
    (
        {"design": {"colour": 1}},
        "plan.yaml: design.colour is 1, expected no key of this name but one of ",
    ),
    ({"design": {1: 2}}, "plan.yaml: design.1 is 1, expected text as the key, in quotes."),
    ({"design": 3}, "plan.yaml: design is 3, expected the path of a DESIGN.yaml, or a mapping"),
    (
        {"axes": [{"axis": "i_unit", "values": ["1 mA"]}]},
        'axes.0.values.0 is "1 mA", expected 1 pA to 1 uA',
    ),
    (
        {"axes": [{"axis": "trim_bits", "values": [9]}]},
        "axes.0.values.0 is 9, expected a number less than or equal to 8.",
    ),
    (
        {"axes": [{"axis": "mismatch_scale", "values": [20, 20.1]}]},
        "axes.0.values.1 is 20.1, expected a number less than or equal to 20.",
    ),
    (
        {"axes": [{"axis": "process_scale", "values": [90]}]},
        "axes.0.values.0 is 90, expected a number less than or equal to 10.",
    ),
    (
        {"axes": [{"axis": "gradient_scale", "values": [101]}]},
        "axes.0.values.0 is 101, expected a number less than or equal to 100.",
    ),
    (
        {"n_dies": 1 << 20, "axes": [{"axis": "mismatch_scale", "values": list(range(10))}]},
        "plan.yaml: axes is 10485760 runs in all, expected at most 10000000.",
    ),
]


def write(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize("keys", GOOD)
def test_good_plans_are_read_and_fit_the_schema(keys: dict[str, Any], tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, BASE | keys))
    Draft202012Validator(SCHEMA).validate(BASE | keys)
    Draft202012Validator(SCHEMA).validate(plan.as_data())
    assert Plan.model_validate(plan.as_data()) == plan


@pytest.mark.parametrize(("keys", "expected"), BAD, ids=[text[:60] for _, text in BAD])
def test_bad_plans_get_a_sentence(keys: dict[str, Any], expected: str, tmp_path: Path) -> None:
    assert expected in sentence(lambda: read_plan(write(tmp_path, BASE | keys)))


def test_a_missing_key_and_a_tag_get_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, {"model": "model"})
    missing = "plan.yaml: inputs is missing, expected a value, for this key is required."
    assert sentence(lambda: read_plan(path)) == missing
    path.write_text("model: !!python/object/apply:os.system [touch harm-done]\ninputs: x\n")
    assert sentence(lambda: read_plan(path)) == (
        "plan.yaml is not plain YAML in line 1 (it has a tag), expected a YAML mapping without "
        "tags."
    )
    assert not Path("harm-done").exists()
    nothing = sentence(lambda: read_plan(tmp_path / "none.yaml"))
    assert nothing.startswith("plan is ")
    assert nothing.endswith("expected a YAML file (no such file).")


def test_the_schema_is_the_generated_one() -> None:
    assert (FOLDER / "schemas" / "plan.schema.json").read_text() == schema_text()
    assert set(SCHEMA["properties"]) == set(Plan.model_fields)
    limits = {"spec", "sample", *(f"{name}_limit" for name in (*FIGURES, "yield"))}
    assert set(SCHEMA["$defs"]) == set(axis_names()) | limits


def test_sequences_lie_within_the_file() -> None:
    assert sequence_range(":", 5) == (0, 5)
    assert sequence_range("2:", 5) == (2, 5)
    assert sequence_range(":3", 5) == (0, 3)
    for text in ("0:6", "3:3", "4:2", "5:"):
        expected = f'sequences is "{text}", expected start:stop within 0:5, such as 0:5.'
        assert sentence(partial(sequence_range, text, 5)) == expected


# -------------------------------------------------------------------------------------- points


def plan(**keys: Any) -> Plan:
    return Plan.model_validate(BASE | keys)


def test_without_axes_there_is_one_nominal_point_with_mismatch() -> None:
    (point,) = points({"a": plan(n_dies=3, seed=2)}, TECHNOLOGY)
    design = {n: v for n, v in DEFAULTS if n in AXES} | {"area": ()}
    trained = dict.fromkeys(("frame_period", "k")) | {"weight_bits": 0, "bias_bits": 0}
    trained |= {"level": "behavioral", "timing": "settled"}
    trained |= {"reference_error": 0, "stuck_cells": 0}
    compensated = {f"compensated_{name}": None for name in ("corner", "temperature", "v_dd")}
    assert point.settings == design | trained | compensated | {
        "model": None,
        "tech": None,
        "mismatch_scale": 1,
        "process_scale": 0,
        "gradient_scale": 0,
        "noise_scale": 0,
        "corner": "tt",
        "temperature": 27,
        "v_dd": 1.8,
        "perturbation": 0,
        "trim_bits": 0,
        "i_unit": 1e-9,
    }
    assert list(point.dies) == [2 << 20, (2 << 20) + 1, (2 << 20) + 2]
    assert (point.trials, point.n_runs, point.study) == (1, 3, "a")


def test_with_seed_0_die_k_is_die_k() -> None:
    (point,) = points({"a": plan(n_dies=4)}, TECHNOLOGY)
    assert list(point.dies) == [0, 1, 2, 3]


def test_points_are_the_product_of_the_axes() -> None:
    axes = [
        {"axis": "v_dd", "values": [1.7, "1.9 V"]},
        {"axis": "perturbation", "values": [0, 5], "trials": 3},
        {"axis": "die", "values": [9, 4]},
    ]
    found = points({"a": plan(axes=axes), "b": plan()}, TECHNOLOGY)
    assert [p.index for p in found] == [0, 1, 2, 3, 4]
    at = {(p.settings["v_dd"], p.settings["perturbation"]) for p in found[:4]}
    assert at == {(1.7, 0), (1.7, 5), (1.9, 0), (1.9, 5)}
    assert all(tuple(p.dies) == (9, 4) for p in found[:4])
    # What is not perturbed is drawn once.
    assert [p.trials for p in found] == [1, 3, 1, 3, 1]


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (
            {"axis": "corner", "values": ["xx"]},
            'axes.0.values.0 is "xx", expected one of tt, ff, ss, sf, fs.',
        ),
        (
            {"axis": "temperature", "values": [200]},
            "axes.0.values.0 is 200.0, expected -40 to 125 degC.",
        ),
        ({"axis": "v_dd", "values": [5]}, "axes.0.values.0 is 5 V, expected 1.44 V to 2.16 V."),
    ],
)
def test_conditions_beyond_the_technology_are_refused(axis: dict[str, Any], expected: str) -> None:
    one = plan(axes=[axis], level="spice")
    assert sentence(lambda: points({"a": one}, TECHNOLOGY)) == expected


@given(
    n_dies=st.integers(1, 30),
    trials=st.integers(1, 3),
    chunk=st.integers(1, 40),
    share=st.floats(0, 1),
    seed=st.integers(0, 5),
)
def test_jobs_cover_what_is_open_once(
    n_dies: int, trials: int, chunk: int, share: float, seed: int
) -> None:
    import random

    axes = [{"axis": "perturbation", "values": [5], "trials": trials}]
    wanted = points({"a": plan(n_dies=n_dies, axes=axes, seed=1)}, TECHNOLOGY)
    every = {(p.index, t, k) for p in wanted for t in range(p.trials) for k in range(n_dies)}
    rng = random.Random(seed)
    done = {key for key in sorted(every) if rng.random() < share}
    cut = list(jobs(wanted, done, chunk))
    covered = [(j.point.index, j.trial, j.first + k) for j in cut for k in range(len(j.seeds))]
    assert len(covered) == len(set(covered))
    assert set(covered) == every - done
    assert all(1 <= len(job.seeds) <= chunk for job in cut)
    assert all(list(j.seeds) == list(j.point.dies)[j.first : j.first + len(j.seeds)] for j in cut)
    single = [one for job in cut for one in job.single()]
    assert [(s.first, s.seeds) for s in single] == [
        (job.first + k, (seed_,)) for job in cut for k, seed_ in enumerate(job.seeds)
    ]


def test_the_page_names_every_key_and_axis() -> None:
    page = (FOLDER / "reference" / "sweeps.md").read_text()
    for heading, names in (("key", set(Plan.model_fields)), ("axis", set(axis_names()))):
        table = page.split(f"| {heading} |")[1].split("\n\n")[0].splitlines()[2:]
        assert {
            name for row in table for name in re.findall(r"`(\w+)`", row.split("|")[1])
        } == names


def test_inputs_must_fit_the_model_and_have_labels(tmp_path: Path) -> None:
    plan = write_case(tmp_path)
    path = tmp_path / "inputs.npz"
    good = load_inputs(path)
    wide = np.concatenate([good.x, good.x], axis=2)
    for inputs, expected in (
        (make_inputs(wide, good.lengths, good.y), "inputs: n_in is 8, expected 4, as the model"),
        (make_inputs(good.x, good.lengths), "inputs: y is missing, expected an array (n_seq,)"),
        (
            make_inputs(good.x, good.lengths, np.full(good.n_seq, 3)),
            "inputs: y is 3, expected class indices below 3, the model's outputs.",
        ),
    ):
        save_inputs(inputs, path)
        assert sentence(lambda: load_subject(read_plan(plan), tmp_path)).startswith(expected)
