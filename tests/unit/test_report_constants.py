"""Fitted constants, calibrated range, reproduction and published systems, by another road."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mru_hw.cells.base import Devices
from mru_hw.circuits.nodes.supply import quiescent
from mru_hw.cli.again import InShell
from mru_hw.data import calibration_dir
from mru_hw.mapping.options import read_options
from mru_hw.report.chip import ChipFacts, find_chip
from mru_hw.report.compare import PUBLISHED, published
from mru_hw.report.cross import off_cross
from mru_hw.report.moved import moved_by
from mru_hw.report.page import Page, make_page, write_page
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.carried import carried
from mru_hw.simulate.energy import energy
from mru_hw.sweeps import versions
from mru_hw.sweeps.statistics.answers import statistics
from mru_hw.sweeps.verdict import verdict
from mru_hw.sweeps.view import open_run
from mru_hw.technology.calibration import Calibration, temperature_voltage
from mru_hw.variation.die import nominal_die
from tests.reports import made, rows_of, swept
from tests.sweeps import write_case

DESIGN = {"bias_units": 32, "hold": 8, "width": 16}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("constants")
    axes = [{"axis": "temperature", "values": [27, 85]}]
    spec = {"energy": {"at_least": "1 fJ"}}
    return swept(write_case(folder, n_dies=2, axes=axes, design=DESIGN, spec=spec))


@pytest.fixture(scope="module")
def page(store: Path) -> Page:
    return made(store)


@pytest.fixture(scope="module")
def chip(page: Page) -> ChipFacts:
    assert page.chip is not None
    return page.chip


@pytest.fixture(scope="module")
def recorded() -> Mapping[str, Any]:
    text = (calibration_dir() / "generic180.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = yaml.safe_load(text)
    return found


def test_every_fitted_constant_has_the_error_that_its_file_records(
    page: Page, recorded: Mapping[str, Any]
) -> None:
    table = {row["constant"]: row for row in rows_of(page, "fitted_constants")}
    checks = recorded["grid"]["checks"]
    curves = ("mismatch_n", "mismatch_p", "mismatch_split_n", "mismatch_split_p", "rest")
    assert set(table) == {*checks[0]["measured"], *curves, "leak_n", "leak_p"}

    def off(name: str) -> list[tuple[float, float]]:
        return [(check["interpolated"][name], check["measured"][name]) for check in checks]

    for name in ("n.v_gate", "v_trip_up", "v_trip_down", "signed_rest"):
        worst = max(abs(a - b) for a, b in off(name))
        assert table[name]["largest error"] == pytest.approx(worst), name
        assert table[name]["largest error: unit"] == "V"
    for name in ("n.slope", "p.conductance", "c_step", "i_driver", "c_gate_p"):
        worst = max(abs(a / b - 1) for a, b in off(name))
        assert table[name]["largest error"] == pytest.approx(worst), name
    for name in curves:
        assert table[name]["largest error"] == max(check["curves"][name] for check in checks)
    assert table["leak_p"]["largest error"] == max(check["leakage"]["p"] for check in checks)
    assert table["n.slope"]["value"] == recorded["n"]["slope"]
    assert table["c_step"]["value"] == recorded["c_step"]
    assert table["rest"]["value"] == pytest.approx(
        np.exp(
            np.interp(
                np.log(recorded["i_usual"]), np.log(recorded["i_curve"]), np.log(recorded["rest"])
            )
        )
    )
    benches = {row["bench"] for row in rows_of(page, "benches")}
    assert {row["fitted to"] for row in table.values()} == benches
    assert table["i_driver"]["fitted to"] == table["c_driver"]["fitted to"] == "unit"
    assert table["c_drain_n"]["fitted to"] == table["leak_n"]["fitted to"] == "devices"


def test_laws_have_the_residuals_that_their_file_records(
    page: Page, recorded: Mapping[str, Any]
) -> None:
    table = {(row["law"], row["devices"]): row for row in rows_of(page, "laws")}
    assert ("gate voltage, EKV", "NMOS") not in table  # no law of the array
    some = [law for law in recorded["laws"] if law["law"] == "mirror gain"]
    some = [law for law in some if law["polarity"] == "p"]
    home = next(law for law in some if law["temperature"] == 27)
    row = table["mirror gain", "PMOS"]
    assert (row["median"], row["worst"]) == (home["median_weak"], home["worst_weak"])
    assert row["worst to 10 nA"] == home["worst"]
    others = max(law["worst_weak"] for law in some if law is not home)
    assert row["worst elsewhere"] == others


def test_currents_by_class_are_those_that_nodes_carry(page: Page, chip: ChipFacts) -> None:
    """The greatest current of a candidate's diodes, from the candidates of a run."""
    at, design = chip.conditions, chip.design
    own = chip.calibration.at(at.v_dd, temperature=at.temperature, corner=at.corner)
    die = nominal_die(design)
    inputs = chip.subject.inputs
    trace = simulate_behavioral(
        design, own, inputs, [die], temperature=at.temperature, v_dd=at.v_dd
    ).trace
    assert trace.candidates is not None
    devices = Devices(design=design, calibration=own, die=die, temperature=at.temperature)
    ends = [(0.0, 1.0), (1.0, 2.0), (0.0, 1e-15)]
    book = carried(design, own, inputs, temperature=at.temperature, v_dd=at.v_dd, ranges=ends)
    bus = design.buses["c0"]
    c = [trace.candidates[0][0, k, : inputs.lengths[k]] for k in range(inputs.n_seq)]
    amperes, i_q = bus.scale * np.concatenate(c), quiescent(devices, bus)
    plus = amperes / 2 + np.sqrt(amperes**2 / 4 + i_q**2)
    span = book["c0", False]
    assert span.most == pytest.approx(max(plus.max(), (i_q**2 / plus).max()) / bus.units)
    count = 2 * plus.size
    assert (span.below, span.above, span.count) == ((0, count, 0), (0, 0, count), count)
    split = book["c0", True]
    assert split.most == pytest.approx(span.most * bus.units / bus.split)
    table = {(row["unit devices"], row["bench"]): row for row in rows_of(page, "currents_by_class")}
    shown = table["splitters of candidate nodes", "mismatch"]
    highest = max(book[name, True].most for name in ("c0", "c1"))
    assert shown["while sequences run [A] high"] == pytest.approx(highest)
    for row in table.values():
        low, high = row["its range [A] low"], row["its range [A] high"]
        seen = row["while sequences run [A] high"], row["while sequences run [A] low"]
        for far, said in ((seen[0], row["above it"]), (seen[1], row["below it"])):
            assert (said == "") == (far is None)
        if seen[0] is not None:
            assert (row["above it"] != "none") == (seen[0] > high)
            assert (row["below it"] != "none") == (seen[1] < low)
    assert table["bias tree and its legs", "mismatch"]["usual against it"] == "inside"


