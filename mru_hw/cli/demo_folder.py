"""The folder that a demo writes: whose it is, who writes it now, what an earlier call left."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mru_hw.cli.output import plain
from mru_hw.errors import UserError
from mru_hw.files import read_bytes, usable, whole_file

SUMMARY, REPORT, INPUTS, STORE = "summary.json", "report.html", "inputs.npz", "sweep.sqlite"
MODEL, MODEL_SPICE, NETLIST = "model", "model-spice", "netlist"
NAMES = (REPORT, SUMMARY, INPUTS, STORE, MODEL, MODEL_SPICE, NETLIST)

_ANY = "|".join(re.escape(name) for name in NAMES)
_LEFT_OVER = re.compile(rf"\.(?:{_ANY})\..*\.(?:part|old)")
_UNFINISHED = re.compile(rf"(?:{MODEL}|{MODEL_SPICE})\.part|sweep\.sqlite-journal")
_LIMIT = 1 << 24


@contextlib.contextmanager
def demo_folder(path: Path) -> Iterator[dict[str, Any] | None]:
    """Take a folder for a demo and yield the summary that an earlier one left, None if none did.

    Raises
    ------
    UserError
        It holds something that no demo wrote, or another demo is writing it.
    """
    with usable(path, "--out", "a new path or an earlier demo"):
        if path.exists() and not path.is_dir():
            raise _foreign(path)
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            expected = "a folder that no other demo is writing"
            raise UserError("--out", str(path), expected) from None
        earlier = _earlier(path)
        for entry in path.iterdir():
            if _LEFT_OVER.fullmatch(entry.name):
                remove(entry)
        yield earlier
    finally:
        os.close(handle)


def write_summary(path: Path, summary: Mapping[str, Any]) -> None:
    """Write ``summary.json``, whole or not at all; NaN and infinity become null."""
    text = json.dumps(plain(summary), indent=2, allow_nan=False, ensure_ascii=False)
    with whole_file(path / SUMMARY) as part:
        part.write_text(text + "\n", encoding="utf-8")


def clear(path: Path) -> None:
    """Remove what an earlier demo of another kind left, its summary excepted."""
    for entry in path.iterdir():
        if entry.name != SUMMARY:
            remove(entry)


def remove(entry: Path) -> None:
    """Remove a file or a folder."""
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)


def _earlier(path: Path) -> dict[str, Any] | None:
    names = {entry.name for entry in path.iterdir()}
    ours = {n for n in names if n in NAMES or _LEFT_OVER.fullmatch(n) or _UNFINISHED.fullmatch(n)}
    if names - ours:
        raise _foreign(path)
    if SUMMARY in names:
        data = read_bytes(path / SUMMARY, SUMMARY, limit=_LIMIT, what="a summary")
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            raise _foreign(path) from None
        if not isinstance(found, dict) or not isinstance(found.get("demo"), dict):
            raise _foreign(path)
        return found
    if not all(_LEFT_OVER.fullmatch(name) for name in names):
        raise _foreign(path)
    return None


def _foreign(path: Path) -> UserError:
    return UserError("--out", str(path), "a new path or an earlier demo")
