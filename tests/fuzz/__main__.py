"""Run a target over inputs again: `python -m tests.fuzz TARGET FILE...`; it needs no atheris.

A finding is shown as a traceback, and in the exit status.
"""

import argparse
import sys
from pathlib import Path

from tests.fuzz import TARGETS, target_of


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("file", nargs="+", type=Path)
    asked = parser.parse_args(arguments)
    target = target_of(asked.target)
    for path in asked.file:
        target(path.read_bytes())
        print(f"{path}: nothing is wrong")


if __name__ == "__main__":
    sys.exit(main())
