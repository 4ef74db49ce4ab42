"""Every number of a page's verdict and cards, by another road: SQL by hand on the store."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import stats

import mru_hw
from mru_hw.cli.app import run as command
from mru_hw.mapping import map_model
from mru_hw.report.again import InPython, plan_texts, spice_plan, written
from mru_hw.report.data import write_data
from mru_hw.report.page import Page, make_page, write_page
from mru_hw.spice.chip import CHIP_CELL, chip_deck
from mru_hw.spice.decoupling import decoupling
from mru_hw.spice.flatten import flatten
from mru_hw.sweeps.plan import Plan, read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.statistics.stopping import read_until
from mru_hw.sweeps.told import percent
from mru_hw.sweeps.view import open_run
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.units import render
from tests.mistakes import sentence
from tests.reports import ask, made, rows_of, swept
from tests.sweeps import BLOCKS, parts_of, small_model, write_case

LOSS, ENERGY = 0.05, 15.5e-9
AXES = [
    {"axis": "corner", "values": ["tt", "ff"]},
    {"axis": "temperature", "values": [27, 85]},
    {"axis": "v_dd", "values": [1.8, 1.98]},
]
BREAKS = f"(s.accuracy - r.accuracy > {LOSS} + 1e-12 OR r.energy_mean > {ENERGY})"
JOINED = (
    "FROM result r JOIN reference s ON s.name = 'software' JOIN point p ON p.number = r.point "
    "WHERE json_extract(p.settings, '$.corner') = ?"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("numbers")
    spec = {"loss": {"at_most": LOSS}, "energy": {"at_most": ENERGY}}
    return swept(write_case(folder, n_dies=12, axes=AXES, spec=spec))


@pytest.fixture(scope="module")
def page(store: Path) -> Page:
    return made(store)


def one(store: Path, query: str, *values: Any) -> Any:
    ((found,),) = ask(store, query, *values)
    return found


def card(page: Page, label: str) -> tuple[str, str]:
    (found,) = [c for c in page.cards if c.label.startswith(label)]
    return found.value, found.confidence


@pytest.mark.parametrize("corner", ["tt", "ff"])
def test_yields_are_those_of_the_store(store: Path, page: Page, corner: str) -> None:
    dies = one(store, f"SELECT count(DISTINCT r.die) {JOINED}", corner)
    broken = one(store, f"SELECT count(DISTINCT r.die) {JOINED} AND {BREAKS}", corner)
    assert dies == 12
    passed = dies - broken
    (found,) = [y for y in page.verdict.corners if y.settings["corner"] == corner]
    assert (found.dies, found.passed) == (dies, passed)
    test = stats.binomtest(passed, dies).proportion_ci(0.95, "exact")
    assert found.band is not None
    assert (found.band.low, found.band.high) == pytest.approx((test.low, test.high))
    text = " ".join(page.paragraph)
    assert f"{corner} {100 * passed / dies:.1f} %" in text
    if corner == "tt":
        assert f"{100 * passed / dies:.2f} %, {passed} of {dies} dies pass" in text
        value, sure = card(page, "yield, mismatch alone at corner tt")
        assert value == f"{100 * passed / dies:.2f} %"
        assert sure == (
            f"{100 * test.low:.2f} % to {100 * test.high:.2f} %; {passed} of {dies} dies at all 4 "
            "conditions of the corner: 27 °C and 85 °C with 1.8 V and 1.98 V; 4 of 4 points "
            "doubtful"
        )


def test_the_specification_names_the_worst_run_and_its_die(store: Path, page: Page) -> None:
    rows = rows_of(page, "specification")
    assert len(rows) == 4
    for row in rows:
        corner = "ff" if "ff" in row["population"] else "tt"
        figure, limit, unit = (
            ("r.energy_mean", ENERGY, "J")
            if row["limit"].startswith("energy")
            else ("s.accuracy - r.accuracy", LOSS, "")
        )
        worst = one(store, f"SELECT max({figure}) {JOINED}", corner)
        broken = one(
            store, f"SELECT count(DISTINCT r.die) {JOINED} AND {figure} > ? + 1e-12", corner, limit
        )
        assert row["worst run"] == pytest.approx(worst, abs=1e-12)
        assert row["margin"] == pytest.approx(limit - worst, abs=1e-12)
        assert row["worst run: unit"] == row["margin: unit"] == unit
        assert row["broken by"] == broken
        seeds = ask(store, f"SELECT r.seed {JOINED} AND abs({figure} - ?) < 1e-15", corner, worst)
        assert (row["die (seed)"],) in seeds


def test_cards_are_those_of_the_store(store: Path, page: Page) -> None:
    point = page.verdict.point
    accuracy, joules, n = ask(
        store, "SELECT avg(accuracy), avg(energy_mean), count(*) FROM result WHERE point = ?", point
    )[0]
    seconds = one(store, "SELECT avg(seconds) FROM sequence")
    inputs = one(store, "SELECT input_energy FROM point WHERE number = ?", point)
    software = one(store, "SELECT accuracy FROM reference WHERE name = 'software'")
    ideal = one(store, "SELECT accuracy FROM reference WHERE name = 'ideal'")
    nominal = one(store, "SELECT accuracy FROM reference WHERE name = 'nominal'")
    assert n == 12
    value, sure = card(page, "accuracy, mean of 12 dies")
    assert value == f"{100 * accuracy:.2f} %"
    assert "; at corner tt, 27 °C, 1.8 V; " in sure
    trained, steps = card(page, "accuracy as trained")
    assert trained == f"{100 * software:.2f} %"
    assert steps == (
        f"20 sequences; in software, at no condition; {100 * ideal:.2f} % mapped and rounded, at "
        "none either; "
        f"{100 * nominal:.2f} % nominal die at the technology's own condition"
    )
    assert card(page, "energy of a sequence")[0] == render(joules, "J")
    assert card(page, "supply power")[0] == render(joules / seconds, "W")
    assert card(page, "delivered by the input")[0] == render(inputs, "J")
    places = ("at corner ", "at all ", "at no condition", "at every condition")
    assert all(any(place in found.confidence for place in places) for found in page.cards)
    text = " ".join(page.paragraph)
    for words in (
        f"A sequence, which is one decision, takes {render(joules, 'J')} on average, "
        f"{render(joules / seconds, 'W')}, at corner tt, 27 °C, 1.8 V",
        f"the input sources deliver {render(inputs, 'J')} beside it",
        f"right in {100 * software:.2f} % of 20 sequences as trained",
        f"sequences of {render(seconds, 's')} on average into 3 classes",
    ):
        assert words in text
    values = ask(store, "SELECT energy_mean FROM result WHERE point = ?", point)
    low, high = stats.ttest_1samp([v for (v,) in values], 0).confidence_interval(0.95)
    said = card(page, "energy of a sequence")[1]
    assert said.startswith(f"mean {render(low, 'J')} to {render(high, 'J')}; dies ")


def test_conditions_of_a_corner_and_of_the_sweep_are_told_apart(page: Page) -> None:
    (section,) = [one for one in page.sections if one.key == "specification"]
    said = " ".join(section.paragraphs)
    assert "asks for all 8 conditions of the sweep: 4 of corner tt, 4 of corner ff. " in said
    assert "at all 4 conditions of the corner: 27 °C and 85 °C with 1.8 V and 1.98 V: " in said
    assert " of 8 conditions; " in page.paragraph[0]


def test_points_that_are_no_conditions_are_told_apart(tmp_path: Path) -> None:
    axes = [
        {"axis": "i_unit", "values": ["1 nA", "500 pA"]},
        {"axis": "temperature", "values": [27, 85]},
    ]
    spec = {"temperature": [27], "loss": {"at_most": LOSS}}
    page = made(swept(write_case(tmp_path, n_dies=2, axes=axes, spec=spec)))
    (section,) = [one for one in page.sections if one.key == "specification"]
    said = " ".join(section.paragraphs)
    assert "asks for 1 of 2 conditions of the sweep. The 4 points of the sweep are these" in said


def test_a_small_share_is_not_written_as_none() -> None:
    assert [percent(share) for share in (0.0, 4e-5, 6e-5, -4e-5, None)] == [
        *("0.00 %", "<0.01 %", "0.01 %", ">-0.01 %", "not measured")
    ]
    assert percent(4e-4, 1) == "<0.1 %"
    assert [percent(share) for share in (0.99999, 1.0)] == [">99.99 %", "100.00 %"]
    assert percent(4e-5).numbers == (4e-5,)


def test_area_is_that_of_the_deck(store: Path, page: Page) -> None:
    technology = load_technology("generic180")
    design = map_model(small_model(), technology, load_calibration(technology))
    devices = [d for d in flatten(chip_deck(design), CHIP_CELL, technology) if d.kind == "m"]
    gates = sum(d.values["w"] * d.values["l"] * d.values["m"] for d in devices)
    value, sure = card(page, "gate area")
    assert value == f"{gates * 1e12:,.0f} µm²"
    assert f"{len(devices):,} transistors" in sure
    *parts, total = rows_of(page, "area_by_block")
    assert total["gate area [m^2]"] == pytest.approx(gates)
    assert sum(row["gate area [m^2]"] for row in parts) == pytest.approx(gates)


def test_totals_are_the_sums_of_their_parts(store: Path, page: Page) -> None:
    point = page.verdict.point
    runs = ask(store, "SELECT blocks FROM result WHERE point = ?", point)
    stored = np.mean([list(parts_of(blob).values()) for (blob,) in runs], axis=0)
    seconds = one(store, "SELECT avg(seconds) FROM sequence")
    for name in ("power_by_block", "power_by_layer", "power_by_circuit"):
        *parts, total = rows_of(page, name)
        for column in ("power [W]", "static [W]", "switching [W]"):
            assert sum(row[column] for row in parts) == pytest.approx(total[column], rel=1e-9)
        assert total["static [W]"] + total["switching [W]"] == pytest.approx(total["power [W]"])
        assert sum(row["share"] for row in parts) == pytest.approx(1)
    *parts, total = rows_of(page, "power_by_block")
    by_name = {row["block"]: row for row in parts}
    for block, (static, switching) in zip(BLOCKS, stored, strict=True):
        assert by_name[block]["static [W]"] == pytest.approx(static / seconds)
        assert by_name[block]["switching [W]"] == pytest.approx(switching / seconds)
    joules = one(store, "SELECT avg(energy_mean) FROM result WHERE point = ?", point)
    assert total["energy [J]"] == pytest.approx(joules)


def test_one_sequence_is_drawn_from_what_the_chip_does(store: Path, page: Page) -> None:
    (picture,) = [p for s in page.sections for p in s.pictures if p.name == "sequence"]
    (number,) = re.findall(r"^Sequence (\d+) ", picture.caption)
    chip = mru_hw.Chip(store.parent / "model")
    one_of = slice(int(number), int(number) + 1)
    run = chip.run(store.parent / "inputs.npz", sequences=one_of)
    frames = len(picture.data["time [s]"])
    for block, joules in run.energy.blocks.items():
        watts = picture.data[f"power of {block} [W]"]
        assert sum(watts) / frames * run.seconds[0] == pytest.approx(joules[0])
    unit = re.findall(r"candidate of unit (\d+)$", next(n for n in picture.data if "unit" in n))[0]
    shown = picture.data[f"candidate of unit {unit}"]
    assert shown == pytest.approx(run.candidates[0][0, :frames, int(unit)].tolist())
    for k in range(3):
        assert picture.data[f"output {k}"] == pytest.approx(run.output[0, :frames, k].tolist())


def test_every_condition_has_its_dies(store: Path, page: Page) -> None:
    for corner in ("tt", "ff"):
        rows = rows_of(page, f"conditions_{corner}")
        assert [row["temperature"] for row in rows] == ["27 °C", "85 °C"]
        for row, temperature in zip(rows, (27, 85), strict=True):
            for supply in (1.8, 1.98):
                at = (
                    "AND json_extract(p.settings, '$.temperature') = ? "
                    "AND json_extract(p.settings, '$.v_dd') = ?"
                )
                broken = one(
                    store,
                    f"SELECT count(*) {JOINED} {at} AND {BREAKS}",
                    *(corner, temperature, supply),
                )
                assert row[f"{supply:g} V"] == pytest.approx(1 - broken / 12)


def test_the_worst_dies_are_the_worst(store: Path, page: Page) -> None:
    failed = dict(
        ask(store, f"SELECT r.seed, count(*) {JOINED} AND {BREAKS} GROUP BY r.seed", "tt")
    )
    least = dict(ask(store, f"SELECT r.seed, min(r.accuracy) {JOINED} GROUP BY r.seed", "tt"))
    wanted = sorted(least, key=lambda seed: (-failed.get(seed, 0), least[seed], seed))[:10]
    rows = rows_of(page, "worst_dies_tt")
    assert [row["die (seed)"] for row in rows] == wanted
    for row in rows:
        assert row["fails at"] == failed.get(row["die (seed)"], 0)
        assert row["accuracy there"] == pytest.approx(least[row["die (seed)"]])


def test_the_command_of_a_worst_die_runs_it_again(
    store: Path, page: Page, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(store.parent)
    row = rows_of(page, "worst_dies_tt")[0]
    words = row["run again"].split()
    assert words[:2] == ["mru-hw", "explain"]
    assert command([*words[1:], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["die"] == row["die (seed)"]
    assert told["accuracy"] == pytest.approx(row["accuracy there"])


# --------------------------------------------------------------------------------------- files


def test_data_has_every_table_and_figure(store: Path, page: Page, tmp_path: Path) -> None:
    out = tmp_path / "data"
    with open_run(store) as run:
        write_data(page, run, out)
    index = json.loads((out / "index.json").read_text())
    tables = [t for s in page.sections for t in s.tables]
    assert len(index["tables"]) == len(tables)
    assert len(index["figures"]) == sum(len(s.pictures) for s in page.sections)
    assert page.verdict.judged is not None
    assert index["verdict"]["judged"]["passed"] == page.verdict.judged.passed
    for entry, found in zip(index["tables"], tables, strict=True):
        rows = json.loads((out / f"{entry['name']}.json").read_text())
        with (out / f"{entry['name']}.csv").open(newline="") as stream:
            listed = list(csv.DictReader(stream))
        assert len(rows) == len(listed) == len(found.rows)
        for row, line in zip(rows, listed, strict=True):
            shown = {k: "" if v is None else str(v) for k, v in row.items()}
            assert {k: line[k] for k in shown} == shown
    for entry in index["figures"]:
        assert "<svg" in (out / f"{entry['name']}.svg").read_text()
        with (out / f"{entry['name']}.csv").open(newline="") as stream:
            assert len(list(csv.DictReader(stream))) > 0
    # An earlier page's are replaced, what else stands there is not.
    with open_run(store) as run:
        write_data(page, run, out)
    (out / "notes.txt").write_text("mine")
    with open_run(store) as run:
        assert "an earlier report's data" in sentence(lambda: write_data(page, run, out))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "a.txt").write_text("mine")
    with open_run(store) as run:
        told = sentence(lambda: write_data(page, run, mine))
    assert told.startswith(f'data is "{mine}", expected a new path or ')


def test_without_a_browser_the_page_is_written_and_said(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    out, pdf = tmp_path / "report.html", tmp_path / "report.pdf"
    assert command(["report", str(store), "--out", str(out), "--pdf", str(pdf)]) == 0
    said = capsys.readouterr().err
    assert said.startswith(f"{pdf} was not written: printing needs a browser, one of chromium, ")
    assert out.is_file()
    assert not pdf.exists()


def test_the_plan_of_a_page_is_the_plan_of_the_sweep(store: Path) -> None:
    with open_run(store) as run:
        ((_, text),) = plan_texts(run)
        (stored,) = run.plans.values()
    assert "null" not in text
    again = Plan.model_validate(yaml.safe_load(text))
    assert again == Plan.model_validate(stored)
    # What is no quantity with its unit has it beside its key.
    assert "- axis: temperature\n  values:  # °C\n" in text
    assert "  - 1.98 V\n" in text
    assert "  signal_current: 1.0  # i_unit\n" in text
    assert "  loss:  # shares\n" in text


def test_a_plan_in_ngspice_states_its_supply_with_its_unit(store: Path) -> None:
    with open_run(store) as run:
        text = spice_plan(run, run.points[-1])
    assert "- axis: temperature\n  values:  # °C\n  - 85.0\n" in text
    assert "- axis: v_dd\n  values:\n  - 1.98 V\n" in text
    Plan.model_validate(yaml.safe_load(text))


@pytest.mark.parametrize("name", ["a\ntemperature: 3\nb", "x" + " y" * 50 + " temperature: 3"])
def test_a_name_that_looks_like_a_key_is_written_as_it_is(name: str) -> None:
    assert yaml.safe_load(written({"model": name, "spec": {"temperature": [27.0]}})) == {
        "model": name,
        "spec": {"temperature": [27.0]},
    }


def test_the_peak_of_the_supply_has_its_wave_where_what_binds_is_worst(
    store: Path, page: Page
) -> None:
    held, chip = page.verdict.binding, page.chip
    assert held is not None
    assert chip is not None
    (section,) = [one for one in page.sections if one.key == "power"]
    (said,) = [text for text in section.paragraphs if "Not known, at any condition" in text]
    there = dataclasses.replace(chip.conditions, corner="ff", v_dd=1.98)
    asked = decoupling(chip.design, chip.calibration, there)
    assert asked is not None
    watts = one(
        store,
        "SELECT avg(r.energy_mean) / (SELECT avg(seconds) FROM sequence) FROM result r "
        "WHERE r.point = ?",
        held.point,
    )
    assert said.startswith(
        f"At corner ff, 27 °C, 1.98 V, where what binds is worst, a strobe asks for "
        f"{render(asked.charge, 'C')} at most and the mean current is {render(watts / 1.98, 'A')} "
    )
    (section,) = [one for one in page.sections if one.key == "reproduction"]
    ((what, text),) = [line for line in section.lines if line[0].startswith("The wave of")]
    assert "at corner tt, 27 °C, 1.8 V and at corner ff, 27 °C, 1.98 V: " in what
    place = "--inputs inputs.npz --tech generic180 --corner ff --temperature 27 --vdd 1.98"
    assert f"mru-hw netlist model {place} --out wave1\n(cd wave1 && ngspice -b " in text
    with open_run(store) as run:
        calls = InPython().wave(run, run.points[0], "wave0").splitlines()
    assert calls[0] == (
        "Chip('model', 'generic180').netlist('wave0', inputs='inputs.npz', corner='tt', "
        "temperature=27, v_dd=1.8)"
    )


def test_a_terminal_has_the_verdict_as_a_table(
    store: Path, tmp_path: Path, page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.html"
    assert command(["report", str(store), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    first, *lines = text.splitlines()
    assert first == f"{out}: 96 runs, the sweep is complete."
    assert lines[0].split()[0] == "specification"
    assert page.verdict.energy is not None
    assert render(page.verdict.energy.value, "J") in text
    assert "what binds" in text
    assert max(map(len, lines)) <= 80


def test_a_notebook_and_python_have_the_verdict(store: Path, page: Page, tmp_path: Path) -> None:
    found = mru_hw.read_sweep(store)
    with open_run(store) as run:
        assert found.verdict().as_data(run) == page.verdict.as_data(run)
    table = found._repr_html_()
    assert table.count("<tr>") == table.count("</tr>") > 10
    assert "what binds" in table
    assert "level" in table
    # The facts alone where the file is gone.
    copy = tmp_path / "gone.sqlite"
    copy.write_bytes(store.read_bytes())
    gone = mru_hw.read_sweep(copy)
    copy.unlink()
    assert "what binds" not in gone._repr_html_()
    assert "level" in gone._repr_html_()


def test_a_sweep_that_its_yield_stopped_has_the_interval_that_holds_then(tmp_path: Path) -> None:
    plan = read_plan(write_case(tmp_path, n_dies=200, spec={"loss": {"at_most": 0.2}}))
    out = tmp_path / "run.sqlite"
    run_sweep({"sweep": plan}, tmp_path, out, workers=1, until=read_until("yield ±20 %"))
    with open_run(out) as run:
        assert run.until is not None
        (told,) = run.until["populations"]
        judged = make_page(run).verdict.judged
    assert judged is not None
    assert judged.band is not None
    assert (judged.band.low, judged.band.high) == (told["low"], told["high"])
    assert (judged.dies, judged.passed / judged.dies) == (told["dies"], told["value"])


# ---------------------------------------------------------------------------------- comparison


def test_two_runs_stand_side_by_side(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    plan = read_plan(write_case(folder, n_dies=4, design={"i_unit": "500 pA"}))
    run_sweep({"sweep": plan}, folder, folder / "half.sqlite", workers=1)
    out = tmp_path / "report.html"
    with open_run(store) as first, open_run(folder / "half.sqlite") as second:
        found = make_page(first, others=[second])
        write_page(found, out)
    (compared,) = [t for s in found.sections for t in s.tables if t.name == "comparison"]
    assert compared.head == ("", "run.sqlite", "half.sqlite")
    rows = {row[0]: row[1:] for row in compared.rows}
    means = [
        one(path, "SELECT avg(energy_mean) FROM result WHERE point = 0")
        for path in (store, folder / "half.sqlite")
    ]
    assert rows["energy of a sequence"] == [render(mean, "J") for mean in means]
    assert rows["dies, sequences"] == ["12, 20", "4, 20"]
    assert "They are judged by different specifications" in out.read_text()


# ------------------------------------------------------------------------------- what is shown


class Shape(HTMLParser):
    """What a reader without eyes has of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.tables, self.captions, self.bare = 0, 0, 0
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in {"h1", "h2", "h3"}:
            self.headings.append(int(tag[1]))
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.bare += tag == "th" and found.get("scope") not in {"col", "row"}
        if "id" in found:
            self.ids.append(str(found["id"]))


