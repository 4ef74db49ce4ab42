"""ngspice through PySpice: nothing stale, nothing that hangs, everything with its status."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import numpy as np
import pytest

from mru_hw.errors import RunStatus, SimulationError
from mru_hw.spice.batch import batch
from mru_hw.spice.deck import BENCH, Deck, Waves, token_line, token_of
from mru_hw.spice.library import VARIABLE, ngspice_library
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.session import Session
from mru_hw.technology import MODELS, load_technology
from tests.processes import python


def rc_deck(resistance: float, *, broken: bool = False, t_stop: float = 1e-3) -> Deck:
    """A charging capacitor: v(b) = 1 - exp(-t / RC) with C = 1 uF."""
    lines = ["* rc", "v1 a 0 1", f"r1 a b {resistance}", "c1 b 0 1u"]
    if broken:
        lines.append("x1 b nosuchcell")
    token = token_of(lines)
    lines += [token_line(token), ".save v(b) v(token)", f".tran 1u {t_stop} uic", ".end", ""]
    return Deck(files={BENCH: "\n".join(lines)}, saves=("v(b)",), token=token, t_stop=t_stop)


@pytest.fixture(scope="module")
def session() -> Session:
    return Session()


def at_end(waves: Waves) -> float:
    return float(waves.vectors["v(b)"][-1])


def test_after_a_broken_deck_nothing_is_stale(session: Session) -> None:
    decks = [rc_deck(1e3), rc_deck(2e3, broken=True), rc_deck(2e3), rc_deck(4e3, broken=True)]
    first, broken, second, broken_again = (session.run(deck) for deck in decks)
    assert first.status is RunStatus.DONE
    assert at_end(first) == pytest.approx(1 - np.exp(-1), rel=1e-3)
    assert broken.status is RunStatus.NOT_LOADED
    assert broken.vectors == {}
    assert "nosuchcell" in broken.message
    assert second.status is RunStatus.DONE
    assert at_end(second) == pytest.approx(1 - np.exp(-0.5), rel=1e-3)
    assert broken_again.status is RunStatus.NOT_LOADED


def test_another_circuits_result_is_refused(session: Session) -> None:
    waves = session.run(replace(rc_deck(1e3), token=0.123))
    assert waves.status is RunStatus.WRONG_CIRCUIT
    assert waves.vectors == {}


def test_a_run_that_stops_early_is_no_result(session: Session) -> None:
    waves = session.run(replace(rc_deck(1e3), t_stop=2e-3))
    assert waves.status is RunStatus.DID_NOT_CONVERGE
    assert waves.time[-1] == pytest.approx(1e-3)


def test_a_change_of_a_missing_device_is_no_result(session: Session) -> None:
    waves = session.run(replace(rc_deck(1e3), commands=("alter @r9[resistance]=2k",)))
    assert waves.status is RunStatus.WRONG_CIRCUIT
    changed = session.run(replace(rc_deck(1e3), commands=("alter r1=2k",)))
    assert at_end(changed) == pytest.approx(1 - np.exp(-0.5), rel=1e-3)


def test_a_positive_shift_means_less_current_for_both_polarities(session: Session) -> None:
    # delvto carries the threshold's own sign, so a PMOS takes the opposite one (spice/dies.py).
    technology = load_technology("generic180")
    body = [
        "* one device of each polarity",
        f".lib '{MODELS}' tt",
        ".options gmin=1e-17 abstol=1e-15",
        technology.devices_spice(),
        "vdd vdd 0 1.8\nvgn gn 0 0.3\nvgp gp 0 1.45\nvn dn 0 0.9\nvp dp 0 0.9",
        "xn dn gn 0 0 n_mirror units=4\nxp dp gp vdd vdd p_mirror units=4",
        ".save i(vn) i(vp) v(token)",
        ".tran 1u 100u uic",
    ]
    token = token_of(body)
    deck = Deck(
        files={
            BENCH: "\n".join([*body, token_line(token), ".end", ""]),
            **technology.model_files(),
        },
        saves=("i(vn)", "i(vp)"),
        token=token,
        t_stop=1e-4,
    )
    shift = 0.01
    moved = ("alter @m.xn.m0[delvto]=0.01", "alter @m.xp.m0[delvto]=-0.01")
    stronger = ("alter @m.xn.m0[mulu0]=1.1", "alter @m.xp.m0[mulu0]=1.1")
    runs = [session.run(replace(deck, commands=commands)) for commands in ((), moved, stronger)]
    for name in deck.saves:
        nominal, less, more = (abs(waves.vectors[name][-1]) for waves in runs)
        # exp(-dVt / (n kT/q)) with n of some 1.3
        assert less / nominal == pytest.approx(np.exp(-shift / 0.0340), rel=0.03)
        assert more / nominal == pytest.approx(1.1, rel=0.005)


def test_a_run_is_ended_by_its_own_processor_time() -> None:
    start = time.monotonic()
    waves = Runner(Limits(time_s=2)).run(rc_deck(1e3, t_stop=50))
    # Others may have the processor meanwhile: the clock says no more than this.
    assert time.monotonic() - start > 2
    assert waves.status is RunStatus.TIMED_OUT
    assert waves.message == "stopped after 2 s of processor time"


def test_a_program_of_its_own_has_the_same_limit() -> None:
    lines = ["* long", "v1 a 0 sin(0 1 1meg)", "r1 a 0 1k", ".tran 1n 1", ".print tran v(a)"]
    lines += [".end", ""]
    limited = batch({BENCH: "\n".join(lines)}, "nothing", time_s=1)
    with pytest.raises(SimulationError, match="more processor time than its limit"), limited:
        pass


def test_a_run_beyond_its_memory_says_so() -> None:
    limits = Limits(time_s=60, memory_bytes=200 << 20)
    waves = Runner(limits).run(rc_deck(1e3, t_stop=10))
    assert waves.status is RunStatus.OUT_OF_MEMORY


def test_a_worker_gives_what_a_session_gives(session: Session) -> None:
    deck = rc_deck(1e3)
    waves, own = Runner().run(deck), session.run(deck)
    assert waves.status is RunStatus.DONE
    np.testing.assert_array_equal(waves.time, own.time)
    np.testing.assert_array_equal(waves.vectors["v(b)"], own.vectors["v(b)"])
    assert Runner().run(rc_deck(1e3, broken=True)).status is RunStatus.NOT_LOADED


def test_pyspice_finds_the_library_without_the_development_package() -> None:
    code = "import os\nfrom mru_hw.spice.session import Session\nprint(Session().version)"
    clean = {key: value for key, value in os.environ.items() if key != VARIABLE}
    done = python("-c", code, env=clean)
    assert int(done.stdout.split()[-1]) >= 36
    assert ngspice_library()
