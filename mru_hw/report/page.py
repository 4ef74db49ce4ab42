"""``report.html``: one file that stands alone, without scripts; all text in it is untrusted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mru_hw.errors import MruHwError
from mru_hw.files import refuse_foreign, whole_file
from mru_hw.report import bands
from mru_hw.report.bands import until_lines
from mru_hw.report.figures import Picture
from mru_hw.report.sections import condition_rows, notes, pictures, point_rows, technologies
from mru_hw.report.summary import sweep_summary
from mru_hw.report.words import counted, described, percent
from mru_hw.statistics.crossed import DRAWS
from mru_hw.sweeps.statistics.answers import Statistics, statistics
from mru_hw.sweeps.view import RunView
from mru_hw.units import render

MARKER = "<!doctype html>\n<!-- mru-hw report -->"

BOUNDARY = (
    "The chip ends at its head's output currents. The features before it and the mean, vote and "
    "argmax after it are outside: they are neither simulated as circuits nor priced.",
    "Nothing here was measured on silicon, and no silicon data backs these models at picoamperes.",
    "Currents of the behavioral level come from constants fitted to ngspice runs of single cells "
    "(calibration/<technology>.yaml, with its raw runs), mismatch from the Pelgrom constants in "
    "the technology's folder, each with its source. They are as good as those.",
    "The reference current is counted (in the block bias); the circuits that make it, the clock's "
    "waveform and the supply, and the pads, are outside too. Input currents come from ideal "
    "sources: what they deliver is told beside the chip's own energy, as if it came from the "
    "supply, and is no part of it. Output pins are held at a fixed voltage.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A figure at the head of the page."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with paragraphs, a table and pictures, any of them left out.

    Attributes
    ----------
    numbers, code
        Columns of the table that hold numbers, and text such as hashes.
    """

    title: str
    paragraphs: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    numbers: Sequence[int] = ()
    code: Sequence[int] = ()
    pictures: Sequence[Picture] = field(default=())


def write_report(
    run: RunView,
    out: Path,
    *,
    title: str = "A network on many dies",
    cards: Iterable[Card] = (),
    before: Iterable[Section] = (),
    after: Iterable[Section] = (),
) -> None:
    """Write the report of a sweep; it appears whole or not at all.

    Parameters
    ----------
    run
        The sweep, which may be unfinished: the page says so.
    out
        Where; an earlier report there is replaced.
    title, cards, before, after
        What a demo adds: its name, further cards, sections before and after the sweep's own.

    Raises
    ------
    UserError
        `out` holds something else.
    """
    refuse_foreign(out, marker=MARKER, what="report")
    text = _page(
        title=title,
        lead=_lead(run),
        warnings=warnings(run),
        cards=[*_cards(run), *cards],
        sections=[*before, *_sections(run), *after],
        boundary=BOUNDARY,
    )
    if not text.startswith(MARKER):
        raise MruHwError("The report's template does not begin with its marker.")
    with whole_file(out) as part:
        part.write_text(text, encoding="utf-8")


def warnings(run: RunView) -> list[str]:
    """Return what stands in boxes at the head of the page."""
    found = []
    stored, wanted = (sum(getattr(p, n) for p in run.points) for n in ("n_runs", "n_wanted"))
    if run.shard is not None:
        found.append(
            f"This is shard {run.shard} of a sweep: {stored} of its {wanted} runs are stored here. "
            "mru-hw merge puts shards together."
        )
    if not run.shard_complete and run.until is None:
        found.append(
            f"This sweep is not complete: {stored} of {wanted} runs are stored. The same call of "
            "mru-hw sweep goes on with it."
        )
    if run.until is not None:
        found.append(" ".join(until_lines(run)))
    found += [
        f"{count} of {stored} runs failed and count in no mean: {status.value}"
        for status, count in run.failed().items()
    ]
    return [*found, *filter(None, [run.doubtful]), *notes(run)]