def test_headings_captions_and_scopes(page: Page, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_page(page, out)
    shape = Shape(out.read_text())
    assert shape.headings[0] == 1
    assert shape.headings.count(1) == 1
    steps = zip(shape.headings, shape.headings[1:], strict=False)
    assert all(later - before <= 1 for before, later in steps)
    assert shape.tables == shape.captions > 10
    assert shape.bare == 0
    assert len(shape.ids) == len(set(shape.ids))
    assert out.stat().st_size < 3_000_000
    text = out.read_text()
    assert text.index("Pre-layout, models only, no silicon") < text.index("<h1>")


def test_the_nominal_die_of_each_point_is_run_at_its_own_condition(store: Path, page: Page) -> None:
    rows = rows_of(page, "points")
    assert [row["point"] for row in rows] == list(range(len(rows)))
    base = page.verdict.point
    assert page.verdict.nominal is not None
    assert rows[base]["nominal die"] == pytest.approx(page.verdict.nominal)
    assert all(0 <= row["nominal die"] <= 1 for row in rows)


def test_a_page_says_what_no_figure_covers(page: Page) -> None:
    said = " ".join(page.boundary)
    for what in ("Timing is settled", "Device noise is off", "No lot was drawn", "corner"):
        assert what in said
    assert "up to 125 °C" in said


def test_accuracies_are_drawn_where_their_limit_binds_too(tmp_path: Path) -> None:
    axes = [{"axis": "v_dd", "values": [1.98, 1.62]}, {"axis": "mismatch_scale", "values": [8]}]
    store = swept(write_case(tmp_path, n_dies=12, axes=axes, spec={"loss": {"at_most": 0.01}}))
    page = made(store)
    binding = page.verdict.binding
    assert binding is not None
    pictures = {p.name: p for section in page.sections for p in section.pictures}
    assert binding.point != page.verdict.point
    at = "SELECT accuracy FROM result WHERE point = ? ORDER BY die"
    for name, point in (
        ("accuracy_of_dies", page.verdict.point),
        ("accuracy_where_it_binds", binding.point),
    ):
        drawn = pictures[name].data["accuracy"]
        assert list(drawn) == [accuracy for (accuracy,) in ask(store, at, point)]
