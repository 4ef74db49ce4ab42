"""The cell views of ``circuits/`` as the emitter uses them."""

from __future__ import annotations

from collections.abc import Iterable

from mru_hw.data import circuits_dir
from mru_hw.mapping.design import NodeKind

NODES = ("signed_node", "relu_node", "state_node", "bias_tree")
LIBRARY = (*NODES, "step_control", "ladder_cell", "inverter", "phase_tap", "strobe_driver")
"""What a CMRU network is made of."""
WINDOWS = ("window_comparator",)
"""What those add whose thresholds come from the input."""
LOOPS = (*NODES, "hysteretic_cell", "inverter")
"""What a network of loops is made of."""

# Where a device of a Design's group sits inside its node's instance.
BUS_PATHS: dict[NodeKind, dict[str, str]] = {
    NodeKind.SIGNED: {
        "split_n": "xsplit.xsn",
        "split_p": "xsplit.xsp",
        "diode_plus": "xsplit.xdn",
        "diode_minus": "xsplit.xdp",
        "flip_plus": "xfn",
        "flip_plus_diode": "xfnd",
        "flip_minus": "xfp",
        "flip_minus_diode": "xfpd",
    },
    NodeKind.CANDIDATE: {
        "split_n": "xsn",
        "split_p": "xsp",
        "diode_plus": "xdn",
        "diode_minus": "xdp",
    },
    NodeKind.RECTIFIED: {"diode_plus": "xd", "flip_plus": "xf", "flip_plus_diode": "xfd"},
    NodeKind.STATE: {"diode_plus": "xd", "flip_plus": "xf", "flip_plus_diode": "xfd"},
    NodeKind.BIAS: {
        "diode_plus": "xd",
        "flip_plus": "xf",
        "flip_plus_diode": "xfd",
        "split_source": "xq0",
        "split_n": "xq1",
        "split_p": "xq2",
    },
    NodeKind.PIN: {},
}
STEP_PATHS = {
    "up_threshold": "xstep.xu1",
    "up_copy": "xstep.xu2",
    "down_copy": "xstep.xd1",
    "down_threshold": "xstep.xd2",
    "up_plus": "xstep.xu1",
    "up_minus": "xstep.xu3",
    "up_opposite": "xstep.xu4",
    "down_plus": "xstep.xd2",
    "down_minus": "xstep.xd3",
    "down_opposite": "xstep.xd4",
}
CELL_PATHS = {
    "hold": "xm2",
    "width": "xm8",
    "feedback_diode": "xm7",
    "feedback": "xm9",
    "gain": "xm5",
}
LOOP_PATHS = {
    "copy_plus": "xm1",
    "hold": "xm2",
    "width": "xm8",
    "feedback_diode": "xm7",
    "feedback": "xm9",
    "gain": "xm5",
}
LEG_CODES = {
    "source_plus": "a",
    "sink_plus": "b",
    "sink_minus": "c",
    "source_minus": "d",
}


def cell_views(names: Iterable[str] = LIBRARY) -> str:
    """Return the SPICE text of cells that the emitter instantiates."""
    root = circuits_dir()
    return "\n".join((root / name / "cell.sp").read_text(encoding="utf-8") for name in names)
