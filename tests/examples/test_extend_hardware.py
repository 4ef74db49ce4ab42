"""The pages on extending, done as they say in a temporary folder."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from mru_hw import core_yaml
from mru_hw.cells.base import Devices
from mru_hw.cells.settling import bank_load, bus_loads, device_capacitance
from mru_hw.circuits.base import NodeKind
from mru_hw.circuits.catalogue import NODES
from mru_hw.circuits.legs.gains import node_flip
from mru_hw.circuits.legs.rails import rail_factor
from mru_hw.circuits.loop.circuit import LOOP
from mru_hw.circuits.nodes.supply import node_supply
from mru_hw.circuits.statements import Element, Subckt
from mru_hw.cli.app import run
from mru_hw.data import circuits_dir
from mru_hw.mapping import map_model
from mru_hw.mapping.design import Design
from mru_hw.mapping.options import DesignOptions
from mru_hw.model.io import save_model
from mru_hw.spice.chip import chip_deck
from mru_hw.spice.dialects import DIALECTS
from mru_hw.spice.paths import device_paths
from mru_hw.spice.reader import read_statements
from mru_hw.stimulus import make_inputs
from mru_hw.stimulus.inputs import save_inputs
from mru_hw.technology import load_technology, technology_names
from mru_hw.technology.calibration import load_calibration
from mru_hw.variation import draw_die
from tests.agreement.networks import chip_of, two_units
from tests.unit import test_circuits
from tests.unit.test_circuits import placed, rising_loops

PAGES = Path(__file__).parents[2] / "docs" / "extend"


def block(page: str, kind: str) -> str:
    """The page's one block of a language."""
    (found,) = blocks(page, kind)
    return found


