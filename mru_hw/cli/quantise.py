"""The command `mru-hw quantise`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.output import Json, emit
from mru_hw.words import many


def quantise(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A network with alphaCMRUs.")],
    inputs: Annotated[
        Path,
        typer.Option("--inputs", metavar="X.npz", help="Sequences to compare the states on."),
    ],
    levels: Annotated[
        int, typer.Option("--levels", metavar="K", help="Levels of a unit: -K to K.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="NEW", help="The model folder to write.")],
    json: Json = False,
) -> None:
    """Make a network's alphaCMRU layers CMRU layers, which circuits hold, and say what it costs.

    How: documentation, Cells.
    """
    import numpy as np

    from mru_hw.model.io import load_model
    from mru_hw.simulate.ideal import simulate_ideal
    from mru_hw.simulate.quantise import quantised, save_quantised
    from mru_hw.stimulus import load_inputs

    before, data = load_model(model), load_inputs(inputs)
    made = quantised(before, data, levels)
    save_quantised(made, out)
    result = {"model": out, "levels": levels, "lost": made.lost, "decisions_alike": made.alike}
    lines = [
        f"{out}: CMRUs of {2 * levels + 1} levels.",
        *(
            f"Layer {i}: {100 * share:.1f} % of the variance of its states is lost."
            for i, share in made.lost.items()
        ),
        f"Decisions alike: {100 * made.alike:.2f} % of {many(data.n_seq, 'sequence')}.",
    ]
    if data.y is not None:
        accuracy = {
            name: float(np.mean(simulate_ideal(one, data, keep="decisions").decision == data.y))
            for name, one in (("before", before), ("after", made.model))
        }
        result["accuracy"] = accuracy
        lines.append(
            f"Accuracy in software: {100 * accuracy['after']:.2f} %, "
            f"before {100 * accuracy['before']:.2f} %."
        )
    emit(result, as_json=json, lines=lines)
