"""The page of references, made of ``docs/references.bib``, whose plain form a test holds."""

from __future__ import annotations

import re

from scripts.site.markdown import plain

_ENTRY = re.compile(r"^@\w+\{(\w+),\n(.*?)^\}$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^  (\w+) = \{(.+)\},$", re.MULTILINE)


def bibliography_page(text: str) -> str:
    """Return the page: each entry under its key, with what it is cited for.

    Parameters
    ----------
    text
        The bibliography, in BibTeX.
    """
    lines = [
        "# Bibliography\n",
        "Where circuits, equations and compared figures come from; each entry ends with what it is "
        "cited for. The same as BibTeX: [references.bib](../../references.bib).\n",
    ]
    for key, body in _ENTRY.findall(text):
        lines += [f"({key})=", f"## {plain(key)}\n", _reference(dict(_FIELD.findall(body))) + "\n"]
    return "\n".join(lines)


def _reference(fields: dict[str, str]) -> str:
    parts = [plain(fields[name]) for name in ("author", "title") if name in fields]
    where = plain(fields["journal"]) if "journal" in fields else ""
    if "eprint" in fields:
        where = f"[arXiv {fields['eprint']}](https://arxiv.org/abs/{fields['eprint']})"
    if "doi" in fields:
        where += f", [doi {plain(fields['doi'])}](https://doi.org/{fields['doi']})"
    return ". ".join([*parts, f"{where}, {fields['year']}", f"*{plain(fields['note'])}*"])
