"""Hostile values, and mutations of bytes, text and documents; each says what it did.

Everything is drawn from a `random.Random` that a case's name and number seed, so that a case can be
made again alone.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

import yaml

_Item = TypeVar("_Item")

HARM = "harm-done"
"""A file of this name appears in the current folder where something in a file was executed."""

NUMBERS: list[Any] = [
    *(0, 1, -1, 2, 3, 7, 0.5, -0.0, 1e3, 1e6, 1e9, 1e-9, 1e-15, -1e-3),
    *(1e308, -1e308, 1e-308, 5e-324, 1e154, math.nan, math.inf, -math.inf),
    *(127, 128, 255, 1000, 32768, 10**6, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**30, 10**400),
]
TEXTS: list[str] = [
    *(
        "",
        " ",
        "a",
        "é",
        "名前",
        "٣",
        "5",
        "1.5",
        "0x10",
        "010",
        "1_000",
        "1e5",
        "1,5",
        "nan",
        "inf",
    ),
    *("true", "null", "~", "10 ms", "1 V", "-3 ms", "1e400 s", "5 A", "9" * 5000, "a" * 100_000),
    *("a\nb", "a\r\nb", "\t", "\0", "\x1b[31m", "\ud800", "\u202eabc", "\u2028", "\ufeff"),
    f".control\nshell touch {HARM}\n.endc",
    f"a\n+ shell touch {HARM}",
    f"$(touch {HARM})",
    f"`touch {HARM}`",
    f"; touch {HARM} #",
    "a'; DROP TABLE run; --",
    '"><script>alert(1)</script>',
    "<img src=x onerror=alert(1)>",
    "{{7*7}}{% for x in y %}",
    *("%s%n%d", "{0.__class__}", "${HOME}", "\\", "'", '"', "''", "--", "-1", "--help", "*", "?"),
    *("../../etc/passwd", "/dev/zero", "/dev/null", "/proc/self/mem", ".", "..", "/", "~"),
    *("phi", "gnd", "vdd", "x1", "m1", "mru_chip", "time", "temper", "token", "in", "out", "reset"),
]
WORDS: list[str] = [
    *("cmru", "bmru", "fq_bmru", "alpha_cmru", "lru", "gru", "fixed", "input", "matrix", "mean"),
    *("vote", "last", "ideal", "behavioral", "spice", "settled", "timed", "generic180", "sky130"),
    *("tt", "ff", "ss", "sf", "fs", "float32", "float64", "digits", "identity", "gate", "output"),
    *("leakage", "die", "mismatch_scale", "process_scale", "gradient_scale", "noise_scale"),
    *(
        "corner",
        "temperature",
        "v_dd",
        "perturbation",
        "trim_bits",
        "n",
        "p",
        ":",
        "0:1",
        "1:",
        ":9",
    ),
]
"""Words that documents know: in the wrong place they reach deeper than nonsense does."""


def pick(draw: Random, items: Sequence[_Item]) -> _Item:
    """Return one of several; IndexError where there are none."""
    return items[int(draw.random() * len(items))]


# --------------------------------------------------------------------------------------- bytes


def mutate_bytes(draw: Random, data: bytes) -> tuple[bytes, str]:
    """Damage bytes in one of several ways."""
    name = pick(draw, list(_BYTES))
    changed = bytearray(data or b"\0")
    _BYTES[name](draw, changed)
    return bytes(changed), name


def _flip(draw: Random, data: bytearray) -> None:
    for _ in range(pick(draw, (1, 1, 1, 2, 8, 64))):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _flip_early(draw: Random, data: bytearray) -> None:
    for _ in range(pick(draw, (1, 2, 4))):
        data[draw.randrange(min(len(data), 200))] = draw.randrange(256)


def _flip_late(draw: Random, data: bytearray) -> None:
    for _ in range(pick(draw, (1, 2, 4))):
        data[-1 - draw.randrange(min(len(data), 200))] = draw.randrange(256)


def _truncate(draw: Random, data: bytearray) -> None:
    del data[draw.randrange(len(data)) :]


def _cut_out(draw: Random, data: bytearray) -> None:
    at = draw.randrange(len(data))
    del data[at : at + pick(draw, (1, 2, 16, 512))]


def _insert(draw: Random, data: bytearray) -> None:
    at = draw.randrange(len(data) + 1)
    data[at:at] = draw.randbytes(pick(draw, (1, 2, 16, 512, 65536)))


def _repeat(draw: Random, data: bytearray) -> None:
    at = draw.randrange(len(data))
    data[at:at] = data[at : at + 4096]


def _zeros(draw: Random, data: bytearray) -> None:
    at = draw.randrange(len(data))
    size = len(data[at : at + pick(draw, (4, 64, 4096))])
    data[at : at + size] = bytes(size)


def _size_field(draw: Random, data: bytearray) -> None:
    at = draw.randrange(len(data))
    number = pick(draw, (0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1))
    data[at : at + 8] = number.to_bytes(8, "little")


def _nothing(_draw: Random, data: bytearray) -> None:
    data.clear()


_BYTES: dict[str, Callable[[Random, bytearray], None]] = {
    "bits flipped": _flip,
    "early bytes changed": _flip_early,
    "late bytes changed": _flip_late,
    "truncated": _truncate,
    "bytes cut out": _cut_out,
    "bytes inserted": _insert,
    "a part repeated": _repeat,
    "a part zeroed": _zeros,
    "a size changed": _size_field,
    "emptied": _nothing,
}


# ---------------------------------------------------------------------------------------- text


def mutate_lines(draw: Random, text: str) -> tuple[str, str]:
    """Damage text line by line."""
    name = pick(draw, list(_LINES))
    lines = text.split("\n")
    _LINES[name](draw, lines)
    return "\n".join(lines), name


def _place(draw: Random, lines: list[str]) -> int:
    return draw.randrange(max(1, len(lines)))


def _replace(draw: Random, lines: list[str], new: str) -> None:
    lines[_place(draw, lines)] = new


def _in_line(draw: Random, lines: list[str], change: Callable[[str], str]) -> None:
    at = _place(draw, lines)
    lines[at] = change(lines[at])


_LINES: dict[str, Callable[[Random, list[str]], object]] = {
    "a line doubled": lambda draw, lines: lines.insert(
        _place(draw, lines), lines[_place(draw, lines)]
    ),
    "a line removed": lambda draw, lines: lines.pop(_place(draw, lines)),
    "lines shuffled": lambda draw, lines: draw.shuffle(lines),
    "a line indented": lambda draw, lines: _in_line(draw, lines, lambda s: f"   {s}"),
    "a line with a tab": lambda draw, lines: _in_line(draw, lines, lambda s: f"\t{s}"),
    "a line with a tag": lambda draw, lines: _in_line(
        draw, lines, lambda s: s + f" !!python/object/apply:os.system ['touch {HARM}']"
    ),
    "a tag of its own": lambda draw, lines: _in_line(draw, lines, lambda s: s + " !!set {a, b}"),
    "an anchor and a merge": lambda _draw, lines: lines.extend(["z: &z {a: 1}", "<<: *z"]),
    "a bomb of aliases": lambda _draw, lines: lines.extend(_bomb()),
    "a second document": lambda draw, lines: lines.insert(_place(draw, lines), "---"),
    "a directive": lambda _draw, lines: lines.insert(0, "%YAML 1.1"),
    "hostile text": lambda draw, lines: _replace(draw, lines, pick(draw, TEXTS)),
    "a hostile end": lambda draw, lines: _in_line(draw, lines, lambda s: s + pick(draw, TEXTS)),
    "deep brackets": lambda draw, lines: _replace(draw, lines, "[" * 5000),
    "deep keys": lambda draw, lines: _replace(draw, lines, "{a: " * 3000),
    "other ends of lines": lambda _draw, lines: lines.__setitem__(
        slice(None), [f"{s}\r" for s in lines]
    ),
    "a mark at the start": lambda _draw, lines: lines.__setitem__(0, "\ufeff" + lines[0]),
}


def _bomb() -> Iterator[str]:
    yield "b0: &b0 [a, a, a, a, a, a, a, a, a, a]"
    for n in range(1, 9):
        yield f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 10)}]"


def encoded(draw: Random, text: str) -> bytes:
    """Return text as bytes, now and then in another encoding."""
    coding = pick(draw, (*("utf-8",) * 20, "utf-16", "latin-1", "utf-32", "utf-8-sig"))
    return text.encode(coding, errors="surrogatepass" if "utf" in coding else "replace")


# ----------------------------------------------------------------------------------- documents


def other_value(draw: Random, old: object) -> Any:
    """Return a value in place of another: near it, extreme, a known word or of another kind."""
    if isinstance(old, int | float) and not isinstance(old, bool) and draw.random() < 0.5:
        factor = pick(draw, (-1, 0, 2, 3, 10, 1000, 0.5, 1e-3, 1e6, 1e-6, 1e12, 1e-12))
        new = old * factor
        return int(new) if isinstance(old, int) and draw.random() < 0.8 else new
    if isinstance(old, str) and draw.random() < 0.5:
        return pick(draw, WORDS)
    kinds: list[Callable[[], Any]] = [
        lambda: pick(draw, NUMBERS),
        lambda: pick(draw, TEXTS),
        lambda: pick(draw, WORDS),
        lambda: pick(draw, (None, True, False)),
        lambda: pick(draw, ([], {}, [old], [old, old], {"a": old}, [[old]], {"values": [old]})),
        lambda: str(old),
        lambda: [pick(draw, NUMBERS) for _ in range(pick(draw, (1, 2, 3, 13)))],
        lambda: _deep(old, pick(draw, (5, 50, 200))),
    ]
    return pick(draw, kinds)()


def _deep(value: object, depth: int) -> object:
    for _ in range(depth):
        value = [value]
    return value


def mutate_document(draw: Random, document: Any) -> tuple[Any, str]:
    """Change a document of mappings, lists and scalars in one to three places."""
    document, said = copy.deepcopy(document), []
    for _ in range(pick(draw, (1, 1, 1, 1, 2, 3))):
        paths = list(_paths(document))
        if not paths:
            break
        path = pick(draw, paths)
        parent = document
        for step in path[:-1]:
            parent = parent[step]
        said.append(f"{'.'.join(map(str, path))}: {_change(draw, parent, path[-1])}")
    return document, ", ".join(said)


def _paths(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value; those near the root come again, so that all are drawn."""
    steps: Sequence[Any] = ()
    if isinstance(document, Mapping):
        steps = list(document)
    elif isinstance(document, list):
        steps = range(min(len(document), 20))
    for step in steps:
        yield (*at, step)
        if len(at) < 8:
            yield from _paths(document[step], (*at, step))


