"""`mru-hw zoo`: the same figures as the commands it stands for, resumed, told and refused."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pytest
import yaml

from mru_hw.cli.app import run as command
from mru_hw.model.io import load_model
from mru_hw.stimulus import load_inputs, make_inputs, save_inputs
from mru_hw.sweeps.face import sweep
from mru_hw.training.run import train
from mru_hw.zoo.page import write_page
from mru_hw.zoo.plan import SHIPPED, ZooPlan, merged, read_zoo, shipped_zoo
from mru_hw.zoo.records import Results, read_results
from mru_hw.zoo.run import WRITTEN, run_zoo
from mru_hw.zoo.schema import NAME, schema_text
from mru_hw.zoo.steps import Setting, chosen, entries, steps
from mru_hw.zoo.table import rows
from tests.mistakes import sentence

DOCS = Path(__file__).parents[2] / "docs"
PAGES = DOCS / "validation"
PLAN: dict[str, Any] = {
    "training": {"epochs": 2, "batch_size": 8, "learning_rate": 0.02},
    "layer": {"levels": 2, "rectify_input": True},
    "n_layers": 1,
    "choose": [{"learning_rate": 0.02}, {"learning_rate": 0.001}],
    "cells": {"cmru": {}, "memoryless": {}},
    "tasks": {"means": {"data": "x.npz", "frame_period": "10 ms"}},
    "chip": {
        "n_dies": 2,
        "chip": {"temperature": [27, 85]},
        "training": {"epochs": 1, "learning_rate": 0.004},
    },
    "studies": [
        {
            "tasks": ["means"],
            "cells": ["cmru", "memoryless"],
            "widths": [3],
            "seeds": [4, 5],
            "chip": True,
        }
    ],
}


def write(folder: Path, **changed: Any) -> Path:
    """Write a plan, and the sequences that it trains on: two classes of means."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    x = rng.normal(size=(60, 6, 2)) + y[:, None, None]
    save_inputs(make_inputs(x, rng.integers(3, 7, 60), y), folder / "x.npz")
    path = folder / "zoo.yaml"
    path.write_text(yaml.safe_dump(merged(PLAN, changed)))
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    folder = tmp_path_factory.mktemp("zoo")
    outcome = run_zoo(write(folder), folder / "out", workers=2)
    # two choices with the first seed and one with the other, two cells; two networks on the chip
    assert (outcome.steps, outcome.computed) == (8, 8)
    return folder, outcome.results


# ----------------------------------------------------------------------- what it finds


def test_a_training_is_that_of_train(done: tuple[Path, Results], tmp_path: Path) -> None:
    folder, results = done
    plan = read_zoo(folder / "zoo.yaml")
    for record in results.trainings.values():
        config = plan.config("means", record.cell, 3, record.seed, record.choice)
        trained = train(
            config, tmp_path / f"{record.cell}-{record.seed}-{record.choice}", folder=folder
        )
        assert record.status == "done"
        assert trained.accuracy == {
            "train": record.train,
            "validation": record.validation,
            "test": record.test,
        }


def test_parameters_are_what_is_learned(done: tuple[Path, Results]) -> None:
    _, results = done
    # input 2 x 3 + 3, candidate and output 3 x 3 + 3 each, head 3 x 2 + 2; beta and start are fixed
    assert {record.parameters for record in results.trainings.values()} == {9 + 12 + 12 + 8}


def test_the_choice_is_the_best_on_validation(done: tuple[Path, Results]) -> None:
    folder, results = done
    plan = read_zoo(folder / "zoo.yaml")
    for entry in entries(plan).values():
        tried = [r for r in results.trainings.values() if (r.cell, r.seed) == (entry.cell, 4)]
        best = max(tried, key=lambda r: (r.validation or 0.0, -r.choice))
        assert chosen(plan, entry, results) == best.choice
        later = [r for r in results.trainings.values() if (r.cell, r.seed) == (entry.cell, 5)]
        assert [r.choice for r in later] == [best.choice]


