"""The build; what the package is stands in setup.cfg."""

from glob import glob

from setuptools import Extension, setup

setup(
    ext_modules=[
        # Optional: where it can't be compiled, its twins in Python are used.
        Extension(
            "txws2._speedups",
            sorted(glob("accelerator/*.c")),
            depends=["accelerator/accelerator.h"],
            optional=True,
        ),
    ]
)
