"""The stages of a demo; each takes files that the one before wrote and leaves its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mru_hw.cli.demo_folder import INPUTS, MODEL, MODEL_SPICE, NETLIST, STORE, remove
from mru_hw.errors import RunStatus, SimulationError, UserError
from mru_hw.model.io import load_model
from mru_hw.model.structure import normalised
from mru_hw.npz import read_npz
from mru_hw.report.agreement import agreement
from mru_hw.simulate.energy import energy
from mru_hw.simulate.expected import expected_figures
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.simulate.spice_level import simulate_spice
from mru_hw.simulate.spice_size import transistors
from mru_hw.spice.folder import write_netlist
from mru_hw.stimulus import Inputs, load_inputs, save_inputs
from mru_hw.stimulus.inputs import INPUT_BYTES
from mru_hw.sweeps.crew import Crew
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.run import Outcome, run_sweep
from mru_hw.sweeps.store_file import UnusableStoreError
from mru_hw.sweeps.subject import RESULTS
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.words import many

TECHNOLOGY = "generic180"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much a demo does.

    Attributes
    ----------
    epochs
        Of both trainings; None for the configurations' own.
    dies
        Of the Monte Carlo.
    dies_a_point, mismatch, noise
        Of the smaller sweep over both scales.
    sequences, frames
        What ngspice runs: the first test sequences, their first frames; None for all frames.
    """

    epochs: int | None
    dies: int
    dies_a_point: int
    mismatch: tuple[float, ...]
    noise: tuple[float, ...]
    sequences: int
    frames: int | None


FULL = Size(
    epochs=None,
    dies=1000,
    dies_a_point=25,
    mismatch=(0.0, 0.5, 1.0, 1.5, 2.0),
    noise=(0.0, 1.0, 10.0),
    sequences=2,
    frames=None,
)
QUICK = Size(
    epochs=4,
    dies=16,
    dies_a_point=2,
    mismatch=(0.0, 1.0),
    noise=(0.0, 1.0),
    sequences=1,
    frames=2,
)
CONFIGURATIONS = {MODEL: "digits-2x16", MODEL_SPICE: "digits-2x8"}


def write_inputs(out: Path) -> None:
    """Write the test rows of the spoken digits, unless they stand there already."""
    from mru_hw.training.digits import load_digits, split_rows

    test = split_rows(load_digits()).test
    path = out / INPUTS
    if path.is_file() and _same(path, test):
        return
    save_inputs(test, path)


def train_both(out: Path, size: Size, workers: int) -> bool:
    """Train both networks side by side; tell whether both stood there already."""
    with Crew(min(workers, len(CONFIGURATIONS))) as crew:
        runs = [
            crew.submit(train_one, configuration, size.epochs, out / folder)
            for folder, configuration in CONFIGURATIONS.items()
        ]
        stood = [run.result() for run in runs]
    return all(stood)


def train_one(configuration: str, epochs: int | None, out: Path) -> bool:
    """Train one network, in a process of its own; tell whether it stood there already.

    A model that cannot be read is made anew.
    """
    from mru_hw.training.config import shipped_config
    from mru_hw.training.run import train

    config = shipped_config(configuration)
    if epochs is not None:
        training = config.training.model_copy(update={"epochs": epochs})
        config = config.model_copy(update={"training": training})
    try:
        if out.exists():
            load_model(out)
    except UserError:
        remove(out)
    return train(config, out).resumed_at == config.training.epochs


def plans(size: Size) -> dict[str, Plan]:
    """Return what the demo sweeps: many dies as they are, fewer over both scales."""
    common = {"model": MODEL, "inputs": INPUTS, "tech": TECHNOLOGY, "keep": "all"}
    axes = [
        {"axis": "mismatch_scale", "values": size.mismatch},
        {"axis": "noise_scale", "values": size.noise},
    ]
    return {
        "dies": Plan.model_validate(common | {"n_dies": size.dies}),
        "scales": Plan.model_validate(common | {"n_dies": size.dies_a_point, "axes": axes}),
    }


