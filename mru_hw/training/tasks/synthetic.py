"""What drawn tasks have in common: how many sequences, how long, from which seed."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mru_hw.documents import Pair
from mru_hw.errors import Bare, UserError
from mru_hw.model.structure import ReadoutKind
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.training.digits import Split
from mru_hw.training.tasks.base import DEFAULT_FRAME, WIDEST, Labelled, Task, digest_of
from mru_hw.units import LONGEST_FRAME, SHORTEST_FRAME, Seconds

LONGEST = 1_000_000
"""Frames of a sequence, at most."""
MOST_VALUES = 1 << 28
"""Numbers in one part, at most: 2 GiB."""


class Synthetic(Task):
    """Sequences that are drawn; asked at their last frame, so with the readout ``last`` only."""

    readouts: ClassVar[tuple[ReadoutKind, ...]] = (ReadoutKind.LAST,)

    length: Pair[int, int] = Field(
        default=(4, 200), description="shortest and longest sequence [frames], evenly by logarithm"
    )
    test_length: int | None = Field(
        default=None, ge=1, le=LONGEST, description="of every test sequence, else as the others"
    )
    n_train: int = Field(default=2000, ge=1, le=1_000_000, description="sequences to train")
    n_validation: int = Field(default=500, ge=1, le=1_000_000, description="to validate")
    n_test: int = Field(default=500, ge=1, le=1_000_000, description="to test")
    data_seed: int = Field(default=0, ge=0, lt=2**63, description="of the sequences")
    frame_period: Seconds = Field(
        default=DEFAULT_FRAME, ge=SHORTEST_FRAME, le=LONGEST_FRAME, description="chosen [s]"
    )

    @property
    @abstractmethod
    def least(self) -> int:
        """Frames that a sequence needs."""

    @property
    @abstractmethod
    def n_classes(self) -> int:
        """Answers that there are."""

    @property
    @abstractmethod
    def n_in(self) -> int:
        """Features of a frame."""

    @abstractmethod
    def draw(
        self, rng: np.random.Generator, lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return x (sequence, longest length, feature) and y (sequence,) for these lengths.

        What stands beyond a sequence's length is cut off afterwards.
        """

    @model_validator(mode="after")
    def _long_enough(self) -> Synthetic:
        low, high = self.length
        if not self.least <= low <= high <= LONGEST:
            expected = f"two lengths in order, from {self.least} to {LONGEST}"
            raise UserError("task.length", list(self.length), expected)
        if self.test_length is not None and self.test_length < self.least:
            raise UserError("task.test_length", self.test_length, f"at least {self.least}")
        if self.n_classes > WIDEST:
            found = Bare(f"asking for one of {self.n_classes} answers")
            raise UserError("task", found, f"at most {WIDEST}")
        most = max(self.n_train, self.n_validation) * high
        if max(most, self.n_test * (self.test_length or high)) * self.n_in > MOST_VALUES:
            found = Bare("larger than 2 GiB in one part")
            raise UserError("task", found, "fewer or shorter sequences")
        return self

    def load(self, folder: Path) -> Labelled:
        """Draw the three parts, each from its own child of `data_seed`."""
        del folder  # nothing is read
        train, validation = self._part(0, self.n_train), self._part(1, self.n_validation)
        test = self._part(2, self.n_test, self.test_length)
        return Labelled(
            split=Split(train=train, validation=validation, test=test),
            digest=digest_of(train, validation, test),
            frame_period=self.frame_period,
            n_classes=self.n_classes,
            source=self.name,
        )

    def _part(self, child: int, n: int, length: int | None = None) -> Inputs:
        rng = np.random.default_rng(np.random.SeedSequence(self.data_seed, spawn_key=(child,)))
        low, high = self.length if length is None else (length, length)
        drawn = np.exp(rng.uniform(np.log(low), np.log(high + 1), n))
        lengths = np.clip(drawn.astype(np.int64), low, high)
        x, y = self.draw(rng, lengths)
        return make_inputs(x, lengths, y, self.name)


def noise(
    rng: np.random.Generator, lengths: NDArray[np.int64], n_in: int, sigma: float
) -> NDArray[np.float64]:
    """Return white noise (sequence, longest length, feature)."""
    return sigma * rng.standard_normal((len(lengths), int(lengths.max()), n_in))
