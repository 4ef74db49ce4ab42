"""What a report says of what binds: kept or not, the cause, what would help, and doubts beside."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.again import InShell
from mru_hw.cli.app import run as command
from mru_hw.report.again import InPython
from mru_hw.report.chip import ChipFacts, find_chip
from mru_hw.report.enlarge import budget_of
from mru_hw.report.finer import finer_of
from mru_hw.report.larger import Larger
from mru_hw.report.page import Page, make_page
from mru_hw.report.remedy import FOLLOWED, Remedy, remedy
from mru_hw.report.uncovered import lots
from mru_hw.statistics.shares import paired_shares
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.statistics.answers import statistics
from mru_hw.sweeps.verdict import verdict
from mru_hw.sweeps.view import RunView, open_run
from mru_hw.sweeps.words import doubted
from tests.reports import ask, made, swept
from tests.sweeps import write_case

DIES = 16
AXES = [
    {"axis": "mismatch_scale", "values": [8]},
    {"axis": "temperature", "values": [27, 85]},
]
SPEC = {"loss": {"at_most": 0.04}}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose dies, of eight times the mismatch, lose a sequence here and there."""
    folder = tmp_path_factory.mktemp("remedy")
    return swept(write_case(folder, n_dies=DIES, axes=AXES, spec=SPEC))


@pytest.fixture
def run(store: Path) -> Iterator[RunView]:
    with open_run(store) as view:
        yield view


@pytest.fixture(scope="module")
def page(store: Path) -> Page:
    return made(store)


def bound(run: RunView) -> Held:
    held = verdict(run, statistics(run)).binding
    assert held is not None
    return held


def helps(run: RunView, nominal: dict[int, float]) -> Remedy:
    again = InShell()
    found = find_chip(run, again)
    budget = budget_of(found)
    assert isinstance(found, ChipFacts)
    assert not isinstance(budget, str)
    told = remedy(run, verdict(run, statistics(run)), nominal, found, budget, again)
    assert told is not None
    return told


def test_the_verdict_opens_with_kept_or_not_kept(store: Path, page: Page) -> None:
    rows = ask(
        store,
        "SELECT r.point, sum(s.accuracy - r.accuracy <= 0.04 + 1e-12), count(*) FROM result r JOIN "
        "reference s ON s.name = 'software' GROUP BY r.point",
    )
    assert [(k.point, k.passed, k.dies) for k in page.verdict.kept_at] == rows
    kept = sum(passed == dies for _, passed, dies in rows)
    assert kept < 2
    first = page.paragraph[0]
    every = f"every die keeps it at {kept}" if kept else "not every die keeps it at any"
    assert first.startswith(f"The specification is not kept: {every} of 2 conditions; ")
    assert first.count("dies keep it)") == 1
    said = " ".join(page.paragraph)
    for number, passed, _ in rows:
        if passed < DIES:
            at = "85 °C" if number else "27 °C"
            assert f"corner tt, {at}, 1.8 V ({passed} of {DIES} dies keep it)" in said


def test_page_and_terminal_have_the_same_words(
    store: Path, page: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["report", str(store), "--out", str(tmp_path / "report.html")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:4] == ["specification", "is", "not", "kept"]
    words = " ".join(" ".join(lines).split())
    (section,) = [one for one in page.sections if one.key == "specification"]
    (kept,) = [text for text in section.paragraphs if text.startswith("The specification is not")]
    why = kept.partition(": ")[2].partition(". Kept means")[0]
    said = dict.fromkeys(why.replace(";", " ").split())
    assert all(word in words for word in said)
    assert "what would help" in words


def test_a_specification_that_every_die_keeps_is_kept(tmp_path: Path) -> None:
    plan = read_plan(write_case(tmp_path, n_dies=2, axes=[], spec={"accuracy": {"at_least": 0}}))
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "run.sqlite", workers=1)
    with open_run(tmp_path / "run.sqlite") as run:
        page = make_page(run)
    first = page.paragraph[0].partition(" Of the whole sweep: ")[0]
    assert first == "The specification is kept: every die keeps it at the one condition."
    assert page.helps is not None
    assert page.helps.short.startswith("Nothing has to be mended")


