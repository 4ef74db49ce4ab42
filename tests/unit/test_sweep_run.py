"""A sweep on disk: bits that depend on nothing but the plan, resuming, refusing, failures kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.errors import RunStatus, UserError
from mru_hw.mapping import map_model
from mru_hw.model.io import load_model, save_model
from mru_hw.model.network import Model
from mru_hw.simulate import behavioral
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, load_inputs, make_inputs, save_inputs
from mru_hw.sweeps import run as sweep_run
from mru_hw.sweeps.plan import Plan, read_plan
from mru_hw.sweeps.points import Job
from mru_hw.sweeps.references import references
from mru_hw.sweeps.run import Outcome, run_sweep
from mru_hw.sweeps.setup import perturbed
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.view import open_run
from mru_hw.sweeps.work import DieResult, run_job
from mru_hw.technology import load_technology
from mru_hw.variation import draw_die, nominal_die
from tests.mistakes import sentence
from tests.networks import draw_inputs, draw_model, make_spec
from tests.sweeps import parts_of, rows, small_inputs, small_model, write_case

TECHNOLOGY = load_technology("generic180")
AXES = [
    {"axis": "mismatch_scale", "values": [0, 1, 4]},
    {"axis": "noise_scale", "values": [0, 5]},
]


def sweep(plan: Path, out: Path, **keys: Any) -> Outcome:
    return run_sweep({"sweep": read_plan(plan)}, plan.parent, out, workers=1, **keys)


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Run jobs in this process and list them; what the workers add is tested apart."""
    seen: list[Job] = []

    def here(subject: Subject, cut: Iterator[Job], _workers: int) -> Iterator[list[DieResult]]:
        for job in cut:
            seen.append(job)
            yield run_job(subject, job)

    monkeypatch.setattr(sweep_run, "run_jobs", here)
    return seen


# ---------------------------------------------------------------------------------------- bits


def test_bits_depend_on_neither_workers_nor_chunks(tmp_path: Path) -> None:
    axes = [{"axis": "noise_scale", "values": [0, 2]}]
    digests = set()
    for workers, chunk in ((1, 1), (2, 7), (2, 64), (1, 64)):
        plan = write_case(tmp_path, n_dies=10, chunk=chunk, axes=axes)
        out = tmp_path / f"{workers}-{chunk}.sqlite"
        outcome = run_sweep({"sweep": read_plan(plan)}, tmp_path, out, workers=workers)
        assert (outcome.runs, outcome.computed, outcome.failed) == (20, 20, {})
        digests.add(outcome.digest)
    assert len(digests) == 1


@pytest.mark.slow
def test_bits_at_full_size(tmp_path: Path) -> None:
    layer: dict[str, Any] = {
        "n_units": 16,
        "n_out": 16,
        "levels": 2,
        "rectify_input": True,
        "rectify_output": True,
    }
    spec = make_spec(**layer).model_copy(update={"n_in": 13, "n_hidden": 16, "n_classes": 10})
    model = draw_model(spec, 3)
    positive = {
        name: 0.4 + np.abs(values) if name.endswith(("alpha", "beta")) else values
        for name, values in model.tensors.items()
    }
    save_model(Model(spec=spec, tensors=positive), tmp_path / "model")
    drawn = draw_inputs(13, 4, n_seq=300, n_time=40)
    save_inputs(make_inputs(drawn.x, drawn.lengths, np.arange(300) % 10), tmp_path / "inputs.npz")
    digests = set()
    for workers in (1, 2, 3):
        for chunk in (1, 7, 64):
            keys = {"model": "model", "inputs": "inputs.npz", "n_dies": 64, "chunk": chunk}
            axes = [{"axis": "noise_scale", "values": [0, 1]}]
            plan = Plan.model_validate(keys | {"axes": axes})
            out = tmp_path / f"{workers}-{chunk}.sqlite"
            digests.add(run_sweep({"sweep": plan}, tmp_path, out, workers=workers).digest)
    assert len(digests) == 1


