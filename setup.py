"""The build of the accelerator; all other metadata is in setup.cfg."""

from glob import glob

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

# A message goes through several of the C files. With this option, the compiler inlines across them.
ACROSS_FILES = ["-flto"]


class BuildAccelerator(build_ext):
    """Optimizes across the files, if the compiler and the linker can."""

    def build_extension(self, ext):
        """Build an extension, and build it again without the option if that fails."""
        ext.extra_compile_args, ext.extra_link_args = ACROSS_FILES, ACROSS_FILES
        try:
            super().build_extension(ext)
        except (CompileError, LinkError):
            ext.extra_compile_args, ext.extra_link_args = [], []
            super().build_extension(ext)


setup(
    cmdclass={"build_ext": BuildAccelerator},
    ext_modules=[
        # If the accelerator can't be compiled, the same functions run in Python.
        Extension(
            "txws2._speedups",
            sorted(glob("accelerator/*.c")),
            depends=glob("accelerator/*.h"),
            optional=True,
        ),
    ],
)
