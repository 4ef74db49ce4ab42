"""Dies that are drawn and run together are the dies that each is alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mru_hw.errors import LawError, RunStatus
from mru_hw.mapping import Design, map_model
from mru_hw.simulate.run import Chip
from mru_hw.sweeps import work
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.points import jobs, points
from mru_hw.sweeps.subject import Subject, shared_subject
from mru_hw.sweeps.work import DieResult, run_job
from mru_hw.technology import load_technology
from mru_hw.variation import Die, NoiseKey, draw_die, draw_dies
from mru_hw.variation.streams import Normals, stream_keys
from tests.networks import draw_model, make_spec, with_even_settings
from tests.sweeps import write_case

SEEDS = [3, 0, (7 << 20) + 5, 2**41 + 1]


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3),
)
def test_keys_of_streams_are_those_of_numpy(seeds: list[int], streams: list[int]) -> None:
    found, normals = stream_keys(seeds, streams), Normals()
    for i, seed in enumerate(seeds):
        drawn = normals.draw(found[i], (2, 3))
        for k, stream in enumerate(streams):
            sequence = np.random.SeedSequence(seed, spawn_key=(stream,))
            wanted = sequence.generate_state(2, np.uint64)
            np.testing.assert_array_equal(found[i, k], wanted)
            rng = np.random.Generator(np.random.Philox(sequence))
            np.testing.assert_array_equal(drawn[k], rng.standard_normal((2, 3)))


def chip() -> Chip:
    model = with_even_settings(draw_model(make_spec("cmru", levels=2, skip=1), 3), 3)
    return Chip(model, load_technology("generic180"))


def same(one: Die, other: Die) -> bool:
    pairs = ((one.dvt, other.dvt), (one.dbeta, other.dbeta))
    return all(a.keys() == b.keys() for a, b in pairs) and all(
        a[key].tobytes() == b[key].tobytes() for a, b in pairs for key in a
    )


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_a_die_is_the_same_in_any_company(shared: float) -> None:
    design, keys = chip().design, {"scale": 1.5, "process": shared, "gradient": shared}
    together = draw_dies(design, SEEDS, **keys)
    assert [die.seed for die in together] == SEEDS
    assert all(
        same(die, draw_die(design, seed, **keys)) for die, seed in zip(together, SEEDS, strict=True)
    )
    assert not same(together[0], together[1])


def test_a_die_that_carries_no_current_is_named() -> None:
    design = chip().design
    sigma = max(float(np.abs(values).max()) for values in draw_die(design, SEEDS[1]).dbeta.values())
    with pytest.raises(LawError, match=r"Die \d+ has devices in .* that carry no current"):
        draw_dies(design, SEEDS, scale=2 / sigma)


def test_keys_of_noise_are_those_of_each_die() -> None:
    assert NoiseKey.of_dies(5, SEEDS) == [NoiseKey.of(5, seed) for seed in SEEDS]


def subject_of(folder: Path, **keys: Any) -> tuple[Subject, list[DieResult], list[DieResult]]:
    """Return a small sweep's subject, and its runs as one job and as a job a point and die."""
    plan = read_plan(write_case(folder, n_dies=4, **keys)).resolved(folder)
    subject = shared_subject({"plan": plan}, folder)
    wanted = points({"plan": plan}, subject.technology)
    cuts = list(jobs(wanted, set(), 4)), [job for one in wanted for job in jobs([one], set(), 1)]
    together, alone = (
        sorted((one for job in cut for one in run_job(subject, job)), key=lambda one: one.key)
        for cut in cuts
    )
    return subject, together, alone


def assert_alike(together: list[DieResult], alone: list[DieResult]) -> None:
    for one, other in zip(together, alone, strict=True):
        for field in dataclasses.fields(DieResult):
            if field.name != "seconds":
                np.testing.assert_equal(getattr(one, field.name), getattr(other, field.name))


@pytest.mark.parametrize("kernel", ["numba", "numpy"])
def test_a_job_of_dies_leaves_what_a_job_a_die_leaves(tmp_path: Path, kernel: str) -> None:
    axes = [
        {"axis": "noise_scale", "values": [0, 1, 30]},
        {"axis": "process_scale", "values": [0, 1]},
    ]
    _, together, alone = subject_of(tmp_path, axes=axes, kernel=kernel)
    assert {one.status for one in together} == {RunStatus.DONE}
    assert_alike(together, alone)


def test_a_die_without_a_law_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = draw_dies

    def draw(*given: Any, **keys: Any) -> list[Die]:
        dies: list[Die] = drawn(*given, **keys)
        if any(die.seed & 3 == 2 for die in dies):
            raise LawError("That die carries no current.")
        return dies

    monkeypatch.setattr(work, "draw_dies", draw)
    _, together, alone = subject_of(tmp_path)
    assert [one.status for one in together].count(RunStatus.NO_LAW) == 1
    assert_alike(together, alone)


def test_jobs_of_a_point_map_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped: list[object] = []

    def map_once(*given: Any) -> Design:
        mapped.append(given)
        return map_model(*given)

    monkeypatch.setattr("mru_hw.sweeps.subject.map_model", map_once)
    subject_of(tmp_path, axes=[{"axis": "noise_scale", "values": [0, 1]}])
    assert len(mapped) == 1
