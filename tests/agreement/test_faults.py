"""What goes wrong in ngspice ends in a sentence; the others go on, and nothing stale comes back."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.app import run as cli
from mru_hw.errors import RunStatus
from mru_hw.model.io import save_model
from mru_hw.simulate.spice_level import SpiceResult, simulate_spice
from mru_hw.simulate.trace import load_trace
from mru_hw.spice.deck import BENCH, Change, Deck, Waves
from mru_hw.spice.runner import HELPERS, Limits, Runner
from mru_hw.spice.session import Session
from mru_hw.spice.worker import failed
from mru_hw.stimulus import make_inputs
from mru_hw.stimulus.inputs import save_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import chip_of, one_unit
from tests.agreement.test_dies import RC, assert_alike, small_deck
from tests.mistakes import sentence

HOSTILE = "a b;c 'd' \"e\" $HOME {f} *g*\nh"


def command(folder: Path, out: Path, n_seq: int = 1) -> list[str]:
    """Write a one-unit model and its inputs; return what simulates them."""
    save_model(one_unit(), folder / "model")
    x = np.tile([[1.5], [0.0]], (n_seq, 1, 1))
    save_inputs(make_inputs(x), folder / "x.npz")
    inputs = ["--inputs", str(folder / "x.npz"), "--level", "spice"]
    return ["simulate", str(folder / "model"), *inputs, "--out", str(out)]


def children() -> list[int]:
    """Processes of ngspice that this process has started."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(pid) for pid in (task / "children").read_text().split()]
    return [pid for pid in found if b"mru_hw.spice.worker" in _command_line(pid)]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


# ---------------------------------------------------------------------------------- bad decks


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x1 b nosuchcell", "nosuchcell"),
        ("m1 b a 0 0 nosuchmodel w=1u l=1u", "nosuchmodel"),
        ("m1 b a", "m1 b a"),
        (".lib 'nosuchfile.lib' tt", "nosuchfile.lib"),
        (".include nosuchfile.sp", "nosuchfile.sp"),
    ],
)
def test_a_bad_deck_after_a_good_one_is_told_and_forgotten(line: str, said: str) -> None:
    session = Session()
    bad = replace(RC, files={BENCH: RC.files[BENCH].replace("r1 a b 1k", f"r1 a b 1k\n{line}")})
    good = session.run(RC)
    worse = session.run(bad)
    assert worse.status is RunStatus.NOT_LOADED
    assert worse.vectors == {}
    assert said in worse.message
    session.load(bad)
    assert session.run_die([]).status is RunStatus.NOT_LOADED
    assert_alike(session.run(RC), good)
    # In workers every die is told, and none goes on with what another loaded.
    results = dict(Runner().run_dies(bad, [[], []]))
    assert [results[k].status for k in range(2)] == [RunStatus.NOT_LOADED] * 2


def test_a_change_of_a_missing_device_costs_its_own_die() -> None:
    absent = [Change(device="m.nothing", parameter="delvto", add=1e-3)]
    results = dict(Runner().run_dies(RC, [[], absent, []], workers=1))
    assert results[1].status is RunStatus.WRONG_CIRCUIT
    assert "@m.nothing[delvto]" in results[1].message
    assert results[1].vectors == {}
    assert_alike(results[0], results[2])


def test_a_die_that_never_converges_costs_itself_alone() -> None:
    # dv/dt = v^2 v(g) / C has no solution after C / v(g).
    lines = ["vg g 0 0", "b1 0 b i=v(b)*v(b)*v(g)", "c1 b 0 1u ic=1", "r1 b 0 1k"]
    deck = small_deck(lines, "v(b)")
    wild = [Change(device="vg", parameter="dc", add=10.0)]
    results = dict(Runner().run_dies(deck, [[], wild, []], workers=1))
    assert results[1].status is RunStatus.DID_NOT_CONVERGE
    assert results[1].helper == ""
    assert results[1].time[-1] < 1e-3
    assert "imestep too small" in results[1].message
    assert_alike(results[0], results[2])
    assert len(set(HELPERS)) == 3


# ------------------------------------------------------------------------------- killed workers


