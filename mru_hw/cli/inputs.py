"""The command `mru-hw inputs`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.output import Json, emit
from mru_hw.words import many


class Part(StrEnum):
    """A part of a task."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


def inputs(
    config: Annotated[Path, typer.Argument(help="What train is given.", metavar="CONFIG.yaml")],
    out: Annotated[Path, typer.Option("--out", metavar="X.npz", help="The file to write.")],
    part: Annotated[Part, typer.Option("--part", help="Which sequences.")] = Part.TEST,
    json: Json = False,
) -> None:
    """Write the sequences that a configuration trains or tests with, and their labels.

    The tasks: documentation, Tasks.
    """
    from mru_hw.stimulus import save_inputs
    from mru_hw.training.config import read_config

    data = read_config(config).source.load(config.parent)
    found = {
        Part.TRAIN: data.split.train,
        Part.VALIDATION: data.split.validation,
        Part.TEST: data.split.test,
    }[part]
    save_inputs(found, out)
    n_seq, n_time, n_in = found.x.shape
    emit(
        {"inputs": out, "part": part.value, "sequences": n_seq, "frames": n_time, "n_in": n_in},
        as_json=json,
        lines=[f"{out}: {many(n_seq, 'sequence')} of up to {many(n_time, 'frame')}, {n_in} wide."],
    )
