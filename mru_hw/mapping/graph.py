"""The pass that lays out a network's graph: its rows, and the wires between them."""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.base import NodeKind
from mru_hw.mapping.cells import CLOCKED
from mru_hw.mapping.draft import Draft, LayerRows, Wire
from mru_hw.mapping.rows import BIAS, INPUTS, OUTPUTS, Part, RowName


def draw_graph(draft: Draft) -> None:
    """Lay out buses and wires: which node circuit each signal needs."""
    spec, kinds = draft.model.spec, draft.kinds
    kinds[BIAS] = (NodeKind.BIAS, 1)
    kinds[INPUTS] = (NodeKind.SIGNED, spec.n_in)
    first = spec.layers[0]
    only_rectified = first.rectify_input and first.skip == 0
    signal = Part.SIGNAL.of(0)
    kinds[signal] = (NodeKind.RECTIFIED if only_rectified else NodeKind.SIGNED, spec.n_hidden)
    _linear(draft, "input", INPUTS, signal)
    for i in range(len(spec.layers)):
        signal = _draw_layer(draft, i, signal)
    kinds[OUTPUTS] = (NodeKind.PIN, spec.n_classes)
    _linear(draft, "head", signal, OUTPUTS)


def _draw_layer(draft: Draft, i: int, signal: RowName) -> RowName:
    """Lay out one layer behind its signal; return the next one's."""
    spec, kinds, p = draft.model.spec, draft.kinds, f"layers.{i}."
    layer, kind = spec.layers[i], draft.kind(i)
    rows = LayerRows(
        kind=kind,
        candidate=Part.CANDIDATE.of(i),
        state=Part.STATE.of(i),
        threshold=Part.THRESHOLD.of(i) if layer.threshold == "input" else None,
        units=Part.UNITS.of(i),
    )
    draft.layers.append(rows)
    # Comparators read the two diodes; a loop's node needs copies of both signs.
    signed = NodeKind.CANDIDATE if kind in CLOCKED else NodeKind.SIGNED
    unipolar = layer.rectify_candidate
    kinds[rows.candidate] = (NodeKind.RECTIFIED if unipolar else signed, layer.n_units)
    kinds[rows.state] = (NodeKind.STATE, layer.n_units)
    _linear(draft, p + "candidate", signal, rows.candidate, rectified=layer.rectify_input)
    if rows.threshold is not None:
        kinds[rows.threshold] = (NodeKind.SIGNED, layer.n_units)
        _linear(draft, p + "threshold", signal, rows.threshold, rectified=layer.rectify_input)
    following = spec.layers[i + 1] if i + 1 < len(spec.layers) else None
    rectified = (layer.rectify_output and layer.skip == 0) or (
        following is not None and following.rectify_input and following.skip == 0
    )
    output = out = Part.SIGNAL.of(i + 1)
    eye = np.eye(layer.n_out)
    if layer.rectify_output and layer.skip != 0:
        output = Part.RECTIFIED.of(i)
        kinds[output] = (NodeKind.RECTIFIED, layer.n_out)
        draft.wires.append(Wire(parameter=p + "rectified", source=output, target=out, weight=eye))
    kinds[out] = (NodeKind.RECTIFIED if rectified else NodeKind.SIGNED, layer.n_out)
    _linear(draft, p + "output", rows.state, output)
    if layer.skip != 0:
        weight = draft.tensor(p + "skip.weight") if layer.skip == "matrix" else eye
        skip = Wire(parameter=p + "skip.weight", source=signal, target=out, weight=weight)
        draft.wires.append(skip)
    return out


def _linear(
    draft: Draft, name: str, source: RowName, target: RowName, *, rectified: bool = False
) -> None:
    """Wire a layer's weights from one row to another, and its biases."""
    weight, bias = draft.tensor(f"{name}.weight"), draft.tensor(f"{name}.bias")[:, None]
    draft.wires += [
        Wire(
            parameter=f"{name}.weight",
            source=source,
            target=target,
            weight=weight,
            rectified=rectified,
        ),
        Wire(parameter=f"{name}.bias", source=BIAS, target=target, weight=bias),
    ]
