"""Where a network and its sequences come from, as far as its model says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mru_hw.errors import printable
from mru_hw.report.again import Again, written
from mru_hw.report.chip import ChipFacts, about_task
from mru_hw.sweeps.told import percent
from mru_hw.words import many

_NAME = 60
"""Characters of what a model calls a file or a part of its data."""


def origin_said(chip: ChipFacts | None) -> str:
    """Say how the network was made and what its training recorded."""
    if chip is None:
        return "Where the network comes from is told here where it is at hand."
    spec = chip.model.spec
    made, metrics = spec.provenance, spec.metrics.get("accuracy")
    if isinstance(made.get("config"), Mapping):
        how = "Its model records that mru-hw train made it, by the configuration below."
    elif isinstance(name := made.get("imported_from"), str):
        how = f"Its model records that its weights were imported from {printable(name, _NAME)}."
    elif "quantised" in made:
        how = "Its model records that it is another network, quantised."
    else:
        how = "Its model does not record where it comes from."
    shares = [
        f"{percent(float(share))} ({printable(str(part), _NAME)})"
        for part, share in (metrics.items() if isinstance(metrics, Mapping) else ())
        if isinstance(share, (int, float))
    ]
    reached = f" Accuracies recorded then: {', '.join(shares)}." if shares else ""
    held = (
        " The command inputs makes the test sequences of the configuration below, which its "
        "training never saw: where a sweep of them has the hash of the sequences here, these are "
        "they."
        if isinstance(made.get("config"), Mapping)
        else ""
    )
    about = about_task(chip.model)
    measured = (
        "what is measured there it does not say"
        if about is None
        else f"its training called its sequences “{about}”"
    )
    return (
        f"The network: {how}{reached} It has {many(spec.n_in, 'input')}; {measured}. The sequences "
        "of the sweep are a file of inputs with a label each, which records neither "
        "where they come from nor whether they were held out of training."
        f"{held} A training need not "
        "repeat bit by bit on another processor or with other versions: hashes tell whether a "
        "network and sequences are these."
    )


def origin_lines(chip: ChipFacts | None, again: Again) -> Iterator[tuple[str, str]]:
    """Yield the configuration of the training, where the model records it."""
    made = {} if chip is None else chip.model.spec.provenance
    config = made.get("config")
    if isinstance(config, Mapping):
        said = f"CONFIG.yaml of the training, for {again.trained(onward='start' in made)}"
        yield said, written(dict(config))
