"""Trimmed dies in a sweep: what is stored, what the page says, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.mapping import map_model
from mru_hw.model.io import save_model
from mru_hw.model.network import Model
from mru_hw.report.page import write_report
from mru_hw.report.sections import notes, point_rows
from mru_hw.stimulus import load_inputs, make_inputs, save_inputs
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.statistics.answers import statistics
from mru_hw.sweeps.view import open_run
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.trim.dac import place_dacs
from tests.mistakes import sentence
from tests.networks import draw_model, make_spec
from tests.sweeps import rows, small_model, write_case

TECHNOLOGY = load_technology("generic180")
CALIBRATION = load_calibration(TECHNOLOGY)


def swept(folder: Path, name: str, **keys: Any) -> Path:
    plan = read_plan(write_case(folder, n_dies=2, **keys))
    out = folder / f"{name}.sqlite"
    run_sweep({"sweep": plan}, folder, out, workers=1)
    return out


def test_trimmed_dies_stand_beside_the_same_dies_untrimmed(tmp_path: Path) -> None:
    axes = [{"axis": "trim_bits", "values": [0, 4]}, {"axis": "mismatch_scale", "values": [2]}]
    both = swept(tmp_path, "both", axes=axes)
    plain = swept(tmp_path, "plain", axes=axes[1:])
    columns = "point, seed, decision, energy"
    assert rows(both, columns)[:2] == rows(plain, columns)
    assert [row[1] for row in rows(both, columns)[2:]] == [row[1] for row in rows(plain, columns)]
    energies = [row[3] for row in rows(both, columns)]
    assert all(a != b for a, b in zip(energies[:2], energies[2:], strict=True))
    with open_run(both) as run:
        assert [point.settings["trim_bits"] for point in run.points] == [0, 4]
        assert run.base.settings["trim_bits"] == 0
        table = point_rows(run, statistics(run), {})
        assert [row[1] for row in table] == ["no trim bits", "4 trim bits"]
        for point, row in zip(run.points, table, strict=True):
            software = run.references["software"]
            share = np.mean(point.accuracy >= software - 0.01 - 1e-9)
            assert row[7] == f"{100 * share:.2f} %"
    page = tmp_path / "page.html"
    with open_run(both) as run:
        write_report(run, page)
    text = page.read_text()
    assert "yield" in text
    assert "DACs at their thresholds" in text


def test_a_trim_that_reaches_no_threshold_is_refused(tmp_path: Path) -> None:
    """Pulses of 0 and 1 give candidates of 0 and 1.5, and no unit comes near its threshold."""
    plan = read_plan(write_case(tmp_path, axes=[{"axis": "trim_bits", "values": [0, 4]}]))
    inputs = load_inputs(tmp_path / "inputs.npz")
    save_inputs(make_inputs(0 * inputs.x, inputs.lengths, inputs.y), tmp_path / "inputs.npz")
    model = small_model()
    still = {name: 0 * w if name.endswith("bias") else w for name, w in model.tensors.items()}
    save_model(Model(spec=model.spec, tensors=still), tmp_path / "model")
    out = tmp_path / "run.sqlite"
    told = sentence(lambda: run_sweep({"sweep": plan}, tmp_path, out, workers=1))
    assert told == (
        "trim_bits is 4, expected 0, for no frame of the inputs brings a unit to within 10 % of "
        "any of its 24 thresholds where the supply currents would show its step."
    )
    assert not out.exists()


def test_the_page_says_what_the_trim_does_not_reach(tmp_path: Path) -> None:
    store = swept(tmp_path, "some", axes=[{"axis": "trim_bits", "values": [4]}])
    with open_run(store) as run:
        shown, thresholds = (int(run.facts[f"trim.{n}"]) for n in ("shown", "thresholds"))
        assert 0 < shown < thresholds == 24
        said = f"The inputs bring units near {shown} of 24 thresholds; the others are not trimmed."
        assert any(said in note for note in notes(run))


def test_chunks_do_not_change_a_trimmed_die(tmp_path: Path) -> None:
    axes = [{"axis": "trim_bits", "values": [3]}]
    one = swept(tmp_path, "one", axes=axes, chunk=1)
    two = swept(tmp_path, "two", axes=axes, chunk=2)
    assert rows(one, "decision, energy") == rows(two, "decision, energy")


@pytest.mark.parametrize(
    ("cell", "keys", "expected"),
    [
        (
            "fq_bmru",
            {"rectify_input": True, "rectify_candidate": True, "rectify_output": True},
            "trim_bits is 4, expected 0, for layer 0 has no strobe that a tester can hold.",
        ),
        (
            "cmru",
            {"levels": 2, "threshold": "input"},
            "trim_bits is 4, expected 0, for no bias leg sets the thresholds of layer 0.",
        ),
    ],
)
def test_what_no_dac_trims_is_refused(cell: str, keys: dict[str, Any], expected: str) -> None:
    design = map_model(draw_model(make_spec(cell, **keys), 2), TECHNOLOGY, CALIBRATION)
    assert sentence(lambda: place_dacs(design, CALIBRATION, 4)) == expected


def test_bits_have_a_range() -> None:
    design = map_model(small_model(), TECHNOLOGY, CALIBRATION)
    expected = "trim_bits is 9, expected 1 to 8, or 0 for no trim."
    assert sentence(lambda: place_dacs(design, CALIBRATION, 9)) == expected
