"""The command `mru-hw report`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.again import InShell
from mru_hw.cli.output import Json, emit, say
from mru_hw.cli.pdf import refuse_pdf, write_pdf


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN.sqlite", help="What sweep wrote; further ones to compare."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="report.html", help="The page to write.")],
    chip: Annotated[
        Path | None,
        typer.Option(
            "--chip",
            metavar="MODEL",
            help="The sweep's network, if it lies neither beside the sweep nor here.",
        ),
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option("--inputs", metavar="X.npz", help="Its sequences, likewise.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="A folder for every table as JSON and CSV, every figure as SVG and CSV.",
        ),
    ] = None,
    paper: Annotated[
        Path | None,
        typer.Option(
            "--paper",
            metavar="DIR",
            help="A folder for a paper: figures as PDF, LaTeX tables, a paragraph on methods, "
            "BibTeX.",
        ),
    ] = None,
    pdf: Annotated[
        Path | None,
        typer.Option("--pdf", metavar="FILE", help="The page as PDF too, by a browser."),
    ] = None,
    json: Json = False,
) -> None:
    """Show a sweep as one page that stands alone, or several side by side."""
    from mru_hw.report.data import refuse_data, write_data
    from mru_hw.report.page import unfinished, write_report
    from mru_hw.report.paper import refuse_paper, write_paper
    from mru_hw.report.terminal import verdict_lines
    from mru_hw.sweeps.view import open_run
    from mru_hw.sweeps.words import many

    if data is not None:
        refuse_data(data)
    if paper is not None:
        refuse_paper(paper)
    if pdf is not None:
        refuse_pdf(pdf)
    with contextlib.ExitStack() as stack:
        run, *others = [stack.enter_context(open_run(path)) for path in runs]
        page = write_report(run, out, others=others, model=chip, inputs=inputs, again=InShell())
        n_runs = sum(point.n_runs for point in run.points)
        complete = all(one.complete for one in (run, *others))
        cut = [unfinished(one, one.path.name) for one in others]
        result = {
            "report": out,
            "complete": complete,
            "runs": n_runs,
            "verdict": page.verdict.as_data(run),
        }
        if data is not None:
            write_data(page, run, data)
            result["data"] = data
        if paper is not None:
            write_paper(page, run, paper)
            result["paper"] = paper
        if pdf is not None:
            lack = write_pdf(out, pdf)
            result["pdf"] = pdf if lack is None else None
            if lack is not None:
                say(lack)
        state = "complete" if run.complete else "not complete"
        first = f" of {run.path.name}" if others else ""
        emit(
            result | ({"statistics": page.statistics.as_data()} if json else {}),
            as_json=json,
            lines=[
                f"{out}: {many(n_runs, 'run')}{first}, the sweep is {state}.",
                *(sentence for sentence in cut if sentence),
                *verdict_lines(run, page.verdict, page.helps),
            ],
        )
