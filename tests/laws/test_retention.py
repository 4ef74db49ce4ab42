"""Retention: limits of the law, and the law against the equation it is the rate of."""

from __future__ import annotations

import dataclasses
import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from mru_hw.cells.base import Devices
from mru_hw.cells.retention import (
    Loop,
    SlowNoise,
    bank_edges,
    bank_loops,
    bank_retention,
    candidate_noise,
    fast_rates,
    ladder_loops,
    ladder_retention,
    loop_capacitance,
    loop_retention,
    node_leakage,
    passage_time,
    slow_rate,
)
from mru_hw.circuits.loop.law import loop_law
from mru_hw.errors import MruHwError, UserError
from mru_hw.mapping import Design, map_model
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import CHARGE, Calibration, load_calibration
from mru_hw.technology.grid import OF_LADDER
from mru_hw.variation import draw_die, nominal_die
from tests.networks import draw_model, make_spec

TECHNOLOGY = load_technology("generic180")
CALIBRATION = load_calibration(TECHNOLOGY)
HOLD, WIDTH = 350e-12, 200e-12
Array = NDArray[np.float64]


def cell(hold: float = HOLD, width: float = WIDTH, temperature: float = 27.0) -> Loop:
    return Loop(
        calibration=CALIBRATION.at(temperature=temperature),
        hold=np.array([hold]),
        width=np.array([width]),
        feedback=np.ones(1),
        c=loop_capacitance(TECHNOLOGY, CALIBRATION, np.array([70])),
        i_lsb=10e-12,
        reach=20e-12,
    )


def noise(sigma: float, tau: float = 2e-5) -> SlowNoise:
    return SlowNoise(sigma=np.array([sigma]), tau=np.array([tau]))


@cache
def chip(kind: str) -> Design:
    keys = dict.fromkeys(("rectify_input", "rectify_candidate", "rectify_output"), True)
    model = draw_model(make_spec(kind, 1, **(keys if kind == "fq_bmru" else {"levels": 2})), 1)
    even = {
        name: np.full_like(values, 0.5)
        for name, values in model.tensors.items()
        if name.endswith((".beta", ".alpha", ".delta"))
    }
    return map_model(
        dataclasses.replace(model, tensors=dict(model.tensors) | even), TECHNOLOGY, CALIBRATION
    )


def devices(kind: str, seed: int | None = None) -> Devices:
    design = chip(kind)
    die = nominal_die(design) if seed is None else draw_die(design, seed)
    return Devices(design=design, calibration=CALIBRATION, die=die, temperature=27.0)


# ----------------------------------------------------------------------------------- one barrier


def test_a_quartic_well_is_left_at_kramers_rate() -> None:
    """F = -C U', U = h (1 - x^2)^2: k = sqrt(U''(-1) |U''(0)|) / 2 pi e^-(h / D)."""
    x = np.linspace(-2.0, 2.0, 4001)
    h, d, c = 1.0, 1 / 12, 1e-14
    force = -c * 4 * h * x * (x**2 - 1)
    density = np.full_like(x, 4 * c**2 * d)
    found = -float(passage_time(x, force, density, np.array(c)))
    kramers = math.log(math.sqrt(8 * h * 4 * h) / (2 * math.pi)) - h / d
    # The limit of a high barrier; what is left is of the order of D / h.
    assert found == pytest.approx(kramers, abs=2 * d / h)


def test_langevin_draws_leave_the_loops_wells_at_the_laws_rate() -> None:
    """The loop's own balance, white noise at 20,000 times its shot noise, Euler-Maruyama."""
    loop = cell()
    up, down = loop.edges()
    candidate = down + 0.25 * (up - down)
    v, force, density = loop.balance(candidate)
    white = np.full_like(density, 2e4 * 2 * CHARGE * (HOLD + WIDTH))
    rng = np.random.default_rng(0)
    c, dt, n = float(loop.c[0]), 4e-7, 400
    kick = math.sqrt(white[0, 0] / 2 * dt) / c
    for side in (force[0], -force[0, ::-1]):
        law = math.exp(-float(passage_time(v, side[None], white, loop.c)[0]))
        # From the first balance to the last one.
        x = np.full(n, v[np.argmax(side < 0)])
        end = v[len(v) - 1 - np.argmax(side[::-1] > 0)]
        gone = np.zeros(n, dtype=bool)
        steps = 8_000
        for _ in range(steps):
            drift = np.interp(x, v, side) / c * dt
            # Walls at the rails, as the law has them.
            x = np.abs(x - v[0] + drift + kick * rng.standard_normal(n)) + v[0]
            gone |= x > end
            x = np.where(gone, v[0], x)
        flips = int(gone.sum())
        rate = -math.log1p(-flips / n) / (steps * dt)
        assert flips > 50
        assert rate == pytest.approx(law, rel=0.1 + 3 / math.sqrt(flips))


def test_slow_noise_passes_an_edge_like_a_particle_at_a_cliff() -> None:
    """An Ornstein-Uhlenbeck process: a parabola that ends at the distance."""
    errors = []
    for distance in (3.0, 5.0, 8.0):
        x = np.linspace(-6.0, distance + 0.01, 20_001)
        # C = 1, D = 1 / tau, sigma = 1.
        force = np.where(x < distance, -x, 1e6)
        force[-1] = -1e6
        exact = -float(passage_time(x, force, np.full_like(x, 4.0), np.array(1.0)))
        law = float(slow_rate(np.array([distance]), noise(1.0, 1.0))[0])
        errors.append(law - exact)
        # The series of the law goes on with 1 / x^2.
        assert 0 < errors[-1] < 1.5 / distance**2
    assert np.all(np.diff(errors) < 0)


