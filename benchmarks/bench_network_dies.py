"""Whole networks on mismatch dies: the behavioral array beside ngspice, die by die.

The same die exists in both: its draws move every device of the deck by `alter`. Each die runs the
same test sequences, rows 0, 10, 20 ... of X.npz; a run that was done before, with the same deck, is
read from --work. bench_first_quadrant leaves such a model and its X.npz.

    python benchmarks/bench_network_dies.py --model MODEL --inputs X.npz --work DIR
        [--tech generic180] [--design DESIGN.yaml] [--dies 20] [--sequences 10]
        [--corner C] [--temperature DEGC] [--vdd V]

A step is a unit's change of level at a frame. It is wrong where the mapped, rounded network (the
level ideal) changes otherwise; `reproduced` are ngspice's wrong steps that the array makes as well,
`invented` those that it alone makes. One wrong step changes what the units after it see, so in both
worlds wrong steps come in flocks.

Equivalence is shown, not the absence of a difference: two one-sided tests at 95 % (Schuirmann,
J. Pharmacokinet. Biopharm. 15, 1987), so 90 % intervals that must lie within the bounds: of the
mean difference of accuracy over dies (Student's t, 1 point), and of the ratios of the 10th and the
90th percentile of the energy (bootstrap over dies, 3 %).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import answer, asked_conditions, parsed, store_of, study, tell
from mru_hw.cli.design import chosen_options
from mru_hw.lab.agreement import TEST_ROWS, run_dies, run_sequence
from mru_hw.lab.equivalence import Side, energies, equivalence, levels_of, wrong_steps
from mru_hw.lab.store import Store
from mru_hw.model.io import load_model
from mru_hw.model.network import Array
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip
from mru_hw.simulate.supply import BLOCKS
from mru_hw.stimulus import Inputs, load_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import Conditions


def spice_side(
    chip: Chip, inputs: Inputs, dies: int, store: Store, conditions: Conditions
) -> tuple[Side, NDArray[np.bool_], Array]:
    """Run all dies; also which runs ended, and core-seconds, (die, sequence)."""
    n_time = inputs.x.shape[1]
    shape = (dies, inputs.n_seq)
    levels = [np.full((*shape, n_time, bank.n_units), np.nan) for bank in chip.design.banks]
    side = Side(
        decision=np.zeros(shape, dtype=np.int64),
        energy=np.zeros(shape),
        blocks=np.zeros((*shape, len(BLOCKS))),
        levels=levels,
    )
    done, seconds = np.zeros(shape, dtype=bool), np.zeros(shape)
    for d in range(dies):
        for row in range(inputs.n_seq):
            found = run_sequence(chip, inputs, row, store, conditions, seed=d)
            done[d, row] = str(found["status"][0]) == "DONE"
            seconds[d, row] = found["core_seconds"][0]
            side.decision[d, row], side.energy[d, row] = found["decision"][0], found["energy_J"][0]
            side.blocks[d, row] = found["blocks"]
            n = int(inputs.lengths[row])
            for i, level in enumerate(levels):
                level[d, row, :n] = found[f"layer{i}.level"][0, :n]
        tell(f"die {d}: {seconds[d].sum():.0f} core-s")
    return side, done, seconds


def array_side(chip: Chip, inputs: Inputs, dies: int, conditions: Conditions) -> Side:
    """Run the same dies in the behavioral array."""
    found = run_dies(chip, inputs, conditions, [chip.die(d) for d in range(dies)])
    priced = energy(found.supply)
    return Side(
        decision=found.trace.decision,
        energy=priced.total,
        blocks=np.stack([sum(priced.blocks[name]) for name in BLOCKS], axis=-1),
        levels=levels_of(chip, list(found.trace.states)),
    )


def main() -> None:
    parser = study(__doc__, conditions=True, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--design", type=Path)
    parser.add_argument("--dies", type=int, default=20)
    parser.add_argument("--sequences", type=int, default=10)
    given = parsed(parser)
    technology = load_technology(given.tech)
    conditions = asked_conditions(given, technology)
    options = chosen_options(given.design, None)
    chip = Chip(load_model(given.model), technology, options=options)
    inputs = load_inputs(given.inputs).take(TEST_ROWS * np.arange(given.sequences))
    spice, done, seconds = spice_side(chip, inputs, given.dies, store_of(given), conditions)
    array = array_side(chip, inputs, given.dies, conditions)
    alike = spice.decision == array.decision
    result = {
        "technology": given.tech,
        "conditions": conditions.as_data(),
        "design": chip.design.digest(),
        "dies": given.dies,
        "sequences": inputs.n_seq,
        "frames": inputs.lengths,
        "runs": int(done.size),
        "complete": int(done.sum()),
        "decisions_alike": int(alike[done].sum()),
        "wrong_steps": wrong_steps(chip, inputs, spice, array, done),
        "energy": energies(spice, array, done),
        "equivalence": equivalence(inputs, spice, array, done),
        "core_seconds": float(seconds.sum()),
    }
    answer(result)


if __name__ == "__main__":
    main()
