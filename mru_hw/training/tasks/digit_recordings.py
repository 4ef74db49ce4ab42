"""Spoken digits as wav files, in the layout of the Free Spoken Digit Dataset."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field

from mru_hw.errors import UserError
from mru_hw.training.digits import DIGITS_CLASSES
from mru_hw.training.tasks.base import Labelled
from mru_hw.training.tasks.recordings import Recording, Recordings, wav_files

NAME = re.compile(r"([0-9])_([^_]+)_([0-9]{1,9})\.wav", re.IGNORECASE)
TEST_BELOW, VALIDATION_BELOW = 5, 10


class DigitRecordings(Recordings):
    """Files ``{digit}_{speaker}_{index}.wav``: index 0 to 4 tests, 5 to 9 validates."""

    name: Literal["digit_recordings"] = "digit_recordings"
    sample_rate: int = Field(
        default=8000, ge=1000, le=1_000_000, description="of every recording [Hz]"
    )
    test_speaker: str | None = Field(
        default=None, description="all of this speaker tests, and nobody else"
    )

    def load(self, folder: Path) -> Labelled:
        """Return the recordings in the order of their names."""
        found, speakers = [], set()
        for path in wav_files(folder / self.folder):
            parts = NAME.fullmatch(path.name)
            if parts is None:
                expected = "a name such as 3_anna_17.wav: digit, speaker, index"
                raise UserError("task.folder", path.name, expected)
            speakers.add(parts[2])
            part = self._part(parts[2], int(parts[3]))
            found.append(Recording(path=path, label=int(parts[1]), part=part))
        if self.test_speaker is not None and self.test_speaker not in speakers:
            known = f"one of {', '.join(sorted(speakers))}"
            raise UserError("task.test_speaker", self.test_speaker, known)
        return self.sequences(found, DIGITS_CLASSES)

    def _part(self, speaker: str, index: int) -> str:
        if self.test_speaker is None:
            tests, validates = index < TEST_BELOW, index < VALIDATION_BELOW
        else:
            tests, validates = speaker == self.test_speaker, index < TEST_BELOW
        return "test" if tests else "validation" if validates else "train"
