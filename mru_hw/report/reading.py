"""What the words of a page mean: accuracy, levels of truth, energy, each kind of interval."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.errors import UserError
from mru_hw.report.parts import Section, Table
from mru_hw.report.sections import technologies
from mru_hw.statistics.crossed import DRAWS
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import said
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions

_WORDS = (
    (
        "accuracy",
        "Share of the sequences of this page whose decision is right. A sequence gives one "
        "decision: the class of the largest output, read over its frames as the network says "
        "(mean, vote or last), which happens outside the chip. It is right where that class is "
        "the label that the file of sequences has; labels are not checked.",
    ),
    (
        "level, level of truth",
        "What computes the runs. ideal: the network's own arithmetic. behavioral: the laws of the "
        "circuits, with constants fitted to single cells in ngspice. spice: the netlist of the "
        "whole chip in ngspice.",
    ),
    ("loss", "Accuracy of the network in software less that of a die, on the same sequences."),
    ("as trained", "The network in software, as it was trained."),
    ("mapped and rounded", "What the whole unit devices of the design amount to; no circuit."),
    ("nominal die", "The laws of the circuits, with no mismatch and no noise."),
    (
        "die",
        "The same laws with one draw of mismatch, as one chip of many has it; named by its seed.",
    ),
    (
        "condition",
        "A corner, a temperature and a supply. A specification asks that a die keeps its limits at "
        "every condition of its corner, or at those temperatures and supplies that it names.",
    ),
    (
        "point",
        "One setting of all axes of the sweep: a condition, with whatever else the plan varies. "
        "Points have numbers, by which the command explain takes them.",
    ),
    ("limit", "What the specification asks of one figure of a die, such as loss at most 2 points."),
    (
        "candidate",
        "The current that a unit compares with its thresholds: the weighted sum of a layer's "
        "inputs.",
    ),
    (
        "K",
        "Levels that a cumulative unit (CMRU) may climb above 0, and as many below: one a frame.",
    ),
    (
        "CMRU, BMRU, FQ-BMRU",
        "Cumulative memory recurrent unit; bistable memory recurrent unit; the bistable one of the "
        "first quadrant, whose currents all have one sign.",
    ),
    (
        "what binds",
        "The limit of the specification that most dies break; where no die breaks one, the limit "
        "that is nearest to the mean of the dies, in standard deviations.",
    ),
    (
        "population",
        "Dies that were drawn alike, such as those of one corner: each has a yield of its own.",
    ),
    (
        "trip",
        "A voltage of the comparator node of a unit at which it steps: one below which it steps "
        "up, and one above which it steps down.",
    ),
    (
        "energy",
        "Supply voltage times all supply current over a sequence, the reference current "
        "included: what one decision costs the chip.",
    ),
    (
        "yield",
        "Share of dies that keep every limit at every temperature and supply asked for. Its "
        "interval, Clopper's and Pearson's exact one of a share, is for other dies and these "
        "sequences.",
    ),
    (
        "yield behind the sequences",
        "A beta distribution of the dies' accuracies and binomial counts of right sequences, both "
        "parameters the likeliest; the interval is the delta method's on the scale of the logit: "
        "for other dies and other sequences.",
    ),
    (
        "interval of the accuracy as trained",
        "Clopper's and Pearson's of the right ones among the sequences: one network, no dies, and "
        "other sequences of the same kind. Sequences count as independent.",
    ),
    (
        "interval of a mean accuracy",
        "For other dies and other sequences: both are drawn again, each by itself, "
        f"{DRAWS} times (the pigeonhole bootstrap); its ends are percentiles, taken further out as "
        "a t interval's of so many dies and sequences are.",
    ),
    (
        "interval of energy and power",
        "Student's, from the means of the dies: for other dies and these sequences.",
    ),
    (
        "a point against another",
        "Pairs on the same die and sequence: the same bootstrap of the differences of right "
        "decisions, Student's interval of the dies' differences of energy, Agresti's and Min's of "
        "the shares of dies that pass.",
    ),
    (
        "alike",
        "Share of decisions, one a die and sequence, that are right at both points or wrong at "
        "both; two wrong ones count as alike though their classes differ. The interval is the "
        "same bootstrap's.",
    ),
    (
        "rounding",
        "Figures are rounded where they are written, so that parts may miss their sum, and shares "
        "100 %, by one in the last digit; margins and differences are taken before it. Files of "
        "the page's numbers are not rounded.",
    ),
    ("P10, P90", "A tenth of the runs lies below, and a tenth above: how dies differ."),
)


_ALONE = (
    "This page holds one run, and nothing is compared with another. With a second store the "
    "command report adds “Runs side by side”: yield, accuracy, energy and power of each, and in "
    "what they differ (network, sequences, constants, version, specification)."
)


def reading(run: RunView, *, alone: bool) -> Section:
    """Return the section that says how to read the page, which has one run where `alone`."""
    return Section(
        key="reading",
        title="How to read this page",
        paragraphs=[*_how(run), *([_ALONE] if alone else [])],
        tables=[
            Table(
                name="words",
                caption="Words of this page. Every interval is of 95 %.",
                head=("word", "meaning"),
                rows=[*_WORDS, *_own_condition(run)],
            )
        ],
    )


def _own_condition(run: RunView) -> Iterator[tuple[str, str]]:
    """Yield what a technology's own condition is, of those that are at hand."""
    known = []
    for name in technologies(run).split(", "):
        try:
            known.append(f"of {name} {nominal_conditions(load_technology(name))}")
        except UserError:
            continue
    said = f": {'; '.join(known)}" if known else ""
    yield (
        "the technology's own condition",
        f"Corner, temperature and supply that it states as its usual ones{said}.",
    )


def _how(run: RunView) -> Iterator[str]:
    if run.level == "behavioral":
        timings = ", ".join(dict.fromkeys(said(point, "timing") for point in run.points))
        noise = ", ".join(dict.fromkeys(said(point, "noise_scale") for point in run.points))
        yield (
            f"Timing: {timings}, where settled solves each frame as if every node had come to "
            f"rest and does not see a frame too short for that. Noise over the points: {noise}."
        )
    elif run.level == "spice":
        yield "Every die is its netlist in ngspice, whose transient analysis has no device noise."
