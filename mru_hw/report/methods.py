"""How the figures of a page were made, as the paragraph that a paper has, and what it cites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mru_hw.report.chip import ChipFacts
from mru_hw.report.limits import limits_said
from mru_hw.report.sections import technologies
from mru_hw.statistics.crossed import DRAWS
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import differing, many
from mru_hw.units import render

SOFTWARE = "mru_hw"
"""Key of the entry of this program."""
_CELLS = {
    "cmru": "arxiv2605_11855",
    "bmru": "arxiv2601_09495",
    "fq_bmru": "arxiv2605_15216",
}
_COMPARATOR = "arxiv2605_07936"
_MISMATCH = "pelgrom1989matching"
PUBLISHED = (
    *("arxiv2605_15216", "shan2021kws", "chen2024deltakws", "skiprnn2024kws", "arxiv2512_17299"),
)
"""Entries of the systems that a page has beside the network."""
_HASH = 16
"""Characters of a hash that a paragraph has; the table of conditions has all."""

Sentence = tuple[str, tuple[str, ...]]
"""Plain text, and the keys of what it cites."""


def methods(run: RunView, chip: ChipFacts | None) -> list[Sentence]:
    """Return the sentences of the paragraph, each with the keys that it cites."""
    return [
        *_network(run, chip),
        *_level(run),
        *_dies(run),
        *_statistics(run),
        *_versions(run),
        (
            "All figures are of models: nothing was laid out, extracted or measured on silicon; "
            "features, readout, reference, clock, supply and pads are outside.",
            (),
        ),
    ]


def cited(run: RunView, chip: ChipFacts | None) -> list[str]:
    """Return the keys that the paragraph and the table of published systems cite, each once."""
    found = [key for _, keys in methods(run, chip) for key in keys]
    return list(dict.fromkeys([*found, *PUBLISHED]))


def _network(run: RunView, chip: ChipFacts | None) -> Iterator[Sentence]:
    if chip is None:
        yield f"A trained network was mapped to circuits in {technologies(run)}", (SOFTWARE,)
        return
    cells = [layer.cell.name for layer in chip.model.spec.layers]
    keys = [_CELLS[name] for name in dict.fromkeys(cells) if name in _CELLS]
    yield (
        f"A network of {chip.network} was mapped to {chip.transistors:,} transistors in "
        f"{technologies(run)}",
        (SOFTWARE, *keys, _COMPARATOR),
    )


def _level(run: RunView) -> Iterator[Sentence]:
    facts = run.facts
    levels = dict.fromkeys(point.level for point in run.points)
    if "ideal" in levels:
        yield "It ran at the level ideal: the mapped, rounded numbers without a circuit.", ()
    if "behavioral" in levels:
        timing = ", ".join(dict.fromkeys(str(point.settings["timing"]) for point in run.points))
        yield (
            "It ran at the level behavioral: laws of the circuits with constants that were fitted "
            f"to single cells in ngspice, timing {timing}, computed by "
            f"{facts.get('kernel', 'numpy')} in {facts.get('number_type', 'float64')}.",
            (),
        )
    if "spice" in levels:
        yield (
            f"It ran as its netlist in ngspice {facts.get('version.ngspice', '')}".rstrip()
            + ", in transient analyses without device noise.",
            (),
        )


def _dies(run: RunView) -> Iterator[Sentence]:
    base = run.base
    frame = float(run.facts["frame_period_s"])
    yield (
        f"{many(run.n_sequences, 'sequence')} of {render(float(run.duration.mean()), 's')} on "
        f"average, in frames of {render(frame, 's')}, ran on each of up to "
        f"{many(max(point.n_wanted for point in run.points), 'run')} at "
        f"{many(len(run.points), 'point')}{_axes(run)}.",
        (),
    )
    if run.level != "ideal" and len(base.seeds):
        seeds = sorted({int(plan["seed"]) for plan in run.plans.values()})
        yield (
            f"Die k has the seed s 2^20 + k with s = {', '.join(map(str, seeds))}: "
            f"{int(base.seeds.min())} to {int(base.seeds.max())} at the point at the head; the "
            "same dies at every point. Mismatch is drawn for each device from constants by area",
            (_MISMATCH,),
        )
    noisy = [point for point in run.points if point.settings.get("noise_scale")]
    if noisy:
        yield "Device noise was on where its scale is not 0, drawn by the seed of the plan.", ()


def _axes(run: RunView) -> str:
    said = [
        f"{AXES[name].label}: {', '.join(_values(run, name))}" for name in differing(run.points)
    ]
    return f" ({'; '.join(said)})" if said else ""


def _values(run: RunView, name: str) -> list[str]:
    found: dict[str, Any] = {}
    for point in run.points:
        found.setdefault(AXES[name].render(point.settings[name]), None)
    few = list(found)
    return few if len(few) <= 6 else [*few[:3], "…", few[-1]]


def _statistics(run: RunView) -> Iterator[Sentence]:
    share = run.spec(run.base.study).share
    asked = "" if share is None else f"A yield of at least {100 * share:g} % is asked for. "
    yield (
        f"A die passes if it keeps, at every temperature and supply asked for, {limits_said(run)}. "
        f"{asked}"
        "Intervals are of 95 %: Clopper's and Pearson's for yields, given these sequences; for "
        "mean accuracies the pigeonhole bootstrap over dies and sequences "
        f"({DRAWS} draws); Student's over dies for energies and powers.",
        (),
    )


def _versions(run: RunView) -> Iterator[Sentence]:
    facts = run.facts
    versions = [
        f"{name.removeprefix('version.')} {value}"
        for name, value in facts.items()
        if name.startswith("version.") and name != "version.results"
    ]
    hashes = [
        f"{name.removeprefix('hash.')} {value[:_HASH]}"
        for name, value in facts.items()
        if name.startswith("hash.")
    ]
    hashes += [f"design {digest[:_HASH]}" for digest in run.designs if digest]
    yield (
        f"Versions: {', '.join(versions)}; results of version "
        f"{facts.get('version.results', 'unknown')}. Hashes: {', '.join(hashes)}, results "
        f"{run.digest()[:_HASH]}.",
        (),
    )
