"""The options that say how a network becomes a design: DESIGN.yaml, i_unit, a calibration."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mru_hw.errors import UserError

if TYPE_CHECKING:
    from mru_hw.mapping import DesignOptions

Tech = Annotated[
    str,
    typer.Option(
        "--tech",
        metavar="NAME",
        help="The technology: one that ships, or one of your own in the folder that "
        "MRU_HW_TECHNOLOGIES names.",
    ),
]
DesignFile = Annotated[
    Path | None,
    typer.Option(
        "--design",
        metavar="DESIGN.yaml",
        help="The choices of the mapping; the defaults without it.",
    ),
]
Kernel = Annotated[
    str | None,
    typer.Option(
        "--kernel",
        metavar="numba|numpy",
        help="What computes the levels ideal and behavioral, settled: numba, or numpy, the "
        "reference. Without it numba where it is installed.",
    ),
]
IUnit = Annotated[
    str | None,
    typer.Option(
        "--i-unit",
        metavar="A",
        help='The current that stands for 1.0 of the network, such as "300 pA"; 1 nA without it.',
    ),
]
CalibrationFile = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="The technology's fitted constants, as mru-hw characterize writes them; those that "
        "ship without it.",
    ),
]


def chosen_options(design: Path | None, i_unit: str | None) -> DesignOptions:
    """Return what ``--design`` and its shorthand ``--i-unit`` ask for.

    Raises
    ------
    UserError
        The file is no DESIGN.yaml, a value is out of range, or both say another i_unit.
    """
    from mru_hw.mapping.options import DEFAULTS, read_options

    if design is None:
        return with_i_unit(DEFAULTS, i_unit, "")
    return with_i_unit(read_options(design, "--design"), i_unit, design.name)


def with_i_unit(options: DesignOptions, i_unit: str | None, source: str) -> DesignOptions:
    """Return options with the i_unit that ``--i-unit`` asks for, or as they are without it.

    Parameters
    ----------
    source
        The file that the options come from; empty where they are the defaults.

    Raises
    ------
    UserError
        The value is out of range, or the file says another.
    """
    from mru_hw.mapping import DesignOptions
    from mru_hw.units import parse, render_exact

    if i_unit is None:
        return options
    told = bool(source) and "i_unit" in options.model_fields_set
    if told and parse(i_unit, "A", "--i-unit") != options.i_unit:
        there = render_exact(options.i_unit, "A")
        raise UserError("--i-unit", i_unit, f"{there}, as {source} has it, or no such option")
    with told_of_design(None, i_unit):
        fields = {name: getattr(options, name) for name in options.model_fields_set}
        return DesignOptions(**fields | {"i_unit": i_unit})


def names_of_design(design: Path | None, i_unit: str | None) -> dict[str, str]:
    """Return by field what the choices that ``--design`` and ``--i-unit`` say are called there."""
    from mru_hw.mapping import DesignOptions

    names: dict[str, str] = {}
    if design is not None:
        names |= {name: f"{design.name}: {name}" for name in DesignOptions.model_fields}
    if i_unit is not None:
        names["i_unit"] = "--i-unit"
    return names


@contextlib.contextmanager
def told_of_design(design: Path | None, i_unit: str | None) -> Iterator[None]:
    """Name a choice of the mapping as the option or the file that it came from."""
    try:
        yield
    except UserError as error:
        name, dot, rest = error.field.partition(".")
        names = names_of_design(design, i_unit)
        if name in names:
            raise error.renamed({error.field: f"{names[name]}{dot}{rest}"}) from None
        raise
