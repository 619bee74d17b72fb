"""The servers of the comparison: the command that starts each, and its features."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import NODE, OURS, OWN, PACKAGES, PYTHON, TWISTED, Peer, Tools
from benchmarks.workloads import Workload

__all__ = ["SCRIPTS", "SERVERS", "Server"]

SCRIPTS = Path(__file__).parent / "servers"
EVERYTHING = frozenset({"deflate", "broadcast", "tls", "frames"})

Command = Callable[[Tools, int, Workload], list[str]]


@dataclass(frozen=True)
class Server(Peer):
    """A server of the comparison.

    Attributes:
        command: makes the command that starts it.
        can: its features besides an echo.
        echoes: True if it sends back the same bytes; False if only their number is the same.
    """

    command: Command
    can: frozenset[str] = EVERYTHING
    echoes: bool = True

    def does(self, workload: Workload) -> bool:
        """Return True if the server can run a workload."""
        return workload.needs is None or workload.needs in self.can


def _options(tools: Tools, workload: Workload) -> list[str]:
    if workload.needs == "tls":
        return [f"tls={tools.certificate}"]
    return [workload.needs] if workload.needs in ("deflate", "broadcast") else []


def _script(name: str) -> Command:
    """Return a function that makes the command for a script in servers/."""

    def command(tools: Tools, port: int, workload: Workload) -> list[str]:
        interpreter = "node" if name.endswith(".js") else str(tools.python)
        return [interpreter, str(SCRIPTS / name), str(port), *_options(tools, workload)]

    return command


def _floor(tools: Tools, port: int, workload: Workload) -> list[str]:
    size = 0 if workload.kind == "handshakes" else workload.size
    script = str(SCRIPTS / "floor_server.py")
    words = [sys.executable, script, str(port), f"size={size}", *_options(tools, workload)]
    return [*words, "binary"] if workload.contents == "binary" else words


def _twistd(app: str | None) -> Command:
    """Return a function that makes the command for `twistd ws`."""

    def command(tools: Tools, port: int, workload: Workload) -> list[str]:
        twistd = str(Path(sys.executable).with_name("twistd"))
        endpoint = f"tcp:{port}"
        if workload.needs == "tls":
            pem = tools.certificate
            endpoint = f"ssl:{port}:privateKey={pem}:certKey={pem}"
        endpoint += ":backlog=1024:interface=127.0.0.1"
        words = [twistd, "-n", "--logfile=-", "--pidfile=", "ws", "--max-size=64MiB"]
        words += ["--listen", endpoint]
        name = "txws2_apps:Relay" if workload.needs == "broadcast" else app
        return words if name is None else [*words, "--app", name]

    return command


def _without_accelerator(command: Command) -> Command:
    def with_twins(tools: Tools, port: int, workload: Workload) -> list[str]:
        return ["env", "TXWS2_NO_SPEEDUPS=1", *command(tools, port, workload)]

    return with_twins


def _python(name: str, can: frozenset[str] = EVERYTHING) -> Server:
    script = f"{name.replace('.', '_')}_server.py"
    return Server(name, PACKAGES[name], PYTHON, _script(script), can)


def _node(name: str, script: str) -> Server:
    return Server(name, PACKAGES[name], NODE, _script(script))


SERVERS = {
    server.name: server
    for server in [
        Server("txws2", OURS, OWN, _twistd(None)),
        # A broadcast is the same in both styles.
        Server("txws2-pull", OURS, OWN, _twistd("txws2_apps:echo"), EVERYTHING - {"broadcast"}),
        Server("txws2-python", OURS, OWN, _without_accelerator(_twistd(None))),
        Server("floor", (TWISTED,), OWN, _floor, frozenset({"tls"}), echoes=False),
        _python("websockets"),
        _python("autobahn"),
        _python("twisted.web", EVERYTHING - {"deflate"}),
        _python("aiohttp"),
        _python("picows", EVERYTHING - {"deflate"}),
        _node("ws", "ws_server.js"),
        _node("uWebSockets.js", "uws_server.js"),
    ]
}
