"""Xyce: colons in paths, equations of measurements, options by the package they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import final

from mru_hw.circuits.statements import Element, Measure, Model, Transient, Values
from mru_hw.spice.dialects.base import wrapped
from mru_hw.spice.dialects.spice import SpiceLike, bsim4
from mru_hw.technology import MODELS, Technology


@final
class Xyce(SpiceLike):
    """Sandia's Xyce 7."""

    name = "xyce"
    suffix = ".cir"
    models = MODELS
    mark = '"'
    probe = ".print tran"

    def model_files(self, technology: Technology) -> dict[str, str]:
        """Translate the cards that ship; a kit's go along as they are.

        The one kit that is known, sky130, asks of its files that Xyce reads them like ngspice
        (its ``combined_models/continuous/test.spice``).
        """
        if technology.models.package:
            return technology.model_files()
        return super().model_files(technology)

    def element(self, statement: Element) -> Iterator[str]:
        """Write an instance; a die's current factor scales the number of devices.

        Xyce's BSIM4 has no multiplier of the mobility. In weak inversion both scale the current
        alike; here the device's capacitances follow, by a percent or so.
        """
        values = dict(statement.values)
        if factor := values.pop("mulu0", ""):
            values["m"] = f"{float(values['m']) * float(factor):.9g}"
        yield from super().element(replace(statement, values=values))

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
        """Write a card; names are Berkeley's, and level 54 is BSIM4 here as it is in HSPICE."""
        values = statement.values if statement.kind == "c" else bsim4(statement)
        yield from wrapped([".model", statement.name, statement.kind, *self.pairs(values)])

    def measure(self, statement: Measure) -> Iterator[str]:
        """Write a measurement; one made of others is an equation."""
        name, kind, *rest = statement.words
        if kind.startswith("param="):
            yield f".measure tran {name} eqn {{{kind.removeprefix('param=').strip(chr(39))}}}"
        else:
            yield " ".join([".measure tran", name, kind, *rest])
