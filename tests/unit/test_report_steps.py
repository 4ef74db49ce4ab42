"""Steps from the trained network to dies, remedies, frames that are short, and origins."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mru_hw.cli.again import InShell
from mru_hw.mapping import map_model
from mru_hw.model.io import save_model
from mru_hw.model.network import Model
from mru_hw.report.chip import ChipFacts, find_chip
from mru_hw.report.frames import short_frames
from mru_hw.report.page import Page
from mru_hw.report.steps import steps_table
from mru_hw.report.trained import origin_lines, origin_said
from mru_hw.simulate.short_frame import short_frame
from mru_hw.statistics.shares import paired_shares
from mru_hw.sweeps.setup import with_frame
from mru_hw.sweeps.view import open_run
from mru_hw.units import render
from tests.reports import ask, made, rows_of, swept
from tests.sweeps import small_model, write_case

DIES, FRAME = 8, 6e-3
AXES = [
    {"axis": "mismatch_scale", "values": [8]},
    {"axis": "corner", "values": ["tt", "ff", "ss"]},
    {"axis": "temperature", "values": [27, 85]},
]
CONFIG = {"data": "<b>words</b>", "seed": 3, "classes": None}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose frames are short, of a network that records its training."""
    folder = tmp_path_factory.mktemp("steps")
    path = write_case(folder, n_dies=DIES, axes=AXES, spec={"loss": {"at_most": 0}})
    model = with_frame(small_model(), FRAME)
    spec = model.spec.model_copy(
        update={"provenance": {"config": CONFIG}, "metrics": {"accuracy": {"test": 0.75}}}
    )
    save_model(Model(spec=spec, tensors=model.tensors), folder / "model")
    return swept(path)


@pytest.fixture(scope="module")
def page(store: Path) -> Page:
    return made(store)


def test_steps_are_those_of_the_decisions(store: Path, page: Page) -> None:
    labels = np.array([label for (label,) in ask(store, "SELECT label FROM sequence")])
    right = {
        name: np.frombuffer(blob, "<i2") == labels
        for name, blob in ask(store, "SELECT name, decision FROM reference")
    }
    dies = np.array(
        [
            np.frombuffer(blob, "<i2") == labels
            for (blob,) in ask(store, "SELECT decision FROM result WHERE point = 0 ORDER BY die")
        ]
    )
    trained, mapped, nominal, mean = rows_of(page, "steps")
    assert trained["accuracy"] == right["software"].mean()
    for row, name, before in ((mapped, "ideal", "software"), (nominal, "nominal", "ideal")):
        change, p = paired_shares(right[before], right[name])
        assert row["accuracy"] == right[name].mean()
        assert row["change"] == pytest.approx(right[name].mean() - right[before].mean())
        assert row["gained"] - row["lost"] == right[name].sum() - right[before].sum()
        assert row["95 % interval of the change low"] == change.low
        assert row["p"] == p
    assert mean["accuracy"] == pytest.approx(dies.mean())
    assert mean["change"] == pytest.approx(dies.mean() - right["nominal"].mean())
    assert mean["gained"] == (dies & ~right["nominal"]).sum() / DIES
    assert mean["lost"] == (~dies & right["nominal"]).sum() / DIES


def test_a_column_more_of_the_references_moves_no_step(
    store: Path, page: Page, tmp_path: Path
) -> None:
    other = tmp_path / "more.sqlite"
    other.write_bytes(store.read_bytes())
    ask(other, "ALTER TABLE reference ADD COLUMN more DEFAULT 5")
    with open_run(other) as run:
        found = steps_table(run)
    assert found is not None
    assert list(found.plain()) == rows_of(page, "steps")


def test_the_frame_that_is_told_is_long_enough(store: Path, page: Page) -> None:
    with open_run(store) as run:
        found = find_chip(run, InShell())
        assert isinstance(found, ChipFacts)
        short = short_frames(run, found)
        assert short is not None
        own = found.subject.calibration
        late = {"before the strobe": short.read, "until outputs": short.output}
        known = {words: one.enough for words, one in late.items() if one is not None}
        assert known
        for words, enough in known.items():
            for factor, is_short in ((1.0, False), (0.98, True)):
                model = with_frame(found.model, factor * enough)
                design = map_model(model, found.design.technology, own)
                said = [
                    short_frame(design, own.at(1.8, temperature=t, corner=c), t)
                    for t in (27.0, 85.0)
                    for c in ("tt", "ff", "ss")
                ]
                hidden = enough < max(known.values()) and words != "before the strobe"
                assert hidden or any(words in text for text in said) == is_short
        static, moving = (sum(pair[k] for pair in run.base.blocks.values()) for k in (0, 1))
        for one in short.enough().values():
            then = static * one.enough / FRAME + moving
            assert one.price.startswith(f"{render(then, 'J')} a sequence in place of ")
    assert "6 of 6 points doubtful: the frame of 6 ms is short" in page.paragraph[0]
    rows = rows_of(page, "remedies")
    frames = next(row for row in rows if row["remedy"].startswith("frames of"))
    assert "{axis: frame_period, values: [" in frames["run or not"]
    gain = "not known"
    if page.helps is not None and page.helps.gained is not None:
        gain = f"{page.helps.gained.kept_larger} of {DIES} dies keep the limit in place of"
    assert rows[0]["gain"].startswith(gain)


def test_every_corner_that_yields_least_is_named(page: Page) -> None:
    shares = {y.settings["corner"]: y.passed / y.dies for y in page.verdict.corners}
    least = [str(corner) for corner, share in shares.items() if share == min(shares.values())]
    said = " ".join(page.paragraph)
    expected = "all yield alike"
    if len(least) < len(shares):
        word = "corner {} yields" if len(least) == 1 else "corners {} yield"
        expected = word.format(" and ".join(least)) + " least"
    assert expected in said
    cards = [card.label for card in page.cards if card.label.startswith("yield")]
    assert sorted(label.rpartition(" ")[2] for label in cards) == ["ff", "ss", "tt"]


def test_pairs_tell_how_many_chance_marks(page: Page) -> None:
    (found,) = [t for s in page.sections for t in s.tables if t.name == "pairs"]
    marked = sum(cell.startswith("≠") for row in found.rows for cell in row)
    assert f"{marked} of 15 pairs, where chance alone marks about 0.8" in found.caption


def test_what_a_model_records_of_its_training_is_told(page: Page) -> None:
    assert page.chip is not None
    said = origin_said(page.chip)
    assert "mru-hw train made it, by the configuration below" in said
    assert "Accuracies recorded then: 75.00 % (test)" in said
    ((what, text),) = origin_lines(page.chip, InShell())
    assert "mru-hw train CONFIG.yaml --out MODEL" in what
    assert yaml.safe_load(text) == {"data": "<b>words</b>", "seed": 3}
    (section,) = [one for one in page.sections if one.key == "reproduction"]
    assert said in section.paragraphs
    assert "Where the network comes from is told" in origin_said(None)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({}, "Its model does not record where it comes from."),
        ({"imported_from": "a.pt"}, "its weights were imported from a.pt."),
        ({"quantised": {"bits": 4}}, "it is another network, quantised."),
    ],
)
def test_other_origins_are_told(page: Page, made: dict[str, Any], told: str) -> None:
    assert page.chip is not None
    model = page.chip.model
    spec = model.spec.model_copy(update={"provenance": made, "metrics": {}})
    chip = dataclasses.replace(page.chip, model=Model(spec=spec, tensors=model.tensors))
    assert told in origin_said(chip)
    assert "Accuracies" not in origin_said(chip)
    assert not list(origin_lines(chip, InShell()))
