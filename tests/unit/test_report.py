"""The page that shows a sweep, and the summary beside it."""

from __future__ import annotations

import base64
import contextlib
import json
import sqlite3
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from mru_hw.cli.app import run as command
from mru_hw.errors import RunStatus
from mru_hw.report.page import MARKER, write_report
from mru_hw.report.summary import empty_summary, sweep_summary
from mru_hw.report.uncovered import BOUNDARY
from mru_hw.sweeps.axes import AXES as AXES_KNOWN
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from tests.mistakes import sentence
from tests.sweeps import write_case

SUMMARY = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "summary.schema.json").read_text()
)
AXES = [
    {"axis": "mismatch_scale", "values": [0, 1, 20]},
    {"axis": "temperature", "values": [27, 85]},
]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swept")
    plan = read_plan(write_case(folder, n_dies=6, axes=AXES))
    run_sweep({"sweep": plan}, folder, folder / "run.sqlite", workers=1)
    return folder / "run.sqlite"


@pytest.fixture
def store(swept: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    copy = tmp_path / "run.sqlite"
    copy.write_bytes(swept.read_bytes())
    return copy


def change(store: Path, *statements: str) -> None:
    db = sqlite3.connect(store)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def page(store: Path, out: Path) -> str:
    with open_run(store) as run:
        write_report(run, out)
    return out.read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Collects tags, attributes and text as a browser would."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, tag: str, name: str) -> list[str]:
        return [value for t, n, value in self.attributes if (t, n) == (tag, name)]


def test_the_page_stands_alone_and_runs_nothing(swept: Path, tmp_path: Path) -> None:
    text = page(swept, tmp_path / "report.html")
    reader = Reader(text)
    assert text.startswith(MARKER)
    assert {"script", "link", "iframe", "object", "form"}.isdisjoint(reader.tags)
    # Links lead from the head of the page to its sections, and nowhere else.
    places = set(reader.values("section", "id"))
    assert {link.removeprefix("#") for link in reader.values("a", "href")} <= places
    assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
    policy = [v for v in reader.values("meta", "content") if "default-src" in v]
    assert policy == [
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'"
    ]
    sources = reader.values("img", "src")
    assert len(sources) == 21
    for source in sources:
        kind, _, data = source.partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert ET.fromstring(base64.b64decode(data)).tag.endswith("svg")
    assert all(reader.values("img", "alt"))
    assert "http" not in text.replace("http-equiv", "")


def test_the_page_says_what_it_rests_on(swept: Path, tmp_path: Path) -> None:
    reader = Reader(page(swept, tmp_path / "report.html"))
    shown = " ".join(reader.text.split())
    for line in BOUNDARY:
        assert line in shown
    with open_run(swept) as run:
        for name, value in run.facts.items():
            if name.startswith(("hash.", "version.", "machine.")):
                assert value in shown
        assert run.digest() in shown
        base = run.base
        assert (base.settings["mismatch_scale"], base.settings["temperature"]) == (1, 27)
        assert f"{100 * base.accuracy.mean():.2f} %" in shown
        assert f"{100 * run.references['software']:.2f} %" in shown
    assert "what legs off resting rails leak are those of the temperature" in shown
    assert "leakage is not" not in shown
    assert "Beyond 2 times the mismatch" in shown
    assert "not complete" not in shown


def test_the_same_sweep_gives_the_same_page(swept: Path, tmp_path: Path) -> None:
    assert page(swept, tmp_path / "a.html") == page(swept, tmp_path / "b.html")


def test_text_of_a_store_is_text_and_nothing_else(store: Path, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>$\\\\frac"
    change(
        store,
        f"UPDATE run SET value = '{evil}' WHERE name LIKE 'machine.%' OR name LIKE 'version.%'",
        f"UPDATE point SET study = '{evil}'",
        f"UPDATE reference SET name = '{evil}' WHERE name = 'ideal'",
    )
    with contextlib.closing(sqlite3.connect(store)) as db, db:
        ((plans,),) = db.execute("SELECT value FROM run WHERE name = 'plans'")
        (plan,) = json.loads(plans).values()
        plans = json.dumps({evil: plan | {"inputs": evil}})
        db.execute("UPDATE run SET value = ? WHERE name = 'plans'", (plans,))
    text = page(store, tmp_path / "report.html")
    reader = Reader(text)
    assert "script" not in reader.tags
    assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
    assert evil in reader.text
    assert all(source.startswith("data:") for source in reader.values("img", "src"))


def test_an_unfinished_sweep_and_failed_runs_are_said(store: Path, tmp_path: Path) -> None:
    change(
        store,
        "UPDATE run SET value = 'false' WHERE name = 'complete'",
        "DELETE FROM result WHERE point = 5",
        "UPDATE result SET status = 'TIMED_OUT', accuracy = NULL, decision = NULL, energy = NULL, "
        "energy_mean = NULL, blocks = NULL WHERE point = 4 OR (point = 2 AND die < 2)",
    )
    text = Reader(page(store, tmp_path / "report.html")).text
    assert "This sweep is not complete: 30 of 36 runs are stored." in text
    assert f"8 of 30 runs failed and count in no mean: {RunStatus.TIMED_OUT.value}" in text
    with open_run(store) as run:
        assert run.base.number == 2
        assert len(run.base.accuracy) == 4
        assert run.base.failed == {RunStatus.TIMED_OUT: 2}
        assert run.points[4].n_runs == 6
        assert sweep_summary(run)["complete"] is False


def test_a_sweep_without_a_single_result_has_a_page(store: Path, tmp_path: Path) -> None:
    change(store, "UPDATE run SET value = 'false' WHERE name = 'complete'", "DELETE FROM result")
    reader = Reader(page(store, tmp_path / "report.html"))
    assert "0 of 36 runs are stored" in reader.text
    with open_run(store) as run:
        Draft202012Validator(SUMMARY).validate(sweep_summary(run))


def test_summaries_fit_the_schema_and_add_up(swept: Path) -> None:
    validator = Draft202012Validator(SUMMARY)
    validator.validate(empty_summary())
    with open_run(swept) as run:
        summary = sweep_summary(run)
        validator.validate(summary)
        base = run.base
        energies = run.energies(base)
        assert energies.shape == (6, 20)
        assert summary["accuracy"]["dies"]["n"] == 6
        assert summary["accuracy"]["dies"]["mean"] == base.accuracy.mean()
        assert summary["energy_per_sequence_J"]["mean"] == pytest.approx(energies.mean())
        joules_over_seconds = energies.sum() / (6 * run.duration.sum())
        assert summary["power_W"]["mean"] == pytest.approx(joules_over_seconds)
        blocks = sum(sum(pair) for pair in base.blocks.values())
        assert blocks == pytest.approx(energies.mean())


# ------------------------------------------------------------------------------------- refusal


def test_a_page_of_somebody_else_is_left_alone(swept: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.write_text("<!doctype html>\n<p>mine</p>")
    expected = f'out is "{out}", expected a new path or an earlier report.'
    assert sentence(lambda: page(swept, out)) == expected
    assert "mine" in out.read_text()
    out.unlink()
    first = page(swept, out)
    assert page(swept, out) == first


def setting(name: str, old: str, new: str) -> str:
    """Return the statement that changes a setting of points, both values as JSON has them."""
    found, put = (f'"{name}": {value}' for value in (old, new))
    return f"UPDATE point SET settings = replace(settings, '{found}', '{put}')"


MINUS_ONE, INFINITY, NOT_A_NUMBER = (np.float64(v).tobytes().hex() for v in (-1, np.inf, np.nan))
DAMAGE: list[tuple[str, tuple[str, ...]]] = [
    ("another application", ("PRAGMA application_id=1",)),
    ("a missing table", ("DROP TABLE sequence",)),
    ("no points", ("DELETE FROM point",)),
    ("no sequences", ("DELETE FROM sequence",)),
    ("an unknown status", ("UPDATE result SET status = 'X'",)),
    ("text for a number", ("UPDATE result SET accuracy = 'high'",)),
    ("blocks that are text", ("UPDATE result SET blocks = '{}'",)),
    ("blocks that are short", ("UPDATE result SET blocks = x'00'",)),
    ("a view", ("CREATE VIEW v AS SELECT 1",)),
    ("a trigger", ("CREATE TRIGGER t AFTER INSERT ON run BEGIN SELECT 1; END",)),
    ("plans that are no JSON", ("UPDATE run SET value = 'x' WHERE name = 'plans'",)),
    ("a short blob", ("UPDATE result SET energy = x'00'",)),
    ("an accuracy above 1", ("UPDATE result SET accuracy = 3.5 WHERE die = 2",)),
    ("an accuracy below 0", ("UPDATE result SET accuracy = -0.1 WHERE die = 2",)),
    ("no accuracy", ("UPDATE result SET accuracy = NULL WHERE die = 2",)),
    ("an accuracy without end", ("UPDATE result SET accuracy = 9e999 WHERE die = 2",)),
    ("an accuracy of bytes", ("UPDATE result SET accuracy = x'31' WHERE die = 2",)),
    (
        "an accuracy that its decisions have not",
        ("UPDATE result SET accuracy = 1 - accuracy WHERE die = 2",),
    ),
    ("decisions of no class", (f"UPDATE result SET decision = x'{'ff' * 40}' WHERE die = 2",)),
    ("other decisions", (f"UPDATE result SET decision = x'{'0100' * 20}' WHERE die = 2",)),
    ("no decisions", ("UPDATE result SET decision = NULL WHERE die = 2",)),
    ("an energy below 0", (f"UPDATE result SET energy = x'{MINUS_ONE * 20}' WHERE die = 2",)),
    ("an energy without end", (f"UPDATE result SET energy = x'{INFINITY * 20}' WHERE die = 2",)),
    ("an energy that is none", (f"UPDATE result SET energy = x'{NOT_A_NUMBER * 20}'",)),
    ("no energy", ("UPDATE result SET energy = NULL WHERE die = 2",)),
    ("another mean energy", ("UPDATE result SET energy_mean = 2 * energy_mean WHERE die = 2",)),
    ("a mean energy below 0", ("UPDATE result SET energy_mean = -energy_mean WHERE die = 2",)),
    ("blocks without end", (f"UPDATE result SET blocks = x'{INFINITY * 8}'",)),
    ("half a block", (f"UPDATE result SET blocks = x'{(NOT_A_NUMBER + '00' * 8) * 4}'",)),
    ("plans without end", (f"UPDATE run SET value = '{'[' * 10**5}' WHERE name = 'plans'",)),
    ("no blocks", ("UPDATE result SET blocks = NULL WHERE die = 2",)),
    ("a time below 0", ("UPDATE result SET seconds = -1 WHERE die = 2",)),
    ("a time without end", ("UPDATE result SET seconds = 9e999 WHERE die = 2",)),
    ("a result of no point", ("UPDATE result SET point = 77 WHERE die = 2 AND point = 1",)),
    ("a result of no die", ("UPDATE result SET die = 77 WHERE die = 2",)),
    ("a result of no trial", ("UPDATE result SET trial = 1 WHERE die = 2",)),
    ("a die of text", ("UPDATE result SET die = 'two' WHERE die = 2",)),
    ("complete without all runs", ("DELETE FROM result WHERE die = 2",)),
    ("more runs than wanted", ("UPDATE point SET dies = 5",)),
    ("neither complete nor not", ("UPDATE run SET value = 'nearly' WHERE name = 'complete'",)),
    ("an unknown level", ("UPDATE run SET value = 'silicon' WHERE name = 'level'",)),
    ("another level", ("UPDATE run SET value = 'ideal' WHERE name = 'level'",)),
    ("a wall time without end", ("UPDATE run SET value = 'inf' WHERE name = 'seconds'",)),
    ("a wall time of text", ("UPDATE run SET value = 'long' WHERE name = 'seconds'",)),
    ("a label of no class", ("UPDATE sequence SET label = -2 WHERE number = 3",)),
    ("a sequence of no time", ("UPDATE sequence SET seconds = 0 WHERE number = 3",)),
    ("a sequence without end", ("UPDATE sequence SET seconds = 9e999 WHERE number = 3",)),
    ("a sequence of no frames", ("UPDATE sequence SET frames = 0 WHERE number = 3",)),
    ("a reference above 1", ("UPDATE reference SET accuracy = 1.5 WHERE name = 'ideal'",)),
    ("another reference", ("UPDATE reference SET accuracy = accuracy / 2 WHERE name = 'ideal'",)),
    ("a supply of nothing", (setting("v_dd", "1.8", "0"),)),
    ("a supply of text", (setting("v_dd", "1.8", '"low"'),)),
    ("a temperature below all", (setting("temperature", "27.0", "-300.0"),)),
    ("a factor below 0", (setting("mismatch_scale", "1.0", "-1.0"),)),
    ("another supply", (setting("v_dd", "1.8", "1e9"),)),
    ("another corner", (setting("corner", '"tt"', '"ff"'),)),
    ("another trim", (setting("trim_bits", "0", "99"),)),
    ("points that no plan has", ("UPDATE point SET number = number + 100",)),
    (
        "a plan of other dies",
        ("UPDATE run SET value = replace(value, '\"seed\": ', '\"seed\": 1')",),
    ),
    ("another die", ("UPDATE result SET seed = 5 WHERE die = 2",)),
    ("longer sequences", ("UPDATE sequence SET seconds = seconds * 1000",)),
    ("more in a block than in all", ("UPDATE result SET blocks = '{\"mirror\": [5.0, 1e-9]}'",)),
    ("a block of its own", ("UPDATE result SET blocks = replace(blocks, 'mirror', 'zzz')",)),
    ("half a bit", (setting("trim_bits", "0", "0.5"),)),
    ("no dies", ("DELETE FROM result", "UPDATE point SET dies = 0")),
    ("half a trial", ("UPDATE point SET trials = 1.5",)),
    ("a setting that is no number", (setting("v_dd", "1.8", "true"),)),
    ("a setting less that the plan varies", (setting("temperature", "85.0, ", "85.0}--"),)),
    ("settings that are no JSON", ("UPDATE point SET settings = 'x'",)),
    ("settings that are a list", ("UPDATE point SET settings = '[1]'",)),
    ("a point of no design", ("UPDATE point SET design = 'none'",)),
    ("no design", ("DELETE FROM design",)),
    ("a design of no options", ("UPDATE design SET options = '[]'",)),
    ("options of no design", ('UPDATE design SET options = \'{"i_unit": "1 A"}\'',)),
    ("a reference of no design", ("UPDATE reference SET design = 'none' WHERE name = 'ideal'",)),
    ("a die of another design", ("UPDATE result SET design = 'other' WHERE die = 2",)),
    ("no price of the inputs", ("UPDATE point SET input_energy = NULL",)),
    ("a price below 0", ("UPDATE point SET input_energy = -1",)),
    ("no kernel", ("DELETE FROM run WHERE name = 'kernel'",)),
]


@pytest.mark.parametrize("statements", [s for _, s in DAMAGE], ids=[name for name, _ in DAMAGE])
def test_damaged_stores_are_refused(
    statements: tuple[str, ...],
    store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change(store, *statements)
    out = tmp_path / "report.html"
    assert command(["report", str(store), "--out", str(out)]) == 2
    shown = capsys.readouterr().err
    assert shown == f'RUN is "{store}", expected a sweep that mru-hw wrote, not damaged.\n'
    assert not out.exists()


@pytest.mark.parametrize("version", [1, 5, 9])
def test_another_format_is_refused_by_its_number(
    version: int, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(store, f"PRAGMA user_version={version}")
    out = tmp_path / "report.html"
    assert command(["report", str(store), "--out", str(out)]) == 2
    assert capsys.readouterr().err == (
        f'RUN is "{store}", expected a sweep of format 6, for this one has format {version}: run '
        "its plan again with a new path for --out.\n"
    )
    assert not out.exists()


def test_what_a_store_knows_more_or_less_of_than_this_version(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An axis is an entry of the settings, and no other format."""
    with open_run(store) as run:
        before = [point.settings for point in run.points]
    # A store of a version that had one axis less: it stands at its default.
    change(store, """UPDATE point SET settings = replace(settings, ', "trim_bits": 0', '')""")
    with open_run(store) as run:
        assert [point.settings for point in run.points] == before
    # A store of a version that had one more, which this one is then without: the last of the table,
    # for what is put back goes to its end.
    last = list(AXES_KNOWN)[-1]
    monkeypatch.delitem(AXES_KNOWN, last)

    def read() -> None:
        with open_run(store):
            raise AssertionError("unreachable")

    assert sentence(read) == (
        f'run is "{store}", expected a sweep over axes that this version of mru_hw has, not {last}.'
    )


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("mine" * 100)
    for path, more in ((text, ""), (tmp_path / "none", " (no such file)"), (tmp_path, " (no")):
        found = sentence(partial(page, path, tmp_path / "report.html"))
        assert found.startswith(f'run is "{path}", expected a sweep that mru-hw wrote')
        assert more in found


def test_the_command_writes_the_page(
    swept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "report.html"
    assert command(["report", str(swept), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told.pop("statistics")["points"]) == 6
    assert told.pop("verdict")["dies"] == 6
    assert told == {
        "report": str(out),
        "complete": True,
        "runs": 36,
    }
    assert out.is_file()
