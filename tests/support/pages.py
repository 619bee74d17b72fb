"""The pages of the documentation, their code, and the tests that read them."""

import ast
import builtins
import re
import symtable
from functools import cache
from pathlib import Path, PurePosixPath

from tests.command.test_commands import ROOT
from tests.support.examples import blocks

__all__ = ["faults_of", "included", "is_read", "is_used", "pages", "texts"]

DOCS = Path(ROOT, "docs")
TESTS = Path(ROOT, "tests")
INCLUDED = re.compile(r"^ *\.\. literalinclude:: (\S+)$", re.MULTILINE)
# These modules look at all pages, so a name in them says nothing about one page.
OF_ALL_PAGES = {TESTS / "docs" / f"test_{name}.py" for name in ("blocks", "command_lines", "paths")}


def pages():
    """Return the pages, by their paths from the checkout, as "docs/howto/tasks.rst"."""
    project = [Path(ROOT, f"{name}.rst") for name in ("README", "CONTRIBUTING", "SECURITY")]
    found = [*project, *sorted(DOCS.rglob("*.rst"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in found}


def texts(language):
    """Return the pages that have code in a language: their paths, and lists of blocks."""
    found = {page: blocks(text, language) for page, text in pages().items()}
    return {page: code for page, code in found.items() if code}


def included():
    """Return pairs of a page and the path of a file that it shows, both from the checkout."""
    return [
        (page, Path(ROOT, page).parent.joinpath(name).resolve().relative_to(ROOT).as_posix())
        for page, text in pages().items()
        for name in INCLUDED.findall(text)
    ]


def faults_of(code):
    """Return the reasons why a block of Python doesn't run as pasted."""
    try:
        compile(code, "the block", "exec")
        tree = ast.parse(code)
        top = symtable.symtable(code, "the block", "exec")
    except SyntaxError as fault:
        return [f"{fault.msg}, line {fault.lineno}"]
    missing = [
        f"an ellipsis instead of code, line {node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and getattr(node.value, "value", None) is Ellipsis
    ]
    symbols = [(table, symbol) for table in every(top) for symbol in table.get_symbols()]
    globally = [s for table, s in symbols if s.is_global() or table is top]
    made = {s.get_name() for s in globally if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in globally if s.is_referenced()}
    imported = {s.get_name() for s in top.get_symbols() if s.is_imported()}
    undefined = used - made - set(dir(builtins))
    return (
        missing
        + [f"undefined: {name}" for name in sorted(undefined)]
        + [f"imported, not used: {name}" for name in sorted(imported - used)]
    )


def every(table):
    """Generate a symbol table and all within it."""
    yield table
    for child in table.get_children():
        yield from every(child)


@cache
def strings_of_tests():
    """Return the strings of each test module, cut at slashes."""
    found = []
    for path in sorted(TESTS.rglob("*.py")):
        if path not in OF_ALL_PAGES:
            strings = strings_in(ast.parse(path.read_text()))
            found.append({part for text in strings for part in text.split("/")})
    return found


def strings_in(tree):
    """Return the strings of a module, without docstrings; f"{name}.rst" is "*.rst"."""
    nodes = list(ast.walk(tree))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    strings = [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and id(node) not in docstrings
    ]
    formats = [
        "".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values)
        for node in nodes
        if isinstance(node, ast.JoinedStr)
    ]
    return {text for text in strings if isinstance(text, str)} | set(formats)


def is_read(page):
    """Tell whether a page has a test module of its name, or one that names it and its folder."""
    path = PurePosixPath(page)
    name = f"test_{path.parent.name}_{path.stem}.py".replace("-", "_")
    if (TESTS / "docs" / name).exists():
        return True
    for strings in strings_of_tests():
        named = path.name in strings or {"*.rst", path.stem} <= strings
        if named and (path.parent.name in strings or not path.parent.name):
            return True
    return False


def is_used(file):
    """Tell whether a test module names a file, with or without its suffix."""
    path = PurePosixPath(file)
    for strings in strings_of_tests():
        formats = [text for text in strings if "*" in text and not text.startswith("*.")]
        if {path.name, path.stem} & strings or any(map(path.match, formats)):
            return True
    return False