def _page(**content: Any) -> str:
    environment = Environment(
        loader=PackageLoader("mru_hw.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("report.html.j2").render(content)


def _lead(run: RunView) -> str:
    return (
        f"{run.n_sequences} sequences on {technologies(run)}, level {run.level}, "
        f"{sum(point.n_runs for point in run.points)} runs. "
        f"The figures at the head are at: {described(run, run.base)}."
    )


def _cards(run: RunView) -> list[Card]:
    summary = sweep_summary(run)
    accuracy, joules = summary["accuracy"], summary["energy_per_sequence_J"]
    dies = accuracy["dies"]
    found = [
        Card(value=percent(accuracy["software"]), label="accuracy as trained"),
        Card(value=percent(accuracy["ideal"]), label="mapped and rounded"),
    ]
    if accuracy["behavioral"] is not None:
        found.append(Card(value=percent(accuracy["behavioral"]), label="nominal die"))
    if dies["mean"] is not None:
        found.append(Card(value=percent(dies["mean"]), label=f"mean of {counted(run.base)}"))
        found.append(Card(value=percent(dies["p10"]), label="tenth percentile of them"))
    if joules["mean"] is not None:
        found.append(Card(value=render(joules["mean"], "J"), label="energy of a sequence, mean"))
        power = render(summary["power_W"]["mean"], "W")
        found.append(Card(value=power, label="mean supply power"))
    delivered = summary["input_energy_J"]["mean"]
    if delivered is not None:
        label = "delivered by the input sources in a sequence, beside it"
        found.append(Card(value=render(delivered, "J"), label=label))
    return found


def _sections(run: RunView) -> list[Section]:
    told = statistics(run)
    points_head = (
        *("study", "at", "runs", "accuracy", "95 % interval", "P10", "P90", "yield"),
        *("95 % interval", "energy", "power", "failed"),
    )
    said = "; ".join(dict.fromkeys(run.spec(study).said() for study in run.plans))
    return [
        Section(title="Over the dies", pictures=pictures(run)),
        *_yields(run, told, said),
        Section(
            title="Every point",
            paragraphs=(
                "Means over the runs of a point; P10 and P90 are of their accuracies. The interval "
                "of the mean accuracy is for other dies and other sequences: both are drawn again "
                f"{DRAWS} times. Yield is the share of runs that keep the limits at this point: "
                f"{said}.",
            ),
            head=points_head,
            rows=point_rows(run, told),
            numbers=range(2, 12),
        ),
        *_more(run, told),
        Section(
            title="Conditions, versions, hashes",
            rows=condition_rows(run),
            code=(1,),
        ),
    ]


def _yields(run: RunView, told: Statistics, said: str) -> Iterable[Section]:
    yield Section(
        title="Yield",
        paragraphs=(
            f"A die passes if it keeps, at every temperature and supply asked for: {said}. The "
            "first interval is Clopper's and Pearson's, given these sequences. Behind the "
            "sequences: the share of dies whose accuracy on other sequences would keep the limit, "
            "at the hardest condition alone, from a beta-binomial fit; it is not told where dies "
            "differ no more than the sequences make them.",
        ),
        head=bands.YIELD_HEAD,
        rows=bands.yield_rows(run, told),
        numbers=(2, 4, 5, 6, 7, 8),
    )


def _more(run: RunView, told: Statistics) -> Iterable[Section]:
    if told.comparisons:
        yield Section(
            title="Against the point at the head",
            paragraphs=(
                "Differences on the same dies and sequences. Accuracy, and the share of decisions "
                "that are right at both or wrong at both: for other dies and sequences. Energy: "
                "Student's interval over dies. Passing: Agresti's and Min's interval, and the p of "
                "McNemar's exact test.",
            ),
            head=bands.COMPARISON_HEAD,
            rows=bands.comparison_rows(run, told),
            numbers=range(1, len(bands.COMPARISON_HEAD)),
        )
    if rows := bands.percentile_rows(run, told):
        yield Section(
            title="Percentiles over the dies",
            head=bands.PERCENTILE_HEAD,
            rows=rows,
            numbers=range(2, len(bands.PERCENTILE_HEAD)),
        )
    if rows := bands.capability_rows(run, told):
        yield Section(
            title="Capability",
            paragraphs=(
                "Cpk with Bissell's interval. Where the p of the test is small, the dies are not "
                "normal and the index says nothing of the yield.",
            ),
            head=bands.CAPABILITY_HEAD,
            rows=rows,
            numbers=range(2, 5),
        )
