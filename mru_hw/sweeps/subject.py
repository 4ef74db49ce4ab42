"""What a sweep runs on: the network, the process, the sequences, and what tells them apart."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.arrays import digest
from mru_hw.errors import MISSING, UserError
from mru_hw.mapping import Design, map_model
from mru_hw.model.io import load_model
from mru_hw.model.network import Model
from mru_hw.simulate.kernels import NUMBA, numba_version
from mru_hw.stimulus import Inputs, load_inputs, refuse_labels, refuse_width, sequence_range
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.design_points import TECH
from mru_hw.sweeps.plan import Plan, is_drawn
from mru_hw.sweeps.points import Point
from mru_hw.sweeps.setup import Setup
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration, read_calibration
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.version import __version__

RESULTS = 6
"""Number of the laws, decks and draws that make a sweep's figures.

It is raised whenever one of them moves a figure, so that no store is resumed with figures of two
kinds; a test holds it (tests/golden/results.json).
"""

MODEL = "model"
"""The axis of several networks."""

ARITHMETIC = ("kernel", "number_type")
"""What computes the levels ideal and behavioral, and its type of number: others' bits differ."""
NUMBER_TYPE = "float64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """All that the runs of a sweep share; it travels to the worker processes.

    Attributes
    ----------
    inputs
        The sequences that the plan names, with labels.
    first_sequence
        Number of the first of them in its file: it names the noise draws.
    level, timing
        Of the points that no axis says otherwise of.
    kernels
        Of the levels ``ideal`` and ``behavioral``, by study; the default one for those that are
        not named.
    models
        The networks of the axis ``model``, by their values.
    processes
        The technologies of the axis ``tech`` with their constants, by their values.
    last
        The design that was mapped last and its digest, by a digest of what it is made of: jobs of
        a point share it.
    """

    model: Model
    technology: Technology
    calibration: Calibration
    inputs: Inputs
    first_sequence: int
    level: str
    timing: str = "settled"
    kernels: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    processes: Mapping[str, tuple[Technology, Calibration]] = field(default_factory=dict)
    last: dict[str, tuple[Design, str]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def labels(self) -> NDArray[np.int64]:
        """What each sequence is, (n_seq,); -1 where that is not known."""
        y = self.inputs.y
        return np.full(self.inputs.n_seq, -1) if y is None else np.asarray(y, np.int64)

    def constants(self, design: Design) -> Calibration:
        """Return the constants of a design's technology."""
        _, found = self.processes.get(design.technology.name, (None, self.calibration))
        return found

    def trained(self, point: Point) -> Model:
        """Return the network of a point as it was trained."""
        return self.models.get(point.settings[MODEL], self.model)

    def setup(self, point: Point, trial: int | None = None) -> Setup:
        """Return what the runs of a point are made of: what its settings make of the network.

        Parameters
        ----------
        trial
            Which of the networks that the point draws; None for the one that they are drawn from.

        Raises
        ------
        UserError
            The values of the axes do not go together.
        """
        setup = Setup(
            model=self.model,
            options=point.options,
            conditions=nominal_conditions(self.technology),
            seed=point.seed,
            trial=trial or 0,
            models=self.models,
        )
        for name, axis in AXES.items():
            if trial is not None or not is_drawn(name, point.settings):
                setup = axis.apply(setup, point.settings[name])
        return dataclasses.replace(setup, options=setup.options.checked())

    def design(self, setup: Setup) -> Design:
        """Map the network of a point.

        Raises
        ------
        UserError
            A part of it has no circuit or lies outside the technology's range.
        """
        own = self.technology, self.calibration
        choices = json.dumps([setup.options.as_data(), setup.tech], sort_keys=True)
        key = digest(setup.model.tensors, setup.model.spec.model_dump_json() + choices)
        if key not in self.last:
            process = self.processes.get(setup.tech or "", own)
            design = map_model(setup.model, *process, setup.options)
            self.last.clear()
            self.last[key] = design, design.digest()
        return self.last[key][0]

    def digest(self, design: Design) -> str:
        """Return a design's digest, which is known of the last one."""
        for last, known in self.last.values():
            if last is design:
                return known
        return design.digest()

    def hashes(self) -> dict[str, str]:
        """Return SHA-256 sums of what goes in."""
        inputs = self.inputs
        names = sorted(self.models)
        processes = [(self.technology, self.calibration)]
        processes += [self.processes[name] for name in sorted(self.processes)]
        models = self.model, *(self.models[name] for name in names)
        networks = [model_digest(model) for model in models]
        return {
            "model": _joined(networks),
            "inputs": digest(
                {"x": inputs.x, "lengths": inputs.lengths, "y": np.asarray(inputs.y)},
                str(self.first_sequence),
            ),
            "technology": _joined([technology.models_hash() for technology, _ in processes]),
            "calibration": _joined(
                [digest({}, calibration.model_dump_json()) for _, calibration in processes]
            ),
        }


