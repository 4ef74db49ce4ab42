"""How Sphinx builds the site: ``make docs``. Why Sphinx: docs/decisions/0039-site.md."""

from __future__ import annotations

from pathlib import Path

from mru_hw.version import __version__
from scripts.site import write_reference

DOCS = Path(__file__).parent

project = "mru_hw"
author = "the authors of mru_hw"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
exclude_patterns = ["examples", "schemas"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_class_signature = "separated"
python_use_unqualified_type_names = True
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_rtype = False
default_role = "code"
smartquotes = False  # they make one dash of the two before an option

html_theme = "furo"
html_title = "mru_hw"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False

write_reference(DOCS / "reference" / "made", DOCS / "references.bib", DOCS / "schemas")
