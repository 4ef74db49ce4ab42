"""The command `mru-hw merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.output import Json, emit
from mru_hw.words import many


def merge(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN.sqlite...", help="What sweep --shard wrote.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="RUN.sqlite", help="The store to write.")],
    json: Json = False,
) -> None:
    """Put the shards of a sweep together, to what it would have left in one piece."""
    from mru_hw.sweeps.merge import merge as merge_shards
    from mru_hw.sweeps.view import open_run

    merge_shards(runs, out)
    with open_run(out) as view:
        n_runs = sum(point.n_runs for point in view.points)
        found = {
            "run": out,
            "shards": len(runs),
            "runs": n_runs,
            "complete": view.complete,
            "digest": view.digest(),
        }
    text = f"{out}: {many(n_runs, 'run')} of {many(len(runs), 'shard')}."
    emit(found, as_json=json, lines=[text])
