"""What tests of reports share: a small sweep, its page, what both say."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from mru_hw.cli.again import InShell
from mru_hw.report.page import Page, make_page
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run


def swept(plan: Path) -> Path:
    """Run a plan; return the store, which lies beside it."""
    store = plan.parent / "run.sqlite"
    run_sweep({"sweep": read_plan(plan)}, plan.parent, store, workers=1)
    return store


def made(store: Path) -> Page:
    """Return the page of a store as the command makes it."""
    with open_run(store) as run:
        return make_page(run, again=InShell())


def ask(store: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return what a store says."""
    with contextlib.closing(sqlite3.connect(store)) as db:
        return db.execute(query, values).fetchall()


def rows_of(page: Page, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table of a page, in numbers."""
    (found,) = [t for s in page.sections for t in s.tables if t.name == name]
    return list(found.plain())
