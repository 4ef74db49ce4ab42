"""Pages of runs that have little to say, or hostile names: each says what it lacks."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mru_hw.cli.again import InShell
from mru_hw.cli.app import run as command
from mru_hw.model.io import save_model
from mru_hw.model.network import Model
from mru_hw.report.again import Again, InPython
from mru_hw.report.data import write_data
from mru_hw.report.page import Page, make_page, write_page
from mru_hw.report.paper import write_paper
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from tests.agreement.networks import one_unit
from tests.sweeps import small_model, write_case


def swept(folder: Path, **plan: Any) -> Path:
    read = read_plan(write_case(folder, **plan))
    run_sweep({"sweep": read}, folder, folder / "run.sqlite", workers=1)
    return folder / "run.sqlite"


def made(store: Path, out: Path) -> tuple[Page, str]:
    with open_run(store) as run:
        page = make_page(run, again=InShell())
        write_data(page, run, out / "data")
    write_page(page, out / "report.html")
    return page, (out / "report.html").read_text(encoding="utf-8")


def test_a_level_without_prices_says_so(tmp_path: Path) -> None:
    page, text = made(swept(tmp_path, level="ideal"), tmp_path)
    assert "The level ideal prices nothing" in text
    assert "Nothing is priced at this level." in page.paragraph
    assert page.verdict.energy is None
    assert not [card for card in page.cards if "energy" in card.label]


def test_the_level_ideal_has_no_commands_that_it_refuses(tmp_path: Path) -> None:
    store = swept(tmp_path, level="ideal", spec={"loss": {"at_most": 0.0}})
    with open_run(store) as run:
        for again in (InShell(), InPython()):
            page = make_page(run, again=again)
            assert page.verdict.binding is not None
            (section,) = [one for one in page.sections if one.key == "reproduction"]
            words = "\n".join(f"{what}\n{text}" for what, text in section.lines)
            assert "sweep" in words
            for refused in ("explain", "The wave of", "Spectre", "ngspice"):
                assert refused not in words


def test_timed_dies_have_no_command_that_explains_them(tmp_path: Path) -> None:
    spec = {"loss": {"at_most": 0.0}}
    store = swept(tmp_path, n_dies=1, timing="timed", spec=spec)
    with open_run(store) as run:
        for again in (InShell(), InPython()):
            page = make_page(run, again=again)
            assert page.verdict.binding is not None
            (section,) = [one for one in page.sections if one.key == "reproduction"]
            words = "\n".join(f"{what}\n{text}" for what, text in section.lines)
            assert "explain" not in words
            assert "The wave of" in words


@pytest.fixture(name="held_longer", scope="module")
def _held_longer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two points: the plan's design, and another one."""
    axes = [{"axis": "hold", "values": [12, 16]}]
    folder = tmp_path_factory.mktemp("hold")
    return swept(folder, n_dies=1, axes=axes, design={"i_unit": "500 pA", "hold": 12})


@pytest.mark.parametrize("again", [InShell(), InPython()])
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("frame_period", 0.05, "frames of 50 ms"),
        ("k", 1, "K = 1"),
        ("weight_bits", 4, "4 bits of a weight"),
        ("bias_bits", 5, "5 bits of a bias"),
        ("model", "other\nrm", "other rm"),
        ("perturbation", 5.0, "p = 5 %"),
        ("reference_error", 2.0, "reference +2 %"),
    ],
)
def test_a_wave_that_no_command_makes_says_what_it_lacks(
    held_longer: Path, again: Again, name: str, value: object, words: str
) -> None:
    with open_run(held_longer) as run:
        point = run.points[0]
        made = again.wave(run, point, "wave0")
        assert "netlist" in made.splitlines()[0]
        assert made.endswith("(cd wave0 && ngspice -b -r wave.raw bench.cir)")
        other = dataclasses.replace(point, settings={**point.settings, name: value})
        assert again.wave(run, other, "wave0") == (
            f"# No command here makes the chip at corner tt, 27 °C, 1.8 V, for it has: {words}."
        )
        # What only dies have, the nominal one has not.
        of_dies = {"mismatch_scale": 2.0, "noise_scale": 1.0, "timing": "timed"}
        same = dataclasses.replace(point, settings={**point.settings, **of_dies})
        assert again.wave(run, same, "wave0") == made


@pytest.mark.parametrize("again", [InShell(), InPython()])
def test_a_wave_of_another_design_says_so(held_longer: Path, again: Again) -> None:
    with open_run(held_longer) as run:
        assert again.wave(run, run.points[1], "wave1") == (
            "# No command here makes the chip at corner tt, 27 °C, 1.8 V, for it has: hold 16."
        )


