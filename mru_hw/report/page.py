"""``report.html``: one file that stands alone, without scripts; all text in it is untrusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mru_hw.errors import MruHwError, printable
from mru_hw.files import refuse_foreign, whole_file
from mru_hw.report import bands
from mru_hw.report.again import Again, InPython
from mru_hw.report.against import against
from mru_hw.report.bands import until_lines
from mru_hw.report.beside_spice import agreement_section
from mru_hw.report.carried_range import range_section
from mru_hw.report.chip import ChipFacts, area_section, find_chip
from mru_hw.report.compare import Compared, published, side_by_side
from mru_hw.report.constants import calibrations, constants_section
from mru_hw.report.cross import covered_box
from mru_hw.report.doubts import doubts_box
from mru_hw.report.enlarge import budget_of, enlarge_section
from mru_hw.report.failing import failing_units
from mru_hw.report.frames import ShortFrame, short_frames
from mru_hw.report.growth import growth_section
from mru_hw.report.head import STAMP, cards, lead, network_name, paragraph
from mru_hw.report.limits import capability, limits_said, specification
from mru_hw.report.montecarlo import spread_table, worst_table
from mru_hw.report.network import network_section
from mru_hw.report.nominal import ONE_SAMPLE, nominal_accuracies
from mru_hw.report.origin import reproduction
from mru_hw.report.parts import Card, Section, Table
from mru_hw.report.power import power
from mru_hw.report.power_parts import power_parts, strobe_elsewhere
from mru_hw.report.reading import reading
from mru_hw.report.remedies import remedies_table
from mru_hw.report.remedy import Remedy, remedy
from mru_hw.report.sections import distributions, notes, over_axes, point_rows, technologies
from mru_hw.report.sequence import sequence_section
from mru_hw.report.steps import steps_table
from mru_hw.report.tradeoffs import tradeoffs
from mru_hw.report.uncovered import boundary
from mru_hw.report.yields import yield_section
from mru_hw.statistics.crossed import DRAWS
from mru_hw.sweeps.statistics.answers import Statistics, statistics
from mru_hw.sweeps.verdict import Verdict, verdict
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import condition, many
from mru_hw.units import in_symbols

MARKER = "<!doctype html>\n<!-- mru-hw report -->"

_POINTS_HEAD = (
    *("study", "at", "runs", "accuracy", "95 % interval", "P10", "P90", "yield"),
    *("95 % interval", "energy", "power", "failed", "nominal die", "point"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All that a page says.

    Attributes
    ----------
    verdict, statistics
        The figures at its head, and all that the tables have of the dies.
    helps
        What would help against what binds.
    paragraph
        The verdict: what it opens with, then its further entries.
    lead, warnings
        The line under the title, and what stands in boxes.
    boundary
        What no figure of the page covers.
    chip
        The network at the point at the head, where it is at hand.
    """

    title: str
    lead: str
    paragraph: Sequence[str]
    warnings: Sequence[str]
    cards: Sequence[Card]
    sections: Sequence[Section]
    boundary: Sequence[str]
    verdict: Verdict
    helps: Remedy | None
    statistics: Statistics
    chip: ChipFacts | None