def test_a_nominal_die_that_fails_is_no_matter_of_mismatch(run: RunView) -> None:
    held = bound(run)
    point = next(one for one in run.points if one.number == held.hardest)
    told = helps(run, {point.number: run.software(point) - 0.1})
    assert told.short.startswith("Mismatch alone is not the cause: at corner tt, ")
    assert "(a loss of +10.00 points)" in told.short
    assert f"mru-hw explain run.sqlite --die {held.seed} --point {point.number}" in told.short
    more = " ".join(told.more)
    assert "mru-hw sensitivity model --inputs inputs.npz --tech generic180 --corner tt" in more
    temperature = f"{point.settings['temperature']:g}"
    assert f"--temperature {temperature} --vdd 1.8" in more
    assert f"{{corner: tt, temperature: {temperature}, v_dd: 1.8}}" in more
    assert "A larger mirror is a slower one" in more


def test_what_larger_mirrors_gain_is_what_a_sweep_with_them_has(
    run: RunView, tmp_path: Path
) -> None:
    held = bound(run)
    point = next(one for one in run.points if one.number == held.hardest)
    told = helps(run, {point.number: run.software(point)})
    assert told.short.startswith("Mismatch takes dies past it")
    assert "keeps it (a loss of +0.00 points)" in told.short
    found = find_chip(run, InShell())
    budget = budget_of(found)
    assert not isinstance(budget, str)
    area = {mirror.name: 2 for mirror in budget.mirrors[:FOLLOWED]}
    plan = read_plan(write_case(tmp_path, n_dies=DIES, axes=AXES, spec=SPEC, design={"area": area}))
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "run.sqlite", workers=1)
    with open_run(tmp_path / "run.sqlite") as larger:
        there = next(one for one in larger.points if one.number == held.hardest)
        kept = int((larger.software(there) - there.accuracy <= 0.04 + 1e-12).sum())
        mean = float(there.accuracy.mean())
    before = DIES - held.broken_at[point.number]
    assert (
        f"of the first {DIES} dies there {kept} keep it with them and {before} without"
        in told.short
    )
    assert f"to {100 * mean:.2f} %. What the yield" in " ".join(told.more)
    # One die more of 16 is no sure gain.
    assert kept == before + 1
    assert "under “What to enlarge” may help: " in told.short
    assert re.search(
        r"without \(\+6\.25 points, 95 % interval -\d+\.\d\d points to \+\d+\.\d\d points, "
        r"McNemar's p = [01.]+\), for 9\.74 % more gate area\.$",
        told.short,
    )


