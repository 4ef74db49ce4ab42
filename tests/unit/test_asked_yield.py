"""A specification that asks for a yield: kept, not kept or undecided by the dies' interval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mru_hw.cli.app import run as command
from mru_hw.errors import UserError
from mru_hw.report.head import cards, paragraph
from mru_hw.report.limits import specification
from mru_hw.report.near import near_said
from mru_hw.report.summary import sweep_lines, sweep_summary
from mru_hw.statistics.shares import Band, clopper_pearson, dies_to_decide
from mru_hw.sweeps.kept import kept_said, share_word
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.spec import Spec
from mru_hw.sweeps.statistics.answers import Yield, statistics
from mru_hw.sweeps.statistics.stopping import read_until
from mru_hw.sweeps.verdict import verdict
from mru_hw.sweeps.view import open_run
from tests.reports import swept
from tests.sweeps import write_case

DIES = 12
AXES = [
    {"axis": "mismatch_scale", "values": [8]},
    {"axis": "temperature", "values": [27, 85]},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("asked")


@pytest.fixture(scope="module")
def lost(folder: Path) -> NDArray[np.int64]:
    """Sequences of 20 that each die loses at its worse condition."""
    with open_run(swept(write_case(folder, n_dies=DIES, axes=AXES))) as run:
        accuracies = np.array([point.accuracy for point in run.points])
        found: NDArray[np.float64] = np.rint((run.software(run.base) - accuracies).max(axis=0) * 20)
    return found.astype(np.int64)


def asked(folder: Path, allowed: int, share: float) -> Path:
    """Judge the same runs by another specification; no run depends on it."""
    spec = {"loss": {"at_most": allowed / 20}, "yield": {"at_least": share}}
    return swept(write_case(folder, n_dies=DIES, axes=AXES, spec=spec))


def test_an_interval_decides() -> None:
    low, high, across = (Band(value=v, low=v - 0.1, high=v + 0.1) for v in (0.3, 0.8, 0.5))
    assert share_word(0.5, [high, high]) == "kept"
    assert share_word(0.5, [high, low]) == "not kept"
    assert share_word(0.5, [high, across]) == "undecided"
    assert share_word(0.5, [high, None]) == "undecided"
    assert share_word(0.5, []) == "undecided"
    assert share_word(0.7, [high]) == "kept"  # an end that is what is asked for keeps it


@pytest.mark.parametrize(
    ("passed", "n", "share"),
    [(20, 20, 0.9), (58, 60, 0.9), (50, 60, 0.9), (19, 20, 0.9), (18, 20, 0.8), (5, 6, 0.7)],
)
def test_so_many_dies_tell_on_which_side_a_yield_lies(passed: int, n: int, share: float) -> None:
    found = dies_to_decide(passed, n, share)
    for dies in range(n + 1, 1000):
        band = clopper_pearson(round(passed / n * dies), dies)
        if not band.low < share <= band.high:
            break
    assert found == dies
    if passed == n:  # without a failure: the least n at which share ** n <= 2.5 %
        assert dies == 36
        assert 0.9**36 <= 0.025 < 0.9**35


def test_no_number_of_dies_tells_a_share_from_itself() -> None:
    assert dies_to_decide(9, 10, 0.9) is None
    assert dies_to_decide(10, 10, 0.9999999) is None  # more than anybody runs


def test_dies_that_all_pass_keep_a_yield_that_their_interval_reaches(
    folder: Path, lost: NDArray[np.int64]
) -> None:
    allowed, low = int(lost.max()), 0.025 ** (1 / DIES)
    for share, word in ((low - 0.001, "kept"), (low + 0.001, "undecided")):
        with open_run(asked(folder, allowed, share)) as run:
            told = verdict(run, statistics(run))
            kept, why = told.kept(run)
            rows = {name: text for name, text, _ in told.rows(run)}
            about = " ".join(specification(run, told).paragraphs)
            shown = next(cards(run, told, None)).confidence
            data = told.as_data(run)
            first, *_ = paragraph(run, told, None, None, None)
            printed = sweep_lines(run, sweep_summary(run) | {"runs": 24, "computed": 24})
        assert (kept, rows["specification is"], data["kept"]) == (word, word, word)
        assert rows["of dies"] == f"at least {100 * share:g} %"
        assert why.startswith(
            f"{100 * share:g} % of dies are to keep its limits at every condition; at corner tt "
            f"{DIES} of {DIES} dies do ({100 * low:.2f} % to 100.00 %)"
        )
        assert f"The specification is {word}: {why}." in printed
        assert first.startswith(f"The specification is {word}: {why}.")
        assert f"begins at {100 * share:g} % or above" in about
        assert f"; at least {100 * share:g} % asked for" in shown
    assert why.endswith(". If as large a share passes, a sweep of 13 dies would tell")


def test_dies_that_fail_break_it_where_the_interval_ends_below(
    folder: Path, lost: NDArray[np.int64]
) -> None:
    allowed = int(np.median(lost)) - 1
    high = clopper_pearson(int((lost <= allowed).sum()), DIES).high
    assert high < 0.99
    with open_run(asked(folder, allowed, high + 0.005)) as run:
        told = verdict(run, statistics(run))
        word, _ = told.kept(run)
        entries = paragraph(run, told, None, None, None)
    assert word == "not kept"
    assert any(entry.startswith("Not every die keeps its limits at ") for entry in entries)


def test_a_verdict_on_a_yield_says_on_how_few_sequences_it_hangs(
    folder: Path, lost: NDArray[np.int64]
) -> None:
    allowed = int(lost.max())
    fewer = int((lost < allowed).sum())
    assert fewer < DIES  # some dies lie on the limit
    with open_run(asked(folder, allowed, 0.025 ** (1 / DIES) - 0.001)) as run:
        found = " ".join(near_said(run, verdict(run, statistics(run))))
    high = clopper_pearson(fewer, DIES).high
    word = "not kept" if high < 0.025 ** (1 / DIES) - 0.001 else "undecided"
    assert found == (
        f"It hangs on few sequences: with 1 fewer right in every run it would be {word} (one "
        "sequence is 5.00 points)."
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"yield": {"at_least": 0.9}}, "spec is without limits, expected at least one of accuracy"),
        ({"loss": {"at_most": 0}, "yield": {"at_least": 1}}, "spec.yield.at_least"),
        ({"loss": {"at_most": 0}, "yield": {"at_least": 0}}, "spec.yield.at_least"),
        ({"loss": {"at_most": 0}, "yield": {"at_most": 0.5}}, "spec.yield.at_"),
        ({"loss": {"at_most": 0}, "yield": 0.9}, "spec.yield"),
    ],
)
def test_what_no_yield_can_be_is_refused(tmp_path: Path, spec: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as mistake:
        read_plan(write_case(tmp_path, spec=spec))
    assert said in str(mistake.value)


def test_specifications_that_differ_in_the_yield_differ() -> None:
    ours, theirs = (
        Spec.model_validate({"loss": {"at_most": 0}, "yield": {"at_least": share}})
        for share in (0.9, 0.95)
    )
    assert ours.difference(ours) is None
    assert ours.difference(theirs) == (
        'spec.yield is {"at_least": 0.9}, and not {"at_least": 0.95}'
    )


def test_a_plan_check_says_how_many_dies_show_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*more: str, **keys: Any) -> tuple[list[dict[str, Any]], str]:
        spec = {"loss": {"at_most": 0.05}, "yield": {"at_least": 0.9}}
        arguments = ["sweep", str(write_case(tmp_path, spec=spec, **keys)), "--plan-check"]
        assert command([*arguments, "--workers", "1", "--json", *more]) == 0
        asked = json.loads(capsys.readouterr().out)["asked"]
        assert command([*arguments, "--workers", "1", *more]) == 0
        return asked, capsys.readouterr().out

    asked, said = told(n_dies=35)
    assert asked == [{"study": "sweep", "share": 0.9, "runs": 35, "runs_wanted": 36}]
    shows = "The specification asks for a yield of 90.00 %: that interval shows it from 36 without "
    assert said.endswith(f"{shows}a failure, so that 35 runs cannot.\n")
    drawn = {"axis": "perturbation", "values": [0.1], "trials": 40}
    asked, said = told(n_dies=1, axes=[drawn])
    assert (asked[0]["runs"], said.endswith(f"{shows}a failure.\n")) == (40, True)
    asked, said = told(n_dies=5, axes=[drawn])
    assert asked[0]["runs"] is None
    assert said.endswith("which no interval will show, for runs share dies.\n")
    # An interval that is looked at again and again is another one.
    assert told("--until", "yield ±5 %", n_dies=72)[0] == []


def band_of(passed: int, dies: int, corner: str) -> Yield:
    """A population of dies of a corner."""
    return Yield(
        study="sweep",
        settings={"corner": corner},
        drawn=f"mismatch alone at corner {corner}",
        points=(0,),
        dies=dies,
        passed=passed,
        lost=0,
        band=clopper_pearson(passed, dies) if dies else None,
        hardest=0,
        estimate=None,
    )


@pytest.mark.parametrize(
    ("share", "populations", "word", "said"),
    [
        # What decided it comes first, however small its share beside another one's.
        (0.8, [(1, 3, "tt"), (60, 100, "ff")], "not kept", "at corner ff 60 of 100 dies do "),
        (0.88, [(95, 100, "tt"), (10, 10, "ff")], "undecided", "at corner ff 10 of 10 dies do "),
        (0.9, [(3, 100, "ff"), (0, 0, "ss")], "not kept", "at corner ff 3 of 100 dies do "),
        (0.5, [(3, 10, "tt"), (101, 200, "ff")], "undecided", "a sweep of 28 dies would tell"),
        (0.9, [(9, 10, "tt")], "undecided", "no number of dies would tell"),
        (0.9, [(20, 20, "tt"), (0, 0, "ss")], "undecided", "at corner ss no die has come to "),
    ],
)
def test_what_decided_a_yield_is_named_first(
    folder: Path,
    share: float,
    populations: list[tuple[int, int, str]],
    word: str,
    said: str,
) -> None:
    with open_run(asked(folder, 20, share)) as run:
        told = verdict(run, statistics(run))
        found, why = kept_said(run, told.kept_at, [band_of(*one) for one in populations])
    assert found == word
    assert said in why
    if said.startswith("at"):
        assert why.startswith(
            f"{100 * share:g} % of dies are to keep its limits at every condition; {said}"
        )
    if (0, 0, "ss") in populations:
        assert "would tell" not in why


def test_a_yield_that_ended_a_sweep_is_not_told_otherwise(tmp_path: Path) -> None:
    spec = {"loss": {"at_most": 0.05}, "yield": {"at_least": 0.6}}
    plan = write_case(tmp_path, n_dies=40, axes=AXES[:1], spec=spec)
    out = tmp_path / "run.sqlite"
    until = read_until("yield ±20 %")
    run_sweep({"sweep": read_plan(plan)}, plan.parent, out, workers=1, until=until)
    with open_run(out) as run:
        told = verdict(run, statistics(run))
        _, why = told.kept(run)
        assert run.until is not None
        assert not list(near_said(run, told))
    assert "would tell" not in why


def test_the_level_ideal_has_no_yield(tmp_path: Path) -> None:
    spec = {"accuracy": {"at_least": 0.5}, "yield": {"at_least": 0.9}}
    with pytest.raises(UserError) as mistake:
        read_plan(write_case(tmp_path, level="ideal", n_dies=1, spec=spec))
    assert "no such key at the level ideal, which has no dies" in str(mistake.value)
