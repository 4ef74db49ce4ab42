"""Text and tables of a page as LaTeX: ASCII alone, every character that means something escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from mru_hw.report.parts import Table
from mru_hw.units import in_symbols

PACKAGES = ("array", "booktabs", "graphicx")
"""What a document needs for the tables."""
_ROWS = 40
"""Rows of a float; a longer table is several."""
_TEXT = 30
"""Characters of a column of text before its lines are broken."""
_LINE = 88
"""Characters of a line of small print; a wider table is scaled down to it."""
_CHUNK = 12
"""Characters of code without a place where a line may break."""
_EM = 0.5
"""Width of a character of text in em, roughly."""

_SPECIAL = {
    **{c: f"\\{c}" for c in "{}#$%&_"},
    # A row that begins with one of these would be read as options of the end of the last one.
    "[": "{[}",
    "*": "{*}",
    "\\": "\\textbackslash{}",
    "^": "\\textasciicircum{}",
    "~": "\\textasciitilde{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "`": "\\textasciigrave{}",
    '"': "{''}",
}
_SYMBOLS = {
    "×": "$\\times$",
    "µ": "$\\mu$",
    "μ": "$\\mu$",
    "Ω": "$\\Omega$",
    "°": "$^{\\circ}$",
    "±": "$\\pm$",
    "²": "$^{2}$",
    "³": "$^{3}$",
    "·": "$\\cdot$",
    "≤": "$\\leq$",
    "≥": "$\\geq$",
    "→": "$\\rightarrow$",
    "σ": "$\\sigma$",
    "–": "--",
    "—": "---",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "…": "\\ldots{}",
    "ß": "\\ss{}",
    "●": "$\\bullet$",
    "◕": "$\\odot$",
    "◔": "$\\ominus$",
    "○": "$\\circ$",
    "\u00a0": "~",
    "\u202f": "\\,",
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0308": '"',
    "\u0327": "c",
    "\u030a": "r",
    "\u030c": "v",
}


def escaped(text: str) -> str:
    """Return text as LaTeX that shows it; a character that LaTeX lacks shows as its number."""
    return "".join(_letters(in_symbols(text)))


def _letters(text: str) -> Iterator[str]:
    before = ""
    for c in text:
        if c == before == "-":
            yield "{}-"  # two hyphens alone make a dash
        elif c in _SPECIAL:
            yield _SPECIAL[c]
        elif c in _SYMBOLS:
            yield _SYMBOLS[c]
        elif c in "\n\t":
            yield " "
        elif c.isascii() and c.isprintable():
            yield c
        else:
            yield _accented(c)
        before = c


def _accented(c: str) -> str:
    parts = unicodedata.normalize("NFD", c)
    if len(parts) == 2 and parts[0].isascii() and parts[1] in _ACCENTS:
        return f"\\{_ACCENTS[parts[1]]}{{{parts[0]}}}"
    return f"{{[}}U+{ord(c):04X}]"


def code(text: str) -> str:
    """Return text as typewriter print that may break anywhere."""
    parts = (text[k : k + _CHUNK] for k in range(0, len(text), _CHUNK))
    whole = "\\allowbreak{}".join("".join(_letters(part)) for part in parts)
    return f"\\texttt{{{whole}}}"


def table(one: Table, name: str) -> str:
    """Return a table as floats by booktabs.

    Parameters
    ----------
    name
        Of its label, ``tab:name``.
    """
    cuts = range(0, len(one.rows), _ROWS)
    some = [_float(one, one.rows[k : k + _ROWS], name, k // _ROWS, len(cuts)) for k in cuts]
    needs = ", ".join(PACKAGES)
    return f"% Needs the packages {needs}.\n" + "\n".join(some)


def _float(one: Table, rows: Sequence[Sequence[str]], name: str, part: int, parts: int) -> str:
    width = max(len(row) for row in (one.head, *rows))
    columns = [[row[k] if k < len(row) else "" for row in rows] for k in range(width)]
    longest = [max(map(len, column), default=0) for column in columns]
    kinds = [_kind(one, k, longest[k]) for k in range(width)]
    wide = sum(min(n, _TEXT) + 2 for n in longest)
    lines = [f"\\begin{{tabular}}{{@{{}}{''.join(kinds)}@{{}}}}", "\\toprule"]
    if one.head:
        lines += [_heading(one, longest) + " \\\\", "\\midrule"]
    for k, row in enumerate(rows):
        if one.total and part == parts - 1 and k == len(rows) - 1:
            lines.append("\\midrule")
        cells = (code(cell) if c in one.code else escaped(cell) for c, cell in enumerate(row))
        lines.append(" & ".join(cells) + " \\\\")
    lines += ["\\bottomrule", "\\end{tabular}"]
    body = "\n".join(lines)
    if wide > _LINE:
        body = f"\\resizebox{{\\linewidth}}{{!}}{{%\n{body}%\n}}"
    which = f" (part {part + 1} of {parts})" if parts > 1 else ""
    label = name if part == 0 else f"{name}_{part + 1}"
    return (
        "\\begin{table}[htbp]\n\\centering\\small\n"
        f"\\caption{{{escaped(one.caption)}{which}}}\n\\label{{tab:{label}}}\n"
        f"{body}\n\\end{{table}}\n"
    )


def _kind(one: Table, k: int, longest: int) -> str:
    """Return how a column is set: numbers to the right, long text in lines."""
    if k in one.numbers:
        return "r"
    if longest <= _TEXT:
        return "l"
    return f">{{\\raggedright\\arraybackslash}}p{{{_TEXT * _EM:g}em}}"


def _heading(one: Table, longest: Sequence[int]) -> str:
    """Return the row of headings, long ones in lines about as wide as their column."""
    cells = []
    for k, heading in enumerate(one.head):
        room = max(10, longest[k])
        lines: list[str] = [""]
        for word in heading.split():
            fits = len(lines[-1]) + len(word) < room
            lines[-1:] = [f"{lines[-1]} {word}".strip()] if fits else [lines[-1], word]
        said = "\\\\".join(escaped(line) for line in lines if line)
        side = "r" if k in one.numbers else "l"
        cells.append(f"\\shortstack[{side}]{{{said}}}" if "\\\\" in said else said)
    return " & ".join(cells)
