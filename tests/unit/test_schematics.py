"""Every cell's schematic shows the devices and nets of its deck, and is the committed picture."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mru_hw.circuits.legs.roles import LEGS
from mru_hw.data import circuits_dir
from mru_hw.spice.chip import unit_name, unit_subckt
from scripts.schematics.deck import instances, read_subcircuits
from scripts.schematics.sheet import Sheet, read_sheet
from scripts.schematics.sheets import Source, picture, sheets
from scripts.schematics.tables import PAGES, cell_pages, renewed
from scripts.schematics.trace import all_labels, arms, crossed_symbols, traced

CELLS = sorted(path.parent.name for path in circuits_dir().glob("*/cell.sp"))
each_sheet = pytest.mark.parametrize("source", sheets(), ids=lambda source: source.name)


def wanted(sheet: Sheet) -> dict[tuple[str, str], str]:
    return {
        (symbol.instance.name, pin): net
        for symbol in sheet.symbols
        for pin, net in symbol.instance.nets.items()
    }


def assert_same_netlist(sheet: Sheet) -> None:
    drawn, deck = traced(sheet), wanted(sheet)
    assert set(drawn) == set(deck)
    names: dict[str, set[str]] = {}
    for terminal, net in deck.items():
        names.setdefault(net, set()).add(drawn[terminal])
    # One drawn net for each net of the deck, under its own name or under none.
    assert {net: found for net, found in names.items() if len(found) > 1} == {}
    found = {net: drawn_net for net, (drawn_net,) in names.items()}
    assert len(set(found.values())) == len(found)
    assert {n: f for n, f in found.items() if f != n and not f.startswith("#")} == {}


@each_sheet
def test_the_drawing_has_the_netlist_of_the_deck(source: Source) -> None:
    assert_same_netlist(source.read())


@each_sheet
def test_every_pin_has_its_name_and_wires_end_and_run_where_they_may(source: Source) -> None:
    sheet = source.read()
    assert set(sheet.pins) - {label.net for label in all_labels(sheet)} <= {"vdd", "vss"}
    assert crossed_symbols(sheet) == []
    named = {label.at for label in sheet.labels}
    ends = {wire[end] for wire in sheet.wires for end in (0, -1)}
    assert {end for end in ends - named if arms(sheet, end) < 2} == set()


@each_sheet
def test_the_committed_picture_is_a_fresh_one(source: Source) -> None:
    # To renew them: python -m scripts.schematics
    assert source.output.read_text(encoding="utf-8") == picture(source)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_has_a_schematic_and_a_page(cell: str) -> None:
    assert cell in {source.name for source in sheets()}
    page = (PAGES / f"{cell}.md").read_text(encoding="utf-8")
    assert f"](../../circuits/{cell}/schematic.svg)" in page
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    assert f"]({cell}.md)" in index


@pytest.mark.parametrize("page", cell_pages(), ids=lambda page: page.stem)
def test_the_tables_of_a_page_are_those_of_the_cell(page: Path) -> None:
    # To renew them: python -m scripts.schematics
    assert page.read_text(encoding="utf-8") == renewed(page)


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_index_counts_transistors_as_the_decks_do() -> None:
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\(\w+\.md\) \| (\d+) \|", index, re.MULTILINE)
    views = "".join((circuits_dir() / name / "cell.sp").read_text() for name in CELLS)
    cells = read_subcircuits(views + unit_subckt(2, 0))
    tops = {name: name for name in CELLS} | {"cmru_unit": unit_name(2, 0)}
    counted = {
        name: sum(i.cell != "c_state" for i in instances(cells, top)) for name, top in tops.items()
    }
    assert {name: int(count) for name, count in rows} == counted


def sheet_named(name: str) -> Source:
    (source,) = (source for source in sheets() if source.name == name)
    return source


def test_a_wire_cut_short_or_one_too_many_is_seen() -> None:
    sheet = sheet_named("inverter").read()
    drains, *others = sheet.wires
    with pytest.raises(AssertionError):
        assert_same_netlist(replace(sheet, wires=((drains[0], (3.0, 3.5)), *others)))
    with pytest.raises(ValueError, match="are drawn as one net"):
        traced(replace(sheet, wires=(*sheet.wires, ((2.0, 3.0), (3.0, 3.0)))))


def test_crossing_wires_are_apart_and_a_wire_through_a_symbol_is_seen() -> None:
    sheet = sheet_named("inverter").read()
    crossing = ((0.0, 6.5), (5.0, 6.5))
    assert_same_netlist(replace(sheet, wires=(*sheet.wires, crossing)))
    through = ((2.2, 0.2), (2.2, 1.8))
    found = crossed_symbols(replace(sheet, wires=(*sheet.wires, through)))
    assert found == [("xn", through)]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("  xn: 3,1\n", "", r"\['xn'\] is on the sheet or in the deck, but not on both"),
        ("xp.d | xn.d", "xp.d | xq.d", "'xq.d' is no terminal of this sheet"),
        ("xp.d | xn.d", "xp.d | xp.d", "has no length"),
    ],
)
def test_a_sheet_that_does_not_fit_is_refused(
    old: str, new: str, sentence: str, tmp_path: Path
) -> None:
    source = sheet_named("inverter")
    text = source.sheet.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "sheet.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=sentence):
        read_sheet(tmp_path / "sheet.yaml", read_subcircuits(source.deck), source.top)


def test_the_drawn_legs_are_those_that_the_emitter_places() -> None:
    source = sheet_named("mirror_legs")
    drawn = {i.name: i for i in instances(read_subcircuits(source.deck), source.top)}
    devices = {(leg.rail, leg.sign): leg.device for leg in LEGS}
    assert drawn["xwa"].cell == devices["plus", +1]
    assert drawn["xwb"].cell == devices["plus", -1]
    assert drawn["xwa"].nets["g"] == drawn["xnode.xfd"].nets["g"]
    assert drawn["xwb"].nets["g"] == drawn["xnode.xd"].nets["g"]
