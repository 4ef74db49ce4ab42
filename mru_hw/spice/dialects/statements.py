"""The statements of the small SPICE that this package writes, one at a time.

The subset: ``.subckt`` with default parameters, ``x`` instances, ``m`` and ``c`` devices with a
model card, ``c`` with a value, ``v`` and ``i`` sources (a constant, ``pwl``, ``pulse``),
``.model``, ``.param``, ``.lib`` in both its meanings, ``.include``, ``.options``, ``.save``,
``.tran``, ``.measure``, ``.control`` blocks. A value is a number, ``{expression}`` or, in
``.measure``, ``'expression'``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mru_hw.errors import MruHwError

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A line of explanation, without its mark."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subckt:
    """Start of a subcircuit."""

    name: str
    pins: tuple[str, ...]
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """End of the subcircuit `name`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An instance or a device: ``x``, ``m`` or ``c``.

    Attributes
    ----------
    name
        Its first letter says what it is.
    nets
        In the order of the pins.
    model
        Subcircuit or model card; of a wire's capacitor, which has no card, its value [F].
    values
        Parameters by name.
    """

    name: str
    nets: tuple[str, ...]
    model: str
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A voltage or current source of the bench; `numbers` [V or A, s] as its `shape` orders them.

    ``dc``: the value. ``pwl``: time and value in turn. ``pulse``: low, high, delay, rise, fall,
    width, period.
    """

    name: str
    nets: tuple[str, str]
    shape: Literal["dc", "pwl", "pulse"]
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model card."""

    name: str
    kind: str
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Definitions of parameters."""

    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Start of a section of a library."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSection:
    """End of the section `name`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A section of a library file is read here."""

    file: str
    section: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """A file is read here."""

    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Temperature [degC] and the simulator's tolerances."""

    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Vectors that a run keeps, as ngspice calls them."""

    vectors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transient:
    """A run from dark: longest step and end [s]."""

    step: str
    stop: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number that is read off a run: its name, ``avg`` and the like, and the rest in order."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """ngspice's own commands."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class End:
    """End of the deck."""


Statement = (
    Comment
    | Subckt
    | Ends
    | Element
    | Source
    | Model
    | Parameters
    | Section
    | EndSection
    | Use
    | Include
    | Options
    | Save
    | Transient
    | Measure
    | Control
    | End
)

_NETS = {"m": 4, "c": 2}
_SIGN = re.compile(r"[(),]")


def read_statements(lines: Iterable[str]) -> Iterator[Statement]:
    """Read a deck, line by line.

    Raises
    ------
    MruHwError
        A line is none of the subset.
    """
    scope: list[str] = []
    for whole in _joined(lines):
        if whole.startswith("*"):
            yield Comment(text=whole[1:].strip())
        elif whole.startswith(".control"):
            yield Control(lines=tuple(line.strip() for line in whole.splitlines()[1:]))
        elif whole.startswith("."):
            yield _command(whole, scope)
        else:
            yield _element(whole)


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Join continued lines, and the lines of a control block (kept apart by line ends)."""
    held: list[str] = []
    control = False
    for line in lines:
        text = line.strip()
        if control:
            control = text != ".endc"
            if control:
                held.append("\n" + text)
        elif text.startswith("+"):
            held.append(text[1:])
        elif text:
            if held:
                yield _one(held)
            held = [text]
            control = text == ".control"
    if held:
        yield _one(held)


def _one(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else " ".join(parts)


def _command(whole: str, scope: list[str]) -> Statement:  # noqa: C901, PLR0911, PLR0912 (a table)
    plain, values = _split(whole.split())
    match plain:
        case [".subckt", name, *pins]:
            scope.append(name)
            return Subckt(name=name, pins=tuple(pins), values=values)
        case [".ends", *_]:
            return Ends(name=scope.pop())
        case [".lib", file, section]:
            return Use(file=file.strip("'\""), section=section)
        case [".lib", section]:
            scope.append(section)
            return Section(name=section)
        case [".endl", *_]:
            return EndSection(name=scope.pop())
        case [".include", file]:
            return Include(file=file.strip("'\""))
        case [".model", name, kind]:
            return Model(name=name, kind=kind, values=values)
        case [".param"]:
            return Parameters(values=values)
        case [".options"]:
            return Options(values=values)
        case [".save", *vectors]:
            return Save(vectors=tuple(vectors))
        case [".tran", step, stop, "uic"]:
            return Transient(step=step, stop=stop)
        case [".measure", "tran", *_]:
            return Measure(words=tuple(whole.split()[2:]))
        case [".end"]:
            return End()
        case _:
            raise MruHwError(f"No dialect knows this line of a deck: {whole}")


def _element(whole: str) -> Element | Source:
    plain, values = _split(whole.split())
    name, kind = plain[0], plain[0][0]
    if kind in "vi":
        return _source(whole)
    if kind not in "xmc" or len(plain) != _NETS.get(kind, len(plain) - 2) + 2:
        raise MruHwError(f"No dialect knows this line of a deck: {whole}")
    return Element(name=name, nets=tuple(plain[1:-1]), model=plain[-1], values=values)


def _source(whole: str) -> Source:
    name, plus, minus, *rest = _SIGN.sub(" ", whole).split()
    if len(rest) == 1:
        return Source(name=name, nets=(plus, minus), shape="dc", numbers=(rest[0],))
    shape, *numbers = rest
    if shape == "pwl" and len(numbers) % 2 == 0:
        return Source(name=name, nets=(plus, minus), shape="pwl", numbers=tuple(numbers))
    if shape == "pulse" and len(numbers) == 7:
        return Source(name=name, nets=(plus, minus), shape="pulse", numbers=tuple(numbers))
    raise MruHwError(f"No dialect knows this source: {whole[:200]}")


def _split(words: list[str]) -> tuple[list[str], dict[str, str]]:
    plain = [word for word in words if "=" not in word]
    if len(plain) == len(words):
        return plain, {}
    return plain, dict(word.split("=", 1) for word in words if "=" in word)
