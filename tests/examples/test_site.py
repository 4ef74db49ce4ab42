"""The site of the documentation: it builds without a warning, loads nothing, and is whole."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mru_hw
from mru_hw.cli.app import COMMANDS
from mru_hw.mapping.options import DesignOptions
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.plan import Plan
from mru_hw.training.config import TrainConfig
from scripts.site import write_reference
from scripts.site.markdown import plain
from scripts.site.types import type_of, unit_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a link or a reference that leads nowhere is a warning, and so an error."""
    folder = tmp_path_factory.mktemp("site")
    call = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    call += ["-d", str(folder / "trees"), str(DOCS), str(folder / "html")]
    done = subprocess.run(call, cwd=DOCS.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages that are made of the program."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "command-gone.md").write_text("# of a command that is no more\n", encoding="utf-8")
    write_reference(folder, DOCS / "references.bib", DOCS / "schemas")
    return folder


def test_every_page_is_in_the_site_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = {path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")}
    built = {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}
    assert pages <= built
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"([^\"]+)\"", text)
        loaded += re.findall(r"<link[^>]*\shref=\"([^\"]+)\"", text)
        assert [each for each in loaded if re.match(r"(?:[a-z]+:)?//", each)] == [], path
    for path in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", path.read_text(encoding="utf-8")), path


def test_every_decision_is_listed_under_its_title(site: Path) -> None:
    text = (site / "decisions" / "index.html").read_text(encoding="utf-8")
    for path in sorted((DOCS / "decisions").glob("0*.md")):
        assert f'href="{path.stem}.html">{path.stem[:4]}: ' in text


def test_every_public_name_has_its_signature(site: Path) -> None:
    text = (site / "reference" / "docstrings.html").read_text(encoding="utf-8")
    for name in set(mru_hw.__all__) - {"__version__"}:
        assert f'id="mru_hw.{name}"' in text


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("design", list(DesignOptions.model_fields)),
        ("plan", list(Plan.model_fields)),
        ("config", list(TrainConfig.model_fields)),
        ("axes", list(AXES)),
    ],
)
def test_every_key_has_a_row_that_says_what_it_does(
    made: Path, page: str, names: list[str]
) -> None:
    text = (made / f"{page}.md").read_text(encoding="utf-8")
    for name in names:
        row = re.search(rf"^\| `{name}` \|(.+)\|$", text, re.MULTILINE)
        assert row, name
        assert len(row[1].rsplit("| ", 1)[1]) > 5 or page == "axes", name


@pytest.mark.parametrize(
    "page", ["calibration", "config", "design", "map", "model", "plan", "technology", "zoo"]
)
def test_every_key_of_a_document_has_a_meaning(made: Path, page: str) -> None:
    text = (made / f"{page}.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `[^`]+` \|.*$", text, re.MULTILINE)
    assert rows
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_command_has_its_options(made: Path) -> None:
    assert {path.stem for path in made.glob("command-*.md")} == {
        f"command-{command.name}" for command in COMMANDS
    }
    text = (made / "command-netlist.md").read_text(encoding="utf-8")
    assert "| `--out DIR` | required | The folder to write. |" in text
    assert "| `--tech NAME` | `generic180` | The technology: one that ships, " in text
    assert "| `MODEL` | The model folder. |" in text
    assert "    mru-hw netlist MODEL --out DIR [OPTIONS]" in text


def test_a_default_has_its_unit(made: Path) -> None:
    text = (made / "design.md").read_text(encoding="utf-8")
    assert "| `i_unit` | quantity | A | `1 nA` | Current that stands for 1.0" in text
    assert unit_of("supply [V], of the run") == ("V", "supply, of the run")
    assert unit_of("threshold, NMOS [V m]") == ("V m", "threshold, NMOS")
    assert unit_of("such as weight[3,5]") == ("", "such as weight[3,5]")


def test_a_range_is_said_in_words() -> None:
    whole = {"type": "integer", "minimum": 1, "exclusiveMaximum": 9}
    assert type_of(whole, {}) == "whole number, at least 1, below 9"
    assert type_of({"type": "array", "items": {"enum": ["a", "b"]}}, {}) == "list of: `a`, `b`"
    assert (
        type_of(
            {"anyOf": [{"$ref": "#/$defs/Part"}, {"type": "null"}]},
            {"Part": {"properties": {"key": {"type": "string"}}}},
        )
        == "[Part](#part) or null"
    )


@pytest.mark.parametrize(
    "page", sorted((DOCS / "validation").glob("*.md")), ids=lambda page: page.stem
)
def test_a_validation_page_begins_with_its_question(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.stem != "index":
        assert re.match(r"# .+\n\n\*\*Question\.\*\* .+\?\n\n\*\*Answer\.\*\* .+\n", text)
        assert text.count("\n![") >= 1


def test_a_page_that_a_text_names_is_there_by_its_title() -> None:
    """Those who read help and messages have the site, not the repository."""
    titles = {
        page.read_text("utf-8").split("\n")[0].removeprefix("# ") for page in DOCS.rglob("*.md")
    }
    named = set()
    for file in (ROOT / "mru_hw").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        notes = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named |= set(re.findall(r"documentation, (\w+)", node.value))
                told = node not in notes or file.parent.name == "cli"
                assert not told or file.parent.name == "report" or "docs/" not in node.value, file
    assert {"Models", "Cells", "Tasks", "Trim"} <= named
    assert {name for name in named if not any(re.match(rf"{name}\b", t) for t in titles)} == set()


def test_no_text_becomes_markup() -> None:
    assert plain("a_b* [c] <i> | $x$") == r"a\_b\* \[c\] \<i\> \| \$x\$"
    assert plain("as ``x_y`` or `v0/a`") == "as `x_y` or `v0/a`"
