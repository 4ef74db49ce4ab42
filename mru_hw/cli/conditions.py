"""Options of the conditions that a chip is run at and of its die, which several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from mru_hw.cli.numbers import real

Corner = Annotated[
    str | None,
    typer.Option("--corner", help="Process corner; the technology's first without it."),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        metavar="DEGC",
        help="Temperature [degC]; the technology's without it.",
        parser=real("--temperature", "degC"),
    ),
]
Supply = Annotated[
    str | None, typer.Option("--vdd", metavar="V", help="Supply; the technology's without it.")
]
ProcessScale = Annotated[
    float,
    typer.Option(
        "--process-scale",
        metavar="FACTOR",
        help="With --die: its die-to-die spread is drawn with FACTOR times the technology's sigma; "
        "the die is not put at so many sigma.",
        parser=real("--process-scale"),
    ),
]
GradientScale = Annotated[
    float,
    typer.Option(
        "--gradient-scale",
        metavar="FACTOR",
        help="With --die: its gradient is drawn with FACTOR times the technology's sigma.",
        parser=real("--gradient-scale"),
    ),
]
