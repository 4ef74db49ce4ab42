"""Translators: what they read, what they write, what they leave as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from mru_hw.circuits.statements import Blank, Element, End, Netlist, Subckt, cells_of
from mru_hw.cli.app import run
from mru_hw.errors import MruHwError, UserError
from mru_hw.mapping.options import DesignOptions
from mru_hw.model.io import save_model
from mru_hw.model.network import Model
from mru_hw.simulate.run import Chip
from mru_hw.spice.bench import make_bench
from mru_hw.spice.chip import chip_deck, chip_netlist
from mru_hw.spice.deck import BENCH, CHIP, Change
from mru_hw.spice.dialects import DIALECTS
from mru_hw.spice.dialects.base import WIDTH
from mru_hw.spice.dialects.flat import flat_bench, flat_chip, flat_name, refuse_kit
from mru_hw.spice.dies import die_changes
from mru_hw.spice.flatten import flatten
from mru_hw.spice.folder import PART_LINES, declared_frames, netlist_files
from mru_hw.spice.reader import read_statements
from mru_hw.spice.text import deck_lines, deck_text
from mru_hw.stimulus import make_inputs
from mru_hw.stimulus.inputs import save_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import draw_die
from tests.agreement.networks import chip_of, loops, two_units, two_windows, write_chip

OTHERS = ["hspice", "spectre", "xyce"]


def translated(text: str, dialect: str) -> list[str]:
    return list(DIALECTS[dialect].lines(read_statements(text.splitlines())))


@pytest.fixture(scope="module")
def chip_text() -> str:
    return chip_deck(chip_of(two_units()).design)


# ------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "line",
    [
        "e1 a 0 b 0 2",
        "r1 a b 1k",
        "m1 a b c nch",
        "v1 a 0 sin(0 1 1k)",
        "v1 a 0 pwl(0 1 2)",
        ".four 1k v(a)",
        ".tran 1 2",
    ],
)
def test_what_no_dialect_knows_is_refused_and_not_dropped(line: str) -> None:
    with pytest.raises(MruHwError, match="No dialect knows this"):
        list(read_statements([line]))


def test_continued_lines_and_control_blocks_are_one_statement() -> None:
    deck = ["x1 a", "+ b", "", "+ cell k={g}", ".control", "run", "quit", ".endc", ".end"]
    first, control, _ = read_statements(deck)
    assert first == Element(name="x1", nets=("a", "b"), model="cell", values={"k": "{g}"})
    assert getattr(control, "lines", None) == ("run", "quit")


@pytest.mark.parametrize("model", [two_units(), two_windows(), loops("fq_bmru", [1.0], [0.5])])
def test_what_is_emitted_reads_back_as_the_statements_that_it_was_written_from(
    model: Model,
) -> None:
    design = chip_of(model).design
    bench = make_bench(
        design,
        np.array([[0.5] * design.spec.n_in, [-0.5] * design.spec.n_in]),
        nominal_conditions(design.technology),
        die=draw_die(design, 1),
        measures=True,
    )
    for name, statements in ((CHIP, bench.chip.statements()), (BENCH, iter(bench.player))):
        text = bench.deck.files[name]
        read = list(read_statements(text.splitlines()))
        assert [s for s in statements if not isinstance(s, Blank)] == read
        # And a file that is read and written again is as it was, lines and all, but for blank ones.
        kept = [line for line in text.splitlines() if line]
        if name == CHIP:
            assert list(deck_lines(read)) == kept


# ------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_device_of_a_larger_area_is_a_multiple_in_every_language(dialect: str) -> None:
    chip = Chip(two_units(), options=DesignOptions(area={"v0/diode_plus": 3}))
    lines = "\n".join(DIALECTS[dialect].lines(chip_netlist(chip.design).statements()))
    cell = lines[lines.index("_diode_plus_3") :]
    marks = {"hspice": "'3*units'", "xyce": "{3*units}", "spectre": "(3*units)"}
    assert f"units={marks[dialect]}" in cell
    elements = (s for s in flat_chip(chip_netlist(chip.design), ()) if isinstance(s, Element))
    found = {s.name: float(s.values["m"]) for s in elements if s.name[0] == "m"}
    placed = flatten(chip_netlist(chip.design), "mru_chip", chip.design.technology)
    assert found == {flat_name(d.path, d.model): d.values["m"] for d in placed if d.kind == "m"}


@pytest.mark.parametrize("dialect", ["hspice", "xyce"])
def test_a_translated_chip_reads_back_as_the_chip(dialect: str, chip_text: str) -> None:
    texts = (translated(chip_text, dialect), chip_text.splitlines())
    bare = ([re.sub("[{}']", "", line) for line in lines] for lines in texts)
    found, wanted = (
        [s for s in read_statements(lines) if isinstance(s, Element | Subckt)] for lines in bare
    )
    assert found == wanted


def test_spectre_has_every_statement_of_the_chip_and_parentheses_that_close(chip_text: str) -> None:
    text = "\n".join(translated(chip_text, "spectre")).replace("\\\n", "")
    lines = [line for line in text.splitlines() if not line.startswith("//")]
    ours = list(read_statements(chip_text.splitlines()))
    cells = [s for s in ours if isinstance(s, Subckt)]
    assert sum(line.startswith("subckt ") for line in lines) == len(cells)
    assert sum(line.startswith("parameters ") for line in lines) == sum(
        bool(cell.values) for cell in cells
    )
    elements = [s for s in ours if isinstance(s, Element)]
    instances = [line for line in lines if line[0] in "xmc"]
    assert len(instances) == len(elements)
    for line, element in zip(instances, elements, strict=True):
        inside = line[line.index("(") + 1 : line.index(")")]
        assert line.split()[0] == element.name
        assert tuple(inside.split()) == element.nets
        assert line[line.index(")") + 1 :].split()[0] == element.model
    assert not any(mark in line for line in lines for mark in "{}'")


@pytest.mark.parametrize("dialect", OTHERS)
def test_no_line_is_long_and_no_case_changes(dialect: str, chip_text: str) -> None:
    chip = chip_of(two_units())
    bench = make_bench(
        chip.design, np.zeros((3, 2)), nominal_conditions(chip.design.technology), measures=True
    )
    for text in (chip_text, bench.deck.files[BENCH]):
        for line in translated(text, dialect):
            assert len(line) <= WIDTH + 40
            if not line.startswith(("*", "//")):
                assert line == line.lower()


@pytest.mark.parametrize("dialect", OTHERS)
def test_the_bench_keeps_token_stimulus_phases_and_measures(dialect: str) -> None:
    chip = chip_of(two_units())
    bench = make_bench(
        chip.design,
        np.array([[1.0, 0.5], [-1.0, 0.25]]),
        nominal_conditions(chip.design.technology),
        measures=True,
    )
    ngspice = bench.deck.files[BENCH]
    text = " ".join(translated(ngspice, dialect)).replace("+ ", "").replace("\\ ", "")
    text = " ".join(text.split())
    assert f"{bench.deck.token:.12g}" in text
    for name in ("mirror", "memory", "clock", "bias", "ref", "input"):
        assert f".measure tran p_{name} " in text
    for k in range(2):
        assert f".measure tran y{k}_end find i(vy{k}" in text
        assert f".measure tran y{k}_f0 find i(vy{k}" in text
        mean = f"(y{k}_f0+y{k}_f1)/2"
        assert f".measure tran y{k}_mean param='{mean}'" in text or f"eqn {{{mean}}}" in text
    numbers = ngspice[ngspice.index("ix0 vdd_input x0 pwl(") :].split(")")[0].split("pwl(")[1]
    assert " ".join(numbers.replace("+", "").split()) in text
    assert "val0=0 val1=1.8" in text or "pulse( 0 1.8 " in text
    assert "alter" not in text


def test_a_card_that_is_no_bsim4_is_refused() -> None:
    for dialect in OTHERS:
        with pytest.raises(MruHwError, match="Only BSIM4 cards"):
            translated(".model nch nmos level=1 vto=0.4", dialect)


# --------------------------------------------------------------------------------------- flat


def test_the_flat_chip_holds_the_same_devices_with_the_dies_draws(chip_text: str) -> None:
    design = chip_of(two_units()).design
    die = draw_die(design, 3)
    written = flat_chip(chip_netlist(design), die_changes(design, die))
    flat = {s.name: s for s in written if isinstance(s, Element)}
    placed = list(flatten(chip_text, "mru_chip", design.technology))
    assert len(flat) == len(placed)
    for device in placed:
        found = flat[flat_name(device.path, device.model)]
        assert found.model == device.model
        assert {k: float(v) for k, v in found.values.items() if k in device.values} == dict(
            device.values
        )
    drawn = {f"m.xchip.{d.path}": flat[flat_name(d.path, d.model)].values for d in placed}
    changes = list(die_changes(design, die))
    for change in changes:
        value = change.default * change.times + change.add
        assert float(drawn[change.device][change.parameter]) == pytest.approx(value, rel=1e-8)
    assert sum("delvto" in values for values in drawn.values()) == sum(
        change.parameter == "delvto" for change in changes
    )


def test_a_change_without_a_device_is_an_error() -> None:
    stray = [Change(device="m.xchip.xnone.m0", parameter="delvto", add=1e-3)]
    with pytest.raises(MruHwError, match=r"no device xnone\.m0"):
        list(flat_chip(chip_netlist(chip_of(two_units()).design), stray))


def test_names_that_would_meet_are_refused() -> None:
    cell = [".subckt in a", "m0 a a a a nch w=1 l=1", ".ends", ".subckt top a"]
    above = list(read_statements([*cell, "x1 a in", "x1 a in", ".ends"]))
    top = cells_of(above)["top"]
    with pytest.raises(MruHwError, match="would be called mx1__m0"):
        list(flat_chip(Netlist(above=tuple(above), top=top), ()))


def test_saved_vectors_follow_the_flat_names() -> None:
    saved = ".save v(xchip.xu0_0.v1) @m.xchip.xc0_0.xdn.m0[id] i(vdd)"
    text = deck_text(flat_bench(read_statements([saved])))
    assert text == ".save v(xchip.xu0_0__v1) @m.xchip.mxc0_0__xdn__m0[id] i(vdd)\n"
    assert list(flat_bench(read_statements([".control", "run", ".endc", ".end"]))) == [End()]


def test_a_die_of_a_kit_is_refused_outside_ngspice() -> None:
    technology = load_technology("sky130")
    with pytest.raises(UserError, match="ngspice for a die in sky130"):
        refuse_kit(technology, "hspice")
    refuse_kit(load_technology("generic180"), "hspice")


# -------------------------------------------------------------------------------------- folder


@pytest.mark.parametrize("dialect", OTHERS)
def test_the_command_writes_every_dialect_and_replaces_another(
    dialect: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = tmp_path / "model", tmp_path / "n"
    save_model(two_units(), model)
    start = ["netlist", str(model), "--out", str(out), "--json"]
    assert run([*start]) == 0
    assert (out / BENCH).exists()
    capsys.readouterr()
    assert run([*start, "--dialect", dialect]) == 0
    answer = json.loads(capsys.readouterr().out)
    names = netlist_files(load_technology("generic180"), dialect)
    assert sorted(answer["files"]) == sorted(names) == sorted(p.name for p in out.iterdir())
    chip = chip_of(two_units())
    emitted = make_bench(
        chip.design, declared_frames(2), nominal_conditions(chip.design.technology), measures=True
    )
    for name in (CHIP, BENCH):
        written = (out / DIALECTS[dialect].file(name)).read_text().splitlines()
        assert written == translated(emitted.deck.files[name], dialect)
    assert run([*start, "--dialect", dialect, "--die", "4"]) == 0
    assert "delvto" in (out / DIALECTS[dialect].file(CHIP)).read_text()


@pytest.mark.parametrize("dialect", ["ngspice", *OTHERS])
def test_a_long_stimulus_stands_in_a_file_of_its_own(dialect: str, tmp_path: Path) -> None:
    model, data, out = tmp_path / "model", tmp_path / "x.npz", tmp_path / "n"
    save_model(two_units(), model)
    n_time = 2 * PART_LINES
    save_inputs(make_inputs(np.random.default_rng(1).normal(size=(1, n_time, 2))), data)
    arguments = ["netlist", str(model), "--inputs", str(data), "--out", str(out)]
    assert run([*arguments, "--dialect", dialect]) == 0
    suffix = DIALECTS[dialect].suffix
    bench = (out / f"bench{suffix}").read_text()
    assert len(bench.splitlines()) < PART_LINES
    assert f"stimulus{suffix}" in bench
    assert "ix0" not in bench
    stimulus = (out / f"stimulus{suffix}").read_text()
    assert sorted(re.findall(r"\bixn?\d", stimulus)) == ["ix0", "ix1", "ixn0", "ixn1"]
    # The same folder with a short one leaves nothing of it.
    assert run(["netlist", str(model), "--out", str(out), "--dialect", dialect]) == 0
    assert not (out / f"stimulus{suffix}").exists()


def test_the_kit_of_a_foundry_is_named_where_its_cards_do_not_go_along() -> None:
    technology = load_technology("sky130")
    for dialect in ("hspice", "spectre"):
        assert DIALECTS[dialect].model_files(technology) == {}
        said = DIALECTS[dialect].missing_models(technology)
        assert "put its library, with sections tt, ff" in said
        assert said.endswith("lengths are in units of 1e-06 m")
    assert all(d.missing_models(load_technology("generic180")) == "" for d in DIALECTS.values())


def test_a_dialect_is_written_whole(tmp_path: Path) -> None:
    chip = chip_of(two_units())
    with pytest.raises(UserError, match="one of ngspice"):
        write_chip(tmp_path / "n", chip, dialect="ltspice")
    assert list(tmp_path.iterdir()) == []
