"""One case, run in this process and judged: status, sentence, output, and what is left."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from types import FrameType

import numpy as np

from mru_hw.cli.app import run
from mru_hw.cli.demo_folder import NAMES
from mru_hw.model.io import load_model
from mru_hw.sweeps.view import open_run
from mru_hw.technology.calibration import Calibration
from tests.fuzz.calls import Call, Outcome
from tests.fuzz.cases import KINDS, SLOW
from tests.fuzz.draws import HARM

SECONDS, BYTES = 60, 2 << 30
"""What a case may take: wall time, and memory beyond what the process has at its start."""

_FOREIGN = re.compile(
    r"(?i)traceback|exception|\berrno\b|pydantic|numpy|sqlite|\bndarray|\bdtype|nonetype|"
    r"object at 0x|\b[a-z]+(?<!mru-hw)Error\b|invalid literal|could not convert|unhashable|"
    r"\bcodec\b|surrogate|\bstruct\b|\btuple\b|\bno such (table|column)|malformed|"
    r"site-packages|\.py\b|--debug shows|Warning"
)
"""Words of Python and of libraries, which no user's sentence has."""
_SENTENCE = re.compile(
    r".+ (is|are|has) .+, expected .+\.|.+ cannot be read or written: .+\.|"
    r"(No such|Missing|Invalid|Got|Option|Usage|Unexpected) .*",
    re.DOTALL,
)


class TooLongError(BaseException):
    """A case took longer than it may; not an Exception, so that no command takes it for its own."""


def run_case(kind: str, number: int, template: Path, place: Path, *, apart: bool) -> Outcome:
    """Draw a case, run it and judge it.

    Parameters
    ----------
    kind, number
        Which; the same pair is the same case.
    template
        Good files.
    place
        An empty folder for it.
    apart
        Whether the command runs in a process of its own.
    """
    folder, aside = place / "case", place / "tmp"
    folder.mkdir()
    aside.mkdir()
    draw = Random(f"{kind} {number}")
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        call = (KINDS | SLOW)[kind][1](draw, template, folder)
    before = _snapshot(folder)
    began = time.monotonic()
    with _inside(folder, aside):
        status, out, err = (_run_apart if apart else _run_here)(call.arguments)
    seconds = time.monotonic() - began
    faults = [*_judge_words(status, out, err, call), *_judge_places(place, call, status, before)]
    if status == 0:
        try:
            if _is_run(call):
                trace = call.also if "--raw" in call.arguments else call.out
                _OUTPUTS[call.arguments[0]](folder / trace, call)
        except Exception as error:  # noqa: BLE001 (whatever it is, the output is none)
            faults.append(f"the output is none: {type(error).__name__}: {error}")
    if seconds > SECONDS:
        faults.append(f"{seconds:.0f} s")
    return Outcome(
        kind=kind,
        number=number,
        call=call,
        status=status,
        said=err.strip(),
        seconds=seconds,
        faults=tuple(faults),
    )


def _is_run(call: Call) -> bool:
    return not {"--version", "--help"} & set(call.arguments) and call.arguments[0] in _OUTPUTS


# --------------------------------------------------------------------------------------- to run


@contextlib.contextmanager
def _inside(folder: Path, aside: Path) -> Iterator[None]:
    """Make a folder the current one, and another that of temporary files."""
    with contextlib.chdir(folder):
        earlier = tempfile.tempdir, os.environ.get("TMPDIR")
        tempfile.tempdir = os.environ["TMPDIR"] = str(aside)
        try:
            yield
        finally:
            tempfile.tempdir = earlier[0]
            del os.environ["TMPDIR"]
            if earlier[1] is not None:
                os.environ["TMPDIR"] = earlier[1]


def _run_here(arguments: tuple[str, ...]) -> tuple[int, str, str]:
    with _limited(), _captured() as said:
        try:
            status = run(arguments)
        except TooLongError:
            status = 124
        except BaseException as error:  # noqa: BLE001 (`run` lets nothing through)
            status = 125
            sys.stderr.write(f"{type(error).__name__}: {error}")
    out, err = said()
    return status, out, err


