"""What can go wrong, as the user reads it.

`UserError` is the user's mistake: one sentence that names the field, its value and what was
expected. The command line prints it and exits with status 2. Anything else is a fault of the
program or of the machine and exits with status 1.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import final


class MruHwError(Exception):
    """Base of every error that this package raises on purpose."""


@final
class Bare(str):
    """A value that an error shows as it stands, without quotes: ``MISSING``, a shape, a count."""

    __slots__ = ()


MISSING = Bare("missing")
_FIELD = re.compile(r"`([a-z_]+)`")


class UserError(MruHwError):
    """The user's mistake.

    Parameters
    ----------
    field
        What is wrong: a tensor, a parameter, a key of a file. Parameters have their names in
        Python; the command line says them as its flags (`renamed`).
    value
        What was found there; `MISSING` when nothing was.
    expected
        What should have been there, as a noun phrase; other parameters in it stand in backticks.
    """

    def __init__(self, field: str, value: object, expected: str) -> None:
        self.field = field
        self.value = value
        self.expected = expected
        super().__init__(
            f"{printable(field, 200)} is {_short(value)}, expected {printable(expected, 1000)}."
        )

    def __reduce__(self) -> tuple[type[UserError], tuple[str, object, str]]:
        return (type(self), (self.field, self.value, self.expected))

    def renamed(self, names: Mapping[str, str]) -> UserError:
        """Return the same error with its fields as `names` has them, where they do.

        That is its own field, and those that the expectation names in backticks.
        """
        field = names.get(self.field, self.field)
        return UserError(field, self.value, renamed_fields(self.expected, names))

    def inside(self, source: str) -> UserError:
        """Return the same error with its field placed in a file: ``source: field``."""
        where = f"{source}: {self.field}" if self.field else source
        return UserError(where, self.value, self.expected)


class SimulationError(MruHwError):
    """A simulator ended without a usable result; the message says which and why."""


class LawError(MruHwError):
    """A die or a condition at which a law of the circuits means nothing; the message says which."""


class RunStatus(enum.Enum):
    """Why a run ended; travels in the result. The value is the sentence the user reads."""

    DONE = "The run is complete."
    DID_NOT_CONVERGE = "The simulator found no solution at some time point."
    TIMED_OUT = "The simulator used more processor time than its limit and was stopped."
    HUNG = (
        "The simulator came to no end within its limit by the clock, many times the one of its "
        "processor time, and was stopped."
    )
    OUT_OF_MEMORY = "The simulator needed more memory than its limit and was stopped."
    WORKER_DIED = "The simulator's process ended without a result."
    WRONG_CIRCUIT = "The result does not belong to the circuit that was asked for."
    NOT_LOADED = "The simulator refused the netlist."
    NOT_WRITTEN = "The simulator's files could not be written."
    STROBE_LOST = (
        "The simulator stepped over a strobe, so that states stayed which should have moved."
    )
    NOT_FINITE = "The run came to an end, but a value in its result is not a finite number."
    NO_LAW = "The die lies beyond what the laws of the circuits describe."
    NOT_MAPPED = "The network that was drawn for the run cannot be mapped, or not be trimmed."

    @property
    def of_machine(self) -> bool:
        """Whether the machine ended it, so that the same run may end otherwise another time."""
        return self in {
            RunStatus.TIMED_OUT,
            RunStatus.HUNG,
            RunStatus.OUT_OF_MEMORY,
            RunStatus.WORKER_DIED,
            RunStatus.NOT_WRITTEN,
        }


def renamed_fields(text: str, names: Mapping[str, str]) -> str:
    """Return a text whose fields in backticks are called as `names` has them, without backticks.

    Those that it does not have stay as they are: another table may know them.
    """
    return _FIELD.sub(lambda found: names.get(found[1], found[0]), text)


def _short(value: object, limit: int = 80) -> str:
    """One printable line of at most `limit` characters: values come from untrusted files."""
    shown = printable(value if isinstance(value, str) else _written(value), limit)
    return f'"{shown}"' if isinstance(value, str) and not isinstance(value, Bare) else shown


def _written(value: object) -> str:
    """Return a value as documents write it."""
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else repr(value)


def printable(text: str, limit: int = 255) -> str:
    """Return text as one printable line of at most `limit` characters, by default a name's most."""
    text = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return text if len(text) <= limit else text[: limit - 1] + "…"
