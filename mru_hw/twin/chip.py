"""The chip that a training has in its loop: a die and conditions drawn for every batch."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mru_hw.errors import LawError, UserError
from mru_hw.mapping import Design, DesignOptions, map_model
from mru_hw.mapping.cells import CLOCKED
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.array import DieArray
from mru_hw.simulate.asked import asked_conditions
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.decision_noise import DecisionNoise, NoiseLaw, noise_gains
from mru_hw.simulate.doubts import doubts, warning
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.training.chip import ChipRun
from mru_hw.training.config import ChipConfig
from mru_hw.twin.parameters import Straight
from mru_hw.twin.walk import Disturbed, TwinRun
from mru_hw.variation import Die, NoiseKey, draw_die, refuse_unknown_response
from mru_hw.variation.spread import GRADIENT_MOST, MISMATCH_MOST, PROCESS_MOST

FIRST_DIE = 1 << 40
"""Seed of the first die of a training: none of a sweep's, which count from 0."""
DIES = 1 << 40
"""How many dies there are where a configuration does not say."""
_KEPT = FIRST_DIE + DIES
"""Seed of the first die that no batch is drawn on."""
NOISES = 1 << 40
"""Seeds of device noise that a batch's one is drawn from."""
TRIES = 16
"""Dies drawn for one batch at most, where mismatch leaves some without a law."""

Mapped = tuple[Design, dict[str, Tensor]]
"""A design and the tensors that it was mapped from."""
Place = tuple[Conditions, Calibration]
"""Conditions and the constants there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a batch is run with, and what is asked of it.

    Attributes
    ----------
    supply, margin, disturbed
        As of `TwinRun`.
    noise, seed
        Factor on every sigma of device noise, 0 without, and the seed of its draws.
    """

    supply: bool = False
    margin: float | None = None
    disturbed: Disturbed | None = None
    noise: float = 0.0
    seed: int = 0


