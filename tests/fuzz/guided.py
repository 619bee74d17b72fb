"""One target under atheris, which looks for inputs that reach more of txws2.

`python -m tests.fuzz.guided TARGET` and libFuzzer's own arguments; run.py gives it these.
"""

import sys

import atheris

# Before anything else imports it: what is instrumented is all that is followed.
with atheris.instrument_imports(include=["txws2"]):
    import txws2  # noqa: F401

from tests.fuzz import target_of


def main():
    program, name, *flags = sys.argv
    atheris.Setup([program, *flags], target_of(name))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
