"""Every device of a deck, hierarchy resolved: what a layout would have to draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mru_hw.circuits.statements import Cell, Netlist, Place, Values, cells_of, evaluated
from mru_hw.errors import MruHwError
from mru_hw.spice.reader import read_statements
from mru_hw.technology import Technology


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One device of a flat deck.

    Attributes
    ----------
    instance
        The device class's instance below the top, such as ``xu0_3.xc2.xm9``.
    path
        The device itself, such as ``xu0_3.xc2.xm9.m0``.
    kind
        First letter of its element: m, c, or what else stands there.
    model
        Name of its model card, or the value of a wire's capacitor, which has none.
    values
        Its parameters; w and l in m, ``m`` the number of unit devices, ``c`` a wire's value [F].
    place
        What it belongs to in a chip; None in other decks.
    """

    instance: str
    path: str
    kind: str
    model: str
    values: Mapping[str, float]
    place: Place | None = None


def flatten(deck: Netlist | str, top: str, technology: Technology) -> Iterator[Placed]:
    """List the devices of subcircuit `top` of a deck, in its order.

    Parameters
    ----------
    deck
        Its statements, or the text of a file.
    top
        Where to begin.
    technology
        Says which of the deck's models are subcircuits of the process, and in which unit of
        length.

    Raises
    ------
    MruHwError
        An instance names a subcircuit that the deck does not hold, or too few or too many nets.
    """
    if isinstance(deck, str):
        cells = cells_of(read_statements(deck.lower().splitlines()))
    else:
        cells = deck.cells()
    walk = _Walk(cells=cells, primitives=_primitives(technology))
    yield from walk.below(cells[top], "", {}, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Primitive:
    """A subcircuit of the process that stands for one device."""

    kind: str
    inside: str
    length_unit: float


def _primitives(technology: Technology) -> dict[str, _Primitive]:
    if technology.transistor.primitive == "m":
        return {}
    unit = technology.transistor.length_unit
    found = {
        device.model: _Primitive(kind="m", inside=f".m{device.model}", length_unit=unit)
        for device in technology.devices.values()
    }
    found[technology.capacitor.model] = _Primitive(kind="c", inside=".c1", length_unit=unit)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    cells: Mapping[str, Cell]
    primitives: Mapping[str, _Primitive]

    def below(
        self, cell: Cell, path: str, values: Mapping[str, float], place: Place | None
    ) -> Iterator[Placed]:
        """List the devices of one instance, whose path ends in a dot unless it is the top."""
        scope = _numbers(cell.head.values, {}) | dict(values)
        instance = path[:-1]
        for element in cell.elements:
            inner, at = element.model, path + element.name
            numbers = _numbers(element.values, scope)
            kind, stands = element.name[0], place or element.place
            if kind == "c" and inner[0].isdigit():
                numbers["c"] = float(inner)
            if kind == "x" and inner in self.primitives:
                device = self.primitives[inner]
                kind, at = device.kind, at + device.inside
                numbers |= {key: numbers[key] * device.length_unit for key in ("w", "l")}
            elif kind == "x":
                if inner not in self.cells:
                    raise MruHwError(
                        f"{at} is an instance of {inner}, which the deck does not hold."
                    )
                found = self.cells[inner]
                nets, pins = len(element.nets), len(found.head.pins)
                if nets != pins:
                    raise MruHwError(f"{at} has {nets} nets, but {inner} has {pins} pins.")
                yield from self.below(found, f"{at}.", numbers, stands)
                continue
            yield Placed(
                instance=instance, path=at, kind=kind, model=inner, values=numbers, place=stands
            )


def _numbers(values: Values, scope: Mapping[str, float]) -> dict[str, float]:
    return {key: _number(text, scope) for key, text in values.items()}


def _number(text: str, scope: Mapping[str, float]) -> float:
    return evaluated(text, scope, float)
