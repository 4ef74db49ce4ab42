"""What `mru-hw characterize` gives is what ships: the cheap benches here, all of them slow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.app import run
from mru_hw.data import calibration_dir
from mru_hw.errors import RunStatus
from mru_hw.spice.characterize.devices import V_DS, devices_deck, fit_capacitance, fit_leakage
from mru_hw.spice.characterize.laws import judge, range_deck
from mru_hw.spice.characterize.mirrors import fit_mirror, mirror_deck
from mru_hw.spice.runner import Runner
from mru_hw.technology import Technology, load_technology, technology_names
from mru_hw.technology.calibration import load_calibration
from mru_hw.technology.conditions import nominal_conditions

NAMES = technology_names()


@pytest.fixture(params=NAMES)
def technology(request: pytest.FixtureRequest) -> Technology:
    return load_technology(str(request.param))


def test_the_nominal_mirrors_and_devices_come_out_as_shipped(technology: Technology) -> None:
    shipped, at = load_calibration(technology), nominal_conditions(technology)
    runner = Runner()
    mirrors, single = (
        runner.run(mirror_deck(technology, at)),
        runner.run(devices_deck(technology, at)),
    )
    assert mirrors.status is single.status is RunStatus.DONE
    for p in "np":
        side, _ = fit_mirror(at, mirrors, p)
        assert side == getattr(shipped, p).model_dump()
        charged, _ = fit_capacitance(at, single, p, side["v_gate"])
        assert charged == {name: getattr(shipped, name) for name in charged}
        assert fit_leakage(single, p) == list(getattr(shipped, f"leak_{p}"))
    np.testing.assert_allclose(shipped.v_leak, np.array(V_DS) * technology.v_dd)


def test_the_mirror_law_holds_at_biases_that_it_was_not_fitted_to(technology: Technology) -> None:
    at = nominal_conditions(technology)
    waves = Runner().run(range_deck(technology, at))
    assert waves.status is RunStatus.DONE
    found = {(x["law"], x["polarity"]): x for x in judge(at, load_calibration(technology), waves)}
    for p in "np":
        # Currents of a mapped network, 1 pA to 1 nA a unit device, and 0.2 to 0.95 of the supply.
        assert found["mirror gain", p]["median_weak"] < 0.0025
        assert found["mirror gain", p]["worst_weak"] < 0.011
        assert found["mirror unit count", p]["worst"] == 0
        log, ekv = (found[f"gate voltage, {law}", p] for law in ("weak inversion", "EKV"))
        assert ekv["worst"] < log["worst"] / 4
    assert found["gate voltage, EKV", "n"]["worst"] < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_whole_file_comes_out_again(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = calibration_dir() / f"{name}.yaml"
    grid = load_calibration(load_technology(name)).grid
    corners = [word for corner in grid.corners for word in ("--corner", corner)]
    out = tmp_path / f"{name}.yaml"
    assert run(["characterize", "--tech", name, "--out", str(out), *corners, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["core_seconds"] > 0
    assert out.read_bytes() == shipped.read_bytes()
    for table in (f"raw/{name}.csv", f"raw/{name}_lengths.csv"):
        assert (tmp_path / table).read_bytes() == (shipped.parent / table).read_bytes()
    assert {p.name for p in tmp_path.iterdir()} == {out.name, "raw"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_map_of_currents_comes_out_again(name: str, tmp_path: Path) -> None:
    out = tmp_path / f"{name}.yaml"
    assert run(["characterize", "--tech", name, "--out", str(out), "--currents"]) == 0
    table = f"raw/{name}_currents.csv"
    assert (tmp_path / table).read_bytes() == (calibration_dir() / table).read_bytes()
    assert not out.exists()