def blocks(page: str, kind: str) -> list[str]:
    """The page's blocks of a language, in their order."""
    text = (PAGES / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def mapped(tech: str = "generic180") -> Design:
    technology = load_technology(tech)
    return map_model(two_units(), technology, load_calibration(technology))


# ---------------------------------------------------------------------------------- technology


@pytest.fixture
def wide180(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own in which the page's steps are done; returns the technology's."""
    folder = tmp_path / "technologies" / "wide180"
    monkeypatch.setenv("MRU_HW_TECHNOLOGIES", str(folder.parent))
    shutil.copytree(circuits_dir() / "technology" / "generic180", folder)
    document = core_yaml.load((folder / "technology.yaml").read_bytes())
    document |= core_yaml.load(block("technology.md", "yaml").encode())
    (folder / "technology.yaml").write_text(core_yaml.dump(document), encoding="utf-8")
    names: dict[str, object] = {}
    for text in blocks("technology.md", "python"):
        exec(compile(text, "technology.md", "exec"), names)
    return folder


def test_a_technology_is_a_folder(wide180: Path, tmp_path: Path) -> None:
    assert technology_names() == ("generic180", "sky130", "wide180")
    cells = (wide180 / "devices.sp").read_text(encoding="utf-8")
    assert cells.startswith("* Device classes of wide180")
    model, data, netlist = tmp_path / "model", tmp_path / "x.npz", tmp_path / "netlist"
    save_model(two_units(), model)
    save_inputs(make_inputs(np.random.default_rng(1).normal(size=(3, 6, 2))), data)
    assert run(["netlist", str(model), "--tech", "wide180", "--out", str(netlist)]) == 0
    assert "* technology wide180, models " in (netlist / "chip.cir").read_text(encoding="utf-8")
    arguments = ["simulate", str(model), "--inputs", str(data), "--tech", "wide180"]
    found = {}
    for name, further in (("nominal", []), ("die", ["--die", "1"])):
        out = tmp_path / f"{name}.npz"
        level = ["--level", "behavioral", "--out", str(out)]
        assert run([*arguments, *level, *further]) == 0
        with np.load(out) as arrays:
            found[name] = arrays["output"]
            assert np.all(arrays["energy_J"] > 0)
    assert not np.array_equal(found["nominal"], found["die"])


def test_what_a_technology_changes_is_what_its_dies_are_drawn_with(
    wide180: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = draw_die(mapped("wide180"), 1)
    monkeypatch.undo()
    theirs = draw_die(mapped(), 1)
    assert ours.dvt.keys() == theirs.dvt.keys()
    for key, shifts in theirs.dvt.items():
        np.testing.assert_allclose(ours.dvt[key], 2 * shifts, rtol=1e-12)
        np.testing.assert_allclose(ours.dbeta[key], 2 * theirs.dbeta[key], rtol=1e-12)


# ------------------------------------------------------------------------------------- dialect


def test_a_dialect_is_a_class_in_the_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cdl.py"
    file.write_text(block("dialect.md", "python"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("cdl", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(DIALECTS, "cdl", module.Cdl())
    model, out = tmp_path / "model", tmp_path / "netlist"
    save_model(two_units(), model)
    command = ["netlist", str(model), "--dialect", "cdl", "--out", str(out)]
    assert run(command) == 0
    names = {path.name for path in out.iterdir()}
    tables = ("elements.csv", "budget.csv", "errors.csv", "expected.csv")
    assert names == {"chip.cdl", "bench.cdl", *tables}
    text = (out / "chip.cdl").read_text(encoding="utf-8")
    assert " / cmru_unit_k2_s0 " in text.replace("\n+ ", " ")
    # Read back as SPICE, every device and subcircuit is the emitter's.
    again = text.replace(".SUBCKT", ".subckt").replace(".ENDS", ".ends").replace(" / ", " ")
    emitted = chip_deck(mapped()).replace("{", "").replace("}", "")
    found, wanted = (
        [s for s in read_statements(lines.split("\n")) if isinstance(s, Element | Subckt)]
        for lines in (again, emitted)
    )
    assert found == wanted
    # A die goes along as parameters of a flat chip's devices, for every dialect but ngspice.
    assert run([*command, "--die", "4"]) == 0
    flat = (out / "chip.cdl").read_text(encoding="utf-8")
    assert flat.count(".SUBCKT") == 1
    assert "delvto=" in flat


# ------------------------------------------------------------------------------------- circuit


def test_a_node_with_two_flips_is_drawn_placed_and_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibration = load_calibration(load_technology("generic180"))
    before = mapped()
    digest = before.digest()
    assert "relu_node_twice" not in chip_deck(before)
    loaded = bus_loads(before, calibration)

    circuits = tmp_path / "circuits"
    shutil.copytree(circuits_dir(), circuits)
    with (circuits / "relu_node" / "cell.sp").open("a", encoding="utf-8") as stream:
        stream.write(block("circuit.md", "spice"))
    monkeypatch.setattr("mru_hw.circuits.views.circuits_dir", lambda: circuits)
    monkeypatch.setitem(NODES, NodeKind.RECTIFIED, NODES[NodeKind.RECTIFIED])  # put back after
    exec(compile(block("circuit.md", "python"), "circuit.md", "exec"), {})

    design = mapped()
    assert design.digest() != digest
    rows = [bus for bus in design.buses.values() if bus.kind is NodeKind.RECTIFIED]
    assert rows
    groups = {group.key: group for group in design.device_groups()}
    deck = placed(design)
    unit = device_capacitance(design.technology, calibration)
    loads = bus_loads(design, calibration)
    die = draw_die(design, 1)
    for bus in rows:
        for role, device in (("flip_plus_2", "n_mirror"), ("flip_plus_diode_2", "p_mirror")):
            group = groups[bus.name, role]
            assert group.device == device
            assert group.units.tolist() == [bus.units] * bus.size
            assert die.dvt[group.key].shape == (bus.size,)
            inside = f".{design.technology.transistor_path(device)}"
            for (k,), path in device_paths(design, group):
                instance = deck[path.removesuffix(inside)]
                assert (instance.cell, int(instance.units)) == (device, bus.units)
                assert path.startswith(f"xchip.x{bus.name}_{k}.xf")
        # Two flips side by side: their mean on the way to the legs, their sum from the supply.
        devices = Devices(design=design, calibration=calibration, die=die, temperature=27.0)
        one, two = (
            devices.factor(bus.name, f"flip_plus{n}", "n")
            / devices.factor(bus.name, "diode_plus", "n")
            for n in ("", "_2")
        )
        passed = [devices.factor(bus.name, f"flip_plus_diode{n}", "p") for n in ("", "_2")]
        factor = rail_factor(devices, bus, "source_plus")
        np.testing.assert_allclose(factor, (one + two) / sum(passed), rtol=1e-12)
        drawn, _ = node_supply(devices, bus)
        gain = node_flip(calibration, bus, "plus")
        np.testing.assert_allclose(drawn, (one + two) * gain, rtol=1e-12)
        # One gate more on the node's own rail; a drain, a gate and a drain more on the other.
        own, other = ("plus", "n"), ("plus", "p")
        for rail, more in (
            (own, unit["n_mirror"][0]),
            (other, unit["n_mirror"][1] + sum(unit["p_mirror"])),
        ):
            grown = loads[bus.name].rails[rail] - loaded[bus.name].rails[rail]
            np.testing.assert_allclose(grown, bus.units * more, rtol=1e-9)
    # Nothing else is drawn otherwise: a group has a random stream of its own.
    usual = draw_die(before, 1)
    assert all(np.array_equal(die.dvt[key], shifts) for key, shifts in usual.dvt.items())


def test_a_loop_with_two_hold_legs_is_drawn_placed_and_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = chip_of(rising_loops())
    # Before the variant is there: a Design looks its circuits up.
    loaded = bank_load(usual.design, usual.calibration, usual.design.banks[0])["loop"]
    circuits = tmp_path / "circuits"
    shutil.copytree(circuits_dir(), circuits)
    view = circuits / "hysteretic_cell" / "cell.sp"
    text, leg = view.read_text(encoding="utf-8"), "xm2 v n vss vss n_mirror units={hold}\n"
    assert leg in text
    view.write_text(text.replace(leg, leg + leg.replace("xm2", "xm2b")), encoding="utf-8")
    monkeypatch.setattr("mru_hw.circuits.views.circuits_dir", lambda: circuits)
    second = dataclasses.replace(LOOP.role("hold"), name="hold_2", path="xm2b", parameter="")
    variant = dataclasses.replace(LOOP, roles=(*LOOP.roles, second))
    monkeypatch.setattr("mru_hw.circuits.catalogue.LOOP", variant)
    monkeypatch.setattr("mru_hw.spice.chip.UNIT_CIRCUITS", (variant,))

    # What holds every circuit holds it: device groups, deck, sizes, nets.
    test_circuits.test_every_role_is_a_device_of_its_class_and_size(rising_loops, DesignOptions())
    test_circuits.test_a_units_roles_hang_on_the_nets_of_the_deck(rising_loops)
    after = chip_of(rising_loops())
    bank = after.design.banks[0]
    groups = {group.key: group for group in after.design.device_groups()}
    added = groups[bank.name, "hold_2"]
    assert np.array_equal(added.units, groups[bank.name, "hold"].units)
    drain = device_capacitance(after.design.technology, after.calibration)["n_mirror"][1]
    grown = bank_load(after.design, after.calibration, bank)["loop"]
    np.testing.assert_allclose(grown - loaded, drain * added.units[:, 0], rtol=1e-9)
