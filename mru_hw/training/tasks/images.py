"""Images as sequences: row by row, pixel by pixel, or pixels in an order drawn once."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mru_hw.stimulus import make_inputs
from mru_hw.training.tasks.base import DEFAULT_FRAME, Labelled, Task, by_rows
from mru_hw.units import LONGEST_FRAME, SHORTEST_FRAME, Seconds


class Images(Task):
    """Images of ten digits, read as sequences; a subclass knows where they come from."""

    order: Literal["rows", "pixels", "permuted"] = Field(
        default="rows", description="a row of pixels a frame, one pixel a frame, or pixels permuted"
    )
    permutation_seed: int = Field(
        default=0, ge=0, lt=2**63, description="of the order of pixels, one for all images"
    )
    frame_period: Seconds = Field(
        default=DEFAULT_FRAME, ge=SHORTEST_FRAME, le=LONGEST_FRAME, description="chosen [s]"
    )

    def sequences(self, images: NDArray[np.float64], y: NDArray[np.int64]) -> Labelled:
        """Return images (image, row, column) with their digits, split by their number."""
        n, n_rows, n_columns = images.shape
        x = images if self.order == "rows" else images.reshape(n, n_rows * n_columns, 1)
        if self.order == "permuted":
            x = x[:, np.random.default_rng(self.permutation_seed).permutation(x.shape[1])]
        split, digest = by_rows(make_inputs(x, y=y, source=self.name))
        return Labelled(
            split=split,
            digest=digest,
            frame_period=self.frame_period,
            n_classes=10,
            classes=tuple("0123456789"),
            pooled=True,
            source=self.name,
        )