def _change(draw: Random, parent: Any, key: Any) -> str:
    old = parent[key]
    ways = ["other"] * 6 + ["remove", "rename", "extra"]
    way = pick(draw, ways)
    if way == "other":
        parent[key] = other_value(draw, old)
        return f"{parent[key]!r:.60}"
    if way == "remove":
        del parent[key]
    elif isinstance(parent, list):
        parent.insert(draw.randrange(len(parent) + 1), copy.deepcopy(old))
    elif way == "rename":
        new = pick(draw, (key + "s", key[:-1], key.upper(), pick(draw, TEXTS), pick(draw, NUMBERS)))
        parent[new] = parent.pop(key)
    else:
        parent[pick(draw, (pick(draw, TEXTS), pick(draw, WORDS), f"{key}2"))] = old
    return way


def dumped(document: Any) -> str:
    """Return a document as YAML, whatever stands in it."""
    text: str = yaml.safe_dump(document, sort_keys=False)
    return text


def mutate_yaml(draw: Random, data: bytes) -> tuple[bytes, str]:
    """Change a YAML file: its values mostly, now and then its lines or its bytes."""
    way = draw.random()
    if way < 0.1:
        return mutate_bytes(draw, data)
    if way < 0.25:
        text, said = mutate_lines(draw, data.decode())
    else:
        document, said = mutate_document(draw, yaml.safe_load(data))
        text = dumped(document)
    return encoded(draw, text), said
