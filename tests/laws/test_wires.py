"""Wires: what each net has, counted again in the deck, and what it does to the laws of time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mru_hw.cells.settling import WITHIN, bank_load, bus_loads, moving_rails, settling_times
from mru_hw.cells.wires import line_wires
from mru_hw.circuits.base import NodeKind, rail_of
from mru_hw.mapping.design import Design
from mru_hw.mapping.wire_load import NO_WIRES, WireLoad
from mru_hw.simulate import blocks
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip
from mru_hw.simulate.short_frame import short_frame
from mru_hw.spice.chip import chip_deck, chip_netlist, chip_wires, loop_net, node_net, rail_nets
from mru_hw.spice.power_up import power_up_time
from mru_hw.stimulus import make_inputs
from mru_hw.variation.placement import Placement
from scripts.schematics.deck import Subcircuit, read_subcircuits
from tests.agreement.networks import one_unit
from tests.laws.test_timed import FIRST_QUADRANT, TECHNOLOGY, make_chip, settled, timed
from tests.networks import draw_inputs

LEG = WireLoad(per_leg=50e-15)
LENGTH = WireLoad(per_length=1e-10)
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "ladders": ("cmru", {"levels": 2}),
    "loops": ("fq_bmru", FIRST_QUADRANT),
    "signed loops": ("fq_bmru", {}),
    "bits": ("bmru", {}),
    "windows": ("cmru", {"levels": 2, "threshold": "input"}),
    "skips": ("cmru", {"levels": 1, "skip": 1, "rectify_output": True}),
}


def make_wired(kind: str, wires: WireLoad, frame: str = "10 ms") -> Chip:
    cell, keys = KINDS[kind]
    return Chip(make_chip(cell, frame, **keys).model, TECHNOLOGY, wires=wires)


# --------------------------------------------------------------------- what hangs on each net


def on_nets(
    cells: dict[str, Subcircuit], cell: str, outer: dict[str, str], owner: str
) -> Counter[str]:
    """Count the legs on each net of the chip below a subcircuit's instance.

    A mirror transistor's drain and gate, a cell's follower that leads out to the state and the
    feedback into a loop's own node are legs. Of a node's own circuit only a splitter's gate is, on
    the line that the bias tree feeds.
    """
    found: Counter[str] = Counter()
    for words in cells[cell].lines:
        name, *nets, kind = (word for word in words if "=" not in word)
        there = [outer.get(net, "") for net in nets]
        if kind not in TECHNOLOGY.devices and kind in cells:
            pins = dict(zip(cells[kind].pins, there, strict=True))
            found += on_nets(cells, kind, pins, owner)
        elif owner == "node":
            found[there[1]] += there[1] == "q_n"
        elif kind.endswith("_mirror"):
            found.update(there[:2])
        elif name in ("xm3", "xm9"):
            found[there[0]] += 1
    return found


def legs(design: Design) -> Counter[str]:
    """Count the legs on every net of a chip's deck."""
    cells = read_subcircuits(chip_netlist(design))
    found: Counter[str] = Counter()
    for words in cells["mru_chip"].lines:
        name, *nets, kind = (word for word in words if "=" not in word)
        pins = dict(zip(cells[kind].pins, nets, strict=True)) if kind in cells else {}
        if name.startswith(("xw", "xum")):
            found.update(nets[:2])
        elif name.startswith("xu"):
            found += on_nets(cells, kind, pins, "unit")
            if kind != "hysteretic_cell":
                taps = 1 + sum("ladder_cell" in line for line in cells[kind].lines)
                found.update({net: taps for net in nets if net[:2] in ("hd", "st")})
        elif name not in ("xbias", "xrst") and not name.startswith(("xphi", "cw_")):
            found += on_nets(cells, kind, pins, "node")
    del found[""]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_net_has_its_legs_times_what_a_leg_has(kind: str) -> None:
    design = make_wired(kind, LEG).design
    found = {net: round(farads / LEG.per_leg) for net, farads in chip_wires(design).items()}
    counted = {net: n for net, n in legs(design).items() if n}
    assert found == counted


