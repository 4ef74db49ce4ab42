"""YAML as documents here are written: the core schema of YAML 1.2, without what surprises.

PyYAML alone reads YAML 1.1, where ``010`` is eight, ``10:20`` is 620, ``1e-1`` is text and ``no``
is false. Here a plain scalar is what YAML 1.2.2, section 10.3.2, says: null, true or false, a whole
number in decimal digits (or behind ``0o`` or ``0x``), a number with a point or an exponent, else
text. Beyond that, a document has no tags, no repeated keys and no aliases without end, and no
number that is larger than every float.
"""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import yaml

from mru_hw.errors import printable

_VALUES = 1 << 20
"""Values of a document, every alias written out."""

_TAG = "tag:yaml.org,2002:"
_SCALARS: dict[str, tuple[re.Pattern[str], list[str]]] = {
    "null": (re.compile(r"(?:null|Null|NULL|~|)\Z"), ["", *"nN~"]),
    "bool": (re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), [*"tTfF"]),
    "int": (re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"), [*"-+0123456789"]),
    "float": (
        re.compile(
            r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
        ),
        [*"-+.0123456789"],
    ),
}
"""Per kind: what a plain scalar of this kind looks like, and the characters that it begins with."""


def load(data: bytes) -> Any:
    """Read a document.

    Parameters
    ----------
    data
        Text in UTF-8, or in UTF-16 with its mark.

    Raises
    ------
    yaml.MarkedYAMLError
        It is no YAML, or has what documents here do not have; `problem` says what, and `note`,
        where it is set, what was expected.
    yaml.YAMLError, UnicodeDecodeError
        It is no text.
    RecursionError
        It is too deep.
    """
    return yaml.load(data, Loader=_Loader)  # noqa: S506 (a SafeLoader, restricted)


def dump(document: object, **layout: Any) -> str:
    """Write plain data as text that `load`, and a reader of YAML 1.1, read back to the same.

    Parameters
    ----------
    document
        Mappings, lists, text, numbers, true, false and null.
    layout
        PyYAML's arguments of layout: `width`, `default_flow_style`.
    """
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **layout)
    return text


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML's own way to configure a loader)

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _expanded(node, {})
        return node

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) is not None:
            raise yaml.MarkedYAMLError(problem="it has a tag", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"it repeats the key {printable(key.value, 40)}"
                    mark = key.start_mark
                    raise yaml.MarkedYAMLError(
                        problem=problem, problem_mark=mark, note="a YAML mapping with each key once"
                    )
                seen.add(key.value)
        if node.flow_style:
            _refuse_decimal_comma([n for pair in node.value for n in pair])
        return node

    def compose_sequence_node(self, anchor: Any) -> yaml.SequenceNode:
        node = super().compose_sequence_node(anchor)
        if node.flow_style:
            _refuse_decimal_comma(node.value)
        return node

    def construct_scalar(self, node: yaml.Node) -> Any:
        text = super().construct_scalar(node)  # type: ignore[arg-type]
        if re.search("[\ud800-\udfff]", text):
            raise yaml.MarkedYAMLError(problem="half a character", problem_mark=node.start_mark)
        return text


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would read as something else than text.

    Equal rows are repeated: a reader takes no aliases for granted.
    """

    def ignore_aliases(self, _data: object) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # Line breaks of Unicode would fold in any other style.
        style = '"' if re.search("[\x85\u2028\u2029]", data) else None
        return self.represent_scalar(f"{_TAG}str", data, style=style)


def _number(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    text = str(loader.construct_scalar(node))
    if re.search(r"(?i)inf|nan", text):
        return float(text.replace(".", ""))
    number: int | float
    if node.tag == f"{_TAG}int":
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        # Long before Python's own limit on digits, which would be an error of another kind.
        number = int(text, base) if len(text) < 1000 else math.inf
    else:
        number = float(text)
    if not -math.inf < number < math.inf or abs(number) > _LARGEST:
        raise yaml.MarkedYAMLError(
            problem=f"a number beyond {_LARGEST:.2g}", problem_mark=node.start_mark
        )
    return number


_LARGEST = float.fromhex("0x1.fffffffffffffp+1023")

for _kind, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _kind, _pattern, _first)
    _Dumper.add_implicit_resolver(_TAG + _kind, _pattern, _first)
for _kind in ("int", "float"):
    _Loader.add_constructor(_TAG + _kind, _number)
_Dumper.add_representer(str, _Dumper.represent_str)


def _refuse_decimal_comma(values: list[yaml.Node]) -> None:
    """Refuse ``[0,5, 1]`` and ``[1,8 V]``, of which YAML makes more numbers than a person reads.

    ``[0,5]`` may be meant either way, and ``[1,2,3]`` is clear.
    """
    plain = [n for n in values if isinstance(n, yaml.ScalarNode) and n.style is None]
    gaps = [b.start_mark.index - a.end_mark.index for a, b in itertools.pairwise(values)]
    for a, b in itertools.pairwise(plain):
        tight = b.start_mark.index - a.end_mark.index == 1
        if not (tight and re.search(r"(?:^|[-+])[0-9]+\Z", a.value) and re.match("[0-9]", b.value)):
            continue
        if any(gap > 1 for gap in gaps) or not re.fullmatch("[0-9.]+", b.value):
            problem = f"{printable(f'{a.value},{b.value}', 40)} may be one number or two"
            note = "a point before decimals, and a space after each comma of a list"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=a.start_mark, note=note)


def _expanded(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Count the values below a node with every alias written out; refuse too many, and rings."""
    if id(node) not in sizes:
        sizes[id(node)] = _VALUES  # of a ring, which has no end
        below = node.value if isinstance(node, yaml.CollectionNode) else []
        flat = [n for item in below for n in (item if isinstance(item, tuple) else (item,))]
        sizes[id(node)] = 1 + sum(_expanded(n, sizes) for n in flat)
    if sizes[id(node)] > _VALUES:
        raise yaml.MarkedYAMLError(problem="its aliases have no end", problem_mark=node.start_mark)
    return sizes[id(node)]
