"""Statistics of a sweep on disk: specifications, yields by population, summaries, comparisons."""

from __future__ import annotations

import json
import re
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mru_hw
from mru_hw.cli.app import run as command
from mru_hw.statistics.shares import beta_binomial, clopper_pearson
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.point_view import Array
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.spec import DEFAULT, Spec
from mru_hw.sweeps.statistics.answers import drawn, statistics, yields
from mru_hw.sweeps.statistics.hardest import rooms
from mru_hw.sweeps.view import open_run
from tests.mistakes import sentence
from tests.sweeps import rows, write_case

AXES = [
    {"axis": "mismatch_scale", "values": [1, 8]},
    {"axis": "process_scale", "values": [0, 1]},
    {"axis": "temperature", "values": [27, 85]},
]
SPEC = {"accuracy": {"at_least": 0.75}, "energy": {"at_most": "14 nJ"}}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("statistics")
    plan = read_plan(write_case(folder, n_dies=10, axes=AXES, spec=SPEC))
    run_sweep({"sweep": plan}, folder, folder / "run.sqlite", workers=1)
    return folder / "run.sqlite"


def test_a_die_passes_where_it_passes_everywhere(swept: Path) -> None:
    stored = rows(swept, "point, die, accuracy, energy_mean")
    with open_run(swept) as run:
        told = list(yields(run))
        # Populations are named apart and never mixed; a group is one die set at both temperatures.
        assert [one.drawn for one in told] == [
            "mismatch alone at corner tt",
            "process and mismatch drawn together around corner tt",
        ] * 2
        for one in told:
            kept: dict[int, list[bool]] = {}
            for point, die, accuracy, joules in stored:
                if point in one.points:
                    kept.setdefault(die, []).append(accuracy >= 0.75 and joules <= 14e-9)
            assert len(one.points) == 2
            assert (one.dies, one.passed) == (10, sum(all(found) for found in kept.values()))
            assert one.band == clopper_pearson(one.passed, 10)
        assert any(0 < one.passed < 10 for one in told)


