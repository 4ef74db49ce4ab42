"""Files and folders that appear whole or not at all, and documents that are read with suspicion."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from mru_hw import core_yaml
from mru_hw.documents import mistake
from mru_hw.errors import Bare, UserError
from mru_hw.leftovers import clear_left, held

DOCUMENT_BYTES = 1 << 20
"""The largest YAML document that is read: ours are a few kilobytes."""
_SECOND_COLON = ("mapping values are not allowed here", "expected ',' or '}', but got ':'")
"""PyYAML's words for ``sequences: 10:``, in a block and in braces."""
_KINDS: dict[type, str] = {
    type(None): "empty",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}
"""What stands in a document instead of a mapping, as its writer calls it."""

WRITABLE = "a path that can be written"
"""What is expected of a place for output."""

_Document = TypeVar("_Document", bound=BaseModel)


# ------------------------------------------------------------------------------------- writing


@contextlib.contextmanager
def usable(path: Path, field: str, expected: str) -> Iterator[None]:
    """Say in a sentence what the system says of a place that the block reads or writes.

    Parameters
    ----------
    path
        The place.
    field
        What the user calls it.
    expected
        What was expected there, as a noun phrase; the system's reason is added.

    Raises
    ------
    UserError
        In place of the block's OSError: no permission, a full disk, a name that is too long.
    """
    try:
        yield
    except OSError as error:
        raise UserError(field, str(path), f"{expected} ({reason(error)})") from None


def reason(error: OSError | ValueError) -> str:
    """Return the system's reason, as a person reads it."""
    return getattr(error, "strerror", None) or str(error)


@contextlib.contextmanager
def whole_file(
    path: Path, field: str = "out", *, instead_of: Callable[[Path], bool] | None = None
) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is renamed to `path`.

    An exception inside the block removes the temporary file and leaves `path` as it was. What a
    killed process left of an earlier one is removed.

    Parameters
    ----------
    field
        What the user calls the path.
    instead_of
        Asked at the end whether what stands at `path` by then may be replaced; the new file is
        given up where not. Anything is replaced without it.

    Raises
    ------
    UserError
        The path cannot be written, at whatever moment: a disk may become full.
    """

    def make() -> Path:
        handle, name = tempfile.mkstemp(prefix=_hidden(path), suffix=".part", dir=path.parent)
        os.close(handle)
        return Path(name)

    with usable(path, field, WRITABLE):
        _prepare(path)
        with held(make) as part:
            try:
                yield part
                _flush(part)
                part.chmod(0o666 & ~_umask())
                if instead_of is None or instead_of(path):
                    part.replace(path)
            finally:
                part.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path, field: str = "out") -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`.

    What stood at `path` is removed afterwards. On Linux the two change places in one step, so
    that a kill at any moment leaves the old folder or the new one. What a killed process left of
    an earlier one is removed.

    Raises
    ------
    UserError
        `field` (what the user calls it) cannot be written, at whatever moment.
    """

    def make() -> Path:
        return Path(tempfile.mkdtemp(prefix=_hidden(path), suffix=".part", dir=path.parent))

    with usable(path, field, WRITABLE):
        _prepare(path)
        with held(make) as part:
            old = part.with_suffix(".old")
            try:
                yield part
                for written in part.rglob("*"):
                    if written.is_file():
                        _flush(written)
                part.chmod(0o777 & ~_umask())
                if path.exists() and not _exchange(part, path):
                    path.replace(old)
                    part.replace(path)
                elif part.exists() and not path.exists():
                    part.replace(path)
            finally:
                shutil.rmtree(part, ignore_errors=True)
                shutil.rmtree(old, ignore_errors=True)


def _prepare(path: Path) -> None:
    """Make the folder of a path that is about to be written, and clear what kills left of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = glob.escape(_hidden(path))
    clear_left(path.parent, f"{name}????????.part")
    if path.exists():  # else the old folder is all there is
        clear_left(path.parent, f"{name}????????.old")


def refuse_foreign(
    path: Path,
    *,
    marker: str,
    what: str,
    allowed: Collection[str] | None = None,
    field: str = "out",
) -> None:
    """Raise `UserError` when output cannot go to `path`, or would replace what is not ours.

    Parameters
    ----------
    path
        Where output is about to be written.
    marker
        For a folder: the file in it that proves that we wrote it. For a file: the bytes, as
        latin-1 text, that it starts with.
    what
        What would be written there, as a noun phrase for the sentence.
    allowed
        For a folder: all names that we write there; anything else in it is somebody's own.
        None for a file.
    field
        What the user calls the path.
    """
    with usable(path, field, WRITABLE):
        above = next(p for p in path.absolute().parents if p.exists())
        if not above.is_dir():
            raise UserError(field, str(path), f"a path in a folder, and {above.name} is none")
        if not os.access(above, os.W_OK):  # before the work, not after
            expected = f"{WRITABLE} (the folder {above} lets nothing be written)"
            raise UserError(field, str(path), expected)
        if not path.exists() and not path.is_symlink():
            return
        if path.is_dir():
            found = {entry.name for entry in path.iterdir()}
            known = allowed is not None and (
                not found or (marker in found and found <= set(allowed))
            )
        elif path.is_file() and allowed is None:
            with path.open("rb") as stream:
                known = stream.read(len(marker)) == marker.encode("latin-1")
        else:
            known = False
    if not known:
        raise UserError(field, str(path), f"a new path or an earlier {what}")


def refuse_no_folder(path: Path, field: str) -> None:
    """Raise `UserError` where no folder is, or can be made: before hours of work, not after."""
    expected = "a folder that can be written, new or there already"
    with usable(path, field, expected):
        places = (path, *path.absolute().parents)
        there = next(p for p in places if p.exists() or p.is_symlink())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            raise UserError(field, str(path), expected)


def _hidden(path: Path) -> str:
    """Begin a temporary name: hidden, and short enough where the file's own name is long."""
    return f".{path.name[:60]}."


