"""Mismatch of a mirror pair: the process's own Monte Carlo section beside this project's draws.

One deck of PAIRS mirrors of one unit device each, solved at rest: once with the section that the
process keeps for mismatch, its own random numbers, and once with the plain section and this
project's sigma, drawn here and added to each device's threshold by ``alter``. Compared is the
standard deviation of ln(I_out / I_in). The same draws on top of the corner ff show that the corner
keeps its mean: the diodes' mean gate voltage stays that of ff.

    python benchmarks/bench_mismatch.py [--tech sky130] [--section tt_mm]
"""

from __future__ import annotations

from typing import Any

import numpy as np

import mru_hw
from benchmarks.study import parsed, show, study
from mru_hw.model.network import Array
from mru_hw.spice.batch import batch, raw_values
from mru_hw.spice.deck import BENCH
from mru_hw.technology import MODELS, Technology, load_technology

RAW = "out.raw"
PAIRS = 4000
CURRENT = 31.25e-12  # A through a unit device, as in the cells


def solve(
    technology: Technology, device: str, section: str, drawn: Array | None, pairs: int
) -> tuple[Array, Array]:
    """Return I_out / I_in and |V_GS| [V], each (pairs,), of 1:1 mirrors.

    `drawn` (pairs, 2) adds to the thresholds [V].
    """
    d = technology.devices[device]
    n_type = d.polarity == "n"
    rail, sign = ("0", 1) if n_type else ("vdd", -1)
    lines = [
        f"* pairs of {device}",
        f".lib '{MODELS}' {section}",
        ".options gmin=1e-18 abstol=1e-18 reltol=1e-5 seed=1",
        technology.devices_spice(),
        f"vdd vdd 0 {technology.v_dd}",
        f"vd d 0 {technology.v_dd / 2}",
    ]
    for k in range(pairs):
        ends = ("vdd", f"g{k}") if n_type else (f"g{k}", "0")
        lines += [
            f"i{k} {ends[0]} {ends[1]} {CURRENT}",
            f"xa{k} g{k} g{k} {rail} {rail} {device}",
            f"vs{k} d{k} d 0",
            f"xb{k} d{k} g{k} {rail} {rail} {device}",
        ]
    inside = technology.transistor_path(device)
    commands = []
    if drawn is not None:
        # A corner may stand in delvto: what is drawn is added to it.
        probe = f"@m.xa0.{inside}[delvto]"
        commands = [f"let base = {probe}"]
        for k, pair in enumerate(drawn):
            for side, dvt in zip("ab", pair, strict=True):
                name = f"@m.x{side}{k}.{inside}[delvto]"
                commands += [f"let v = base + ({sign * dvt:.9e})", f"alter {name} = v"]
    saves = [*(f"v(g{k})" for k in range(pairs)), *(f"i(vs{k})" for k in range(pairs))]
    lines += [".control", f"save {' '.join(saves)}", "op"]
    if commands:
        lines += [*commands, "op"]
    lines += ["set filetype=ascii", f"write {RAW}", "quit", ".endc", ".end"]
    with batch({BENCH: "\n".join(lines) + "\n", **technology.model_files()}, RAW) as folder:
        numbers = raw_values(folder / RAW, saves)[-1]
    gates = numbers[-2 * pairs : -pairs]
    gates = gates if n_type else technology.v_dd - gates
    # After a failed operating point ngspice writes what the last iteration left.
    if not np.all((gates > 0.05) & (gates < technology.v_dd)):
        gates = np.full(pairs, np.nan)
    return np.abs(numbers[-pairs:]) / CURRENT, gates


def compare(technology: Technology, device: str, section: str, pairs: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    sigma = technology.sigma(device)[0]
    drawn = sigma * rng.standard_normal((pairs, 2))
    own = np.log(solve(technology, device, section, None, pairs)[0])
    ours = np.log(solve(technology, device, "tt", drawn, pairs)[0])
    moved = solve(technology, device, "ff", drawn, pairs)[1]
    still = {corner: solve(technology, device, corner, None, 1)[1][0] for corner in ("tt", "ff")}
    return {
        "sigma_vt_mV": 1e3 * sigma,
        "sigma_ln_ratio_process": float(own.std()),
        "sigma_ln_ratio_ours": float(ours.std()),
        "ours_over_process": float(ours.std() / own.std()),
        "standard_error": float(np.sqrt(1 / pairs)),
        "gate_mV": {
            "tt": float(1e3 * still["tt"]),
            "ff": float(1e3 * still["ff"]),
            "ff_with_mismatch_mean": float(1e3 * moved.mean()),
            "standard_error": float(1e3 * moved.std() / np.sqrt(pairs)),
        },
    }


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("--tech", default="sky130")
    parser.add_argument("--section", default="tt_mm", help="the process's own mismatch section")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    given = parsed(parser)
    technology = load_technology(given.tech)
    devices = {
        name: compare(technology, name, given.section, given.pairs)
        for name in ("n_mirror", "p_mirror", "n_cell", "p_cell", "n_logic", "p_logic")
    }
    show({"mru_hw": mru_hw.__version__, "pairs": given.pairs, **devices})


if __name__ == "__main__":
    main()