# ---------------------------------------------------------------------------------------- limits


def test_rates_fall_with_the_distance() -> None:
    loop = cell()
    up, down = loop.edges()
    found = [
        loop_retention(loop, down + share * (up - down), noise(2e-12))
        for share in np.linspace(0.1, 0.9, 9)
    ]
    assert np.all(np.diff([r.ln_rise[0] for r in found]) > 0)
    assert np.all(np.diff([r.ln_fall[0] for r in found]) < 0)


def test_rates_fall_with_the_width() -> None:
    rates = []
    for width in (50e-12, 100e-12, 150e-12, 200e-12, 250e-12):
        loop = cell(width=width)
        up, down = loop.edges()
        found = loop_retention(loop, (up + down) / 2, noise(2e-12))
        rates.append(float(np.logaddexp(found.ln_rise, found.ln_fall)[0]))
    assert np.all(np.diff(rates) < 0)


def test_rates_rise_with_the_noise_and_nothing_flips_without() -> None:
    loop = cell()
    up, _ = loop.edges()
    found = [loop_retention(loop, 0.9 * up, noise(s)).ln_rise[0] for s in (5e-13, 2e-12, 8e-12)]
    assert np.all(np.diff(found) > 0)
    silent = loop_retention(loop, 0.9 * up, noise(1e-18)).ln_rise[0]
    # Then white noise at V0 is left.
    assert silent == pytest.approx(fast_rates(loop, 0.9 * up)[0][0])


def test_white_noise_flips_a_hot_loop_more_often() -> None:
    rates = []
    for temperature in (-40.0, 27.0, 85.0):
        loop = cell(temperature=temperature)
        up, _ = loop.edges()
        rates.append(float(fast_rates(loop, 0.8 * up)[0][0]))
    assert np.all(np.diff(rates) > 0)


def test_beyond_its_edge_a_state_lasts_a_correlation_time() -> None:
    loop = cell()
    up, _ = loop.edges()
    found = loop_retention(loop, 1.1 * up, noise(2e-12, 3e-5))
    assert found.ln_rise[0] == pytest.approx(-math.log(3e-5))
    assert found.ln_fall[0] < -1000


# ----------------------------------------------------------------------------------------- units


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_a_banks_edges_are_those_of_its_law_but_for_leakage(seed: int | None) -> None:
    made = devices("fq_bmru", seed)
    bank = made.design.banks[0]
    law = loop_law(made, bank)
    into, _ = node_leakage(TECHNOLOGY, CALIBRATION)
    up, down = bank_edges(made, bank)
    np.testing.assert_allclose(up, law.up, atol=2 * into)
    np.testing.assert_allclose(down, law.down, atol=1e-12)
    assert bank_loops(made, bank).c.shape == law.up.shape


def test_more_legs_at_the_candidate_are_more_noise_and_more_flips() -> None:
    made = devices("fq_bmru")
    bank = made.design.banks[0]
    up, down = bank_edges(made, bank)
    c = (up + down) / 2
    one, many = (candidate_noise(made, bank, c, k * c) for k in (1, 4))
    assert np.all(many.sigma > one.sigma)
    np.testing.assert_array_equal(many.tau, one.tau)
    few, lots = (bank_retention(made, bank, c, k * c) for k in (1, 4))
    assert np.all(lots.ln_rise > few.ln_rise)
    assert np.all(lots.ln_fall > few.ln_fall)


def test_a_ladders_cells_keep_both_states_between_strobes() -> None:
    made = devices("cmru")
    bank = made.design.banks[0]
    loops, found = ladder_loops(made, bank), ladder_retention(made, bank)
    assert loops.hold.shape == (bank.n_units * bank.n_cells,)
    assert np.all(found.down < 0)
    assert np.all(found.up > 0)
    assert max(found.ln_rise.max(), found.ln_fall.max()) < -1000


def test_a_loop_has_a_law_where_a_ladder_is_refused() -> None:
    """A calibration whose unit left its ladder at ff, 85 degC; a loop works."""
    data = load_calibration(load_technology("sky130")).model_dump()
    corner = data["grid"]["corners"]["ff"]["temperatures"]
    at = data["grid"]["temperatures"].index(85.0)
    for name in OF_LADDER:
        corner[name] = tuple(None if k == at else value for k, value in enumerate(corner[name]))
    known = Calibration.model_validate(data)
    with pytest.raises(
        UserError, match="where in corner ff the ladder of a CMRU or BMRU unit works"
    ):
        known.at(corner="ff", temperature=85.0)
    there = known.at(corner="ff", temperature=85.0, loops_only=True)
    loop = dataclasses.replace(cell(), calibration=there)
    up, down = loop.edges()
    assert 0 < down < up < 1.1 * HOLD
    clocked = devices("cmru")
    with pytest.raises(MruHwError, match="loops alone"):
        dataclasses.replace(clocked, calibration=there)
    # Where ladders work, nothing is left out.
    assert known.at(temperature=60.0, loops_only=True) == known.at(temperature=60.0)
