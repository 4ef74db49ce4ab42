"""Draw every sheet again."""

from __future__ import annotations

from scripts.schematics.sheets import picture, sheets

for source in sheets():
    source.output.write_text(picture(source), encoding="utf-8")
    print(source.output.name, source.name)
