"""Writes tests/golden/mfcc.json: MFCC by librosa, which the front end of tasks is tested against.

python -m venv librosa-venv && librosa-venv/bin/pip install librosa==0.11.0
librosa-venv/bin/python scripts/reference_mfcc.py tests/golden/mfcc.json
"""

import json
import sys
from pathlib import Path

import librosa
import numpy as np

CASES = {
    "defaults, 8 kHz": {"rate": 8000, "hop": 200, "window": 400, "n_mels": 128, "n_mfcc": 13},
    "short windows, 16 kHz": {"rate": 16000, "hop": 160, "window": 400, "n_mels": 40, "n_mfcc": 20},
}


def signal(rate: int) -> np.ndarray:
    """Return 0.35 s of two rising tones that fade, then 0.1 s of silence, in 16 bits."""
    t = np.arange(int(0.35 * rate)) / rate
    tones = np.sin(2 * np.pi * (200 + 900 * t) * t) + 0.2 * np.sin(2 * np.pi * (1500 + 300 * t) * t)
    samples = np.concatenate([0.5 * np.exp(-4 * t) * tones, np.zeros(int(0.1 * rate))])
    return np.round(32767 * samples).astype(np.int16)


def mfcc(samples: np.ndarray, case: dict[str, int]) -> np.ndarray:
    """Return (frame, coefficient)."""
    power = librosa.feature.melspectrogram(
        y=samples / 32768.0,
        sr=case["rate"],
        n_fft=case["window"],
        hop_length=case["hop"],
        n_mels=case["n_mels"],
        pad_mode="reflect",
        htk=True,
        norm=None,
        dtype=np.float64,
    )
    decibel = librosa.power_to_db(power, top_db=80.0)
    return librosa.feature.mfcc(S=decibel, n_mfcc=case["n_mfcc"]).T


found = []
for name, case in CASES.items():
    samples = signal(case["rate"])
    numbers = mfcc(samples, case)[::3].tolist()
    shown = [[float(f"{value:.9g}") for value in frame] for frame in numbers]
    found.append({"case": name, **case, "samples": samples.tolist(), "every_third_frame": shown})
whole = {"made_by": f"scripts/reference_mfcc.py, librosa {librosa.__version__}", "cases": found}
Path(sys.argv[1]).write_text(json.dumps(whole) + "\n", encoding="utf-8")
