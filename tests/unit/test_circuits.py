"""What the catalogue says of a circuit's devices is what the deck has."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable

import pytest

import mru_hw
from mru_hw.circuits import catalogue
from mru_hw.circuits.base import NODE, Line, NodeRole, Rail, leg_of
from mru_hw.mapping.design import Bus, Design
from mru_hw.mapping.options import DesignOptions
from mru_hw.model.network import Model
from mru_hw.simulate.run import Chip
from mru_hw.spice.chip import SPLIT_NET, chip_netlist, node_net, rail_nets
from mru_hw.spice.deck import TOP
from mru_hw.spice.paths import device_paths
from scripts.schematics.deck import Instance, instances, read_subcircuits
from tests.agreement.networks import chip_of, loops, two_units, two_windows


def rising_loops() -> Model:
    return loops("fq_bmru", [1.0, 1.2], [0.4, 0.5])


def signed_loops() -> Model:
    model = rising_loops()
    signed = {"rectify_candidate": False, "rectify_input": False}
    layer = model.spec.layers[0].model_copy(update=signed)
    return dataclasses.replace(model, spec=model.spec.model_copy(update={"layers": (layer,)}))


NETWORKS = (two_units, two_windows, rising_loops, signed_loops)
AREAS: tuple[dict[str, int], ...] = ({}, {"feedback": 2, "c0/diode_plus": 3, "split_n": 2})
DESIGNS = [
    pytest.param(network, area, id=f"{network.__name__}{'-wide' * bool(area)}")
    for network in NETWORKS
    for area in AREAS
]
LINES = {"n": "iref", "p": "bias_p"}


def placed(design: Design) -> dict[str, Instance]:
    """The deck's devices by their path; a unit device's subcircuit stays closed."""
    devices = frozenset((*design.technology.devices, "c_state"))
    found = instances(read_subcircuits(chip_netlist(design)), "mru_chip", closed=devices)
    return {f"{TOP}.{device.name}": device for device in found}


def rail_net(bus: Bus, k: int, rail: Rail | str) -> str:
    if isinstance(rail, str):
        return node_net(bus, k)
    return rail_nets(bus, k)[leg_of(rail)]


@pytest.mark.parametrize(("network", "area"), DESIGNS)
def test_every_role_is_a_device_of_its_class_and_size(
    network: Callable[[], Model], area: dict[str, int]
) -> None:
    design = Chip(network(), options=DesignOptions(area=area)).design
    deck = placed(design)
    for group in design.device_groups():
        inside = f".{design.technology.transistor_path(group.device)}"
        for index, path in device_paths(design, group):
            device = deck[path.removesuffix(inside)]
            assert device.cell == group.device
            assert int(device.units or 1) == group.units[index], path


@pytest.mark.parametrize("network", NETWORKS)
def test_a_nodes_roles_hang_on_the_nets_of_the_deck(network: Callable[[], Model]) -> None:
    design = chip_of(network()).design
    deck = placed(design)
    for group in design.device_groups():
        bus = design.buses.get(group.key[0])
        if bus is None:
            continue
        part: NodeRole = bus.circuit.role(group.key[1])
        inside = f".{design.technology.transistor_path(group.device)}"
        for (k,), path in device_paths(design, group):
            nets = deck[path.removesuffix(inside)].nets
            if part.gate is not None:
                assert nets["g"] == rail_net(bus, k, part.gate), path
            if part.line is Line.SPLITTERS:
                assert nets["g"] == SPLIT_NET, path
            if part.line is Line.RAIL:
                assert nets["g"] == LINES[group.device[0]], path
            for net in part.drains:
                assert rail_net(bus, k, net) in (nets["d"], nets["s"]), path


@pytest.mark.parametrize("network", NETWORKS)
def test_a_units_roles_hang_on_the_nets_of_the_deck(network: Callable[[], Model]) -> None:
    design = chip_of(network()).design
    deck = placed(design)
    for bank in design.banks:
        inner: dict[tuple[int, str], set[str]] = {}
        for group, part in design.bank_groups(bank):
            inside = f".{design.technology.transistor_path(group.device)}"
            for (k, *_), path in device_paths(design, group):
                nets = deck[path.removesuffix(inside)].nets
                if part.reads:
                    bus = design.buses[bank.read_by(part)]
                    assert nets["g"] == rail_nets(bus, k)[part.reads], path
                if part.line is Line.RAIL:
                    assert nets["g"] == LINES[group.device[0]], path
                for terminal, names in (("g", part.gates), ("d", part.drains)):
                    for name in names:
                        inner.setdefault((k, name), set()).add(nets[terminal])
        # Roles that share a net inside share it in the deck, and with no other net's.
        assert all(len(found) == 1 for found in inner.values())
        assert len(set.union(*inner.values())) == len(inner)
        assert {name for _, name in inner} == set(bank.circuit.inner)


def test_a_circuit_refuses_a_role_that_it_does_not_have() -> None:
    circuit = chip_of(two_units()).design.banks[0].circuit
    with pytest.raises(KeyError, match="ladder has no copy_minus"):
        circuit.role("copy_minus")


def test_the_net_that_legs_drive_is_a_rail_or_the_nodes_own() -> None:
    design = chip_of(rising_loops()).design
    for bus in design.buses.values():
        into = bus.circuit.into
        assert into == NODE or rail_nets(bus, 0)[into] == node_net(bus, 0)


def test_what_the_catalogue_names_is_called_so_nowhere_else() -> None:
    names = {"NODES", "NODE_VIEWS", "ROLE_NAMES", "UNIT_CIRCUITS", "LADDER", "LOOP", "WINDOW"}
    assert names <= vars(catalogue).keys()
    other = []
    for found in pkgutil.walk_packages(mru_hw.__path__, "mru_hw."):
        if found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        other += [
            f"{found.name}.{name}"
            for name in names & vars(module).keys()
            if getattr(module, name) is not getattr(catalogue, name)
        ]
    assert other == []
