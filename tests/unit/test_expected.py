"""What a bench measures, and what expected.csv says of it."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from mru_hw.cli.app import run
from mru_hw.model.io import save_model
from mru_hw.model.network import Model
from mru_hw.model.structure import Normalisation, ReadoutKind
from mru_hw.simulate.expected import expected_figures
from mru_hw.simulate.run import Chip
from mru_hw.spice import measures
from mru_hw.spice.bench import make_bench
from mru_hw.spice.deck import BENCH
from mru_hw.spice.dialects import DIALECTS
from mru_hw.spice.dialects.base import MEASURES
from mru_hw.spice.expected import COLUMNS
from mru_hw.spice.folder import EXPECTED, declared_frames
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import draw_die
from tests.agreement.networks import chip_of, two_units, write_chip

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/schemas/expected.csv.schema.json").read_text())


def read_as(readout: str, **changes: object) -> Model:
    model = two_units()
    spec = model.spec.model_copy(update={"readout": ReadoutKind(readout)} | changes)
    return Model(spec=spec, tensors=model.tensors)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / EXPECTED).open(newline="") as stream:
        return list(csv.DictReader(stream))


def measured(chip: Chip, n_time: int) -> dict[str, str]:
    """The measures of a bench, by name."""
    at = nominal_conditions(chip.design.technology)
    bench = make_bench(chip.design, np.zeros((n_time, 2)), at, measures=True)
    lines = bench.deck.files[BENCH].splitlines()
    words = [line.split(maxsplit=3) for line in lines if line.startswith(".measure")]
    return {name: rest for _, _, name, rest in words}


def notes(chip: Chip, n_time: int) -> str:
    return "\n".join(measures.measure_notes(chip.design, n_time))


# --------------------------------------------------------------------------------- what it expects


@pytest.mark.parametrize("readout", ["last", "mean", "vote"])
def test_it_is_what_the_level_behavioral_has(
    readout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    normal = Normalisation(mean=(0.5, -1.0), scale=(2.0, 0.7))
    model = read_as(readout, normalisation=normal)
    save_model(model, tmp_path / "model")
    x = 3.0 * np.random.default_rng(4).normal(size=(3, 7, 2))
    inputs = make_inputs(x, [7, 7, 5])
    save_inputs(inputs, tmp_path / "x.npz")
    at = {"corner": "ff", "temperature": "85", "vdd": "1.7"}
    asked = ["netlist", str(tmp_path / "model"), "--inputs", str(tmp_path / "x.npz")]
    asked += ["--sequence", "2", "--die", "4", "--process-scale", "1"]
    asked += [word for name, value in at.items() for word in (f"--{name}", value)]
    assert run([*asked, "--out", str(tmp_path / "n")]) == 0
    found = table(tmp_path / "n")
    doubtful = capsys.readouterr().err
    assert "Of expected.csv, as of simulate: The frame of 25 ms is short" in doubtful
    assert "--timing timed" in doubtful
    chip = Chip(model, process=1.0)
    wanted = chip.run(inputs, die=4, corner="ff", temperature=85, v_dd=1.7, kernel="numpy")
    scale, seconds = chip.design.outputs.scale, 5 * model.spec.frame_period
    own = wanted.output[2, :5]
    rows = {(row["quantity"], row["frame"], row["of"]): float(row["value"]) for row in found}
    for t, k in np.ndindex(own.shape):
        assert rows["output", str(t), str(k)] == pytest.approx(own[t, k] * scale, rel=1e-8)
    won = np.bincount(own.argmax(axis=1), minlength=2) / scale
    values = {"last": own[-1], "mean": own.mean(axis=0), "vote": won}[readout] * scale
    for k in range(2):
        assert rows["readout", "", str(k)] == pytest.approx(values[k], rel=1e-8)
    assert rows["decision", "", ""] == wanted.decision[2]
    for block, joules in wanted.energy.blocks.items():
        assert rows["power", "", block] == pytest.approx(joules[2] / seconds, rel=1e-8)
    delivered = wanted.energy.inputs[2] / seconds
    assert rows["power", "", "input"] == pytest.approx(delivered, rel=1e-8)
    assert len(rows) == len(found) == own.size + 2 + 1 + 5


@pytest.mark.parametrize("readout", ["last", "mean", "vote"])
def test_the_table_follows_its_schema_and_names_the_measures(readout: str, tmp_path: Path) -> None:
    assert list(COLUMNS) == SCHEMA["x-columns"] == list(SCHEMA["properties"])
    chip = chip_of(read_as(readout))
    write_chip(tmp_path / "n", chip)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    names = measured(chip, 4)
    for row in table(tmp_path / "n"):
        typed: dict[str, object] = dict(row)
        typed |= {"frame": int(row["frame"]) if row["frame"] else None}
        assert list(validator.iter_errors(typed | {"value": float(row["value"])})) == [], row
        assert (row["measure"] == "") == (row["quantity"] == "decision")
        assert set(filter(None, row["measure"].split(" + "))) <= set(names)


def test_a_die_without_laws_has_no_table_and_a_reason(tmp_path: Path) -> None:
    chip = chip_of(two_units())
    design, at = chip.design, nominal_conditions(chip.design.technology)
    die = draw_die(design, 1, process=1.0)
    assert die.spread is not None
    beyond = replace(die, spread=replace(die.spread, beta={"n": -1.5, "p": 0.0}))
    why = expected_figures(design, chip.calibration, declared_frames(2), conditions=at, die=beyond)
    assert why == "What the die's devices share leaves them no current."
    write_chip(tmp_path / "n", chip, die=die)
    assert (tmp_path / "n" / EXPECTED).exists()
    write_chip(tmp_path / "n", chip, die=beyond)
    assert not (tmp_path / "n" / EXPECTED).exists()
    assert f"\n* no {EXPECTED}: {why}\n" in (tmp_path / "n" / BENCH).read_text()


# ---------------------------------------------------------------------------- what a bench measures


@pytest.mark.parametrize("readout", ["last", "mean", "vote"])
def test_every_output_is_measured_at_every_frame(readout: str) -> None:
    chip = chip_of(read_as(readout))
    at = nominal_conditions(chip.design.technology)
    bench = make_bench(chip.design, np.zeros((3, 2)), at, measures=True)
    found = measured(chip, 3)
    for t, end in enumerate(bench.read_at):
        for k in range(2):
            probe, _, instant = found[f"y{k}_f{t}"].removeprefix("find ").partition(" at=")
            assert probe == f"i(vy{k})"
            # After all has settled, before the next frame's inputs.
            assert end - 1e-3 * chip.design.timing.frame < float(instant) < end
    assert found["y0_end"] == found["y0_f2"]
    assert ("y0_mean" in found) == (readout == "mean")
    assert ("y0_votes" in found) == ("c1_f0" in found) == (readout == "vote")
    ending = {"last": "end", "mean": "mean", "vote": "votes"}[readout]
    assert f"the decision is the k of the largest y<k>_{ending}" in notes(chip, 3)
    assert notes(chip, 3) in (bench.deck.files[BENCH].replace("\n* ", "\n"))


@pytest.mark.parametrize(("readout", "apart"), [("last", False), ("vote", True)])
def test_many_lines_of_measures_stand_apart_the_readouts_among_them(
    readout: str, apart: bool, tmp_path: Path
) -> None:
    # 120 measures of outputs, and of votes as many again that say which is the largest.
    write_chip(tmp_path / "n", chip_of(read_as(readout)), frames=np.zeros((60, 2)))
    assert (tmp_path / "n" / MEASURES).exists() == apart


def test_a_bench_for_the_simulator_measures_nothing() -> None:
    chip = chip_of(two_units())
    at = nominal_conditions(chip.design.technology)
    bench = make_bench(chip.design, np.zeros((3, 2)), at)
    assert ".measure" not in bench.deck.files[BENCH]
    assert "decision" not in bench.deck.files[BENCH]


@pytest.mark.parametrize("readout", ["mean", "vote"])
def test_long_sums_are_sums_of_sums(readout: str) -> None:
    """Every measure evaluated as it stands, on drawn outputs, gives the readout's value."""
    chip, n_time = chip_of(read_as(readout)), 333
    drawn = np.random.default_rng(1).normal(size=(n_time, 2))
    known: dict[str, float] = {}
    for name, rest in measured(chip, n_time).items():
        assert len(name) + len(rest) < 100
        if rest.startswith("find "):
            k, _, frame = name.removeprefix("y").partition("_")
            known[name] = drawn[-1 if frame == "end" else int(frame[1:]), int(k)]
        elif name.startswith(("y", "m", "c")):
            text = rest.removeprefix("param='").removesuffix("'")
            known[name] = float(eval(python(text), {}, known))
    ending = {"mean": "mean", "vote": "votes"}[readout]
    found = [known[f"y{k}_{ending}"] for k in range(2)]
    won = np.bincount(drawn.argmax(axis=1), minlength=2)
    wanted = won if readout == "vote" else drawn.mean(axis=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def python(text: str) -> str:
    """An expression in Python's words for ``(a)?b:c``."""
    asked = r"\(((?:[^()]|\([^()]*\))+)\)\?([^():]+):([^()]+)"
    return re.sub(asked, r"(\2 if \1 else \3)", text)


@pytest.mark.parametrize("readout", ["last", "mean", "vote"])
def test_a_very_long_sequence_has_no_measures_of_frames(readout: str, tmp_path: Path) -> None:
    chip = chip_of(read_as(readout))
    most = measures.MOST // 2
    assert measures.measures_frames(chip.design, most)
    assert not measures.measures_frames(chip.design, most + 1)
    found = measured(chip, most + 1)
    assert {name for name in found if name.startswith(("y", "m", "c"))} == {"y0_end", "y1_end"}
    said = notes(chip, most + 1)
    assert "no frame is measured by itself: 5001 frames of 2 outputs are more than 10000" in said
    assert ("the decision is not measured" in said) == (readout != "last")
    # Where a reader takes them instead: ngspice, HSPICE and Xyce have the name, Spectre its own.
    assert ("the source vy<k>, which Spectre calls vy<k>_src:p" in said) == (readout != "last")
    frames = np.zeros((most + 1, 2))
    write_chip(tmp_path / "n", chip, frames=frames)
    rows = table(tmp_path / "n")
    assert sum(row["quantity"] == "output" for row in rows) == 2 * len(frames)
    told = {row["measure"] for row in rows if row["quantity"] in {"output", "readout"}}
    assert told == ({"", "y0_end", "y1_end"} if readout == "last" else {""})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_many_measures_stand_in_a_file_of_their_own(dialect: str, tmp_path: Path) -> None:
    chip = chip_of(read_as("vote"))
    write_chip(tmp_path / "n", chip, frames=np.zeros((120, 2)), dialect=dialect)
    suffix = DIALECTS[dialect].suffix
    bench = (tmp_path / "n" / f"bench{suffix}").read_text()
    part = (tmp_path / "n" / f"measures{suffix}").read_text()
    assert f"measures{suffix}" in bench
    assert "y0_f0 " not in bench
    assert ".measure tran y0_votes " in bench
    assert part.count(" find ") == 240
    assert ("simulator lang=spice" in part) == (dialect == "spectre")
    write_chip(tmp_path / "n", chip, dialect=dialect)
    assert not (tmp_path / "n" / f"measures{suffix}").exists()
