"""One sequence as it runs: inputs, a candidate at its thresholds, states, outputs, supply power."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

from mru_hw.mapping import unmap
from mru_hw.model.structure import normalised
from mru_hw.report.chip import ChipFacts
from mru_hw.report.colours import BLOCKS, DIES, FAINT, INK, LIMIT, OLIVE
from mru_hw.report.drawing import drawn
from mru_hw.report.parts import Picture, Section
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.ledger import power_course
from mru_hw.simulate.local import local_layers
from mru_hw.units import render
from mru_hw.variation import nominal_die

Array = NDArray[np.float64]

_LOOKED = 64
"""Sequences among which one is chosen."""
_SHORT = 12
"""Frames below which a sequence shows little."""
_SIGNED = "PuOr"
"""Colours of states: orange below 0, white at 0, purple above."""
_MAPPED: Any = {"color": OLIVE, "linewidth": 1.2, "linestyle": (0, (4, 2)), "baseline": None}
"""How the network as mapped is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A sequence on the nominal die, beside the network as mapped.

    Attributes
    ----------
    time
        Of each frame [s].
    x
        (frame, feature) as the network sees it.
    unit
        Of the first layer: the one that steps most.
    candidate, ideal_candidate
        Of that unit, (frame,), in the network's units.
    thresholds
        Where it steps, upper and lower, (2, frame).
    states, ideal_states, step
        Of the last layer, (frame, unit), and the distance of two levels, (unit,).
    output, ideal_output
        (frame, class), in the network's units.
    one_candidate, one_output
        Current that stands for 1.0 of a candidate and of an output [A].
    power
        By supply block, (frame,) [W].
    """

    number: int
    label: int
    decision: int
    ideal_decision: int
    time: Array
    x: Array
    unit: int
    candidate: Array
    ideal_candidate: Array
    thresholds: Array
    states: Array
    ideal_states: Array
    step: Array
    output: Array
    ideal_output: Array
    one_candidate: float
    one_output: float
    power: Mapping[str, Array]


def sequence_section(found: ChipFacts, said: str) -> Section:
    """Return the picture of one sequence.

    Parameters
    ----------
    said
        The condition in words.
    """
    course = run_course(found)
    apart = np.abs(course.states - course.ideal_states) > 0.5 * course.step
    unlike = f"{int(apart.sum())} of {apart.size}"
    candidate, output = _one(course.one_candidate), _one(course.one_output)
    return Section(
        key="sequence",
        title="One sequence as it runs",
        pictures=[
            Picture(
                name="sequence",
                svg=draw_course(course),
                alternative=(
                    "Inputs, a candidate against its thresholds, states, outputs and supply power "
                    "of one sequence on one time axis."
                ),
                caption=(
                    f"Sequence {course.number} (class {course.label}) on the nominal die at "
                    f"{said}: it decides {course.decision}, the network as mapped "
                    f"{course.ideal_decision}. Solid: the circuits' laws; dashed: the network as "
                    f"mapped; {unlike} states of the last layer are of another level than as "
                    "mapped (orange is below 0, purple above). Candidate and outputs are numbers "
                    f"of the network, where {candidate} of the candidate and {output} of an "
                    "output. The features, and the readout over "
                    "frames that makes the decision, are outside the chip."
                ),
                data=_columns(course),
            )
        ],
    )


def _one(amperes: float) -> str:
    """Write what current is 1 in the network's numbers."""
    return f"1 = {render(amperes, 'A', 3)}"


def _columns(course: Course) -> dict[str, list[float]]:
    found = {
        "time [s]": course.time.tolist(),
        f"candidate of unit {course.unit}": course.candidate.tolist(),
        f"candidate of unit {course.unit}, as mapped": course.ideal_candidate.tolist(),
        "upper threshold": course.thresholds[0].tolist(),
        "lower threshold": course.thresholds[1].tolist(),
    }
    for k in range(course.output.shape[1]):
        found[f"output {k}"] = course.output[:, k].tolist()
        found[f"output {k}, as mapped"] = course.ideal_output[:, k].tolist()
    return found | {f"power of {name} [W]": watts.tolist() for name, watts in course.power.items()}


