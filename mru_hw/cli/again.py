"""How a reader makes the figures of a page again, as commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mru_hw.sweeps.held import Held
    from mru_hw.sweeps.point_view import PointView
    from mru_hw.sweeps.view import RunView


class InShell:
    """By the command line, quoted for a shell: names of files may be made of anything."""

    network = "With --chip MODEL and --inputs X.npz"

    def die(
        self, run: RunView, point: PointView, seed: int, trial: int, *, spice: bool = False
    ) -> str:
        """Return the command that runs a die again."""
        more = (f" --trial {trial}" if trial else "") + (" --spice" if spice else "")
        store = shlex.quote(run.path.name)
        return f"mru-hw explain {store} --die {seed} --point {point.number}{more}"

    def cause(self, run: RunView, point: PointView) -> str:
        """Return the command that switches mismatch off, part by part."""
        return f"mru-hw sensitivity {self._chip(run, point)}"

    def wave(self, run: RunView, point: PointView, name: str) -> str:
        """Return the commands that write the netlist of a point to a folder and run it there."""
        from mru_hw.report.again import in_file, in_ngspice, lacking

        if lacks := lacking(run, point, in_file(run, point)):
            return f"# {lacks}"
        return f"mru-hw netlist {self._chip(run, point)} --out {name}\n{in_ngspice(name)}"

    def _chip(self, run: RunView, point: PointView) -> str:
        """Return network, sequences, design and condition of a point as commands take them."""
        from mru_hw.mapping.options import DesignOptions
        from mru_hw.report.again import has_design, options_of
        from mru_hw.units import render_exact

        first, at = next(iter(run.plans.values())), point.settings
        names = (first["model"], first["inputs"], at["tech"] or first["tech"], at["corner"])
        model, inputs, tech, corner = (shlex.quote(str(name)) for name in names)
        own = " --design DESIGN.yaml" if has_design(first) else ""
        if options_of(first, point).i_unit != DesignOptions().i_unit:
            own += f" --i-unit {shlex.quote(render_exact(at['i_unit'], 'A'))}"
        return (
            f"{model} --inputs {inputs} --tech {tech}{own} --corner {corner} "
            f"--temperature {at['temperature']:g} --vdd {at['v_dd']:g}"
        )

    def numbers(self, run: RunView) -> str:
        """Name the command that writes every table and figure as files."""
        return (
            f"Numbers: mru-hw report {shlex.quote(run.path.name)} --data DIR writes each table and "
            "each figure's numbers as CSV and JSON."
        )

    def trained(self, *, onward: bool) -> str:
        """Return the commands of a training and of its sequences."""
        begun = " --from OTHER" if onward else ""
        return (
            f"mru-hw train CONFIG.yaml --out MODEL{begun}, and of its test sequences, for "
            "mru-hw inputs CONFIG.yaml --out X.npz"
        )

    def whole(self, run: RunView, worst: Held | None) -> Iterator[tuple[str, str]]:
        """Yield the plans, and the commands that run them."""
        from mru_hw.report.again import design_text, plan_texts, waves

        design = list(design_text(run))
        yield from plan_texts(run)
        yield from design
        store, first = shlex.quote(run.path.name), next(iter(run.plans.values()))
        yield (
            "Sweep and page",
            f"mru-hw sweep PLAN.yaml --out {store}\nmru-hw report {store} --out report.html\n"
            f"mru-hw report {store} --out report.html --data DIR   # every table and figure\n"
            f"mru-hw report {store} --out report.html --paper DIR   # for a paper, in LaTeX\n"
            f"mru-hw report {store} OTHER.sqlite --out both.html   # beside another run",
        )
        model, inputs, tech = (shlex.quote(str(first[n])) for n in ("model", "inputs", "tech"))
        own = " --design DESIGN.yaml" if design else ""
        if worst is not None:
            yield from self._worst(run, worst)
        yield (
            "Netlist of the nominal die, and what costs steps at the technology's own condition",
            f"mru-hw netlist {model} --tech {tech}{own} --out netlist\n"
            f"mru-hw sensitivity {model} --inputs {inputs} --tech {tech}{own}",
        )
        if run.level != "ideal":
            yield waves(run, self, worst)

    def _worst(self, run: RunView, worst: Held) -> Iterator[tuple[str, str]]:
        """Yield what tells why a die is worst; nothing where `explain` takes no die of it."""
        from mru_hw.report.again import explained, worst_point

        point, at = worst_point(run, worst)
        if not explained(point):
            return
        yield (
            f"What costs steps at {at}, where what binds is worst, and the worst die there in "
            "ngspice beside the array",
            f"{self.cause(run, point)}\n"
            f"{self.die(run, point, worst.seed, worst.trial, spice=True)}",
        )
        yield (
            "The worst die as a deck for Spectre; --dialect hspice, xyce or ngspice for "
            "theirs, of sky130 for ngspice's alone",
            f"{self.die(run, point, worst.seed, worst.trial)} --out die --dialect spectre",
        )

    def spice(self, run: RunView, point: PointView) -> Iterator[tuple[str, str]]:
        """Yield the plan, and the commands that run it and make a page of both."""
        from mru_hw.report.again import SPICE, spice_plan

        yield SPICE, spice_plan(run, point)
        yield (
            "The sweep in ngspice, and a page with both",
            "mru-hw sweep SPICE.yaml --out spice.sqlite\n"
            f"mru-hw report {shlex.quote(run.path.name)} spice.sqlite --out report.html",
        )

    def enlarged(self, run: RunView) -> tuple[str, str]:
        """Return the commands that run it and make a page of both."""
        return (
            "What the yield gains on the same dies, and both beside each other",
            "mru-hw sweep PLAN.yaml --out enlarged.sqlite\n"
            f"mru-hw report {shlex.quote(run.path.name)} enlarged.sqlite --out both.html",
        )
