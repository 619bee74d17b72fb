"""The tests of the wire floor and of the twins, on each Python that there is.

`python -m tests.pythons.run TESTS...` runs them with the accelerator and without it, on whatever of
CPython 3.11 to 3.15 and PyPy this machine has, or Debian: as root, with debootstrap, its releases
are put into build/pythons. At the end it says how each did, and which were left out; the status is
1 if a test failed, if txws2 couldn't be installed, or if one that --pythons names was left out.
"""

import argparse
import shutil
import sys

from tests.pythons.finding import BUILD, WANTED, Missing, find

ROOT = BUILD.parent.parent
MADE = (".git", ".venv*", "build", "node_modules", "*.so", "*.egg-info", "__pycache__")
TOOLS = ("hypothesis", "pytest", "pytest-randomly")
WHICH = """
from platform import machine, python_implementation, python_version
from txws2._accelerator import about
print(python_implementation(), python_version(), machine(), about())
"""


def install(python):
    """Give it the project, and what the tests need; return what went wrong."""
    shutil.rmtree(python.folder, ignore_errors=True)
    tree, venv = f"{python.home}/tree", f"{python.home}/venv"
    shutil.copytree(ROOT, python.folder / "tree", ignore=shutil.ignore_patterns(*MADE))
    # Not all that its dependencies have made is for the PyPy that there is.
    bounds = ("-c", "tests/pythons/pypy.txt") if python.name.startswith("pypy") else ()
    for command in (
        (python.program, "-m", "venv", venv),
        (f"{venv}/bin/python", "-m", "pip", "install", "-q", *bounds, *TOOLS, "-e", "."),
    ):
        done = python.run(*command, path=tree)
        if done.returncode:
            return done.stdout.strip()
    return ""


def check(python, tests):
    """Run the tests with the accelerator and without it; generate how that went."""
    problem = install(python)
    if problem:
        yield False, f"{python.name}, {python.program} in {python.root}: not installed\n{problem}"
        return
    tree, program = f"{python.home}/tree", f"{python.home}/venv/bin/python"
    for variables in ({}, {"TXWS2_NO_SPEEDUPS": "1"}):
        which = _last_line(python.run(program, "-c", WHICH, path=tree, **variables))
        done = python.run(program, "-m", "pytest", "-v", *tests, path=tree, **variables)
        if done.returncode:
            print(done.stdout)
        yield done.returncode == 0, f"{which}: {_last_line(done)}"
        if "without" in which:
            break


def _last_line(done):
    return done.stdout.strip().rpartition("\n")[2].strip("= ")


def run(name, tests, needed):
    """Generate how each Python of a version did: whether it is right, and what is to be told."""
    found = False
    try:
        for python in find(name):
            found = True
            yield from check(python, tests)
    except Missing as exc:
        yield not needed, f"{name} left out: {exc}"
    else:
        if not found:
            yield not needed, f"{name} left out: neither this machine has one, nor Debian"


def main():
    """Run them all; end with status 1 if a test failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.pythons.run")
    parser.add_argument("--pythons", nargs="+", choices=WANTED)
    parser.add_argument("tests", nargs="+")
    options = parser.parse_args()
    told, good = [], True
    for name in options.pythons or WANTED:
        for passed, line in run(name, options.tests, needed=bool(options.pythons)):
            print(line, flush=True)
            told.append(line)
            good = good and passed
    print("", *told, sep="\n")
    sys.exit(not good)


if __name__ == "__main__":
    main()
