"""A folder of results that took long: what is there is read, what is missing is made and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mru_hw.errors import RunStatus
from mru_hw.files import whole_file
from mru_hw.spice.deck import Change, Deck, Waves
from mru_hw.spice.runner import Limits, Runner

Arrays = dict[str, np.ndarray[Any, Any]]


class Store:
    """Results in a folder, each a file under its name; without a folder nothing is kept.

    A result with a run in it that the machine ended (`RunStatus.of_machine`) is returned and not
    kept: the next call runs it again. So is one that was kept by an earlier version.

    Parameters
    ----------
    work
        The folder; it exists.
    tell
        Told of every result that is made, and of decks that failed.

    Attributes
    ----------
    core_seconds
        Processor time [s] of all decks that were asked for, also of those that had been run before.
    """

    def __init__(self, work: Path | None, tell: Callable[[str], None] = lambda _text: None) -> None:
        self._work = work
        self._tell = tell
        self._runner = Runner(Limits(time_s=3600))
        self.core_seconds = 0.0

    def __call__(self, name: str, deck: Deck, make: Callable[[Waves], dict[str, Any]]) -> Any:
        """Run a deck, and return what was made of its waves with its status and `core_seconds`."""

        def run() -> dict[str, Any]:
            waves = self._runner.run(deck)
            made = {"status": waves.status.name, "core_seconds": waves.core_seconds}
            if waves.status is RunStatus.DONE:
                return made | make(waves)
            return made | {"message": waves.message}

        made = self.keep(f"{name}-{deck.token:.9f}", run)
        self.core_seconds += made["core_seconds"]
        if made["status"] != RunStatus.DONE.name:
            self._tell(f"{name}: {made['status']} {made['message']}")
        return made

    def keep(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what JSON leaves of a result."""
        made = self.read(name)
        return self.write(name, make()) if made is None else made

    def read(self, name: str) -> Any:
        """Return a result that was kept, or None."""
        kept = self._path(f"{name}.json")
        if kept is None or not kept.is_file():
            return None
        made = json.loads(kept.read_text(encoding="utf-8"))
        return None if _cut_off(made) else made

    def write(self, name: str, made: Any) -> Any:
        """Keep a result and return what JSON leaves of it."""
        text = json.dumps(made, default=np.ndarray.tolist)
        kept = self._path(f"{name}.json")
        plain = json.loads(text)
        if kept is not None and not _cut_off(plain):
            with whole_file(kept) as part:
                part.write_text(text, encoding="utf-8")
        self._tell(f"{name}: done")
        return plain

    def arrays(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """Return the arrays of a result, kept as they are."""
        kept = self._path(f"{name}.npz")
        if kept is not None and kept.is_file():
            with np.load(kept, allow_pickle=False) as arrays:
                found = dict(arrays)
            if not _cut_off(_status(found)):
                return found
        made = make()
        if kept is not None and not _cut_off(_status(made)):
            with whole_file(kept) as part, part.open("wb") as stream:
                np.savez_compressed(stream, **made)  # type: ignore[arg-type]
        self._tell(f"{name}: done")
        return made

    def _path(self, file: str) -> Path | None:
        return None if self._work is None else self._work / file


_OF_MACHINE = {status.name for status in RunStatus if status.of_machine}


def _cut_off(made: Any) -> bool:
    """Whether the machine ended a run in a result: a status anywhere in it says so."""
    if isinstance(made, dict):
        status = made.get("status")
        ended = status if isinstance(status, list) else [status]
        if any(isinstance(one, str) and one in _OF_MACHINE for one in ended):
            return True
        return any(_cut_off(part) for name, part in made.items() if name != "status")
    return isinstance(made, list) and any(_cut_off(part) for part in made if not _plain(part))


def _status(arrays: Arrays) -> dict[str, list[str]]:
    return {"status": arrays["status"].tolist()} if "status" in arrays else {}


def _plain(part: Any) -> bool:
    return part is None or isinstance(part, int | float | str)


def die_rows(
    deck: Deck,
    dies: Sequence[Sequence[Change]],
    read: Callable[[Waves], dict[str, Any]],
    *,
    first: int = 0,
    time_s: float = 600.0,
    workers: int = 1,
) -> list[dict[str, Any]]:
    """Run a deck as so many dies; each has a row with its number, status and what was read.

    Parameters
    ----------
    read
        Reads the waves of a die whose run was done.
    first
        Number of the first die.
    time_s
        The longest that a die may take [s].
    """
    rows: list[dict[str, Any]] = [{}] * len(dies)
    for place, waves in Runner(Limits(time_s=time_s)).run_dies(deck, dies, workers=workers):
        rows[place] = {
            "die": first + place,
            "status": waves.status.name,
            "core_seconds": waves.core_seconds,
        }
        if waves.status is RunStatus.DONE:
            rows[place] |= read(waves)
    return rows


def batches(total: int, size: int) -> Iterator[tuple[int, int]]:
    """Part so many dies into batches: the first die of each, and how many they are."""
    for first in range(0, total, size):
        yield first, min(size, total - first)
