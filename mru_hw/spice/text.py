"""Statements as ngspice's text, the one language in which this package runs a deck."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mru_hw.circuits.statements import (
    Blank,
    Breaks,
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


def deck_text(statements: Iterable[Statement]) -> str:
    """Return the text of a deck."""
    return "".join(f"{line}\n" for line in deck_lines(statements))


def deck_lines(statements: Iterable[Statement]) -> Iterator[str]:
    """Yield the lines of a deck."""
    for statement in statements:
        # Nearly all are elements of one line.
        if isinstance(statement, Element) and not statement.breaks:
            yield " ".join(_words(statement))
        else:
            yield from statement_lines(statement)


def _words(element: Element) -> list[str]:
    words = [element.name, *element.nets, element.model]
    for name, text in element.values.items():
        words.append(f"{name}={text}")
    return words


def statement_lines(statement: Statement) -> Iterator[str]:  # noqa: C901, PLR0912 (a table)
    """Yield the lines of one statement."""
    match statement:
        case Blank():
            yield ""
        case Comment(text=text, indent=indent):
            yield f"* {' ' * indent}{text}"
        case Subckt(name=name, pins=pins, values=values):
            yield from _broken([".subckt", name, *pins, *_pairs(values)], statement.breaks)
        case Ends():
            yield ".ends"
        case Element():
            yield from _broken(_words(statement), statement.breaks)
        case Source():
            yield from _source(statement)
        case Model(name=name, kind=kind, values=values):
            yield " ".join([".model", name, kind, *_pairs(values)])
        case Parameters(values=values):
            yield " ".join([".param", *_pairs(values)])
        case Section(name=name):
            yield f".lib {name}"
        case EndSection(name=name):
            yield f".endl {name}"
        case Use(file=file, section=section):
            yield f".lib '{file}' {section}"
        case Include(file=file):
            yield f".include '{file}'"
        case Options(values=values):
            yield " ".join([".options", *_pairs(values)])
        case Save(vectors=vectors):
            yield " ".join([".save", *vectors])
        case Transient(step=step, stop=stop):
            yield f".tran {step} {stop} uic"
        case Measure(words=measured):
            yield " ".join([".measure tran", *measured])
        case Control(lines=lines):
            yield from (".control", *lines, ".endc")
        case End():
            yield ".end"


def _source(source: Source) -> Iterator[str]:
    head = " ".join([source.name, *source.nets])
    if source.shape == "dc":
        yield f"{head} {source.numbers[0]}"
    elif not source.breaks:
        yield f"{head} {source.shape}({' '.join(source.numbers)})"
    else:
        yield f"{head} {source.shape}("
        ends = (*source.breaks[1:], len(source.numbers))
        for start, end in zip(source.breaks, ends, strict=True):
            yield f"+ {' '.join(source.numbers[start:end])}"
        yield "+ )"


def _broken(words: Sequence[str], breaks: Breaks) -> Iterator[str]:
    start, mark = 0, ""
    for end in breaks:
        yield mark + " ".join(words[start:end])
        start, mark = end, "+ "
    yield mark + " ".join(words[start:])


def _pairs(values: Values) -> list[str]:
    return [f"{name}={text}" for name, text in values.items()]