class TwinChip:
    """Dies of a network that is being trained; a `mru_hw.training.chip.Chip`.

    Parameters
    ----------
    config
        Which dies and conditions.
    spec
        The network's structure.

    Raises
    ------
    UserError
        There is no such technology, option or condition.
    """

    def __init__(self, config: ChipConfig, spec: ModelSpec) -> None:
        self._config, self._spec = config, spec
        self._technology: Technology = load_technology(config.tech)
        self._constants: Calibration = load_calibration(self._technology)
        try:
            self._options = DesignOptions(**config.design)
        except UserError as error:
            raise error.inside("chip.design") from None
        self._refuse_spread()
        self._conditions = tuple(self._asked())
        self._mapped: Mapped | None = None
        self._batches = 0

    def _refuse_spread(self) -> None:
        config = self._config
        for name, value, most in (
            ("mismatch", max(config.mismatch), MISMATCH_MOST),
            ("process", config.process, PROCESS_MOST),
            ("gradient", config.gradient, GRADIENT_MOST),
        ):
            if value > most:
                raise UserError(f"chip.{name}", value, f"at most {most:g}")
        refuse_unknown_response(self._technology, self._constants, "chip.process", config.process)

    def _asked(self) -> Iterator[Place]:
        """List the conditions with the constants there."""
        config = self._config
        loops_only = not any(layer.cell.name in CLOCKED for layer in self._spec.layers)
        for corner, temperature, v_dd in itertools.product(
            config.corner or (None,), config.temperature or (None,), config.v_dd or (None,)
        ):
            try:
                found = asked_conditions(
                    self._technology,
                    "behavioral",
                    corner=corner,
                    temperature=temperature,
                    v_dd=v_dd,
                )
                constants = self._constants.at(
                    found.v_dd,
                    temperature=found.temperature,
                    corner=found.corner,
                    loops_only=loops_only,
                )
            except UserError as error:
                raise error.inside("chip") from None
            yield found, constants

    def check(self, tensors: Mapping[str, Tensor]) -> None:
        """Refuse a network that cannot be mapped."""
        self._map(tensors)

    def doubts(self, tensors: Mapping[str, Tensor]) -> str:
        """Say what makes runs of a network at its conditions doubtful."""
        design, _ = self._map(tensors)
        return warning([doubts(design, constants) for _, constants in self._conditions])

    def begin(self) -> None:
        """Forget the mapping."""
        self._mapped, self._batches = None, 0

    def run(
        self,
        tensors: Mapping[str, Tensor],
        x: Tensor,
        *,
        generator: torch.Generator,
        candidate_noise: float,
        supply: bool,
        margin: float | None = None,
    ) -> ChipRun:
        """Run a batch on a die and at conditions that `generator` draws."""
        if self._mapped is None or self._batches % self._config.remap == 0:
            self._mapped = self._map(tensors)
        self._batches += 1
        place = self._conditions[_drawn(len(self._conditions), generator)]
        mapped = self._mapped

        def disturbed(c: Tensor) -> Tensor:
            return c + candidate_noise * torch.randn(c.shape, generator=generator, dtype=c.dtype)

        asked = Asked(
            supply=supply,
            margin=margin,
            disturbed=disturbed if candidate_noise > 0 else None,
            noise=self._config.noise,
            seed=_drawn(NOISES, generator) if self._config.noise else 0,
        )
        scales, dies = self._config.mismatch, self._config.dies or DIES

        def solved() -> TwinRun:
            scale = scales[_drawn(len(scales), generator)]
            die = self._found(mapped[0], FIRST_DIE + _drawn(dies, generator), scale)
            return _solve(mapped, tensors, die, place, x, asked)

        found = self._first_with_law(solved)
        current = found.current.T / self._options.i_unit if supply else None
        near = None if margin is None else found.near.T
        return ChipRun(output=found.output.permute(2, 1, 0), current=current, near=near)

    @torch.no_grad()
    def outputs(self, tensors: Mapping[str, Tensor], x: Tensor) -> Iterator[Tensor]:
        """Run a batch at each of the conditions, each on one die that stays the same."""
        mapped, scales = self._map(tensors), self._config.mismatch
        for number, place in enumerate(self._conditions):
            seeds = itertools.count(_KEPT + number, len(self._conditions))

            def solved(
                seeds: Iterator[int] = seeds,
                scale: float = scales[number % len(scales)],
                place: Place = place,
            ) -> TwinRun:
                die = self._found(mapped[0], next(seeds), scale)
                return _solve(mapped, tensors, die, place, x, Asked(noise=self._config.noise))

            yield self._first_with_law(solved).output.permute(2, 1, 0)

    def _first_with_law(self, solved: Callable[[], TwinRun]) -> TwinRun:
        """Return the first run of several dies that the laws describe.

        Raises
        ------
        UserError
            They describe none.
        """
        for _ in range(TRIES):
            with contextlib.suppress(LawError), np.errstate(all="ignore"):
                found = solved()
                if bool(torch.isfinite(found.output).all()):
                    return found
        config = self._config
        name = "process" if config.process else "mismatch"
        value = config.process or max(config.mismatch)
        raise UserError(f"chip.{name}", value, f"less: {TRIES} dies have no law at the conditions")

    def _map(self, tensors: Mapping[str, Tensor]) -> Mapped:
        """Map the tensors as they are now."""
        held = {name: value.detach().clone() for name, value in tensors.items()}
        arrays = {name: value.double().numpy() for name, value in held.items()}
        model = Model(spec=self._spec, tensors=arrays)
        try:
            design = map_model(model, self._technology, self._constants, self._options)
        except UserError as error:
            named = f"chip.design.{error.field}"
            own = error.field.partition(".")[0] in DesignOptions.model_fields
            raise (error.renamed({error.field: named}) if own else error) from None
        return design, held

    def _found(self, design: Design, seed: int, scale: float) -> Die:
        config = self._config
        return draw_die(design, seed, scale=scale, process=config.process, gradient=config.gradient)


def _solve(
    mapped: Mapped,
    tensors: Mapping[str, Tensor],
    die: Die,
    place: Place,
    x: Tensor,
    asked: Asked,
) -> TwinRun:
    (design, held), (conditions, constants) = mapped, place
    dtype = np.float64 if x.dtype == torch.float64 else np.float32
    temperature = conditions.temperature
    array = compile_die(design, constants, die, temperature=temperature, dtype=dtype)
    noise = None
    if asked.noise:
        law = NoiseLaw.of(design, constants, temperature, asked.noise)
        noise = device_noise(array, law, NoiseKey.of(asked.seed, die.seed), len(x))
    return TwinRun(
        array,
        Straight(design, tensors, held),
        x.permute(2, 1, 0).contiguous(),
        v_dd=conditions.v_dd,
        supply=asked.supply,
        disturbed=asked.disturbed,
        noise=noise,
        margin=asked.margin,
    )


def device_noise(array: DieArray, law: NoiseLaw, key: NoiseKey, n_seq: int) -> DecisionNoise:
    """Return the noise of a die on a batch whose sequences are numbered from 0."""
    return DecisionNoise(
        law=law, gains=noise_gains(array), key=key, sequences=np.arange(n_seq), lazy=True
    )


def _drawn(n: int, generator: torch.Generator) -> int:
    return int(torch.randint(n, (), generator=generator))