def test_one_die_has_a_page(tmp_path: Path) -> None:
    page, text = made(swept(tmp_path, n_dies=1), tmp_path)
    assert page.verdict.dies == 1
    assert page.verdict.judged is not None
    assert page.verdict.judged.dies == 1
    assert "1 of 1 die pass" in text or "0 of 1 die pass" in text


def test_failures_only_have_a_page(tmp_path: Path) -> None:
    store = swept(tmp_path, n_dies=3)
    db = sqlite3.connect(store)
    db.execute(
        "UPDATE result SET status = 'NO_LAW', accuracy = NULL, decision = NULL, right = NULL, "
        "energy = NULL, energy_mean = NULL, quantiles = NULL, blocks = NULL"
    )
    db.commit()
    db.close()
    page, text = made(store, tmp_path)
    assert "3 of 3 runs failed and count in no mean" in text
    assert page.verdict.binding is None
    (rows,) = [t.rows for s in page.sections for t in s.tables if t.name == "failed_runs"]
    assert rows[0][3] == "3"


def test_a_die_that_the_circuit_failed_stands_first_among_the_worst(tmp_path: Path) -> None:
    axes = [{"axis": "v_dd", "values": [1.8, 1.7]}]
    store = swept(tmp_path, n_dies=3, axes=axes, spec={"loss": {"at_most": 0.9}})
    db = sqlite3.connect(store)
    db.execute(
        "UPDATE result SET status = 'NO_LAW', accuracy = NULL, decision = NULL, right = NULL, "
        "energy = NULL, energy_mean = NULL, quantiles = NULL, blocks = NULL "
        "WHERE die = 1 AND point = 1"
    )
    db.commit()
    db.close()
    page, _ = made(store, tmp_path)
    said = "Dies that do not pass because the circuit failed a run of theirs: 1."
    assert said in " ".join(page.paragraph)
    assert page.helps is not None
    assert "dies that do not pass failed by their circuit" in page.helps.short
    (worst,) = [t for s in page.sections for t in s.tables if t.name == "worst_dies_tt"]
    first = next(iter(worst.plain()))
    assert first["die (seed)"] == 1
    assert first["fails at"] >= 1


