"""Every cell of circuits/ shows what its cell.yaml says, in plain ngspice, as a user opens it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mru_hw.data import circuits_dir
from mru_hw.files import read_yaml

CELLS = sorted(path.parent for path in circuits_dir().glob("*/cell.sp"))


def about(cell: Path) -> dict[str, Any]:
    return read_yaml(cell / "cell.yaml")


def empty(value: object, at: str) -> list[str]:
    """Name the keys without a value, as YAML leaves them of an unquoted text with a comma."""
    if isinstance(value, dict):
        return [key for name, below in value.items() for key in empty(below, f"{at}.{name}")]
    if isinstance(value, list):
        return [key for k, below in enumerate(value) for key in empty(below, f"{at}.{k}")]
    return [at] if value is None else []


def measured(cell: Path) -> dict[str, float]:
    done = subprocess.run(
        ["ngspice", "-b", "bench.cir"],
        cwd=cell,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    pairs = re.findall(r"^(\w+)\s*=\s*([-+0-9.e]+)", done.stdout, re.MULTILINE)
    return {name: float(value) for name, value in pairs}


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_bench_shows_the_cell_working(cell: Path) -> None:
    shows = about(cell)["shows"]
    got = measured(cell)
    assert shows
    assert set(shows) <= set(got)
    outside = {
        name: got[name] for name, row in shows.items() if not row["min"] <= got[name] <= row["max"]
    }
    assert outside == {}


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_yaml_names_the_ports_and_parameters_of_the_deck(cell: Path) -> None:
    document = about(cell)
    assert {"what", "ports", "range", "law", "source", "shows"} <= set(document)
    assert document["name"] == cell.name
    assert empty(document, cell.name) == []
    text = (cell / "cell.sp").read_text().replace("\n+", "")
    lines = re.findall(r"^\.subckt (.*)$", text, re.MULTILINE)
    assert [line.split()[0] for line in lines] == document["subcircuits"]
    words = lines[-1].split()[1:]
    assert set(document["ports"]) == {word for word in words if "=" not in word}
    assert set(document["parameters"]) == {w.split("=")[0] for w in words if "=" in w}
    for row in (*document["ports"].values(), *document["shows"].values()):
        assert row["unit"] in {"A", "V", "s", "C"}
