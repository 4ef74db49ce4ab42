"""What a dialect does: its files' names, its model cards, its way to write a statement."""

from __future__ import annotations

import abc
import itertools
from collections.abc import Iterable, Iterator
from typing import ClassVar

from mru_hw.circuits.statements import Blank, Statement
from mru_hw.errors import MruHwError
from mru_hw.spice.deck import BENCH, CHIP
from mru_hw.spice.reader import read_statements
from mru_hw.technology import MODELS, Technology
from mru_hw.technology.folders import place_of

STIMULUS, MEASURES = "stimulus.cir", "measures.cir"
WIDTH = 92  # characters of a line; a longer statement goes on in the next


class Dialect(abc.ABC):
    """A simulator's language.

    Attributes
    ----------
    name
        As `Chip.netlist` takes it.
    suffix
        Of its decks.
    models
        File name of the model cards' entry.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    models: ClassVar[str]

    def file(self, name: str) -> str:
        """Return what a file of the ngspice folder is called here."""
        if name in {CHIP, BENCH, STIMULUS, MEASURES}:
            return name.removesuffix(".cir") + self.suffix
        return self.models if name == MODELS else name

    @abc.abstractmethod
    def model_files(self, technology: Technology) -> dict[str, str]:
        """Return the model cards by file name; none where the process has none that ship."""

    @abc.abstractmethod
    def lines(self, deck: Iterable[Statement]) -> Iterator[str]:
        """Write a deck, line by line."""

    def missing_models(self, technology: Technology) -> str:
        """Say what the user must add for the process's models; empty where nothing."""
        if self.model_files(technology):
            return ""
        unit = technology.transistor.length_unit
        sizes = "" if unit == 1 else f"; the deck's lengths are in units of {unit:g} m"
        return (
            f"the cards of {technology.name} for {self.name} come with the process's own kit: put"
            f" its library, with sections {', '.join(technology.corners)}, here as {self.models}"
            f"{sizes}"
        )


class Translator(Dialect):
    """A dialect other than ngspice's, whose text no run of this package takes."""

    def lines(self, deck: Iterable[Statement]) -> Iterator[str]:
        """Write a deck, line by line."""
        yield from self.opening()
        for statement in deck:
            if not isinstance(statement, Blank):
                yield from self.write(statement)

    def model_files(self, technology: Technology) -> dict[str, str]:
        """Translate the cards that ship here; those of a foundry's kit are not ours to rewrite."""
        if technology.models.package:
            return {}
        return {
            self.file(name): "\n".join([*self.lines(read_statements(text.splitlines())), ""])
            for name, text in card_files(technology).items()
        }

    def opening(self) -> Iterator[str]:
        """Yield what stands above the statements of every file."""
        yield from ()

    @abc.abstractmethod
    def write(self, statement: Statement) -> Iterator[str]:
        """Yield the lines of one statement; none where the dialect has no use for it."""


def card_files(technology: Technology) -> dict[str, str]:
    """Return the model cards by file name, for a folder that stands alone.

    What the head of the shipped file says of its neighbours and its use holds where it lies; here
    it says where that is. A foundry's kit stays as it is.
    """
    files = technology.model_files()
    if technology.models.package:
        return files
    lines = files[MODELS].splitlines(keepends=True)
    body = list(itertools.dropwhile(lambda line: line.startswith("*"), lines))
    title = lines[: min(1, len(lines) - len(body))]
    head = [f"* where every value comes from: {place_of(technology.name)}\n"]
    head += ["* sections: " + ", ".join(technology.corners) + " (NMOS first, PMOS second)\n"]
    return files | {MODELS: "".join([*title, *head, *body])}


def wrapped(words: Iterable[str], *, after: str = "", before: str = "+ ") -> Iterator[str]:
    """Yield words as lines of about `WIDTH` characters, continued by the marks of a dialect."""
    line = ""
    for word in words:
        if line and len(line) + len(word) >= WIDTH:
            yield line + after
            line = before + word
        else:
            line = f"{line} {word}" if line else word
    yield line


def quantity(vector: str) -> tuple[str, str]:
    """Split a saved vector of ngspice into v, i or id and the path that it belongs to.

    ``v(xchip.xu0_0.v1)`` is a node's voltage, ``i(vdd)`` a source's current,
    ``@m.xchip.xc0_0.xdn.m0[id]`` a device's drain current.
    """
    if vector.startswith("@m.") and vector.endswith("[id]"):
        return "id", vector[3:-4]
    kind, _, rest = vector.partition("(")
    if kind in {"v", "i"} and rest.endswith(")"):
        return kind, rest[:-1]
    raise MruHwError(f"No dialect knows this vector: {vector}")
