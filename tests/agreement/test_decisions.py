"""A netlist's bench, run by hand in ngspice: its decision is that of the level spice."""

from __future__ import annotations

import csv
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mru_hw.errors import RunStatus
from mru_hw.model.network import Model
from mru_hw.model.structure import ReadoutKind
from mru_hw.simulate.run import Chip
from mru_hw.spice.deck import BENCH
from mru_hw.spice.dialects.base import MEASURES
from mru_hw.spice.folder import EXPECTED
from mru_hw.spice.measures import bench_measures
from mru_hw.stimulus import make_inputs
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import two_units

DIE, SEED = 3, 33
"""A die and a sequence whose last frames are of another class than most."""
ENDINGS = {"last": "end", "mean": "mean", "vote": "votes"}
SETTLED = 0.1
"""Of 1.0 of an output: what the array's settled currents may be off (docs/validation)."""


def some_classes(readout: str, n: int = 3) -> Model:
    two = two_units()
    spec = two.spec.model_copy(update={"n_classes": n, "readout": ReadoutKind(readout)})
    rng = np.random.default_rng(8)
    head = {"head.weight": rng.normal(size=(n, 3)), "head.bias": 0.3 * rng.normal(size=n)}
    return Model(spec=spec, tensors=dict(two.tensors) | head)


def run_bench(folder: Path, bench: str = BENCH) -> dict[str, float]:
    done = subprocess.run(
        ["ngspice", "-b", bench],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    pairs = re.findall(r"^(\w+) +=\s*([-+0-9.e]+)", done.stdout, re.MULTILINE)
    return {name: float(value) for name, value in pairs}


@pytest.mark.parametrize(
    ("readout", "n_time"), [("last", 9), ("mean", 9), ("vote", 9), ("mean", 70)]
)
def test_the_bench_decides_as_the_level_spice(readout: str, n_time: int, tmp_path: Path) -> None:
    chip = Chip(some_classes(readout))
    x = 1.5 * np.random.default_rng(SEED).normal(size=(1, n_time, 2))
    chip.netlist(tmp_path / "n", die=DIE, inputs=x)
    assert (tmp_path / "n" / MEASURES).exists() == (n_time == 70)
    found = run_bench(tmp_path / "n")
    spice, scale = chip.run(x, "spice", die=DIE), chip.design.outputs.scale
    assert spice.status is RunStatus.DONE, spice.endings
    frames = np.array([[found[f"y{k}_f{t}"] for k in range(3)] for t in range(n_time)])
    np.testing.assert_allclose(frames / scale, spice.output[0], atol=2e-3)
    values = np.array([found[f"y{k}_{ENDINGS[readout]}"] for k in range(3)])
    own = spice.output[0]
    won = np.bincount(own.argmax(axis=1), minlength=3)
    wanted = {"last": own[-1] * scale, "mean": own.mean(axis=0) * scale, "vote": won}[readout]
    np.testing.assert_allclose(values, wanted, atol=2e-3 * scale)
    assert int(np.argmax(values)) == spice.decision[0]
    assert len(set(own.argmax(axis=1).tolist())) > 1

    # What the array expects lies beside, under the names of the measures.
    with (tmp_path / "n" / EXPECTED).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        if row["quantity"] == "decision":
            assert int(row["value"]) == spice.decision[0]
            continue
        measured = sum(found[name] for name in row["measure"].split(" + "))
        if row["quantity"] == "power":
            loose = 0.15 if row["of"] == "clock" else 0.03
            assert float(row["value"]) == pytest.approx(measured, rel=loose), row
        elif row["unit"] == "A":
            assert float(row["value"]) == pytest.approx(measured, abs=SETTLED * scale), row
        else:
            assert float(row["value"]) == measured


def test_hspices_votes_are_ngspices(tmp_path: Path) -> None:
    chip = Chip(some_classes("vote"))
    x = make_inputs(1.5 * np.random.default_rng(SEED).normal(size=(1, 9, 2)))
    runs = []
    for dialect, bench in (("ngspice", BENCH), ("hspice", "bench.sp")):
        folder = tmp_path / dialect
        chip.netlist(folder, dialect, inputs=x)
        if dialect == "hspice":
            (folder / ".spiceinit").write_text("set ngbehavior=hsa\n")
        found = run_bench(folder, bench)
        runs.append(
            [found[f"c2_f{t}"] for t in range(9)] + [found[f"y{k}_votes"] for k in range(3)]
        )
    assert runs[0] == runs[1]
    assert sum(runs[0][9:]) == 9


@pytest.mark.parametrize("n_out", [8, 30])
def test_every_class_has_its_votes_and_of_equals_the_lowest(n_out: int, tmp_path: Path) -> None:
    """The measures of a bench, of currents that sources make in place of a chip."""
    design = Chip(some_classes("vote", n_out)).design
    frame = design.timing.frame
    rng = np.random.default_rng(5)
    played = 1e-9 * rng.normal(size=(3 * n_out, n_out))
    for t in range(n_out):
        # Each class wins a frame, then is the first of equals, above others and below none.
        played[t, t] = 4e-9
        played[n_out + t, t:] = played[n_out + t].max()
        played[2 * n_out + t, t:] = -1e-9 * rng.random()
        played[2 * n_out + t, :t] = -2e-9
    n_time = len(played)
    lines = ["sources in place of a chip", ".options num_threads=1"]
    times = [(t + part) * frame for t in range(n_time) for part in (0.1, 1)]
    for k in range(n_out):
        values = np.repeat(played[:, k], 2).tolist()
        points = [f"+ {time:.9g} {value!r}" for time, value in zip(times, values, strict=True)]
        lines += [f"i{k} 0 a{k} pwl(", *points, "+ )", f"vy{k} a{k} 0 0"]
    lines += [f".save i(vy{k})" for k in range(n_out)]
    lines.append(f".tran {frame / 10:.9g} {n_time * frame:.9g} 0 {frame / 10:.9g}")
    at = nominal_conditions(design.technology)
    ends = np.linspace(frame, n_time * frame, n_time)
    lines += [
        " ".join([".measure tran", *measure.words])
        for measure in bench_measures(design, 0.0, ends, at)
        if not measure.words[0].startswith(("i_", "p_"))
    ]
    (tmp_path / BENCH).write_text("\n".join([*lines, ".end", ""]))
    found = run_bench(tmp_path)
    winners = [round(found[f"c{n_out - 1}_f{t}"]) for t in range(n_time)]
    assert winners == played.argmax(axis=1).tolist()
    votes = [found[f"y{k}_votes"] for k in range(n_out)]
    assert votes == np.bincount(winners, minlength=n_out).tolist()
    assert min(votes) >= 2
    assert sum(votes) == n_time
