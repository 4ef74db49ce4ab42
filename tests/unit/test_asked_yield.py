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
from mru_hw.sweeps.kept import share_word
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.spec import Spec
from mru_hw.sweeps.statistics.answers import statistics
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


@pytest.mark.parametrize(("passed", "n"), [(20, 20), (58, 60), (30, 60), (95, 100)])
def test_so_many_dies_tell_on_which_side_a_yield_lies(passed: int, n: int) -> None:
    share = 0.9
    dies = dies_to_decide(passed, n, share)
    assert dies is not None
    band = clopper_pearson(round(passed / n * dies), dies)
    assert not band.low < share <= band.high
    if passed == n:  # without a failure: the least n at which share ** n <= 2.5 %
        assert dies == 36
        assert 0.9**36 <= 0.025 < 0.9**35
    assert dies_to_decide(90, 100, share) is None


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
            f"{100 * share:g} % of dies are to keep it at every condition, and at corner tt "
            f"{DIES} of {DIES} dies do ({100 * low:.2f} % to 100.00 %)"
        )
        assert f"The specification is {word}: {why}." in printed
        assert first.startswith(f"The specification is {word}: {why}.")
        assert f"begins at {100 * share:g} % or above" in about
        assert f"; at least {100 * share:g} % asked for" in shown
    assert "about 13 dies a population would tell" in why


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
    assert any(entry.startswith("Dies break it at ") for entry in entries)


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
    spec = {"loss": {"at_most": 0.05}, "yield": {"at_least": 0.9}}
    plan = write_case(tmp_path, n_dies=35, spec=spec)
    assert command(["sweep", str(plan), "--plan-check", "--workers", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["asked"], told["dies_asked"]) == (0.9, 36)
    assert command(["sweep", str(plan), "--plan-check", "--workers", "1"]) == 0
    assert capsys.readouterr().out.endswith(
        "The specification asks for a yield of 90.00 %: that interval shows it from 36 dies "
        "without a failure, so that 35 dies cannot.\n"
    )
