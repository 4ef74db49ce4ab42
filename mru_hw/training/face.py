"""Training as Python has it; without torch this module loads, and says what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mru_hw.errors import MISSING, UserError

if TYPE_CHECKING:
    from mru_hw.model.network import Model
    from mru_hw.training.chip import ChipMaker
    from mru_hw.training.config import TrainConfig
    from mru_hw.training.fit import Epoch
    from mru_hw.training.run import Trained


def train(
    config: str | Path | Mapping[str, Any] | TrainConfig,
    out: str | Path | None = None,
    progress: Callable[[Epoch], None] | None = None,
    *,
    start: str | Path | Model | None = None,
    chips: ChipMaker | None = None,
) -> Trained:
    """Train a network and write its model folder, or go on with a training that was interrupted.

    Parameters
    ----------
    config
        CONFIG.yaml, whose data file is relative to its folder, or what would stand in it.
    out
        The model folder to write; beside CONFIG.yaml, with its stem, when None.
    progress
        Called after each epoch.
    start
        A trained network, or its folder, to go on from; a fresh one is drawn when None.
    chips
        Makes the chip of a configuration that has one.

    Raises
    ------
    UserError
        The configuration or its data are not what they should be, `start` is of another structure,
        `out` holds something else, or torch is not installed.
    """
    try:
        from mru_hw.training.run import train as run
    except ModuleNotFoundError as error:
        raise UserError(str(error.name), MISSING, 'pip install "mru-hw[train]"') from None
    from mru_hw.files import validated
    from mru_hw.model.io import load_model
    from mru_hw.training.config import TrainConfig, read_config

    folder = Path()
    if isinstance(config, str | Path):
        path = Path(config)
        settings, folder = read_config(path), path.parent
        out = path.with_suffix("") if out is None else out
    elif isinstance(config, TrainConfig):
        settings = config
    else:
        settings = validated(TrainConfig, config, "config")
    if out is None:
        expected = "the folder to write, for a configuration that is no file"
        raise UserError("out", MISSING, expected)
    try:
        origin = load_model(start) if isinstance(start, str | Path) else start
    except UserError as error:  # of the folder, or of a file in it
        raise error.renamed({error.field: error.field.replace("model", "start", 1)}) from None
    return run(settings, Path(out), progress, folder=folder, start=origin, chips=chips)
