"""Mirrors against channel length, in ngspice: what sizing and the error budget stand on.

All mirrors are 1:1 of UNITS unit devices of the placed width; a cascode doubles each device with
one of the same size, its gate held by a stack of two diodes. Benches:

output   current of a leg over V_DS at the usual current, plain and with cascodes
gate     |V_GS| of the diode over current
leakage  current of a leg over the diode's current, down to none, with half the supply across it
node     voltage of a signed node over what flows into it
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mru_hw.model.network import Array
from mru_hw.spice.batch import batch, raw_values
from mru_hw.spice.cells import cell_views
from mru_hw.spice.characterize.base import I_USUAL, UNITS
from mru_hw.spice.deck import BENCH
from mru_hw.technology import MODELS, Technology
from mru_hw.technology.conditions import nominal_conditions

Row = dict[str, str]
LENGTHS = (1e-6, 2e-6, 4e-6, 8e-6, 16e-6)  # m
V_DS = np.linspace(0.2, 1.75, 32)
GATE = I_USUAL * np.logspace(-1, 1, 9)
LEAKAGE = I_USUAL * np.array([0.0, 0.01, 0.032, 0.1, 0.32, 1.0])
NODE = I_USUAL * np.array([-3, -1, -0.3, -0.1, -0.03, 0, 0.03, 0.1, 0.3, 1, 3])
LEAKY, HOT = "ff", 85.0
"""Where leakage is taken beside the nominal conditions: the corner, if it is there, and degC."""
RAW = "out.raw"
OPTIONS = ".options gmin=1e-18 abstol=1e-18 vntol=1e-9 reltol=1e-6"


def measured_lengths(technology: Technology, corners: Sequence[str]) -> list[Row]:
    """Run all benches; return a row a number with its conditions.

    Parameters
    ----------
    corners
        Those that are characterised, the nominal one first: leakage is taken at no other.
    """
    worst = LEAKY if LEAKY in corners else corners[0]
    rows = [*output_rows(technology), *gate_rows(technology)]
    for corner, temperature in ((corners[0], technology.temperature), (worst, HOT)):
        rows += leakage_rows(technology, corner, temperature)
    return [*rows, *node_rows(technology)]


def output_rows(technology: Technology) -> Iterator[Row]:
    """Run one mirror for every polarity, length and kind, one sweep of all drains."""
    cases = [(p, at, c) for p in "np" for at in LENGTHS for c in (False, True)]
    lines = []
    for k, (polarity, length, cascode) in enumerate(cases):
        lines += mirror(k, polarity, length, I_USUAL, f"d{polarity}", cascode=cascode)
    sweep = f"dc vd {V_DS[0]:.6g} {V_DS[-1]:.6g} {V_DS[1] - V_DS[0]:.9g}"
    drains = ["vd dn 0 1", "ed dp 0 0 dn 1"]
    found = solve(technology, [*drains, *lines], currents(len(cases)), sweep)
    for k, (polarity, length, cascode) in enumerate(cases):
        for v_ds, current in zip(V_DS, np.abs(found[:, k]), strict=True):
            yield _row("output", polarity, length, I_USUAL, v_ds, current, "A", cascode=cascode)


def gate_rows(technology: Technology) -> Iterator[Row]:
    """Run one diode for every polarity, length and current."""
    cases = [(p, at, i) for p in "np" for at in LENGTHS for i in GATE]
    lines = [x for k, (p, at, i) in enumerate(cases) for x in mirror(k, p, at, i, f"d{p}")]
    gates = [f"v(g{k})" for k in range(len(cases))]
    half = technology.v_dd / 2
    drains = [f"vd dn 0 {half}", f"ve dp 0 -{half}"]
    found = solve(technology, [*drains, *lines], gates, "op")
    for (polarity, length, current), gate in zip(cases, np.abs(found[0]), strict=True):
        yield _row("gate", polarity, length, current, None, gate, "V")


def leakage_rows(technology: Technology, corner: str, temperature: float) -> Iterator[Row]:
    """Follow the leg where the diode's current goes to nothing."""
    cases = [(p, at, c, i) for p in "np" for at in LENGTHS for c in (False, True) for i in LEAKAGE]
    lines = []
    for k, (polarity, length, cascode, current) in enumerate(cases):
        lines += mirror(k, polarity, length, current, f"d{polarity}", cascode=cascode)
    half = technology.v_dd / 2
    drains = [f"vd dn 0 {half}", f"ve dp 0 -{half}"]
    found = solve(technology, [*drains, *lines], currents(len(cases)), "op", corner, temperature)
    for (polarity, length, cascode, current), leg in zip(cases, np.abs(found[0]), strict=True):
        at = {"corner": corner, "temperature_degC": f"{temperature:g}"}
        row = _row("leakage", polarity, length, current, half, leg, "A", cascode=cascode)
        yield row | at