def test_the_command_of_the_cause_runs(
    store: Path, run: RunView, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(store.parent)
    words = shlex.split(InShell().cause(run, run.points[1]))
    assert words[0] == "mru-hw"
    assert command([*words[1:], "--dies", "2", "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dies"] == 2
    said = InPython().cause(run, run.points[1])
    assert said == (
        "Chip('model', 'generic180').sensitivity('inputs.npz', corner='tt', temperature=85, "
        "v_dd=1.8)"
    )


def test_without_a_nominal_die_the_cause_is_not_guessed(run: RunView) -> None:
    told = helps(run, {})
    assert told.short.startswith("Whether mismatch is the cause is not known here")
    assert "mru-hw sensitivity model" in told.short


def test_energy_past_its_limit_asks_for_smaller_currents(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    spec = {"energy": {"at_most": "10 nJ"}}
    plan = read_plan(write_case(folder, n_dies=4, axes=[], spec=spec))
    run_sweep({"sweep": plan}, folder, folder / "run.sqlite", workers=1)
    with open_run(folder / "run.sqlite") as run:
        held = bound(run)
        blocks = run.base.blocks.values()
        static = sum(pair[0] for pair in blocks) / sum(sum(pair) for pair in blocks)
        short = helps(run, {}).short
    assert short.startswith("Mismatch alone is not the cause: the mean of the dies, ")
    (told,) = re.findall(r"With i_unit at (\d+) pA in place of 1 nA", short)
    # static * f + switching = limit / worst
    assert float(told) == pytest.approx(1e3 * (10e-9 / held.worst - 1 + static) / static, abs=0.5)


def test_equal_runs_are_named_by_one_rule(store: Path, run: RunView, page: Page) -> None:
    (held,) = page.verdict.limits
    least = min(float(point.accuracy.min()) for point in run.points)
    software = run.software(run.base)
    failing: dict[int, int] = {}
    at_least: dict[int, list[int]] = {}
    for point in run.points:
        for seed, accuracy in zip(point.seeds.tolist(), point.accuracy.tolist(), strict=True):
            failing[seed] = failing.get(seed, 0) + (software - accuracy > 0.04 + 1e-12)
            if accuracy == least:
                at_least.setdefault(seed, []).append(point.number)
    seed = min(at_least, key=lambda one: (-failing[one], one))
    means = {point.number: float(point.accuracy.mean()) for point in run.points}
    assert held.seed == seed
    assert held.point == min(at_least[seed], key=lambda number: means[number])
    most = max(held.broken_at.values())
    hardest = [number for number, count in held.broken_at.items() if count == most]
    assert held.hardest == min(hardest, key=lambda number: means[number])
    # The list of worst dies names the same condition of the same die.
    (worst,) = [t for s in page.sections for t in s.tables if t.name == "worst_dies_tt"]
    row = next(row for row in worst.plain() if row["die (seed)"] == seed)
    at = "27 °C" if held.point == 0 else "85 °C"
    assert row["least accuracy at"] == f"corner tt, {at}, 1.8 V"


def test_doubts_stand_beside_the_yield_and_the_accuracy(store: Path, run: RunView) -> None:
    facts = run.facts
    assert run.doubtful_points is not None
    assert sorted(run.doubtful_points) == json.loads(facts.get("doubtful.points", "[]"))
    facts["doubtful"], facts["doubtful.points"] = "Doubtful points: 1 of 2. So.", "[0]"
    page = make_page(run)
    cards = {card.label.split(",")[0]: card.confidence for card in page.cards}
    assert cards["yield"].endswith("; 1 of 2 points doubtful")
    assert cards["accuracy"].endswith("; a doubtful point")
    assert "Of the whole sweep: 1 of 2 points doubtful" in " ".join(page.paragraph)
    (section,) = [one for one in page.sections if one.key == "yield"]
    assert any(text.startswith("Doubts beside these yields: 1 of 2") for text in section.paragraphs)
    (table,) = [t for t in section.tables if t.name == "yield"]
    assert [row["doubtful"] for row in table.plain()] == ["1 of 2 points doubtful"]
    (matrix,) = [t for t in section.tables if t.name.startswith("conditions")]
    assert [row[1].endswith(", doubtful") for row in matrix.rows] == [True, False]
    (points,) = [t for s in page.sections for t in s.tables if t.name == "points"]
    assert [row[-1] for row in points.rows] == ["0, doubtful", "1"]
    # A store of an earlier version does not say which.
    del facts["doubtful.points"]
    assert doubted(run, [0]) == "points of the sweep are doubtful"
    del facts["doubtful"]
    assert doubted(run, [0]) == ""


def test_a_list_of_doubtful_points_that_are_none_is_refused(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run.sqlite"
    copy.write_bytes(store.read_bytes())
    with contextlib.closing(sqlite3.connect(copy)) as db, db:
        db.execute("INSERT OR REPLACE INTO run VALUES ('doubtful.points', '[7]')")
    assert command(["report", str(copy), "--out", str(tmp_path / "report.html")]) == 2


def test_lots_that_were_not_drawn_are_said_beside_the_yield(page: Page, tmp_path: Path) -> None:
    (section,) = [one for one in page.sections if one.key == "yield"]
    said = " ".join(section.paragraphs)
    assert "No lot was drawn: shifts from lot to lot and from die to die" in said
    assert "{axis: process_scale, values: [1]} among the axes of PLAN.yaml adds them" in said
    assert "{axis: gradient_scale, values: [1]}" in said
    axes = [{"axis": "process_scale", "values": [0, 1]}]
    plan = read_plan(write_case(tmp_path, n_dies=2, axes=axes))
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "run.sqlite", workers=1)
    with open_run(tmp_path / "run.sqlite") as run:
        no_gradient, drawn = lots(run)
    assert no_gradient.startswith("No gradient was drawn")
    assert drawn.startswith("A lot was drawn at 1 of 2 points")


def test_what_each_limit_binds_and_why_there_is_no_capability(page: Page) -> None:
    by_key = {one.key: one for one in page.sections}
    binds = by_key["specification"].paragraphs[-1]
    assert "loss, the accuracy of the network in software less its own" in binds
    assert "energy" not in binds
    (told,) = by_key["capability"].paragraphs
    assert "Cpk of power: none, for the specification sets no limit on it." in told
    assert "Cpk of loss: none, for it goes in steps of one sequence" in told
    assert not by_key["capability"].tables


def test_the_peak_of_the_supply_tells_the_chips_part(page: Page) -> None:
    assert page.chip is not None
    asked = page.chip.decoupling
    assert asked is not None
    (section,) = [one for one in page.sections if one.key == "power"]
    (said,) = [text for text in section.paragraphs if text.startswith("Peak current")]
    whole, own, rest = (
        float(value) * (1e-9 if unit == "nA" else 1e-6)
        for value, unit in re.findall(r"([\d.]+) (nA|uA)", said)
    )
    assert rest == pytest.approx(asked.droop / asked.resistance)
    assert whole == pytest.approx(own + rest, rel=1e-3)


def test_any_two_points_have_their_interval(tmp_path: Path) -> None:
    axes = [{"axis": "mismatch_scale", "values": [1, 8, 20]}]
    plan = read_plan(write_case(tmp_path, n_dies=6, axes=axes))
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "run.sqlite", workers=1)
    with open_run(tmp_path / "run.sqlite") as run:
        page = make_page(run)
        means = [float(point.accuracy.mean()) for point in run.points]
        right = [np.concatenate(list(run.right(point))) for point in run.points]
    tables = {t.name: t for s in page.sections for t in s.tables}
    rows = list(tables["pairs"].plain())
    first = list(tables["differences"].plain())
    for k, row in enumerate(rows, start=1):
        for other in range(k):
            said = float(re.findall(r"[+-]\d+\.\d\d", tables["pairs"].rows[k - 1][1 + other])[0])
            assert said == pytest.approx(100 * (means[k] - means[other]), abs=0.0051)
            low, high = row[f"{other} low"], row[f"{other} high"]
            assert low <= (right[k].mean() - right[other].mean()) <= high
        assert (row["0 low"], row["0 high"]) == (
            first[k - 1]["95 % interval low"],
            first[k - 1]["95 % interval high"],
        )


@pytest.mark.parametrize(
    ("failing", "tells"),
    [(0, False), (1, False), (5, False), (6, True), (16, True)],  # 2 / 2^6 is below 0.05
)
def test_too_few_failing_dies_cannot_show_a_gain(failing: int, *, tells: bool) -> None:
    gain, p = paired_shares(np.arange(16) >= failing, np.ones(16, np.bool_))
    made_larger = Larger(
        dies=16,
        kept=16 - failing,
        kept_larger=16,
        gain=gain,
        p=p,
        accuracy=0.9,
        accuracy_larger=0.9,
    )
    assert made_larger.tells == tells == (p < 0.05)


def test_finer_legs_are_what_a_sweep_with_them_has(run: RunView, tmp_path: Path) -> None:
    found = find_chip(run, InShell())
    assert isinstance(found, ChipFacts)
    finer = finer_of(found)
    assert finer is not None
    design = {"diode_units": list(finer.diode_units), "largest_leg": finer.largest_leg}
    plan = read_plan(write_case(tmp_path, n_dies=1, spec=SPEC, design=design))
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "run.sqlite", workers=1)
    with open_run(tmp_path / "run.sqlite") as other:
        assert finer.accuracy == other.references["ideal"]
        larger = find_chip(other, InShell())
    assert isinstance(larger, ChipFacts)
    assert finer.gate_area == pytest.approx(larger.gate_area)
    assert finer.gate_area > found.gate_area
