"""Which file is a sweep, and of which format: what its first bytes say."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import final

from mru_hw.errors import UserError

APPLICATION = 0x6D727568  # "mruh"
FORMAT = 6
_SQLITE = b"SQLite format 3\0"

SQLITE_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What SQLite raises; a message of its own may quote the bytes of a damaged file."""


@final
class UnusableStoreError(UserError):
    """What stands at a path cannot be gone on with: another sweep, of another format, damaged.

    A new sweep can be begun where it was removed; of a file that is in use or cannot be written
    that would not be true.
    """


def stands(path: Path) -> bool:
    """Whether a sweep was begun at `path`.

    Raises
    ------
    UnusableStoreError
        Something that no sweep wrote is there, or a sweep of another version.
    """
    if unbegun(path):
        return False
    head = b""
    if path.is_file():  # to open a pipe is to wait for whoever writes it
        with contextlib.suppress(OSError), path.open("rb") as stream:
            head = stream.read(100)
    # The file format of SQLite: numbers of the application's own stand at bytes 60 and 68.
    if not head.startswith(_SQLITE) or int.from_bytes(head[68:72], "big") != APPLICATION:
        raise UnusableStoreError("out", str(path), "a new path or an earlier sweep")
    refuse_format("out", path, int.from_bytes(head[60:64], "big"))
    return True


def refuse_format(field: str, path: Path, version: int) -> None:
    """Refuse a sweep of another format than this one.

    Raises
    ------
    UnusableStoreError
        As said; `field` is what the user calls the file.
    """
    if version != FORMAT:
        expected = (
            f"a sweep of format {FORMAT}, for this one has format {version}: run its plan again "
            "with a new path for `out`"
        )
        raise UnusableStoreError(field, str(path), expected)


def unbegun(path: Path) -> bool:
    """Whether nothing stands at `path`, or what a sweep that was killed at once has left there."""
    if not path.exists() and not path.is_symlink():
        return True
    if not path.is_file():
        return False
    with contextlib.suppress(OSError, *SQLITE_ERRORS):
        if path.stat().st_size == 0:
            return True
        with path.open("rb") as stream:
            if not stream.read(16).startswith(_SQLITE):
                return False
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
            (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            (number,) = db.execute("PRAGMA application_id").fetchone()
            return not tables and number in {0, APPLICATION}
    return False
