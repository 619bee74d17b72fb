"""One target under atheris, which looks for inputs that reach more of txws2.

`python -m tests.fuzz.guided TARGET ARGUMENTS...` runs it; run.py passes libFuzzer's arguments.
"""

import sys

import atheris

# This import comes first: atheris sees only the code that was instrumented on import.
with atheris.instrument_imports(include=["txws2"]):
    import txws2  # noqa: F401

from tests.fuzz import target_of


def main():
    program, name, *flags = sys.argv
    atheris.Setup([program, *flags], target_of(name))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
