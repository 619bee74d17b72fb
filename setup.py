"""The build of the accelerator; all other metadata is in setup.cfg."""

import gzip
import os
import tarfile
from glob import glob
from io import BytesIO

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import CompileError, LinkError

# A message goes through several of the C files. With the first option, the compiler inlines across
# them. The second one keeps the folder of the build out of the result: two builds are the same.
ACROSS_FILES = ["-flto", f"-ffile-prefix-map={os.getcwd()}=."]


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


class BuildSdist(sdist):
    """Makes the same archive each time, with the time of SOURCE_DATE_EPOCH, if that is set."""

    def make_archive(self, *args, **kwargs):
        """Make the archive; write it again without what differs from build to build."""
        path = super().make_archive(*args, **kwargs)
        if "SOURCE_DATE_EPOCH" in os.environ and path.endswith(".tar.gz"):
            write_again(path, int(os.environ["SOURCE_DATE_EPOCH"]))
        return path


def write_again(path, seconds):
    """Write an archive with sorted members, of one time, that belong to nobody."""
    with tarfile.open(path) as old:
        members = [
            (each, old.extractfile(each).read())
            for each in sorted(old.getmembers(), key=lambda each: each.name)
            if each.isfile()
        ]
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member, data in members:
            info = tarfile.TarInfo(member.name)
            info.size, info.mtime = len(data), seconds
            info.mode = 0o755 if member.mode & 0o100 else 0o644
            new.addfile(info, BytesIO(data))
    with open(path, "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=seconds) as packed:
        packed.write(archive.getvalue())


setup(
    cmdclass={"build_ext": BuildAccelerator, "sdist": BuildSdist},
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
