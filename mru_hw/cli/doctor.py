"""The command `mru-hw doctor`."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from mru_hw.words import many

if TYPE_CHECKING:
    from mru_hw.cli.checkup import Checkup


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Say what is installed, what works without it and how to get it.

    Ends with status 0 where the core works, else with 1.
    """
    from mru_hw.cli.checkup import examine

    found = examine()
    if json:
        typer.echo(json_format.dumps(as_json(found), indent=2))
    else:
        for line in as_lines(found):
            typer.echo(line)
    if not found.core_works:
        raise typer.Exit(1)


def as_json(found: Checkup) -> dict[str, object]:
    """Return the JSON object of ``--json``."""
    return {"core_works": found.core_works} | asdict(found)


def as_lines(found: Checkup) -> list[str]:
    """Return what a person reads; no line depends on the terminal."""
    memory = "unknown" if found.memory_bytes is None else f"{found.memory_bytes / 2**30:.1f} GiB"
    width = max(len(check.name) for check in found.checks)
    lines = [
        f"Python {found.python}, {many(found.cores, 'core')}, {memory} of memory",
        *(f"  {check.name:<{width}}  {check.version or check.problem}" for check in found.checks),
        *(
            f"{check.name}: without it {check.without}. To get it: {check.get}."
            for check in found.checks
            if not check.works
        ),
    ]
    lines.append(f"The levels ideal and behavioral run by {found.kernel}.")
    lines.append(
        "Everything is here."
        if all(check.works for check in found.checks)
        else "The core works."
        if found.core_works
        else "The core does not work."
    )
    return lines
