"""Trained memory-recurrent networks on their way to analog silicon.

The stages, each a package of its own: `mru_hw.training` makes a network, `mru_hw.model` keeps it,
`mru_hw.mapping` turns it into a design, `mru_hw.variation` draws the dies, `mru_hw.simulate`
and `mru_hw.spice` run them, `mru_hw.energy` prices what they record, `mru_hw.sweep` repeats it
over many dies and `mru_hw.report` shows it. Importing the package loads none of them.
"""

__version__ = "0.1.0"