def test_dies_are_those_of_a_sweep(done: tuple[Path, Results], tmp_path: Path) -> None:
    folder, results = done
    assert {name.partition("-")[0] for name in results.chips} == {"means/cmru"}
    for name, record in results.chips.items():
        assert (record.status, record.transistors) > ("done", 0)
        for suffix, told in (("", record.before), ("-for-chip", record.after)):
            run = sweep(
                {
                    "model": str(folder / "out" / "models" / f"{name}{suffix}"),
                    "inputs": str(folder / "out" / "inputs" / "means.npz"),
                    "n_dies": 2,
                    "seed": 1,
                    "axes": [{"axis": "temperature", "values": [27, 85]}],
                },
                tmp_path / f"{name.replace('/', '-')}{suffix}.sqlite",
                workers=1,
            )
            software = results.trainings[name].test
            assert software is not None
            for one in told:
                at = [r for r in run.rows if r["temperature"] == one.settings["temperature"]]
                assert one.n_dies == len(at) == 2
                assert one.accuracy == pytest.approx(mean(r["accuracy"] for r in at), abs=1e-12)
                assert one.energy == pytest.approx(mean(r["energy_J"] for r in at), rel=1e-12)
                assert one.within == sum(r["accuracy"] >= software - 0.01 for r in at)


def test_the_network_is_trained_for_the_chip(done: tuple[Path, Results]) -> None:
    folder, results = done
    for name, record in results.chips.items():
        model = load_model(folder / "out" / "models" / f"{name}-for-chip")
        provenance = model.spec.provenance
        told = json.loads(json.dumps([provenance, model.spec.metrics]))
        assert told[0]["config"]["chip"]["temperature"] == [27.0, 85.0]
        assert told[1]["accuracy"]["test"] == record.software_after


# -------------------------------------------------------------------------- resuming


def test_a_call_again_does_nothing_and_a_plan_that_grows_keeps_what_it_has(
    done: tuple[Path, Results],
) -> None:
    folder, results = done
    again = run_zoo(folder / "zoo.yaml", folder / "out")
    assert (again.steps, again.computed) == (8, 0)
    assert again.results == results
    more = [*PLAN["studies"], {**PLAN["studies"][0], "seeds": [6], "chip": False}]
    larger = write(folder, studies=more)
    grown = run_zoo(larger, folder / "out")
    assert (grown.steps, grown.computed) == (10, 2)
    assert {**grown.results.trainings, **results.trainings} == grown.results.trainings
    write(folder)


class _StopError(Exception):
    pass


def test_a_call_that_is_stopped_goes_on_to_the_same_figures(
    done: tuple[Path, Results], tmp_path: Path
) -> None:
    _, whole = done
    plan = write(tmp_path)

    def stop(ended: int, _total: int) -> None:
        if ended == 3:
            raise _StopError

    with pytest.raises(_StopError):
        run_zoo(plan, tmp_path / "out", progress=stop)
    known = read_results(tmp_path / "out" / "zoo.json")
    assert len(known.trainings) + len(known.chips) == 3
    results = run_zoo(plan, tmp_path / "out").results
    assert figures_of(results) == figures_of(whole)
    assert {path.name for path in (tmp_path / "out").iterdir()} <= set(WRITTEN)


def figures_of(results: Results) -> dict[str, Any]:
    """Return results without what depends on the machine."""
    data = results.model_dump(exclude={"machine", "plan"})
    for group in ("trainings", "chips"):
        for record in data[group].values():
            del record["core_seconds"]
            record.pop("seconds_epoch", None)
    return data


def test_what_a_plan_says_shows_as_it_stands(done: tuple[Path, Results], tmp_path: Path) -> None:
    folder, results = done
    odd = "A|B <b>*c*</b> [d](e) `f` & _g_"
    said = read_zoo(folder / "zoo.yaml").model_dump(mode="json") | {
        "title": odd,
        "head": ["Why <i>?</i>"],
        "notes": ["See [cells](cells.md), `a < b`\n\n<script>x</script> & *so*"],
        "published": [{"what": odd, "figures": "1 | 2", "source": "x\ny"}],
    }
    said["tasks"]["means"]["title"] = odd
    write_page(ZooPlan.model_validate(said), results, tmp_path)
    page = (tmp_path / "zoo.md").read_text()
    plain = r"A\|B &lt;b&gt;\*c\*&lt;/b&gt; \[d](e) \`f\` &amp; \_g\_"
    assert page.startswith(f"# {plain}\n\nWhy &lt;i&gt;?&lt;/i&gt;\n\nMade by")
    assert f"\n## {plain}\n" in page
    assert f"| {plain} | 1 \\| 2 | x y |\n" in page
    note = "\nSee [cells](cells.md), `a < b` &lt;script&gt;x&lt;/script&gt; &amp; *so*\n"
    assert note in page
    assert "1 layer." in page


