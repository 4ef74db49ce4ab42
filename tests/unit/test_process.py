"""What all devices of a die share: in decks, sweeps, trimmed dies and the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.app import run
from mru_hw.report.page import write_report
from mru_hw.simulate.run import Chip
from mru_hw.simulate.trace import load_trace
from mru_hw.spice.chip import chip_netlist
from mru_hw.spice.deck import BENCH, TOP
from mru_hw.spice.dies import device_class, die_changes
from mru_hw.spice.flatten import flatten
from mru_hw.sweeps.explanation import explain
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from mru_hw.technology import load_technology
from mru_hw.trim.dac import Legs, place_dacs
from mru_hw.variation import draw_die
from tests.agreement.networks import chip_of, two_units
from tests.sweeps import rows, write_case


@pytest.mark.parametrize("name", ["generic180", "sky130"])
def test_every_transistor_of_the_chip_is_shifted_once(name: str) -> None:
    technology = load_technology(name)
    design = Chip(two_units(), technology).design
    die = draw_die(design, 4, scale=0.0, process=1.0, gradient=1.0)
    assert die.spread is not None
    found = {c.device: c for c in die_changes(design, die) if c.parameter == "delvto"}
    seen = 0
    for part in flatten(chip_netlist(design), "mru_chip", technology):
        if part.kind != "m":
            continue
        seen += 1
        device = device_class(technology, part)
        assert part.place is not None
        assert part.place.owner in die.spread.placement.places
        change = found[f"m.{TOP}.{part.path}"]
        sign = 1.0 if technology.devices[device].polarity == "n" else -1.0
        # A chip of two units is 0.1 mm wide: the gradient moves none by more than a millivolt.
        assert sign * change.add == pytest.approx(die.spread.common(device), abs=1e-3)
    assert len(found) == seen


def test_small_devices_of_sky130_shift_more() -> None:
    technology = load_technology("sky130")
    process = technology.process
    factors = {name: process.shift_factor(d) for name, d in technology.devices.items()}
    # The factors of delvto in models_fet.spice, for w = 0.5, l = 8 and w = 0.42, l = 0.35 um.
    assert factors["n_mirror"] == pytest.approx(1.474, abs=1e-3)
    assert factors["p_switch"] == pytest.approx(2.573, abs=1e-3)


def test_a_sweep_keeps_the_dies_mismatch_and_tells_their_spread(tmp_path: Path) -> None:
    axes = [
        {"axis": "process_scale", "values": [0, 1]},
        {"axis": "gradient_scale", "values": [0, 1]},
    ]
    out, plain = tmp_path / "run.sqlite", tmp_path / "plain.sqlite"
    plan = read_plan(write_case(tmp_path, n_dies=2, axes=axes))
    run_sweep({"sweep": plan}, tmp_path, out, workers=1)
    run_sweep({"sweep": read_plan(write_case(tmp_path, n_dies=2))}, tmp_path, plain, workers=1)
    columns = "seed, decision, energy"
    energies = [row[2] for row in rows(out, columns)]
    assert rows(out, columns)[:2] == rows(plain, columns)
    assert len(set(energies)) == 8
    with open_run(out) as sweep:
        assert [p.settings["gradient_scale"] for p in sweep.points] == [0, 1, 0, 1]
        assert sweep.base.number == 0
        write_report(sweep, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "1 × die-to-die spread, 1 × gradient" in text
    assert "where devices stand is assumed" in text
    with open_run(plain) as sweep:
        write_report(sweep, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "× gradient" not in text
    assert "No gradient was drawn" in text


def test_simulate_runs_the_dies_of_a_sweep(tmp_path: Path) -> None:
    axes = [
        {"axis": "process_scale", "values": [2]},
        {"axis": "gradient_scale", "values": [0.5]},
    ]
    plan = write_case(tmp_path, n_dies=1, seed=1, axes=axes)
    run_sweep({"sweep": read_plan(plan)}, tmp_path, tmp_path / "run.sqlite", workers=1)
    ((blob,),) = rows(tmp_path / "run.sqlite", "energy")
    options = ["--process-scale", "2", "--gradient-scale", "0.5"]
    command = ["simulate", str(tmp_path / "model"), "--inputs", str(tmp_path / "inputs.npz")]
    command += ["--out", str(tmp_path / "y.npz"), "--die", str(1 << 20)]
    assert run([*command, *options]) == 0
    spread = load_trace(tmp_path / "y.npz").energy_J
    np.testing.assert_array_equal(spread, np.frombuffer(blob, "<f8"))
    assert run(command) == 0
    assert not np.array_equal(load_trace(tmp_path / "y.npz").energy_J, spread)


def test_a_netlist_is_of_the_die_that_a_sweep_draws(tmp_path: Path) -> None:
    axes = [
        {"axis": "process_scale", "values": [2]},
        {"axis": "gradient_scale", "values": [0.5]},
    ]
    plan = write_case(tmp_path, n_dies=1, seed=1, axes=axes)
    run_sweep({"sweep": read_plan(plan)}, tmp_path, tmp_path / "run.sqlite", workers=1)
    seed = 1 << 20
    explain(tmp_path / "run.sqlite", seed).netlist(tmp_path / "swept", 3)
    command = ["netlist", str(tmp_path / "model"), "--inputs", str(tmp_path / "inputs.npz")]
    command += ["--sequence", "3", "--die", str(seed)]
    options = ["--process-scale", "2", "--gradient-scale", "0.5"]
    assert run([*command, *options, "--out", str(tmp_path / "asked")]) == 0
    chip = Chip(tmp_path / "model", process=2.0, gradient=0.5)
    written = chip.netlist(
        tmp_path / "python", die=seed, inputs=tmp_path / "inputs.npz", sequence=3
    )
    told = written.as_data()
    assert (told["process_scale"], told["gradient_scale"]) == (2.0, 0.5)
    assert run([*command, "--out", str(tmp_path / "bare")]) == 0
    for name in written.files:
        text = (tmp_path / "swept" / name).read_bytes()
        assert text == (tmp_path / "asked" / name).read_bytes()
        assert text == (tmp_path / "python" / name).read_bytes()
    head = (tmp_path / "asked" / BENCH).read_text().splitlines()[1]
    assert "|vth| of all devices" in head
    assert "current factor" in head
    assert "|vth| slopes in mV/mm" in head
    assert "|vth| of all devices" not in (tmp_path / "bare" / BENCH).read_text()


def test_the_bits_of_a_trim_dac_share_the_shift_of_their_leg() -> None:
    chip = chip_of(two_units())
    dacs = place_dacs(chip.design, chip.calibration, 3)
    die = draw_die(chip.design, 2, scale=0.0, process=1.0, gradient=1.0)
    assert die.spread is not None
    legs = Legs.draw(chip.design, die, dacs, scale=0.0)
    for dac in dacs:
        wanted = np.broadcast_to(die.dvt[dac.key][:, None], legs.dvt[dac.at].shape)
        np.testing.assert_allclose(legs.dvt[dac.at], wanted, rtol=1e-12)
        np.testing.assert_allclose(legs.dbeta[dac.at], die.dbeta[dac.key][0], rtol=1e-12)
