"""What the names mean that tables of a page have: of mirrors, and of the design's options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mru_hw.circuits.legs.roles import leg_named
from mru_hw.mapping import Design
from mru_hw.mapping.options import DesignOptions
from mru_hw.mapping.parts import Connection
from mru_hw.report.parts import Table
from mru_hw.sweeps.view import RunView


def names_table(design: Design, mirrors: Iterable[tuple[str, str]]) -> Table:
    """Return what the names of some mirrors are made of.

    Parameters
    ----------
    mirrors
        Owner and role of each.
    """
    return Table(
        name="names",
        caption=(
            "Names of the mirrors above: before the slash is the row of nodes or units, or the "
            "tensor whose weights are legs; behind it the device. A rail is a gate net that copies "
            "of a current hang on: plus that of currents above 0, minus that of those below."
        ),
        head=("name", "what it is"),
        rows=list(dict.fromkeys(_names(design, list(mirrors)))),
    )


def _names(design: Design, mirrors: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    n_layers = len(design.banks)
    rows = []
    for owner, _ in mirrors:
        part = design.owner(owner)
        if isinstance(part, Connection):
            yield (
                owner,
                f"legs that are this tensor of the model, from {part.source} to {part.target}",
            )
            rows += [part.source, part.target]
        else:
            rows.append(part.name)
    for row in rows:
        yield row, row.about(n_layers)
    for owner, role in mirrors:
        yield role, _device(design, owner, role)


def _device(design: Design, owner: str, role: str) -> str:
    """Return what a device does, as the circuit of its owner says."""
    part = design.owner(owner)
    if isinstance(part, Connection):
        return leg_named(role).about
    return part.circuit.role(role).about


def options_table(run: RunView) -> Table | None:
    """Return the options of the design at the head with what each is; None where none is stored."""
    options = run.designs.get(run.base.design)
    if options is None:
        return None
    known = DesignOptions.model_fields
    return Table(
        name="options",
        caption="Options of the design at the head, as DESIGN.yaml and the key design have them.",
        head=("option", "value", "what it is"),
        rows=[
            # Backticks of documents and terminals mean nothing on a page.
            (
                name,
                str(value),
                str(known[name].description if name in known else "").replace("`", ""),
            )
            for name, value in options.items()
        ],
        code=(1,),
    )