# --------------------------------------------------------------- divergence and chance


def test_a_loss_that_is_no_number_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    training = {"learning_rate": 10, "weight_limit": 1e9, "gradient_limit": 1e12, "epochs": 40}
    plan = write(
        tmp_path,
        choose=[{}],
        training=training,
        cells={"lru": {}},
        studies=[{**PLAN["studies"][0], "cells": ["lru", "memoryless"], "chip": False}],
    )
    outcome = run_zoo(plan, tmp_path / "out")
    lru, memoryless = sorted(rows(outcome.plan, outcome.results), key=lambda row: row.entry.cell)
    assert lru.diverged == len(lru.runs) - len(lru.tests) > 0
    assert ["diverges" in run.reason for run in lru.runs] == [not run.test for run in lru.runs]
    assert len(memoryless.tests) == 2
    assert write_page(outcome.plan, outcome.results, tmp_path / "out")
    page = (tmp_path / "out" / "zoo.md").read_text()
    assert f"| {lru.diverged}, {lru.at_chance} of 2 |" in page


def test_a_network_that_has_learned_nothing_is_at_chance(done: tuple[Path, Results]) -> None:
    folder, results = done
    plan = read_zoo(folder / "zoo.yaml")
    facts = results.tasks["means"]
    bar = facts.chance + 2 * math.sqrt(facts.chance * (1 - facts.chance) / facts.n_validation)
    for row in rows(plan, results):
        expected = sum((run.validation or 0) <= bar for run in row.runs)
        assert row.at_chance == expected
    assert facts.n_validation == 6


# ------------------------------------------------------------------- tables and figures