def test_every_run_is_what_simulate_gives(tmp_path: Path, inside: list[Job]) -> None:
    axes = [
        {"axis": "mismatch_scale", "values": [0, 2]},
        {"axis": "noise_scale", "values": [0, 3]},
        {"axis": "temperature", "values": [85]},
        {"axis": "v_dd", "values": [1.7]},
    ]
    plan = write_case(tmp_path, n_dies=2, seed=1, sequences="4:", axes=axes)
    sweep(plan, tmp_path / "run.sqlite")
    assert len(inside) == 4
    chip = Chip(load_model(tmp_path / "model"), TECHNOLOGY)
    inputs = load_inputs(tmp_path / "inputs.npz").take(slice(4, None))
    columns = "point, die, seed, decision, energy, accuracy, energy_mean, blocks, design"
    found = rows(tmp_path / "run.sqlite", columns)
    assert len(found) == 8
    for point, die, seed, decision, joules, accuracy, mean, blocks, design in found:
        scale, noise = [(0, 0), (0, 3), (2, 0), (2, 3)][point]
        assert seed == (1 << 20) + die
        run = simulate_behavioral(
            chip.design,
            chip.calibration,
            inputs,
            [draw_die(chip.design, seed, scale=scale)],
            temperature=85,
            v_dd=1.7,
            noise=NoiseRun(seed=1, scale=noise) if noise else None,
            sequence_offset=4,
            keep_all=False,
        )
        priced = energy(run.supply.single_die())
        assert np.array_equal(np.frombuffer(decision, "<i2"), run.trace.decision[0])
        assert np.array_equal(np.frombuffer(joules, "<f8"), priced.total)
        assert accuracy == np.mean(run.trace.decision[0] == inputs.y)
        assert mean == priced.total.mean()
        assert parts_of(blocks) == {
            name: [part.mean() for part in parts] for name, parts in priced.blocks.items()
        }
        assert np.frombuffer(blocks, "<f8").sum() == pytest.approx(mean)
        assert design == chip.design.digest()