def test_conditions_of_the_specification_are_those_asked_for(swept: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.sqlite"
    out.write_bytes(swept.read_bytes())
    plan = write_case(tmp_path, n_dies=10, axes=AXES, spec=SPEC | {"temperature": [85]})
    # What a die must do is no part of what was run: the same store answers the new question.
    outcome = run_sweep({"sweep": read_plan(plan)}, tmp_path, out, workers=1)
    assert outcome.computed == 0
    with open_run(out) as run:
        assert [one.points for one in yields(run)] == [(1,), (3,), (5,), (7,)]
        assert run.spec("sweep").said() == "accuracy at least 75 %; energy at most 14 nJ"
    with open_run(swept) as run:
        assert [one.points for one in yields(run)] == [(0, 1), (2, 3), (4, 5), (6, 7)]


def lose(swept: Path, out: Path, *lost: tuple[int, int, str]) -> None:
    """Copy a store in which some runs, by point and die, left nothing."""
    out.write_bytes(swept.read_bytes())
    nothing = "accuracy = NULL, right = NULL, decision = NULL, energy = NULL, energy_mean = NULL, "
    nothing += "quantiles = NULL, blocks = NULL"
    with sqlite3.connect(out) as db:
        for point, die, status in lost:
            text = f"UPDATE result SET status = ?, {nothing} WHERE point = ? AND die = ?"
            db.execute(text, (status, point, die))
        db.execute("UPDATE run SET value = 'false' WHERE name = 'complete'")
    db.close()


def test_a_run_that_the_circuit_failed_does_not_pass(swept: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.sqlite"
    lose(swept, out, (0, 0, "NO_LAW"), (0, 1, "TIMED_OUT"))
    with open_run(swept) as run:
        before = next(yields(run))
    with open_run(out) as run:
        one = next(yields(run))
    # What the machine cut off says nothing of the die.
    assert (one.dies, one.lost) == (9, 1)
    assert one.passed <= before.passed


def test_a_die_that_passes_is_the_same_in_yields_points_and_comparisons(
    swept: Path, tmp_path: Path
) -> None:
    """Also where the circuit failed runs: each of the three by its own count over the table."""
    out, other = tmp_path / "run.sqlite", 2
    lost = {(0, 0): False, (0, 3): False, (other, 3): False, (other, 5): False, (0, 9): None}
    lose(swept, out, *((*key, "TIMED_OUT" if v is None else "NO_LAW") for key, v in lost.items()))
    passes = {
        (point, die): accuracy >= 0.75 and joules <= 14e-9
        for point, die, accuracy, joules in rows(swept, "point, die, accuracy, energy_mean")
    } | lost
    with open_run(out) as run:
        told, base = statistics(run), run.base.number
    assert base == 0
    for number in (base, other):
        point = next(one for one in told.points if one.point == number)
        judged = [v for (p, _), v in passes.items() if p == number and v is not None]
        assert (point.runs, point.judged) == (
            sum((number, die) not in lost for die in range(10)),
            len(judged),
        )
        assert point.passing == clopper_pearson(sum(judged), len(judged))
    one = next(one for one in told.comparisons if one.point == other)
    common = [d for d in range(10) if None not in (passes[0, d], passes[other, d])]
    done = [d for d in common if (0, d) not in lost and (other, d) not in lost]
    assert (one.dies, one.judged) == (len(done), len(common)) == (6, 9)
    change = sum(passes[other, d] for d in common) - sum(passes[0, d] for d in common)
    assert one.passing.value == pytest.approx(change / len(common))


def test_a_share_behind_the_sequences_counts_failed_dies(tmp_path: Path) -> None:
    axes = [{"axis": "mismatch_scale", "values": [16]}]
    spec = {"accuracy": {"at_least": 0.6}}
    plan = read_plan(write_case(tmp_path, n_dies=40, axes=axes, spec=spec))
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "whole.sqlite", workers=1)
    lose(tmp_path / "whole.sqlite", tmp_path / "run.sqlite", *((0, d, "NO_LAW") for d in range(10)))
    with open_run(tmp_path / "run.sqlite") as run:
        told = next(yields(run))
        right = np.rint(run.base.accuracy * run.n_sequences).astype(np.int64)
    kept = beta_binomial(right, 20, 0.6, 0.975)
    assert told.estimate is not None
    assert kept is not None
    ran = clopper_pearson(30, 40, 0.975)
    assert told.estimate.value == pytest.approx(0.75 * kept.value)
    assert told.estimate.low == pytest.approx(ran.low * kept.low)
    assert told.estimate.high == pytest.approx(ran.high * kept.high)


def test_comparisons_are_on_common_dies_and_sequences(swept: Path) -> None:
    with open_run(swept) as run:
        told = statistics(run)
        base = run.base
        assert [one.point for one in told.comparisons] == [1, 2, 3, 4, 5, 6, 7]
        for one in told.comparisons:
            point = run.points[one.point]
            assert one.base == base.number
            assert one.accuracy is not None
            change = point.accuracy.mean() - base.accuracy.mean()
            assert one.accuracy.value == pytest.approx(change)
            assert one.accuracy.low <= one.accuracy.value <= one.accuracy.high
            ours, theirs = (np.concatenate(list(run.right(p))) for p in (base, point))
            assert one.alike is not None
            assert one.alike.value == pytest.approx((ours == theirs).mean())
            assert one.energy is not None
            assert one.energy.value == pytest.approx((point.energy - base.energy).mean())
        for point, one_point in zip(run.points, told.points, strict=True):
            assert one_point.accuracy is not None
            assert one_point.accuracy.value == pytest.approx(point.accuracy.mean())
            assert set(one_point.percentiles) == {"accuracy", "energy", "power"}
            assert one_point.percentiles["energy"]["p50"] == np.median(point.energy)
            assert set(one_point.capability) == {"energy"}


@pytest.mark.parametrize(
    "axes",
    [
        [{"axis": "mismatch_scale", "values": [0]}],
        [{"axis": "perturbation", "values": [5], "trials": 3}],
    ],
    ids=["one die ten times", "networks that share dies"],
)
def test_runs_that_are_not_independent_have_no_interval(axes: Any, tmp_path: Path) -> None:
    plan = read_plan(write_case(tmp_path, n_seq=4, n_dies=2, axes=axes))
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "run.sqlite", workers=1)
    with open_run(tmp_path / "run.sqlite") as run:
        told = statistics(run)
    assert [one.band for one in told.yields] == [None]
    assert [(one.accuracy, one.passing, one.capability) for one in told.points] == [
        (None, None, {})
    ]


def test_populations_are_named_by_what_is_drawn() -> None:
    def settings(**scales: float) -> dict[str, Any]:
        names = ("mismatch_scale", "process_scale", "gradient_scale", "stuck_cells", "perturbation")
        return dict.fromkeys(names, 0.0) | {"corner": "ss"} | scales

    assert drawn(settings()) == "one die at corner ss"
    assert drawn(settings(mismatch_scale=1)) == "mismatch alone at corner ss"
    assert drawn(settings(mismatch_scale=1, process_scale=1, gradient_scale=0.5)) == (
        "process, gradient and mismatch drawn together around corner ss"
    )
    assert drawn(settings(gradient_scale=1, perturbation=5)) == (
        "perturbed networks, gradient alone at corner ss"
    )


