"""Dies of a loaded deck: each is itself whatever ran before it, and no worker shows in a result."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.app import run as cli
from mru_hw.errors import RunStatus
from mru_hw.lab.cell_dies import cell_deck, cell_dies, switching
from mru_hw.model.io import save_model
from mru_hw.spice.deck import BENCH, TOKEN, Change, Deck, Pulse, Waves, token_line, token_of
from mru_hw.spice.rawfile import write_raw
from mru_hw.spice.runner import CLOSER, HELPERS, Limits, Runner
from mru_hw.spice.session import Session, die_token
from mru_hw.stimulus import make_inputs
from mru_hw.stimulus.inputs import save_inputs
from mru_hw.technology import MODELS, load_technology
from tests.agreement.networks import one_unit

TECHNOLOGIES = {"generic180": (0.3, 0.4), "sky130": (0.3, 0.6)}
"""Gate voltages [V] in weak inversion, NMOS and PMOS."""


@pytest.fixture(scope="module")
def session() -> Session:
    return Session()


def small_deck(lines: list[str], *saves: str, t_stop: float = 1e-3) -> Deck:
    token = token_of(lines)
    bench = [
        "* a small deck",
        *lines,
        token_line(token),
        f".save {' '.join(saves)} {TOKEN}",
        f".tran 1u {t_stop} uic",
        ".end",
        "",
    ]
    return Deck(files={BENCH: "\n".join(bench)}, saves=saves, token=token, t_stop=t_stop)


RC = small_deck(["v1 a 0 1", "r1 a b 1k", "c1 b 0 1u"], "v(b)")
SLOWER = Change(device="r1", parameter="resistance", times=2.0)


def assert_alike(one: Waves, other: Waves) -> None:
    assert one.status is other.status is RunStatus.DONE
    assert list(one.vectors) == list(other.vectors)
    for name, vector in one.vectors.items():
        np.testing.assert_array_equal(vector, other.vectors[name])


def device_deck(name: str, corner: str) -> Deck:
    """One transistor of each polarity in weak inversion."""
    technology, (v_n, v_p) = load_technology(name), TECHNOLOGIES[name]
    lines = [
        f".lib '{MODELS}' {corner}",
        ".options gmin=1e-17 abstol=1e-16 reltol=1e-6",
        technology.devices_spice(),
        f"vdd vdd 0 1.8\nvgn gn 0 {v_n}\nvgp gp vdd -{v_p}\nvn dn 0 0.9\nvp dp 0 0.9",
        "xn dn gn 0 0 n_mirror units=4\nxp dp gp vdd vdd p_mirror units=4",
    ]
    deck = small_deck(lines, "i(vn)", "i(vp)", t_stop=1e-4)
    return replace(deck, files={**deck.files, **technology.model_files()})


def device_changes(name: str, dvt: float) -> list[Change]:
    """Both devices weaker by `dvt` [V]: the sign of delvto is the threshold's own."""
    technology = load_technology(name)
    paths = {d: technology.transistor_path(d) for d in ("n_mirror", "p_mirror")}
    return [
        Change(device=f"m.xn.{paths['n_mirror']}", parameter="delvto", add=dvt),
        Change(device=f"m.xp.{paths['p_mirror']}", parameter="delvto", add=-dvt),
    ]


def currents(waves: Waves) -> np.ndarray:
    assert waves.status is RunStatus.DONE, waves.message
    return np.abs([waves.vectors["i(vn)"][-1], waves.vectors["i(vp)"][-1]])


# ------------------------------------------------------------------------------------- one worker


