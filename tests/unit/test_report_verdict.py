"""The head of a report: on how few sequences it hangs, doubts at their worst, and one worst die."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.again import InShell
from mru_hw.report.again import InPython
from mru_hw.report.chip import ChipFacts, find_chip
from mru_hw.report.cross import off_cross_said
from mru_hw.report.doubts import doubts_box
from mru_hw.report.frames import short_frames
from mru_hw.report.head import cards
from mru_hw.report.near import kept_with, near_said
from mru_hw.report.page import Page
from mru_hw.report.summary import sweep_lines, sweep_summary
from mru_hw.simulate.causes import Cause
from mru_hw.sweeps.statistics.answers import statistics
from mru_hw.sweeps.verdict import Verdict, verdict
from mru_hw.sweeps.view import open_run
from tests.reports import made, rows_of, swept
from tests.sweeps import write_case

AXES = [
    {"axis": "mismatch_scale", "values": [8]},
    {"axis": "temperature", "values": [27, 85]},
    {"axis": "v_dd", "values": ["1.8 V", "1.62 V"]},
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verdict")
    return swept(write_case(folder, n_dies=6, axes=AXES, spec={"loss": {"at_most": 0}}))


@pytest.fixture(scope="module")
def page(store: Path) -> Page:
    return made(store)


def test_the_head_is_at_a_condition_that_the_specification_asks_for(tmp_path: Path) -> None:
    axes = [AXES[0], {"axis": "temperature", "values": [27, 85]}]
    spec = {"loss": {"at_most": 0}, "temperature": [85]}
    hot = "corner tt, 85 °C, 1.8 V"
    with open_run(swept(write_case(tmp_path, n_dies=4, axes=axes, spec=spec))) as run:
        found, summary = verdict(run, statistics(run)), sweep_summary(run)
        lines = sweep_lines(run, summary | {"runs": 8, "computed": 8})
        told = {name: (text, why) for name, text, why in found.rows(run)}
        shown = {card.label: card for card in cards(run, found, None)}
        there = run.points[1]
        assert found.point == there.number
        assert summary["accuracy"]["dies"]["mean"] == there.accuracy.mean()
        assert summary["energy_per_sequence_J"]["mean"] == there.energy.mean()
    assert lines[1].startswith(f"Accuracy over 4 dies at 8 × mismatch, no device noise, {hot}: ")
    energy = next(line for line in lines if line.startswith("Energy"))
    assert energy.startswith(f"Energy per sequence at {hot}: ")
    assert energy.endswith("(P10 to P90 over the sequences of all these dies).")
    assert told["energy of a sequence"][1].endswith(hot)
    assert told["nominal die"][1] == "at the technology's own condition"
    assert hot in shown["energy of a sequence, mean of 4 dies"].confidence
    kept = found.kept_at[0].passed
    assert told["specification is"] == (
        "not kept",
        f"not every die keeps it at the one condition, {hot} ({kept} of 4 dies keep it)",
    )


def with_worst(told: Verdict, sequences: float, n: int, *, broken: int) -> Verdict:
    """A verdict whose worst runs are so many sequences inside their limit."""
    limits = [
        dataclasses.replace(one, margin=sequences / n, broken=broken) for one in told.limits[:1]
    ]
    kept = tuple(
        dataclasses.replace(one, passed=one.dies - (k < broken))
        for k, one in enumerate(told.kept_at)
    )
    return dataclasses.replace(told, limits=tuple(limits), kept_at=kept)


@pytest.mark.parametrize(
    ("sequences", "broken", "said"),
    [
        (-1.0, 1, "with 1 sequence of 20 more right on each die that breaks it, it would be kept"),
        (-2.0, 1, "with 2 sequences of 20 more right on each die"),
        (-1.5, 1, "with 2 sequences of 20 more right on each die"),
        (-3.0, 1, ""),
        (0.0, 0, "with 1 sequence of 20 more wrong on the worst run, it would not be kept"),
        (1.5, 0, "with 2 sequences of 20 more wrong on the worst run"),
        (2.0, 0, ""),
    ],
)
def test_a_verdict_says_on_how_few_sequences_it_hangs(
    store: Path, sequences: float, broken: int, said: str
) -> None:
    with open_run(store) as run:
        told = with_worst(verdict(run, statistics(run)), sequences, 20, broken=broken)
        found = " ".join(near_said(run, told))
    assert (said in found) if said else not found
    assert ("(one sequence is 5.00 points)" in found) == bool(said)


def test_a_verdict_tells_both_sides_of_its_limit(store: Path, tmp_path: Path) -> None:
    with open_run(store) as run:
        accuracies = np.array([point.accuracy for point in run.points])
        lost = (run.software(run.base) - accuracies).max(axis=0) * run.n_sequences
    wrong = np.round(lost).astype(int)
    allowed = int(wrong.max())  # at least one die lies on the limit
    spec = {"loss": {"at_most": allowed / 20}}
    there = swept(write_case(tmp_path, n_dies=6, axes=AXES, spec=spec))
    kept, left = 6, int((wrong < allowed).sum())
    with open_run(there) as run:
        told = verdict(run, statistics(run))
        (one,) = told.corners
        assert one.passed == kept > left
        assert kept_with(run, one, -1) == (left, 6)
        said = " ".join(near_said(run, told))
    assert f"the dies that keep it are {left} of 6 at corner tt, now {kept}" in said


def test_a_limit_of_energy_hangs_on_no_sequence(store: Path) -> None:
    with open_run(store) as run:
        told = with_worst(verdict(run, statistics(run)), -1.0, 20, broken=1)
        energy = dataclasses.replace(told.limits[0], figure="energy")
        assert not list(near_said(run, dataclasses.replace(told, limits=(*told.limits, energy))))


def test_doubts_are_of_the_condition_where_they_are_worst(store: Path, page: Page) -> None:
    """Head and box name one condition, and no other of the same network is worse."""
    with open_run(store) as run:
        found = find_chip(run, InShell())
        short = short_frames(run, found)
        assert run.doubtful
        assert isinstance(found, ChipFacts)
        assert short is not None
        (box,) = doubts_box(run, found, short)
        late = short.output if short.read is None else short.read
        assert late is not None
        assert late.at in page.paragraph[0]
        assert late.at in box
        assert box in page.warnings
        assert box.startswith("Doubtful points: 4 of 4. The frame of ")
        assert box.endswith(" Each reason stands where it is worst.")
        # Without the network the store's own sentence stands, and says which point it is of.
        (stored,) = doubts_box(run, "not at hand", None)
        assert stored.startswith(run.doubtful)
        assert "of the first such point" in stored


def test_a_failing_condition_off_the_cross_is_named(store: Path, page: Page) -> None:
    with open_run(store) as run:
        found = find_chip(run, InShell())
        assert isinstance(found, ChipFacts)
        (said,) = off_cross_said(run, [0, 1, 2, 3], found)
        assert "corner tt, 85 °C, 1.62 V has a temperature and a supply that were fitted" in said
        assert not list(off_cross_said(run, [0, 1, 2], found))
        broken = [one.point for one in page.verdict.kept_at if not one.kept]
    assert ("were fitted each, and not together" in " ".join(page.paragraph)) == (3 in broken)
    (box,) = [text for text in page.warnings if text.startswith("Corner, temperature and supply")]
    assert "lie each inside what was fitted" in box
    assert "at 1 of 4 points temperature and supply are two that no fit had together" in box
    (section,) = [one for one in page.sections if one.key == "constants"]
    assert sum(text.count("no fit had together") for text in section.paragraphs) == 1
    assert not any("inside the calibrated range" in text for text in page.warnings)


def test_the_worst_die_is_run_in_ngspice_at_its_own_point(store: Path, page: Page) -> None:
    held = page.verdict.binding
    assert held is not None
    command = f"mru-hw explain run.sqlite --die {held.seed} --point {held.point} --spice"
    lines = {s.key: " ".join(text for _, text in s.lines) for s in page.sections}
    assert command in lines["reproduction"]
    deck = f"{command.removesuffix(' --spice')} --out die --dialect spectre"
    assert deck in lines["reproduction"]
    assert lines["reproduction"].count("mru-hw explain") == 2
    (section,) = [one for one in page.sections if one.key == "ngspice"]
    assert any(command in text for text in section.paragraphs)
    with open_run(store) as run:
        beside, deck = (text for _, text in list(InPython().whole(run, held))[-2:])
    call = f"read_sweep('run.sqlite').explain({held.seed}, point={held.point})"
    assert beside == f"{call}.ngspice()"
    assert deck == f"{call}.netlist('die', dialect='spectre')"


def test_words_for_causes_are_defined_where_they_stand(page: Page) -> None:
    (table,) = [t for s in page.sections for t in s.tables if t.name == "failing_units"]
    words = {one.value for one in Cause if any(one.value in row[-1] for row in table.rows)}
    assert words
    for one in Cause:
        defined = f"“{one.value}” is that {one.meant}" in table.caption
        assert defined == (one.value in words)


def test_pelgroms_constant_is_told_of_one_device_and_of_a_pair(page: Page) -> None:
    """5 mV µm of a pair in Kinget's table, less by the root of 2 of one."""
    row = rows_of(page, "unit_devices")[0]
    assert row["A_VT of one [V m]"] == pytest.approx(3.54e-9, rel=1e-3)
    assert row["of a pair [V m]"] == pytest.approx(np.sqrt(2) * row["A_VT of one [V m]"])
    assert row["of a pair [V m]"] == pytest.approx(5e-9, rel=2e-3)
