"""What HSPICE's and Xyce's languages share: lines of Berkeley SPICE."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import ClassVar

from mru_hw.circuits.statements import (
    Blank,
    Comment,
    Control,
    Element,
    End,
    Ends,
    EndSection,
    Include,
    Measure,
    Model,
    Options,
    Parameters,
    Save,
    Section,
    Source,
    Statement,
    Subckt,
    Transient,
    Use,
    Values,
)
from mru_hw.errors import MruHwError
from mru_hw.spice.dialects.base import Translator, quantity, wrapped


class SpiceLike(Translator):
    """A dialect whose statements begin with a dot or with an element's letter."""

    mark: ClassVar[str]
    """Around a file's name."""
    probe: ClassVar[str]
    """Command that keeps vectors."""

    @abc.abstractmethod
    def expression(self, text: str) -> str:
        """Write the text of an expression as a value."""

    @abc.abstractmethod
    def vector(self, kind: str, path: str) -> str:
        """Name a saved vector."""

    @abc.abstractmethod
    def options(self, values: Values) -> Iterator[str]:
        """Write temperature and tolerances, given as ngspice calls them."""

    @abc.abstractmethod
    def transient(self, statement: Transient) -> Iterator[str]:
        """Write the run from dark."""

    @abc.abstractmethod
    def model(self, statement: Model) -> Iterator[str]:
        """Write a model card."""

    def element(self, statement: Element) -> Iterator[str]:
        """Write an instance or a device."""
        words = [statement.name, *statement.nets, statement.model]
        yield from wrapped([*words, *self.pairs(statement.values)])

    def measure(self, statement: Measure) -> Iterator[str]:
        """Write a measurement."""
        yield f".measure tran {' '.join(statement.words)}"

    def pairs(self, values: Values) -> Iterator[str]:
        """Write parameters with their values."""
        for name, text in values.items():
            yield f"{name}={self.expression(text[1:-1]) if text.startswith('{') else text}"

    def write(self, statement: Statement) -> Iterator[str]:  # noqa: C901, PLR0912 (a table)
        """Yield the lines of one statement."""
        match statement:
            case Element():
                yield from self.element(statement)
            case Source():
                yield from _source(statement)
            case Comment(text=text):
                yield f"* {text}".rstrip()
            case Subckt(name=name, pins=pins, values=values):
                yield from wrapped([".subckt", name, *pins, *self.pairs(values)])
            case Ends(name=name):
                yield f".ends {name}"
            case Model():
                yield from self.model(statement)
            case Parameters(values=values):
                yield from wrapped([".param", *self.pairs(values)])
            case Section(name=name):
                yield f".lib {name}"
            case EndSection(name=name):
                yield f".endl {name}"
            case Use(file=file, section=section):
                yield f".lib {self.mark}{self.file(file)}{self.mark} {section}"
            case Include(file=file):
                yield f".include {self.mark}{self.file(file)}{self.mark}"
            case Options(values=values):
                yield from self.options(values)
            case Save(vectors=vectors):
                yield from wrapped([self.probe, *(self.vector(*quantity(v)) for v in vectors)])
            case Transient():
                yield from self.transient(statement)
            case Measure():
                yield from self.measure(statement)
            case Control() | Blank():
                pass  # ngspice's own: a die of this dialect has its values in the chip
            case End():
                yield ".end"


def _source(source: Source) -> Iterator[str]:
    head = [source.name, *source.nets]
    if source.shape == "dc":
        yield " ".join([*head, *source.numbers])
    else:
        yield from wrapped([*head, f"{source.shape}(", *source.numbers, ")"])


def bsim4(model: Model) -> Values:
    """Return a transistor's card with BSIM4's level in HSPICE and Xyce.

    Raises
    ------
    MruHwError
        It is another model than BSIM4.
    """
    if model.values.get("level") not in {"14", "54"}:
        raise MruHwError(f"Only BSIM4 cards are translated, and {model.name} is none.")
    return {**model.values, "level": "54"}