def _flush(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _exchange(first: Path, second: Path) -> bool:
    """Let two paths change places in one step; False where the system cannot."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    at_cwd, exchange = -100, 2
    done = renameat2(at_cwd, os.fsencode(first), at_cwd, os.fsencode(second), exchange)
    return bool(done == 0)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# ------------------------------------------------------------------------------------- reading


def read_bytes(path: Path, field: str, *, limit: int, what: str) -> bytes:
    """Read a whole file of at most `limit` bytes.

    Raises
    ------
    UserError
        `field` (what the user calls the file) does not exist, is no file, cannot be read or is
        too large; `what` says what was expected there.
    """
    size = refuse_no_file(path, field, what)
    if size > limit:
        raise UserError(field, Bare(f"{size} bytes long"), f"{what} of at most {limit} bytes")
    with usable(path, field, what):
        return path.read_bytes()


def refuse_no_file(path: Path, field: str, what: str) -> int:
    """Return the bytes of a file that can be read.

    Raises
    ------
    UserError
        `field` (what the user calls it) is no file, or the system does not let it be read; `what`
        says what was expected there.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UserError(field, str(path), f"{what} (not a file)")
        with path.open("rb"):
            return status.st_size
    except FileNotFoundError:
        raise UserError(field, str(path), f"{what} (no such file)") from None
    except (OSError, ValueError) as error:
        raise UserError(field, str(path), f"{what} ({reason(error)})") from None


def read_yaml(path: Path, option: str | None = None) -> dict[str, Any]:
    """Read a YAML mapping: plain data only, no tags and no repeated keys.

    Parameters
    ----------
    path
        The file; its name stands for it in errors about what it holds.
    option
        What the user calls it, for errors about its absence; its name if left out.

    Raises
    ------
    UserError
        The file is missing, too large, or not such a mapping.
    """
    return parse_yaml(yaml_bytes(path, option), path.name)


def yaml_bytes(path: Path, option: str | None = None) -> bytes:
    """Return the bytes of a YAML file, as `read_yaml` reads it."""
    return read_bytes(path, option or path.name, limit=DOCUMENT_BYTES, what="a YAML file")


def parse_yaml(data: bytes, field: str) -> dict[str, Any]:
    """Return what the bytes of a YAML file say; `field` stands for the file in errors."""
    try:
        document = core_yaml.load(data)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" in line {error.problem_mark.line + 1}"
        problem = Bare(f"not plain YAML{line} ({error.problem})")
        expected = error.note or "a YAML mapping without tags"
        if error.problem in _SECOND_COLON:
            expected = 'one key a line, and text that ends in a colon in quotes, such as "10:"'
        raise UserError(field, problem, expected) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UserError(field, Bare("not text"), "a YAML mapping in UTF-8") from None
    except RecursionError:
        raise UserError(field, Bare("not plain YAML"), "a YAML mapping, flat and small") from None
    if not isinstance(document, dict):
        found = next(word for kind, word in _KINDS.items() if isinstance(document, kind))
        raise UserError(field, Bare(found), "a YAML mapping of names")
    for key in document:
        if not isinstance(key, str):
            found = Bare(f"a mapping with the key {key!r}")
            raise UserError(field, found, "a YAML mapping of names")
    return document


def validated(kind: type[_Document], data: object, source: str) -> _Document:
    """Check `data` against a pydantic model; the first fault becomes one sentence.

    A validator says what it wanted by raising ``ValueError("expected ...")``, or `UserError` with
    the path of the field; `source`, the file, is put in front.
    """
    try:
        return kind.model_validate(data)
    except UserError as error:
        raise error.inside(source) from None
    except ValidationError as error:
        raise mistake(error.errors(include_url=False)[0], data).inside(source) from None


def read_document(path: Path, kind: type[_Document], option: str | None = None) -> _Document:
    """Read a YAML file as the pydantic model `kind`: `read_yaml`, then `validated`."""
    return validated(kind, read_yaml(path, option), path.name)