def node_rows(technology: Technology) -> Iterator[Row]:
    """Run signed nodes side by side, one for every current."""
    lines = [
        cell_views(),
        f"vdd vdd 0 {technology.v_dd}",
        f"ib vdd iref {I_USUAL}",
        "xb iref bias_p q_n vdd 0 bias_tree units=64",
    ]
    for k, current in enumerate(NODE):
        lines += [
            f"i{k} 0 c{k} {current:.6g}",
            f"xs{k} c{k} n{k} p{k} q_n vdd 0 signed_split units={UNITS}",
        ]
    nodes = [f"v(c{k})" for k in range(len(NODE))]
    found = solve(technology, lines, nodes, "op")
    for current, node in zip(NODE, found[0], strict=True):
        yield _row("node", "", technology.devices["n_mirror"].l, current, None, node, "V")


def mirror(
    k: int, polarity: str, length: float, current: float, drain: str, *, cascode: bool = False
) -> list[str]:
    """Write a mirror; its PMOS stands on ground too, with everything else below it."""
    into = f"0 g{k}" if polarity == "n" else f"g{k} 0"
    device = f"{polarity}_{length * 1e6:.0f}u units={UNITS}"
    lines = [f"i{k} {into} {current:.6g}", f"vs{k} {drain} o{k} 0"]
    if not cascode:
        return [*lines, f"xd{k} g{k} g{k} 0 0 {device}", f"xl{k} o{k} g{k} 0 0 {device}"]
    return [
        *lines,
        f"xe{k} g{k} g{k} m{k} 0 {device}",
        f"xd{k} m{k} m{k} 0 0 {device}",
        f"xk{k} o{k} g{k} s{k} 0 {device}",
        f"xl{k} s{k} m{k} 0 0 {device}",
    ]


def currents(n: int) -> list[str]:
    """Name the currents of so many mirrors' legs."""
    return [f"i(vs{k})" for k in range(n)]


def _row(
    bench: str,
    polarity: str,
    length: float,
    current: float,
    v_ds: float | None,
    value: float,
    unit: str,
    *,
    cascode: bool = False,
) -> Row:
    return {
        "bench": bench,
        "polarity": polarity,
        "l_um": f"{length * 1e6:g}",
        "cascode": f"{cascode:d}",
        "corner": "tt",
        "temperature_degC": "27",
        "units": f"{UNITS}",
        "i_in_A": f"{current:.6g}",
        "v_ds_V": "" if v_ds is None else f"{v_ds:.6g}",
        "value": f"{value:.6g}",
        "unit": unit,
    }


def solve(
    technology: Technology,
    lines: list[str],
    saves: list[str],
    analysis: str,
    corner: str | None = None,
    temperature: float | None = None,
    *,
    sizes: tuple[float, ...] = LENGTHS,
) -> Array:
    """Return the saved vectors, (n_points, n_saves), of a process of its own.

    At the technology's corner and temperature where they are None. The mirrors may have the
    lengths `sizes` [m].
    """
    nominal = nominal_conditions(technology)
    corner = nominal.corner if corner is None else corner
    temperature = nominal.temperature if temperature is None else temperature
    lengths = {
        f"{p}_{at * 1e6:.0f}u": technology.devices[f"{p}_mirror"].model_copy(update={"l": at})
        for p in "np"
        for at in sizes
    }
    longer = technology.model_copy(update={"devices": technology.devices | lengths})
    text = [
        "* mirrors against length",
        f".lib '{MODELS}' {corner}",
        OPTIONS,
        f".temp {temperature}",
        longer.devices_spice(),
        *lines,
        ".control",
        "save " + " ".join(saves),
        analysis,
        "set filetype=ascii",
        f"write {RAW}",
        "quit",
        ".endc",
        ".end",
    ]
    files = {BENCH: "\n".join(text) + "\n", **technology.model_files()}
    with batch(files, RAW) as folder:
        return raw_values(folder / RAW, saves)
