"""The kit for papers: what it holds, that it is LaTeX whatever the names, that it compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from scipy import stats

from mru_hw.cli.again import InShell
from mru_hw.cli.app import run as command
from mru_hw.report import latex
from mru_hw.report.page import make_page
from mru_hw.report.paper import references, results_table, write_paper
from mru_hw.report.parts import Table
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from tests.sweeps import write_case

EVIL = r"\input{/etc/passwd} 50% of $a_b^c & #1 ~ {x} [y] *z -- é 中 <&>|`" + '"'


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper")
    axes = [{"axis": "temperature", "values": [27, 85]}]
    plan = read_plan(write_case(folder, n_dies=6, seed=3, axes=axes))
    store = folder / r"a_b \input{x} %$.sqlite"
    run_sweep({"sweep": plan}, folder, store, workers=1)
    out = ["--out", str(folder / "report.html"), "--paper", str(folder / "paper")]
    assert command(["report", str(store), *out]) == 0
    return folder


def parsed(text: str) -> None:
    """Hold LaTeX to its grammar: groups closed, environments nested, commands that are known."""
    bare = re.sub(r"(?<!\\)%.*", "", text)
    assert bare.isascii()
    depth = 0
    for mark in re.findall(r"\\.|[{}]", bare, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        assert depth >= 0
    assert depth == 0
    opened: list[str] = []
    for what, name in re.findall(r"\\(begin|end)\{(\w+)\}", bare):
        if what == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert not opened
    # Outside formulas and tabulars nothing that means something stands bare.
    plain = re.sub(r"\\.|\$[^$]*\$", "", bare, flags=re.DOTALL)
    assert not re.search(r"[#$^]", plain)


def test_every_file_is_latex_whatever_the_names(kit: Path) -> None:
    files = sorted((kit / "paper").glob("*.tex"))
    assert {"paper.tex", "methods.tex", "verdict.tex", "table_results.tex"} <= {
        file.name for file in files
    }
    for file in files:
        text = file.read_text(encoding="ascii")
        parsed(text)
        # What a store is called stands as text, and reads no file.
        for name in re.findall(r"\\input\{([^}]*)\}", text):
            assert (kit / "paper" / name).with_suffix(".tex").is_file()
        for name in re.findall(r"\\includegraphics\[[^]]*\]\{(\w+)\}", text):
            assert (kit / "paper" / f"{name}.pdf").read_bytes().startswith(b"%PDF-")


def test_any_text_is_shown_and_means_nothing() -> None:
    said = latex.escaped(EVIL)
    assert said.startswith(r"\textbackslash{}input\{/etc/passwd\} 50\% of \$a\_b\textasciicircum{}")
    assert said.isascii()
    assert "{[}y]" in said
    assert "{*}z" in said
    assert "-{}-" in said
    assert r"\'{e} {[}U+4E2D]" in said
    parsed(said)
    one = Table(name="x", caption=EVIL, head=(EVIL, "n"), rows=[(EVIL, EVIL)] * 50, code=(1,))
    text = latex.table(one, "x")
    parsed(text)
    assert text.count(r"\begin{table}") == 2
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 2
    assert r"\label{tab:x_2}" in text


def test_results_have_the_intervals_of_the_store(kit: Path) -> None:
    (store,) = kit.glob("*.sqlite")
    with open_run(store) as run:
        page = make_page(run, again=InShell())
        rows = list(results_table(page, run).plain())
        for row, point in zip(rows, run.points, strict=True):
            mean = point.energy.mean()
            sem = point.energy.std(ddof=1) / len(point.energy) ** 0.5
            low, high = stats.t.interval(0.95, len(point.energy) - 1, mean, sem)
            assert row["energy [J]"] == pytest.approx(mean)
            assert row["[95 %] [J] low"] == pytest.approx(low)
            assert row["[95 %] [J] high"] == pytest.approx(high)
            assert row["runs"] == 6


def test_methods_have_seeds_versions_and_hashes(kit: Path) -> None:
    text = (kit / "paper" / "methods.tex").read_text()
    first = 3 * 2**20
    assert f"s = 3: {first} to {first + 5} at the point" in text
    (store,) = kit.glob("*.sqlite")
    with open_run(store) as run:
        assert run.facts["hash.model"][:16] in text
        assert f"numpy {run.facts['version.numpy']}" in text
        assert run.digest()[:16] in text
    bib = (kit / "paper" / "references.bib").read_text()
    for keys in re.findall(r"\\cite\{([^}]*)\}", text):
        for key in keys.split(","):
            assert re.search(rf"^@\w+\{{{key},$", bib, re.MULTILINE), key


def test_every_reference_has_a_title() -> None:
    text = references(["mru_hw", "arxiv2605_07936", "pelgrom1989matching"])
    assert text.count("\n  title = ") == 3
    assert text.count("(title to be filled in)") == 1


def test_a_folder_of_somebody_else_is_left_alone(
    kit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (store,) = kit.glob("*.sqlite")
    (tmp_path / "paper.tex").write_text("mine\n")
    arguments = ["report", str(store), "--out", str(tmp_path / "r.html"), "--paper", str(tmp_path)]
    assert command(arguments) == 2
    assert capsys.readouterr().err.startswith("paper is ")
    assert (tmp_path / "paper.tex").read_text() == "mine\n"
    assert not (tmp_path / "r.html").exists()
    # An earlier kit is replaced.
    with open_run(store) as run:
        page = make_page(run, again=InShell())
        write_paper(page, run, kit / "paper")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX on this machine")
def test_it_compiles(kit: Path, tmp_path: Path) -> None:
    shutil.copytree(kit / "paper", tmp_path / "paper")
    for line in (
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"],
        ["bibtex", "paper"],
    ):
        done = subprocess.run(line, cwd=tmp_path / "paper", capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode("latin-1")[-2000:]
    assert (tmp_path / "paper" / "paper.pdf").stat().st_size > 50_000