def test_a_killed_worker_costs_its_own_die() -> None:
    slow = Deck(
        files={BENCH: RC.files[BENCH].replace(" 0.001 uic", " 0.4 uic")},
        saves=RC.saves,
        token=RC.token,
        t_stop=0.4,
    )
    results = Runner().run_dies(slow, [[]] * 4, workers=1)
    done = [next(results)]
    (worker,) = children()
    os.kill(worker, signal.SIGKILL)
    done += results
    status = [waves.status for _, waves in done]
    assert status.count(RunStatus.WORKER_DIED) == 1
    assert status.count(RunStatus.DONE) == 3
    killed = next(waves for _, waves in done if waves.status is RunStatus.WORKER_DIED)
    assert "exit status -9" in killed.message
    assert killed.vectors == {}
    alike = [waves for _, waves in done if waves.status is RunStatus.DONE]
    for waves in alike[1:]:
        assert_alike(alike[0], waves)


def test_a_sequence_whose_worker_is_killed_loses_no_other() -> None:
    chip = chip_of(one_unit())
    inputs = make_inputs(np.tile([[1.5], [0.0], [1.5]], (3, 1, 1)))
    found: list[SpiceResult] = []

    def simulate() -> None:
        conditions = nominal_conditions(chip.design.technology)
        design, calibration = chip.design, chip.calibration
        found.append(simulate_spice(design, calibration, inputs, conditions=conditions, workers=1))

    thread = threading.Thread(target=simulate)
    thread.start()
    while not children():
        time.sleep(0.01)
    os.kill(children()[0], signal.SIGKILL)
    thread.join()
    (result,) = found
    assert result.status == (RunStatus.WORKER_DIED, RunStatus.DONE, RunStatus.DONE)
    trace = result.trace
    assert trace.energy_J is not None
    assert trace.decision[0] == -1
    assert np.isnan(trace.energy_J[0])
    assert trace.output is not None
    assert np.isnan(trace.output[0]).all()
    assert np.all(trace.decision[1:] >= 0)
    assert np.isfinite(trace.energy_J[1:]).all()


# ------------------------------------------------------------------------- limits, and what is kept


def test_a_failed_run_leaves_an_earlier_trace_and_keeps_the_others_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, beside = tmp_path / "y.npz", tmp_path / "y.incomplete.npz"
    words = command(tmp_path, out, n_seq=2)
    save_inputs(make_inputs(np.array([[[1.5], [0.0]], [[0.0], [1.5]]])), tmp_path / "x.npz")
    assert cli(words) == 0
    whole, earlier = load_trace(out), out.read_bytes()
    run, first = Runner.run, ngspice_decks(monkeypatch)

    def one_fails(self: Runner, deck: Deck) -> Waves:
        if deck.files[BENCH] == first[0]:
            return failed(RunStatus.TIMED_OUT, "stopped after 1 s of processor time")
        return run(self, deck)

    assert cli(words) == 0  # tells us the decks
    monkeypatch.setattr(Runner, "run", one_fails)
    capsys.readouterr()
    assert cli([*words, "--json"]) == 1
    told, said = capsys.readouterr()
    shown = json.loads(told)
    assert (shown["out"], shown["incomplete"]) == (None, str(beside))
    assert (shown["finished"], shown["sequences"]) == (1, 2)
    assert "1 failed." in said
    assert out.read_bytes() == earlier
    part = load_trace(beside)
    assert min(part.decision.tolist()) == -1
    (kept,) = np.flatnonzero(part.decision >= 0)
    assert part.energy_J is not None
    assert whole.energy_J is not None
    assert part.energy_J[kept] == whole.energy_J[kept]
    assert shown["energy_per_sequence_J"] == part.energy_J[kept]
    # A call that ends well takes the incomplete one away.
    monkeypatch.setattr(Runner, "run", run)
    assert cli(words) == 0
    assert not beside.exists()
    # A file of that name that is no trace stops the call before it starts.
    beside.write_text("mine")
    assert cli(words) == 2
    assert beside.read_text() == "mine"


