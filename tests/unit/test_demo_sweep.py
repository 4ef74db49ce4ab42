"""Which stores the demo's sweep begins anew, and which it leaves alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mru_hw.cli.demo_folder import MODEL, STORE
from mru_hw.cli.demo_stages import Size, plans, sweep
from mru_hw.errors import UserError
from mru_hw.model.io import save_model
from mru_hw.sweeps.store_file import UnusableStoreError
from mru_hw.sweeps.view import open_run
from tests.mistakes import sentence
from tests.sweeps import rows, small_model, write_case

SIZE = Size(
    epochs=None, dies=1, dies_a_point=1, mismatch=(0.0,), noise=(0.0,), sequences=1, frames=1
)


def run_stage(folder: Path) -> int:
    return sweep(folder, SIZE, 1, lambda _done, _total: None).computed


def test_a_sweep_of_another_network_or_a_damaged_one_is_begun_anew(tmp_path: Path) -> None:
    write_case(tmp_path, n_seq=2)
    store = tmp_path / STORE
    total = sum(plan.runs for plan in plans(SIZE).values())
    assert run_stage(tmp_path) == total
    first = rows(store, "seed, accuracy")
    assert run_stage(tmp_path) == 0

    (tmp_path / "first").mkdir()
    (tmp_path / MODEL).rename(tmp_path / "first" / MODEL)
    save_model(small_model(seed=5), tmp_path / MODEL)
    assert run_stage(tmp_path) == total
    with open_run(store) as run:
        assert run.complete

    store.write_bytes(store.read_bytes()[:5000])
    (tmp_path / MODEL).rename(tmp_path / "second")
    (tmp_path / "first" / MODEL).rename(tmp_path / MODEL)
    assert run_stage(tmp_path) == total
    assert rows(store, "seed, accuracy") == first

    store.write_text("no sweep")
    assert run_stage(tmp_path) == total


def test_a_sweep_in_use_is_left_alone(tmp_path: Path) -> None:
    write_case(tmp_path, n_seq=2)
    store = tmp_path / STORE
    run_stage(tmp_path)
    held = store.read_bytes()
    with sqlite3.connect(store, isolation_level=None) as db:
        db.execute("BEGIN EXCLUSIVE")
        told = sentence(lambda: run_stage(tmp_path))
        db.execute("ROLLBACK")
    used = "expected a file that no other process is using (database is locked)."
    assert told == f'out is "{store}", {used}'
    assert store.read_bytes() == held


def test_what_a_plan_gets_wrong_is_no_store_to_remove(tmp_path: Path) -> None:
    write_case(tmp_path, n_seq=2)
    run_stage(tmp_path)
    held = (tmp_path / STORE).read_bytes()
    (tmp_path / "inputs.npz").write_text("no arrays")
    with pytest.raises(UserError) as error:
        run_stage(tmp_path)
    assert not isinstance(error.value, UnusableStoreError)
    assert (tmp_path / STORE).read_bytes() == held
