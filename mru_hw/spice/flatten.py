"""Every device of a deck, hierarchy resolved: what a layout would have to draw.

Reads the subset of SPICE that this package writes: ``.subckt`` with default parameters, ``x``
instances, ``m`` and ``c`` devices, ``c`` with a value, ``{name}`` and plain numbers as values.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mru_hw.errors import MruHwError
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
    """

    instance: str
    path: str
    kind: str
    model: str
    values: Mapping[str, float]


@dataclass(slots=True)
class _Cell:
    pins: tuple[str, ...]
    defaults: dict[str, str]
    lines: list[list[str]] = field(default_factory=list)


def flatten(deck: str, top: str, technology: Technology) -> Iterator[Placed]:
    """List the devices of subcircuit `top` of a deck, in its order.

    Parameters
    ----------
    deck
        Its text.
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
    yield from _walk(_cells(deck), _primitives(technology), top, "", {})


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


def _walk(
    cells: Mapping[str, _Cell],
    primitives: Mapping[str, _Primitive],
    name: str,
    path: str,
    values: Mapping[str, float],
) -> Iterator[Placed]:
    cell = cells[name]
    scope = {key: _number(text, {}) for key, text in cell.defaults.items()} | dict(values)
    for words in cell.lines:
        plain = [word for word in words if "=" not in word]
        given = dict(word.split("=", 1) for word in words if "=" in word)
        numbers = {key: _number(text, scope) for key, text in given.items()}
        at = f"{path}{words[0]}"
        inner, instance = plain[-1], path.rstrip(".")
        if words[0].startswith("c") and inner[0].isdigit():
            numbers["c"] = float(inner)
        if not words[0].startswith("x"):
            yield Placed(instance=instance, path=at, kind=words[0][0], model=inner, values=numbers)
            continue
        if inner in primitives:
            device = primitives[inner]
            metres = {key: numbers[key] * device.length_unit for key in ("w", "l")}
            yield Placed(
                instance=instance,
                path=at + device.inside,
                kind=device.kind,
                model=inner,
                values=numbers | metres,
            )
            continue
        if inner not in cells:
            raise MruHwError(f"{at} is an instance of {inner}, which the deck does not hold.")
        nets, pins = len(plain) - 2, len(cells[inner].pins)
        if nets != pins:
            raise MruHwError(f"{at} has {nets} nets, but {inner} has {pins} pins.")
        yield from _walk(cells, primitives, inner, f"{at}.", numbers)


@functools.lru_cache(maxsize=4)
def _cells(deck: str) -> dict[str, _Cell]:
    cells: dict[str, _Cell] = {}
    open_cell: _Cell | None = None
    for words in _statements(deck):
        if words[0] == ".subckt":
            pins = tuple(word for word in words[2:] if "=" not in word)
            defaults = dict(word.split("=", 1) for word in words[2:] if "=" in word)
            cells[words[1]] = open_cell = _Cell(pins, defaults)
        elif words[0] == ".ends":
            open_cell = None
        elif open_cell is not None:
            open_cell.lines.append(words)
    return cells


def _statements(deck: str) -> list[list[str]]:
    """Split a deck into statements: comments dropped, continued lines joined."""
    statements: list[list[str]] = []
    for line in deck.lower().splitlines():
        if not line.strip() or line.startswith("*"):
            continue
        if line.startswith("+"):
            statements[-1] += line[1:].split()
        else:
            statements.append(line.split())
    return statements


def _number(text: str, scope: Mapping[str, float]) -> float:
    if text.startswith("{") and text.endswith("}"):
        return scope[text[1:-1]]
    return float(text)
