"""DesignOptions: what each field does to a design, what is refused, and DESIGN.yaml."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mru_hw.cli.app import run
from mru_hw.errors import UserError
from mru_hw.mapping import Design, DesignOptions, map_model, unmap
from mru_hw.mapping.options import read_options
from mru_hw.mapping.realised import quiescent_current
from mru_hw.model.io import save_model
from mru_hw.model.network import Model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip, run_level
from mru_hw.spice.chip import chip_deck
from mru_hw.spice.power_up import power_up_time
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration, read_calibration
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import loops, one_unit, two_units, two_windows
from tests.mistakes import sentence
from tests.networks import draw_inputs

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/DESIGN.yaml"
TECHNOLOGY = load_technology("generic180")
CALIBRATION = load_calibration(TECHNOLOGY)
SHIPPED = ROOT / "calibration/generic180.yaml"


def mapped(**fields: Any) -> Design:
    return map_model(two_units(), TECHNOLOGY, CALIBRATION, DesignOptions(**fields))


@pytest.fixture(scope="module")
def plain() -> Design:
    return mapped()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("options")
    model = two_units()
    save_model(model, path / "model")
    save_inputs(draw_inputs(model.spec.n_in, 2, n_seq=2), path / "x.npz")
    return path


def test_defaults_are_no_choice(plain: Design) -> None:
    said = {name: getattr(DesignOptions(), name) for name in DesignOptions.model_fields}
    assert mapped(**said).digest() == plain.digest()
    assert DesignOptions().chosen() == ""


@pytest.mark.parametrize(
    "choice",
    [
        {"hold": 12},
        {"area": {"feedback": 2}},
        {"compensated": {"temperature": 85}},
        {"area": {"feedback": 2}, "compensated": {"temperature": 85}},
    ],
)
def test_what_was_chosen_is_whole_json(choice: dict[str, Any]) -> None:
    chosen = DesignOptions(**choice, i_unit="300 pA").chosen()
    assert DesignOptions(**json.loads(chosen)) == DesignOptions(**choice)
    assert list(json.loads(chosen)) == list(choice)


def test_currents_go_with_their_options(plain: Design) -> None:
    found = mapped(signal_current=2, candidate_current=0.5, state_current=1.5)
    ratios = {name: bus.scale / plain.buses[name].scale for name, bus in found.buses.items()}
    assert ratios == pytest.approx(
        {"bias": 1, "x": 1, "v0": 2, "c0": 0.5, "h0": 3, "v1": 2, "y": 2}
    )
    for name in ("v0", "c0", "h0"):
        assert found.buses[name].usual == pytest.approx(ratios[name] * plain.buses[name].usual)
    # The network that they amount to is the same but for rounding.
    one, two = (unmap(design, CALIBRATION).tensors for design in (plain, found))
    for name, values in one.items():
        assert np.allclose(values, two[name], rtol=0.1, atol=0.1), name


def open_ended(model: Model) -> Model:
    """The network with K left open."""
    layers = tuple(layer.model_copy(update={"levels": None}) for layer in model.spec.layers)
    spec = model.spec.model_copy(update={"layers": layers})
    return dataclasses.replace(model, spec=spec)


def test_options_give_k_where_the_model_leaves_it_open() -> None:
    model = two_units()  # K = 2
    free = map_model(open_ended(model), TECHNOLOGY, CALIBRATION, DesignOptions(levels=3))
    assert [bank.levels for bank in free.banks] == [3]
    assert unmap(free, CALIBRATION).spec.layers[0].levels == 3
    stated = model.spec.layers[0].model_copy(update={"levels": 3})
    spec = model.spec.model_copy(update={"layers": (stated,)})
    three = map_model(dataclasses.replace(model, spec=spec), TECHNOLOGY, CALIBRATION)
    assert chip_deck(free).replace(free.digest(), three.digest()) == chip_deck(three)
    # What a model states stays.
    same = mapped(levels=3)
    assert [bank.levels for bank in same.banks] == [2]


def test_a_network_without_k_is_free_in_software_and_clipped_on_the_chip() -> None:
    model = open_ended(one_unit())
    chip = Chip(model, options=DesignOptions(levels=2))
    inputs = make_inputs(np.full((1, 5, 1), 2.0))
    software = simulate_ideal(chip.model, inputs).states[0][0, :, 0]
    assert software.tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]
    for level in ("ideal", "behavioral"):
        states = chip.run(inputs, level=level).trace.states[0][0, :, 0]
        assert states == pytest.approx([0.5, 1.0, 1.0, 1.0, 1.0], rel=0.05), level
    tensors = dict(model.tensors) | {"layers.0.initial_state": np.array([3.0])}
    late = dataclasses.replace(model, tensors=tensors)
    told = sentence(lambda: Chip(late, options=DesignOptions(levels=2)).design)
    assert told == ("layers.0.initial_state[0] is 3, expected a whole level within ±2 in levels.")


def test_states_without_a_ladder_have_twice_the_current() -> None:
    model = loops("fq_bmru", [0.5, 0.25], [0.5, 0.75])
    scales = [
        map_model(model, TECHNOLOGY, CALIBRATION, DesignOptions(state_current=k)).buses["h0"].scale
        for k in (0.5, 1.0)
    ]
    assert scales[0] * float(np.mean(np.abs(model.tensors["layers.0.alpha"]))) == pytest.approx(
        1e-9
    )
    assert scales[1] == pytest.approx(2 * scales[0])


def test_unit_devices_go_with_their_options(plain: Design) -> None:
    found = mapped(
        diode_units=[8], largest_leg=64, bias_units=32, candidate_split=2, hold=8, width=12
    )
    assert found.i_lsb == 2 * plain.i_lsb
    assert {name: bus.units for name, bus in found.buses.items()} == {
        name: 32 if name == "bias" else 8 for name in plain.buses
    }
    assert found.buses["c0"].split == 2
    assert [(bank.hold_units, bank.width_units) for bank in found.banks] == [(8, 12)]
    windows = map_model(two_windows(), TECHNOLOGY, CALIBRATION, DesignOptions(window_units=16))
    assert windows.buses["b0"].units == 16


def test_what_rests_in_splitters_goes_with_split_units(plain: Design) -> None:
    more = mapped(split_units=4)
    rests = [
        [quiescent_current(bus, d.i_lsb, CALIBRATION) for bus in d.buses.values()]
        for d in (plain, more)
    ]
    # Twice, but for what the gate line's own voltage makes of the source's current.
    np.testing.assert_allclose(rests[1], 2 * np.array(rests[0]), rtol=0.04)
    assert power_up_time(more) < power_up_time(plain)
    assert "bias_tree_rest" not in chip_deck(plain)
    assert ".subckt bias_tree_rest_4 " in chip_deck(more)


def test_a_mapping_is_exact_where_it_is_compensated(plain: Design) -> None:
    hot = mapped(compensated={"temperature": 85, "v_dd": "1.7 V"})
    assert (hot.compensated.temperature, hot.compensated.v_dd) == (85, 1.7)
    # Read there, whatever the constants are that a reader has.
    wanted, found, cold = (
        {n: v for n, v in tensors.items() if n.endswith(("beta", "alpha"))}
        for tensors in (
            two_units().tensors,
            unmap(hot, CALIBRATION).tensors,
            unmap(hot, CALIBRATION.at(1.7, temperature=85)).tensors,
        )
    )
    for name, values in wanted.items():
        assert np.allclose(found[name], np.abs(values), rtol=0.05), name
        assert np.array_equal(found[name], cold[name])


def test_compensation_takes_gains_out_where_it_is_asked_for() -> None:
    inputs = draw_inputs(2, 2, n_seq=8)
    errors = {}
    for meant in (27.0, 85.0):
        options = DesignOptions(compensated={"temperature": meant})
        chip = Chip(two_units(), TECHNOLOGY, options=options)
        for there in (27.0, 85.0):
            at = dataclasses.replace(nominal_conditions(TECHNOLOGY), temperature=there)
            found = run_level(chip, inputs, level="behavioral", conditions=at).trace.candidates[0]
            ideal = simulate_ideal(chip.mapped, inputs).candidates[0]
            apart = np.sqrt(np.nanmean((found - ideal) ** 2) / np.nanmean(ideal**2))
            errors[meant, there] = float(apart)
    # Leakage stays, so the hot chip is not as near as the cold one.
    assert errors[27, 27] < 0.015
    assert errors[85, 85] < errors[27, 85] / 2
    assert errors[27, 27] < errors[85, 27] / 2


CHOICES: list[dict[str, Any]] = [
    {"area": {"feedback": 2}},
    {"i_unit": "300 pA"},
    {"signal_current": 2},
    {"candidate_current": 2},
    {"state_current": 1},
    {"levels": 3},
    {"diode_units": [16, 32]},
    {"largest_leg": 64},
    {"bias_units": 32},
    {"window_units": 32},
    {"candidate_split": 2},
    {"split_units": 1},
    {"hold": 12},
    {"width": 40},
    {"compensated": {"temperature": 30}},
]


def test_every_option_has_a_digest_of_its_own(plain: Design) -> None:
    assert {name for choice in CHOICES for name in choice} == set(DesignOptions.model_fields)
    digests = [plain.digest(), *(mapped(**choice).digest() for choice in CHOICES)]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"i_unit": "0.1 pA"}, "i_unit is .* expected 1 pA to 1 uA, for below, a unit device"),
        ({"i_unit": "3 V"}, 'i_unit is "3 V", expected a finite number with the unit A'),
        ({"signal_current": 0}, "signal_current is 0.* expected 0.01 to 100, for less is lost"),
        ({"diode_units": []}, "diode_units is .* expected a list of at least 1"),
        ({"diode_units": [32, 16]}, r"diode_units is \[32, 16\], expected ascending numbers"),
        ({"diode_units": [16, 1024]}, "diode_units.1 is 1024, expected 1 to 512"),
        ({"bias_units": 64.5}, "bias_units is 64.5, expected a whole number"),
        ({"hold": 32}, "width is 32, expected more than hold, 32"),
        ({"compensated": {"temperature": -300}}, "compensated.temperature is -300, expected"),
        ({"compensated": {"humidity": 3}}, "compensated.humidity is 3, expected no key"),
        ({"self": 1}, "self is 1, expected no key of this name"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_field(
    fields: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"^{sentence}"):
        DesignOptions(**fields)
    path = tmp_path / "D.yaml"
    path.write_text(yaml.safe_dump(fields), encoding="utf-8")
    with pytest.raises(UserError, match=f"^D.yaml: {sentence}"):
        read_options(path)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"i_unit": "30 pA"},
            "i_unit is 30 pA, expected .* to .* with these unit devices: a unit device of .* would "
            "usually carry .*A, and the calibration of generic180 was measured from 1 pA to 3.162",
        ),
        ({"i_unit": "1 uA"}, "i_unit is 1 uA, expected .* of .* would usually carry .*nA"),
        (
            {"i_unit": "100 pA", "bias_units": 512, "hold": 128, "width": 256},
            "i_unit is 100 pA, expected 512 pA to .*: a unit device of the bias rail would",
        ),
        ({"hold": 4}, "hold is 4, expected 8 to 32, for the calibration of generic180"),
        ({"bias_units": 16, "hold": 9, "width": 12}, "hold is 9, expected 2 to 8"),
        ({"split_units": 5}, "split_units is 5, expected 1 to 4, for calibrations are measured"),
        ({"width": 65}, "width is 65, expected 16 to 64, for the calibration"),
        ({"compensated": {"temperature": 126}}, "compensated.temperature is 126.* -40 to 125 degC"),
        ({"compensated": {"corner": "xx"}}, 'compensated.corner is "xx", expected one of tt'),
    ],
)
def test_what_the_calibration_lacks_is_refused(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=f"^{sentence}"):
        mapped(**fields)


def test_the_least_current_of_the_refusal_maps() -> None:
    with pytest.raises(UserError) as refused:
        mapped(i_unit="30 pA")
    least = refused.value.expected.split(" to ")[0]
    assert mapped(i_unit=least).i_unit < 1e-9


def test_the_example_is_a_design_and_stands_on_its_page() -> None:
    options = read_options(EXAMPLE)
    assert options.i_unit == 100e-12
    page = (ROOT / "docs/reference/design.md").read_text(encoding="utf-8")
    assert EXAMPLE.read_text(encoding="utf-8") in page


def call(folder: Path, *options: str) -> int:
    model, inputs = str(folder / "model"), str(folder / "x.npz")
    out = str(folder / "y.npz")
    return run(["simulate", model, "--inputs", inputs, "--out", out, "--json", *options])


def test_the_flag_is_the_files_shorthand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "D.yaml"
    energies = []
    for text, options in (
        ("i_unit: 300 pA\n", ()),
        ("hold: 16\n", ("--i-unit", "300 pA")),
        ("i_unit: 0.3 nA\n", ("--i-unit", "300 pA")),
    ):
        path.write_text(text, encoding="utf-8")
        assert call(folder, "--design", str(path), *options) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["options"]["i_unit"] == "300 pA"
        energies.append(told["energy_per_sequence_J"])
    assert len(set(energies)) == 1
    assert call(folder) == 0
    usual = json.loads(capsys.readouterr().out)["energy_per_sequence_J"]
    assert 3.0 < usual / energies[0] < 3.5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--design", "D.yaml", "--i-unit", "1 nA"), '--i-unit is "1 nA", expected 300 pA, as D'),
        (("--i-unit", "30 pA"), "--i-unit is 30 pA, expected"),
        (("--i-unit", "1 V"), '--i-unit is "1 V", expected a finite number with the unit A'),
        (("--design", "low.yaml"), "low.yaml: i_unit is 30 pA, expected"),
        (("--design", "none.yaml"), "--design is"),
        (("--design", "x.npz"), "x.npz is not text"),
        (("--calibration", "none.yaml"), "--calibration is"),
        (("--calibration", "D.yaml"), 'D.yaml: i_unit is "300 pA", expected no key of this name'),
        (("--calibration", "old.yaml"), "old.yaml: devices_hash is .*, expected ff7ed3a07cecbc49"),
        (
            ("--calibration", "other.yaml"),
            'other.yaml: technology is "sky130", expected generic180',
        ),
    ],
)
def test_the_command_line_refuses_in_a_sentence(
    options: tuple[str, ...],
    sentence: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    Path("D.yaml").write_text("i_unit: 300 pA\n", encoding="utf-8")
    Path("low.yaml").write_text("i_unit: 30 pA\n", encoding="utf-8")
    text = SHIPPED.read_text(encoding="utf-8")
    Path("old.yaml").write_text(text.replace(CALIBRATION.devices_hash, "ab" * 32))
    Path("other.yaml").write_text(text.replace("technology: generic180", "technology: sky130"))
    (folder / "y.npz").unlink(missing_ok=True)
    for command in (
        ["simulate", "--inputs", "x.npz", "--out", "y.npz"],
        ["netlist", "--out", "net"],
    ):
        assert run([command[0], "model", *command[1:], *options]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert re.match(sentence, err), err
        assert [Path(name).exists() for name in ("y.npz", "net")] == [False, False]


def test_a_calibration_of_ones_own_is_used(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    path = folder / "lab.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_calibration(path, TECHNOLOGY, "calibration") == CALIBRATION
    # A laboratory that measured no smaller currents has no design of smaller ones.
    path.write_text(text.replace("i_curve: [1.0e-12", "i_curve: [3.0e-12"), encoding="utf-8")
    assert call(folder, "--calibration", str(path)) == 0
    capsys.readouterr()
    assert call(folder, "--calibration", str(path), "--i-unit", "130 pA") == 2
    assert "was measured from 3 pA to 3.162 nA." in capsys.readouterr().err


def test_a_netlist_has_the_options_of_its_design(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "D.yaml"
    path.write_text("i_unit: 500 pA\nhold: 12\nbias_units: 48\n", encoding="utf-8")
    out = tmp_path / "net"
    arguments = ["netlist", str(folder / "model"), "--out", str(out), "--design", str(path)]
    assert run([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    design = mapped(i_unit="500 pA", hold=12, bias_units=48)
    assert told["design"] == design.digest()
    assert told["options"] == design.options.as_data()
    deck = (out / "chip.cir").read_text(encoding="utf-8")
    assert " hold=12 width=32" in deck
    assert "bias_tree units=48" in deck
