"""The page of a zoo, in Markdown: its tables, figures, and how they came about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from mru_hw.files import whole_file
from mru_hw.units import render
from mru_hw.words import many, plural
from mru_hw.zoo.figures import draw_all
from mru_hw.zoo.lasting import Lasting, Shares, lasting
from mru_hw.zoo.markdown import plain, prose
from mru_hw.zoo.markdown import row as line
from mru_hw.zoo.plan import ZooPlan
from mru_hw.zoo.records import Results
from mru_hw.zoo.table import OnChipRow, Row, csv_text, rows, share_within, words_of

FIGURES = "figures"


def write_page(plan: ZooPlan, results: Results, out: Path, *, figures: str = FIGURES) -> list[Row]:
    """Write zoo.md, zoo.csv and the figures into a folder; return the rows of the table.

    Parameters
    ----------
    figures
        Folder of the figures, in `out`.
    """
    found = rows(plan, results)
    longer = lasting(found, results)
    with whole_file(out / "zoo.csv") as part:
        part.write_text(csv_text(found, results), encoding="utf-8")
    pictures = draw_all(plan, found, longer, out / figures)
    text = page_text(plan, results, found, longer, [(f"{figures}/{n}", t) for n, t in pictures])
    with whole_file(out / "zoo.md") as part:
        part.write_text(text, encoding="utf-8")
    return found


def page_text(
    plan: ZooPlan,
    results: Results,
    found: Sequence[Row],
    longer: Sequence[Lasting],
    pictures: Sequence[tuple[str, str]],
) -> str:
    """Return the page.

    Parameters
    ----------
    longer
        What is known of longer sequences.
    pictures
        Paths of the figures from the page, and what each shows.
    """
    lines = [f"# {plain(plan.title) or 'Zoo'}", ""]
    for paragraph in plan.head:
        lines += [prose(paragraph), ""]
    lines += _how(plan, results)
    for note in plan.notes:
        lines += [prose(note), ""]
    for path, shown in pictures[:1]:
        lines += [f"![{shown}]({path})", ""]
    for name, task in plan.tasks.items():
        group = [row for row in found if row.entry.task == name]
        if group:
            lines += [
                f"## {plain(task.title) or name}",
                "",
                *_task_lines(plan, results, name, group),
                "",
            ]
    judged = [(row, row.chip) for row in found if row.chip is not None]
    if judged:
        lines += ["## On the chip", "", *_chip_lines(plan, judged), ""]
    if longer:
        lines += ["## How long states last", "", *_lasting_lines(longer), ""]
    for path, shown in pictures[1:]:
        lines += [f"![{shown}]({path})", ""]
    if plan.published:
        lines += ["## Published", "", "| what | figures | source |", "|---|---|---|"]
        lines += [line([plain(v) for v in (p.what, p.figures, p.source)]) for p in plan.published]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _how(plan: ZooPlan, results: Results) -> Iterator[str]:
    said = [
        "Made by `mru-hw zoo`; a figure that is missing was not run.",
        "All cells of a task have one budget: the same optimiser (AdamW), epochs, batches, noise "
        f"and {many(plan.n_layers, 'layer')}.",
    ]
    for name, cell in plan.cells.items():
        own = cell.layer | cell.training
        if own:
            said.append(f"`{name}` has {_keys(own)} of its own.")
    said.append(
        "Accuracies are shares of right decisions on the test part in %, in software: mean, "
        "standard deviation over seeds, and each seed. Seconds are processor time of one core "
        f"({plain(results.machine)}); of an epoch the median, with its validation."
    )
    trained = sum(run.core_seconds for run in results.trainings.values())
    said.append(
        f"{many(len(results.trainings), 'training')} took {_spent(trained)}; with dies and longer "
        f"sequences {_spent(results.core_seconds)}."
    )
    yield " ".join(said)
    yield ""


def _keys(keys: Mapping[str, Any]) -> str:
    """Return keys of a document in words."""
    told = (
        plain(key) + (f" ({_keys(value)})" if isinstance(value, Mapping) else f" {plain(value)}")
        for key, value in keys.items()
    )
    return ", ".join(told) or "as the plan has it"


def _chosen(plan: ZooPlan, task: str) -> str:
    choices = plan.choices(task)
    if len(choices) == 1:
        return ""
    return (
        f" {len(choices)} choices ({'; '.join(map(_keys, choices))}) were tried with the first "
        "seed, and the best on validation serves all seeds; the test part had no say in it."
    )


def _spent(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.1f} core-hours" if hours >= 1 else many(round(seconds), "core-second")


def _task_lines(plan: ZooPlan, results: Results, name: str, group: Sequence[Row]) -> Iterator[str]:
    facts = results.tasks[name]
    training = plan.config(name, group[0].entry.cell, group[0].entry.width, 0, 0).training
    yield (
        f"{many(facts.n_train, 'sequence')} to train, {facts.n_validation} to validate, "
        f"{facts.n_test} to test; the commonest class is {100 * facts.chance:.0f} %. "
        f"{many(training.epochs, 'epoch')} of batches of {training.batch_size}."
        + _chosen(plan, name)
    )
    yield ""
    chosen = ", ".join(dict.fromkeys(key for choice in plan.choices(name) for key in choice))
    chosen = plain(chosen.replace("_", " ")) or "choice"
    head = (
        *("cell", "width", "test", "seeds run", "each seed", "validation", chosen),
        *("parameters", "s an epoch"),
    )
    yield line([*head, "core-s", "diverged, at chance"])
    yield "|---|" + "---:|" * 3 + "---|" + "---:|" * 6
    for row in group:
        yield line(list(_cells(row)))
    if plan.reference is not None:
        yield from _compared(plan.reference, group)


def _compared(reference: str, group: Sequence[Row]) -> Iterator[str]:
    """Say by how much the other cells of each width are ahead of one, and behind it."""
    for one in group:
        if one.entry.cell != reference or not one.tests:
            continue
        others = [
            (100 * (mean(row.tests) - mean(one.tests)), row)
            for row in group
            if row.tests and row.entry.width == one.entry.width and row is not one
        ]
        parts = []
        for word, sign in (("ahead of", 1), ("behind", -1)):
            some = sorted((p for p in others if p[0] * sign > 0), key=lambda p: -p[0] * sign)
            told = ", ".join(f"`{row.entry.cell}` {abs(gap):.1f}" for gap, row in some) or "none"
            parts.append(f"points {word} `{reference}`: {told}")
        yield ""
        yield f"Width {one.entry.width}, means of the seeds that ran, {'; '.join(parts)}."


def _cells(row: Row) -> Iterator[str]:
    tests = row.tests
    yield f"`{row.entry.cell}`"
    yield str(row.entry.width)
    spread = "" if row.spread is None else f" ± {100 * row.spread:.1f}"
    yield f"{100 * mean(tests):.1f}{spread}" if tests else "none"
    yield f"{len(row.runs)} of {row.planned}"
    yield ", ".join(f"{100 * share:.1f}" for share in tests)
    yield "none" if row.validation is None else f"{100 * row.validation:.1f}"
    known = () if row.choice is None else row.choice[1].values()
    yield ", ".join(f"{v:g}" if isinstance(v, float) else plain(v) for v in known)
    yield str(row.runs[0].parameters) if row.runs else ""
    yield "" if row.seconds_epoch is None else f"{row.seconds_epoch:.2f}"
    yield f"{row.core_seconds:.0f}"
    yield f"{row.diverged}, {row.at_chance} of {len(row.runs)}"


def _chip_lines(plan: ZooPlan, judged: Sequence[tuple[Row, OnChipRow]]) -> Iterator[str]:
    assert plan.chip is not None
    chip = plan.chip.chip
    design = _keys(chip.design) if chip.design else "the defaults"
    yield (
        f"Cells that have a circuit, in `{chip.tech}` ({design}), at the level behavioral, "
        f"settled, without noise: {many(plan.chip.n_dies, 'die')} a seed and condition. A die "
        "is within a point where it loses at most 1 % of the test part against the software before "
        "training for the chip; in brackets the interval of 95 %, as if all dies were "
        "independent. Energy is a sequence's, on average."
    )
    yield ""
    yield (
        "| task | cell | width | networks | transistors | condition | in software | on dies "
        "| within a point, % | energy | after: in software | on dies | within a point, % | energy |"
    )
    yield "|---|---|" + "---:|" * 3 + "---|" + "---:|" * 8
    for row, one in judged:
        counts = (
            ""
            if one.transistors is None
            else " to ".join(f"{n:,}" for n in dict.fromkeys(one.transistors))
        )
        for k, before in enumerate(one.before):
            cells = [
                *(row.entry.task, f"`{row.entry.cell}`", str(row.entry.width), str(one.n), counts),
                words_of(before.settings),
                *_stage(one, after=False, k=k),
                *_stage(one, after=True, k=k),
            ]
            yield line(cells)
    for row, one in judged:
        if one.refused[0]:
            count, why = one.refused
            yield ""
            yield f"{row.entry.key}: {many(count, 'network')} not on the chip: {plain(why)}"


def _stage(one: OnChipRow, *, after: bool, k: int) -> Iterator[str]:
    known, software = (one.after, one.software_after) if after else (one.before, one.software)
    if k >= len(known):
        yield from ("", "", "", "")
        return
    found = known[k]
    yield "" if software is None else f"{100 * software:.1f}"
    yield f"{100 * found.accuracy:.1f}"
    yield share_within(found) + (f", {found.failed} failed" if found.failed else "")
    yield "" if found.energy is None else render(found.energy, "J")


def _lasting_lines(found: Sequence[Lasting]) -> Iterator[str]:
    lengths = sorted({length for one in found for length in one.software})
    yield (
        "Networks of the tasks above on test sequences of one length. `ideal` is the level of the "
        "mapped and rounded network, or of the network as trained where no circuit holds its cell; "
        "on dies there is device noise, and the mean is over the dies of each seed. Accuracy in %, "
        "mean and, of several seeds, each."
    )
    yield ""
    yield (
        "| task | cell | width | seeds | where | "
        + " | ".join(f"{n:,} {plural(n, 'frame')}" for n in lengths)
        + " |"
    )
    yield "|---|---|---:|---:|---|" + "---:|" * len(lengths)
    for one in found:
        dies = {f"{many(one.n_dies, 'die')}, {name}": shares for name, shares in one.dies.items()}
        for where, shares in ({"software": one.software, "ideal": one.ideal} | dies).items():
            if shares:
                yield _lasting_line(one, where, shares, lengths)


def _lasting_line(one: Lasting, where: str, shares: Shares, lengths: Sequence[int]) -> str:
    seeds = max(len(known) for known in one.software.values())
    told = [_several(shares.get(length, [])) for length in lengths]
    cells = (one.task, f"`{one.cell}`", str(one.width), str(seeds), where, *told)
    return line(list(cells))


def _several(shares: Sequence[float]) -> str:
    if not shares:
        return ""
    each = f" ({', '.join(f'{100 * share:.1f}' for share in shares)})" if len(shares) > 1 else ""
    return f"{100 * mean(shares):.1f}{each}"
