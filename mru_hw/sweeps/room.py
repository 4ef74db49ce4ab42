"""What a sweep takes on the disk."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from mru_hw.errors import UserError
from mru_hw.sweeps.store import QUANTILES
from mru_hw.words import many

_ROW = 165
"""Bytes of a run beside its sequences and quantiles: status, hash of the design, blocks."""
_BEGINNING = 100_000
"""Bytes of a store without a run."""


def run_bytes(n_sequences: int, keep: str) -> int:
    """Return about how many bytes RUN.sqlite takes for a run."""
    summary = _ROW + 8 * len(QUANTILES) + -(-n_sequences // 8)
    return summary + (10 * n_sequences if keep == "all" else 0)


def store_bytes(runs: int, each: int) -> int:
    """Return about how many bytes RUN.sqlite takes, its log while it runs included."""
    return _BEGINNING + runs * each + min(runs * each, 8_000_000)


def free_bytes(out: Path) -> int | None:
    """Return the room where a store is to be; None where the system does not say."""
    place = out.absolute().parent
    while not place.exists() and place != place.parent:
        place = place.parent
    with contextlib.suppress(OSError):
        usage = shutil.disk_usage(place)
        return usage.free if usage.total else None  # /proc has none at all, and takes no file
    return None


def refuse_no_room(out: Path, runs: int, each: int) -> None:
    """Refuse a sweep that takes more room than there is.

    Raises
    ------
    UserError
        As said.
    """
    needed, free = store_bytes(runs, each), free_bytes(out)
    if free is not None and needed > free:
        wanted = f"{many(runs, 'run')}, {size(needed)}"
        expected = f"a place with room for {wanted}, where {size(free)} are free"
        raise UserError("out", str(out), expected)


def size(count: float) -> str:
    """Write a number of bytes as a person reads it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
