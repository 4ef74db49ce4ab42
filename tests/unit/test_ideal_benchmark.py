"""The benchmark runs and says what its figures depend on; how fast is no test's business."""

from __future__ import annotations

from benchmarks.bench_array_speed import LEVELS, Case, make_case, measure


def test_benchmark_measures_every_level_beside_the_products() -> None:
    case = Case(dies=2, sequences=5, steps=4)
    found = measure(case, repeats=1)
    results = found["results"]
    assert isinstance(results, dict)
    assert set(results) == {"products", *LEVELS}
    assert results["products"]["ratio_to_products"] == 1.0
    assert case.unit_steps == 2 * 5 * 4 * 2 * 16


def test_benchmarked_network_moves() -> None:
    case = Case(dies=3, sequences=20, steps=10)
    model, inputs = make_case(case)
    from mru_hw.simulate.ideal import simulate_ideal

    trace = simulate_ideal(model, inputs)
    for state in trace.states:
        assert ((state[:, :, 1:] != state[:, :, :-1]).mean() > 0.02).all()
    assert len(set(trace.decision.ravel().tolist())) > 1
