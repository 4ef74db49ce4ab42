"""Spoken words as wav files, in the layout of Speech Commands: a folder for each word."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import Field

from mru_hw.documents import Several
from mru_hw.errors import UserError
from mru_hw.files import reason, usable
from mru_hw.training.tasks.base import Labelled
from mru_hw.training.tasks.recordings import Recording, Recordings, wav_files

LISTS = {"test": "testing_list.txt", "validation": "validation_list.txt"}
SPREAD = 2**27 - 1
"""What the data set's own rule counts hashes by."""


class SpeechCommands(Recordings):
    """Files ``{word}/{speaker}_nohash_{n}.wav``; each speaker is in one part only."""

    name: Literal["speech_commands"] = "speech_commands"
    sample_rate: int = Field(
        default=16000, ge=1000, le=1_000_000, description="of every recording [Hz]"
    )
    words: Several[str] | None = Field(
        default=None,
        min_length=2,
        description="the classes, in this order; every folder if left out",
    )

    def load(self, folder: Path) -> Labelled:
        """Return the recordings by word, and by name within a word."""
        place = folder / self.folder
        words = _folders(place) if self.words is None else self.words
        if len(set(words)) < len(words):
            raise UserError("task.words", list(words), "each word once")
        named = _lists(place)
        found = []
        for label, word in enumerate(words):
            for path in wav_files(place / word):
                part = _by_hash(path.name) if named is None else named.get(f"{word}/{path.name}")
                found.append(Recording(path=path, label=label, part=part or "train"))
        return self.sequences(found, tuple(words))


def _folders(place: Path) -> tuple[str, ...]:
    """Return the words: every folder but those that begin with ``_`` or a point, as noise does."""
    try:
        found = sorted(p.name for p in place.iterdir() if p.is_dir() and p.name[0] not in "_.")
    except OSError as error:
        raise UserError("task.folder", str(place), f"a folder ({reason(error)})") from None
    if len(found) < 2:
        raise UserError(
            "task.folder", str(place), "a folder with a folder for each of several words"
        )
    return tuple(found)


def _lists(place: Path) -> dict[str, str] | None:
    """Return the part of each file that the lists name; None where there are no lists."""
    named: dict[str, str] = {}
    for part, name in LISTS.items():
        path = place / name
        if not path.is_file():
            return None
        with usable(path, "task.folder", f"a {name} that can be read"):
            text = path.read_text(encoding="utf-8", errors="replace")
        named |= dict.fromkeys(text.split(), part)
    return named


def _by_hash(name: str) -> str:
    """Return the part by the data set's own rule: 10 % validate, 10 % test, by speaker."""
    speaker = name.partition("_nohash_")[0]
    value = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16)
    percent = value % (SPREAD + 1) * (100.0 / SPREAD)
    return "validation" if percent < 10.0 else "test" if percent < 20.0 else "train"
