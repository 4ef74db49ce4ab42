"""The command `mru-hw characterize`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.output import Json, emit


def characterize(
    out: Annotated[
        Path, typer.Option("--out", metavar="calibration/T.yaml", help="The file to write.")
    ],
    tech: Annotated[str, typer.Option("--tech", metavar="T", help="The technology.")] = (
        "generic180"
    ),
    json: Json = False,
) -> None:
    """Run a technology's benches in ngspice and fit the behavioral constants to them."""
    from mru_hw.spice import characterize as benches
    from mru_hw.technology import load_technology
    from mru_hw.technology.calibration import write_calibration

    result = benches.characterize(load_technology(tech))
    write_calibration(result.constants, result.raw, out)
    emit(
        {"calibration": out, "constants": result.constants},
        as_json=json,
        lines=[f"{out}: constants of {tech}, the sampled runs beside it."],
    )