def sweep(out: Path, size: Size, workers: int, progress: Callable[[int, int], None]) -> Outcome:
    """Run the Monte Carlo; a store of other networks than there are now is begun anew."""
    store = out / STORE
    try:
        return run_sweep(plans(size), out, store, workers=workers, progress=progress)
    except UnusableStoreError:
        remove(store)
    return run_sweep(plans(size), out, store, workers=workers, progress=progress)


def netlist(out: Path) -> dict[str, Any]:
    """Write the netlist of the smaller network; return facts of both chips."""
    technology = load_technology(TECHNOLOGY)
    inputs = load_inputs(out / INPUTS)
    facts: dict[str, Any] = {}
    for folder in CONFIGURATIONS:
        chip = Chip(load_model(out / folder), technology)
        levels = {
            "software": simulate_ideal(chip.model, inputs, keep="decisions"),
            "ideal": simulate_ideal(chip.mapped, inputs, keep="decisions"),
            "behavioral": chip.run(inputs).trace,
        }
        shares = {name: float(np.mean(t.decision == inputs.y)) for name, t in levels.items()}
        facts[folder] = {
            "layers": " + ".join(str(layer.n_units) for layer in chip.model.spec.layers),
            "accuracy": shares | {"dies": None},
            "transistors": transistors(chip.design),
            "design": chip.design.digest(),
        }
        if folder == MODEL_SPICE:
            at = nominal_conditions(technology)
            frames = normalised(chip.design.spec, inputs.x[0, : inputs.lengths[0]])
            made = chip.design, chip.calibration
            write_netlist(
                out / NETLIST,
                chip.model,
                *made,
                conditions=at,
                frames=frames,
                expected=expected_figures(*made, frames, conditions=at, die=None),
            )
    return facts


def spice_subject(out: Path, size: Size) -> tuple[Chip, Inputs, str]:
    """Return the chip and the sequences that ngspice runs, and a hash of both."""
    chip = Chip(load_model(out / MODEL_SPICE), load_technology(TECHNOLOGY))
    inputs = load_inputs(out / INPUTS).take(slice(0, size.sequences))
    if size.frames is not None:
        lengths = np.minimum(inputs.lengths, size.frames)
        inputs = Inputs(x=inputs.x[:, : int(lengths.max())], lengths=lengths, y=inputs.y)
    sha = hashlib.sha256(chip.design.digest().encode() + inputs.x.tobytes())
    sha.update(inputs.lengths.tobytes() + chip.calibration.model_dump_json().encode())
    sha.update(str(RESULTS).encode())
    return chip, inputs, sha.hexdigest()


def ngspice(
    chip: Chip, inputs: Inputs, workers: int, progress: Callable[[int], None]
) -> dict[str, Any]:
    """Run the netlist and return how it compares."""
    conditions = nominal_conditions(chip.design.technology)
    found = simulate_spice(
        chip.design,
        chip.calibration,
        inputs,
        conditions=conditions,
        workers=workers,
        progress=progress,
    )
    behavioral = chip.run(inputs)
    assert behavioral.supply is not None
    return agreement(
        chip.design,
        chip.mapped,
        inputs,
        ideal=simulate_ideal(chip.mapped, inputs),
        behavioral=behavioral.trace,
        priced=energy(behavioral.supply),
        spice=found,
    )


def refuse_cut_off(found: Mapping[str, Any]) -> None:
    """Raise `SimulationError` where the machine ended a run of ngspice: it is not to be kept."""
    statuses = [RunStatus[row["status"]] for row in found["rows"]]
    cut = [status for status in statuses if status.of_machine]
    if cut:
        was = "was" if len(cut) == 1 else "were"
        raise SimulationError(
            f"{len(cut)} of {many(len(statuses), 'run')} of ngspice {was} cut off. {cut[0].value} "
            "The same call goes on from here."
        )


def _same(path: Path, inputs: Inputs) -> bool:
    wanted = (("x", inputs.x), ("lengths", inputs.lengths), ("y", np.asarray(inputs.y)))
    try:
        arrays = read_npz(path, INPUTS, limit=INPUT_BYTES)
        return all(name in arrays and np.array_equal(arrays[name], v) for name, v in wanted)
    except UserError:
        return False