def make_page(
    run: RunView,
    *,
    others: Sequence[RunView] = (),
    model: Path | None = None,
    inputs: Path | None = None,
    again: Again | None = None,
    title: str | None = None,
    own_cards: Iterable[Card] = (),
    before: Iterable[Section] = (),
    after: Iterable[Section] = (),
) -> Page:
    """Return what the page of a sweep says.

    Parameters
    ----------
    run
        The sweep, which may be unfinished: the page says so.
    others
        Further sweeps to compare it with; those of its network at the level spice are also held
        against the array.
    model, inputs
        The sweep's network and sequences, if neither where its plan says nor beside it.
    again
        In whose words the page says how to make it again; Python's when None.
    title, own_cards, before, after
        What a demo adds: its name in place of the network's, further cards, sections before and
        after the sweep's own.

    Raises
    ------
    UserError
        `model` or `inputs` is not what the sweep was run with.
    """
    told = statistics(run)
    judged = verdict(run, told)
    words = InPython() if again is None else again
    found = find_chip(run, words, model, inputs)
    chip = found if isinstance(found, ChipFacts) else None
    finer = (
        None
        if chip is None or run.level == "ideal"
        else power_parts(
            chip, condition(run, run.base), strobe_elsewhere(run, chip, judged.binding)
        )
    )
    nominal, budget = nominal_accuracies(run, found), budget_of(found)
    known = None if isinstance(budget, str) else budget
    short = short_frames(run, found)
    helps = remedy(run, judged, nominal, found, known, words)
    remedies = remedies_table(run, found, budget, helps, short)
    compared = [Compared(run=run, verdict=judged)]
    compared += [Compared(run=one, verdict=verdict(one, statistics(one))) for one in others]
    sections = [
        specification(run, judged),
        *before,
        *(
            []
            if chip is None or run.level == "ideal"
            else [sequence_section(chip, condition(run, run.base))]
        ),
        power(run, finer),
        *_dies(run, told, judged),
        _worst(run, judged, words, chip, model, inputs),
        enlarge_section(found, run, budget, helps, remedies, words),
        *_points(run, told, nominal),
        tradeoffs(run, told, judged, chip),
        area_section(found),
        *([] if chip is None else [growth_section(chip)]),
        *([] if chip is None else [network_section(chip, run.base.seeds.tolist())]),
        agreement_section(run, others, model, inputs, words, judged.binding),
        range_section(run, found, judged.binding),
        constants_section(run, found, judged.binding),
        *([side_by_side(compared)] if others else []),
        published(run, judged, chip),
        *after,
        reading(run, alone=not others),
        reproduction(run, words, chip, judged.binding),
    ]
    return Page(
        title=title or f"{network_name(run)} on many dies",
        lead=f"{lead(run, technologies(run))} {words.numbers(run)}",
        paragraph=paragraph(run, judged, chip, helps, short),
        warnings=warnings(run, found, short, others),
        cards=[*cards(run, judged, chip), *own_cards],
        sections=[one for one in sections if one is not None and not one.empty],
        boundary=boundary(run),
        verdict=judged,
        helps=helps,
        statistics=told,
        chip=chip,
    )


def write_page(page: Page, out: Path) -> None:
    """Write a page; it appears whole or not at all.

    Raises
    ------
    UserError
        `out` holds something else.
    """
    refuse_foreign(out, marker=MARKER, what="report")
    text = _html(page=page, stamp=STAMP)
    if not text.startswith(MARKER):
        raise MruHwError("The report's template does not begin with its marker.")
    with whole_file(out) as part:
        # A path that is no text in UTF-8 stands in the commands by its escapes.
        part.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_report(run: RunView, out: Path, **more: Any) -> Page:
    """Write the report of a sweep, and return what it says.

    Parameters
    ----------
    run, more
        As of `make_page`.
    out
        Where; an earlier report there is replaced.

    Raises
    ------
    UserError
        `out` holds something else, or as of `make_page`.
    """
    refuse_foreign(out, marker=MARKER, what="report")
    page = make_page(run, **more)
    write_page(page, out)
    return page


def unfinished(run: RunView, name: str = "This sweep") -> str:
    """Say how many runs are stored of a sweep that was cut short; empty of one that was not."""
    if run.shard_complete or run.until is not None:
        return ""
    stored, runs = _stored(run)
    return (
        f"{name} is not complete: {stored} of {runs} stored. The same call of mru-hw sweep goes "
        "on with it."
    )


def _stored(run: RunView) -> tuple[int, str]:
    stored, wanted = (sum(getattr(p, n) for p in run.points) for n in ("n_runs", "n_wanted"))
    return stored, f"{many(wanted, 'run')} {'is' if wanted == 1 else 'are'}"


