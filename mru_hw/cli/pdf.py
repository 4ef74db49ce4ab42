"""A page as PDF, printed by a browser where there is one."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from mru_hw.files import refuse_foreign, whole_file

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""Names of the browsers that print without a window, in the order they are looked for."""
MARKER = "%PDF-"
_SECONDS = 120


def write_pdf(page: Path, out: Path) -> str | None:
    """Print a page that stands on disk.

    Returns
    -------
    A sentence that says what is missing where nothing could be printed; None when it was.

    Raises
    ------
    UserError
        `out` holds something else, or cannot be written.
    """
    refuse_pdf(out)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return (
            f"{out} was not written: printing needs a browser, one of {', '.join(BROWSERS)} on "
            f"PATH. {page} is there, and any browser prints it."
        )
    with tempfile.TemporaryDirectory(prefix="mru-hw-pdf-") as folder:
        printed = Path(folder) / "page.pdf"
        why = _print(browser, page, printed, Path(folder) / "profile")
        if not printed.is_file():
            return f"{out} was not written: {Path(browser).name} {why}. {page} is there."
        with whole_file(out, "pdf") as part:
            part.write_bytes(printed.read_bytes())
    return None


def refuse_pdf(out: Path) -> None:
    """Raise `UserError` where `out` holds something else than a PDF."""
    refuse_foreign(out, marker=MARKER, what="PDF", field="pdf")


def _print(browser: str, page: Path, printed: Path, profile: Path) -> str:
    """Run a browser; return what it did where it left nothing."""
    line = [
        *(browser, "--headless=new", "--disable-gpu", "--no-pdf-header-footer"),
        # The page has no script and loads nothing; as root a browser has no sandbox.
        *("--no-sandbox", f"--user-data-dir={profile}", f"--print-to-pdf={printed}"),
        page.resolve().as_uri(),
    ]
    try:
        found = subprocess.run(line, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"came to no end in {_SECONDS} s"
    except OSError as error:
        return f"did not start ({error.strerror})"
    return f"ended with status {found.returncode} and left nothing"
