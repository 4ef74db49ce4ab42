"""Model cards that stand inside a process's transistor subcircuit, moved out of it.

ngspice copies a subcircuit's cards for every instance of it: with 48 bins a transistor, a chip of
2,000 transistors carries 100,000 cards through every iteration. Outside, all instances share them.
What in a card depends on the instance has to stay: of sky130's, only the sheet resistance, which
the transistor multiplies with its squares, so it goes there.
"""

from __future__ import annotations

import re

NOTE = "* Changed by mru_hw: the model cards of {} stand outside their subcircuits.\n"


def share_cards(text: str, subcircuits: tuple[str, ...], resistance: str) -> str:
    """Return a library whose transistors share their cards.

    Parameters
    ----------
    text
        The library, comments and all.
    subcircuits
        Which transistors.
    resistance
        The instance's parameter that its cards give as ``rsh``; source and drain then have
        ``rsh = 1`` and so many times more squares: ``R = rsh nrs`` is the same.
    """
    for name in subcircuits:
        found = re.search(
            rf"^\.subckt\s+{name}\s.*?^\.ends\b[^\n]*\n", text, re.MULTILINE | re.DOTALL
        )
        if found is None:
            continue
        body = found[0]
        cards = re.search(r"^\.model\b.*(?=^\.ends\b)", body, re.MULTILINE | re.DOTALL)
        if cards is None:
            continue
        inside = body.replace(cards[0], "")
        for squares in ("nrd", "nrs"):
            inside = inside.replace(
                f" {squares} = {{{squares}}}", f" {squares} = {{{squares}*{resistance}}}"
            )
        outside = cards[0].replace(f"rsh = {{{resistance}}}", "rsh = 1")
        text = text.replace(body, outside + inside)
    return NOTE.format(", ".join(subcircuits)) + text
