"""Draw every sheet again, and make the tables of the cells' pages afresh."""

from __future__ import annotations

from scripts.schematics.sheets import picture, sheets
from scripts.schematics.tables import cell_pages, renewed

for source in sheets():
    source.output.write_text(picture(source), encoding="utf-8")
    print("drawn:", source.name)
for page in cell_pages():
    page.write_text(renewed(page), encoding="utf-8")
    print("tables:", page.name)
