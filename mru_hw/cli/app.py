"""The command `mru-hw`.

Each command is a function of the same name in a module of the same name. `COMMANDS` lists them;
a module is imported when its command runs and not before, so that ``mru-hw --help`` is quick and
no command loads what it does not use. To add one: write ``mru_hw/cli/<name>.py`` and a line here.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, Any

import typer

from mru_hw.cli.flags import names_of
from mru_hw.cli.output import say
from mru_hw.errors import MruHwError, UserError
from mru_hw.version import __version__

DONE, FAULT, USER_MISTAKE = 0, 1, 2
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes
    ----------
    name
        What is typed.
    help
        The line that ``--help`` shows without importing the command.
    resumes
        Whether a call that was interrupted goes on when it is repeated.
    """

    name: str
    help: str
    resumes: bool = False

    def load(self) -> Callable[..., None]:
        """Import the command's function."""
        name = self.name.replace("-", "_")
        function: Callable[..., None] = getattr(importlib.import_module(f"mru_hw.cli.{name}"), name)
        return function


COMMANDS = (
    Command("train", "Train a network and write it as a model.", resumes=True),
    Command("inputs", "Write the sequences that a configuration trains or tests with."),
    Command("import-weights", "Make a model of somebody else's weights."),
    Command("quantise", "Make alphaCMRUs CMRUs, which circuits hold."),
    Command("simulate", "Run a model on sequences, at a level of truth."),
    Command("netlist", "Write a model as a netlist for ngspice, HSPICE, Spectre or Xyce."),
    Command("zoo", "Train cells on tasks under one budget and judge them on dies.", resumes=True),
    Command("sensitivity", "Say which devices' mismatch costs a chip its right steps."),
    Command("sweep", "Run a network on many dies and conditions.", resumes=True),
    Command("explain", "Say what failed on a die of a sweep, and why."),
    Command("merge", "Put the shards of a sweep together."),
    Command("export", "Write the runs of a sweep as a table."),
    Command("report", "Show a sweep as one page."),
    Command(
        "demo", "Go all the way, from training to a netlist that ngspice has run.", resumes=True
    ),
    Command("characterize", "Fit a technology's behavioral constants to ngspice.", resumes=True),
    Command("doctor", "Say what is installed and what works without it."),
)


def main() -> None:
    """Run the command line and end the process with its status."""
    _open_streams()
    ended: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        ended.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)
    status = run(sys.argv[1:])
    if ended:  # all is cleared up: whoever waits learns what ended the process
        signal.signal(ended[0], signal.SIG_DFL)
        signal.raise_signal(ended[0])
    sys.exit(status)


def _open_streams() -> None:
    """Open what the caller has closed of the three standard streams, to nowhere.

    Otherwise a file that is opened next takes a stream's number, and what is printed goes into it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def run(arguments: Sequence[str]) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        What follows the program's name. ``--debug`` may stand anywhere.

    Returns
    -------
    int
        0 done, 2 the user's mistake (one sentence on standard error), 1 anything else.
    """
    debug = "--debug" in arguments
    rest = [argument for argument in arguments if argument != "--debug"] or ["--help"]
    name = next((argument for argument in rest if not argument.startswith("-")), None)
    try:
        code = application(name)(args=rest, prog_name="mru-hw", standalone_mode=False)
        if code == _INTERRUPTED:
            _say_interrupted(name)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone; keep Python from complaining again when it closes the stream.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    except (KeyboardInterrupt, typer.Abort):
        _say_interrupted(name)
        return FAULT
    except Exception as error:  # noqa: BLE001 (the one place where every error ends)
        if debug:
            traceback.print_exc()
        return _explain(
            error.renamed(names_of(name, rest)) if isinstance(error, UserError) else error
        )
    return code if code in {DONE, USER_MISTAKE} else FAULT if isinstance(code, int) else DONE


def _say_interrupted(name: str | None) -> None:
    resumes = any(command.resumes for command in COMMANDS if command.name == name)
    say("Interrupted. Repeat the command to go on." if resumes else "Interrupted.")


def application(chosen: str | None) -> typer.Typer:
    """Build the application with the chosen command in full and the others by name only."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(_root)
    for command in COMMANDS:
        function = command.load() if command.name == chosen else _not_loaded
        app.command(command.name, help=None if command.name == chosen else command.help)(function)
    return app


def _root(
    _debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Take a trained memory-recurrent network to analog silicon.

    Exit status: 0 done, 2 a mistake in what was asked (one sentence says which), 1 anything else.
    """
    if version:
        typer.echo(__version__)
        raise typer.Exit


def _not_loaded() -> None:
    raise AssertionError("a command ran without being loaded")


_PLACES = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
    *(errno.EEXIST, errno.ENOTEMPTY, errno.EIO),
)
"""What the system says of a place that somebody chose."""


def _explain(error: Exception) -> int:
    if isinstance(error, UserError):
        say(str(error))
        return USER_MISTAKE
    if isinstance(error, OSError) and error.errno in _PLACES:
        place = f'"{error.filename}"' if error.filename else "A file"
        say(f"{place} cannot be read or written: {error.strerror}.")
        return USER_MISTAKE
    # typer's own errors of usage; their class is public in no version of typer.
    usage: Callable[[], Any] | None = getattr(error, "format_message", None)
    if usage is not None:
        say(" ".join(str(usage()).split()))
        return USER_MISTAKE
    if isinstance(error, MruHwError):
        say(str(error))
    elif isinstance(error, ModuleNotFoundError):
        say(f'This needs {error.name}, which is not installed: pip install "mru-hw[train]".')
    else:
        say(f"{type(error).__name__}: {error} (--debug shows where)")
    return FAULT
