"""What a zoo has found so far: zoo.json, written whole after every step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from mru_hw.documents import Document, Several
from mru_hw.errors import Bare, UserError
from mru_hw.files import read_bytes, validated, whole_file

RESULTS_FILE = "zoo.json"
_LARGEST = 1 << 28


class TrainingRecord(Document):
    """One training that has ended."""

    digest: str = Field(description="SHA-256 of its configuration and data")
    task: str
    cell: str
    width: int
    seed: int
    choice: int = Field(description="place among the plan's choices")
    status: Literal["done", "diverged"]
    reason: str = ""
    train: float | None = Field(default=None, description="shares of right decisions")
    validation: float | None = None
    test: float | None = None
    parameters: int = Field(description="numbers that are learned")
    epochs: int
    seconds_epoch: float | None = Field(description="median processor time of an epoch [s]")
    core_seconds: float = Field(description="processor time of the call that ended it [s]")


class DieFigures(Document):
    """What dies made of the test part at one condition."""

    settings: dict[str, Any]
    n_dies: int = Field(description="dies that ran")
    failed: int = Field(description="dies whose run failed")
    accuracy: float
    deviation: float = Field(description="standard deviation over dies")
    within: int = Field(description="dies within a point of the software before the chip")
    energy: float | None = Field(description="mean of a sequence [J]")


class ChipRecord(Document):
    """A network on the plan's chip, before and after it was trained for it."""

    digest: str
    status: Literal["done", "refused"]
    reason: str = ""
    transistors: int | None = None
    before: Several[DieFigures] = ()
    after: Several[DieFigures] = ()
    software_after: float | None = Field(default=None, description="test, in software")
    core_seconds: float


class LengthRecord(Document):
    """A trained network on sequences of one length."""

    length: int
    software: float
    ideal: float | None = None
    dies: Several[DieFigures] = ()


class PersistenceRecord(Document):
    """A trained network on sequences longer than those of its training."""

    digest: str
    status: Literal["done", "refused"]
    reason: str = ""
    lengths: Several[LengthRecord] = ()
    core_seconds: float


class TaskFacts(Document):
    """What the sequences of a task are."""

    n_train: int
    n_validation: int
    n_test: int
    chance: float = Field(description="share of the commonest class in validation")
    frame_period: float
    digest: str


class Results(Document):
    """All of zoo.json."""

    format_version: Literal[1] = 1
    plan: dict[str, Any]
    machine: str
    tasks: dict[str, TaskFacts]
    trainings: dict[str, TrainingRecord] = Field(default_factory=dict)
    chips: dict[str, ChipRecord] = Field(default_factory=dict)
    persistence: dict[str, PersistenceRecord] = Field(default_factory=dict)

    @property
    def core_seconds(self) -> float:
        """Processor time of all steps [s]."""
        groups = (self.trainings, self.chips, self.persistence)
        return sum(one.core_seconds for group in groups for one in group.values())


def read_results(path: Path) -> Results:
    """Read zoo.json.

    Raises
    ------
    UserError
        It is no such file, or damaged.
    """
    data = read_bytes(path, "out", limit=_LARGEST, what="the results of a zoo")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise UserError(str(path), Bare("damaged"), "the results of a zoo, as JSON") from None
    return validated(Results, document, str(path))


def save_results(results: Results, path: Path) -> None:
    """Write zoo.json, whole or not at all."""
    text = json.dumps(results.model_dump(mode="json"), indent=1, allow_nan=False) + "\n"
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")
