"""Folders of wav files as labelled sequences of MFCC; layouts stand in modules of their own."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mru_hw.errors import Bare, UserError
from mru_hw.files import reason
from mru_hw.stimulus import make_inputs
from mru_hw.training.tasks.base import Labelled, Task, by_part
from mru_hw.training.tasks.mfcc import FrontEnd

LONGEST = 60.0
"""Seconds of a recording, at most: all are padded to the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One wav file, its class, and the part (``train``, ``validation``, ``test``) that it is in."""

    path: Path
    label: int
    part: str


class Recordings(Task):
    """What tasks of wav folders have in common."""

    folder: str = Field(min_length=1, description="with the recordings, sought beside CONFIG.yaml")
    sample_rate: int = Field(ge=1000, le=1_000_000, description="of every recording [Hz]")
    front_end: FrontEnd = FrontEnd()
    word: str | None = Field(default=None, description="one word against the rest")

    def sequences(self, found: Sequence[Recording], classes: tuple[str, ...]) -> Labelled:
        """Return the recordings as MFCC, in their order."""
        frames = [self._frames(one.path) for one in found]
        lengths = np.array([len(rows) for rows in frames])
        x = np.zeros((len(frames), int(lengths.max()), self.front_end.n_mfcc))
        for one, rows in zip(x, frames, strict=True):
            one[: len(rows)] = rows
        y = np.array([one.label for one in found])
        part = np.array([one.part for one in found])
        split, digest = by_part(make_inputs(x, lengths, y, self.name), part, "task.folder")
        return Labelled(
            split=split,
            digest=digest,
            frame_period=self.front_end.frame_period(self.sample_rate),
            n_classes=len(classes),
            classes=classes,
            source=self.folder,
        ).against_rest(self.word)

    def _frames(self, path: Path) -> NDArray[np.float64]:
        samples = read_wav(path, self.sample_rate)
        least = self.front_end.shortest(self.sample_rate)
        if len(samples) < least:
            expected = f"at least {least}, for half a window is mirrored at each end"
            raise UserError(path.name, Bare(f"{len(samples)} samples long"), expected)
        return self.front_end.frames(samples, self.sample_rate)


def read_wav(path: Path, rate: int) -> NDArray[np.float64]:
    """Read a recording of one channel in 16 bits.

    Parameters
    ----------
    path
        The wav file.
    rate
        Samples a second that it should have [Hz].

    Returns
    -------
    (n_samples,) from -1 to 1.

    Raises
    ------
    UserError
        It is no whole wav file, of another kind or rate, or longer than `LONGEST`.
    """
    try:
        with path.open("rb") as stream, wave.open(stream) as file:
            n, found = file.getnframes(), file.getframerate()
            kind = (file.getnchannels(), 8 * file.getsampwidth())
            data = file.readframes(min(n, int(LONGEST * rate) + 1))
    except OSError as error:
        raise UserError(path.name, Bare("not read"), f"a file ({reason(error)})") from None
    except (wave.Error, EOFError, ValueError) as error:
        why = str(error) or "it ends too soon"
        raise UserError(path.name, Bare("damaged"), f"a wav file of PCM ({why})") from None
    if kind != (1, 16):
        shown = Bare(f"of {kind[0]} channels in {kind[1]} bits")
        raise UserError(path.name, shown, "one channel in 16 bits")
    if found != rate:
        expected = f"{rate} Hz, as task.sample_rate says"
        raise UserError(f"{path.name}: sample rate", Bare(f"{found} Hz"), expected)
    if n > LONGEST * rate:
        raise UserError(path.name, Bare(f"{n / rate:.0f} s long"), f"at most {LONGEST:g} s")
    if len(data) != 2 * n:
        whole = f"{n} samples, as its head says"
        raise UserError(path.name, Bare(f"{len(data) // 2} samples long"), whole)
    return np.frombuffer(data, "<i2").astype(np.float64) / 32768.0


def wav_files(folder: Path) -> list[Path]:
    """Return the wav files in a folder, by name.

    Raises
    ------
    UserError
        There is no such folder, or none in it.
    """
    try:
        found = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".wav")
    except OSError as error:
        raise UserError("task.folder", str(folder), f"a folder ({reason(error)})") from None
    if not found:
        raise UserError("task.folder", str(folder), "a folder with wav files")
    return found
