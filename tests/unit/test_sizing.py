"""Sizes of unit mirrors for wanted errors, and the measured table behind them."""

from __future__ import annotations

import numpy as np
import pytest

from mru_hw.errors import UserError
from mru_hw.mapping.sizing import Lengths, load_lengths, mirror_errors, size_mirror
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from tests.mistakes import sentence

TECHNOLOGIES = ("generic180", "sky130")
WANTED = {"random": 0.03, "current": 1e-9, "swing": 0.1, "room": 0.8}


@pytest.fixture(scope="module", params=TECHNOLOGIES)
def lengths(request: pytest.FixtureRequest) -> Lengths:
    return load_lengths(load_technology(request.param))


@pytest.mark.parametrize("polarity", ["n", "p"])
def test_the_table_agrees_with_the_calibration_at_the_placed_length(
    lengths: Lengths, polarity: str
) -> None:
    placed = lengths.technology.devices[f"{polarity}_mirror"].l
    fitted = getattr(load_calibration(lengths.technology), polarity)
    slope, gate = lengths.gate(polarity, placed)
    assert lengths.conductance(polarity, placed) == pytest.approx(fitted.conductance, rel=0.03)
    assert slope == pytest.approx(fitted.slope, rel=0.02)
    assert gate == pytest.approx(fitted.v_gate, abs=2e-3)


@pytest.mark.parametrize("polarity", ["n", "p"])
def test_a_cascode_lowers_the_conductance_and_takes_headroom(
    lengths: Lengths, polarity: str
) -> None:
    for length in lengths.samples[polarity, False]:
        plain, cascode = (lengths.conductance(polarity, length, cascode=c) for c in (False, True))
        assert cascode < plain / 50
    longest = max(lengths.samples[polarity, True])
    room = [lengths.headroom(polarity, longest, cascode=c) for c in (False, True)]
    assert room[0] < room[1] < lengths.gate(polarity, longest)[1] + 0.15


@pytest.mark.parametrize("polarity", ["n", "p"])
def test_a_size_keeps_what_was_wanted(lengths: Lengths, polarity: str) -> None:
    loose = size_mirror(lengths, polarity, systematic=0.05, **WANTED)
    strict = size_mirror(lengths, polarity, systematic=0.002, **WANTED)
    quiet = size_mirror(lengths, polarity, systematic=0.05, **(WANTED | {"random": 0.01}))
    for size, systematic, random in (
        (loose, 0.05, 0.03),
        (strict, 0.002, 0.03),
        (quiet, 0.05, 0.01),
    ):
        assert size.v_ds + size.leakage <= systematic
        assert size.random <= random
        assert size.headroom <= WANTED["room"]
    # No measured length reaches 0.2 % over a tenth of a volt without a cascode.
    assert not loose.cascode
    assert strict.cascode
    assert strict.gate_area > loose.gate_area
    # Nine times the gate area for a third of the error.
    assert quiet.gate_area == pytest.approx(9 * loose.gate_area, rel=0.02)
    # Any smaller number of the same unit devices misses it.
    fewer = mirror_errors(
        lengths,
        polarity,
        length=quiet.length,
        units=quiet.units - 1,
        current=WANTED["current"],
        swing=WANTED["swing"],
    )
    assert fewer.random > 0.01


def test_leakage_is_that_of_the_smallest_current(lengths: Lengths) -> None:
    placed = lengths.technology.devices["n_mirror"].l
    currents = np.array([0.0, 1e-13, 1e-12, 1e-11, 1e-9])
    leakage = lengths.leakage("n", placed, currents)
    assert np.all(np.diff(leakage) <= 0)
    assert leakage[0] > 1e-14
    assert leakage[-1] == 0
    longer = lengths.leakage("n", 2 * placed, currents)
    assert longer[0] < leakage[0]


def test_what_cannot_be_reached_is_named(lengths: Lengths) -> None:
    with pytest.raises(UserError, match=r"^systematic is 1e-06, expected at least .*lengths"):
        size_mirror(lengths, "n", systematic=1e-6, **WANTED)
    with pytest.raises(UserError, match=r"^random is 1e-05, expected an error that the largest"):
        size_mirror(lengths, "n", systematic=0.1, **(WANTED | {"random": 1e-5}))
    with pytest.raises(UserError, match=r"^length is 50 um, expected 1 um to 16 um"):
        lengths.conductance("n", 50e-6)


def test_a_technology_without_the_table_is_told_how_to_make_it() -> None:
    other = load_technology("generic180").model_copy(update={"name": "unmeasured"})
    told = sentence(lambda: load_lengths(other))
    expected = "a technology with the table unmeasured_lengths.csv: mru-hw characterize makes it"
    assert told.startswith(f'tech is "unmeasured", expected {expected}, as ')