def _run_apart(arguments: tuple[str, ...]) -> tuple[int, str, str]:
    code = "from mru_hw.cli.app import main; main()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=2 * SECONDS,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)),
        )
    except subprocess.TimeoutExpired:
        return 124, "", ""
    out, err = (s.decode("utf-8", "replace") for s in (done.stdout, done.stderr))
    return done.returncode, out, err


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Limit the block's wall time and memory."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TooLongError

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    earlier = signal.signal(signal.SIGALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, hard))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGALRM, earlier)


@contextlib.contextmanager
def _captured() -> Iterator[Callable[[], tuple[str, str]]]:
    """Take what goes to the two streams, from libraries written in C too."""
    kept = [tempfile.TemporaryFile(dir="/tmp") for _ in range(2)]  # noqa: SIM115
    sys.stdout.flush()
    sys.stderr.flush()
    earlier = [os.dup(number) for number in (1, 2)]
    streams = sys.stdout, sys.stderr
    for number, file in zip((1, 2), kept, strict=True):
        os.dup2(file.fileno(), number)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", -1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115

    def read() -> tuple[str, str]:
        texts = []
        for file in kept:
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
            file.close()
        return texts[0], texts[1]

    try:
        yield read
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        sys.stdout, sys.stderr = streams
        for number, copy in zip((1, 2), earlier, strict=True):
            os.dup2(copy, number)
            os.close(copy)


# ------------------------------------------------------------------------------------- to judge


def _judge_words(status: int, out: str, err: str, call: Call) -> Iterator[str]:
    if status not in {0, 2}:
        yield f"status {status}"
    lines = err.rstrip("\n").split("\n")
    if status != 0:
        if out:
            yield "words on standard output"
        if len(lines) != 1 or not err.strip():
            yield f"{len(lines)} lines on standard error"
        elif not _SENTENCE.fullmatch(err.strip()):
            yield "no sentence"
    if found := _FOREIGN.search(_unquoted(err)):
        yield f"the word {found[0]!r}"
    if re.search(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u202e]", err):
        yield "control characters"
    if "--json" in call.arguments and status == 0 and _is_run(call):
        try:
            json.loads(out, parse_constant=_no_constant)
        except ValueError as error:
            yield f"no JSON: {error}"


def _unquoted(text: str) -> str:
    """Leave out quoted values: the user's own words may be any."""
    if text.startswith("Got unexpected extra argument"):
        return ""
    return re.sub(r'"[^"]*"|\'[^\']*\'', '""', text)


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _judge_places(place: Path, call: Call, status: int, before: Mapping[str, str]) -> Iterator[str]:
    after = _snapshot(place / "case")
    if any(Path(name).name == HARM for name in after):
        yield "something was executed"
    # A journal beside a store is SQLite's own: it is played back, or removed.
    names = {n for n in {*before, *after} if not n.endswith("-journal")}
    changed = {n for n in names if before.get(n) != after.get(n)}
    if status == 0:
        out = call.out.rstrip("/")
        raw = Path(out).parent / "raw"
        # The raw samples of a calibration, and an unfinished training that is finished now.
        also = (call.also, str(raw), str(raw / f"{Path(out).stem}.csv"))
        below = "|".join(re.escape(name) for name in (out, f"{out}.part"))
        own = re.compile(rf"({below})(/.*)?|" + "|".join(map(re.escape, also)), re.DOTALL)
        above = {str(above) for above in Path(out).parents}
        changed = {n for n in changed if not own.fullmatch(n) and n not in above}
    if changed:
        yield f"changed: {sorted(changed)!r:.200}"
        part = [n for n in after if re.search(r"\.(part|old)(/|$)", n)]
        if part:
            yield f"left beside the output: {part}"
    left = sorted(p.name for p in (place / "tmp").iterdir())
    if left:
        yield f"left in TMPDIR: {left}"


