"""The command `mru-hw sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.meter import meter
from mru_hw.cli.numbers import WORKERS, whole
from mru_hw.cli.output import Json, emit
from mru_hw.errors import UserError


def sweep(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.yaml", help="What to run.")],
    out: Annotated[Path, typer.Option("--out", metavar="RUN.sqlite", help="The store to write.")],
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            help="Processes; one a core without it.",
            parser=whole("--workers", 1, WORKERS),
        ),
    ] = None,
    dask: Annotated[
        str | None, typer.Option("--dask", metavar="ADDRESS", help="Not made yet.")
    ] = None,
    json: Json = False,
) -> None:
    """Run a network on many dies and conditions.

    A call that was interrupted resumes when it is repeated, to the same bits. Runs that the machine
    cut off (killed, no memory, no room, too slow) are tried again then, and end this call with 1.
    """
    from mru_hw.report.summary import sweep_lines, sweep_summary
    from mru_hw.sweeps.face import sweep_plan
    from mru_hw.sweeps.view import open_run

    if dask is not None:
        raise UserError("--dask", dask, "no such option: clusters are to come, use --workers")
    with meter("sweep") as show:
        outcome = sweep_plan(plan, out, workers=workers, progress=show)
    with open_run(out) as run:
        summary = sweep_summary(run) | {
            "run": out,
            "point": run.base.settings,
            "runs": outcome.runs,
            "computed": outcome.computed,
            "failed": outcome.failed,
            "digest": outcome.digest,
            "seconds": outcome.seconds,
        }
        emit(summary, as_json=json, lines=sweep_lines(run, summary))
    outcome.refuse_cut_off()
