"""What a demo adds to the report of its sweep, from its summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mru_hw.errors import RunStatus
from mru_hw.report import figures
from mru_hw.report.again import Again
from mru_hw.report.page import write_report
from mru_hw.report.parts import Card, Picture, Section, Table
from mru_hw.sweeps.told import percent, quantity
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import OWN_CONDITION
from mru_hw.units import render

TITLE = "Spoken digits, from training to a netlist"


def write_demo_report(run: RunView, summary: Mapping[str, Any], out: Path, *, again: Again) -> None:
    """Write the one page of a demo: its sweep's report with networks, ngspice and seconds."""
    spice = summary["spice"]
    cards = [
        Card(
            value=f"{spice['decisions_alike']} of {spice['sequences']}",
            label="sequences that ngspice decides like the mapped network (2 x 8 units)",
            confidence=f"nominal die, {OWN_CONDITION}",
        ),
        Card(
            value=str(spice["transistors"]),
            label="transistors of the netlist (2 x 8 units)",
            confidence="the same at every condition",
        ),
    ]
    write_report(
        run,
        out,
        title=TITLE,
        again=again,
        own_cards=cards,
        before=[_networks(summary), _ngspice(spice, str(summary["demo"]["netlist"]))],
        after=[_seconds(summary)],
    )


def _networks(summary: Mapping[str, Any]) -> Section:
    rows = []
    for name, network in summary["networks"].items():
        accuracy = network["accuracy"]
        shares = [percent(accuracy[level]) for level in ("software", "ideal", "behavioral", "dies")]
        rows.append([name, network["layers"], *shares, str(network["transistors"])])
    head = ("folder", "units", "as trained", "mapped and rounded", "nominal die", "mean of dies")
    paragraphs = [
        "The same test sequences at each level of truth: the network as trained, the numbers that "
        "the circuit realises (whole unit devices, no circuit), the circuit's calibrated cell laws "
        "without mismatch, and those laws on dies with mismatch."
    ]
    if summary["demo"]["quick"]:
        paragraphs.append(
            "This was a quick demo: the networks were hardly trained, on purpose. Its accuracies "
            "say nothing; those of a whole demo do."
        )
    return Section(
        key="networks",
        title="From software to circuit",
        paragraphs=paragraphs,
        tables=[
            Table(
                name="networks",
                caption="Accuracy of both networks at each level of truth.",
                head=(*head, "transistors"),
                rows=rows,
                numbers=range(2, 7),
            )
        ],
    )


def _ngspice(spice: Mapping[str, Any], folder: str) -> Section:
    rows = []
    for number, row in enumerate(spice["rows"]):
        joules = row["energy_J"]
        finished = row["status"] == RunStatus.DONE.name
        rows.append(
            [
                str(number),
                str(row["frames"]),
                str(row["label"]),
                str(row["ideal"]),
                str(row["behavioral"]),
                str(row["ngspice"]) if finished else RunStatus[row["status"]].value,
                quantity(joules["ngspice"], "J") if finished else "",
                quantity(joules["behavioral"], "J"),
                f"{100 * (joules['behavioral'] / joules['ngspice'] - 1):+.1f} %"
                if finished
                else "",
                render(row["core_seconds"], "s"),
            ]
        )
    found = [_blocks(spice)] if spice["complete"] else []
    return Section(
        key="netlist",
        title="The netlist in ngspice",
        paragraphs=[
            f"The nominal chip of the 2 x 8 network, whose netlist stands in {folder}/, ran in "
            "ngspice on the first test sequences; ideal and behavioral ran the same.",
            *_step_sentences(spice),
        ],
        tables=[
            Table(
                name="netlist",
                caption="Decisions and energies of each sequence; error: behavioral over ngspice.",
                head=(
                    *("sequence", "frames", "label", "ideal", "behavioral", "ngspice"),
                    *("energy, ngspice", "energy, behavioral", "error", "core time"),
                ),
                rows=rows,
                numbers=range(10),
            )
        ],
        pictures=found,
    )


def _step_sentences(spice: Mapping[str, Any]) -> list[str]:
    lines = []
    for number, layer in enumerate(spice["layers"]):
        if not layer["steps"]:
            continue
        share = percent(layer["wrong"] / layer["steps"])
        line = (
            f"Layer {number}: {layer['wrong']} of {layer['steps']} steps ({share}) went otherwise "
            "than ideal's candidate asks, judged from the level before."
        )
        if layer["largest_distance_wrong"] is not None:
            line += (
                " The largest distance of a candidate from its threshold at which a step was "
                f"wrong is {100 * layer['largest_distance_wrong']:.1f} % of the threshold."
            )
        if number:
            line += " What the layers before it did otherwise counts here too."
        lines.append(line)
    return lines


def _blocks(spice: Mapping[str, Any]) -> Picture:
    blocks = spice["blocks_W"]
    levels = ("ngspice", "behavioral")
    known = {name: pair for name, pair in blocks.items() if None not in pair.values()}
    groups = {level: {name: pair[level] for name, pair in known.items()} for level in levels}
    totals = {"ngspice": spice["power_W"]["mean"]}
    totals["behavioral"] = sum(pair["behavioral"] for pair in blocks.values())
    left = [name for name in blocks if name not in known]
    more = f" Within 10 % only by its tolerances, and not shown: {', '.join(left)}." if left else ""
    return Picture(
        name="ngspice_blocks",
        data={"block": list(known)}
        | {f"{level} [W]": list(values.values()) for level, values in groups.items()},
        svg=figures.side_by_side(groups, "W", "mean supply power"),
        alternative="Bars of the supply power by block, ngspice beside behavioral.",
        caption=(
            f"Mean supply power of these sequences by block: {render(totals['ngspice'], 'W')} in "
            f"ngspice, {render(totals['behavioral'], 'W')} at the level behavioral. Nothing was "
            f"fitted to these runs.{more}"
        ),
    )


def _seconds(summary: Mapping[str, Any]) -> Section:
    reused = summary["demo"]["reused"]
    rows = [
        [name, f"{seconds:.1f} s", "was there already" if name in reused else ""]
        for name, seconds in summary["seconds"].items()
    ]
    return Section(
        key="seconds",
        title="How long it took",
        tables=[
            Table(
                name="seconds",
                caption="Wall time of each stage of the demo.",
                head=("stage", "wall time", "note"),
                rows=rows,
                numbers=(1,),
            )
        ],
    )
