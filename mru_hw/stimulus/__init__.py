"""What drives a network: input files (raw sequences, padded to one length)."""

from mru_hw.stimulus.inputs import (
    Inputs,
    load_inputs,
    make_inputs,
    refuse_labels,
    save_inputs,
    sequence_range,
)

__all__ = ["Inputs", "load_inputs", "make_inputs", "refuse_labels", "save_inputs", "sequence_range"]
