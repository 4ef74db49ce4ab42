"""The one reader of SPICE text, for decks and cells that come from files.

The subset: ``.subckt`` with default parameters, ``x`` instances, ``m`` and ``c`` devices with a
model card, ``c`` with a value, ``v`` and ``i`` sources (a constant, ``pwl``, ``pulse``),
``.model``, ``.param``, ``.lib`` in both its meanings, ``.include``, ``.options``, ``.save``,
``.tran``, ``.measure``, ``.control`` blocks. A value is a number, ``{expression}`` or, in
``.measure``, ``'expression'``. `mru_hw.circuits.statements` has the statements.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from mru_hw.circuits.statements import (
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
)
from mru_hw.errors import MruHwError

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
    for parts in _joined(lines):
        whole = parts[0] if len(parts) == 1 else " ".join(parts)
        if whole.startswith("*"):
            text = whole[1:].removeprefix(" ")
            yield Comment(text=text.strip(), indent=len(text) - len(text.lstrip()))
        elif whole.startswith(".control"):
            yield Control(lines=tuple(parts[1:]))
        elif whole.startswith("."):
            yield _command(whole, scope, _breaks(parts))
        else:
            yield _element(whole, _breaks(parts))


def _joined(lines: Iterable[str]) -> Iterator[list[str]]:
    """Gather the lines of each statement, a whole control block as one."""
    held: list[str] = []
    control = False
    for line in lines:
        text = line.strip()
        if control:
            control = text != ".endc"
            if control:
                held.append(text)
        elif text.startswith("+"):
            held.append(text[1:])
        elif text:
            if held:
                yield held
            held = [text]
            control = text == ".control"
    if held:
        yield held


def _breaks(parts: list[str]) -> Breaks:
    """Count the words above each further line."""
    if len(parts) == 1:
        return ()
    return tuple(itertools.accumulate(len(part.split()) for part in parts[:-1]))


def _command(whole: str, scope: list[str], breaks: Breaks) -> Statement:  # noqa: C901, PLR0911, PLR0912 (a table)
    plain, values = _split(whole.split())
    match plain:
        case [".subckt", name, *pins]:
            scope.append(name)
            return Subckt(name=name, pins=tuple(pins), values=values, breaks=breaks)
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


def _element(whole: str, breaks: Breaks) -> Element | Source:
    plain, values = _split(whole.split())
    name, kind = plain[0], plain[0][0]
    if kind in "vi":
        return _source(whole)
    if kind not in "xmc" or len(plain) != _NETS.get(kind, len(plain) - 2) + 2:
        raise MruHwError(f"No dialect knows this line of a deck: {whole}")
    nets, model = tuple(plain[1:-1]), plain[-1]
    return Element(name=name, nets=nets, model=model, values=values, breaks=breaks)


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