def _snapshot(folder: Path) -> dict[str, str]:
    """Return what every path below a folder is, and its content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        what = stat.filemode(status.st_mode)
        if stat.S_ISREG(status.st_mode):
            what += hashlib.sha256(path.read_bytes()).hexdigest()
        elif stat.S_ISLNK(status.st_mode):
            what += str(path.readlink())
        found[str(path.relative_to(folder))] = what
    return found


# ------------------------------------------------------------------------------ whole outputs


def _require(so: object, what: str) -> None:
    if not so:
        raise ValueError(what)


def _trace(path: Path, call: Call) -> None:
    inputs = call.arguments[call.arguments.index("--inputs") + 1]
    with np.load(path, allow_pickle=False) as trace, np.load(inputs_of(path, inputs)) as given:
        n_seq, n_time = trace["output"].shape[:2]
        _require(trace["decision"].shape == trace["energy_J"].shape == (n_seq,), "shapes")
        _require(trace["decision"].dtype.kind == "i", "decisions")
        _require((trace["decision"] >= 0).all(), "a decision that is none")
        _require((trace["decision"] < trace["output"].shape[2]).all(), "a decision too large")
        joules = trace["energy_J"]
        ideal = "ideal" in call.arguments
        _require(np.isnan(joules).all() if ideal else (joules > 0).all(), f"energies {joules}")
        _require(ideal or np.isfinite(joules).all(), f"energies {joules}")
        lengths = given["lengths"] if "lengths" in given.files else np.full(n_seq, n_time)
        whole = n_seq == len(lengths)
        valid = np.arange(n_time) < lengths[:, None].astype(np.int64)
        for name in trace.files:
            if name not in {"decision", "energy_J"} and whole:
                _require(np.isfinite(trace[name][valid]).all(), f"{name} is not finite")
                _require(np.isnan(trace[name][~valid]).all(), f"{name} has no padding")


def inputs_of(out: Path, name: str) -> Path:
    """Return the inputs of a case; its output may stand deeper."""
    return next(p / name for p in out.parents if (p / name).exists())


def _folder_of_netlist(path: Path, _call: Call) -> None:
    names = {p.name for p in path.iterdir()}
    _require({"elements.csv", "budget.csv", "errors.csv"} <= names, f"only {names}")
    for file in path.iterdir():
        text = file.read_text(encoding="utf-8")
        _require(text.strip(), f"{file.name} is empty")
        found = re.search(r"(?i)(?<![\w.])[-+]?(nan|inf)(?![\w])", text)
        _require(found is None, f"{file.name}: {found}")
        _require(HARM not in text, f"{file.name}: a hostile name")


def _page(path: Path, call: Call) -> None:
    text = path.read_text(encoding="utf-8")
    _require(text.startswith("<!doctype html>"), "no page")
    _require(text.rstrip().endswith("</html>"), "cut off")
    _require("<script" not in text and "<img src=x" not in text, "a hostile element")
    shown = re.sub(r"(?s)<[^>]*>", " ", text)
    hidden = {"nan", "inf"} & set(re.findall(r"\w+", call.said))  # put there as text
    _require(hidden or not re.search(r"(?i)(?<![\w-])(nan|inf)(?![\w-])", shown), "no number")


def _sweep(path: Path, _call: Call) -> None:
    with open_run(path) as view:
        _require(view.complete, "not complete")
        for point in view.points:
            _require(point.n_runs == point.n_wanted, "runs are missing")


def _model(path: Path, call: Call) -> None:
    for name, values in load_model(path).tensors.items():
        _require(np.isfinite(values).all(), f"{name} is not finite")
    theirs = "a file of the user's" in call.said  # a model that stood there already
    _require(theirs or len(list(path.iterdir())) == 2, "something else beside the model")


def _constants(path: Path, _call: Call) -> None:
    from mru_hw.files import read_document

    read_document(path, Calibration)


def _demo(path: Path, call: Call) -> None:
    _require({p.name for p in path.iterdir()} == set(NAMES), "other files than a demo's")
    _require(json.loads((path / "summary.json").read_text())["complete"], "not complete")
    _page(path / "report.html", call)
    for name in ("model", "model-spice"):
        _model(path / name, call)
    _sweep(path / "sweep.sqlite", call)


_OUTPUTS: dict[str, Callable[[Path, Call], None]] = {
    "simulate": _trace,
    "netlist": _folder_of_netlist,
    "report": _page,
    "sweep": _sweep,
    "train": _model,
    "import-weights": _model,
    "characterize": _constants,
    "demo": _demo,
}
