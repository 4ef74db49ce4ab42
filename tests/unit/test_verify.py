"""--verify: which units are chosen, and what is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.app import run
from mru_hw.errors import RunStatus, UserError
from mru_hw.mapping.rows import Part
from mru_hw.model.io import save_model
from mru_hw.simulate.disagreement import step_rule, step_rules
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.simulate.spice_size import (
    CORE_SECONDS,
    TIME_POINTS,
    VALUE_BYTES,
    longest_sequence,
    transistors,
)
from mru_hw.simulate.verify import (
    LARGEST,
    Choice,
    choose_units,
    parse_choice,
    refuse_choice,
    refuse_large,
    single_layers,
)
from mru_hw.spice.chip import chip_deck
from mru_hw.spice.deck import Waves
from mru_hw.spice.flatten import flatten
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.unit_bench import UNIT, make_unit_bench, unit_deck
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import chip_of, one_unit, two_units, two_windows
from tests.networks import draw_inputs, draw_model, make_spec


@pytest.fixture(scope="module")
def chip() -> Chip:
    return chip_of(two_units())


def test_option_is_read() -> None:
    assert parse_choice("units:8") == Choice(count=8)
    assert parse_choice("layer:0") == Choice(layer=0)
    for text in (
        "8",
        "units:",
        "units:0",
        "units:00",
        "units:\u0663",
        "units:-1",
        "layer:x",
        "unit:3",
        "units:1 ",
    ):
        with pytest.raises(UserError, match="units:N, such as units:8, or layer:I"):
            parse_choice(text)


def test_units_of_the_smallest_margins_are_chosen(chip: Chip) -> None:
    inputs = draw_inputs(2, 5, n_seq=4, n_time=10)
    trace = simulate_ideal(chip.mapped, inputs)
    conditions = nominal_conditions(chip.design.technology)
    rules = step_rules(chip.mapped, chip.design, chip.calibration, chip.die(None), conditions)
    beta = np.abs(chip.mapped.tensors["layers.0.beta"])
    c = trace.candidates[0][inputs.valid()]
    margins = np.quantile(np.abs(np.abs(c) - beta) / beta, 0.01, axis=0)
    nearest = int(np.argmin(margins))
    assert choose_units(Choice(count=1), rules, trace, inputs) == ((0, nearest),)
    assert set(choose_units(Choice(count=2), rules, trace, inputs)) == {(0, 0), (0, 1)}
    assert choose_units(Choice(layer=0), rules, trace, inputs) == ((0, 0), (0, 1))
    with pytest.raises(UserError, match='verify is "units:3", expected at most 2 units'):
        refuse_choice(Choice(count=3), chip.design)
    with pytest.raises(UserError, match='verify is "layer:1", expected layer:0 to 0'):
        refuse_choice(Choice(layer=1), chip.design)


@pytest.fixture(scope="module")
def mixed() -> Chip:
    """A layer whose units run singly, and one whose thresholds come from the input."""
    spec = make_spec(levels=2)
    layers = spec.layers[0], spec.layers[1].model_copy(update={"threshold": "input"})
    model = draw_model(spec.model_copy(update={"layers": layers}), 1)
    tensors = dict(model.tensors)
    for name in ("layers.0.alpha", "layers.1.alpha", "layers.0.beta"):
        tensors[name] = 0.4 + np.abs(tensors[name])
    return chip_of(dataclasses.replace(model, tensors=tensors))


def test_only_the_chosen_layer_has_to_run_singly(mixed: Chip) -> None:
    assert single_layers(mixed.design) == (0,)
    refuse_choice(Choice(layer=0), mixed.design)
    refuse_choice(Choice(count=6), mixed.design)
    with pytest.raises(UserError, match="expected at most 6 units, those of layer 0"):
        refuse_choice(Choice(count=7), mixed.design)
    with pytest.raises(UserError, match=r"layers\.1 is .*fixed thresholds"):
        refuse_choice(Choice(layer=1), mixed.design)
    # Units are ranked among those that can run.
    inputs = draw_inputs(4, 5, n_seq=4, n_time=10)
    trace = simulate_ideal(mixed.mapped, inputs)
    conditions = nominal_conditions(mixed.design.technology)
    rules = {
        0: step_rule(mixed.design, mixed.calibration, mixed.die(None), 0, conditions),
    }
    chosen = choose_units(Choice(count=6), rules, trace, inputs)
    assert sorted(chosen) == [(0, k) for k in range(6)]


def test_a_unit_is_cut_out_of_a_network_of_which_others_do_not_run_singly(mixed: Chip) -> None:
    text = unit_deck(mixed.design, 0, 3)
    whole = {
        d.path: d for d in flatten(chip_deck(mixed.design), "mru_chip", mixed.design.technology)
    }
    part = {d.path: d for d in flatten(text, UNIT, mixed.design.technology)}
    assert part.items() <= whole.items()
    assert any(path.startswith("xu0_3.") for path in part)


def test_the_refusal_of_a_large_network_says_what_is_possible(
    mixed: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mru_hw.simulate.verify.LARGEST", 100)
    with pytest.raises(UserError, match=r"`verify` units:N .* takes the units of layer 0\.$"):
        refuse_large(mixed.design)
    windows = chip_of(two_windows()).design
    with pytest.raises(UserError, match="at most 100, for no layer's units run singly"):
        refuse_large(windows)
    with pytest.raises(UserError, match="no `verify`, for no layer's units run singly"):
        refuse_choice(Choice(count=1), windows)


def test_unit_s_deck_is_the_chip_s_own(chip: Chip) -> None:
    whole = {d.path: d for d in flatten(chip_deck(chip.design), "mru_chip", chip.design.technology)}
    for unit in range(2):
        text = unit_deck(chip.design, 0, unit)
        part = {d.path: d for d in flatten(text, UNIT, chip.design.technology)}
        assert part.items() <= whole.items()
        # All of the unit, its nodes, its phase and the bias tree, and nothing of the other unit.
        tops = {path.split(".")[0] for path in part}
        assert tops == {
            *("xbias", "xrst", "xphi0"),
            *(f"x{kind}0_{unit}" for kind in "cuh"),
        }
        assert text.count(".subckt cmru_unit_") == 1


def test_a_die_changes_the_unit_s_own_devices_only(chip: Chip) -> None:
    conditions = nominal_conditions(chip.design.technology)
    bench = make_unit_bench(chip.design, 0, 1, np.ones(3) * 1e-9, conditions, die=chip.die(3))
    inside = {line.split(".")[2] for line in bench.deck.commands}
    assert inside == {"xbias", "xc0_1", "xu0_1", "xh0_1"}


def test_large_networks_are_refused_with_what_to_do(
    chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert transistors(chip.design) < LARGEST
    refuse_large(chip.design)
    monkeypatch.setattr("mru_hw.simulate.verify.LARGEST", 100)
    count = transistors(chip.design)
    with pytest.raises(UserError) as refused:
        refuse_large(chip.design)
    assert str(refused.value) == (
        f"level is spice: {count:,} transistors, "
        "expected `verify` units:N for networks beyond 100 transistors."
    )


def test_the_longest_sequence_goes_by_time_or_by_memory() -> None:
    limits = Limits(time_s=600.0, memory_bytes=2 << 30)

    def longest(count: int, saves: int) -> int:
        return longest_sequence(count=count, saves=saves, period=0.025, limits=limits)

    frames = longest(100, 14)
    assert frames == int(600 / (CORE_SECONDS * 100))
    assert longest(200, 14) == frames // 2
    # In memory: 25 steps of 1 ms a frame, as many vectors as are saved, the time and the token.
    assert longest(100, 998) == int((2 << 30) / (VALUE_BYTES * 1000 * TIME_POINTS * 25))
    assert longest(10**12, 14) == 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(one_unit(), tmp_path / "model")
    save_inputs(make_inputs(np.zeros((1, 3, 1)), np.array([3]), None), tmp_path / "x.npz")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            ["--verify", "units:1"],
            '--level is "behavioral", expected spice, where --verify runs single units in ngspice.',
        ),
        (
            ["--level", "spice", "--verify", "many"],
            '--verify is "many", expected units:N, such as units:8, or layer:I, such as layer:0.',
        ),
        (
            ["--level", "spice", "--verify", "units:2"],
            '--verify is "units:2", expected at most 1 unit.',
        ),
    ],
)
def test_mistakes(
    options: list[str], expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "y.npz"
    base = ["simulate", str(folder / "model"), "--inputs", str(folder / "x.npz")]
    assert run([*base, "--out", str(out), *options]) == 2
    assert capsys.readouterr().err.strip() == expected
    assert not out.exists()


def test_summary_names_the_trace_s_level(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["simulate", str(folder / "model"), "--inputs", str(folder / "x.npz"), "--json"]
    assert run([*base, "--out", str(folder / "y.npz")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["trace_level"] == told["level"] == "behavioral"
    assert told["verify"] is None
    assert told["disagreements"] is None


def test_other_cells_have_no_bench_of_their_own(chip: Chip) -> None:
    bank = dataclasses.replace(chip.design.banks[0], threshold=Part.THRESHOLD.of(0))
    design = dataclasses.replace(chip.design, banks=(bank,))
    with pytest.raises(UserError, match=r"layers\.0 is .*fixed thresholds and signed candidates"):
        unit_deck(design, 0, 0)


def test_sequences_keep_their_numbers_of_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_inputs(make_inputs(np.zeros((3, 3, 1))), folder / "three.npz")
    lost = Waves(status=RunStatus.WORKER_DIED, vectors={}, core_seconds=0.0, message="")
    monkeypatch.setattr(Runner, "run", lambda *_: lost)
    base = ["simulate", str(folder / "model"), "--inputs", str(folder / "three.npz"), "--json"]
    options = ["--level", "spice", "--verify", "units:1", "--sequences", "1:3"]
    assert run([*base, "--out", str(folder / "y.npz"), *options]) == 1
    told = json.loads(capsys.readouterr().out)["verify"]
    assert [ending["sequence"] for ending in told["failed_or_helped"]] == [1, 2]
