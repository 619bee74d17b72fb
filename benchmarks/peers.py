"""The programs of the comparison: the packages that each needs, and their versions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import txws2
from txws2.wire import zlib_library as zlibs

__all__ = ["NODE", "OURS", "OWN", "PACKAGES", "PYTHON", "TWISTED", "Peer", "Tools", "versions"]

OWN, PYTHON, NODE = "own", "python", "node"
"""The source of a program's packages: this environment, PyPI, or npm."""

TWISTED = f"twisted=={version('twisted')}"
# The tables name zlib-ng if it is installed, because compression costs less with it.
_FAST = () if zlibs.NG is None else (f"zlib-ng=={version('zlib-ng')}",)
OURS = (f"txws2=={txws2.__version__}", TWISTED, *_FAST)

PACKAGES = {
    "websockets": ("websockets==17.4",),
    "autobahn": ("autobahn==26.10.2", "twisted[tls]==26.10.0"),
    "twisted.web": ("twisted[tls,websocket]==26.10.0",),
    "aiohttp": ("aiohttp==3.14.5", "uvloop==0.23.0"),
    "picows": ("picows==2.3.1", "uvloop==0.23.0"),
    "ws": ("ws==8.23.0", "bufferutil==4.1.0"),
    "uWebSockets.js": ("uwebsockets==3.0.6",),
}
"""The packages of each other library, which the server and the client made with it share."""


@dataclass(frozen=True)
class Tools:
    """The tools to start programs with.

    Attributes:
        python: the interpreter that has the packages of the other libraries.
        certificate: a file with a key and its certificate.
    """

    python: Path
    certificate: Path


@dataclass(frozen=True)
class Peer:
    """A program of the comparison.

    Attributes:
        name: its name on the command line and in the tables.
        packages: the packages that it needs, each with its version.
        registry: the source of these packages.
    """

    name: str
    packages: tuple[str, ...]
    registry: str


def versions(peers: Iterable[Peer]) -> list[str]:
    """Return the packages of these programs with their versions, each once."""
    packages = (package for peer in peers for package in peer.packages)
    return list(dict.fromkeys(re.sub(r"(\[.*\])?==", " ", package) for package in packages))
