"""Characterisation without ngspice: tables, kept runs, fits on curves whose answer is known."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from mru_hw.errors import RunStatus, UserError
from mru_hw.spice.characterize.base import Array
from mru_hw.spice.characterize.devices import (
    HOLD,
    MANY,
    RAMP,
    V_DS,
    devices_deck,
    fit_capacitance,
    fit_leakage,
)
from mru_hw.spice.characterize.jobs import KeptRuns, run_jobs
from mru_hw.spice.characterize.laws import CURRENTS, fit_ekv
from mru_hw.spice.characterize.points import check_points, chosen_corners, grid_points
from mru_hw.spice.characterize.unit import (
    CELLS,
    FRAME,
    FRAMES,
    LEVELS,
    STROBE,
    charge_beyond_rest,
    fit_unit,
)
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.runner import Runner
from mru_hw.technology import load_technology, technology_names
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.technology.grid import CONSTANTS, CURVES, Grid
from tests.mistakes import sentence

TECHNOLOGY = load_technology("generic180")
AXES = ((-40.0, 27.0, 125.0), (1.62, 1.8, 1.98))


def fields(calibration: Calibration) -> dict[str, Any]:
    """A grid around a calibration: 1 % a kelvin, 10 % a volt; leakage activated by 0.5 eV."""
    flat = {}
    for name in CONSTANTS:
        side, _, field = name.partition(".")
        flat[name] = (
            getattr(getattr(calibration, side), field) if field else getattr(calibration, side)
        )
    hot = {n: [v * (1 + 0.001 * (t - 27)) for t in AXES[0]] for n, v in flat.items()}
    fed = {n: [v * (1 + 0.1 * (v_dd - 1.8)) for v_dd in AXES[1]] for n, v in flat.items()}
    leak = [[1e-14 * math.exp(5800 * (1 / 300.15 - 1 / (t + 273.15)))] * 12 for t in AXES[0]]
    curves = {name: [getattr(calibration, name)] * 3 for name in CURVES}
    corner: dict[str, Any] = {"temperatures": hot, "supplies": fed, "leak_n": leak, "leak_p": leak}
    corner |= {"curves_temperatures": curves, "curves_supplies": curves}
    return {
        "temperatures": AXES[0],
        "supplies": AXES[1],
        "leak_temperatures": AXES[0],
        "v_dd": 1.8,
        "corners": {"tt": corner, "ff": copy.deepcopy(corner)},
    }


@pytest.fixture(name="cal")
def _cal() -> Calibration:
    nominal = load_calibration(TECHNOLOGY)
    return nominal.model_copy(update={"grid": Grid.model_validate(fields(nominal))})


# --------------------------------------------------------------------------------- conditions


def test_the_nominal_condition_is_the_calibration_itself(cal: Calibration) -> None:
    assert cal.at(1.8, temperature=27.0, corner="tt") is cal
    # There and back again: the table holds the same numbers.
    back = cal.at(1.7, temperature=85.0).at(1.8, temperature=27.0)
    assert back.n == cal.n
    assert back.v_trip_up == pytest.approx(cal.v_trip_up)


def test_between_the_points_a_constant_is_linear_and_leakage_activated(cal: Calibration) -> None:
    there = cal.at(1.7, temperature=60.0, corner="ff")
    assert (there.corner, there.temperature, there.v_dd) == ("ff", 60.0, 1.7)
    hot, fed = 0.001 * (60 - 27), 0.1 * (1.7 - 1.8)
    change = 1 + hot + fed
    # Logarithmic between points, where the table is linear.
    assert there.c_driver == pytest.approx(cal.c_driver * (1 + hot) * (1 + fed), rel=2e-3, abs=0)
    assert there.n.v_gate == pytest.approx(cal.n.v_gate * change)
    assert there.c_step == pytest.approx(cal.c_step * change, rel=1e-6, abs=0)
    activated = 1e-14 * math.exp(5800 * (1 / 300.15 - 1 / 333.15))
    np.testing.assert_allclose(there.leak_n, activated)
    assert there.i_usual == cal.i_usual
    assert there.v_gate("n", there.i_usual) == pytest.approx(there.n.v_gate)
    decade = there.v_gate("n", 10 * there.i_usual) - there.v_gate("n", there.i_usual)
    assert decade == pytest.approx(there.thermal("n", 60.0) * math.log(10))


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ({"temperature": 126.0}, "temperature is 126.0, expected -40 to 125 degC, where"),
        ({"v_dd": 1.5}, "v_dd is 1.5 V, expected 1.62 V to 1.98 V, where"),
        ({"corner": "ss"}, 'corner is "ss", expected one of tt, ff.'),
    ],
)
def test_outside_the_points_one_sentence_says_so(
    cal: Calibration, conditions: dict[str, Any], told: str
) -> None:
    assert sentence(lambda: cal.at(**conditions)).startswith(told)
    wanted: dict[str, Any] = {"v_dd": 1.8, "temperature": 27.0, "corner": "tt"} | conditions
    same = cal.at_or_nominal(**wanted)
    assert same.n == cal.n
    assert same.temperature == wanted["temperature"]


def test_beside_a_unit_that_did_not_work_nothing_is_made_up(cal: Calibration) -> None:
    broken = fields(cal)
    broken["corners"]["ff"]["temperatures"] |= {"v_trip_up": [1.0, 1.0, None]}
    cal = cal.model_copy(update={"grid": Grid.model_validate(broken)})
    assert cal.at(temperature=27.0, corner="ff").v_trip_up == pytest.approx(1.0)
    told = sentence(lambda: cal.at(temperature=28.0, corner="ff"))
    assert told == (
        "conditions is ff, 28 degC and 1.8 V, expected -40 to 27 degC and 1.62 V to 1.98 V, where "
        "in corner ff the ladder of a CMRU or BMRU unit works in ngspice."
    )
    # A network of loops has none of its constants, and the others stay.
    loops = cal.at(temperature=28.0, corner="ff", loops_only=True)
    assert math.isnan(loops.v_trip_up)
    assert loops.v_signed == pytest.approx(cal.v_signed, rel=0.01)


def test_a_table_that_is_not_whole_is_refused(cal: Calibration) -> None:
    data = fields(cal)
    del data["corners"]["ff"]["supplies"]["c_step"]
    with pytest.raises(UserError, match=r"grid\.corners\.ff\.supplies is not whole"):
        Grid.model_validate(data)
    with pytest.raises(UserError, match=r"grid\.temperatures is .* expected ascending"):
        Grid.model_validate(fields(cal) | {"temperatures": (27.0, -40.0, 125.0)})


def test_leakage_goes_through_its_points_and_to_nothing(cal: Calibration) -> None:
    volts = cal.v_leak[3]
    assert cal.leakage("p", volts) == pytest.approx(cal.leak_p[3])
    assert cal.leakage("n", 0.0) == 0
    low = [cal.leakage("n", v) for v in np.linspace(0, 2, 81)]
    assert np.all(np.diff(low) >= 0)


def test_conditions_are_every_corner_s_and_checks_are_none_of_them() -> None:
    corners = chosen_corners(TECHNOLOGY, ())
    assert corners == TECHNOLOGY.corners
    points, checks = grid_points(TECHNOLOGY, corners), check_points(TECHNOLOGY, corners)
    assert len(set(points)) == len(points)
    assert nominal_conditions(TECHNOLOGY) in points
    assert not set(points) & set(checks)
    assert {c.corner for c in check_points(TECHNOLOGY, ("tt",))} == {"tt"}
    assert chosen_corners(TECHNOLOGY, ("ff", "tt")) == ("tt", "ff")
    told = sentence(lambda: chosen_corners(TECHNOLOGY, ("ff",)))
    assert told == 'corner is "ff", expected tt too, the nominal one.'
    told = sentence(lambda: chosen_corners(TECHNOLOGY, ("tt", "xx")))
    assert told == 'corner is "xx", expected one of tt, ff, ss, sf, fs.'


@pytest.mark.parametrize("name", technology_names())
def test_the_shipped_tables_meet_runs_that_they_never_saw(name: str) -> None:
    technology = load_technology(name)
    shipped = load_calibration(technology)
    grid = shipped.grid
    nominal = nominal_conditions(technology)
    at = (nominal.corner, nominal.temperature, nominal.v_dd)
    for key, value in grid.interpolated(*at).items():
        side, _, field = key.partition(".")
        part = getattr(shipped, side)
        assert value == (getattr(part, field) if field else part), key
    assert len(grid.checks) == len(check_points(technology, tuple(grid.corners))) > 0
    for check in grid.checks:
        for key, measured in check.measured.items():
            found = check.interpolated[key]
            if found is None or measured is None:
                assert not key.startswith(("n.", "p.", "c_gate", "c_drain")), key
                continue
            if key.endswith("v_gate"):
                assert abs(found - measured) < 2e-3, (check.corner, key)
            elif key == "signed_slope":
                # It moves nodes by some 60 mV and their legs by 8 % a volt: 0.1 % at most.
                assert found == pytest.approx(measured, rel=0.25), check.corner
            elif key.endswith(("slope", "conductance")) or key.startswith("c_gate"):
                assert found == pytest.approx(measured, rel=0.03, abs=0), (check.corner, key)
            elif key in {"c_step", "c_unit", "c_driver"}:
                assert found == pytest.approx(measured, rel=0.02, abs=0), (check.corner, key)
            elif key.startswith("v_"):
                # One step of the ramp, twice: docs/validation/characterisation.md.
                assert abs(found - measured) < 0.1, (check.corner, key)
        assert max(check.leakage.values()) < 0.15


# ----------------------------------------------------------------------------------- kept runs


class Bench:
    """A runner that gives each deck a wave of its own and counts."""

    def __init__(self, status: RunStatus = RunStatus.DONE) -> None:
        self.runs, self.status, self.stopped = 0, status, False

    def run(self, deck: Deck) -> Waves:
        self.runs += 1
        vectors = {"time": np.arange(3.0), "v(a)": np.full(3, deck.token)}
        return Waves(status=self.status, vectors=vectors, core_seconds=0.5, message="said")

    def stop(self) -> None:
        self.stopped = True


def decks(n: int) -> dict[str, Deck]:
    return {
        f"d{k}": Deck(files={"bench.cir": f"* {k}"}, saves=("v(a)",), token=k / 10, t_stop=1.0)
        for k in range(n)
    }


def run_all(bench: Bench, wanted: dict[str, Deck], store: KeptRuns) -> dict[str, Waves]:
    told: list[int] = []
    runs = run_jobs(cast(Runner, bench), wanted, store, workers=2, progress=told.append)
    assert sum(told) == len(wanted)
    return runs


def test_a_finished_run_is_not_repeated_and_a_killed_one_is(tmp_path: Path) -> None:
    store = KeptRuns(folder=tmp_path / "runs", simulator="ngspice 39")
    first, again = Bench(), Bench()
    before = run_all(first, decks(2), store)
    after = run_all(again, decks(3), store)
    assert (first.runs, again.runs) == (2, 1)
    assert list(after) == ["d0", "d1", "d2"]
    for name, waves in before.items():
        np.testing.assert_array_equal(after[name].vectors["v(a)"], waves.vectors["v(a)"])
        assert after[name].core_seconds == waves.core_seconds
    killed = Bench(RunStatus.TIMED_OUT)
    other = KeptRuns(folder=tmp_path / "runs", simulator="ngspice 40")
    run_all(killed, decks(2), other)
    run_all(killed, decks(2), other)
    assert killed.runs == 4


@pytest.mark.parametrize("way", ["another number", "a byte", "no array"])
def test_a_kept_run_that_is_not_as_it_was_written_is_run_again(tmp_path: Path, way: str) -> None:
    store = KeptRuns(folder=tmp_path / "runs", simulator="ngspice 39")
    bench = Bench()
    before = run_all(bench, decks(1), store)
    (path,) = store.folder.iterdir()
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files}
    if way == "another number":
        np.savez(path, **arrays | {"wave:v(a)": arrays["wave:v(a)"] + 1e-6})
    elif way == "no array":
        np.savez(path, **{n: v for n, v in arrays.items() if n != "wave:time"})
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    after = run_all(bench, decks(1), store)
    assert bench.runs == 2
    np.testing.assert_array_equal(after["d0"].vectors["v(a)"], before["d0"].vectors["v(a)"])


def test_a_kept_run_belongs_to_its_deck_and_cards(tmp_path: Path) -> None:
    store = KeptRuns(folder=tmp_path, simulator="ngspice 39")
    at = nominal_conditions(TECHNOLOGY)
    deck = devices_deck(TECHNOLOGY, at)
    cards = Deck(
        files={**deck.files, "models.lib": "* others"},
        saves=deck.saves,
        token=deck.token,
        t_stop=deck.t_stop,
    )
    assert store.path(deck) == store.path(devices_deck(TECHNOLOGY, at))
    assert store.path(deck) != store.path(cards)


def test_a_run_that_raises_stops_the_others(tmp_path: Path) -> None:
    class Broken(Bench):
        def run(self, deck: Deck) -> Waves:
            raise OSError(deck.token)

    bench = Broken()
    store = KeptRuns(folder=tmp_path, simulator="ngspice 39")
    with pytest.raises(OSError, match="0"):
        run_all(bench, decks(1), store)
    assert bench.stopped


# ---------------------------------------------------------------------------------------- fits


def test_the_ekv_fit_finds_the_constants_of_an_ekv_device() -> None:
    u_t, i_s, v_t, n = 0.02585, 4e-8, 0.45, 1.4
    gate = v_t + 2 * n * u_t * np.log(np.expm1(np.sqrt(CURRENTS / i_s)))
    constants, left = fit_ekv(gate, u_t)
    assert constants == {
        "i_s": pytest.approx(i_s, abs=0),
        "v_t": pytest.approx(v_t),
        "n": pytest.approx(n),
    }
    assert np.max(np.abs(left)) < 1e-6
    assert len(left) == len(CURRENTS) // 2


def test_capacitance_and_leakage_of_devices_that_are_known() -> None:
    at = nominal_conditions(TECHNOLOGY)
    c_gate, c_drain, leak = 5e-15, 7e-16, 2e-14
    start = HOLD * len(V_DS)
    time = np.linspace(0, start + 2 * RAMP, 4001)
    rate = np.float64(at.v_dd / RAMP)
    rising, falling = (time > start) & (time < start + RAMP), time > start + RAMP
    vectors: dict[str, Array] = {
        "time": time,
        "i(voffn)": -MANY * np.full_like(time, leak),
        "i(vgaten)": -MANY * c_gate * rate * rising,
        "i(vdrainn)": -MANY * (leak + c_drain * rate * (rising * 1.0 - falling)),
    }
    waves = Waves(status=RunStatus.DONE, vectors=vectors, core_seconds=0.0, message="")
    assert fit_leakage(waves, "n") == [leak] * len(V_DS)
    constants, _ = fit_capacitance(at, waves, "n", 0.3)
    assert constants == {
        "c_gate_n": pytest.approx(c_gate, rel=1e-3, abs=0),
        "c_drain_n": pytest.approx(c_drain, rel=1e-3, abs=0),
    }


def test_a_strobe_s_charge_does_not_hang_on_the_time_step_before_its_edge() -> None:
    edge, rests, charge = 1.0, (1e-9, 3e-9), 5e-12
    for gap in (1e-3, 0.1, 0.4):
        after = edge + np.array([0.01, 0.02, 0.021, 0.2])
        time = np.concatenate([[0.5, edge - gap, edge], after])
        current = np.concatenate([[rests[0]] * 3, np.full(4, rests[1])])
        current[4] += charge / (0.02 - 0.01 + 0.021 - 0.02) * 2
        # Between the edge and the next point the current goes from rest to rest.
        ramp = 0.01 * (rests[0] - rests[1]) / 2
        found = charge_beyond_rest(time, current, 0.5, edge, edge + 0.2)
        assert found == pytest.approx(charge + ramp, rel=1e-9, abs=0)


@pytest.mark.parametrize("points", [5, 50, 500])
def test_the_charge_of_a_step_is_that_of_a_climb_and_a_descent(points: int) -> None:
    """Up and down unlike, rest unlike on every level, few and many points between strobes."""
    at, v_dd = nominal_conditions(TECHNOLOGY), TECHNOLOGY.v_dd
    still, up, down, driver, cell = 30e-15, 130e-15, 44e-15, 700e-15, 8e-15
    levels = (*LEVELS, 0, 0, 1, 0)
    width = 1e-6
    strobes = (np.arange(len(FRAMES)) + STROBE) * FRAME
    close = [strobes + share * width for share in (0, 1e-3, 0.5, 1)]
    time = np.unique(np.concatenate([np.linspace(0, len(FRAMES) * FRAME, 16 * points), *close]))

    def pulses(charges: Array) -> Array:
        """A triangle of each charge from the strobe's edge on."""
        found = np.zeros_like(time)
        for strobe, charge in zip(strobes, charges, strict=True):
            found += (
                2
                * charge
                / width
                * np.interp(time, strobe + np.array([0, 0.5, 1]) * width, [0, 1, 0])
            )
        return found

    moves = np.diff(levels)
    level = np.array(levels)[np.searchsorted(strobes, time, side="left")]
    vectors: dict[str, Array] = {
        name: np.where(level > k, v_dd, 0.0) for k, name in enumerate(CELLS)
    }
    taken = np.select([moves > 0, moves < 0], [up, down], 0.0) + still
    rest = 1e-9 + 0.8e-9 * level
    vectors |= {
        "time": time,
        "i(vunit)": rest + pulses(taken * v_dd),
        "i(vclock)": pulses(np.full(len(strobes), (driver + 4 * cell) * v_dd)),
        "i(vidle)": pulses(np.full(len(strobes), driver * v_dd)),
    }
    waves = Waves(status=RunStatus.DONE, vectors=vectors, core_seconds=0.0, message="")
    constants, _ = fit_unit(at, waves)
    assert constants["c_step"] == pytest.approx((up + down) / 2, rel=1e-2, abs=0)
    assert constants["c_unit"] == pytest.approx(still, rel=1e-3, abs=0)
    assert constants["c_driver"] == pytest.approx(driver, rel=1e-3, abs=0)
    assert constants["c_clock"] == pytest.approx(cell, rel=1e-2, abs=0)