def test_a_net_is_as_long_as_half_the_box_around_what_hangs_on_it() -> None:
    """One unit: legs stand with the node that they copy, bias legs with the tree."""
    design = Chip(one_unit(), TECHNOLOGY, wires=LENGTH).design
    at = {name: places[0] for name, places in Placement.of(design).places.items()}

    def box(*names: str) -> float:
        return float(np.ptp([at[name] for name in names], axis=0).sum())

    found = {net: farads / LENGTH.per_length for net, farads in chip_wires(design).items()}
    biased = {c.target for c in design.connections if c.source == "bias" and c.plus.any()}
    # The bias tree feeds the unit's tails and the splitters.
    wanted = {net: box("bias", "c0") for net in ("iref", "bias_p")}
    wanted["q_n"] = box("bias", "x", "v0", "c0", "v1")
    nodes = {"v0_0": ("x", "v0"), "c0_0": ("v0", "c0"), "v1_0": ("h0", "v1"), "y0": ("v1", "y")}
    nodes["h0_0"] = ("c0", "h0")
    for net, (source, target) in nodes.items():
        wanted[net] = box(source, target, *(["bias"] if target in biased else []))
    wanted = {net: length for net, length in wanted.items() if length}
    assert found == pytest.approx(wanted, rel=1e-9)


def test_a_line_is_as_long_as_half_the_box_around_its_units() -> None:
    design = make_wired("ladders", LENGTH).design
    bank = design.banks[0]
    at = np.array(Placement.of(design).places[f"bank{bank.layer}"])
    assert line_wires(design, bank) == pytest.approx(1e-10 * np.ptp(at, axis=0).sum(), rel=1e-9)


# ---------------------------------------------------------------------------- one statement


@pytest.mark.parametrize("wires", [LEG, LENGTH])
@pytest.mark.parametrize("kind", KINDS)
def test_the_laws_have_the_capacitors_of_the_deck(kind: str, wires: WireLoad) -> None:
    chip, bare = make_wired(kind, wires), make_wired(kind, NO_WIRES)
    design, cal = chip.design, chip.calibration
    deck = chip_wires(design)
    text = [line.split() for line in chip_deck(design).splitlines() if line.startswith("cw_")]
    assert {words[1]: float(words[3]) for words in text} == pytest.approx(deck)
    assert all(words[0] == f"cw_{words[1]}" and words[2] == "vss" for words in text)
    without, seen = bus_loads(bare.design, cal), set()
    for name, load in bus_loads(design, cal).items():
        bus = design.buses[name]
        if not moving_rails(bus):
            continue
        added = {
            rail_nets(bus, 0)[role]: load.rails[rail_of(role)] - without[name].rails[rail_of(role)]
            for role in rail_nets(bus, 0)
        }
        added.setdefault(node_net(bus, 0), load.node - without[name].node)
        for net, farads in added.items():
            for k in range(bus.size):
                one = net.replace(f"{name}_0", f"{name}_{k}").replace(f"{name}0", f"{name}{k}", 1)
                seen.add(one)
                assert farads[k] == pytest.approx(deck.get(one, 0.0), rel=1e-6, abs=1e-21)
    for bank, plain in zip(design.banks, bare.design.banks, strict=True):
        if not bank.clocked:
            more = bank_load(design, cal, bank)["loop"] - bank_load(bare.design, cal, plain)["loop"]
            nets = [loop_net(bank.layer, k) for k in range(bank.n_units)]
            seen.update(nets)
            np.testing.assert_allclose(more, [deck.get(q, 0.0) for q in nets], atol=1e-21)
    lines = {f"{line}{b.layer}" for line in ("hd", "st") for b in design.banks if b.clocked}
    pins = {f"y{k}" for k in range(design.buses["y"].size)}
    assert set(deck) <= seen | lines | pins | {"iref", "bias_p", "q_n"}


def test_no_wires_are_no_change() -> None:
    chip, zero = make_chip("cmru", "10 ms", levels=2), make_wired("ladders", WireLoad())
    assert zero.design.digest() == chip.design.digest()
    assert chip_deck(zero.design) == chip_deck(chip.design)
    assert "cw_" not in chip_deck(chip.design)
    assert "wires" not in chip_deck(chip.design).split(".subckt")[0]
    others = {make_wired("ladders", wires).design.digest() for wires in (LEG, LENGTH)}
    assert len(others | {chip.design.digest()}) == 3


# ------------------------------------------------------------------------------------ time