def test_the_kernel_that_a_store_names_is_the_one_that_ran(
    tmp_path: Path, inside: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    for name in ("numpy", "compiled"):
        whole = getattr(behavioral, f"run_{name}")

        def run(*args: Any, name: str = name, whole: Any = whole, **keys: Any) -> None:
            ran.append(name.replace("compiled", "numba"))
            whole(*args, **keys)

        monkeypatch.setattr(behavioral, f"run_{name}", run)

    def kernels(out: str, plans: dict[str, Plan]) -> tuple[str, set[str]]:
        ran.clear()
        run_sweep(plans, tmp_path, tmp_path / out, workers=1)
        with open_run(tmp_path / out) as found:
            return found.facts["kernel"], set(ran)

    plain = read_plan(write_case(tmp_path, n_dies=2))
    axes = [{"axis": "noise_scale", "values": [0, 1]}]
    noisy = read_plan(write_case(tmp_path, n_dies=2, axes=axes))
    assert kernels("a", {"one": plain}) == ("numba", {"numba"})
    assert kernels("b", {"one": noisy}) == ("numba", {"numba"})
    asked = noisy.model_copy(update={"kernel": "numpy"})
    assert kernels("c", {"one": asked}) == ("numpy", {"numpy"})
    assert kernels("d", {"one": plain, "two": asked}) == ("numba, numpy", {"numba", "numpy"})


def test_without_mismatch_every_die_is_the_nominal_one(tmp_path: Path, inside: list[Job]) -> None:
    axes = [{"axis": "mismatch_scale", "values": [0]}]
    sweep(write_case(tmp_path, n_dies=3, axes=axes), tmp_path / "run.sqlite")
    (first, second, third) = rows(tmp_path / "run.sqlite", "decision, energy")
    assert first == second == third
    chip = Chip(load_model(tmp_path / "model"), TECHNOLOGY)
    run = simulate_behavioral(
        chip.design,
        chip.calibration,
        load_inputs(tmp_path / "inputs.npz"),
        [nominal_die(chip.design)],
        keep_all=False,
    )
    assert np.array_equal(np.frombuffer(first[1], "<f8"), energy(run.supply).total[0])


def test_the_axis_die_names_single_dies(tmp_path: Path, inside: list[Job]) -> None:
    axes = [{"axis": "die", "values": [5, 2]}]
    sweep(write_case(tmp_path, axes=axes), tmp_path / "named.sqlite")
    sweep(write_case(tmp_path, n_dies=6), tmp_path / "many.sqlite")
    named = rows(tmp_path / "named.sqlite", "seed, decision, energy")
    many = rows(tmp_path / "many.sqlite", "seed, decision, energy")
    assert named == [many[5], many[2]]


def test_references_stand_beside_the_dies() -> None:
    model = small_model()
    inputs = small_inputs(model)
    subject = subject_of(model, inputs)
    design = map_model(model, TECHNOLOGY, subject.calibration)
    found = {one.name: one for one in references(subject, {design.digest(): design})}
    assert found["software"].accuracy == pytest.approx(0.8)  # every fifth label is wrong
    assert set(found) == {"software", "ideal", "nominal"}
    assert {name: one.design for name, one in found.items()} == {
        "software": "",
        "ideal": design.digest(),
        "nominal": design.digest(),
    }
    assert found["nominal"].energy is not None
    assert (found["nominal"].energy > 0).all()


# ------------------------------------------------------------------------- networks that fail


def subject_of(model: Model, inputs: Inputs) -> Subject:
    chip = Chip(model, TECHNOLOGY)
    return Subject(
        model=model,
        technology=TECHNOLOGY,
        calibration=chip.calibration,
        inputs=inputs,
        first_sequence=0,
        level="behavioral",
    )


def test_networks_that_cannot_be_mapped_are_kept_and_counted(
    tmp_path: Path, inside: list[Job]
) -> None:
    axes = [{"axis": "perturbation", "values": [0, 5, 900], "trials": 3}]
    out = tmp_path / "run.sqlite"
    outcome = sweep(write_case(tmp_path, level="ideal", axes=axes), out)
    # What 1 + N(0, 9) makes of a network is out of every technology's range, or nearly.
    expected = []
    for trial in range(3):
        drawn = perturbed(small_model(), 900, 0, trial)
        try:
            Chip(drawn, TECHNOLOGY)
            expected.append("DONE")
        except UserError:
            expected.append("NOT_MAPPED")
    assert expected.count("NOT_MAPPED") == 2
    assert (outcome.runs, outcome.failed) == (7, {"NOT_MAPPED": 2})
    found = rows(out, "point, status, accuracy, decision, energy")
    assert [row[1] for row in found] == ["DONE"] * 4 + expected
    assert all(row[2:] == (None, None, None) for row in found if row[1] == "NOT_MAPPED")
    assert all(row[4] is None for row in found)  # the level ideal prices nothing
    with open_run(out) as run:
        assert run.failed() == {RunStatus.NOT_MAPPED: 2}
        assert run.points[2].n_runs == 3
        assert len(run.points[2].accuracy) == 1
        assert run.complete


# ------------------------------------------------------------------------------ resume, refuse


def test_an_interrupted_sweep_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: list[Job]
) -> None:
    plan = write_case(tmp_path, n_dies=10, chunk=3, axes=AXES)
    whole = sweep(plan, tmp_path / "whole.sqlite")
    out = tmp_path / "run.sqlite"

    def stop(done: int, _total: int) -> None:
        if done >= 13:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(plan, out, progress=stop)
    with open_run(out) as run:
        assert not run.complete
    told: list[tuple[int, int]] = []
    inside.clear()
    outcome = sweep(plan, out, progress=lambda done, total: told.append((done, total)))
    assert (outcome.runs, outcome.computed) == (60, 60 - told[0][0])
    assert 13 <= told[0][0] < 20
    assert told[-1] == (60, 60)
    assert outcome.digest == whole.digest
    assert sum(len(job.keys()) for job in inside) == outcome.computed


def test_a_finished_sweep_is_left_alone(tmp_path: Path, inside: list[Job]) -> None:
    plan = write_case(tmp_path, n_dies=4)
    out = tmp_path / "run.sqlite"
    first = sweep(plan, out)
    before = out.read_bytes()
    inside.clear()
    plan = write_case(tmp_path, n_dies=4, chunk=1)  # how it is cut is no part of what it is
    again = sweep(plan, out)
    assert (again.runs, again.computed, again.digest) == (4, 0, first.digest)
    assert inside == []
    assert out.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "inputs.npz",
        "model",
        "plan.yaml",
        "run.sqlite",
    ]


