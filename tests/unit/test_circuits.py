"""What the catalogue says of a circuit's devices is what the deck has."""

from __future__ import annotations

import dataclasses
import importlib
import pickle
import pkgutil
from collections.abc import Callable

import pytest

import mru_hw
from mru_hw.circuits import catalogue
from mru_hw.circuits.base import NODE, Line, NodeCircuit, NodeRole, Rail, leg_of
from mru_hw.mapping.design import Bus, Design
from mru_hw.mapping.options import DesignOptions
from mru_hw.mapping.rows import INPUTS, Part
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
WIDE = {"feedback": 2, "c0/diode_plus": 3, "split_n": 2, "split_source": 2}
OPTIONS = {
    "": DesignOptions(),
    "-wide": DesignOptions(area=WIDE),
    "-resting": DesignOptions(split_units=3),
    "-both": DesignOptions(area=WIDE, split_units=1),
}
DESIGNS = [
    pytest.param(network, options, id=f"{network.__name__}{name}")
    for network in NETWORKS
    for name, options in OPTIONS.items()
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


@pytest.mark.parametrize(("network", "options"), DESIGNS)
def test_every_role_is_a_device_of_its_class_and_size(
    network: Callable[[], Model], options: DesignOptions
) -> None:
    design = Chip(network(), options=options).design
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


@pytest.mark.parametrize("circuit", catalogue.NODES.values(), ids=lambda one: one.kind.value)
def test_a_nodes_laws_find_the_diode_and_the_copy_of_every_rail(circuit: NodeCircuit) -> None:
    for rail in circuit.rails:
        (diode,) = circuit.diodes(rail)
        assert diode.polarity == rail[1]
    for sign in circuit.signs if circuit.copied else ():
        (copy,) = circuit.copies(sign)
        (other,) = copy.drains
        assert copy.gate == circuit.own(sign) != other
        assert other in circuit.rails


def test_a_row_s_name_knows_what_the_row_is() -> None:
    name = Part.SIGNAL.of(12)
    assert (name, name.part, name.layer) == ("v12", Part.SIGNAL, 12)
    assert (INPUTS, INPUTS.part, INPUTS.layer) == ("x", Part.INPUT, None)
    back = pickle.loads(pickle.dumps(name))
    assert (back, back.part, back.layer) == (name, name.part, name.layer)
    design = chip_of(two_windows()).design
    names = [*design.buses, *(bank.name for bank in design.banks)]
    ends = [end for connection in design.connections for end in connection.ends]
    rows = {bank.threshold for bank in design.banks} | {bank.state for bank in design.banks}
    assert {*ends, *rows} <= {*names}
    assert len({(n.part, n.layer) for n in ends}) == len(set(ends))


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