def test_a_diode_settles_later_by_what_its_wires_take() -> None:
    """``n U_T C / (1 % I)`` of a state's node: its own rail has the output legs of its cells."""
    chip, bare = make_wired("loops", LEG), make_wired("loops", NO_WIRES)
    cal, design = chip.calibration, chip.design
    with_, without = settling_times(design, cal), settling_times(bare.design, cal)
    for name, bus in design.buses.items():
        if bus.kind is not NodeKind.RECTIFIED:
            continue
        loads = bus_loads(design, cal)[name].rails
        slowest = max(c.max() * cal.thermal(p, 27.0) for (_, p), c in loads.items())
        assert with_[name] == pytest.approx(slowest / (WITHIN * bus.usual), rel=1e-9)
        assert with_[name] > without[name]


def test_the_told_short_frame_moves_with_the_wires() -> None:
    wired, bare = (make_wired("ladders", w, "40 ms") for w in (WireLoad(per_leg=1e-12), NO_WIRES))
    assert short_frame(bare.design, bare.calibration, 27.0) == ""
    assert "is short" in short_frame(wired.design, wired.calibration, 27.0)


def test_a_candidate_lags_as_long_as_its_wires_say() -> None:
    """A step of the input, in frames far shorter than what it needs: its way is traced by frames.

    The slowest part is a decay in ``n U_T C / I``, so with k times the capacitance on every net
    that the signal passes it takes k times as long.
    """
    model = one_unit()
    spec = model.spec.model_validate(model.spec.model_dump() | {"frame_period": "0.4 ms"})
    inputs = make_inputs(np.array([2.0] * 8 + [0.05] * 120)[None, :, None])
    late = []
    for leg in (4e-12, 8e-12):
        chip = Chip(replace(model, spec=spec), TECHNOLOGY, wires=WireLoad(per_leg=leg))
        way = timed(chip, inputs).trace.candidates[0][0, 0, 8:, 0]
        half = (2.0 + way[-1]) / 2
        k = int(np.argmax(way < half))
        late.append(k - (half - way[k]) / (way[k - 1] - way[k]))
    assert late[1] / late[0] == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("law", [settled, timed])
def test_a_strobe_charges_its_lines_wires(law: Any) -> None:
    """``V^2 C`` a strobe more, and nothing else of the clock where the same drive moves them."""
    inputs = draw_inputs(4, 5, n_seq=2, n_time=3)
    wired, bare = make_wired("ladders", WireLoad(per_leg=1e-15)), make_wired("ladders", NO_WIRES)
    clocks = []
    for chip in (wired, bare):
        static, switching = energy(law(chip, inputs).supply).blocks["clock"]
        clocks.append((static + switching)[0])
    farads = sum(v for net, v in chip_wires(wired.design).items() if net[:2] in ("hd", "st"))
    more = TECHNOLOGY.v_dd**2 * farads * inputs.lengths
    np.testing.assert_allclose(clocks[0] - clocks[1], more, rtol=1e-9)


@pytest.mark.parametrize("law", [settled, timed])
def test_what_a_strobe_charges_is_worked_out_once(
    law: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With wires it takes a floor plan: none of a frame's or of a block of frames' own."""
    plans, place = [], Placement.of

    def counted(design: Design) -> Placement:
        plans.append(design)
        return place(design)

    monkeypatch.setattr(Placement, "of", counted)
    monkeypatch.setattr(blocks, "BLOCK_FRAMES", 2)
    chip, found = make_wired("ladders", LEG), []
    for n_time in (1, 9):
        plans.clear()
        law(chip, draw_inputs(4, 5, n_seq=1, n_time=n_time))
        found.append(len(plans))
    assert found[0] == found[1] > 0


def test_the_reset_waits_for_the_bias_lines_wires() -> None:
    wired, bare = make_wired("ladders", LEG), make_wired("ladders", NO_WIRES)
    deck, design = chip_wires(wired.design), bare.design
    rails = (deck["iref"] + deck["bias_p"]) * TECHNOLOGY.v_dd / 2
    reference = design.i_lsb * design.buses["bias"].units
    more = rails / reference + deck["q_n"] * TECHNOLOGY.v_dd / (2 * design.i_lsb)
    assert power_up_time(wired.design) - power_up_time(design) == pytest.approx(more, rel=1e-9)
