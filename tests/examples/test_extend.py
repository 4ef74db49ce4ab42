"""The pages on extending the package, done as they say in a copy of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mru_hw.mapping import map_model
from mru_hw.sweeps.view import open_run
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from tests.mistakes import sentence
from tests.sweeps import small_model, write_case

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "extend"
END_OF_TABLE = ")\n\nAXES: dict"
TABLE = "_TABLE = ("
LOOK = """
import json, sys
from mru_hw.sweeps.schema import plan_schema
from mru_hw.sweeps.view import open_run
with open_run(__import__("pathlib").Path(sys.argv[1])) as run:
    print(json.dumps({
        "settings": [point.settings for point in run.points],
        "designs": [point.design for point in run.points],
        "options": [run.designs[point.design] for point in run.points],
        "accuracy": [point.accuracy.tolist() for point in run.points],
        "energy": [point.energy.tolist() for point in run.points],
        "schema": sorted(plan_schema()["$defs"]),
    }))
"""


class Copy:
    """The package in a folder of its own, which a page's blocks are put into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        left_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "mru_hw", folder / "mru_hw", ignore=left_out)
        for name in ("circuits", "calibration"):
            (folder / name).symlink_to(ROOT / name)

    def insert(self, path: str, before: str, text: str) -> None:
        """Put a text before the only place of another one in a file."""
        file = self.folder / "mru_hw" / path
        whole = file.read_text(encoding="utf-8")
        assert whole.count(before) == 1
        file.write_text(whole.replace(before, text + before), encoding="utf-8")

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python with the copy in place of the package."""
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.folder)},
        )

    def command(self, *arguments: str) -> str:
        """Run ``mru-hw`` and return what it says."""
        code = "from mru_hw.cli.app import main; main()"
        done = self.python("-c", code, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def swept(self, axis: str, values: list[Any]) -> dict[str, Any]:
        """Sweep two dies over an axis and return what the copy reads in the store."""
        axes = [{"axis": axis, "values": values}]
        write_case(self.folder, n_dies=2, axes=axes)
        self.command("sweep", "plan.yaml", "--out", "run.sqlite", "--workers", "2")
        self.command("report", "run.sqlite", "--out", "report.html")
        done = self.python("-c", LOOK, "run.sqlite")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def package(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def blocks(page: str) -> list[str]:
    text = (PAGES / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_an_axis_is_one_entry(package: Copy) -> None:
    function, entry = blocks("sweep_axis.md")
    package.insert("sweeps/axes.py", TABLE, f"{function}\n\n")
    package.insert("sweeps/axes.py", END_OF_TABLE, entry)
    found = package.swept("pruned", [0, 0.2])
    assert [settings["pruned"] for settings in found["settings"]] == [0, 0.2]
    plain, rounded = found["energy"]
    assert len(plain) == len(rounded) == 2
    assert plain != rounded
    assert len(set(found["designs"])) == 2
    assert "pruned" in found["schema"]
    page = (package.folder / "report.html").read_text(encoding="utf-8")
    assert "0 % of the weights left out" in page
    assert "20 % of the weights left out" in page
    assert "Over weights left out, as a share: the mean" in page
    # What the value leaves alone is what a sweep without the axis has, bit for bit.
    shutil.move(package.folder / "run.sqlite", package.folder / "over.sqlite")
    assert package.swept("noise_scale", [0])["energy"] == [plain]
    # A version without the axis says which it lacks.
    store = package.folder / "over.sqlite"

    def read() -> None:
        with open_run(store):
            raise AssertionError("unreachable")

    expected = "expected a sweep over axes that this version of mru_hw has, not pruned."
    assert sentence(read) == f'run is "{store}", {expected}'


def test_an_option_is_one_field_and_sweeps_by_its_name(package: Copy) -> None:
    field, function, entry = blocks("design_option.md")
    package.insert("mapping/options.py", "    def __init__(self", f"{field}\n")
    package.insert("mapping/passes.py", "PASSES: tuple", f"{function}\n\n")
    package.insert("mapping/passes.py", "    choose_levels,\n", "    guard_thresholds,\n")
    package.insert("sweeps/axes.py", END_OF_TABLE, entry)
    found = package.swept("guard", [0, 0.1])
    assert [settings["guard"] for settings in found["settings"]] == [0, 0.1]
    assert [options["guard"] for options in found["options"]] == [0, 0.1]
    # Where nothing is chosen, the design is that of the package without the option.
    technology = load_technology("generic180")
    known = map_model(small_model(), technology, load_calibration(technology))
    plain, guarded = found["designs"]
    assert plain == known.digest() != guarded
    assert "guard" in found["schema"]
    page = (package.folder / "report.html").read_text(encoding="utf-8")
    assert "thresholds 10 % higher" in page
    assert "options of design 1" in page
    with (package.folder / "DESIGN.yaml").open("w") as stream:
        stream.write("guard: 0.7\n")
    write_case(package.folder, n_dies=2, design="DESIGN.yaml")
    code = "from mru_hw.cli.app import main; main()"
    done = package.python("-c", code, "sweep", "plan.yaml", "--out", "other.sqlite")
    assert done.returncode == 2
    assert (
        done.stderr == "DESIGN.yaml: guard is 0.7, expected a number less than or equal to 0.5.\n"
    )