def _joined(digests: list[str]) -> str:
    return digests[0] if len(digests) == 1 else digest({}, " ".join(digests))


def model_digest(model: Model) -> str:
    """Return the hash of a network, by which sweeps know it."""
    return digest(model.tensors, model.spec.model_dump_json())


def _load_models(plan: Plan, folder: Path, model: Model) -> dict[str, Model]:
    """Read the networks of the axis ``model``, which take the inputs of the plan's own."""
    found = {}
    for k, value in enumerate(plan.values(MODEL) or ()):
        at = f"values.{k}"
        try:
            other = load_model(folder / value)
        except UserError as error:
            raise plan.of_axis(MODEL, error, at) from None
        for name in ("n_in", "n_classes", "frame_period"):
            wanted, there = getattr(model.spec, name), getattr(other.spec, name)
            if wanted != there:
                expected = f"a network with the {name} of {plan.model}, {wanted:g}, not {there:g}"
                raise plan.of_axis(MODEL, UserError(MODEL, value, expected), at)
        found[value] = other
    return found


def _load_processes(
    plan: Plan, own: tuple[Technology, Calibration]
) -> dict[str, tuple[Technology, Calibration]]:
    """Read the technologies of the axis ``tech``; the plan's own has the plan's constants."""
    found = {}
    for k, value in enumerate(plan.values(TECH) or ()):
        try:
            technology = load_technology(value)
        except UserError as error:
            raise plan.of_axis(TECH, error, f"values.{k}") from None
        other = own if value == plan.tech else (technology, load_calibration(technology))
        found[value] = other
    return found


def load_subject(plan: Plan, folder: Path) -> Subject:
    """Read what a plan names; paths are relative to `folder`.

    Raises
    ------
    UserError
        The model, the inputs, the technology or the calibration is not there or does not fit the
        others.
    """
    technology = load_technology(plan.tech)
    calibration = (
        load_calibration(technology)
        if plan.calibration is None
        else read_calibration(folder / plan.calibration, technology, "calibration")
    )
    model = load_model(folder / plan.model)
    inputs = load_inputs(folder / plan.inputs)
    refuse_width(inputs, model.spec.n_in)
    if inputs.y is None:
        raise UserError("inputs: y", MISSING, "an array (n_seq,) of class indices")
    refuse_labels(inputs, model.spec.n_classes)
    first, stop = sequence_range(plan.sequences, inputs.n_seq)
    return Subject(
        model=model,
        technology=technology,
        calibration=calibration,
        inputs=inputs.take(slice(first, stop)),
        first_sequence=first,
        level=plan.level,
        timing=plan.timing,
        models=_load_models(plan, folder, model),
        processes=_load_processes(plan, (technology, calibration)),
    )


def shared_subject(plans: Mapping[str, Plan], folder: Path) -> Subject:
    """Return what the runs of several plans share, `resolved`, each with its kernel.

    Raises
    ------
    UserError
        As `load_subject`.
    """
    kernels = {name: str(plan.kernel) for name, plan in plans.items()}
    first = next(iter(plans.values()))
    return dataclasses.replace(load_subject(first, folder), kernels=kernels)


def arithmetic(plans: Mapping[str, Plan]) -> dict[str, str]:
    """Return what plans, `resolved`, are computed with, by `ARITHMETIC`: ``numba, numpy``."""
    kernels = ", ".join(sorted({str(plan.kernel) for plan in plans.values()}))
    return dict(zip(ARITHMETIC, (kernels, NUMBER_TYPE), strict=True))


def identity(plans: Mapping[str, Plan], hashes: Mapping[str, str], designs: Collection[str]) -> str:
    """Return what tells this sweep from another: a hash of all that its bits depend on.

    How the runs are cut into jobs, where the files lie and what a die must do to pass is no part
    of it.

    Parameters
    ----------
    plans
        The studies by name, `resolved`.
    hashes
        Of what goes in: `Subject.hashes`.
    designs
        Digests of the designs that the points are run on.
    """
    aside = {"chunk", "model", "inputs", "calibration", "spec"}
    shown = {name: _without(plan.as_data(), aside) for name, plan in plans.items()}
    versions = {"mru_hw": __version__, "numpy": np.__version__, "results": str(RESULTS)}
    if any(plan.kernel == NUMBA for plan in plans.values()):
        versions |= numba_version()
    text = json.dumps([shown, dict(hashes), sorted(designs), versions, NUMBER_TYPE], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _without(data: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}
