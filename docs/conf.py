"""The configuration of Sphinx."""

import txws2

project = "txws2"
copyright = "2026, the txws2 authors"
version = release = txws2.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
nitpick_ignore_regex = [
    ("py:.*", r"(<InterfaceClass )?(twisted|zope|OpenSSL|socket|collections|http|TimeoutError)\b.*")
]
# These files are written by benchmarks and tests; performance.rst and reliability.rst include them.
exclude_patterns = ["performance/*", "reliability/*"]
html_theme = "alabaster"
