"""The command `mru-hw report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.output import Json, emit


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN.sqlite", help="What sweep wrote.")],
    out: Annotated[Path, typer.Option("--out", metavar="report.html", help="The page to write.")],
    json: Json = False,
) -> None:
    """Show a sweep as one page that stands alone."""
    from mru_hw.report.page import write_report
    from mru_hw.sweeps.statistics.answers import statistics
    from mru_hw.sweeps.view import open_run

    with open_run(run) as view:
        write_report(view, out)
        runs = sum(point.n_runs for point in view.points)
        state = "complete" if view.complete else "not complete"
        emit(
            {"report": out, "complete": view.complete, "runs": runs}
            | ({"statistics": statistics(view).as_data()} if json else {}),
            as_json=json,
            lines=[f"{out}: {runs} runs, the sweep is {state}."],
        )
