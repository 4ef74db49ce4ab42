"""Tables of ports and parameters in the pages of docs/circuits, from each ``cell.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mru_hw.data import circuits_dir
from mru_hw.files import read_yaml

PAGES = Path(__file__).parents[2] / "docs/circuits"
START, END = "<!-- from cell.yaml -->\n", "<!-- end -->\n"


def cell_pages() -> list[Path]:
    """List the pages of cells."""
    names = (path.parent.name for path in sorted(circuits_dir().glob("*/cell.yaml")))
    return [path for name in names if (path := PAGES / f"{name}.md").exists()]


def renewed(page: Path) -> str:
    """Return a page's text with its tables made afresh."""
    before, mark, rest = page.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"{page}: expected the lines {START.strip()} and {END.strip()}")
    return (
        before + START + tables(read_yaml(circuits_dir() / page.stem / "cell.yaml")) + END + after
    )


def tables(document: dict[str, Any]) -> str:
    """Write ports, parameters and valid range of a cell as Markdown."""
    lines = ["| port | kind | unit | |", "|---|---|---|---|"]
    for name, row in document["ports"].items():
        lines.append(f"| `{name}` | {row['kind']} | {row['unit']} | {row.get('what', '')} |")
    if document["parameters"]:
        lines += ["", "| parameter | unit | |", "|---|---|---|"]
        for name, row in document["parameters"].items():
            lines.append(f"| `{name}` | {row['unit']} | {row['what']} |")
    valid = document["range"]
    words = valid if isinstance(valid, str) else "; ".join(f"{k} {v}" for k, v in valid.items())
    lines += ["", f"Range: {words}.", "", f"Law: {document['law']}."]
    lines += ["", f"Source: {document['source']}."]
    return "\n".join(lines) + "\n"