# ------------------------------------------------------------------------------- what is kept


def test_a_summary_is_a_bit_a_sequence_and_quantiles(tmp_path: Path) -> None:
    axes = [{"axis": "mismatch_scale", "values": [1, 8]}]
    views = {}
    for keep in ("all", "summary"):
        plan = read_plan(write_case(tmp_path, n_dies=6, axes=axes, keep=keep))
        out = tmp_path / f"{keep}.sqlite"
        run_sweep({"sweep": plan}, tmp_path, out, workers=1)
        with open_run(out) as run:
            told = statistics(run).as_data()
            bits = [np.concatenate(list(run.right(point))) for point in run.points]
            energies = run.energies(run.base)
            views[keep] = told, bits, energies, rows(out, "accuracy, right, energy_mean, blocks")
    whole, short = views["all"], views["summary"]
    assert whole[0] == short[0]
    assert whole[3] == short[3]
    for ours, theirs in zip(whole[1], short[1], strict=True):
        assert np.array_equal(ours, theirs)
        assert ours.shape == (6, 20)
    assert [bits.mean() for bits in whole[1]] != [1.0, 1.0]
    np.testing.assert_allclose(
        np.percentile(short[2], [10, 50, 90]), np.percentile(whole[2], [10, 50, 90]), rtol=0.1
    )
    assert set(rows(tmp_path / "summary.sqlite", "decision, energy")) == {(None, None)}
    # Another amount of what is kept is another sweep.
    text = sentence(partial(run_sweep, {"sweep": plan}, tmp_path, tmp_path / "all.sqlite"))
    assert text.endswith("expected a new path, for the sweep there follows another plan.")


def test_a_run_takes_less_than_a_kilobyte(tmp_path: Path) -> None:
    sizes = []
    for n_dies in (1, 61):
        plan = read_plan(write_case(tmp_path, n_seq=300, n_dies=n_dies, keep="summary"))
        run_sweep({"sweep": plan}, tmp_path, tmp_path / f"{n_dies}.sqlite", workers=1)
        sizes.append((tmp_path / f"{n_dies}.sqlite").stat().st_size)
    assert (sizes[1] - sizes[0]) / 60 < 1024


def test_a_sweep_is_read_while_it_is_written(tmp_path: Path) -> None:
    plan, out = read_plan(write_case(tmp_path, n_dies=8, chunk=2)), tmp_path / "run.sqlite"
    seen: list[tuple[int, bool]] = []

    def look(done: int, _total: int) -> None:
        if done:
            with open_run(out) as run:
                seen.append((run.base.n_runs, run.complete))

    run_sweep({"sweep": plan}, tmp_path, out, workers=1, progress=look)
    assert seen == [(2, False), (4, False), (6, False), (8, False)]
    assert [p.name for p in tmp_path.iterdir() if "run.sqlite" in p.name] == ["run.sqlite"]


def test_two_processes_do_not_write_one_sweep(tmp_path: Path) -> None:
    plan, out = read_plan(write_case(tmp_path, n_dies=4, chunk=2)), tmp_path / "run.sqlite"
    told: list[str] = []

    def again(_done: int, _total: int) -> None:
        told.append(sentence(partial(run_sweep, {"sweep": plan}, tmp_path, out, workers=1)))

    outcome = run_sweep({"sweep": plan}, tmp_path, out, workers=1, progress=again)
    assert outcome.runs == 4
    assert set(told) == {f'out is "{out}", expected a file that no other process is using.'}


# -------------------------------------------------------------------------------- what is shown


