"""The runner where ngspice is missing or its process dies; no simulation here."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mru_hw.errors import RunStatus, UserError
from mru_hw.spice import library, runner
from mru_hw.spice.deck import BENCH, Deck, Pulse, token_of
from mru_hw.spice.pulses import lost_pulse
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.session import _judge

DECK = Deck(files={BENCH: "* nothing\n.end\n"}, saves=("v(a)",), token=0.5, t_stop=1.0)


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(library.VARIABLE, raising=False)
    monkeypatch.setattr(library, "find_library", lambda _name: None)


@pytest.mark.usefixtures("no_library")
def test_missing_ngspice_is_one_sentence() -> None:
    with pytest.raises(UserError, match="libngspice") as caught:
        Runner()
    assert "apt-get install ngspice libngspice0" in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_a_library_that_does_not_load_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(library.VARIABLE, str(tmp_path / "libnothing.so"))
    with pytest.raises(UserError, match=re.escape("libnothing.so")):
        Runner()


@pytest.fixture
def any_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "ngspice_library", lambda: "libngspice.so.0")


@pytest.mark.usefixtures("any_library")
def test_a_worker_that_dies_is_a_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dying = tmp_path / "python"
    dying.write_text(f"#!/bin/sh\necho crashed\nexec {sys.executable} -c 'import os; os.abort()'\n")
    dying.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dying))
    waves = Runner().run(DECK)
    assert waves.status is RunStatus.WORKER_DIED
    assert "crashed" in waves.message
    assert len(waves.time) == 0


@pytest.mark.usefixtures("any_library")
def test_a_worker_that_hangs_without_computing_is_ended_by_the_clock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 1000\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hanging))
    waves = Runner(Limits(time_s=60, clock_s=1)).run(DECK)
    assert waves.status is RunStatus.HUNG
    assert waves.status.of_machine
    assert waves.message == "stopped after 1 s by the clock"


def test_the_clock_waits_for_a_process_that_others_hold_up() -> None:
    assert Limits(time_s=1800).clock == 40 * 1800
    assert Limits(time_s=1).clock == 600


@pytest.mark.usefixtures("any_library")
def test_a_stopped_runner_starts_nothing() -> None:
    stopped = Runner(Limits(time_s=1))
    stopped.stop()
    assert stopped.run(DECK).status is RunStatus.WORKER_DIED


def test_tokens_differ_with_any_letter() -> None:
    tokens = {token_of(texts) for texts in (["ab", "c"], ["a", "bc"], ["abd", "c"], ["abc"])}
    assert len(tokens) == 4
    assert all(0.1 <= token < 1 for token in tokens)


def waves(stop: float = 1.0, token: float = 0.5, points: int = 11) -> dict[str, np.ndarray]:
    times = np.linspace(0, stop, points)
    return {"time": times, "v(token)": np.full(points, token), "v(a)": times}


@pytest.mark.parametrize(
    ("vectors", "said", "status"),
    [
        (waves(), "", RunStatus.DONE),
        (waves(), "Note: Starting dynamic gmin stepping", RunStatus.DONE),
        ({}, "Error: unknown subckt", RunStatus.NOT_LOADED),
        ({}, "doAnalyses: TRAN: Timestep too small", RunStatus.DID_NOT_CONVERGE),
        (waves(stop=0.5), "timestep too small", RunStatus.DID_NOT_CONVERGE),
        (waves(stop=0.5), "malloc: can't allocate", RunStatus.OUT_OF_MEMORY),
        (waves(token=0.4), "", RunStatus.WRONG_CIRCUIT),
        (waves() | {"v(a)": np.zeros(5)}, "", RunStatus.WRONG_CIRCUIT),
        ({k: v for k, v in waves().items() if k != "v(a)"}, "", RunStatus.WRONG_CIRCUIT),
        ({k: v for k, v in waves().items() if k != "v(token)"}, "", RunStatus.WRONG_CIRCUIT),
    ],
)
def test_the_data_decide_what_a_run_was(
    vectors: dict[str, np.ndarray], said: str, status: RunStatus
) -> None:
    assert _judge(DECK, DECK.token, vectors, said) is status


PULSE = Pulse(vector="v(st)", level=0.9, starts=(0.2, 0.6), width=0.15)
PULSED = replace(DECK, pulses=(PULSE,))
SEEN = np.array([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], dtype=float)


@pytest.mark.parametrize(
    ("doctored", "lost"),
    [
        ({}, None),
        ({7: 0.8}, 0.6),  # not to its level
        ({3: 0.0, 7: 0.0}, 0.2),  # the first one is named
        ({3: 0.0, 4: 1.0}, 0.2),  # too late
        ({2: 1.0}, 0.2),  # nothing rises: it was high before
    ],
)
def test_a_strobe_that_was_stepped_over_fails_the_run(
    doctored: dict[int, float], lost: float | None
) -> None:
    st = SEEN.copy()
    for k, value in doctored.items():
        st[k] = value
    found = waves() | {"v(st)": st}
    status = RunStatus.DONE if lost is None else RunStatus.STROBE_LOST
    assert _judge(PULSED, DECK.token, found, "") is status
    told = lost_pulse(PULSED.pulses, found)
    if lost is None:
        assert told == ""
    else:
        assert f"v(st) does not rise above 0.9 V within 0.15 s of {lost:g} s" in told
    assert _judge(PULSED, DECK.token, waves(), "") is RunStatus.WRONG_CIRCUIT
