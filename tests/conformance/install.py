"""Installing the Autobahn Testsuite, once for all runs.

`python -m tests.conformance.install` installs it, and prints the command that runs it.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conformance import python2

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build"
IMAGE = "crossbario/autobahn-testsuite"
REQUIREMENTS = HERE / "requirements.txt"
# The last versions that run on Python 2.7.
TOOLS = ["pip==20.3.4", "setuptools==44.1.1", "wheel==0.37.1"]
WSTEST = ["-u", "-c", "from autobahntestsuite.wstest import run; run()"]
# wsaccel masks and validates UTF-8 in C; large messages take several times as long without it.
ACCELERATOR = "wsaccel==0.6.3"


def wstest():
    """Return the command that runs `wstest`; install the suite if there is none."""
    if found := shutil.which("wstest"):
        return [found]
    if shutil.which("docker") and _succeeds("docker", "image", "inspect", IMAGE):
        user = f"{os.getuid()}:{os.getgid()}"
        options = [
            "--rm",
            "--init",
            "--network=host",
            f"--user={user}",
            f"--volume={BUILD}:{BUILD}",
        ]
        return ["docker", "run", *options, IMAGE, "wstest"]
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(caches, "txws2-conformance")
    _install(folder)
    return [str(folder / "python2"), *WSTEST]


def version(wstest):
    """Return the suite's version, as it prints it."""
    done = subprocess.run([*wstest, "-a"], capture_output=True, text=True, timeout=60)
    return done.stdout.strip().replace("\n", ", ") or sys.exit(f"wstest fails:\n{done.stderr}")


def _succeeds(*command):
    return subprocess.run(command, capture_output=True, timeout=60).returncode == 0


def _install(folder):
    # This file is written last, so that an interrupted installation begins anew.
    done = folder / "installed.txt"
    if done.exists() and done.read_text() == REQUIREMENTS.read_text():
        return
    print(f"Installing the Autobahn Testsuite in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    python2.install(folder)

    wheels = folder / "wheels"
    python2.run(
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
        *("--dest", wheels, *TOOLS),
        why="Fetching a pip for Python 2.7",
    )
    pip, *tools = (next(wheels.glob(f"{tool.replace('==', '-')}-*")) for tool in TOOLS)
    install = [
        *(folder / "python2", pip / "pip", "install", "--no-deps"),
        *("--target", folder / "site"),
    ]
    environment = os.environ | {"CFLAGS": python2.compiling(folder)}
    python2.run(*install, *tools, why="Installing setuptools", env=environment)
    python2.run(*install, "-r", REQUIREMENTS, why="Installing the suite", env=environment)
    # pip makes this package by a .pth file, which has an effect only in site-packages.
    (folder / "site" / "zope" / "__init__.py").touch()
    python2.run(folder / "python2", *WSTEST, "-a", why="Trying the suite")
    try:
        python2.run(*install, ACCELERATOR, why=f"Building {ACCELERATOR}", env=environment)
    except SystemExit as exc:
        *_, failure = str(exc).splitlines()
        print(f"{failure}, so section 9 is slower. With a C compiler, remove {folder}, try again.")
    shutil.copy(REQUIREMENTS, done)


if __name__ == "__main__":
    print(shlex.join(wstest()))
