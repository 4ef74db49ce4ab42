"""The command `mru-hw import-weights`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.output import Json, emit, say
from mru_hw.errors import printable


def import_weights(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A torch state_dict, safetensors or .npz.")
    ],
    map_file: Annotated[
        Path,
        typer.Option("--map", metavar="MAP.yaml", help="The structure and where each tensor is."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="MODEL", help="The model folder to write.")],
    json: Json = False,
) -> None:
    """Make a model of somebody else's weights, number for number.

    What MAP.yaml says: documentation, Models. An earlier import of the same file is replaced, no
    other model is.
    """
    from mru_hw.model import importer

    imported = importer.import_weights(file, map_file, out)
    spec = imported.model.spec
    cells = [layer.cell.name for layer in spec.layers]
    units = [layer.n_units for layer in spec.layers]
    if imported.warning:
        say(imported.warning)
    emit(
        {
            "model": out,
            "cells": cells,
            "units": units,
            "unused": imported.unused,
            "warning": imported.warning or None,
        },
        as_json=json,
        lines=[
            f"{out}: {', '.join(f'{n} {cell}' for n, cell in zip(units, cells, strict=True))}.",
            *(f"Not used: {printable(name, 200)}." for name in imported.unused),
        ],
    )
