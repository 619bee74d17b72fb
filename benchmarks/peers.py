"""The servers of the comparison: the command that starts each, and its features."""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import txws2
from benchmarks.workloads import Workload
from txws2.wire import zlib_library as zlibs

__all__ = ["NODE", "OWN", "PYTHON", "SCRIPTS", "SERVERS", "Server", "Tools", "versions"]

SCRIPTS = Path(__file__).parent / "servers"
EVERYTHING = frozenset({"deflate", "broadcast", "tls"})

OWN, PYTHON, NODE = "own", "python", "node"
"""The source of a server's packages: this environment, PyPI, or npm."""


@dataclass(frozen=True)
class Tools:
    """The tools to start servers with.

    Attributes:
        python: the interpreter that has the other servers' packages.
        certificate: a file with a key and its certificate.
    """

    python: Path
    certificate: Path


@dataclass(frozen=True)
class Server:
    """A server of the comparison.

    Attributes:
        name: its name on the command line and in the tables.
        command: makes the command that starts it.
        packages: the packages that it needs, each with its version.
        registry: the source of these packages.
        can: its features besides an echo.
        echoes: True if it sends back the same bytes; False if only their number is the same.
    """

    name: str
    command: Callable[[Tools, int, Workload], list[str]]
    packages: tuple[str, ...]
    registry: str = OWN
    can: frozenset[str] = EVERYTHING
    echoes: bool = True

    def does(self, workload: Workload) -> bool:
        """Return True if the server can run a workload."""
        return workload.needs is None or workload.needs in self.can


_TWISTED = f"twisted=={version('twisted')}"
# The tables name zlib-ng if it is installed, because compression costs less with it.
_FAST = () if zlibs.NG is None else (f"zlib-ng=={version('zlib-ng')}",)
_OURS = (f"txws2=={txws2.__version__}", _TWISTED, *_FAST)


def _options(tools: Tools, workload: Workload) -> list[str]:
    if workload.needs == "tls":
        return [f"tls={tools.certificate}"]
    return [workload.needs] if workload.needs else []


def _script(name: str) -> Callable[[Tools, int, Workload], list[str]]:
    """Return a function that makes the command for a script in servers/."""

    def command(tools: Tools, port: int, workload: Workload) -> list[str]:
        interpreter = "node" if name.endswith(".js") else str(tools.python)
        return [interpreter, str(SCRIPTS / name), str(port), *_options(tools, workload)]

    return command


def _floor(tools: Tools, port: int, workload: Workload) -> list[str]:
    size = 0 if workload.kind == "handshakes" else workload.size
    script = str(SCRIPTS / "floor_server.py")
    return [sys.executable, script, str(port), f"size={size}", *_options(tools, workload)]


def _twistd(app: str | None) -> Callable[[Tools, int, Workload], list[str]]:
    """Return a function that makes the command for `twistd ws`."""

    def command(tools: Tools, port: int, workload: Workload) -> list[str]:
        twistd = str(Path(sys.executable).with_name("twistd"))
        endpoint = f"tcp:{port}"
        if workload.needs == "tls":
            pem = tools.certificate
            endpoint = f"ssl:{port}:privateKey={pem}:certKey={pem}"
        endpoint += ":backlog=1024:interface=127.0.0.1"
        words = [twistd, "-n", "--logfile=/dev/null", "--pidfile=", "ws", "--listen", endpoint]
        name = "txws2_apps:Relay" if workload.needs == "broadcast" else app
        return words if name is None else [*words, "--app", name]

    return command


SERVERS = {
    server.name: server
    for server in [
        Server("txws2", _twistd(None), _OURS),
        # A broadcast is the same in both styles.
        Server("txws2-pull", _twistd("txws2_apps:echo"), _OURS, can=EVERYTHING - {"broadcast"}),
        Server("floor", _floor, (_TWISTED,), can=frozenset({"tls"}), echoes=False),
        Server("websockets", _script("websockets_server.py"), ("websockets==17.4",), PYTHON),
        Server(
            "autobahn",
            _script("autobahn_server.py"),
            ("autobahn==26.10.2", "twisted[tls]==26.10.0"),
            PYTHON,
        ),
        Server(
            "twisted.web",
            _script("twisted_web_server.py"),
            ("twisted[tls,websocket]==26.10.0",),
            PYTHON,
            can=EVERYTHING - {"deflate"},
        ),
        Server(
            "aiohttp",
            _script("aiohttp_server.py"),
            ("aiohttp==3.14.5", "uvloop==0.23.0"),
            PYTHON,
        ),
        Server(
            "picows",
            _script("picows_server.py"),
            ("picows==2.3.1", "uvloop==0.23.0"),
            PYTHON,
            can=EVERYTHING - {"deflate"},
        ),
        Server("ws", _script("ws_server.js"), ("ws==8.23.0", "bufferutil==4.1.0"), NODE),
        Server("uWebSockets.js", _script("uws_server.js"), ("uwebsockets==3.0.6",), NODE),
    ]
}


def versions(servers: Iterable[Server]) -> list[str]:
    """Return the packages of these servers with their versions, each once."""
    packages = (package for server in servers for package in server.packages)
    return list(dict.fromkeys(re.sub(r"(\[.*\])?==", " ", package) for package in packages))
