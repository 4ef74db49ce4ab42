"""The pages of the documentation that are made: commands, documents, bibliography.

``docs/conf.py`` calls `write_reference` before Sphinx reads a page, so that none of them can say
something else than the program does. They are no part of the repository.
"""

from __future__ import annotations

from pathlib import Path

from scripts.site.bibliography import bibliography_page
from scripts.site.commands import command_pages
from scripts.site.documents import document_pages

__all__ = ["write_reference"]


def write_reference(folder: Path, bib: Path, schemas: Path) -> None:
    """Write the pages that are made, and take away what was made before and is made no more.

    Parameters
    ----------
    folder
        Where the pages go.
    bib
        The bibliography.
    schemas
        The folder of the JSON schemas of tables and summaries.
    """
    pages = {
        "bibliography": bibliography_page(bib.read_text(encoding="utf-8")),
        **command_pages(),
        **document_pages(schemas),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        # Sphinx reads a page again where its time is new.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
