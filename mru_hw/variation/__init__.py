"""Mismatch, fixed per die, and noise, drawn per run."""

from mru_hw.variation.die import Die, draw_die, nominal_die
from mru_hw.variation.noise import noise_draws

__all__ = ["Die", "draw_die", "noise_draws", "nominal_die"]
