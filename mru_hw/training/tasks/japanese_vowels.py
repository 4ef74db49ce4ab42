"""Nine speakers by the vowel that they speak: JapaneseVowels, from the files that aeon carries.

Only the files are read, aeon itself is not imported: its release asks for older numba and pandas
than this project runs with, so it is installed without what it asks for.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from mru_hw.errors import MISSING, Bare, UserError
from mru_hw.files import usable
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.training.digits import Split
from mru_hw.training.tasks.base import Labelled, Task, digest_of

FRAME_PERIOD = 6.4e-3
"""Shift of the 25.6 ms windows of the recordings at 10 kHz [s], as the archive says."""
N_CHANNELS = 12
N_SPEAKERS = 9


class JapaneseVowels(Task):
    """Twelve LPC cepstrum coefficients of /ae/, 7 to 29 frames, spoken by one of nine men."""

    name: Literal["japanese_vowels"] = "japanese_vowels"
    folder: str | None = Field(
        default=None,
        min_length=1,
        description="with JapaneseVowels_TRAIN.ts and _TEST.ts, else that of the package aeon",
    )

    def load(self, folder: Path) -> Labelled:
        """Return the archive's own test part, 370, and of its 270 others each tenth to validate."""
        place = _of_aeon() if self.folder is None else folder / self.folder
        rest, test = (_read(place / f"JapaneseVowels_{word}.ts") for word in ("TRAIN", "TEST"))
        to_validate = np.arange(rest.n_seq) % 10 == 1
        split = Split(
            train=rest.take(np.flatnonzero(~to_validate)),
            validation=rest.take(np.flatnonzero(to_validate)),
            test=test,
        )
        return Labelled(
            split=split,
            digest=digest_of(rest, test),
            frame_period=FRAME_PERIOD,
            n_classes=N_SPEAKERS,
            classes=tuple(f"speaker_{k + 1}" for k in range(N_SPEAKERS)),
            source=self.name,
        )


def _of_aeon() -> Path:
    found = importlib.util.find_spec("aeon")
    if found is None or found.origin is None:
        expected = "pip install --no-deps aeon, or task.folder with JapaneseVowels_TRAIN.ts"
        raise UserError("aeon", MISSING, expected)
    return Path(found.origin).parent / "datasets" / "data" / "JapaneseVowels"


def _read(path: Path) -> Inputs:
    """Read a ``.ts`` file: after ``@data`` a line a sequence, channels and label between colons."""
    with usable(path, "task.folder", f"a folder with {path.name}"):
        text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.partition("@data\n")[2].splitlines()
    channels, y = [], []
    for number, line in enumerate(lines, 1):
        *series, label = line.split(":")
        try:
            rows = np.array([[float(v) for v in one.split(",")] for one in series])
            speaker = int(label)
        except ValueError:
            rows, speaker = np.zeros((0, 0)), 0
        if rows.ndim != 2 or len(rows) != N_CHANNELS or not 1 <= speaker <= N_SPEAKERS:
            expected = f"{N_CHANNELS} channels of one length and a label from 1 to {N_SPEAKERS}"
            raise UserError(f"{path.name}: sequence {number}", Bare("damaged"), expected)
        channels.append(rows.T)
        y.append(speaker - 1)
    if not channels:
        raise UserError(path.name, Bare("without sequences"), "lines of numbers after @data")
    lengths = np.array([len(rows) for rows in channels])
    x = np.zeros((len(channels), int(lengths.max()), N_CHANNELS))
    for one, rows in zip(x, channels, strict=True):
        one[: len(rows)] = rows
    return make_inputs(x, lengths, np.array(y), path.name)
