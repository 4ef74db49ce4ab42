"""The page in a browser: no word on its console, nothing asked for, nothing axe-core refuses."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mru_hw.cli.app import run as command
from mru_hw.cli.pdf import BROWSERS
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from tests.sweeps import write_case

BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
AXE = os.environ.get("AXE_CORE", "")
"""Where axe.min.js of the npm package axe-core lies, if anywhere."""
RUN_AXE = """
axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}).then(
  found => { document.body.innerHTML = "<pre id=axe>" + btoa(unescape(encodeURIComponent(
    JSON.stringify(found.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 200))]))
  ))) + "</pre>"; });
"""
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages that differ in all that a page can have: ladders, designs, failures, several runs."""
    if examples := os.environ.get("REPORT_EXAMPLES"):  # made by scripts/report_examples.py
        return {path.stem: path for path in sorted(Path(examples).glob("*.html"))}
    folder = tmp_path_factory.mktemp("browser")
    design = [{"axis": "i_unit", "values": [5e-10, 1e-9]}, {"axis": "v_dd", "values": [1.8, 1.62]}]
    spec = {"loss": {"at_most": 0.02}, "energy": {"at_most": "15 nJ"}}
    plans: dict[str, dict[str, Any]] = {
        "corners": {"axes": [{"axis": "corner", "values": ["tt", "ff"]}], "spec": spec},
        "designs": {"axes": design},
        "numbers": {"level": "ideal"},
    }
    stores = []
    for name, plan in plans.items():
        (folder / name).mkdir()
        read = read_plan(write_case(folder / name, n_dies=6 if name != "numbers" else 1, **plan))
        stores.append(folder / name / "run.sqlite")
        run_sweep({"sweep": read}, folder / name, stores[-1], workers=1)
        assert command(["report", str(stores[-1]), "--out", str(folder / f"{name}.html")]) == 0
    three = [*map(str, stores), "--out", str(folder / "three.html")]
    assert command(["report", *three]) == 0
    return {path.stem: path for path in sorted(folder.glob("*.html"))}


def dumped(page: Path, folder: Path, *flags: str) -> tuple[str, str]:
    """Return the page as the browser has it, and what it said meanwhile."""
    assert BROWSER is not None
    line = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", *flags]
    line += ["--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}"]
    line += ["--disable-background-networking", "--virtual-time-budget=60000"]
    done = subprocess.run(
        [*line, "--dump-dom", page.as_uri()], capture_output=True, timeout=240, check=True
    )
    return done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace")


def each(pages: dict[str, Path]) -> Iterator[Path]:
    assert len(pages) >= 4
    yield from pages.values()


def test_the_console_is_silent_and_no_request_leaves_the_file(
    pages: dict[str, Path], tmp_path: Path
) -> None:
    for page in each(pages):
        log = tmp_path / "net.json"
        text, said = dumped(page, tmp_path, f"--log-net-log={log}")
        assert "CONSOLE" not in said, page.name
        assert "What these figures do not cover" in text
        # What the page asks for, in the browser's own log of the net: itself alone.
        asked = set(re.findall(r'"url":"((?:https?|file|wss?|ftp):[^"]*)"', log.read_text("utf-8")))
        own = {page.as_uri()}
        theirs = {url for url in asked - own if "google" not in url and "chrome" not in url}
        assert not theirs, page.name


@pytest.mark.skipif(not AXE, reason="AXE_CORE names no axe.min.js")
@pytest.mark.parametrize("flags", [(), ("--blink-settings=preferredColorScheme=0",)])
def test_axe_finds_nothing(pages: dict[str, Path], tmp_path: Path, flags: tuple[str, ...]) -> None:
    for page in each(pages):
        text = page.read_text(encoding="utf-8")
        # The policy of the page forbids scripts, axe-core's too: this copy has none.
        text = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", text)
        script = f"<script>{Path(AXE).read_text(encoding='utf-8')}</script>"
        copy = tmp_path / page.name
        ran = f"{script}<script>{RUN_AXE}</script></body>"
        copy.write_text(text.replace("</body>", ran), encoding="utf-8")
        seen, _ = dumped(copy, tmp_path, *flags)
        found = re.search(r'<pre id="?axe"?>([^<]*)</pre>', seen)
        assert found is not None
        assert json.loads(base64.b64decode(found[1])) == [], page.name
