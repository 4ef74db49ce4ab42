"""Handwritten digits of 8 x 8 pixels: the 1,797 images that scikit-learn carries."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from mru_hw.training.tasks.base import TASKS_EXTRA, Labelled, package
from mru_hw.training.tasks.images import Images


class SmallDigits(Images):
    """The test half of the UCI set, as 8 rows, 64 pixels or 64 permuted pixels; 0 to 1."""

    name: Literal["small_digits"] = "small_digits"

    def load(self, folder: Path) -> Labelled:
        """Return the 1,797 images in the package's order, split by row number."""
        del folder  # the package has its own
        digits = package("sklearn.datasets", extra=TASKS_EXTRA, task=self.name).load_digits()
        return self.sequences(digits.images / 16.0, digits.target.astype(np.int64))
