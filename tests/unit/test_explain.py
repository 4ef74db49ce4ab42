"""A die of a sweep run again: what failed on it and why, and sweeps that cannot be explained."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mru_hw
from mru_hw.cli.app import run as command
from mru_hw.model.io import save_model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.causes import Cause
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.simulate.settled_steps import cells_set
from mru_hw.simulate.steps import judge_steps
from mru_hw.spice.deck import BENCH
from mru_hw.spice.dialects import DIALECTS
from mru_hw.sweeps.explanation import explain
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from tests.mistakes import sentence
from tests.networks import draw_model, make_spec
from tests.sweeps import rows, write_case

DOCS = Path(__file__).parents[2] / "docs"
AXES = [
    {"axis": "mismatch_scale", "values": [1, 4]},
    {"axis": "noise_scale", "values": [0, 1]},
]


def swept(folder: Path, **plan: Any) -> Path:
    read = read_plan(write_case(folder, n_seq=12, **plan))
    run_sweep({"sweep": read}, folder, folder / "run.sqlite", workers=1)
    return folder / "run.sqlite"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return swept(tmp_path_factory.mktemp("explain"), n_dies=4, axes=AXES, sequences="2:12")


@pytest.fixture
def copied(store: Path, tmp_path: Path) -> Path:
    shutil.copytree(store.parent, tmp_path / "case")
    return tmp_path / "case" / "run.sqlite"


# ---------------------------------------------------------------------------------- what it says


def test_steps_are_those_of_the_die_by_itself(store: Path) -> None:
    found = explain(store, 2)
    folder = store.parent
    chip, inputs = Chip(folder / "model"), mru_hw.load_inputs(folder / "inputs.npz")
    run = chip.run(inputs, die=2, sequences=slice(2, 12))
    reference = simulate_ideal(chip.mapped, inputs)
    wrong = Counter(one.layer for one in found.steps)
    for i, h in enumerate(run.states):
        runs = [
            (
                h[row, : inputs.lengths[2 + row]],
                reference.candidates[i][2 + row, : inputs.lengths[2 + row]],
            )
            for row in range(10)
        ]
        assert len(judge_steps(chip.mapped, chip.design, i, runs).wrong) == wrong[i]
    assert sum(wrong.values()) > 0
    assert found.accuracy == run.accuracy
    for one in found.steps:
        assert 2 <= one.sequence < 12
        assert one.found != one.wanted
        c = run.candidates[one.layer][one.sequence - 2, one.frame, one.unit]
        beta = chip.mapped.tensors[f"layers.{one.layer}.beta"][one.unit]
        # By the reference's candidate and threshold it is on one side, by the die's on the other.
        assert one.cause in {Cause.THRESHOLD, Cause.CANDIDATE, Cause.EARLIER}
        assert one.distance_own == pytest.approx((abs(c) - beta) / beta, abs=0.25)


def test_units_and_sequences_add_up(store: Path) -> None:
    found = explain(store, point=2)  # mismatch 4
    assert (
        found.die
        == min(
            (accuracy, die)
            for point, die, accuracy in rows(store, "point, die, accuracy")
            if point == 2
        )[1]
    )
    assert sum(unit.steps for unit in found.units) == len(found.steps) > 5
    assert [unit.steps for unit in found.units] == sorted(
        (unit.steps for unit in found.units), reverse=True
    )
    for unit in found.units:
        assert sum(unit.causes.values()) == unit.steps >= unit.sequences
    labels = mru_hw.load_inputs(store.parent / "inputs.npz").y
    assert labels is not None
    for one in found.sequences:
        assert one.die != one.label == labels[one.sequence]
        assert one.steps == len(found.of_sequence(one.sequence))
        assert one.first == next(iter(found.of_sequence(one.sequence)), None)
    assert 1 - len(found.sequences) / 10 == pytest.approx(found.accuracy)
    lost = [one for one in found.sequences if one.nominal == one.label and one.steps] or [
        one for one in found.sequences if one.ideal == one.label and one.steps
    ]
    most = Counter(one.sequence for one in found.steps).most_common(1)[0][0]
    shortest = min(lost, key=lambda one: (one.frames, one.sequence)).sequence if lost else most
    assert found.chosen == shortest


def test_without_a_point_the_worst_run_of_what_binds_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    axes = [
        {"axis": "mismatch_scale", "values": [8]},
        {"axis": "temperature", "values": [27, 85]},
        {"axis": "perturbation", "values": [5], "trials": 3},
    ]
    spec = {"loss": {"at_most": 0.02}, "temperature": [85]}
    run = swept(tmp_path, n_dies=4, axes=axes, spec=spec)
    worst = mru_hw.read_sweep(run).verdict().binding
    assert worst is not None
    hot = rows(run, "point, trial, die, accuracy")
    least = min(accuracy for point, _, _, accuracy in hot if point == 1)
    assert (1, worst.trial, worst.seed, least) in hot
    found = mru_hw.read_sweep(run).explain()
    assert (found.point, found.trial, found.die) == (1, worst.trial, worst.seed)
    assert found.accuracy == least
    assert found.why.startswith(
        "At corner tt, 85 °C, 1.8 V. The point is that of the worst run of what binds, "
        "loss at most 2 points; the die is that of this run, which has "
    )
    assert explain(run, 2).point == 1  # of a die that is asked for too
    assert command(["explain", str(run), "--rows", "1"]) == 0
    assert found.why in capsys.readouterr().out.splitlines()


def test_without_a_specification_the_point_is_the_one_that_speaks_for_the_sweep(
    store: Path,
) -> None:
    found = explain(store)
    assert found.point == 0
    assert found.why == (
        "At corner tt, 27 °C, 1.8 V. The point is the one that speaks for the sweep; "
        "the die is the one of the least accuracy there."
    )


def test_a_noisy_point_is_run_with_its_noise(store: Path) -> None:
    quiet, noisy = explain(store, 1, point=0), explain(store, 1, point=1)
    assert quiet.steps != noisy.steps


def test_trimmed_and_perturbed_dies_are_run_again(tmp_path: Path) -> None:
    axes = [
        {"axis": "trim_bits", "values": [4]},
        {"axis": "perturbation", "values": [5], "trials": 2},
        {"axis": "process_scale", "values": [1]},
    ]
    run = swept(tmp_path, n_dies=2, axes=axes)
    found = explain(run, 1, trial=1)
    assert (found.die, found.trial) == (1, 1)
    assert "chip.cir" in found.netlist(tmp_path / "die")


def test_cells_are_read_from_a_dies_own_levels() -> None:
    table = np.array([[-2.0, -0.9, 0.1, 1.2], [0.0, 0.3, 0.9, 1.0]])
    h = np.array([[-2.0, 1.0], [0.1, 0.3], [1.2, 0.0]])
    np.testing.assert_array_equal(cells_set(h, table), [[0, 3], [2, 1], [3, 0]])


def test_the_command_says_what_python_says(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    die = tmp_path / "die"
    assert command(["explain", str(store), "--die", "2", "--out", str(die), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    found = mru_hw.read_sweep(store).explain(2)
    assert said["wrong_steps"] == len(found.steps)
    assert said["played"] == said["chosen"] == found.chosen
    assert [one["frame"] for one in said["steps_of_played"]] == [
        one.frame for one in found.of_sequence()
    ]
    assert sorted(said["files"]) == sorted(path.name for path in die.iterdir())
    assert command(["explain", str(store), "--die", "2", "--sequence", "3", "--rows", "1"]) == 0
    out = capsys.readouterr().out
    assert out == "\n".join(found.lines(1, 3)) + "\n"
    assert "Wrong steps:" in out
    assert "die 2" in repr(found)
    causes = {one.cause for one in found.steps}
    for cause in Cause:  # those that occur are defined once, and no others
        assert " ".join(out.split()).count(f"{cause.value}: {cause.meant}.") == (cause in causes)
    page = (DOCS / "validation" / "sensitivity.md").read_text(encoding="utf-8")
    assert all(f"*{one.value}*: {one.meant}" in " ".join(page.split()) for one in Cause)


def test_what_a_die_loses_is_counted_against_the_nominal_die_at_its_condition(
    tmp_path: Path,
) -> None:
    axes = [
        {"axis": "mismatch_scale", "values": [8]},
        {"axis": "temperature", "values": [85]},
    ]
    run = swept(tmp_path, n_dies=2, axes=axes)
    found = explain(run)
    inputs = mru_hw.load_inputs(tmp_path / "inputs.npz")
    assert inputs.y is not None
    hot = Chip(tmp_path / "model").run(inputs, temperature=85).decision
    with open_run(run) as view:
        wrong = ~next(view.right(view.base))[found.die]
    assert found.nominal == np.mean(hot == inputs.y)
    assert sorted(found.lost) == np.flatnonzero(wrong & (hot == inputs.y)).tolist()
    assert found.lost
    assert tuple(one.sequence for one in found.sequences[: len(found.lost)]) == found.lost
    assert found.chosen in found.lost
    named = ", ".join(map(str, found.lost))
    assert f"Lost against it: {len(found.lost)} sequence" in str(found)
    assert f" ({named})." in str(found)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_its_netlist_is_that_of_the_die_by_itself(
    dialect: str, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--die", "2", "--sequence", "5", "--dialect", dialect]
    assert command(["explain", str(store), *asked, "--out", str(tmp_path / "a")]) == 0
    bench = DIALECTS[dialect].file(BENCH)
    said = f"{tmp_path / 'a'}: sequence 5 on this die, {bench} for {dialect}."
    assert said in capsys.readouterr().out.splitlines()
    chip, inputs = Chip(store.parent / "model"), store.parent / "inputs.npz"
    chip.netlist(tmp_path / "b", dialect, die=2, inputs=inputs, sequence=5)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


# -------------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"die": 77}, "die is 77, expected a seed of point 0: 0 to 3."),
        ({"point": 9}, "point is 9, expected 0 to 3."),
        ({"trial": 1}, "trial is 1, expected 0 to 0."),
        ({"model": "nowhere"}, "model is"),
    ],
)
def test_runs_that_are_not_there(store: Path, keys: dict[str, Any], expected: str) -> None:
    assert sentence(lambda: explain(store, **keys)).startswith(expected)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            ["--dialect", "spectre"],
            '--dialect is "spectre", expected none without --out, which writes the netlist.',
        ),
        (
            ["--dialect", "ltspice", "--out", "{}"],
            '--dialect is "ltspice", expected one of ngspice, hspice, spectre, xyce.',
        ),
    ],
)
def test_a_dialect_that_writes_nothing(
    options: list[str],
    expected: str,
    store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [word.format(tmp_path / "die") for word in options]
    assert command(["explain", str(store), *words]) == 2
    assert capsys.readouterr().err.strip() == expected
    assert not (tmp_path / "die").exists()


def test_only_ngspices_bench_is_said_to_run_in_ngspice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(["explain", "--help"]) == 0
    said = " ".join(re.sub(r"[^\w.:;, -]", " ", capsys.readouterr().out).split())
    assert "The die as a netlist; of ngspice s, ngspice -b bench.cir runs it." in said


def test_a_kits_die_is_written_for_ngspice_alone(tmp_path: Path) -> None:
    found = explain(swept(tmp_path, n_dies=1, tech="sky130"))
    said = sentence(lambda: found.netlist(tmp_path / "die", dialect="spectre"))
    assert said.startswith('dialect is "spectre", expected ngspice for a die in sky130')
    assert not (tmp_path / "die").exists()
    assert BENCH in found.netlist(tmp_path / "die")


def test_a_sequence_that_was_not_run(store: Path, tmp_path: Path) -> None:
    found = explain(store, 2)
    said = sentence(lambda: found.netlist(tmp_path / "die", 1))
    assert said == "sequence is 1, expected 2 to 11, which the sweep ran."
    assert not (tmp_path / "die").exists()


def test_a_sweep_of_another_level(tmp_path: Path) -> None:
    run = swept(tmp_path, level="ideal")
    assert "expected a sweep at the level behavioral, not ideal." in sentence(lambda: explain(run))


def test_stuck_cells_explain_what_nothing_else_does(tmp_path: Path) -> None:
    stuck = {"axis": "stuck_cells", "values": [0.2]}
    found = explain(swept(tmp_path, axes=[stuck, {"axis": "mismatch_scale", "values": [0]}]))
    causes = {one.cause for one in found.steps}
    assert Cause.STUCK in causes
    assert not {Cause.RACE, Cause.UNEXPLAINED} & causes


def test_a_network_of_another_size_is_to_blame_and_not_the_inputs(
    copied: Path, tmp_path: Path
) -> None:
    wide = ModelSpec.model_validate(make_spec(levels=2).model_dump() | {"n_in": 9})
    save_model(draw_model(wide, 1), tmp_path / "wide")
    said = sentence(lambda: explain(copied, model=tmp_path / "wide"))
    assert said.startswith("model is ")
    assert said.endswith(
        "expected the network that the sweep was run with, which has changed since."
    )


def test_what_it_was_made_of_has_changed_or_is_gone(copied: Path, tmp_path: Path) -> None:
    inputs = copied.parent / "inputs.npz"
    arrays = dict(np.load(inputs))
    np.savez(inputs, **arrays | {"x": arrays["x"] * 1.001})
    said = sentence(lambda: explain(copied))
    assert said.startswith("inputs is ")
    assert said.endswith(
        "expected the sequences that the sweep was run with, which has changed since."
    )
    np.savez(inputs, **arrays)
    moved = tmp_path / "elsewhere"
    (copied.parent / "model").rename(moved)
    said = sentence(lambda: explain(copied))
    assert said == (
        'model is "model", expected the network of the sweep, which is neither beside it nor in '
        "this folder: say where with `model`."
    )
    assert explain(copied, 2, model=moved).die == 2
    tensors = moved / "model.yaml"
    tensors.write_text(tensors.read_text().replace("levels: 2", "levels: 3"))
    said = sentence(lambda: explain(copied, 2, model=moved))
    assert said.startswith("model is ")


def test_decisions_that_do_not_come_out_again(copied: Path) -> None:
    with sqlite3.connect(copied) as db:
        blob, decision = db.execute(
            "SELECT right, decision FROM result WHERE point = 0 AND die = 2"
        ).fetchone()
        bits = np.unpackbits(np.frombuffer(blob, np.uint8), count=10)
        labels = [label for (label,) in db.execute("SELECT label FROM sequence ORDER BY number")]
        chosen = np.frombuffer(decision, "<i2").copy()
        bits[0] ^= 1
        chosen[0] = labels[0] if bits[0] else (labels[0] + 1) % 3
        db.execute(
            "UPDATE result SET right = ?, decision = ?, accuracy = ? WHERE point = 0 AND die = 2",
            (np.packbits(bits).tobytes(), chosen.tobytes(), float(bits.mean())),
        )
    assert "die 2 decides otherwise now" in sentence(lambda: explain(copied, 2))


def test_a_file_from_anybody_writes_nothing_of_itself(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "m\n.control\nshell touch harm-done\n.endc"
    (copied.parent / "model").rename(copied.parent / evil)
    with sqlite3.connect(copied) as db:
        (plans,) = db.execute("SELECT value FROM run WHERE name = 'plans'").fetchone()
        data = json.loads(plans)
        data["sweep"]["model"] = evil
        db.execute("UPDATE run SET value = ? WHERE name = 'plans'", (json.dumps(data),))
    explain(copied, 2).netlist(tmp_path / "die")
    for path in (tmp_path / "die").iterdir():
        text = path.read_text(encoding="utf-8")
        assert "harm-done" not in text
        assert "shell" not in text
    shutil.rmtree(copied.parent / evil)
    assert command(["explain", str(copied), "--die", "2"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith('--model is "m\\n.control')
