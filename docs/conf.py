"""The configuration of Sphinx."""

import re
import sys
from pathlib import Path

import txws2

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from llms import llms  # noqa: E402

project = "txws2"
copyright = "2026, the txws2 authors"
version = release = txws2.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "linking",
    "inheriting",
    "numbers_found",
]
# `name` is a link if there is such a name, and set apart from the text otherwise.
default_role = "autolink"
autodoc_member_order = "bysource"
# On a phone, types beside the descriptions wrap; a signature with all of them fills the screen.
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
autosummary_generate = False
autodoc_preserve_defaults = True
# These stay names in signatures; reference/types explains them.
TYPES = re.findall(r"^   (\w+)$", (HERE / "reference" / "types.rst").read_text(), re.MULTILINE)
autodoc_type_aliases = {name: name for name in TYPES}
# These files are written by benchmarks and tests; performance.rst and reliability.rst include them.
exclude_patterns = ["performance/*", "reliability/*"]
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"txws2 {release}"
html_static_path = ["static"]
html_css_files = ["txws2.css"]
html_search_scorer = str(HERE / "scorer.js")
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
# The output of a program, and the prompt before a command, aren't copied.
copybutton_exclude = ".linenos, .gp, .go"


def setup(app):
    """Write llms.txt beside the pages."""
    app.connect("build-finished", write_llms)


def write_llms(app, exception):
    """Write the list of the built pages."""
    (Path(app.outdir) / "llms.txt").write_text(llms("html", ""))
