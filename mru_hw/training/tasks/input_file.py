"""A file of one's own sequences: ``data`` of CONFIG.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mru_hw.documents import Several
from mru_hw.errors import MISSING, Bare, UserError
from mru_hw.stimulus import load_inputs
from mru_hw.training.tasks.base import WIDEST, Labelled, Task, by_rows, labels
from mru_hw.units import Seconds


class InputFile(Task):
    """An X.npz with labels, split by row number; not named under ``task``, but by ``data``."""

    name: Literal["input_file"] = "input_file"
    data: str
    frame_period: Seconds
    classes: Several[str] | None

    @property
    def about(self) -> str:
        """What the task is: a file, by its name without a path."""
        return f"Labelled sequences of the file {Path(self.data).name}."

    def load(self, folder: Path) -> Labelled:
        """Return the file's sequences in their order."""
        found = load_inputs(folder / self.data, "data")
        if found.y is None:
            raise UserError(f"{self.data}: y", MISSING, "an array (n_seq,) of class indices")
        split, digest = by_rows(found)
        return Labelled(
            split=split,
            digest=digest,
            frame_period=self.frame_period,
            n_classes=self._n_classes(int(labels(found).max()) + 1),
            classes=self.classes,
            source=self.data,
        )

    def _n_classes(self, needed: int) -> int:
        if needed > WIDEST:
            raise UserError(f"{self.data}: y", needed - 1, f"class indices below {WIDEST}")
        if self.classes is None:
            return needed
        if len(self.classes) < needed:
            found = Bare(f"{len(self.classes)} names long")
            raise UserError("classes", found, f"at least {needed}, for y counts up to {needed - 1}")
        return len(self.classes)
