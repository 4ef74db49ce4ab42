"""How the figures of a page are made again: commands, versions, hashes, range, assumptions."""

from __future__ import annotations

from collections.abc import Mapping

from mru_hw.report.again import Again, chosen
from mru_hw.report.chip import ChipFacts
from mru_hw.report.names import options_table
from mru_hw.report.parts import Section, Table
from mru_hw.report.sections import condition_rows
from mru_hw.report.trained import origin_lines, origin_said
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.versions import CODE, code, versions
from mru_hw.sweeps.view import RunView

ASSUMPTIONS = (
    "Ideal: the reference current, the clock's waveform, the supply and its wires, the sources of "
    "the inputs, and fixed voltages at the output pins.",
    "No layout: no extraction, no coupling between wires, no stress; "
    "no ESD structures, pads, rings or dummies.",
    "Mismatch is drawn for each device, independently, from the Pelgrom constants in the "
    "technology's folder. Corners are those of its cards, "
    "where their figures come from stands under “Fitted constants”.",
    "Aging, temperature differences on the chip and supply noise are in no figure.",
)

_HASHES = (
    "Hashes of the network, the sequences, the technology and its constants are SHA-256 sums over "
    "their numbers as the program reads them, and not over files: a file with other white space "
    "or another compression has the same. A sweep of the same plan with the same hashes, version "
    "of the results and kernel gives the same bits, and so the same hash of all results."
)


def reproduction(run: RunView, again: Again, chip: ChipFacts | None, worst: Held | None) -> Section:
    """Return the section that says how to make every figure again.

    Parameters
    ----------
    worst
        The limit that binds, whose worst die a command runs again.
    """
    options = options_table(run)
    sweep = {name: run.facts.get(f"code.{name}", "") for name in ("commit", "files")}
    return Section(
        key="reproduction",
        title="Settings, versions, hashes",
        paragraphs=[_design(run), origin_said(chip), _HASHES, *ASSUMPTIONS],
        tables=[
            Table(
                name="conditions",
                caption="The sweep: what was run, by which version and on which machine.",
                head=("what", "value"),
                rows=[*condition_rows(run), ("code of the sweep", _code(sweep))],
                code=(1,),
            ),
            *([] if options is None else [options]),
            Table(
                name="page",
                caption=(
                    "This page: what wrote it from the store of the sweep. Tables of the network "
                    "(power by layer, area, what to enlarge, growth) were computed by it, and not "
                    "by the sweep."
                ),
                head=("what", "value"),
                rows=[
                    *((f"version of {name}", value) for name, value in versions().items()),
                    ("code of the page", _code(code())),
                ],
                code=(1,),
            ),
        ],
        lines=[*again.whole(run, worst), *origin_lines(chip, again)],
    )


def _code(known: Mapping[str, str]) -> str:
    """Write from which commit code ran."""
    commit, files = known.get("commit"), known.get("files")
    if not commit or not files:
        return "commit not known: it did not run from a git checkout, or its store has none"
    return f"commit {commit}, files of {', '.join(CODE)} {files}"


def _design(run: RunView) -> str:
    """Say where the design at the head is stated."""
    own = chosen(run)
    if own is None:
        return "The store does not have the options of the design at the head."
    return (
        "The design at the head has choices that are not the defaults: DESIGN.yaml below."
        if own
        else "Every choice of the design at the head is the default, so that no DESIGN.yaml is "
        "needed."
    )
