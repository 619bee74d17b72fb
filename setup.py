"""The build; what the package is stands in setup.cfg."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        # Optional: where it can't be compiled, its twins in Python are used.
        Extension(
            "txws2.wire._speedups",
            [f"txws2/wire/{name}.c" for name in ("_speedups", "_payload", "_tally", "_exchange")],
            depends=["txws2/wire/_speedups.h"],
            optional=True,
        ),
    ]
)
