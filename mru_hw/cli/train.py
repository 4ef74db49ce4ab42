"""The command `mru-hw train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mru_hw.cli.output import Json, emit, progress, say

if TYPE_CHECKING:
    from mru_hw.training.fit import Epoch


def train(
    config: Annotated[Path, typer.Argument(help="What to train.", metavar="CONFIG.yaml")],
    out: Annotated[Path, typer.Option("--out", help="The model folder to write.")],
    start: Annotated[
        Path | None,
        typer.Option("--from", help="A trained model to go on from.", metavar="MODEL"),
    ] = None,
    json: Json = False,
) -> None:
    """Train a network and write it as a model.

    Progress goes to standard error. A call that was interrupted resumes when it is repeated.
    """
    from mru_hw.training.config import read_config
    from mru_hw.twin.face import train as run

    with progress("training", read_config(config).training.epochs) as advance:
        done = 0

        def show(epoch: Epoch) -> None:
            nonlocal done
            advance(epoch.number - done)
            done = epoch.number

        trained = run(config, out, show, start=start)
    shares = ", ".join(f"{name} {100 * share:.2f} %" for name, share in trained.accuracy.items())
    result = {
        "complete": True,
        "model": out,
        "accuracy": trained.accuracy,
        "resumed_at": trained.resumed_at,
        "seconds": trained.seconds,
        "warning": trained.warning or None,
    }
    if trained.warning:
        say(trained.warning)
    emit(result, as_json=json, lines=[f"{out}: {shares} ({trained.seconds:.1f} s)"])
