"""Device noise: ngspice's `.noise` beside the array's law: docs/validation/noise.md."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mru_hw.lab.chip_noise import Decision, law_at, spice_at
from mru_hw.lab.networks import unit_model
from mru_hw.lab.noise import Batch, decided, spectra, unit_at
from mru_hw.lab.store import Store
from mru_hw.simulate.run import Chip
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions


@pytest.mark.parametrize("name", ["generic180", "sky130"])
def test_a_decisions_white_noise_is_the_laws(name: str, tmp_path: Path) -> None:
    """2 q I of each device through its own path to the comparator, as `.noise` has it."""
    technology = load_technology(name)
    found = decided(Batch(Store(tmp_path)), unit_at(technology, nominal_conditions(technology)))
    law = found["law_sigma_A"]["white"]
    assert found["sigma_A"]["white_of_2qI"] == pytest.approx(law, rel=0.1)
    assert found["conductance_S"] == pytest.approx(found["law_conductance_S"], rel=0.05)
    assert 0.9 < found["bandwidth_Hz"] / found["law_bandwidth_Hz"] < 1.1


@pytest.mark.parametrize("name", ["generic180", "sky130"])
def test_a_chips_noise_is_the_laws(name: str, tmp_path: Path) -> None:
    """Every device between the input and the decision, by 2 q I, in a network of one unit."""
    store, technology = Store(tmp_path), load_technology(name)
    batch, conditions = Batch(store), nominal_conditions(technology)
    whites = {
        side: np.array(
            [row["white_over_2qI"] for row in spectra(batch, technology, conditions, side)["rows"]]
        )
        for side in "np"
    }
    chip = Chip(unit_model(2), technology)
    decision = Decision(chip=chip, conditions=conditions, layer=0, unit=0, x=(1e-9,))
    law = law_at(decision)
    spice = spice_at(store, decision, law, whites)
    assert law["white"] == pytest.approx(spice["white_of_2qI"], rel=0.1)
    # The law is no less than the cards, nor by much more where they have less than 2 q I.
    cards = law["white"] * math.sqrt(law["cards_over_2qI"])
    assert 0.97 * spice["white"] < cards < 1.65 * spice["white"]
    assert spice["flicker"] < law["flicker"] < 1.4 * spice["flicker"]


def test_flicker_constants_are_the_cards(tmp_path: Path) -> None:
    technology = load_technology("sky130")
    rows = spectra(Batch(Store(tmp_path)), technology, nominal_conditions(technology), "n")["rows"]
    for row in rows[:-1]:
        assert row["flicker_over_law_at_1mHz_1Hz_100Hz"][1] == pytest.approx(1, rel=0.05)
