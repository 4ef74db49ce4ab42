"""How runs of ngspice ended, one by one, for a person and for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mru_hw.errors import RunStatus
from mru_hw.spice.deck import Waves

_LONGEST = 200  # characters of ngspice's line that a person is shown
_NAMED = 5  # runs that share a helper


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one run ended.

    Attributes
    ----------
    sequence
        Its number.
    unit
        ``(layer, unit)`` of a unit that ran singly; None for a whole network.
    status
        Why it ended.
    helper
        The options that it needed beyond its deck's own; mostly none.
    said
        ngspice's last line where it failed.
    core_seconds
        Processor time of ngspice [s].
    """

    sequence: int
    unit: tuple[int, int] | None = None
    status: RunStatus
    helper: str
    said: str
    core_seconds: float

    @property
    def plain(self) -> bool:
        """Whether it came to its end without help."""
        return self.status is RunStatus.DONE and not self.helper

    def where(self) -> str:
        """Return which run it was."""
        unit = "" if self.unit is None else " of unit {}/{}".format(*self.unit)
        return f"sequence {self.sequence}{unit}"

    def row(self) -> dict[str, Any]:
        """Return the record as JSON has it."""
        unit = {} if self.unit is None else {"unit": list(self.unit)}
        return {
            "sequence": self.sequence,
            **unit,
            "status": self.status.name.lower(),
            "helper": self.helper,
            "last_line": self.said,
            "core_seconds": self.core_seconds,
        }


def ending_of(sequence: int, waves: Waves, unit: tuple[int, int] | None = None) -> Ending:
    """Return how a run ended."""
    return Ending(
        sequence=sequence,
        unit=unit,
        status=waves.status,
        helper=waves.helper,
        said="" if waves.status is RunStatus.DONE else last_line(waves.message),
        core_seconds=waves.core_seconds,
    )


def last_line(message: str) -> str:
    """Return the last line of a message that says anything, printable and not too long."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    shown = "".join(c if c.isprintable() else " " for c in lines[-1]) if lines else ""
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def helped_lines(endings: Iterable[Ending]) -> list[str]:
    """Return a line for each of the options that runs needed beyond their decks' own."""
    helped: dict[str, list[str]] = {}
    for ending in endings:
        if ending.helper:
            helped.setdefault(ending.helper, []).append(ending.where())
    return [
        f"{len(runs)} came out only with .options {helper}: "
        f"{', '.join(runs[:_NAMED])}{', …' if len(runs) > _NAMED else ''}."
        for helper, runs in helped.items()
    ]


def failure(endings: Iterable[Ending]) -> str | None:
    """Return how many runs failed and why the first of them did; None where none failed."""
    failed = [ending for ending in endings if ending.status is not RunStatus.DONE]
    if not failed:
        return None
    first = failed[0]
    words = f"{len(failed)} failed. {first.status.value}"
    return f"{words} In {first.where()} ngspice said: {first.said}" if first.said else words