def test_reports_and_json_have_the_statistics(
    swept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.html"
    assert command(["report", str(swept), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["statistics"]
    assert told == json.loads(json.dumps(mru_hw.read_sweep(swept).statistics().as_data()))
    page = out.read_text(encoding="utf-8")
    for title in (
        *("Yield", "Every point", "Against the point at the head", "Percentiles over the dies"),
        "Capability",
    ):
        assert f"<h2>{title}</h2>" in page
    assert "accuracy at least 75 %; energy at most 14 nJ" in page
    one = told["yields"][0]
    assert f"{100 * one['band']['low']:.2f} % to {100 * one['band']['high']:.2f} %" in page
    plan = swept.parent / "plan.yaml"
    assert command(["sweep", str(plan), "--out", str(swept)]) == 0
    said = capsys.readouterr().out
    lines = re.findall(r"^Yield, .*: (\d+) of 10 dies keep accuracy", said, re.MULTILINE)
    passed = [int(n) for n in lines]
    assert passed == sorted(one["passed"] for one in told["yields"])[:3]
    assert "least 75 %; energy at most 14 nJ at 2 conditions, " in said


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"spec": {}}, "spec is without limits, expected at least one of accuracy, loss, energy,"),
        ({"spec": {"temperature": [27]}}, "spec is without limits, expected at least one of"),
        ({"spec": {"speed": {}}}, "spec.speed is {}, expected no key of this name but one of "),
        ({"spec": {"accuracy": {}}}, "spec.accuracy is {}, expected at_least, at_most or both."),
        ({"spec": {"accuracy": 0.9}}, "spec.accuracy is 0.9, expected a mapping of keys to"),
        ({"spec": [1]}, "spec is [1], expected a mapping of figures to their limits."),
        (
            {"spec": {"energy": {"at_most": "3 V"}}},
            'spec.energy.at_most is "3 V", expected a finite number with the unit J.',
        ),
        (
            {"spec": {"accuracy": {"at_least": 0.9, "at_most": 0.8}}},
            "expected at_least no larger than at_most.",
        ),
        (
            {"spec": SPEC | {"temperature": [50]}},
            "spec.temperature is 50.0, expected a value of the axis temperature of the plan.",
        ),
        (
            {"spec": SPEC, "level": "ideal"},
            'spec.energy is "energy", expected no such figure at the level ideal.',
        ),
        ({"keep": "some"}, "keep is \"some\", expected one of 'summary' or 'all'."),
    ],
)
def test_mistakes_are_one_sentence(keys: dict[str, Any], expected: str, tmp_path: Path) -> None:
    path = write_case(tmp_path, **keys)
    text = sentence(lambda: read_plan(path))
    assert text.startswith("plan.yaml: ")
    assert expected in text


def test_a_yield_at_other_conditions_than_the_nominal_one_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    axes = [{"axis": "temperature", "values": [27, 85]}]
    write_case(tmp_path, n_dies=5, axes=axes, spec=SPEC | {"temperature": [85]})
    store = tmp_path / "run.sqlite"
    call = ["sweep", str(tmp_path / "plan.yaml"), "--out", str(store), "--workers", "1"]
    assert command(call) == 0
    with open_run(store) as run:
        (one,) = yields(run)
        assert one.points == (run.base.number,)
    said = capsys.readouterr().out
    assert f"Yield, mismatch alone at corner tt: {one.passed} of 5 dies keep" in said
    assert "energy at most 14 nJ at corner tt, 85 °C, 1.8 V, " in said


def test_the_yield_without_a_specification_is_near_the_software(tmp_path: Path) -> None:
    plan = read_plan(write_case(tmp_path, n_dies=5))
    assert plan.judged_by == DEFAULT
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "run.sqlite", workers=1)
    with open_run(tmp_path / "run.sqlite") as run:
        (one,) = yields(run)
        software = run.references["software"]
        assert one.passed == sum(run.base.accuracy >= software - 0.01 - 1e-12)
        assert DEFAULT.said() == "loss at most 1 point"


def test_where_all_dies_pass_the_hardest_condition_is_the_one_with_least_room() -> None:
    spec = Spec(loss={"at_most": 0.02}, energy={"at_most": 450e-9})

    def at(loss: list[float], joules: list[float]) -> dict[str, Array]:
        return {"loss": np.array(loss), "energy": np.array(joules)}

    easy = at([-0.003, 0.0], [318e-9, 320e-9])
    hard = at([0.0167, 0.0], [316e-9, 318e-9])
    nearer_on_average = at([0.0167, 0.01], [281e-9, 283e-9])
    found = rooms(spec, [easy, hard, nearer_on_average])
    assert min(range(3), key=lambda k: found[k]) == 2
    assert found[1][0] == found[2][0] < found[0][0]
    # In standard deviations: a limit on energy that a few runs all but reach comes before.
    costly = at([-0.003, 0.0], [449e-9, 449.9e-9])
    found = rooms(spec, [easy, hard, costly])
    assert min(range(3), key=lambda k: found[k]) == 2


def test_a_point_without_runs_or_prices_is_not_the_hardest() -> None:
    spec = Spec(loss={"at_most": 0.02}, energy={"at_most": 450e-9})
    nothing = {"loss": np.empty(0), "energy": np.empty(0)}
    unpriced = {"loss": np.array([0.0, 0.01]), "energy": np.full(2, np.nan)}
    found = rooms(spec, [nothing, unpriced])
    assert min(range(2), key=lambda k: found[k]) == 1