def test_currents_stand_beside_the_range_of_each_bench(page: Page, chip: ChipFacts) -> None:
    """The unit bench gives its candidate up to three times 1 nA, in four devices of a splitter."""
    usual = chip.calibration.i_usual
    found = {
        row["bench"]: (row["its range [A] low"], row["its range [A] high"])
        for row in rows_of(page, "currents_by_class")
    }
    assert found["mirrors"] == pytest.approx((usual / 10, 10 * usual))
    assert found["mismatch"] == (chip.calibration.i_curve[0], chip.calibration.i_curve[-1])
    assert found["unit"] == pytest.approx((0, 750e-12))
    assert found["trips"] == pytest.approx((0.9 * usual, 1.12 * usual))


def test_currents_stand_at_the_condition_where_what_binds_is_worst_too(
    page: Page, chip: ChipFacts
) -> None:
    """At 85 degC, where the least current is leakage, the second table is of that point alone."""
    held = page.verdict.binding
    assert held is not None
    assert held.point == 1
    at, design = chip.conditions, chip.design
    own = chip.calibration.at(at.v_dd, temperature=85.0, corner=at.corner)
    book = carried(
        design, own, chip.subject.inputs, temperature=85.0, v_dd=at.v_dd, ranges=[(0.0, 1.0)]
    )
    (section,) = [one for one in page.sections if one.key == "range"]
    captions = {table.name: table.caption for table in section.tables}
    assert "at corner tt, 27 °C, 1.8 V over" in captions["currents_by_class"]
    assert "at corner tt, 85 °C, 1.8 V over" in captions["currents_by_class_at_worst"]
    table = {
        (row["unit devices"], row["bench"]): row
        for row in rows_of(page, "currents_by_class_at_worst")
    }
    shown = table["splitters of candidate nodes", "unit"]
    most = max(book[name, True].most for name in ("c0", "c1"))
    assert shown["while sequences run [A] high"] == pytest.approx(most)


