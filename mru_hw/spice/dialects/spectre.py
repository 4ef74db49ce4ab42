"""Spectre's own language: parentheses around nets, components by name, no element letters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import final

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
from mru_hw.technology import Technology

_PULSE = ("val0", "val1", "delay", "rise", "fall", "width", "period")
_TOLERANCES = {"gmin": "gmin", "reltol": "reltol", "abstol": "iabstol", "vntol": "vabstol"}


@final
class Spectre(Translator):
    """Cadence Spectre.

    An instance and a net of one name would not be told apart, so sources are called ``<name>_src``.
    Measurements stand in SPICE's language, which Spectre takes behind ``simulator lang=spice``.
    """

    name = "spectre"
    suffix = ".scs"
    models = "models.scs"

    def opening(self) -> Iterator[str]:
        """Yield the language; the first line of a top file is its title, so a comment is."""
        yield "// made by mru_hw"
        yield "simulator lang=spectre"

    def lines(self, deck: Iterable[Statement]) -> Iterator[str]:
        """Write a deck; neighbouring measurements share their change of language."""
        yield from self.opening()
        measuring = False
        for statement in deck:
            if isinstance(statement, Blank):
                continue
            if isinstance(statement, Measure) != measuring:
                measuring = not measuring
                yield f"simulator lang={'spice' if measuring else 'spectre'}"
            yield from self.write(statement)

    def model_files(self, technology: Technology) -> dict[str, str]:
        """Translate the cards that ship; the sections of a file are a library."""
        files = super().model_files(technology)
        library = f"{technology.name}_models"
        return {name: _inside_library(text.splitlines(), library) for name, text in files.items()}

    def write(self, statement: Statement) -> Iterator[str]:  # noqa: C901, PLR0912 (a table)
        """Yield the lines of one statement."""
        match statement:
            case Element(name=name, nets=nets, model=farads) if farads[0].isdigit():
                yield from _wrapped([name, *_nets(nets), "capacitor", f"c={farads}"])
            case Element(name=name, nets=nets, model=model, values=values):
                yield from _wrapped([name, *_nets(nets), model, *_pairs(values)])
            case Source():
                yield from _source(statement)
            case Comment(text=text):
                yield f"// {text}".rstrip()
            case Subckt(name=name, pins=pins, values=values):
                yield from _wrapped(["subckt", name, *_nets(pins)])
                if values:
                    yield from _wrapped(["parameters", *_pairs(values)])
            case Ends(name=name):
                yield f"ends {name}"
            case Model():
                yield from _wrapped(_card(statement))
            case Parameters(values=values):
                yield from _wrapped(["parameters", *_pairs(values)])
            case Section(name=name):
                yield f"section {name}"
            case EndSection(name=name):
                yield f"endsection {name}"
            case Use(file=file, section=section):
                yield f'include "{self.file(file)}" section={section}'
            case Include(file=file):
                yield f'include "{self.file(file)}"'
            case Options(values=values):
                kept = (f"{new}={values[old]}" for old, new in _TOLERANCES.items())
                yield from _wrapped(["tolerances options", f"temp={values['temp']}", *kept])
            case Save(vectors=vectors):
                yield from _wrapped(["save", *(_vector(*quantity(v)) for v in vectors)])
            case Transient(step=step, stop=stop):
                yield from _wrapped(
                    [f"run tran stop={stop} maxstep={step} skipdc=yes method=gear2only"]
                )
            case Measure(words=words):
                yield ".measure tran " + " ".join(_renamed(word) for word in words)
            case Control() | End() | Blank():
                pass  # ngspice's own; and a file ends where it ends


def _wrapped(words: Iterable[str]) -> Iterator[str]:
    return wrapped(words, after=" \\", before="    ")


def _nets(nets: Iterable[str]) -> list[str]:
    words = list(nets)
    words[0], words[-1] = f"({words[0]}", f"{words[-1]})"
    return words


def _pairs(values: Values) -> Iterator[str]:
    for name, text in values.items():
        inner = text[1:-1] if text.startswith("{") else text
        plain = inner == text or inner.isidentifier()
        yield f"{name}={inner if plain else f'({inner})'}"


def _source(source: Source) -> Iterator[str]:
    kind = "vsource" if source.name.startswith("v") else "isource"
    head = [f"{source.name}_src", *_nets(source.nets), kind]
    match source.shape:
        case "dc":
            tail = [f"dc={source.numbers[0]}"]
        case "pwl":
            first, *between, last = source.numbers
            tail = ["type=pwl", f"wave=[{first}", *between, f"{last}]"]
        case "pulse":
            pairs = zip(_PULSE, source.numbers, strict=True)
            tail = ["type=pulse", *(f"{name}={value}" for name, value in pairs)]
    return _wrapped([*head, *tail])


def _card(model: Model) -> list[str]:
    values = dict(model.values)
    if model.kind == "c":
        return ["model", model.name, "capacitor", *_pairs(values)]
    if values.pop("level", "") != "14":
        raise MruHwError(f"Only BSIM4 cards are translated, and {model.name} is none.")
    return ["model", model.name, "bsim4", f"type={model.kind[0]}", *_pairs(values)]


def _vector(kind: str, path: str) -> str:
    return {"v": path, "i": f"{path}_src:p", "id": f"{path}:d"}[kind]


def _renamed(word: str) -> str:
    return f"{word[:-1]}_src)" if word.startswith("i(") else word


def _inside_library(lines: list[str], library: str) -> str:
    first = next(k for k, line in enumerate(lines) if line.startswith("section "))
    inside = [*lines[:first], f"library {library}", *lines[first:], f"endlibrary {library}", ""]
    return "\n".join(inside)
