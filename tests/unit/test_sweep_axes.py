"""Axes that change the network or its design, and points that are a sample of the axes' values."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.mapping.options import DesignOptions
from mru_hw.model.io import save_model
from mru_hw.model.network import Model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.design_points import places
from mru_hw.sweeps.plan import Plan, read_plan
from mru_hw.sweeps.points import points
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.setup import rounded, with_frame, with_levels
from mru_hw.sweeps.view import open_run
from mru_hw.technology import load_technology
from tests.agreement.networks import loops
from tests.mistakes import sentence
from tests.sweeps import rows, small_inputs, small_model, write_case

TECHNOLOGY = load_technology("generic180")
BASE: dict[str, Any] = {"model": "model", "inputs": "inputs.npz"}


def sweep(folder: Path, name: str, **plan: Any) -> Path:
    document = read_plan(write_case(folder, n_seq=5, n_dies=2, keep="summary", **plan))
    run_sweep({"sweep": document}, folder, folder / name, workers=1)
    return folder / name


def test_every_option_of_the_design_is_an_axis() -> None:
    compensated = {f"compensated_{name}" for name in ("corner", "temperature", "v_dd")}
    options = {*DesignOptions.model_fields} - {"compensated"} | compensated
    assert options <= set(AXES)


@pytest.mark.parametrize(
    ("axis", "values", "design"),
    [
        ("state_current", [0.5, 0.7], {"state_current": 0.7}),
        ("diode_units", [[16, 32, 64, 128], [16, 32]], {"diode_units": [16, 32]}),
        ("hold", [16, 12], {"hold": 12}),
        ("area", [{}, {"diode_plus": 2}], {"area": {"diode_plus": 2}}),
        ("compensated_temperature", [27, 60], {"compensated": {"temperature": 60.0}}),
    ],
)
def test_a_value_of_an_option_is_the_design_with_it(
    axis: str, values: list[Any], design: dict[str, Any], tmp_path: Path
) -> None:
    over = sweep(tmp_path, "over.sqlite", axes=[{"axis": axis, "values": values}])
    one = sweep(tmp_path, "one.sqlite", design=design)
    columns = "accuracy, right, energy_mean, quantiles, blocks, design"
    assert rows(over, columns)[2:] == rows(one, columns)
    assert rows(over, columns)[:2] != rows(one, columns)


def test_levels_are_those_of_layers_that_leave_them_open(tmp_path: Path) -> None:
    stated = {"design": {"levels": 1}, "axes": [{"axis": "levels", "values": [1, 2]}]}
    columns = "right, energy_mean"
    own = rows(sweep(tmp_path, "own.sqlite", **stated), columns)
    assert own[:2] == own[2:]
    plan, model = Plan.model_validate(BASE | {"n_dies": 2} | stated), small_model()
    layers = [layer.model_copy(update={"levels": None}) for layer in model.spec.layers]
    spec = model.spec.model_copy(update={"layers": tuple(layers)})
    save_model(Model(spec=spec, tensors=model.tensors), tmp_path / "model")
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "open.sqlite", workers=1)
    found = rows(tmp_path / "open.sqlite", columns)
    assert found[2:] == own[2:]
    assert found[:2] != own[:2]


def test_options_are_judged_together(tmp_path: Path) -> None:
    axes = [{"axis": "hold", "values": [32]}, {"axis": "width", "values": [64]}]
    assert rows(sweep(tmp_path, "both.sqlite", axes=axes), "status") == [("DONE",)] * 2
    told = sentence(partial(sweep, tmp_path, "one.sqlite", axes=axes[:1]))
    assert told == (
        "width is 32, expected more than hold, 32, for else nothing holds a cell that is set."
    )
    assert not (tmp_path / "one.sqlite").exists()


def test_frames_of_another_length_are_another_power(tmp_path: Path) -> None:
    axes = [{"axis": "frame_period", "values": ["10 ms", "20 ms"]}]
    with open_run(sweep(tmp_path, "run.sqlite", axes=axes)) as run:
        short, long = run.points
        assert long.duration == pytest.approx(2 * short.duration)
        assert short.duration == pytest.approx(float(run.duration.mean()))  # 10 ms is the network's
        for point in run.points:
            assert point.power == pytest.approx(point.energy / point.duration)
    model = with_frame(small_model(), 0.02)
    save_model(model, tmp_path / "model")
    plan = Plan.model_validate(BASE | {"n_dies": 2, "keep": "summary"})
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "slow.sqlite", workers=1)
    columns = "accuracy, right, energy_mean, quantiles, blocks"
    assert rows(tmp_path / "slow.sqlite", columns) == rows(tmp_path / "run.sqlite", columns)[2:]


def test_levels_and_bits_change_the_network_before_it_is_mapped() -> None:
    model = small_model()
    inputs = small_inputs(model)
    assert with_levels(model, 2).spec == model.spec  # its own
    one = with_levels(model, 1)
    states = simulate_ideal(one, inputs).states
    alpha = one.tensors["layers.0.alpha"]
    assert np.nanmax(np.abs(states[0]) / alpha) == pytest.approx(1)
    for kind, bits in ((".weight", 3), (".bias", 4)):
        found = rounded(model, kind, bits)
        for name, values in model.tensors.items():
            if not name.endswith(kind):
                assert np.array_equal(found.tensors[name], values)
                continue
            most = 2 ** (bits - 1) - 1
            steps = found.tensors[name] / np.abs(values).max() * most
            np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
            assert np.abs(steps).max() == pytest.approx(most)
            assert np.abs(found.tensors[name] - values).max() <= np.abs(values).max() / most / 2
    assert rounded(model, ".weight", 0) is model


def test_levels_of_a_network_without_any_are_refused(tmp_path: Path) -> None:
    save_model(loops("fq_bmru", [0.5, 0.25], [0.5, 0.75]), tmp_path / "model")
    x = np.zeros((2, 3, 1))
    save_inputs(make_inputs(x, None, np.zeros(2, np.int64)), tmp_path / "inputs.npz")
    plan = Plan.model_validate(BASE | {"axes": [{"axis": "k", "values": [2]}]})
    told = sentence(partial(run_sweep, {"sweep": plan}, tmp_path, tmp_path / "run.sqlite"))
    assert (
        told
        == "axes.0.values.0 is 2, expected no such axis, for no layer of the network has levels."
    )


def test_one_bit_is_refused() -> None:
    plan = Plan.model_validate(BASE | {"axes": [{"axis": "weight_bits", "values": [1]}]})
    told = sentence(lambda: points({"a": plan}, TECHNOLOGY))
    assert told == "axes.0.values.0 is 1, expected 0, for as trained, or 2 to 24."


# ------------------------------------------------------------------------------------- samples

SAMPLED: list[dict[str, Any]] = [
    {"axis": "i_unit", "between": ["300 pA", "3 nA"], "scale": "log"},
    {"axis": "temperature", "between": [0, 85]},
    {"axis": "weight_bits", "between": [3, 8]},
    {"axis": "corner", "values": ["tt", "ss"]},
]


def sampled(method: str, n: int, axes: list[dict[str, Any]] = SAMPLED, **keys: Any) -> Any:
    plan = Plan.model_validate(
        BASE | {"axes": axes, "sample": {"method": method, "points": n}} | keys
    )
    return points({"a": plan}, TECHNOLOGY)


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_a_sample_lies_between_its_ends(method: str) -> None:
    found = [point.settings for point in sampled(method, 64)]
    assert len(found) == 64
    currents = np.array([one["i_unit"] for one in found])
    assert currents.min() >= 3e-10
    assert currents.max() <= 3e-9
    assert np.median(currents) == pytest.approx(np.sqrt(3e-10 * 3e-9), rel=0.3)
    assert {one["weight_bits"] for one in found} == set(range(3, 9))
    assert {one["corner"] for one in found} == {"tt", "ss"}
    assert all(0 <= one["temperature"] <= 85 for one in found)
    assert [p.settings for p in sampled(method, 64)] == found
    assert [p.settings for p in sampled(method, 64, seed=1)] != found
    # More points of the same sample go on with it.
    assert [p.settings for p in sampled(method, 16)] == found[:16] or method == "random"


def test_what_an_axis_does_not_take_between_its_ends_is_refused() -> None:
    told = sentence(lambda: sampled("sobol", 16, [{"axis": "bias_bits", "between": [0, 4]}]))
    assert told == "axes.0.between is 1, expected 0, for as trained, or 2 to 24."


def test_sobol_fills_the_space_evenly() -> None:
    cells = (places("sobol", 256, 2, 3) * 16).astype(int)
    # One point in each of 256 cells but for the step by which all are moved.
    assert len({tuple(cell) for cell in cells}) > 0.85 * 256
    random = (places("random", 256, 2, 3) * 16).astype(int)
    assert len({tuple(cell) for cell in random}) < 0.75 * 256
    halves = places("sobol", 64, 5, 0) < 0.5
    assert np.abs(halves.sum(axis=0) - 32).max() <= 1


def test_a_sample_of_few_combinations_has_each_once() -> None:
    axes: list[dict[str, Any]] = [
        {"axis": "corner", "values": ["tt", "ss"]},
        {"axis": "k", "values": [1, 2]},
    ]
    found = [(p.settings["corner"], p.settings["k"]) for p in sampled("random", 64, axes)]
    assert sorted(found) == [("ss", 1), ("ss", 2), ("tt", 1), ("tt", 2)]


def test_a_sample_is_swept_on_the_same_dies(tmp_path: Path) -> None:
    sample = {"method": "sobol", "points": 4}
    store = sweep(tmp_path, "run.sqlite", sample=sample, axes=SAMPLED)
    assert [row[0] for row in rows(store, "seed")] == [0, 1] * 4
    with open_run(store) as run:
        assert run.complete
        assert not run.is_grid("sweep")
        expected = [point.settings for point in sampled("sobol", 4)]
        assert [dict(point.settings) for point in run.points] == expected
        from mru_hw.report.page import write_report

        write_report(run, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "the mean of each of 4 points, which differ in all axes." in page


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"axes": [{"axis": "temperature", "between": [0, 85]}]},
            "axes.0.between is [0.0, 85.0], expected values, for only a plan with the key sample "
            "draws between two.",
        ),
        (
            {"sample": {"method": "sobol", "points": 4}},
            'sample is "sobol", expected no such key, for the plan has no axes to draw values of.',
        ),
        (
            {"sample": {"method": "grid", "points": 4}},
            "sample.method is \"grid\", expected one of 'random' or 'sobol'.",
        ),
        (
            {"sample": {"method": "sobol", "points": 0}},
            "sample.points is 0, expected a number greater than or equal to 1.",
        ),
        (
            {"axes": [{"axis": "temperature", "between": [85, 0]}]},
            "axes.0.between is [85.0, 0.0], expected two values that ascend.",
        ),
        (
            {"axes": [{"axis": "temperature", "between": [0, 85], "scale": "log"}]},
            "axes.0.between is [0.0, 85.0], expected numbers above 0, for the scale is log.",
        ),
        (
            {"axes": [{"axis": "corner", "between": ["tt", "ss"]}]},
            "axes.0.between is ['tt', 'ss'], expected values, for those of the axis are no "
            "numbers.",
        ),
        (
            {"axes": [{"axis": "die", "between": [3, 7]}]},
            "axes.0.between is [3, 7], expected values, for those of the axis name dies, which no "
            "sample draws.",
        ),
        (
            {"axes": [{"axis": "k", "values": [1, 3], "scale": "log"}]},
            'axes.0.scale is "log", expected no such key without between.',
        ),
        (
            {"axes": [{"axis": "k", "between": [1, 3], "values": [1]}]},
            "axes.0.between is [1, 3], expected no such key beside values.",
        ),
        (
            {"axes": [{"axis": "k", "between": [0, 3]}]},
            "axes.0.between.0 is 0, expected a number greater than or equal to 1.",
        ),
    ],
)
def test_mistakes_of_a_sample_are_one_sentence(
    keys: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    path = write_case(tmp_path, **keys)
    assert sentence(lambda: read_plan(path)) == f"plan.yaml: {expected}"


# -------------------------------------------------------------------------------------- networks


def test_several_networks_are_each_compared_with_their_own_software(tmp_path: Path) -> None:
    save_model(with_levels(small_model(5), 1), tmp_path / "other")
    axes = [
        {"axis": "model", "values": ["model", "other"]},
        {"axis": "weight_bits", "values": [0, 4]},
    ]
    store = sweep(tmp_path, "both.sqlite", axes=axes)
    columns = "accuracy, right, energy_mean, quantiles, blocks, design"
    plan = Plan.model_validate(
        BASE | {"model": "other", "n_dies": 2, "keep": "summary", "axes": axes[1:]}
    )
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "other.sqlite", workers=1)
    assert rows(store, columns)[4:] == rows(tmp_path / "other.sqlite", columns)
    with open_run(store) as run, open_run(tmp_path / "other.sqlite") as other:
        own, theirs = run.references["software"], other.references["software"]
        assert own != theirs
        assert [run.software(point) for point in run.points] == [own, own, theirs, theirs]


def test_networks_that_do_not_fit_the_inputs_or_changed_are_refused(tmp_path: Path) -> None:
    axes = [{"axis": "model", "values": ["model", "other"]}]
    save_model(with_frame(small_model(5), 0.5), tmp_path / "other")
    told = sentence(partial(sweep, tmp_path, "run.sqlite", axes=axes))
    assert told == (
        'axes.0.values.1 is "other", expected a network with the frame_period of model, 0.01, not '
        "0.5."
    )
    assert not (tmp_path / "run.sqlite").exists()
    save_model(small_model(5), tmp_path / "other")
    store = sweep(tmp_path, "run.sqlite", axes=axes)
    save_model(small_model(6), tmp_path / "other")
    told = sentence(partial(sweep, tmp_path, "run.sqlite", axes=axes))
    assert (
        told == f'out is "{store}", expected a new path, for the sweep there is of another model.'
    )
