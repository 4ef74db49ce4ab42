"""Temporary files and folders: whose they are, and which of them a kill has left.

Whoever makes one holds a lock on it (flock) for as long as it is in use. The system lets go of a
lock when its process ends, however it ends, so one that can be locked belongs to nobody.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

_PRIVATE = ("mru-hw-", ".run")
"""How a private folder's name begins and ends, eight characters apart."""
_USUAL = ("/tmp", "/var/tmp")  # noqa: S108 (no name in it is one that could be guessed)


@contextlib.contextmanager
def held(make: Callable[[], Path]) -> Iterator[Path]:
    """Make a temporary file or folder and hold it while the block runs.

    Whoever clears up may meet it between its making and its lock; then another is made.
    """
    while True:
        path = make()
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        with contextlib.suppress(OSError):  # a file system without locks: nothing clears there
            fcntl.flock(handle, fcntl.LOCK_EX)
        if path.exists():
            break
        os.close(handle)
    try:
        yield path
    finally:
        os.close(handle)


@contextlib.contextmanager
def sole(path: Path) -> Iterator[None]:
    """Hold a lock file while the block runs; it goes with the block, or with the next one there.

    Raises
    ------
    BlockingIOError
        Another process holds it.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise
            except OSError:  # a file system without locks
                pass
            # Whoever held it before may have removed it meanwhile.
            if path.exists() and os.path.samestat(path.stat(), os.fstat(handle)):
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return
        finally:
            os.close(handle)


def temporary_place() -> Path:
    """Return the folder for temporary files: TMPDIR, or what is usual.

    `tempfile.gettempdir` finds it by writing a file there, and a kill would leave that.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    for place in (*(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")), *_USUAL):
        if place and Path(place).is_dir() and os.access(place, os.W_OK | os.X_OK):
            return Path(place).absolute()
    raise FileNotFoundError(errno.ENOENT, "no folder for temporary files")


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Yield a folder of this process's own, which goes with the block; clear earlier ones."""
    begin, end = _PRIVATE
    place = temporary_place()
    clear_left(place, f"{begin}????????{end}")
    with held(lambda: Path(tempfile.mkdtemp(prefix=begin, suffix=end, dir=place))) as path:
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def clear_left(folder: Path, pattern: str) -> None:
    """Remove what processes that were killed have left in a folder.

    Parameters
    ----------
    folder, pattern
        Where, and the names that only we give (as `pathlib.Path.glob` takes them).
    """
    for entry in folder.glob(pattern):
        with contextlib.suppress(OSError):
            _remove_unheld(entry)


def _remove_unheld(entry: Path) -> None:
    handle = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    finally:
        os.close(handle)