def run_course(found: ChipFacts) -> Course:
    """Run the shortest sequence that is decided rightly, of `_SHORT` frames or more.

    Of the first `_LOOKED`; rightly by the network as mapped. The longest of them where none is.
    """
    design, at = found.design, found.conditions
    mapped = unmap(design, found.calibration)
    some = found.subject.inputs.take(slice(0, _LOOKED))
    decided = simulate_ideal(mapped, some, keep="decisions").decision
    right = (decided == some.y) & (some.lengths >= _SHORT)
    row = int(np.argmax(some.lengths))
    if right.any():
        row = int(np.argmin(np.where(right, some.lengths, some.lengths.max() + 1)))
    inputs = some.take(slice(row, row + 1))
    n = int(inputs.lengths[0])
    constants = found.calibration.at(
        at.v_dd, temperature=at.temperature, corner=at.corner, loops_only=design.loops_only
    )
    trace = simulate_behavioral(
        design,
        constants,
        inputs,
        [nominal_die(design)],
        temperature=at.temperature,
        v_dd=at.v_dd,
    ).trace.single_die()
    ideal = simulate_ideal(mapped, inputs)
    assert trace.output is not None  # all is kept
    assert ideal.output is not None
    x = normalised(design.spec, inputs.x[0, :n])
    beta = local_layers(mapped, x, [h[0, :n] for h in ideal.states])[0].beta
    beta = np.broadcast_to(beta, ideal.candidates[0][0, :n].shape)
    # A first-quadrant unit falls at its threshold and rises a width above; others are symmetric.
    delta = mapped.tensors.get("layers.0.delta")
    upper, lower = (beta, -beta) if delta is None else (beta + np.abs(delta), beta)
    last = len(mapped.spec.layers) - 1
    unit = int(np.argmax(np.abs(np.diff(ideal.states[0][0, :n], axis=0)).sum(axis=0)))
    return Course(
        number=found.subject.first_sequence + row,
        label=int(np.asarray(inputs.y)[0]),
        decision=int(trace.decision[0]),
        ideal_decision=int(ideal.decision[0]),
        time=np.arange(n, dtype=np.float64) * design.timing.frame,
        x=x,
        unit=unit,
        candidate=trace.candidates[0][0, :n, unit],
        ideal_candidate=ideal.candidates[0][0, :n, unit],
        thresholds=np.stack([upper[:, unit], lower[:, unit]]),
        states=trace.states[-1][0, :n],
        ideal_states=ideal.states[-1][0, :n],
        step=np.abs(np.asarray(mapped.tensors[f"layers.{last}.alpha"])),
        output=trace.output[0, :n],
        ideal_output=ideal.output[0, :n],
        one_candidate=design.buses[design.banks[0].candidate].scale,
        one_output=design.outputs.scale,
        power=power_course(design, constants, inputs, temperature=at.temperature, v_dd=at.v_dd),
    )


# ---------------------------------------------------------------------------------- drawing


def draw_course(course: Course) -> str:
    """Draw a course on one time axis."""

    def draw(figure: Figure) -> None:
        heights = [1.1, 1.3, 1.3, 1.5, 1.5]
        places = figure.subplots(5, 1, sharex=True, height_ratios=heights)
        _raster(places[0], course.time, course.x, "input", "Greys")
        _candidate(places[1], course)
        _raster(places[2], course.time, course.states, "unit of the\nlast layer", _SIGNED)
        _outputs(places[3], course)
        _power(places[4], course)
        places[4].xaxis.set_major_formatter(EngFormatter(unit="s"))
        places[4].set_xlabel("time")

    return drawn(draw, (8, 8.2))


def _raster(axes: Axes, time: Array, values: Array, label: str, colours: str) -> None:
    """Show (frame, row) values as a raster, largest sizes darkest."""
    most = float(np.abs(values).max()) or 1.0
    low = -most if values.min() < 0 or colours == _SIGNED else 0.0
    step = float(time[1] - time[0]) if len(time) > 1 else 1.0
    extent = (0.0, float(time[-1]) + step, -0.5, values.shape[1] - 0.5)
    axes.imshow(
        values.T,
        aspect="auto",
        origin="lower",
        extent=extent,
        cmap=colours,
        vmin=low,
        vmax=most,
        interpolation="nearest",
    )
    axes.set_ylabel(label)


def _candidate(axes: Axes, course: Course) -> None:
    end = _ends(course.time)
    for line in course.thresholds:
        axes.stairs(line, end, color=LIMIT, linewidth=1, baseline=None)
    top = (float(end[-1]), float(course.thresholds[0, -1]))
    axes.annotate("threshold", top, color=LIMIT, fontsize=8, va="bottom", ha="right")
    axes.stairs(course.candidate, end, color=DIES, linewidth=1.6, baseline=None)
    axes.stairs(
        course.ideal_candidate,
        end,
        color=OLIVE,
        linewidth=1.2,
        linestyle=(0, (4, 2)),
        baseline=None,
    )
    axes.set_ylabel(f"candidate of unit\n{course.unit}, layer 0\n[{_one(course.one_candidate)}]")


def _outputs(axes: Axes, course: Course) -> None:
    end = _ends(course.time)
    best = {course.decision, course.ideal_decision, course.label}
    second = np.argsort(course.output.mean(axis=0))[::-1][:2]
    for k in range(course.output.shape[1]):
        shown = k in best or k in second
        colour = DIES if k == course.decision else INK if shown else FAINT
        width = 1.8 if shown else 0.5
        axes.stairs(course.output[:, k], end, color=colour, linewidth=width, baseline=None)
        if shown:
            axes.stairs(course.ideal_output[:, k], end, **_MAPPED)
            axes.annotate(
                f" class {k}",
                (end[-1], course.output[-1, k]),
                color=colour,
                fontsize=8,
                va="center",
                annotation_clip=False,
            )
    axes.set_ylabel(f"outputs\n[{_one(course.one_output)}]")


def _power(axes: Axes, course: Course) -> None:
    end, base = _ends(course.time), np.zeros(len(course.time))
    for name, watts in course.power.items():
        top = base + watts
        axes.stairs(top, end, baseline=base, fill=True, color=BLOCKS.get(name, FAINT), linewidth=0)
        if watts.mean() > 0.04 * sum(w.mean() for w in course.power.values()):
            axes.annotate(
                f" {name}",
                (end[-1], float(top[-1] + base[-1]) / 2),
                color=BLOCKS.get(name, FAINT),
                fontsize=8,
                va="center",
                annotation_clip=False,
            )
        base = top
    axes.yaxis.set_major_formatter(EngFormatter(unit="W"))
    axes.set_ylabel("supply power")
    axes.set_ylim(0)


def _ends(time: Array) -> Array:
    """Return where frames begin, and the end of the last one [s]."""
    step = float(time[1] - time[0]) if len(time) > 1 else 1.0
    return np.append(time, time[-1] + step)
