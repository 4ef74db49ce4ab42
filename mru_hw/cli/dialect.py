"""The option that names the simulator of a deck, which several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

InDialect = Annotated[
    str,
    typer.Option(
        "--dialect",
        help="The simulator to write for: ngspice, hspice, spectre or xyce. Only ngspice's has "
        "been run in its own simulator.",
    ),
]
