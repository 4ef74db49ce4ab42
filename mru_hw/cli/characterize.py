"""The command `mru-hw characterize`."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.output import Advance, Json, emit, progress


def characterize(
    out: Annotated[
        Path, typer.Option("--out", metavar="calibration/T.yaml", help="The file to write.")
    ],
    tech: Annotated[str, typer.Option("--tech", metavar="T", help="The technology.")] = (
        "generic180"
    ),
    corner: Annotated[
        list[str] | None,
        typer.Option("--corner", help="One corner, again for each; all without it."),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", help="Runs at a time.", min=1, max=1024)
    ] = 2,
    work: Annotated[
        Path | None,
        typer.Option(
            "--work",
            metavar="DIR",
            help="Folder that keeps every finished run; without it one beside the file, which goes "
            "when the file is there.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Run a technology's benches in ngspice and fit the behavioral constants to them.

    A call that was cut off goes on where it was.
    """
    from mru_hw.spice import characterize as benches
    from mru_hw.technology import load_technology
    from mru_hw.technology.calibration import refuse_other_files, write_calibration

    technology = load_technology(tech)
    refuse_other_files(out)
    folder = out.with_name(f".{out.stem}.runs") if work is None else work
    with contextlib.ExitStack() as stack:

        def bar(total: int) -> Advance:
            return stack.enter_context(progress(tech, total))

        result = benches.characterize(
            technology, work=folder, corners=corner or (), workers=workers, progress=bar
        )
    write_calibration(result.constants, result.raw, out)
    if work is None:
        shutil.rmtree(folder)
    emit(
        {
            "calibration": out,
            "runs": result.runs,
            "core_seconds": result.core_seconds,
            "constants": result.constants,
        },
        as_json=json,
        lines=[
            f"{out}: constants of {tech} from {result.runs} runs of {result.core_seconds:.0f} "
            "core-seconds, samples beside it."
        ],
    )
