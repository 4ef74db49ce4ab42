"""The command `mru-hw sensitivity`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mru_hw.cli.conditions import Corner, Supply, Temperature
from mru_hw.cli.design import (
    CalibrationFile,
    DesignFile,
    IUnit,
    Tech,
    chosen_options,
    told_of_design,
)
from mru_hw.cli.numbers import SEEDS, WORKERS, real, whole
from mru_hw.cli.output import Json, emit, plain, progress, say

if TYPE_CHECKING:
    from mru_hw.simulate.sensitivity.result import Sensitivity


def sensitivity(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model folder.")],
    inputs: Annotated[
        Path, typer.Option("--inputs", metavar="X.npz", help="Sequences: x, lengths, y.")
    ],
    tech: Tech = "generic180",
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="What is switched at a time: group, the error budget's groups of like devices; "
            "mirror, what area of DESIGN.yaml enlarges together; role, circuit or layer.",
        ),
    ] = "group",
    dies: Annotated[
        int,
        typer.Option(
            "--dies", metavar="N", help="How many dies.", parser=whole("--dies", 2, 10_000)
        ),
    ] = 50,
    die: Annotated[
        int,
        typer.Option(
            "--die", metavar="SEED", help="The first of them.", parser=whole("--die", 0, SEEDS)
        ),
    ] = 0,
    mismatch_scale: Annotated[
        float,
        typer.Option(
            "--mismatch-scale",
            metavar="FACTOR",
            help="Mismatch over its sigma.",
            parser=real("--mismatch-scale"),
        ),
    ] = 1.0,
    corner: Corner = None,
    temperature: Temperature = None,
    vdd: Supply = None,
    sequences: Annotated[
        str, typer.Option("--sequences", metavar="0:10", help="Which sequences, start:stop.")
    ] = ":",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            help="Processes; one a core without it.",
            parser=whole("--workers", 1, WORKERS),
        ),
    ] = None,
    rows: Annotated[
        int,
        typer.Option(
            "--rows",
            metavar="N",
            help="Lines of the table; --json has all.",
            parser=whole("--rows", 1, 10_000),
        ),
    ] = 20,
    kernel: Annotated[
        str | None,
        typer.Option(
            "--kernel",
            metavar="numba|numpy",
            help="What computes the dies; numba where it is installed without it.",
        ),
    ] = None,
    design: DesignFile = None,
    i_unit: IUnit = None,
    calibration: CalibrationFile = None,
    json: Json = False,
) -> None:
    """Say which devices' mismatch makes a chip step otherwise than software, part by part.

    Each die is run at the level behavioral with all its mismatch, with none, with each part's alone
    and with all but it; whatever is switched, its devices draw the same numbers.
    """
    from mru_hw.simulate.run import Chip
    from mru_hw.stimulus import load_inputs, sequence_range
    from mru_hw.sweeps.work import cores

    options = chosen_options(design, i_unit)
    data = load_inputs(inputs)
    first, stop = sequence_range(sequences, data.n_seq)
    with told_of_design(design, i_unit):
        chip = Chip(model, tech, options, calibration)
    with progress("sensitivity", dies) as advance:
        found = chip.sensitivity(
            data,
            by,
            dies=dies,
            die=die,
            mismatch=mismatch_scale,
            corner=corner,
            temperature=temperature,
            v_dd=vdd,
            sequences=slice(first, stop),
            kernel=kernel,
            workers=cores() if workers is None else workers,
            progress=advance,
        )
    if found.warning:
        say(found.warning)
    emit(_data(found, chip.design.digest()), as_json=json, lines=found.lines(rows))


def _data(found: Sensitivity, design: str) -> dict[str, Any]:
    data: dict[str, Any] = plain(found.as_data())
    return {"design": design, **data}
