"""What a deck is made of: statements, which a simulator's language writes as text.

A circuit's room makes the statements of its instances, the emitter those of the chip around them,
and every reading of a deck (its devices, their area, a die, one unit by itself) takes them as they
are. Text is read only where it comes from a file (`mru_hw.spice.reader`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

Values = Mapping[str, str]

T = TypeVar("T", float, int)

Breaks = tuple[int, ...]
"""Of a long statement, counted in its words, the first word of each further line of ngspice's text:
a file's text stays as it was written. Other languages break lines by their own rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an element of the chip belongs to.

    Attributes
    ----------
    owner
        Name of a row of nodes or of units.
    index
        Which of them; None for what serves all of them.
    block
        Part of the chip whose supply it takes: mirror, memory, clock or bias.
    """

    owner: str
    index: int | None
    block: str


@dataclass(frozen=True, slots=True)
class Blank:
    """An empty line, for the eye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A line of explanation, without its mark and the blanks (`indent`) of ngspice's text."""

    text: str
    indent: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subckt:
    """Start of a subcircuit."""

    name: str
    pins: tuple[str, ...]
    values: Values
    breaks: Breaks = field(default=(), compare=False)


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
    place
        What it belongs to, where it is one of the chip's own; None inside cells.
    """

    name: str
    nets: tuple[str, ...]
    model: str
    values: Values
    place: Place | None = field(default=None, compare=False)
    breaks: Breaks = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A voltage or current source of the bench; `numbers` [V or A, s] as its `shape` orders them.

    ``dc``: the value. ``pwl``: time and value in turn. ``pulse``: low, high, delay, rise, fall,
    width, period. Its `breaks` count numbers.
    """

    name: str
    nets: tuple[str, str]
    shape: Literal["dc", "pwl", "pulse"]
    numbers: tuple[str, ...]
    breaks: Breaks = field(default=(), compare=False)


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
    Blank
    | Comment
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A subcircuit; its elements may be made anew at each walk."""

    head: Subckt
    elements: Iterable[Element]

    def statements(self) -> Iterator[Statement]:
        """Yield its statements from first to last."""
        yield self.head
        yield from self.elements
        yield Ends(name=self.head.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Netlist:
    """A deck whose last subcircuit is what it is about.

    Attributes
    ----------
    above
        All statements above it: comments, device classes, cells.
    top
        The subcircuit.
    """

    above: tuple[Statement, ...]
    top: Cell

    def statements(self) -> Iterator[Statement]:
        """Yield all statements in order."""
        yield from self.above
        yield from self.top.statements()

    def cells(self) -> dict[str, Cell]:
        """Return every subcircuit by its name."""
        return cells_of(self.above) | {self.top.head.name: self.top}


def cells_of(statements: Iterable[Statement]) -> dict[str, Cell]:
    """Return the subcircuits among statements, by their names."""
    found: dict[str, Cell] = {}
    inside: list[Element] = []
    for statement in statements:
        match statement:
            case Subckt(name=name):
                inside = []
                found[name] = Cell(head=statement, elements=inside)
            case Element():
                inside.append(statement)
            case _:
                pass
    return found


def filled(words: Iterable[str], width: int = 110) -> Breaks:
    """Return the breaks that keep each line within so many characters."""
    breaks, length = [], -1
    for at, word in enumerate(words):
        length += 1 + len(word)
        if length > width:
            breaks.append(at)
            length = len("+ ") + len(word)
    return tuple(breaks)


def rows(first: int, last: int, width: int = 12) -> Breaks:
    """Return the breaks of words `first` to `last`, so many a line."""
    return tuple(range(first, last, width))


def dc(name: str, plus: str, minus: str, value: float) -> Source:
    """Return a source of one value [V or A]."""
    return Source(name=name, nets=(plus, minus), shape="dc", numbers=(f"{value:.9g}",))


def evaluated(text: str, scope: Mapping[str, T], as_number: Callable[[str], T]) -> T:
    """Return a parameter's value: a number, ``{name}`` or ``{factor*name}``."""
    if not text.startswith("{"):
        return as_number(text)
    factor, _, name = text[1:-1].rpartition("*")
    return scope[name] * int(factor) if factor else scope[name]


def widened(
    cells: Mapping[str, Cell], name: str, factors: Mapping[str, int], label: str
) -> Iterator[Cell]:
    """Yield a variant of a cell with some devices multiplied, behind those of cells inside it.

    Parameters
    ----------
    cells
        All cells, by name.
    factors
        By the path of a device inside the cell, such as ``xsplit.xdn``, how many times its unit
        devices it has.
    label
        What the variant's name ends with; the last cell that is yielded is ``<name>_<label>``.
    """
    elements = []
    known = set[str]()
    for element in cells[name].elements:
        inside = {
            path.partition(".")[2]: factor
            for path, factor in factors.items()
            if path.partition(".")[0] == element.name
        }
        if "" in inside:
            units = element.values.get("units", "1")
            factor = inside[""]
            more = f"{{{factor}*{units[1:-1]}}}" if units[0] == "{" else str(factor * int(units))
            elements.append(replace(element, values={**element.values, "units": more}))
        elif inside:
            ending = "_".join(
                f"{path.replace('.', '_')}_{factor}" for path, factor in inside.items()
            )
            if element.model not in known:
                known.add(element.model)
                yield from widened(cells, element.model, inside, ending)
            elements.append(replace(element, model=f"{element.model}_{ending}"))
        else:
            elements.append(element)
    head = replace(cells[name].head, name=f"{name}_{label}")
    yield Cell(head=head, elements=tuple(elements))


def resized(cell: Cell, name: str, units: Mapping[str, int]) -> Cell:
    """Return a variant of a cell in which some instances have other unit devices.

    Parameters
    ----------
    name
        The variant's.
    units
        By instance, such as ``xq0``.
    """
    elements = tuple(
        replace(element, values={**element.values, "units": str(units[element.name])})
        if element.name in units
        else element
        for element in cell.elements
    )
    return Cell(head=replace(cell.head, name=name), elements=elements)


def wide_label(factors: Mapping[str, int]) -> str:
    """Return what the name of a variant of a cell ends with, from its roles' multiples."""
    return "_".join(f"{role}_{factor}" for role, factor in sorted(factors.items()))


def wide_name(name: str, factors: Mapping[str, int]) -> str:
    """Name the variant of a cell; itself where nothing is multiplied."""
    return f"{name}_{wide_label(factors)}" if factors else name


def given(values: Mapping[str, object]) -> Values:
    """Return parameters as a deck writes them."""
    return {name: str(value) for name, value in values.items()}
