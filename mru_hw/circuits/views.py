"""The cell views of ``circuits/``: a circuit's subcircuits as a SPICE file."""

from __future__ import annotations

from mru_hw.data import circuits_dir


def view_text(name: str) -> str:
    """Return the SPICE text of a view."""
    return (circuits_dir() / name / "cell.sp").read_text(encoding="utf-8")
