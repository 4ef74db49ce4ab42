"""The benchmark runs and says what its figures depend on; how fast is no test's business."""

from __future__ import annotations

import json
from pathlib import Path

from mru_hw.lab.array_job import Case, make_case
from mru_hw.simulate.ideal import simulate_ideal
from tests.processes import python

STUDY = Path(__file__).parents[2] / "benchmarks/bench_array_speed.py"


def test_benchmark_measures_every_level_beside_the_products() -> None:
    done = python(str(STUDY), "--repeats", "1", "--dies", "2", "--sequences", "5", "--steps", "4")
    found = json.loads(done.stdout)
    assert set(found["results"]) >= {
        "products",
        "ideal",
        "numba",
        "numpy",
        "numpy, with noise",
        "numba, with noise",
        "numba, with noise, ragged",
    }
    assert found["results"]["products"]["ratio_to_products"] == 1.0
    assert found["case"]["unit_steps"] == 2 * 5 * 4 * 2 * 16


def test_benchmarked_network_moves() -> None:
    model, inputs = make_case(Case(dies=3, sequences=20, steps=10))
    trace = simulate_ideal(model, inputs)
    for state in trace.states:
        assert ((state[:, :, 1:] != state[:, :, :-1]).mean() > 0.02).all()
    assert len(set(trace.decision.ravel().tolist())) > 1
