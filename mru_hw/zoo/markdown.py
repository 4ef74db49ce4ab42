"""Text of a plan in the Markdown of a page: it shows as it stands, and no HTML passes."""

from __future__ import annotations

import re
from html import escape

_SIGNS = re.compile(r"([\\`*~\[|]|(?<!\w)_|_(?!\w))")
"""What Markdown would read; an underscore inside a word is one."""
_CODE = re.compile(r"(`+)(?:(?!\1).)+\1")


def plain(text: object) -> str:
    """Return a title, a cell of a table or a value on one line; every sign shows as it is."""
    return _SIGNS.sub(r"\\\1", escape(_line(str(text)), quote=False))


def prose(text: str) -> str:
    """Return a paragraph that is Markdown, on one line; HTML in it shows as text."""
    line, found, last = _line(text), [], 0
    for code in _CODE.finditer(line):
        found += [escape(line[last : code.start()], quote=False), code.group()]
        last = code.end()
    return "".join([*found, escape(line[last:], quote=False)])


def row(cells: list[str]) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


def _line(text: str) -> str:
    return " ".join(text.split())
