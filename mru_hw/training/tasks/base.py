"""What a task is: labelled sequences by name, split once and for all."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mru_hw.documents import Document
from mru_hw.errors import MISSING, Bare, UserError
from mru_hw.model.structure import Normalisation, ReadoutKind
from mru_hw.stimulus import Inputs
from mru_hw.training.digits import Split, normalisation, split_rows

TASKS_EXTRA, TRAIN_EXTRA = "tasks", "train"
"""Extras of this package that bring the packages of tasks."""
WIDEST = 4096
"""Units, outputs or classes of a network, at most."""
DEFAULT_FRAME = 10e-3
"""Seconds a frame where the data have no clock of their own [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What a task hands to a training.

    Attributes
    ----------
    split
        Training, validation and test sequences.
    digest
        SHA-256 of the sequences: another one is another training.
    frame_period
        From frame to frame [s].
    n_classes
        Outputs of the network.
    classes
        Their names, or None.
    pooled
        Whether all features share one mean and one scale, as pixels do: a pixel that is nearly
        always black has a deviation near zero, and a scale of its own would blow it up.
    source
        What the sequences are called in a sentence.
    """

    split: Split
    digest: str
    frame_period: float
    n_classes: int
    classes: tuple[str, ...] | None = None
    pooled: bool = False
    source: str

    def normalisation(self) -> Normalisation:
        """Return mean and scale of each feature, over the valid frames of the training part."""
        found = normalisation(self.split.train)
        if not self.pooled:
            return found
        frames = self.split.train.x[self.split.train.valid()]
        n_in = frames.shape[1]
        scale = float(frames.std()) or 1.0
        return Normalisation(mean=(float(frames.mean()),) * n_in, scale=(scale,) * n_in)

    def against_rest(self, word: str | None) -> Labelled:
        """Return the same sequences with two classes: 1 where it is this word, 0 for the rest.

        Raises
        ------
        UserError
            There is no class of this name.
        """
        if word is None:
            return self
        names = self.classes or ()
        if word not in names:
            raise UserError("task.word", word, f"one of {', '.join(names)}")
        index = names.index(word)

        def told_apart(part: Inputs) -> Inputs:
            return Inputs(
                x=part.x, lengths=part.lengths, y=(labels(part) == index).astype(np.int64)
            )

        parts = (self.split.train, self.split.validation, self.split.test)
        train, validation, test = map(told_apart, parts)
        split = Split(train=train, validation=validation, test=test)
        return replace(self, split=split, n_classes=2, classes=("rest", word))

    def refuse_gaps(self) -> None:
        """Raise `UserError` where labels count up to a class and skip one below it."""
        parts = (self.split.train, self.split.validation, self.split.test)
        found = np.unique(np.concatenate([labels(part) for part in parts]))
        missing = np.setdiff1d(np.arange(found.max()), found)
        if missing.size:
            raise UserError(
                f"{self.source}: y",
                Bare(f"without class {missing[0]}"),
                f"each class from 0 to {found.max()}",
            )


class Task(Document):
    """A task of the registry: its options are its fields, read from ``task`` of CONFIG.yaml."""

    name: str
    readouts: ClassVar[tuple[ReadoutKind, ...]] = tuple(ReadoutKind)
    """Readouts under which the labels say what the task asks."""

    @property
    def about(self) -> str:
        """What the task is, in one sentence; a model trained on it says so."""
        return inspect.cleandoc(type(self).__doc__ or "").partition("\n\n")[0].replace("\n", " ")

    @abstractmethod
    def load(self, folder: Path) -> Labelled:
        """Return the sequences.

        Parameters
        ----------
        folder
            Where a relative path among the options is sought.

        Raises
        ------
        UserError
            The package or files are missing, or not what they should be.
        """

    def refuse_readout(self, readout: ReadoutKind) -> None:
        """Raise `UserError` where the labels mean nothing under a readout."""
        if readout not in self.readouts:
            words = " or ".join(f'"{kind.value}"' for kind in self.readouts)
            expected = f"{words}, for the task {self.name} asks at the end of a sequence"
            raise UserError("network.readout", readout.value, expected)


def labels(data: Inputs) -> NDArray[np.int64]:
    """Return the class of each sequence."""
    assert data.y is not None
    return data.y


def by_rows(data: Inputs) -> tuple[Split, str]:
    """Return sequences split by row number (`split_rows`), and their SHA-256."""
    return split_rows(data), digest_of(data)


def by_part(data: Inputs, part: NDArray[np.str_], field: str) -> tuple[Split, str]:
    """Return sequences split by a word for each, and their SHA-256.

    Parameters
    ----------
    data
        All sequences.
    part
        (n_seq,) ``train``, ``validation`` or ``test``.
    field
        What the user calls where they come from.

    Raises
    ------
    UserError
        A part is empty.
    """
    rows = {word: np.flatnonzero(part == word) for word in ("train", "validation", "test")}
    for word, found in rows.items():
        if not len(found):
            raise UserError(field, Bare(f"without a recording for {word}"), "at least one")
    split = Split(**{word: data.take(found) for word, found in rows.items()})
    return split, digest_of(split.train, split.validation, split.test)


def digest_of(*several: Inputs) -> str:
    """Return the SHA-256 of labelled sequences."""
    digest = hashlib.sha256()
    for data in several:
        digest.update(repr(data.x.shape).encode())
        for array in (data.x, data.lengths, labels(data)):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def package(module: str, *, extra: str, task: str) -> ModuleType:
    """Import what carries the data of a task.

    Raises
    ------
    UserError
        It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name = {"sklearn": "scikit-learn"}.get(root := module.partition(".")[0], root)
        expected = f'pip install "mru-hw[{extra}]", for the task {task}'
        raise UserError(name, MISSING, expected) from None
