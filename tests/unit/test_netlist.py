"""The netlist as text: what stands in it, what never does, what is refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mru_hw.errors import MruHwError, UserError
from mru_hw.model.structure import normalised
from mru_hw.simulate.run import Chip
from mru_hw.spice.bench import make_bench
from mru_hw.spice.chip import chip_deck, chip_netlist, chip_pins
from mru_hw.spice.deck import BENCH, CHIP, TOP
from mru_hw.spice.dies import die_changes, die_commands
from mru_hw.spice.elements import element_rows
from mru_hw.spice.flatten import flatten
from mru_hw.spice.folder import declared_frames
from mru_hw.spice.paths import device_paths
from mru_hw.spice.unit_bench import make_unit_bench
from mru_hw.technology import MODELS, load_technology
from mru_hw.technology.conditions import Conditions, nominal_conditions
from mru_hw.variation import draw_die, nominal_die
from scripts.schematics.deck import Subcircuit, read_subcircuits
from tests.agreement.networks import chip_of, loops, two_units, two_windows
from tests.networks import draw_model, make_spec


@pytest.fixture(scope="module")
def chip() -> Chip:
    return chip_of(two_units())


# --------------------------------------------------------------------------------------- decks


def elements(deck: str) -> list[str]:
    return [line for line in deck.splitlines() if line and line[0] not in "*.+"]


def test_the_chip_is_made_of_process_devices_only(chip: Chip) -> None:
    kinds = Counter(line[0].lower() for line in elements(chip_deck(chip.design)))
    assert set(kinds) == {"m", "x", "c"}
    for device in flatten(chip_deck(chip.design), "mru_chip", chip.design.technology):
        assert device.model in {"nch", "pch", "mim"}, device


def test_every_transistor_has_junctions_and_lies_within_the_rules(chip: Chip) -> None:
    rules = chip.design.technology.rules
    for device in flatten(chip_deck(chip.design), "mru_chip", chip.design.technology):
        if device.kind != "m":
            continue
        assert {"ad", "as", "pd", "ps"} <= set(device.values)
        w, l = device.values["w"], device.values["l"]  # noqa: E741
        assert w >= rules.w_min
        assert l >= rules.l_min
        assert np.allclose(
            [w / rules.grid, l / rules.grid], np.rint([w / rules.grid, l / rules.grid])
        )


def test_the_same_design_gives_the_same_text(chip: Chip) -> None:
    assert chip_deck(chip.design) == chip_deck(chip_of(two_units()).design)


def test_a_leg_left_out_of_the_design_is_left_out_of_the_deck(chip: Chip) -> None:
    weight = chip.design.connections[0]
    row, column = np.argwhere(weight.plus)[0]
    less = chip.design.without(weight.parameter, int(row), int(column))
    before, after = (
        {device.path for device in flatten(chip_deck(design), "mru_chip", design.technology)}
        for design in (chip.design, less)
    )
    gone = before - after
    assert after < before
    assert gone
    assert all(re.fullmatch(rf"xw0[a-d]_{row}_{column}\.m0", path) for path in gone)


# Long devices that carry no signal of their own, by cell: the inputs of the hysteretic pair and of
# the output, and the strobe driver's Schmitt trigger and delays.
NO_SIGNAL = {
    "ladder_cell": ("xm3", "xm6"),
    "hysteretic_cell": ("xm3", "xm6"),
    "schmitt": ("xn1", "xn2", "xn3", "xp1", "xp2", "xp3"),
    "strobe_driver": (
        *("x1n", "x1p", "xc1n", "xc1p", "x2n", "x2p"),
        *("x3n", "x3p", "xc3n", "xc3p", "x4n", "x4p"),
    ),
}


def owner_of(path: str, cells: Mapping[str, Subcircuit]) -> tuple[str, str]:
    """Return the subcircuit that a device's instance stands in, and the instance's name there."""
    cell = "mru_chip"
    *outer, name, _ = path.split(".")
    for instance in outer:
        (line,) = (line for line in cells[cell].lines if line[0] == instance)
        cell = [word for word in line if "=" not in word][-1]
    return cell, name


def one_bit(cell: str) -> Chip:
    return chip_of(loops(cell, [1.0, 0.5], [0.5, 0.3] if cell == "fq_bmru" else None))


@pytest.mark.parametrize("cell", ["cmru", "window", "fq_bmru", "bmru"])
def test_every_device_of_the_design_is_in_the_deck_as_it_was_placed(cell: str) -> None:
    made = {"cmru": two_units, "window": two_windows}
    chip = chip_of(made[cell]()) if cell in made else one_bit(cell)
    flat = {
        f"{TOP}.{d.path}": d
        for d in flatten(chip_deck(chip.design), "mru_chip", chip.design.technology)
    }
    seen = set()
    for group in chip.design.device_groups():
        device = chip.design.technology.devices[group.device]
        for index, path in device_paths(chip.design, group):
            placed = flat[path]
            assert placed.model == device.model
            assert placed.values["m"] == group.units[index]
            assert (placed.values["w"], placed.values["l"]) == (device.w, device.l)
            assert path not in seen
            seen.add(path)
    analog = {
        path
        for path, d in flat.items()
        if d.kind == "m" and d.values["l"] >= 2e-6  # switches and logic are shorter
    }
    cells = read_subcircuits(chip_netlist(chip.design))
    unlisted = {owner_of(path.removeprefix(f"{TOP}."), cells) for path in analog - seen}
    expected = {(cell, name) for cell in NO_SIGNAL if cell in cells for name in NO_SIGNAL[cell]}
    assert unlisted == expected


def test_only_a_threshold_from_the_input_brings_a_window_comparator() -> None:
    fixed, window = (chip_deck(chip_of(make()).design) for make in (two_units, two_windows))
    assert "window_comparator" not in fixed
    units = [line for line in window.splitlines() if line.startswith("xu0_")]
    assert len(units) == 2
    for k, line in enumerate(units):
        assert f" b0_{k}_np b0_{k}_pp b0_{k}_nm b0_{k}_pm " in line
        assert line.endswith("_window")


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    levels=st.integers(1, 3),
    rectify_input=st.booleans(),
    rectify_output=st.booleans(),
)
def test_the_table_of_a_network_with_windows_gives_the_network_back(
    seed: int, levels: int, *, rectify_input: bool, rectify_output: bool
) -> None:
    """What stands in the table for a weight is what the ideal level runs on."""
    keys: dict[str, Any] = {"levels": levels, "rectify_output": rectify_output}
    spec = make_spec(threshold="input", rectify_input=rectify_input, **keys)
    drawn = draw_model(spec, seed)
    even = {k: np.full(v.shape, 0.5) for k, v in drawn.tensors.items() if k.endswith(".alpha")}
    chip = chip_of(replace(drawn, tensors=dict(drawn.tensors) | even))
    text = chip_deck(chip.design)
    found: dict[str, float] = {}
    for row in element_rows(chip.model, chip.design, chip.calibration, text):
        if row[0]:
            found[row[0]] = found.get(row[0], 0.0) + float(row[7])
    p = "layers.0.threshold"
    # A signed weight stands on two rails; a bias is a current.
    for name, rows in (
        (f"{p}.weight", 1 if rectify_input else 2),
        (f"{p}.bias", chip.design.buses["b0"].scale),
    ):
        for index, realised in np.ndenumerate(chip.mapped.tensors[name]):
            listed = found[f"{name}[{','.join(map(str, index))}]"] / rows
            assert listed == pytest.approx(realised, rel=1e-6, abs=1e-9)
    assert not [name for name in found if ".beta" in name]
    placed = Counter(
        d.path.split(".")[-2]
        for d in flatten(text, "mru_chip", chip.design.technology)
        if d.path.startswith("xu0_0.xstep.") and "xgate" not in d.path
    )
    assert placed == Counter(["xu1", "xu2", "xu3", "xu4", "xd1", "xd2", "xd3", "xd4"])


def test_a_chip_of_loops_has_no_clock_and_nine_transistors_a_unit() -> None:
    chip = one_bit("fq_bmru")
    text = chip_deck(chip.design)
    assert "phi" not in " ".join(chip_pins(chip.design))
    assert "ladder_cell" not in text
    frames = np.zeros((2, 1))
    assert (
        "vphi"
        not in make_bench(
            chip.design, frames, nominal_conditions(chip.design.technology)
        ).deck.files[BENCH]
    )
    inside = [
        d for d in flatten(text, "mru_chip", chip.design.technology) if d.path.startswith("xu0_0.")
    ]
    # M4 is the state node's diode; two more force the state at power-up.
    assert len(inside) == 9 - 1 + 2
    assert len(chip.design.banks) == 1


@pytest.mark.parametrize("rectified", [False, True])
def test_a_bmru_is_step_control_and_one_cell_with_supplies_as_neighbours(rectified: bool) -> None:
    model = loops("bmru", [1.0, 0.5])
    layer = model.spec.layers[0].model_copy(update={"rectify_candidate": rectified})
    chip = chip_of(replace(model, spec=model.spec.model_copy(update={"layers": (layer,)})))
    text = chip_deck(chip.design)
    assert "phi0" in chip_pins(chip.design)
    assert "hysteretic_cell" not in text
    inside = [
        d for d in flatten(text, "mru_chip", chip.design.technology) if d.path.startswith("xu0_0.")
    ]
    # Step control with its gate, cell, and four to make the phases' complements.
    assert sum(d.kind == "m" for d in inside) == 16 + 17 + 4
    (cell,) = re.findall(r"^xc\d .*ladder_cell.*$", text, re.MULTILINE)
    assert cell.startswith("xc1 v1 h1 vdd vss gs gr ")
    # Set at power-up, as the model's initial state has it.
    assert " vss rst_b out " in cell
    # Nothing sources into the comparator that resets where no candidate is ever negative.
    (unit,) = re.findall(r"^xu0_0 (\S+ \S+) ", text, re.MULTILINE)
    assert unit == ("c0_0 vdd_memory" if rectified else "c0_0_np c0_0_pm")


def test_an_element_of_every_setting_of_a_bit() -> None:
    loop = (("beta", "xm2"), ("delta", "xm8"), ("alpha", "xm5"))
    strobed = (("beta", "xstep.xu1"), ("beta", "xstep.xd2"), ("alpha", "xc1.xm5"))
    for cell, parts in (("fq_bmru", loop), ("bmru", strobed)):
        chip = one_bit(cell)
        text = chip_deck(chip.design)
        rows = {
            (row[0], row[1].removeprefix(f"{TOP}.").rsplit(".", 1)[0]): row
            for row in element_rows(chip.model, chip.design, chip.calibration, text)
            if row[0].startswith("layers.0.")
        }
        for name, inside in parts:
            row = rows[(f"layers.0.{name}[1]", f"xu0_1.{inside}")]
            wanted, realised = float(row[6]), float(row[7])
            assert realised == pytest.approx(wanted, rel=0.05), (cell, name)
            assert float(row[5]) == pytest.approx(int(row[2]) * chip.design.i_lsb)


def test_flatten_names_what_is_wrong() -> None:
    with pytest.raises(MruHwError, match="nosuch, which the deck does not hold"):
        list(flatten(".subckt top a\nx1 a nosuch\n.ends\n", "top", load_technology("generic180")))
    wrong = ".subckt in a b\n.ends\n.subckt top a\nx1 a in\n.ends\n"
    with pytest.raises(MruHwError, match="has 1 nets, but in has 2 pins"):
        list(flatten(wrong, "top", load_technology("generic180")))


# --------------------------------------------------------------------------------------- bench


def bench_of(chip: Chip, frames: np.ndarray, **keys: Any) -> Any:
    return make_bench(chip.design, frames, nominal_conditions(chip.design.technology), **keys)


def test_a_bench_reads_before_the_strobe_and_at_the_end_of_the_frame(chip: Chip) -> None:
    bench = bench_of(chip, np.zeros((5, 2)))
    period, timing = 25e-3, chip.design.timing
    assert bench.decided_at.shape == (1, 5)
    np.testing.assert_allclose(bench.read_at, bench.t_start + period * np.arange(1, 6))
    np.testing.assert_allclose(bench.decided_at[0] - bench.read_at + period, timing.strobes[0])
    assert bench.deck.t_stop == pytest.approx(bench.read_at[-1])


def test_conditions_and_token_reach_the_bench(chip: Chip) -> None:
    hot = Conditions(corner="ff", temperature=85.0, v_dd=1.7)
    frames = np.zeros((2, 2))
    text = make_bench(chip.design, frames, hot).deck.files[BENCH]
    assert f".lib '{MODELS}' ff" in text
    assert "temp=85 " in text
    assert "vdd vdd 0 1.7\n" in text
    decks = [
        bench_of(chip, frames),
        bench_of(chip, frames + 1e-3),
        bench_of(chip, np.zeros((3, 2))),
    ]
    decks.append(bench_of(chip, frames, die=draw_die(chip.design, 1)))
    tokens = {bench.deck.token for bench in decks} | {
        make_bench(chip.design, frames, hot).deck.token
    }
    assert len(tokens) == 5


def test_inputs_are_normalised_by_the_model() -> None:
    spec = make_spec(normalisation={"mean": [1.0] * 4, "scale": [2.0] * 4})
    np.testing.assert_array_equal(normalised(spec, np.full((3, 4), 5.0)), np.full((3, 4), 2.0))
    plain = make_spec()
    np.testing.assert_array_equal(normalised(plain, np.full((3, 4), 5.0)), np.full((3, 4), 5.0))
    assert set(declared_frames(3).ravel()) == {-1.0, 0.0, 1.0}


# ---------------------------------------------------------------------------------------- dies


def test_a_die_changes_every_listed_device_with_its_polarity_and_sign(chip: Chip) -> None:
    die = draw_die(chip.design, 5)
    changes = {change.target: change for change in die_changes(chip.design, die)}
    n_devices = 0
    for group in chip.design.device_groups():
        sign = 1 if group.device.startswith("n") else -1
        for index, path in device_paths(chip.design, group):
            n_devices += 1
            shift, factor = changes[f"@m.{path}[delvto]"], changes[f"@m.{path}[mulu0]"]
            assert (shift.add, shift.times) == (sign * die.dvt[group.key][index], 1)
            assert (factor.add, factor.times) == (0, 1 + die.dbeta[group.key][index])
    assert len(changes) == 2 * n_devices
    assert list(die_commands(chip.design, die)) == [c.command for c in changes.values()]


def test_the_nominal_die_changes_nothing(chip: Chip) -> None:
    assert list(die_commands(chip.design, nominal_die(chip.design))) == []


def test_the_deck_of_a_die_is_the_same_chip(chip: Chip) -> None:
    frames = np.zeros((2, 2))
    nominal, die = bench_of(chip, frames), bench_of(chip, frames, die=draw_die(chip.design, 2))
    assert nominal.deck.files[CHIP] == die.deck.files[CHIP]
    assert nominal.deck.commands == ()
    assert "die 2" in die.deck.files[BENCH]


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        (
            {"cell": "fq_bmru", "rectify_candidate": True, "threshold": "input"},
            "an fq_bmru has no window comparator",
        ),
        ({"rectify_candidate": True, "levels": 2}, "ladders and window comparators read"),
        (
            {"cell": "bmru", "rectify_candidate": True, "threshold": "input"},
            "ladders and window comparators read",
        ),
    ],
)
def test_what_has_no_circuit_is_refused_by_name(keys: dict[str, Any], match: str) -> None:
    spec = make_spec(**keys)
    drawn = draw_model(spec, 1)
    tensors = dict(drawn.tensors)
    for i in range(2):
        for name in ("alpha", "beta", "delta"):
            if f"layers.{i}.{name}" in tensors:
                tensors[f"layers.{i}.{name}"] = np.full(6, 0.5)
    with pytest.raises(UserError, match=match):
        chip_deck(chip_of(replace(drawn, tensors=tensors)).design)


def test_no_text_of_a_model_reaches_the_deck() -> None:
    model = two_units()
    layer = model.spec.layers[0].model_copy(update={"name": "sneaky"})
    spec = model.spec.model_copy(update={"layers": (layer,), "classes": ("quit", ".end")})
    design = chip_of(replace(model, spec=spec)).design
    text = (
        chip_deck(design)
        + make_bench(design, np.zeros((2, 2)), nominal_conditions(design.technology)).deck.files[
            BENCH
        ]
    )
    assert "sneaky" not in text
    assert "quit" not in text


@pytest.mark.parametrize("n_frames", range(1, 12))
def test_a_run_is_over_where_the_deck_says(n_frames: int) -> None:
    """To the last digit: a run that ends a nanosecond short would count as not finished."""
    design = chip_of(two_units()).design
    design = replace(design, timing=replace(design.timing, frame=0.0123456789012))
    frames, conditions = np.zeros((n_frames, 2)), nominal_conditions(design.technology)
    unit = make_unit_bench(design, 0, 0, np.zeros(n_frames), conditions)
    for deck in (make_bench(design, frames, conditions).deck, unit.deck):
        (written,) = re.findall(r"^\.tran \S+ (\S+) uic$", deck.files[BENCH], re.MULTILINE)
        assert deck.t_stop == float(written)
