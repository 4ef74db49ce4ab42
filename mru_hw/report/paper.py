"""A kit for papers: figures as PDF, tables in LaTeX, a paragraph on methods, BibTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from mru_hw.data import bibliography_file
from mru_hw.files import read_bytes, refuse_foreign, whole_folder
from mru_hw.report import latex
from mru_hw.report.data import free_name
from mru_hw.report.drawing import Drawing
from mru_hw.report.methods import SOFTWARE, cited, methods
from mru_hw.report.page import Page
from mru_hw.report.parts import Section, Table
from mru_hw.statistics.crossed import mean_band
from mru_hw.sweeps.point_view import PointView
from mru_hw.sweeps.statistics.answers import PointStatistics
from mru_hw.sweeps.told import Told, ends, percent, quantity
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import where
from mru_hw.version import __version__

MAIN, METHODS, VERDICT, REFERENCES = "paper.tex", "methods.tex", "verdict.tex", "references.bib"
_WHAT = "kit for a paper"
_MARK = "% mru-hw paper: "
"""Begins the line of `MAIN` that lists the files of a kit."""
_LIMIT = 1 << 22


def write_paper(page: Page, run: RunView, out: Path) -> None:
    """Write a folder with what a paper takes from a page; it appears whole or not at all.

    ``paper.tex`` puts all of it in one document, which compiles as it is.

    Raises
    ------
    UserError
        `out` holds something else.
    """
    refuse_paper(out)
    taken: set[str] = set()
    files: dict[str, bytes] = {}
    body: list[str] = []
    results = Section(key="results", title="Results", tables=[results_table(page, run)])
    for section in (results, *page.sections):
        body += [*_section(section, taken, files)]
    files[METHODS] = _methods(page, run).encode("ascii")
    files[VERDICT] = (latex.escaped(" ".join(page.paragraph)) + "\n").encode("ascii")
    files[REFERENCES] = references(cited(run, page.chip)).encode("utf-8")
    names = [*files, MAIN]
    files[MAIN] = _document(page, body, names).encode("ascii")
    with whole_folder(out, "paper") as part:
        for name, data in files.items():
            (part / name).write_bytes(data)


def refuse_paper(out: Path) -> None:
    """Raise `UserError` where `out` holds something else than an earlier kit."""
    refuse_foreign(out, marker=MAIN, what=_WHAT, field="paper", allowed=_listed(out / MAIN))


def _listed(main: Path) -> set[str]:
    """Return the names of the files that an earlier kit lists; none where it is no kit."""
    if not main.is_file():
        return set()
    head = read_bytes(main, "paper", limit=_LIMIT, what=_WHAT).decode("ascii", "replace")
    first = head.partition("\n")[0]
    return set(first.removeprefix(_MARK).split()) if first.startswith(_MARK) else set()


def results_table(page: Page, run: RunView) -> Table:
    """Return accuracy, energy, power and yield of each point, each with its interval."""
    rows = [
        list(_result(run, point, told))
        for point, told in zip(run.points, page.statistics.points, strict=True)
    ]
    return Table(
        name="results",
        caption=(
            "Results at each point, means over its runs. In brackets, 95 % intervals: of an "
            "accuracy for other dies and sequences, of energy and power for other dies, of a "
            "yield (share of runs that keep the specification there) Clopper's and Pearson's."
        ),
        head=(
            *("at", "runs", "accuracy", "[95 %]", "energy", "[95 %]", "power", "[95 %]"),
            *("yield", "[95 %]"),
        ),
        rows=rows,
        numbers=range(1, 10),
    )


def _result(run: RunView, point: PointView, told: PointStatistics) -> Iterator[str]:
    yield where(run, point)
    yield Told(str(told.runs), told.runs)
    yield percent(float(point.accuracy.mean()) if len(point.accuracy) else None)
    yield ends(told.accuracy)
    # Runs that share a die are not independent: where the accuracy has no interval, no figure has.
    alone = told.accuracy is not None
    for values, unit in ((point.energy, "J"), (point.power, "W")):
        yield quantity(float(values.mean()), unit) if len(values) else Told("not priced")
        yield ends(mean_band(values) if alone else None, unit)
    yield Told("not told") if told.passing is None else percent(told.passing.value)
    yield ends(told.passing)


def _section(section: Section, taken: set[str], files: dict[str, bytes]) -> Iterator[str]:
    if section.tables or section.pictures:
        yield f"\\section*{{{latex.escaped(section.title)}}}"
    for one in section.tables:
        name = f"table_{free_name(one.name, taken)}"
        files[f"{name}.tex"] = latex.table(one, name.removeprefix("table_")).encode("ascii")
        yield f"\\input{{{name}}}"
    for picture in section.pictures:
        name = f"figure_{free_name(picture.name, taken)}"
        if isinstance(picture.svg, Drawing):
            files[f"{name}.pdf"] = picture.svg.pdf()
            yield _figure(name, picture.caption)
    if section.tables or section.pictures:
        yield "\\clearpage"


def _figure(name: str, caption: str) -> str:
    return (
        "\\begin{figure}[htbp]\n\\centering\n"
        f"\\includegraphics[width=\\linewidth,height=0.8\\textheight,keepaspectratio]{{{name}}}\n"
        f"\\caption{{{latex.escaped(caption)}}}\n"
        f"\\label{{fig:{name.removeprefix('figure_')}}}\n\\end{{figure}}"
    )


def _methods(page: Page, run: RunView) -> str:
    said = []
    for text, keys in methods(run, page.chip):
        shown = latex.escaped(text)
        said.append(f"{shown.rstrip('.')}~\\cite{{{','.join(keys)}}}." if keys else shown)
    return "\n".join(said) + "\n"


def _document(page: Page, body: Iterable[str], names: Iterable[str]) -> str:
    packages = "".join(f"\\usepackage{{{name}}}\n" for name in latex.PACKAGES)
    return (
        f"{_MARK}{' '.join(names)}\n"
        "\\documentclass{article}\n\\usepackage[T1]{fontenc}\n\\usepackage[margin=22mm]{geometry}\n"
        f"{packages}\\begin{{document}}\n\\section*{{{latex.escaped(page.title)}}}\n"
        f"\\input{{{VERDICT}}}\n\n\\section*{{Methods}}\n\\input{{{METHODS}}}\n\n"
        + "\n\n".join(body)
        + "\n\n\\nocite{*}\n\\bibliographystyle{plain}\n\\bibliography{references}\n"
        "\\end{document}\n"
    )


def references(keys: Iterable[str]) -> str:
    """Return entries of the bibliography, and that of this program, as BibTeX.

    An entry whose title was not at hand says so in its place, for a style asks for one.
    """
    text = bibliography_file().read_text(encoding="utf-8")
    known = {
        found[1]: found[0] for found in re.finditer(r"@\w+\{(\w+),\n.*?\n\}\n", text, re.DOTALL)
    }
    own = (
        f"@misc{{{SOFTWARE},\n  title = {{{{mru\\_hw}}: trained memory-recurrent networks on their "
        f"way to analog silicon}},\n  author = {{{{The mru\\_hw contributors}}}},\n"
        f"  note = {{Version {__version__}}},\n}}\n"
    )
    some = [own if key == SOFTWARE else known[key] for key in keys]
    return "\n".join(map(_titled, some))


def _titled(entry: str) -> str:
    if "\n  title = " in entry:
        return entry
    head, _, rest = entry.partition("\n")
    return f"{head}\n  title = {{(title to be filled in)}},\n{rest}"
