"""Xyce: ``PARAMS:``, colons in paths, options by the package that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from mru_hw.spice.dialects.base import wrapped
from mru_hw.spice.dialects.spice import SpiceLike
from mru_hw.spice.dialects.statements import Measure, Model, Transient, Values
from mru_hw.technology import MODELS, Technology


@final
class Xyce(SpiceLike):
    """Sandia's Xyce 7."""

    name = "xyce"
    suffix = ".cir"
    models = MODELS
    mark = '"'
    defaults = ("PARAMS:",)
    probe = ".print tran"

    def model_files(self, technology: Technology) -> dict[str, str]:
        """Translate the cards that ship; a kit's go along as they are.

        The one kit that is known, sky130, asks of its files that Xyce reads them like ngspice
        (its ``combined_models/continuous/test.spice``).
        """
        if technology.models.package:
            return technology.model_files()
        return super().model_files(technology)

    def expression(self, text: str) -> str:
        """Brace it."""
        return f"{{{text}}}"

    def vector(self, kind: str, path: str) -> str:
        """Name a vector; hierarchy is written with colons."""
        return f"{kind}({path.replace('.', ':')})"

    def options(self, values: Values) -> Iterator[str]:
        """Write temperature, ``gmin``, method and ``reltol``.

        Xyce's other tolerances are of other quantities, so they stay at its defaults but one: its
        residual of a time point is in A, and the default of 0.01 would drown pA.
        """
        yield f".options device temp={values['temp']} gmin={values['gmin']}"
        yield f".options timeint method={values['method']} reltol={values['reltol']}"
        yield f".options nonlin-tran rhstol={values['abstol']}"

    def transient(self, statement: Transient) -> Iterator[str]:
        """Write the run; Xyce's first number is the first step, its fourth the longest."""
        yield f".tran {statement.step} {statement.stop} 0 {statement.step} uic"

    def model(self, statement: Model) -> Iterator[str]:
        """Write a card as it is: Xyce has Berkeley's levels and names."""
        yield from wrapped(
            [".model", statement.name, statement.kind, *self.pairs(statement.values)]
        )

    def measure(self, statement: Measure) -> Iterator[str]:
        """Write a measurement; one made of others is an equation."""
        name, kind, *rest = statement.words
        if kind.startswith("param="):
            yield f".measure tran {name} eqn {{{kind.removeprefix('param=').strip(chr(39))}}}"
        else:
            yield " ".join([".measure tran", name, kind, *rest])
