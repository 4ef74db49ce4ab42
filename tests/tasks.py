"""Examples of every task, and small folders of recordings."""

import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.files import validated
from mru_hw.training.tasks import TASKS, Task

SMALL = {"length": [4, 30], "n_train": 60, "n_validation": 20, "n_test": 20}
EXAMPLES: dict[str, dict[str, Any]] = {
    "digits": {"word": "3"},
    "mnist": {"order": "rows"},
    "small_digits": {"order": "permuted", "frame_period": "1 ms"},
    "japanese_vowels": {},
    "digit_recordings": {"folder": "digits"},
    "speech_commands": {"folder": "words", "sample_rate": 8000, "word": "yes"},
    "copy_first": SMALL,
    "denoising": SMALL | {"n_marks": 2, "delay": 2},
    "flip_flop": SMALL | {"n_bits": 2, "pulses": 0.2, "delay": 3},
    "adding": SMALL | {"n_values": 3, "delay": 2, "test_length": 50},
}


def write_wav(path: Path, samples: NDArray[Any], rate: int = 8000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())


def tone(hertz: float, n: int) -> NDArray[np.float64]:
    return np.round(9000 * np.sin(2 * np.pi * hertz * np.arange(n) / 8000))


def recordings(tmp_path: Path) -> Path:
    """Two layouts of recordings: tones, an octave a class."""
    for digit in range(10):
        for index in (0, 5, 10, 11):
            samples = tone(200 + 150 * digit, 900 + 40 * index)
            write_wav(tmp_path / "digits" / f"{digit}_anna_{index}.wav", samples)
    for k, word in enumerate(("no", "yes", "_noise_")):
        for n, name in enumerate(("aa", "bb", "cc", "dd")):
            write_wav(
                tmp_path / "words" / word / f"{name}_nohash_0.wav", tone(300 + 300 * k, 900 + n)
            )
    (tmp_path / "words" / "testing_list.txt").write_text(
        "no/bb_nohash_0.wav\nyes/cc_nohash_0.wav\n"
    )
    (tmp_path / "words" / "validation_list.txt").write_text("no/aa_nohash_0.wav\n")
    return tmp_path


def task(name: str, **options: Any) -> Task:
    return validated(TASKS[name], {"name": name} | options, "task")