def test_the_page_has_a_bench_of_a_splitter_beyond_its_fits(page: Page, chip: ChipFacts) -> None:
    (section,) = [one for one in page.sections if one.key == "range"]
    ((what, deck),) = section.lines
    assert what.startswith("splitter.cir: ")
    own = chip.calibration.at(chip.conditions.v_dd, temperature=85.0, corner="tt")
    found = rows_of(page, "splitter_further_out")
    sizes = [row["unit device of the splitter [A]"] for row in found]
    seen = [
        row["while sequences run [A] high"]
        for name in ("currents_by_class", "currents_by_class_at_worst")
        for row in rows_of(page, name)
        if "splitters" in row["unit devices"]
    ]
    assert max(sizes) == pytest.approx(max(seen))
    assert min(sizes) == pytest.approx(750e-12)
    # Either way of the node's rest, a logarithm of the current further.
    volts = [row["the array's voltage [V]"] for row in found]
    slope = own.signed_slope * temperature_voltage(85.0)
    assert volts[-1] - volts[-3] == pytest.approx(slope * np.log(max(sizes) / 750e-12), rel=1e-3)
    assert (volts[-1] + volts[0]) / 2 == pytest.approx(own.v_signed + own.signed_rest)
    assert ".options temp=85 " in deck
    assert ".include 'models_tt.lib'" in deck


def test_a_condition_off_the_cross_of_the_fits_is_told(page: Page, chip: ChipFacts) -> None:
    (section,) = [one for one in page.sections if one.key == "constants"]
    none = "no point has a temperature and a supply that no fit had together."
    assert any(none in text for text in section.paragraphs)
    assert not any("no fit had together" in text for text in page.warnings)
    constants = chip.calibration
    places = [(27, 1.62), (85, 1.8), (85, 1.62), (50, 1.701)]
    assert [off_cross(constants, *at) for at in places] == [False, False, True, True]


def test_what_a_trip_voltage_misses_is_told_as_a_share_of_a_threshold(
    page: Page, recorded: Mapping[str, Any]
) -> None:
    table = {row["constants"]: row for row in rows_of(page, "constants_act_on")}
    errors = {row["constant"]: row["largest error"] for row in rows_of(page, "fitted_constants")}
    worst = max(errors["v_trip_up"], errors["v_trip_down"])
    slopes = recorded["n"]["conductance"] + recorded["p"]["conductance"]
    said = table["v_trip_up, v_trip_down"]["the largest error amounts to"]
    assert said == pytest.approx(worst * slopes)
    assert sorted(name for names in table for name in names.split(", ")) == sorted(errors)
    text = html.unescape(" ".join(s for one in page.sections for s in one.paragraphs))
    assert "No interval of this page holds the errors of constants" in text


def test_what_an_error_does_is_a_run_with_the_constant_off_by_it(
    page: Page, chip: ChipFacts
) -> None:
    """Leakage of both polarities apart, at the condition where what binds is worst."""
    errors = {row["constant"]: row["largest error"] for row in rows_of(page, "fitted_constants")}
    own = chip.calibration.at(chip.conditions.v_dd, temperature=85.0, corner="tt")
    die = nominal_die(chip.design)

    def ran(constants: Calibration) -> tuple[Any, float]:
        run = simulate_behavioral(
            chip.design, constants, chip.subject.inputs, [die], temperature=85.0, v_dd=own.v_dd
        )
        return run.trace.decision[0], float(energy(run.supply).total[0].mean())

    decision, joules = ran(own)
    changes, otherwise = [], []
    for name in ("leak_n", "leak_p"):
        for way in (1, -1):
            by = 1 + way * errors[name]
            off = own.model_copy(update={name: tuple(by * amp for amp in getattr(own, name))})
            there, energies = ran(off)
            changes.append(energies / joules - 1)
            otherwise.append(int((there != decision).sum()))
    table = {row["constants"]: row for row in rows_of(page, "constants_act_on")}
    row = table["leak_n, leak_p"]
    assert row["decide otherwise"] == max(otherwise)
    assert row["energy moves by low"] == pytest.approx(min(*changes, 0.0))
    assert row["energy moves by high"] == pytest.approx(max(*changes, 0.0))
    assert max(changes) > 1e-6
    trips = moved_by(own, "v_trip_down", 0.0466, relative=False)
    assert trips.v_trip_down == own.v_trip_down + 0.0466
    assert moved_by(own, "n.slope", -0.1, relative=True).n.slope == own.n.slope * 0.9
    spreads = table["mismatch_n, mismatch_p, mismatch_split_n, mismatch_split_p"]
    assert spreads["decide otherwise"] == "none: the nominal die has no mismatch"
    text = html.unescape(" ".join(s for one in page.sections for s in one.paragraphs))
    assert "the nominal die at corner tt, 85 °C, 1.8 V, with each constant off either way" in text