def test_a_die_is_the_same_whatever_ran_before(session: Session) -> None:
    technology = load_technology("generic180")
    a, b = cell_dies(technology, 2)
    session.load(cell_deck(technology))
    first = [session.run_die(die) for die in (a, b[:20], (), a)]
    assert_alike(first[0], first[3])
    session.load(cell_deck(technology))
    again = [session.run_die(die) for die in ((), b[:20])]
    assert_alike(first[2], again[0])
    assert_alike(first[1], again[1])
    edges = np.array([switching(waves) for waves in first])
    assert len(np.unique(edges[:3, 0])) == 3
    assert np.all(edges[:, 0] > edges[:, 1])


@pytest.mark.parametrize("name", TECHNOLOGIES)
def test_mismatch_keeps_the_mean_of_its_corner(session: Session, name: str) -> None:
    nominal, mean = {}, {}
    for corner in ("tt", "ff"):
        session.load(device_deck(name, corner))
        nominal[corner] = currents(session.run_die(()))
        draws = [currents(session.run_die(device_changes(name, d))) for d in (-4e-3, 4e-3)]
        assert np.all(draws[0] > 1.1 * draws[1])
        mean[corner] = np.sqrt(draws[0] * draws[1])
    # Weak inversion is exponential, so opposite draws have the corner's own geometric mean.
    np.testing.assert_allclose(mean["ff"], nominal["ff"], rtol=3e-3)
    np.testing.assert_allclose(mean["tt"], nominal["tt"], rtol=3e-3)
    assert np.all(nominal["ff"] > 1.2 * nominal["tt"])


@pytest.mark.parametrize("name", TECHNOLOGIES)
def test_commands_of_a_deck_do_what_a_die_does(session: Session, name: str) -> None:
    deck = device_deck(name, "ff")
    stronger = [replace(c, parameter="mulu0", add=0, times=1.1) for c in device_changes(name, 0)]
    changes = [*device_changes(name, 5e-3), *stronger]
    session.load(deck)
    die = currents(session.run_die(changes))
    by_hand = session.run(replace(deck, commands=tuple(change.command for change in changes)))
    np.testing.assert_allclose(currents(by_hand), die, rtol=1e-9)
    without = session.run(replace(deck, commands=tuple(c.command for c in changes[:2])))
    np.testing.assert_allclose(die / currents(without), 1.1, rtol=0.01)


def test_a_die_proves_itself(session: Session) -> None:
    session.load(RC)
    done = session.run_die([SLOWER])
    np.testing.assert_allclose(done.vectors[TOKEN], die_token(RC, [SLOWER]), atol=1e-9)
    assert done.vectors["v(b)"][-1] == pytest.approx(1 - np.exp(-0.5), rel=1e-3)
    # A current can be read and not be set: the run would have been the nominal one.
    unset = session.run_die([Change(device="r1", parameter="i", add=1.0)])
    assert unset.status is RunStatus.WRONG_CIRCUIT
    assert "after it was set to" in unset.message
    assert unset.vectors == {}


# ------------------------------------------------------------------------------------- the pool


def test_results_do_not_depend_on_the_number_of_workers() -> None:
    dies = [[replace(SLOWER, times=1 + k / 3)] for k in range(5)] + [[]]
    alone = dict(Runner().run_dies(RC, dies, workers=1))
    shared = dict(Runner().run_dies(RC, dies, workers=2))
    # A worker that may not grow is a new one for every die.
    fresh = dict(Runner(Limits(growth_bytes=-1)).run_dies(RC, dies, workers=2))
    assert sorted(alone) == sorted(shared) == sorted(fresh) == list(range(6))
    for k, waves in alone.items():
        assert_alike(waves, shared[k])
        assert_alike(waves, fresh[k])
    assert len({float(waves.vectors["v(b)"][-1]) for waves in alone.values()}) == 5


def test_dies_that_nobody_reads_stop() -> None:
    slow = replace(RC, files={BENCH: RC.files[BENCH].replace("0.001", "50")}, t_stop=50.0)
    results = Runner(Limits(time_s=2)).run_dies(slow, [[]] * 50, workers=2)
    assert next(results)[1].status is RunStatus.TIMED_OUT
    start = time.monotonic()
    results.close()
    assert time.monotonic() - start < 2
    assert list(Runner().run_dies(RC, [])) == []


