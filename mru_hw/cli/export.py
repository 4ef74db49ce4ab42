"""The command `mru-hw export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.output import Json, emit
from mru_hw.words import many


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN.sqlite", help="What sweep wrote.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="T.csv|T.parquet", help="The table to write.")
    ],
    json: Json = False,
) -> None:
    """Write the runs of a sweep as a table, one row a run."""
    from mru_hw.sweeps.export import export as write
    from mru_hw.sweeps.face import read_sweep

    sweep = read_sweep(run)
    write(sweep, out)
    emit(
        {"table": out, "runs": len(sweep), "complete": sweep.complete},
        as_json=json,
        lines=[f"{out}: {many(len(sweep), 'run')}."],
    )
