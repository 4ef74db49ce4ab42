"""What a worker does for a zoo: train a network, judge it on dies, judge how long it remembers."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from mru_hw.errors import MISSING, UserError
from mru_hw.files import validated
from mru_hw.mapping.cells import without_circuit
from mru_hw.mapping.options import DesignOptions
from mru_hw.model.io import load_model
from mru_hw.simulate.run import Chip
from mru_hw.simulate.software import run_software
from mru_hw.simulate.spice_size import transistors
from mru_hw.stimulus import Inputs, load_inputs, save_inputs
from mru_hw.sweeps.face import Sweep, sweep
from mru_hw.technology import load_technology
from mru_hw.zoo.plan import ChipPlan, TaskPlan
from mru_hw.zoo.records import (
    ChipRecord,
    DieFigures,
    LengthRecord,
    PersistenceRecord,
    TrainingRecord,
)

if TYPE_CHECKING:
    from mru_hw.model.network import Model
    from mru_hw.model.structure import ModelSpec
    from mru_hw.training.chip import Chip as TrainingChip
    from mru_hw.training.config import ChipConfig, TrainConfig
    from mru_hw.training.fit import Epoch
    from mru_hw.training.run import Trained

POINT = 0.01
"""Of accuracy, that a die may lose."""


def train_one(
    config: TrainConfig, place: Path, folder: Path, about: Mapping[str, Any]
) -> TrainingRecord:
    """Train a network, or go on with it.

    Parameters
    ----------
    place
        The model folder.
    folder
        Where a relative path in the configuration begins.
    about
        What its record says of it beside what is found here.

    Raises
    ------
    UserError
        It cannot be trained; a loss that is no number is no such error but a result.
    """
    from mru_hw.training.fit import DivergedError

    began = core_time()
    ends = [time.process_time()]

    def show(_epoch: Epoch) -> None:
        ends.append(time.process_time())

    try:
        trained = _trained(config, place, folder, show)
    except DivergedError as error:
        diverged: dict[str, Any] = {"status": "diverged", "reason": str(error)}
        parameters = learned_numbers(config, folder)
    else:
        diverged = {"status": "done", **trained.accuracy}
        parameters = learned_numbers(config, folder, trained.model.spec)
    # The first epoch of a call has the loading of data and compiler before it.
    spans = [b - a for a, b in itertools.pairwise(ends[1:])]
    return TrainingRecord(
        **about,
        **diverged,
        parameters=parameters,
        epochs=config.training.epochs,
        seconds_epoch=median(spans) if spans else None,
        core_seconds=core_time() - began,
    )


def _trained(
    config: TrainConfig,
    place: Path,
    folder: Path,
    show: Any = None,
    start: Model | None = None,
) -> Trained:
    from mru_hw.training.run import train
    from mru_hw.twin.chip import TwinChip

    def chips(chip: ChipConfig, spec: ModelSpec) -> TrainingChip:
        return TwinChip(chip, spec)

    return train(config, place, show, folder=folder, start=start, chips=chips)


def learned_numbers(config: TrainConfig, folder: Path, spec: ModelSpec | None = None) -> int:
    """Return how many numbers a training learns: weights, biases and what else is not fixed."""
    from mru_hw.training.fit import begin
    from mru_hw.training.network import MemoryNetwork
    from mru_hw.training.run import structure

    network = MemoryNetwork(structure(config, config.source.load(folder)) if spec is None else spec)
    begin(config, network)
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def judge_on_chip(
    plan: ChipPlan,
    tuned: TrainConfig | None,
    places: tuple[Path, Path, Path, Path],
    software: float,
    digest: str,
) -> ChipRecord:
    """Run a network on the plan's dies, train it for the chip, and run what became of it.

    Parameters
    ----------
    tuned
        The training for the chip; None where the plan has none.
    places
        The model, the test part, the sweeps (their common beginning), and the plan's folder.
    software
        Accuracy of the network in software on the test part.
    digest
        Of the record.
    """
    model, inputs, dies, folder = places
    began = core_time()
    try:
        chip = Chip(load_model(model), plan.chip.tech, options(plan))
        before = _swept(plan, model, inputs, dies.with_name(f"{dies.name}.sqlite"))
    except UserError as error:
        why, spent = _of_network(error), core_time() - began
        return ChipRecord(digest=digest, status="refused", reason=why, core_seconds=spent)
    after: Sweep | None = None
    software_after, reason = None, ""
    if tuned is not None:
        place = model.with_name(f"{model.name}-for-chip")
        try:
            trained = _trained(tuned, place, folder, start=load_model(model))
            after = _swept(plan, place, inputs, dies.with_name(f"{dies.name}-for-chip.sqlite"))
        except UserError as error:
            reason = _of_network(error)
        else:
            software_after = trained.accuracy["test"]
    return ChipRecord(
        digest=digest,
        status="done",
        reason=reason,
        transistors=transistors(chip.design),
        before=figures(before, software),
        after=() if after is None else figures(after, software),
        software_after=software_after,
        core_seconds=core_time() - began,
    )


def _of_network(error: UserError) -> str:
    """Return why a network has no figures, as its record keeps it.

    Raises
    ------
    UserError
        It is a place that cannot be written, which says nothing of the network.
    """
    if error.field == "out":
        raise error
    return str(error)


def options(plan: ChipPlan | None) -> DesignOptions:
    """Return the choices of the mapping."""
    design = {} if plan is None else plan.chip.design
    return validated(DesignOptions, design, "chip.chip.design")


def _swept(plan: ChipPlan, model: Path, inputs: Path, out: Path) -> Sweep:
    chip = plan.chip
    asked = {
        "corner": chip.corner,
        "temperature": chip.temperature,
        "v_dd": None if chip.v_dd is None else [f"{v!r} V" for v in chip.v_dd],
        "mismatch_scale": chip.mismatch,
        "process_scale": [chip.process] if chip.process else None,
        "gradient_scale": [chip.gradient] if chip.gradient else None,
    }
    return sweep(
        {
            "model": str(model.absolute()),
            "inputs": str(inputs.absolute()),
            "tech": chip.tech,
            "design": options(plan),
            "n_dies": plan.n_dies,
            "seed": 1,
            "axes": [{"axis": k, "values": list(v)} for k, v in asked.items() if v is not None],
        },
        out,
        workers=1,
    )


def figures(run: Sweep, software: float) -> tuple[DieFigures, ...]:
    """Return what the dies of a sweep amount to, a condition after the other.

    Parameters
    ----------
    software
        Accuracy that a die within a point is within a point of.
    """
    found = []
    shown = ("corner", "temperature", "v_dd", "mismatch_scale", "noise_scale")
    for point in sorted({row["point"] for row in run.rows}):
        rows = [row for row in run.rows if row["point"] == point]
        done = [row for row in rows if row["status"] == "done"]
        shares = np.array([row["accuracy"] for row in done])
        joules = [row["energy_J"] for row in done if row["energy_J"] is not None]
        found.append(
            DieFigures(
                settings={name: rows[0][name] for name in shown},
                n_dies=len(done),
                failed=len(rows) - len(done),
                accuracy=float(shares.mean()) if done else 0.0,
                deviation=float(shares.std(ddof=1)) if len(done) > 1 else 0.0,
                # a share of whole sequences: what rounding leaves of a tie is no loss
                within=int((shares >= software - POINT - 1e-12).sum()),
                energy=float(np.mean(joules)) if joules else None,
            )
        )
    return tuple(found)


def judge_persistence(
    task: TaskPlan, plan: ChipPlan | None, places: tuple[Path, Path, Path], digest: str
) -> PersistenceRecord:
    """Run a network on sequences longer than those that it was trained on.

    In software, at the level ``ideal``, and, where its cells map, on dies with noise.

    Parameters
    ----------
    places
        The model, and the common beginnings of inputs and of sweeps.
    """
    model_place, inputs_place, dies = places
    began = core_time()
    model, asked = load_model(model_place), task.persistence
    assert asked is not None
    mapped = not without_circuit(model.spec)
    found: list[LengthRecord] = []
    status, reason = "done", ""
    for length in asked.lengths:
        inputs, place = _long(task, length, inputs_place)
        figure: dict[str, Any] = {"length": length, "software": software_share(model, inputs)}
        try:
            if mapped:
                tech = "generic180" if plan is None else plan.chip.tech
                ideal = Chip(model, tech, options(plan)).run(inputs, "ideal").accuracy
                out = dies.with_name(f"{dies.name}-{length}.sqlite")
                if asked.n_dies:
                    run = _with_noise(
                        plan, asked.n_dies, asked.temperature, model_place, place, out
                    )
                    figure["dies"] = figures(run, figure["software"])
            else:
                ideal = run_software(model, inputs, load_technology("generic180")).accuracy
            figure["ideal"] = ideal
        except UserError as error:
            status, reason = "refused", _of_network(error)
        found.append(LengthRecord(**figure))
    return PersistenceRecord(
        digest=digest,
        status="refused" if status == "refused" else "done",
        reason=reason,
        lengths=tuple(found),
        core_seconds=core_time() - began,
    )


def _long(task: TaskPlan, length: int, place: Path) -> tuple[Inputs, Path]:
    """Return test sequences of one length, and the file of them."""
    asked, drawn = task.persistence, task.task
    if asked is None or drawn is None:
        raise UserError("persistence", MISSING, "lengths of a drawn task")
    path = place.with_name(f"{place.name}-{length}.npz")
    few = {"test_length": length, "n_test": asked.n_test, "n_train": 1, "n_validation": 1}
    save_inputs(drawn.model_copy(update=few).load(Path()).split.test, path)
    return load_inputs(path), path


def _with_noise(
    plan: ChipPlan | None,
    n_dies: int,
    temperature: tuple[float, ...],
    model: Path,
    inputs: Path,
    out: Path,
) -> Sweep:
    return sweep(
        {
            "model": str(model.absolute()),
            "inputs": str(inputs.absolute()),
            "tech": "generic180" if plan is None else plan.chip.tech,
            "design": options(plan),
            "n_dies": n_dies,
            "seed": 1,
            "axes": [
                {"axis": "temperature", "values": list(temperature)},
                {"axis": "noise_scale", "values": [1]},
            ],
        },
        out,
        workers=1,
    )


def software_share(model: Model, inputs: Inputs) -> float:
    """Return the share of sequences that a network decides right in software, in float64."""
    from mru_hw.training.batches import as_batch
    from mru_hw.training.fit import one_thread, share_right
    from mru_hw.training.network import from_model

    network = from_model(model)
    with one_thread():
        return share_right(network, as_batch(inputs, network))


def core_time() -> float:
    """Return the processor time of this process and of those that it has waited for [s]."""
    return sum(os.times()[:4])
