"""Python 2.7, the only Python that the suite runs on: Debian's last one, unpacked into a folder.

This changes nothing on the machine: apt gets lists and sources of its own, and dpkg only unpacks.
"""

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

RELEASE = "bullseye"
PACKAGES = [
    "libffi7",
    "libpython2.7-dev",
    "libpython2.7-minimal",
    "libpython2.7-stdlib",
    "libssl1.1",
    "python2.7",
    "python2.7-minimal",
]


def run(*command, why, **options):
    """Run a command quietly; if it fails, print its output and exit."""
    print(why, flush=True)
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        **options,
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\n{why} failed")


def install(folder):
    """Make folder/python2, which runs a Python 2.7 that imports from folder/site."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        sys.exit("Python 2.7 can't be installed without apt; put a `wstest` on the PATH instead.")
    apt, packages, root = folder / "apt", folder / "packages", folder / "root"
    packages.mkdir(parents=True)
    options = _options(apt, _sources())
    # A source that doesn't answer matters only if it alone has a package; the download fails then.
    subprocess.run(["apt-get", *options, "-q", "update"], timeout=600, check=False)
    run(
        *("apt-get", *options, "download", *PACKAGES),
        why=f"Fetching the Python 2.7 of Debian {RELEASE}",
        cwd=packages,
    )
    for package in packages.glob("*.deb"):
        run("dpkg", "-x", package, root, why=f"Unpacking {package.name}")
    _write_script(folder / "python2", root / "usr", folder / "site")


def compiling(folder):
    """Return the compiler's options: the folders of the headers, and the usual optimization."""
    include = folder / "root" / "usr" / "include"
    return f"-O2 -I{include} -I{include / 'python2.7'}"


def _sources():
    """Return the machine's apt sources of Debian, by name, changed to the older release."""
    etc = Path("/etc/apt")
    folder = etc / "sources.list.d"
    files = [etc / "sources.list", *folder.glob("*.list"), *folder.glob("*.sources")]
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    suite = re.compile(rf"(?<=\s){re.escape(codename)}(?=(-updates|-security)?\s)")
    sources = {}
    for file in files:
        if file.exists():
            text, found = suite.subn(RELEASE, file.read_text())
            if found:
                sources[file.name] = text
    if not codename or not sources:
        sys.exit(f"Python 2.7 can't be installed: no apt source of this machine has {codename!r}.")
    return sources


def _options(apt, sources):
    """Return the options that make apt work in a folder of its own."""
    for name in ("lists/partial", "cache/archives/partial", "sources"):
        (apt / name).mkdir(parents=True)
    for name, text in sources.items():
        (apt / "sources" / name).write_text(text)
    settings = {
        "Dir::State::lists": apt / "lists",
        "Dir::Cache": apt / "cache",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": apt / "sources",
        "Acquire::Languages": "none",
        # An old release gets no new signatures, so they have expired.
        "Acquire::Check-Valid-Until": "false",
        # apt's own user can't write to this folder.
        "APT::Sandbox::User": "root",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _write_script(path, prefix, site):
    [libraries] = (prefix / "lib").glob("*-linux-gnu*")
    path.write_text(
        f"""\
#!/bin/sh
export PYTHONHOME='{prefix}' PYTHONPATH='{site}' LD_LIBRARY_PATH='{libraries}'
exec '{prefix}/bin/python2.7' -W ignore "$@"
"""
    )
    path.chmod(0o755)
