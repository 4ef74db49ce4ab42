"""Mismatch and process, fixed per die, and noise, drawn per run."""

from mru_hw.variation.die import Die, draw_die, draw_dies, nominal_die
from mru_hw.variation.noise import NoiseKey
from mru_hw.variation.response import die_calibration, refuse_unknown_response

__all__ = [
    "Die",
    "NoiseKey",
    "die_calibration",
    "draw_die",
    "draw_dies",
    "nominal_die",
    "refuse_unknown_response",
]