def test_table_page_and_figures_tell_the_records(done: tuple[Path, Results]) -> None:
    folder, results = done
    out = folder / "out"
    plan = read_zoo(folder / "zoo.yaml")
    write_page(plan, results, out)
    with (out / "zoo.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    # of the CMRU two conditions before and two after, of the other cell one line
    assert [line["stage"] for line in lines] == ["before", "before", "after", "after", ""]
    assert [line["condition"] for line in lines[:2]] == ["27 °C, tt, 1.8 V", "85 °C, tt, 1.8 V"]
    assert int(lines[0]["dies"]) == 4
    tests = [r.test for r in results.trainings.values() if r.cell == "memoryless" and r.seed == 5]
    assert lines[4]["test_each"].split()[1] == f"{tests[0]:.6g}"
    page = (out / "zoo.md").read_text()
    for figure in ("accuracy.svg", "dies.svg"):
        assert f"(figures/{figure})" in page
        assert (out / "figures" / figure).read_text().startswith("<?xml")
    first = {path.name: path.read_bytes() for path in (out / "figures").iterdir()}
    write_page(plan, results, out)
    assert {path.name: path.read_bytes() for path in (out / "figures").iterdir()} == first


def test_longer_sequences_are_judged_in_software_and_on_dies_with_noise(tmp_path: Path) -> None:
    copy = {"name": "copy_first", "length": [4, 8], "n_train": 64, "n_validation": 16, "n_test": 16}
    lengths = {"lengths": [20, 60], "n_test": 10, "n_dies": 2, "temperature": [27, 85]}
    path = tmp_path / "zoo.yaml"
    plan = {
        **PLAN,
        "choose": [{}],
        "cells": {"bmru": {}, "gru": {}},
        "tasks": {"copy": {"task": copy, "readout": "last", "persistence": lengths}},
        "studies": [{"tasks": ["copy"], "cells": ["bmru", "gru"], "widths": [4], "seeds": [0]}],
    }
    path.write_text(yaml.safe_dump(plan))
    outcome = run_zoo(path, tmp_path / "out")
    bmru, gru = (outcome.results.persistence[f"copy/{c}-4-seed0-choice0"] for c in ("bmru", "gru"))
    for record in (bmru, gru):
        assert [one.length for one in record.lengths] == [20, 60]
        for one in record.lengths:
            inputs = load_inputs(tmp_path / "out" / "inputs" / f"copy-{one.length}.npz")
            assert (inputs.n_seq, set(inputs.lengths)) == (10, {one.length})
            assert one.ideal is not None
    assert all(one.ideal == one.software and not one.dies for one in gru.lengths)
    at = [
        (d.settings["temperature"], d.settings["noise_scale"], d.n_dies)
        for d in bmru.lengths[1].dies
    ]
    assert at == [(27.0, 1.0, 2), (85.0, 1.0, 2)]
    write_page(outcome.plan, outcome.results, tmp_path / "out")
    page = (tmp_path / "out" / "zoo.md").read_text()
    assert "2 dies, 85 °C, tt, 1.8 V, with noise" in page
    assert (tmp_path / "out" / "figures" / "lasting.svg").is_file()


def test_the_command_prints_what_it_found(
    done: tuple[Path, Results], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = done
    line = ["zoo", str(folder / "zoo.yaml"), "--out", str(folder / "out")]
    assert command([*line, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["steps"], told["computed"]) == (8, 0)
    assert told["core_seconds"] == read_results(folder / "out" / "zoo.json").core_seconds
    assert [row["cell"] for row in told["rows"]] == ["cmru", "memoryless"]
    assert command(line) == 0
    assert "means, cmru, width 3: test " in capsys.readouterr().out


# --------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"cells": {"rwkv": {}}}, 'cells.rwkv.cell is "rwkv", expected one of '),
        (
            {"cells": {"CMRU": {"cell": "cmru"}}},
            'cells is "CMRU", expected a name of small letters',
        ),
        (
            {"studies": [{**PLAN["studies"][0], "tasks": ["vowels"]}]},
            'studies.0.tasks is "vowels", expected one of the plan\'s tasks: means.',
        ),
        ({"chip": None}, "studies.0.chip is true, expected the plan's key chip too."),
        (
            {"cells": {"cmru": {"training": {"epochs": 99}}}},
            "cells.cmru.training.epochs is 99, expected no such key, for the budget is one",
        ),
        (
            {"choose": [{"batch_size": 2}]},
            "choose.0.batch_size is 2, expected no such key, for the",
        ),
        (
            {"cells": {"memoryless": {"layer": {"levels": 2}}}},
            "task means with cell memoryless: network: layers.0.levels is 2, expected none",
        ),
        (
            {"tasks": {"means": {"persistence": {"lengths": [9]}}}},
            "tasks.means.persistence is [9], expected no such key, for only drawn tasks",
        ),
        (
            {"tasks": {"means": {"data": None, "frame_period": None, "task": {"name": "adding"}}}},
            'network.readout is "mean", expected "last", for the task adding asks at the end',
        ),
        ({"tasks": {"means": {"data": "none.npz"}}}, "none.npz"),
        (
            {"training": {"speed": 3}},
            "training.speed is 3, expected no key of this name but one of ",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_no_results(
    tmp_path: Path, changed: dict[str, Any], expected: str
) -> None:
    plan = write(tmp_path, **changed)
    assert expected in sentence(lambda: run_zoo(plan, tmp_path / "out"))
    assert not (tmp_path / "out" / "zoo.json").exists()


def test_a_plan_that_ships_by_a_wrong_name(tmp_path: Path) -> None:
    text = sentence(lambda: run_zoo("zoos", tmp_path / "out"))
    assert text == 'plan is "zoos", expected a file, or one of cells, quick.'


def test_a_folder_that_holds_something_else_is_left_alone(
    done: tuple[Path, Results], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    plan = write(tmp_path)
    assert "expected a new path or an earlier zoo" in sentence(
        lambda: run_zoo(plan, tmp_path / "out")
    )
    folder, _ = done
    (folder / "other.yaml").write_text(yaml.safe_dump(merged(PLAN, {"training": {"epochs": 3}})))
    before = (folder / "out" / "zoo.json").read_bytes()
    text = sentence(lambda: run_zoo(folder / "other.yaml", folder / "out"))
    assert "expected a new folder, for means/cmru-3-seed4-choice0 in it is of another plan" in text
    assert (folder / "out" / "zoo.json").read_bytes() == before


def _sooner(number: int) -> Any:
    def stop(ended: int, _total: int) -> None:
        if ended == number:
            raise _StopError

    return stop


def test_dies_read_the_sequences_that_the_plan_has_now(tmp_path: Path) -> None:
    plan = write(tmp_path)
    with pytest.raises(_StopError):  # before anything was trained
        run_zoo(plan, tmp_path / "out", progress=_sooner(0))
    data = load_inputs(tmp_path / "x.npz")
    save_inputs(make_inputs(3 * data.x, data.lengths, data.y), tmp_path / "x.npz")
    with pytest.raises(_StopError):
        run_zoo(plan, tmp_path / "out", progress=_sooner(0))
    config = read_zoo(plan).config("means", "cmru", 3, 4, 0)
    test = config.source.load(tmp_path).split.test
    held = load_inputs(tmp_path / "out" / "inputs" / "means.npz")
    np.testing.assert_array_equal(held.x, test.x)


def test_a_place_that_is_taken_is_no_verdict_on_the_network(tmp_path: Path) -> None:
    study = {**PLAN["studies"][0], "cells": ["cmru"], "seeds": [4]}
    plan = write(tmp_path, choose=[{}], studies=[study])
    with pytest.raises(_StopError):
        run_zoo(plan, tmp_path / "out", progress=_sooner(1))
    dies = tmp_path / "out" / "dies" / "means" / "cmru-3-seed4-choice0.sqlite"
    dies.parent.mkdir(parents=True)
    dies.write_text("mine")
    for _ in range(2):
        text = sentence(lambda: run_zoo(plan, tmp_path / "out"))
        assert "expected a new path or an earlier sweep" in text
    dies.unlink()
    results = run_zoo(plan, tmp_path / "out").results
    assert [record.status for record in results.chips.values()] == ["done"]


def test_a_damaged_checkpoint_is_no_verdict_on_the_network(tmp_path: Path) -> None:
    study = {**PLAN["studies"][0], "cells": ["cmru"], "seeds": [4]}
    plan = write(tmp_path, choose=[{}], studies=[study])
    with pytest.raises(_StopError):
        run_zoo(plan, tmp_path / "out", progress=_sooner(1))
    part = tmp_path / "out" / "models" / "means" / "cmru-3-seed4-choice0-for-chip.part"
    part.mkdir()
    (part / "checkpoint.json").write_text("{")
    for _ in range(2):
        text = sentence(lambda: run_zoo(plan, tmp_path / "out"))
        assert "cmru-3-seed4-choice0-for-chip.part, whose checkpoint.json is damaged" in text
    shutil.rmtree(part)
    results = run_zoo(plan, tmp_path / "out").results
    assert [(r.status, r.reason) for r in results.chips.values()] == [("done", "")]


def test_results_that_are_damaged(done: tuple[Path, Results], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "zoo.json").write_text("{")
    plan = write(tmp_path)
    assert "damaged" in sentence(lambda: run_zoo(plan, tmp_path / "out"))


# ------------------------------------------------------------------------ what ships


@pytest.mark.parametrize("name", SHIPPED)
def test_plans_that_ship_make_configurations(name: str) -> None:
    plan = read_zoo(shipped_zoo(name))
    setting = Setting(plan=plan, folder=Path(), out=Path(), data={})
    for step in steps(setting):
        config = plan.config(step.entry.task, step.entry.cell, step.entry.width, step.seed, 0)
        if plan.chip is not None:
            assert plan.chip_config(config) is not None


def test_the_page_of_the_documentation_is_that_of_its_results(tmp_path: Path) -> None:
    plan = read_zoo(shipped_zoo("cells"))
    results = read_results(PAGES / "zoo" / "zoo.json")
    assert results.plan == json.loads(json.dumps(plan.model_dump(mode="json")))
    write_page(plan, results, tmp_path, figures="zoo")
    assert (tmp_path / "zoo.md").read_text() == (PAGES / "zoo.md").read_text()
    assert (tmp_path / "zoo.csv").read_text() == (PAGES / "zoo" / "zoo.csv").read_text()
    drawn = {path.name for path in (tmp_path / "zoo").iterdir()}
    assert drawn | {"zoo.json", "zoo.csv"} == {path.name for path in (PAGES / "zoo").iterdir()}


def test_the_schema_is_the_generated_one() -> None:
    assert (DOCS / "schemas" / NAME).read_text(encoding="utf-8") == schema_text()