def test_another_sweep_on_the_same_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: list[Job]
) -> None:
    out = tmp_path / "run.sqlite"
    sweep(write_case(tmp_path, n_dies=2), out)
    before = out.read_bytes()

    def told(plan: Path) -> str:
        return sentence(lambda: sweep(plan, out)).removeprefix(f'out is "{out}", expected ')

    plan = write_case(tmp_path, n_dies=3)
    assert told(plan) == "a new path, for the sweep there follows another plan."
    plan = write_case(tmp_path, n_dies=2)
    save_model(small_model(seed=5), tmp_path / "model")
    assert told(plan) == "a new path, for the sweep there is of another model."
    plan = write_case(tmp_path, n_seq=7, n_dies=2)
    assert told(plan) == "a new path, for the sweep there is of another inputs."
    plan = write_case(tmp_path, n_dies=2)
    monkeypatch.setattr("mru_hw.sweeps.subject.__version__", "9")
    monkeypatch.setattr("mru_hw.sweeps.versions.__version__", "9")
    assert told(plan) == "a new path, for the sweep there was made with mru_hw 0.1.0."
    monkeypatch.undo()
    for module in ("subject", "versions"):
        monkeypatch.setattr(f"mru_hw.sweeps.{module}.RESULTS", -1)
    other = "a new path, for the sweep there was made by other laws of the circuits."
    assert told(plan) == other
    monkeypatch.undo()
    for module in ("subject", "versions"):
        monkeypatch.setattr(f"mru_hw.sweeps.{module}.numba_version", lambda: {"numba": "9"})
    numba = f"a new path, for the sweep there was made with numba {version('numba')}."
    assert told(plan) == numba
    monkeypatch.undo()
    plan = write_case(tmp_path, n_dies=2, kernel="numpy")
    assert told(plan) == "a new path, for the sweep there has the kernel numba."
    assert out.read_bytes() == before


def test_what_is_no_sweep_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    plan = write_case(tmp_path)
    text, other, folder = tmp_path / "notes.txt", tmp_path / "other.sqlite", tmp_path / "folder"
    text.write_text("mine")
    folder.mkdir()
    db = sqlite3.connect(other)
    db.execute("CREATE TABLE run(name TEXT)")
    db.commit()
    db.close()
    for path in (text, other, folder):
        before = path.read_bytes() if path.is_file() else b""
        expected = f'out is "{path}", expected a new path or an earlier sweep.'
        assert sentence(partial(sweep, plan, path)) == expected
        assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_store_that_another_process_writes_is_refused(tmp_path: Path, inside: list[Job]) -> None:
    plan = write_case(tmp_path, n_dies=1)
    out = tmp_path / "run.sqlite"
    sweep(plan, out)
    db = sqlite3.connect(out, isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    try:
        used = (
            f'out is "{out}", expected a file that no other process is using (database is locked).'
        )
        assert sentence(lambda: sweep(plan, out)) == used
        match = "expected a sweep that no process is writing"
        with pytest.raises(UserError, match=match), open_run(out):
            raise AssertionError("unreachable")
    finally:
        db.close()


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    plan = write_case(tmp_path)
    for path in (plan / "run.sqlite", Path("/proc/run.sqlite")):
        told = sentence(partial(sweep, plan, path))
        assert told.startswith(f'out is "{path.parents[-2]}')
        assert "expected a path that can be written" in told


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"model": "none"}, "model is "),
    ({"inputs": "none.npz"}, "inputs is "),
    ({"tech": "none"}, 'tech is "none", expected one of generic180, sky130;'),
    ({"sequences": "0:50"}, 'sequences is "0:50", expected start:stop within 0:20'),
    (
        {"axes": [{"axis": "corner", "values": ["xx"]}]},
        'axes.0.values.0 is "xx", expected one of tt, ',
    ),
]


@pytest.mark.parametrize(("keys", "expected"), MISTAKES, ids=[next(iter(k)) for k, _ in MISTAKES])
def test_what_a_plan_names_must_be_there(
    keys: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    plan = write_case(tmp_path, **keys)
    assert sentence(lambda: sweep(plan, tmp_path / "run.sqlite")).startswith(expected)
    assert not (tmp_path / "run.sqlite").exists()