def test_help_is_given_in_order_and_recorded() -> None:
    # Positive feedback without any capacitance: the fold is a step that no time step resolves.
    loop = ["v1 a 0 pwl(0 0 1m 2)", "r0 a c 1k", "r2 b c 500", "b1 b 0 v=1+tanh(50*(v(c)-0.7))"]
    helped = Runner().run(small_deck(loop, "v(b)"))
    assert helped.status is RunStatus.DONE
    assert helped.helper == HELPERS[2]
    softer = [*loop[:3], "b1 b 0 v=1+tanh(1*(v(c)-0.7))"]
    assert Runner().run(small_deck(softer, "v(b)")).helper == ""


def test_a_strobe_that_was_stepped_over_is_solved_closer_or_told() -> None:
    lines = ["v1 a 0 pulse(0 1 1u 1n 1n 20u)", "r1 a c 1k", "c1 c 0 1n"]
    # A pulse of some 100 ns, 1.6 us after the edge: no breakpoint is near.
    deck = small_deck([*lines, "b1 b 0 v=exp(-((v(c)-0.8)/0.05)^2)"], "v(c)")
    loose = deck.with_options("trtol=1e6")
    pulse = Pulse(vector="v(b)", level=0.4, starts=(1e-6,), width=1e-5)
    plain = Runner().run(loose)
    assert plain.status is RunStatus.DONE
    found = Runner().run(replace(loose, pulses=(pulse,)))
    assert (found.status, found.helper) == (RunStatus.DONE, CLOSER[0])
    # What was only watched is not part of the result.
    assert set(found.vectors) == set(plain.vectors)
    assert len(found.time) > len(plain.time)
    lost = Runner().run(replace(loose, pulses=(replace(pulse, level=1.1),)))
    assert (lost.status, lost.helper) == (RunStatus.STROBE_LOST, "")
    assert lost.message.splitlines()[-1].startswith("v(b) does not rise above 1.1 V within 1e-05 s")


# ------------------------------------------------------------------------------------- raw files


def test_ngspice_reads_the_raw_file(session: Session, tmp_path: Path) -> None:
    waves = session.run(RC)
    write_raw(tmp_path / "rc.raw", waves, "a title\nof two lines")
    commands = f"load {tmp_path / 'rc.raw'}\nset numdgt=15\nprint length(time) v(b)[1011] time[9]\n"
    (tmp_path / "read.sp").write_text(f"* read\n.control\n{commands}quit\n.endc\n.end\n")
    done = subprocess.run(
        ["ngspice", "-b", "read.sp"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    said = dict(line.split(" = ") for line in done.stdout.splitlines() if " = " in line)
    assert float(said["length(time)"]) == len(waves.time)
    assert float(said["time[9]"]) == pytest.approx(waves.time[9], rel=1e-12)
    assert [entry.name for entry in tmp_path.iterdir() if entry.suffix == ".part"] == []


def test_simulate_keeps_the_waves_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(one_unit(), tmp_path / "model")
    save_inputs(make_inputs(np.tile([[1.5], [0.0]], (3, 1, 1))), tmp_path / "x.npz")
    arguments = ["simulate", str(tmp_path / "model"), "--inputs", str(tmp_path / "x.npz")]
    arguments += ["--out", str(tmp_path / "y.npz"), "--raw", str(tmp_path / "waves")]
    assert cli([*arguments, "--level", "behavioral"]) == 2
    assert "--level spice" in capsys.readouterr().err
    assert not (tmp_path / "waves").exists()
    assert cli([*arguments, "--level", "spice", "--sequences", "1:3"]) == 0
    names = {entry.name for entry in (tmp_path / "waves").iterdir()}
    assert names == {"sequence1.raw", "sequence2.raw"}
