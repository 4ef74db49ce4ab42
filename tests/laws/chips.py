"""Chips of small random networks, and their runs at the level behavioral."""

from __future__ import annotations

from typing import Any

from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.die_results import BehavioralRun
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs
from mru_hw.technology import load_technology
from tests.networks import draw_model, make_spec, with_even_settings

TECHNOLOGY = load_technology("generic180")


def make_chip(cell: str, seed: int = 3, **keys: Any) -> Chip:
    spec = make_spec(cell, **keys)
    model = with_even_settings(draw_model(spec, seed), seed)
    return Chip(model, TECHNOLOGY)


def run(chip: Chip, inputs: Inputs, dies: Any = None, **keys: Any) -> BehavioralRun:
    chosen = [chip.die(None)] if dies is None else dies
    return simulate_behavioral(chip.design, chip.calibration, inputs, chosen, **keys)
