"""What drives a network: input files (raw sequences, padded to one length)."""

from mru_hw.stimulus.inputs import (
    Inputs,
    asked_inputs,
    load_inputs,
    make_inputs,
    refuse_labels,
    refuse_width,
    save_inputs,
    sequence_range,
)

__all__ = [
    "Inputs",
    "asked_inputs",
    "load_inputs",
    "make_inputs",
    "refuse_labels",
    "refuse_width",
    "save_inputs",
    "sequence_range",
]
