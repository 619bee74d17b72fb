"""The build of the accelerator; all other metadata is in setup.cfg."""

from glob import glob

from setuptools import Extension, setup

setup(
    ext_modules=[
        # If the accelerator can't be compiled, the same functions run in Python.
        Extension(
            "txws2._speedups",
            sorted(glob("accelerator/*.c")),
            depends=["accelerator/accelerator.h"],
            optional=True,
        ),
    ]
)
