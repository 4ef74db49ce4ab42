"""What commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from mru_hw.errors import Bare, UserError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
"""The option ``--json`` of every command that has a result."""

Advance = Callable[[int], None]
"""Tell a progress bar how many more steps are done."""

SECONDS_A_LINE: float = 60
"""From one line on progress to the next, where no bar is shown."""


def emit(result: Mapping[str, Any], *, as_json: bool, lines: Iterable[str]) -> None:
    """Print a command's result: one JSON object, or the lines for a person.

    NaN and infinity become null, for JSON has neither. Characters that standard output's encoding
    lacks are escaped: names of files and tensors may be made of anything.

    Raises
    ------
    UserError
        Standard output takes no more: a full disk.
    """
    if as_json:
        text = json.dumps(plain(result), indent=2, allow_nan=False)
    else:
        coding = sys.stdout.encoding or "utf-8"
        text = "\n".join(lines).encode(coding, "backslashreplace").decode(coding)
    try:
        typer.echo(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        expected = f"room for the result ({error.strerror}); what was asked for is done"
        raise UserError("standard output", Bare("not written"), expected) from None


def say(text: str) -> None:
    """Print a line on standard error, where that takes one: the status says the same."""
    with contextlib.suppress(OSError):
        typer.echo(text, err=True)


@contextlib.contextmanager
def progress(title: str, total: int) -> Iterator[Advance]:
    """Show a bar on standard error while the block runs.

    Where that is no terminal it is a line each `SECONDS_A_LINE`, so a log grows and shorter work
    says nothing.
    """
    if not sys.stderr.isatty():
        yield _told_now_and_then(title, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=total)
        yield lambda done: bars.advance(task, done)


def _told_now_and_then(title: str, total: int) -> Advance:
    """Return what says how far the work is, once in `SECONDS_A_LINE`."""
    done, told = 0, time.monotonic()

    def advance(steps: int) -> None:
        nonlocal done, told
        done += steps
        if time.monotonic() - told >= SECONDS_A_LINE and done < total:
            say(f"{title}: {done} of {total}.")
            told = time.monotonic()

    return advance


def plain(value: object) -> Any:
    """Return a value as JSON has it: numpy numbers and arrays, paths and tuples included."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