def test_a_network_that_is_not_at_hand_is_said_and_can_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = swept(tmp_path, n_dies=2)
    away = tmp_path / "away"
    away.mkdir()
    shutil.move(store, away / "run.sqlite")
    store, out = away / "run.sqlite", away / "report.html"
    assert command(["report", str(store), "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    assert "The network of this sweep is not at hand" in text
    assert "Area: not known here" in text
    named = ["--chip", str(tmp_path / "model"), "--inputs", str(tmp_path / "inputs.npz")]
    assert command(["report", str(store), "--out", str(out), *named]) == 0
    assert "is not at hand" not in out.read_text(encoding="utf-8")
    # Another network is not this sweep's.
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "model", other)
    spec = other / "model.yaml"
    spec.write_text(spec.read_text().replace("frame_period: 10 ms", "frame_period: 20 ms"))
    capsys.readouterr()
    before = out.read_text(encoding="utf-8")
    named[1] = str(other)
    assert command(["report", str(store), "--out", str(out), *named]) == 2
    assert "the network that the sweep was run with" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == before


def test_a_hostile_name_of_a_store_is_text_in_page_command_and_file(tmp_path: Path) -> None:
    store = swept(tmp_path, n_dies=2)
    evil = tmp_path / "a'; rm -rf x; <script>alert(1)<$(id)>.sqlite"
    store.rename(evil)
    page, text = made(evil, tmp_path)
    assert "<script" not in text
    (row, *_) = [t.rows for s in page.sections for t in s.tables if t.name.startswith("worst")]
    assert row[0][6].startswith(
        "mru-hw explain 'a'\"'\"'; rm -rf x; <script>alert(1)<$(id)>.sqlite"
    )
    names = [path.name for path in (tmp_path / "data").iterdir()]
    assert all(name.replace(".", "").replace("_", "").isalnum() for name in names)


def test_a_page_says_nothing_of_files_that_a_store_names(tmp_path: Path) -> None:
    """A store from elsewhere names a file of this machine; its text stays there."""
    secret = tmp_path / "secret"
    secret.write_text("password: hunter2\n")
    store = swept(tmp_path, n_dies=2)
    for name in ("model", "inputs", "calibration"):
        copy = tmp_path / f"{name}.sqlite"
        copy.write_bytes(store.read_bytes())
        db = sqlite3.connect(copy)
        ((plans,),) = db.execute("SELECT value FROM run WHERE name = 'plans'").fetchall()
        (plan,) = json.loads(plans).values()
        changed = json.dumps({"sweep": plan | {name: str(secret)}})
        db.execute("UPDATE run SET value = ? WHERE name = 'plans'", (changed,))
        db.commit()
        db.close()
        _, text = made(copy, tmp_path)
        assert "The network of this sweep is not at hand" in text
        assert "hunter2" not in text
        assert "password" not in text


def test_nothing_is_written_where_something_else_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, out = swept(tmp_path, n_dies=2), tmp_path / "report.html"
    mine = tmp_path / "mine.pdf"
    mine.write_text("mine")
    assert command(["report", str(store), "--out", str(out), "--pdf", str(mine)]) == 2
    assert capsys.readouterr().err.startswith(f'--pdf is "{mine}", expected a new path or ')
    assert not out.exists()
    assert mine.read_text() == "mine"


def test_a_network_that_never_ran_in_ngspice_says_so_and_how(tmp_path: Path) -> None:
    axes = [{"axis": "noise_scale", "values": [0, 1]}, {"axis": "v_dd", "values": [1.8, 1.7]}]
    page, text = made(swept(tmp_path, n_dies=2, axes=axes), tmp_path)
    (section,) = [s for s in page.sections if s.key == "ngspice"]
    assert "nothing on this page was checked against ngspice" in section.paragraphs[0]
    others, compared = section.tables
    assert others.name == "ngspice_others"
    checked = {row["figure"]: row["for this network"] for row in compared.plain()}
    assert checked["decisions"] == checked["energy and power, in all"] == "not compared"
    assert checked["corners, temperatures, supplies"] == "0 of 2 conditions"
    (_, plan), (_, commands) = section.lines
    (tmp_path / "SPICE.yaml").write_text(plan)
    read = read_plan(tmp_path / "SPICE.yaml")
    assert read.level == "spice"
    assert [axis.axis for axis in read.axes] == ["v_dd"]  # ngspice knows no noise
    assert "mru-hw sweep SPICE.yaml --out spice.sqlite" in commands
    assert "mru-hw report run.sqlite spice.sqlite" in text


def test_one_of_anything_is_no_plural(tmp_path: Path) -> None:
    """One run, die, sequence, unit, input and output: no word of the page counts them as many."""
    save_model(one_unit(), tmp_path / "model")
    x = np.full((1, 3, 1), 1.5)
    save_inputs(make_inputs(x, np.array([3]), np.array([0])), tmp_path / "x.npz")
    plan = {"model": "model", "inputs": "x.npz", "n_dies": 1, "keep": "all"}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    store = tmp_path / "run.sqlite"
    run_sweep({"sweep": read_plan(tmp_path / "plan.yaml")}, tmp_path, store, workers=1)
    page, text = made(store, tmp_path)
    assert "1 input, 1 cmru unit, K = 2, 1 output" in " ".join(page.paragraph)
    assert "into 1 class" in " ".join(page.paragraph)
    body = re.sub(r"<[^>]*>", " ", text.partition("<body>")[2])
    nouns = "runs|dies|sequences|points|units|inputs|outputs|frames|conditions|classes|layers"
    assert not re.findall(rf"(?<![\d.,])\b1 (?:{nouns})\b", body)
    with open_run(store) as run:
        write_paper(page, run, tmp_path / "paper")
        said = (tmp_path / "paper" / "methods.tex").read_text()
    assert not re.findall(rf"(?<![\d.,])\b1 (?:{nouns})\b", said)


def test_a_page_names_its_task_and_classes_as_text(tmp_path: Path) -> None:
    model = small_model()
    names = ("<b>yes</b>", "no", "x" * 99)
    told = {"config": {"task": {"name": "<i>words</i>"}}, "data_about": "<b>Spoken</b> words."}
    spec = model.spec.model_copy(update={"classes": names, "provenance": told})
    plan = write_case(tmp_path, n_dies=1)
    shutil.rmtree(tmp_path / "model")
    save_model(Model(spec=spec, tensors=model.tensors), tmp_path / "model")
    run_sweep({"sweep": read_plan(plan)}, tmp_path, tmp_path / "run.sqlite", workers=1)
    page, text = made(tmp_path / "run.sqlite", tmp_path)
    said = " ".join(page.paragraph)
    assert "(the task <i>words</i>: <b>yes</b>, no, " + "x" * 24 + ")" in said
    assert "its sequences, as its training said: “<b>Spoken</b> words”" in said
    assert "<b>yes" not in text
    assert "&lt;b&gt;yes" in text
