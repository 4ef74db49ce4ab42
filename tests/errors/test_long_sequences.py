"""What is too long: traces, inputs and where a value out of range stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mru_hw.errors import UserError
from mru_hw.simulate import kept
from mru_hw.simulate.asked import refuse_currents
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.kept import free_memory, refuse_trace, trace_bytes
from mru_hw.simulate.run import Chip
from mru_hw.simulate.timed import simulate_timed
from mru_hw.simulate.trace import TRACE_BYTES
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.stimulus import inputs as stimulus
from mru_hw.technology import load_technology
from tests.networks import make_spec
from tests.sweeps import small_model


@pytest.fixture(scope="module")
def chip() -> Chip:
    return Chip(small_model(), load_technology("generic180"))


def endless(n_time: int) -> Inputs:
    """Frames that take no memory."""
    x = np.broadcast_to(np.float64(0), (1, n_time, 4))
    return Inputs(x=x, lengths=np.array([n_time]))


@pytest.mark.parametrize("level", ["ideal", "settled", "timed"])
def test_a_trace_that_cannot_be_held_is_refused_before_the_work(level: str, chip: Chip) -> None:
    inputs = endless(10**11)
    runs: dict[str, Callable[[], object]] = {
        "ideal": lambda: simulate_ideal(chip.mapped, inputs),
        "settled": lambda: simulate_behavioral(
            chip.design, chip.calibration, inputs, [chip.die(None)]
        ),
        "timed": lambda: simulate_timed(chip.design, chip.calibration, inputs, [chip.die(None)]),
    }
    with pytest.raises(
        UserError,
        match=r"trace is 21,600,000,000,000 bytes for 1 x 100,000,000,000 frames, expected at most "
        r"[\d,]+ bytes, .*: run fewer sequences \(`sequences`\) or shorter ones\.",
    ):
        runs[level]()


def test_the_limit_of_a_trace_is_what_can_be_read_or_what_the_machine_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = make_spec("cmru")
    monkeypatch.setattr(kept, "free_memory", lambda: None)
    values = TRACE_BYTES // 8 // trace_bytes(spec, (1, 1, 1), 1)
    refuse_trace(spec, (1, 1, values), 8)
    with pytest.raises(UserError, match="at most 17,179,869,184 bytes, what a trace may have"):
        refuse_trace(spec, (1, 1, values + 1), 8)
    monkeypatch.setattr(kept, "free_memory", lambda: 10**6)
    with pytest.raises(UserError, match="3 dies, expected at most 1,000,000 bytes, what this mach"):
        refuse_trace(spec, (3, 50, 100), 8)


def test_free_memory_is_the_machine_s_or_the_container_s(tmp_path: Path) -> None:
    meminfo, cgroup = tmp_path / "meminfo", tmp_path / "memory.max"
    assert free_memory(meminfo, cgroup) is None
    meminfo.write_text("MemTotal:  2000 kB\nMemAvailable:   1000 kB\n")
    assert free_memory(meminfo, cgroup) == 1_024_000
    cgroup.write_text("max\n")
    assert free_memory(meminfo, cgroup) == 1_024_000
    cgroup.write_text("5000\n")
    assert free_memory(meminfo, cgroup) == 5000


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 3), st.integers(1, 50))
def test_pieces_of_inputs_cover_them_in_their_order(
    n_seq: int, n_time: int, n_in: int, piece: int
) -> None:
    x = np.arange(float(n_seq * n_time * n_in)).reshape(n_seq, n_time, n_in)
    inputs = make_inputs(x)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stimulus, "PIECE", piece)
        parts = [x[rows, frames].ravel() for rows, frames in inputs.pieces()]
    assert np.array_equal(np.concatenate(parts), x.ravel())
    assert max(part.size for part in parts) <= max(piece, n_in)


def test_a_current_out_of_range_is_named_wherever_it_stands(
    chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.zeros((3, 50, 4))
    x[1, 37, 2] = x[2, 3, 0] = -1e9
    inputs = make_inputs(x, [50, 50, 3])
    for piece in (1 << 18, 200, 60, 4):
        monkeypatch.setattr(stimulus, "PIECE", piece)
        with pytest.raises(UserError, match=r"inputs: x\[1, 37, 2\] is -1000000000\.0, expected"):
            refuse_currents(chip.design, inputs)
        refuse_currents(chip.design, make_inputs(x, [50, 37, 3]))
