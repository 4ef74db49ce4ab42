"""ngspice: what the emitter writes, free of what a user's start-up files may change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import final

from mru_hw.circuits.statements import Include, Options, Statement, Use
from mru_hw.spice.dialects.base import Dialect, card_files
from mru_hw.spice.text import deck_lines
from mru_hw.technology import MODELS, Technology

_SECTION = re.compile(rf"\.lib '{re.escape(MODELS)}' (\w+)")


@final
class Ngspice(Dialect):
    """ngspice 39 and later.

    A start-up file of the user's may ask for another simulator's language (``ngbehavior``), and
    then ngspice takes a section of a library for a file. So every section is a file here. One
    thread stands in the deck itself: by itself ngspice starts several, and they cost twenty times
    what one does.
    """

    name = "ngspice"
    suffix = ".cir"
    models = MODELS

    def model_files(self, technology: Technology) -> dict[str, str]:
        """Return the cards, a file for each section that the corners lead to."""
        files = card_files(technology)
        parts = _sections(files.pop(MODELS))
        wanted, todo = dict[str, str](), list(technology.corners)
        while todo:
            name = todo.pop(0)
            if _file(name) not in wanted:
                wanted[_file(name)] = "".join(map(_included, parts[name]))
                todo += (used[1] for line in parts[name] if (used := _SECTION.fullmatch(line)))
        return wanted | files

    def lines(self, deck: Iterable[Statement]) -> Iterator[str]:
        """Write a deck, with an ``.include`` for each section that is used."""
        yield from deck_lines(_by_files(deck))


def _by_files(deck: Iterable[Statement]) -> Iterator[Statement]:
    for statement in deck:
        match statement:
            case Use(file=file, section=section) if file == MODELS:
                yield Include(file=_file(section))
            case Options():
                yield statement
                yield Options(values={"num_threads": "1"})
            case _:
                yield statement


def _sections(library: str) -> dict[str, list[str]]:
    """Return the lines of each section of a library, below the comments at its head."""
    head, found = list[str](), dict[str, list[str]]()
    into: list[str] | None = None
    for line in library.splitlines():
        if begun := re.fullmatch(r"\.lib\s+(\w+)\s*", line):
            into = found[begun[1]] = [*head, f"* section {begun[1]}"]
        elif re.match(r"\.endl\b", line):
            into = None
        elif into is not None:
            into.append(line)
        elif not found:
            head.append(line)
    return found


def _included(line: str) -> str:
    """Return a line of the cards, which may be a foundry's, with a section's own file."""
    used = _SECTION.fullmatch(line)
    return f".include '{_file(used[1])}'\n" if used else f"{line}\n"


def _file(section: str) -> str:
    """Name the file of a section of the model cards."""
    return f"models_{section}.lib"
