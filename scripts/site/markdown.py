"""Pieces of Markdown that the made pages share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def plain(text: str) -> str:
    """Return text with what Markdown or a table would take for its own escaped, but for code."""
    pieces = re.split(r"(`+[^`]+`+)", " ".join(text.split()))
    for place, piece in enumerate(pieces):
        if place % 2:
            pieces[place] = code(piece.strip("`"))
        else:
            pieces[place] = re.sub(r"([\\`*_{}\[\]<>|#$])", r"\\\1", piece)
    return "".join(pieces)


def code(text: str) -> str:
    """Return text as code, in a table too."""
    return "`" + text.replace("|", "\\|") + "`"


def sentence(text: str) -> str:
    """Return a description as a sentence: a capital in front, a full stop at the end."""
    if not text:
        return ""
    text = text[:1].upper() + text[1:] if re.match(r"[a-z]+[ ,;:]", text) else text
    return text if text.endswith((".", ":", "?")) else f"{text}."
