"""The Pythons that there are: this machine's, and those of Debian's releases."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["WANTED", "Missing", "Python", "find"]

BUILD = Path(__file__).parent.parent.parent / "build" / "pythons"
WANTED = ("3.11", "3.12", "3.13", "3.14", "3.15", "3.14t", "pypy3")
# Those that have a Python. Debian 12 has 3.11.2, which is older than what others have of 3.11.
DEBIAN = {"3.11": "bookworm", "3.13": "trixie", "3.14": "sid", "3.15": "sid", "pypy3": "trixie"}
PACKAGES = ("ca-certificates", "gcc", "libc6-dev")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
RESOLVER = Path("/etc/resolv.conf")


class Missing(Exception):
    """This Python isn't to be had; the text says why."""


@dataclass(frozen=True)
class Python:
    """A Python.

    Attributes:
        name: one of WANTED.
        program: its program, as the system has it that it is in.
        root: where that system is; "/" for this machine's own.
        home: a folder in that system for what it needs.
    """

    name: str
    program: str
    root: Path = Path("/")
    home: str = ""

    @property
    def folder(self):
        """The path of its home on this machine."""
        return self.root / self.home.lstrip("/")

    def run(self, *command, path="/", **variables):
        """Run a command in its system; return what comes of it."""
        enter = () if self.root == Path("/") else ("chroot", self.root)
        return subprocess.run(
            [*enter, "env", "-C", path, *command],
            env=os.environ | {"LC_ALL": "C.UTF-8"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def find(name):
    """Generate those of a version: where there is one, and it runs.

    Raises:
        Missing: Debian has one, but it isn't to be had.
    """
    for program in (*_on_path(name), *_of_pyenv(name)):
        python = Python(name, str(program), home=str(BUILD / name))
        # The program on the path may be a shim of pyenv, which runs only a selected version.
        if python.run(program, "-c", "").returncode == 0:
            yield python
            break
    if name in DEBIAN:
        yield _of_debian(name)


def _program(name):
    return name if name.startswith("pypy") else f"python{name}"


def _on_path(name):
    found = shutil.which(_program(name))
    return [] if found is None else [found]


def _of_pyenv(name):
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return sorted(root.glob(f"versions/{name}*/bin/python"))


def _of_debian(name):
    release = DEBIAN[name]
    root = BUILD / release
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise Missing(f"that of Debian {release} needs debootstrap, and root")
    if not (root / "made").exists():
        shutil.rmtree(root, ignore_errors=True)
        included = f"--include={','.join(PACKAGES)}"
        _need(subprocess.run(["debootstrap", "--variant=minbase", included, release, root]))
        (root / "made").touch()
    for file in (AUTHORITIES, RESOLVER):
        if file.exists():
            shutil.copy(file, root / file.relative_to("/"))
    program = _program(name)
    python = Python(name, program, root, f"/txws2/{name}")
    install = "apt-get", "install", "-y", "--no-install-recommends"
    packages = program, f"{program}-dev", f"{program}-venv"
    _need(python.run(*install, *packages, DEBIAN_FRONTEND="noninteractive"))
    return python


def _need(done):
    if done.returncode:
        raise Missing(f"{done.args} failed:\n{done.stdout or ''}")
