"""The numbers of a page as files: each table as JSON and CSV, each figure as SVG and CSV."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mru_hw.files import read_bytes, refuse_foreign, whole_folder
from mru_hw.report.page import Page
from mru_hw.report.parts import Column
from mru_hw.sweeps.view import RunView

INDEX = "index.json"
_WHAT = "report's data"
_LIMIT = 1 << 24


def write_data(page: Page, run: RunView, out: Path) -> None:
    """Write a folder with what a page was made from; it appears whole or not at all.

    ``index.json`` lists the files with their captions and has the verdict. Numbers are in SI
    units and shares, unrounded; the unit of a column stands behind its heading.

    Raises
    ------
    UserError
        `out` holds something else.
    """
    refuse_data(out)
    with whole_folder(out, "data") as part:
        index: dict[str, Any] = {
            "run": run.path.name,
            "hash": run.digest(),
            "verdict": {"text": " ".join(page.paragraph), **page.verdict.as_data(run)},
            "tables": [],
            "figures": [],
        }
        taken: set[str] = set()
        for section in page.sections:
            for table in section.tables:
                name = free_name(table.name, taken)
                rows = list(table.plain())
                _write_json(part / f"{name}.json", rows)
                _write_csv(part / f"{name}.csv", _heads(rows), [row.values() for row in rows])
                index["tables"].append(
                    {"name": name, "section": section.title, "caption": table.caption}
                )
            for picture in section.pictures:
                name = f"figure_{free_name(picture.name, taken)}"
                (part / f"{name}.svg").write_text(picture.svg, encoding="utf-8")
                _write_csv(part / f"{name}.csv", list(picture.data), _columns(picture.data))
                index["figures"].append(
                    {"name": name, "section": section.title, "caption": picture.caption}
                )
        _write_json(part / INDEX, index)


def refuse_data(out: Path) -> None:
    """Raise `UserError` where `out` holds something else than an earlier page's data."""
    refuse_foreign(out, marker=INDEX, what=_WHAT, field="data", allowed=_listed(out / INDEX))


def _listed(index: Path) -> set[str]:
    """Return the names of the files that an earlier index lists; none where it is no index."""
    if not index.is_file():
        return set()
    data = read_bytes(index, "data", limit=_LIMIT, what=_WHAT)
    try:
        found = json.loads(data)
        tables, figures = (
            [str(entry["name"]) for entry in found[kind]] for kind in ("tables", "figures")
        )
    except (ValueError, TypeError, LookupError, RecursionError):
        return set()
    names = {f"{name}.{end}" for name in tables for end in ("json", "csv")}
    return {INDEX} | names | {f"{name}.{end}" for name in figures for end in ("svg", "csv")}


def free_name(name: str, taken: set[str]) -> str:
    """Return a name for files that no other has, and take it; what a store calls things is none."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)[:60]
    found, k = safe, 1
    while found in taken:
        k += 1
        found = f"{safe}_{k}"
    taken.add(found)
    return found


def _heads(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _columns(data: Mapping[str, Column]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of columns that may be of different lengths."""
    plain = (one.tolist() if isinstance(one, np.ndarray) else one for one in data.values())
    return itertools.zip_longest(*plain)


def _write_csv(path: Path, head: Sequence[str], rows: Any) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(["" if value is None else value for value in row] for row in rows)


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(_finite(value), indent=2, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def _finite(value: Any) -> Any:
    """Return a value with null in place of numbers that JSON has not."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