def warnings(
    run: RunView,
    found: ChipFacts | str,
    short: ShortFrame | None,
    others: Sequence[RunView] = (),
) -> list[str]:
    """Return what stands in boxes at the head of the page."""
    boxes = []
    stored, runs = _stored(run)
    if run.shard is not None:
        boxes.append(
            f"This is shard {run.shard} of a sweep: {stored} of its {runs} stored here. "
            "mru-hw merge puts shards together."
        )
    cut = [unfinished(run), *(unfinished(one, printable(one.path.name)) for one in others)]
    boxes += [sentence for sentence in cut if sentence]
    if run.until is not None:
        boxes.append(" ".join(until_lines(run)))
    boxes += [
        f"{count} of {many(stored, 'run')} failed and {'counts' if count == 1 else 'count'} in no "
        f"mean: {status.value}"
        for status, count in run.failed().items()
    ]
    covered = covered_box(run, [constants for _, constants in calibrations(run, found)])
    return [*boxes, *doubts_box(run, found, short), *notes(run), *covered]


def _html(**content: Any) -> str:
    environment = Environment(
        loader=PackageLoader("mru_hw.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = in_symbols
    return environment.get_template("report.html.j2").render(content)


# ------------------------------------------------------------------------------------ sections


def _dies(run: RunView, told: Statistics, judged: Verdict) -> Iterator[Section]:
    own = [one for one in judged.limits if one.population is judged.judged]
    yield Section(
        key="dies",
        title="Over the dies",
        tables=[one for one in (steps_table(run), spread_table(run, judged)) if one is not None],
        pictures=distributions(run, own, judged.binding),
    )
    yield yield_section(run, told, judged)


def _worst(
    run: RunView,
    judged: Verdict,
    again: Again,
    chip: ChipFacts | None,
    model: Path | None,
    inputs: Path | None,
) -> Section:
    tables = [worst_table(run, one, again) for one in judged.corners]
    units = failing_units(run, judged, chip, model, inputs)
    return Section(
        key="worst",
        title="The worst dies",
        paragraphs=[units] if isinstance(units, str) else [],
        tables=[
            *(table for table in tables if table is not None),
            *([units] if isinstance(units, Table) else []),
        ],
    )


def _points(run: RunView, told: Statistics, nominal: Mapping[int, float]) -> Iterator[Section]:
    yield Section(
        key="axes",
        title="Over the axes",
        paragraphs=(
            "Bands are P10 to P90 over the runs of a point, which is how dies differ; how sure a "
            "mean is stands in the table of points.",
        )
        if len(run.points) > 1
        else (),
        pictures=over_axes(run),
    )
    yield Section(
        key="points",
        title="Every point",
        paragraphs=(
            "Means over the runs of a point; P10 and P90 are of their accuracies. The interval "
            "of the mean accuracy is for other dies and other sequences: both are drawn again "
            f"{DRAWS} times. Yield is the share of runs that keep the limits at this point: "
            f"{limits_said(run)}. Nominal die: its accuracy at this corner, temperature and "
            f"supply, without mismatch. {_above(run, nominal)}Point: the number by which explain "
            "takes it.",
        ),
        tables=[
            Table(
                name="points",
                caption="Every point of the sweep.",
                head=_POINTS_HEAD,
                rows=point_rows(run, told, nominal),
                numbers=range(2, 14),
            )
        ],
    )
    yield from _more(run, told)


def _above(run: RunView, nominal: Mapping[int, float]) -> str:
    """Say at how many points the mean of the dies lies above the nominal die, and why it may."""
    known = [one for one in run.points if one.number in nominal and len(one.accuracy)]
    above = sum(float(one.accuracy.mean()) > nominal[one.number] for one in known)
    if not above:
        return ""
    return (
        f"At {above} of {many(len(known), 'point')} the mean of the dies lies above it. "
        f"{ONE_SAMPLE} "
    )


def _more(run: RunView, told: Statistics) -> Iterator[Section]:
    yield from against(run, told)
    if rows := bands.percentile_rows(run, told):
        yield Section(
            key="percentiles",
            title="Percentiles over the dies",
            tables=[
                Table(
                    name="percentiles",
                    caption="Percentiles over the runs of each point, linear between dies.",
                    head=bands.PERCENTILE_HEAD,
                    rows=rows,
                    numbers=range(2, len(bands.PERCENTILE_HEAD)),
                )
            ],
        )
    yield from capability(run, told)
