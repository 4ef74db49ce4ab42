"""One colour a supply block and one a level of truth, on every figure; dark pages have their own.

The hues are Okabe's and Ito's, or keep the distance that these have for eyes with one kind of cone
less; none carries a meaning alone: curves have labels and dashes, bars stand in a stated order.
"""

from __future__ import annotations

from typing import Any

INK, FAINT, PAPER = "#1f2933", "#52606d", "#ffffff"
BLUE, VERMILION, GREEN, PINK = "#0072b2", "#c84e00", "#00795a", "#a8528a"
INDIGO, OLIVE, RED = "#4b3fb0", "#756700", "#9b1c31"

BLOCKS = {"mirror": BLUE, "memory": VERMILION, "clock": GREEN, "bias": PINK}
"""Supply blocks."""
LEVELS: dict[str, tuple[str, str, Any]] = {
    "software": ("as trained", FAINT, (0, (1, 1))),
    "ideal": ("mapped and rounded", OLIVE, (0, (5, 1))),
    "nominal": ("nominal die", INDIGO, "solid"),
}
"""Levels of truth that a histogram of dies is compared with: label, colour and dashes."""
DIES, NGSPICE, LIMIT = INDIGO, RED, RED
SEVERAL = (BLUE, VERMILION, GREEN, PINK, OLIVE, INDIGO)
"""Of curves that are neither a block nor a level."""

DARK = {
    INK: "#e4e7eb",
    FAINT: "#b3bdc9",
    PAPER: "#14181d",
    BLUE: "#58b4e8",
    VERMILION: "#ff9457",
    GREEN: "#3fc49b",
    PINK: "#e59bc8",
    INDIGO: "#aaa2ff",
    OLIVE: "#d9c94a",
    RED: "#ff8093",
}
"""What each becomes on a dark page."""


def theme() -> str:
    """Return the style sheet of a drawing: where the reader prefers dark, its colours change."""
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark} !important}}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    )
    return f"<style>@media screen and (prefers-color-scheme:dark){{{rules}}}</style>"
