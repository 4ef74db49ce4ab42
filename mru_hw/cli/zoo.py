"""The command `mru-hw zoo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.meter import meter
from mru_hw.cli.numbers import WORKERS, whole
from mru_hw.cli.output import Json, emit
from mru_hw.words import many


def zoo(
    plan: Annotated[
        str,
        typer.Argument(
            metavar="ZOO.yaml", help="What to train; or a plan that ships: cells, quick."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder of results.")],
    workers: Annotated[
        int,
        typer.Option(
            "--workers", metavar="N", help="Processes.", parser=whole("--workers", 1, WORKERS)
        ),
    ] = 1,
    json: Json = False,
) -> None:
    """Train cells on tasks under one budget and judge them on dies: tables and figures.

    A call that was interrupted resumes when it is repeated.
    """
    from mru_hw.zoo.page import write_page
    from mru_hw.zoo.run import run_zoo
    from mru_hw.zoo.table import summary

    with meter("zoo") as show:
        outcome = run_zoo(plan, out, workers=workers, progress=show)
    rows = write_page(outcome.plan, outcome.results, out)
    result = {
        "complete": True,
        "out": out,
        "page": out / "zoo.md",
        "table": out / "zoo.csv",
        "steps": outcome.steps,
        "computed": outcome.computed,
        "core_seconds": outcome.results.core_seconds,
        "seconds": outcome.seconds,
        "rows": [summary(row) for row in rows],
    }
    lines = [
        f"{out}: {many(outcome.steps, 'step')}, {outcome.computed} of them in this call.",
        *(_line(one) for one in map(summary, rows)),
        f"Tables and figures: {out / 'zoo.md'}, {out / 'zoo.csv'}.",
    ]
    emit(result, as_json=json, lines=lines)


def _line(row: dict[str, object]) -> str:
    """Say what came out for one cell."""
    tests = row["test"]
    assert isinstance(tests, list)
    shares = ", ".join(f"{100 * share:.1f}" for share in tests) or "none"
    return f"{row['task']}, {row['cell']}, width {row['width']}: test {shares} %."