def ngspice_decks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which every bench that runs from now on is added."""
    run, lock, seen = Runner.run, threading.Lock(), list[str]()

    def noted(self: Runner, deck: Deck) -> Waves:
        with lock:
            seen.append(deck.files[BENCH])
        return run(self, deck)

    monkeypatch.setattr(Runner, "run", noted)
    return seen


def test_a_vector_that_is_not_finite_fails_its_run_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Runner.run

    def broken(self: Runner, deck: Deck) -> Waves:
        waves = run(self, deck)
        name = next(name for name in waves.vectors if name.startswith("i("))
        vector = waves.vectors[name].copy()
        vector[len(vector) // 2] = np.nan
        return replace(waves, vectors={**waves.vectors, name: vector})

    monkeypatch.setattr(Runner, "run", broken)
    out = tmp_path / "y.npz"
    assert cli([*command(tmp_path, out), "--json"]) == 1
    told, said = capsys.readouterr()
    assert json.loads(told)["runs"][0]["status"] == "not_finite"
    assert "not finite" in said
    assert not out.exists()


# ------------------------------------------------------------------------- what the user is told


@pytest.mark.parametrize("options", [(), ("--verify", "units:1")], ids=["whole", "unit"])
def test_why_a_run_failed_and_what_another_needed_reach_the_user(
    options: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, lock, seen = Runner.run, threading.Lock(), list[str]()

    def one_fails(self: Runner, deck: Deck) -> Waves:
        with lock:
            first = not seen or seen[0] == deck.files[BENCH]
            seen.append(deck.files[BENCH])
        if first:
            said = "doAnalyses: TRAN:  Timestep too small\n\n  run simulation(s) aborted\n"
            return failed(RunStatus.DID_NOT_CONVERGE, said)
        return replace(run(self, deck), helper=HELPERS[0])

    monkeypatch.setattr(Runner, "run", one_fails)
    words = command(tmp_path, tmp_path / "y.npz", n_seq=2)
    # Of unlike decks the one that comes first fails.
    save_inputs(make_inputs(np.array([[[1.5], [0.0]], [[0.0], [1.5]]])), tmp_path / "x.npz")
    assert cli([*words, *options, "--json"]) == 1
    out, err = capsys.readouterr()
    told = json.loads(out)
    runs = told["verify"]["failed_or_helped"] if options else told["runs"]
    rows = {r["status"]: r for r in runs}
    assert set(rows) == {"did_not_converge", "done"}
    fails, helped = rows["did_not_converge"], rows["done"]
    assert (fails["helper"], fails["last_line"]) == ("", "run simulation(s) aborted")
    assert (helped["helper"], helped["last_line"]) == (HELPERS[0], "")
    assert helped["core_seconds"] > 0
    where = f"sequence {fails['sequence']}" + (" of unit 0/0" if options else "")
    assert err.strip().endswith(
        "1 failed. The simulator found no solution at some time point. "
        f"In {where} ngspice said: run simulation(s) aborted"
    )
    seen.clear()
    assert cli([*words, *options]) == 1
    assert f"1 came out only with .options {HELPERS[0]}: sequence " in capsys.readouterr().out


# ---------------------------------------------------------------------------- models and names


def test_changed_model_cards_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    technology = load_technology("sky130")
    folder = tmp_path / technology.models.folders[0]
    shutil.copytree(technology._models_folder(), folder)
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    technology.model_files()
    entry = folder / technology.models.entry
    entry.write_text(entry.read_text() + "* one line more\n")
    text = sentence(technology.model_files)
    assert "sha256" in text
    assert technology.models.version in text
    entry.unlink()
    (folder / technology.models.includes[0]).unlink()


def test_hostile_folder_names_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain.npz"
    assert cli(command(tmp_path, plain)) == 0
    hostile = tmp_path / HOSTILE
    hostile.mkdir()
    monkeypatch.setenv("TMPDIR", str(hostile))
    assert cli(command(hostile, hostile / "y.npz")) == 0
    capsys.readouterr()
    one, other = load_trace(plain), load_trace(hostile / "y.npz")
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name])
    assert {entry.name for entry in hostile.iterdir()} == {"model", "x.npz", "y.npz"}


def test_a_time_limit_holds_for_each_die() -> None:
    slow = replace(RC, files={BENCH: RC.files[BENCH].replace(" 0.001 ", " 50 ")}, t_stop=50.0)
    results = dict(Runner(Limits(time_s=1)).run_dies(slow, [[], []]))
    assert [results[k].status for k in range(2)] == [RunStatus.TIMED_OUT] * 2