def test_design_yaml_of_the_page_is_the_design(page: Page, chip: ChipFacts, tmp_path: Path) -> None:
    (section,) = [one for one in page.sections if one.key == "reproduction"]
    (text,) = [text for what, text in section.lines if what.startswith("DESIGN.yaml")]
    assert yaml.safe_load(text) == DESIGN
    (tmp_path / "DESIGN.yaml").write_text(text, encoding="utf-8")
    assert read_options(tmp_path / "DESIGN.yaml") == chip.design.options
    assert any("--design DESIGN.yaml" in text for _, text in section.lines)


def test_the_commit_of_the_sweep_and_of_the_page_are_two_things(
    store: Path, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = versions.code()
    said = {row["what"]: row["value"] for row in rows_of(page, "conditions")}["code of the sweep"]
    with open_run(store) as run:
        facts = {name: value for name, value in run.facts.items() if name.startswith("code.")}
        assert facts == {f"code.{name}": value for name, value in known.items()}
        if known:  # a checkout
            assert re.fullmatch("[0-9a-f]{40,64}", known["commit"])
            assert known["files"] in said
            assert known["commit"] in said
        monkeypatch.setenv("PATH", "")
        versions.code.cache_clear()
        try:
            later = make_page(run, again=InShell())
        finally:
            versions.code.cache_clear()
    own = {row["what"]: row["value"] for row in rows_of(later, "page")}["code of the page"]
    assert own.startswith("commit not known")
    assert {row["what"]: row["value"] for row in rows_of(later, "conditions")}[
        "code of the sweep"
    ] == said


def test_units_have_their_symbols_and_no_backtick_is_shown(page: Page, tmp_path: Path) -> None:
    write_page(page, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    text = re.sub('<style>.*?</style>|<pre.*?</pre>|src="[^"]*"', "", text, flags=re.DOTALL)
    text = html.unescape(re.sub("<[^>]+>", " ", text))
    assert "`" not in text
    assert not re.findall(r"\d u[AVWJFms]\b|degC|\bum2?\b|\bk?[Oo]hm\b", text)
    assert "500 nm" in text
    assert "4 µm" in text


def test_published_systems_of_another_task_are_no_comparison(store: Path, chip: ChipFacts) -> None:
    with open_run(store) as run:
        told = verdict(run, statistics(run))

        def of(task: str | None) -> tuple[str, list[dict[str, Any]]]:
            config = {} if task is None else {"config": {"task": {"name": task}}}
            spec = chip.model.spec.model_copy(update={"provenance": config})
            model = dataclasses.replace(chip.model, spec=spec)
            section = published(run, told, dataclasses.replace(chip, model=model))
            return section.paragraphs[0], list(section.tables[0].plain())

        said, table = of("digits")
        assert said.startswith("No published system of this table has the task of this network (d")
        assert table[0]["task"] == f"digits: {chip.model.spec.n_classes} classes"
        assert len(table) == 1 + len(PUBLISHED)
        said, _ = of("speech_commands")
        assert said.startswith("Of the same data (speech_commands): First-quadrant BMRU network")
        said, table = of(None)
        assert said.startswith("Which task this network has is not known here")
        assert table[0]["task"] == "not known here"


def test_a_network_that_is_not_at_hand_leaves_the_constants(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "alone.sqlite"
    copy.write_bytes(store.read_bytes())
    with open_run(copy) as run:
        assert isinstance(find_chip(run, InShell()), str)
        page = make_page(run, again=InShell())
    keys = {section.key for section in page.sections}
    assert "constants" in keys
    assert "range" not in keys
    assert len(rows_of(page, "fitted_constants")) == 30
    (section,) = [one for one in page.sections if one.key == "constants"]
    assert any("energy of this chip was not run here" in text for text in section.paragraphs)
    assert set(rows_of(page, "constants_act_on")[0]) == {
        *("constants", "act on", "the largest error amounts to"),
    }
