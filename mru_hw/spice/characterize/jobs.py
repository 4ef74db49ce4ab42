"""Runs of a characterisation: side by side, each kept, so that a call that was cut off goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mru_hw.arrays import digest
from mru_hw.errors import RunStatus, SimulationError, UserError
from mru_hw.files import whole_file
from mru_hw.npz import read_npz
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.runner import Runner
from mru_hw.words import many
from mru_hw.workers import side_by_side

_WAVE, _SHA256 = "wave:", "sha256"
_BYTES = 1 << 30
"""The largest kept run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRuns:
    """A folder of finished runs.

    Attributes
    ----------
    folder
        Created with the first run.
    simulator
        Its name and version: another one's runs are not taken.
    """

    folder: Path
    simulator: str

    def path(self, deck: Deck) -> Path:
        """Return where a deck's run is kept: by all that it depends on, the model cards too."""
        sha = hashlib.sha256(f"{self.simulator}\0{deck.saves}\0{deck.t_stop!r}".encode())
        for name, text in sorted(deck.files.items()):
            sha.update(f"\0{name}\0{text}".encode())
        for command in deck.commands:
            sha.update(f"\0{command}".encode())
        return self.folder / f"{sha.hexdigest()[:32]}.npz"

    def read(self, deck: Deck) -> Waves | None:
        """Return a deck's finished run, if there is one, as it was written."""
        path = self.path(deck)
        if not path.is_file():
            return None
        try:
            packed = read_npz(path, path.name, limit=_BYTES)
            kept = {name: packed[name] for name in packed}
        except UserError:
            return None
        if str(kept.pop(_SHA256, "")) != digest(kept):
            return None
        return Waves(
            status=RunStatus[str(kept["status"])],
            vectors={
                name.removeprefix(_WAVE): values
                for name, values in kept.items()
                if name.startswith(_WAVE)
            },
            core_seconds=float(kept["core_seconds"]),
            message=str(kept["message"]),
            helper=str(kept["helper"]),
        )

    def write(self, deck: Deck, waves: Waves) -> None:
        """Keep a run."""
        about = {
            "status": waves.status.name,
            "core_seconds": waves.core_seconds,
            "message": waves.message,
            "helper": waves.helper,
        }
        arrays: dict[str, Any] = {name: np.array(value) for name, value in about.items()}
        arrays |= {f"{_WAVE}{name}": values for name, values in waves.vectors.items()}
        arrays[_SHA256] = np.array(digest(arrays))
        with whole_file(self.path(deck)) as part, part.open("wb") as stream:
            np.savez(stream, **arrays)


def run_jobs(
    runner: Runner,
    decks: Mapping[str, Deck],
    store: KeptRuns,
    *,
    workers: int,
    progress: Callable[[int], None],
) -> dict[str, Waves]:
    """Run every deck that has not been run; return all runs under their names.

    Each runs in a process of its own, so its bits depend neither on the others nor on `workers`.

    Parameters
    ----------
    workers
        Processes at a time.
    progress
        Told of each deck that is done.
    """
    done = {name: waves for name, deck in decks.items() if (waves := store.read(deck)) is not None}
    progress(len(done))

    def run(name: str) -> Waves:
        waves = runner.run(decks[name])
        # What a deck gives whenever it is run; a run that the machine ended is run again.
        if not waves.status.of_machine:
            store.write(decks[name], waves)
        return waves

    left = [name for name in decks if name not in done]
    made = side_by_side(run, left, workers, stop=runner.stop, progress=progress)
    done |= dict(zip(left, made, strict=True))
    return {name: done[name] for name in decks}


def refuse_cut_off(runs: Mapping[str, Waves]) -> None:
    """Raise `SimulationError` where the machine ended a run: it says nothing of the circuit."""
    cut = {name: waves.status for name, waves in runs.items() if waves.status.of_machine}
    if cut:
        name, status = next(iter(cut.items()))
        was = "was" if len(cut) == 1 else "were"
        raise SimulationError(
            f"{len(cut)} of {many(len(runs), 'run')} {was} cut off, {name} first: {status.value} "
            "The others are kept; the same call goes on with these."
        )
