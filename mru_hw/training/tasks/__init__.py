"""The tasks that train by name: one module a task, one entry in `TASKS`; no torch is loaded.

docs/reference/tasks.md lists them, and says how to add one.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from mru_hw.training.tasks.adding import Adding
from mru_hw.training.tasks.base import Labelled, Task
from mru_hw.training.tasks.copy_first import CopyFirst
from mru_hw.training.tasks.denoising import Denoising
from mru_hw.training.tasks.digit_recordings import DigitRecordings
from mru_hw.training.tasks.digits import Digits
from mru_hw.training.tasks.flip_flop import FlipFlop
from mru_hw.training.tasks.input_file import InputFile
from mru_hw.training.tasks.japanese_vowels import JapaneseVowels
from mru_hw.training.tasks.mnist import Mnist
from mru_hw.training.tasks.small_digits import SmallDigits
from mru_hw.training.tasks.speech_commands import SpeechCommands

__all__ = ["TASKS", "Digits", "InputFile", "Labelled", "NamedTask", "Task"]

NamedTask = Annotated[
    Digits
    | Mnist
    | SmallDigits
    | JapaneseVowels
    | DigitRecordings
    | SpeechCommands
    | CopyFirst
    | Denoising
    | FlipFlop
    | Adding,
    Field(discriminator="name"),
]
"""A task as ``task`` of CONFIG.yaml has it: its name, and options of its own."""

TASKS: dict[str, type[Task]] = {
    kind.model_fields["name"].default: kind for kind in get_args(get_args(NamedTask)[0])
}
"""Every task by its name."""
