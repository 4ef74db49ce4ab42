"""Device noise: ngspice's `.noise` beside the array's law; docs/noise.md has the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from mru_hw.lab.noise import Batch, decided, spectra, unit_at
from mru_hw.lab.store import Store
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
    # What nearly cancels there: a pole that comes early, and a tree that the law counts in part.
    assert 0.7 < found["bandwidth_Hz"] / found["law_bandwidth_Hz"] < 0.9


def test_flicker_constants_are_the_cards(tmp_path: Path) -> None:
    technology = load_technology("sky130")
    rows = spectra(Batch(Store(tmp_path)), technology, nominal_conditions(technology), "n")["rows"]
    for row in rows[:-1]:
        assert row["flicker_over_law_at_1mHz_1Hz_100Hz"][1] == pytest.approx(1, rel=0.05)
