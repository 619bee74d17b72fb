"""The clients of the comparison: the command that starts each, and its loads."""

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client_loads import ClientLoad
from benchmarks.peers import NODE, OURS, OWN, PACKAGES, PYTHON, Peer, Tools

__all__ = ["CLIENTS", "SCRIPTS", "Client"]

SCRIPTS = Path(__file__).parent / "clients"
EVERYTHING = frozenset({"feed", "ask", "send", "deflate"})


@dataclass(frozen=True)
class Client(Peer):
    """A client of the comparison.

    Attributes:
        script: the program that talks to the load.
        can: the kinds of loads, and the features, that it has a program for.
        style: the way in which messages come to the application, if the library has several.
        accelerated: False to run txws2 without the accelerator.
    """

    script: str
    can: frozenset[str] = EVERYTHING
    style: str | None = None
    accelerated: bool = True

    def does(self, load: ClientLoad) -> bool:
        """Return True if the client can run a load."""
        return load.kind in self.can and (load.needs is None or load.needs in self.can)

    def command(
        self, tools: Tools, uri: str, load: ClientLoad, seconds: float, warmup: float
    ) -> list[str]:
        """Return the command that starts it."""
        words = [] if self.accelerated else ["env", "TXWS2_NO_SPEEDUPS=1"]
        python = sys.executable if self.registry == OWN else str(tools.python)
        words.append("node" if self.registry == NODE else python)
        words += [str(SCRIPTS / self.script), uri, load.kind, str(load.size)]
        words += [str(seconds), str(warmup)]
        words += [word for word in (load.needs, self.style) if word is not None]
        return words


def _ours(name: str, style: str, can: frozenset[str], accelerated: bool = True) -> Client:
    return Client(name, OURS, OWN, "txws2_client.py", can, style, accelerated)


# Sending is measured where a client waits until there is room for more.
_PUSH = EVERYTHING - {"send"}
_ITERATING = frozenset({"feed", "deflate"})

CLIENTS = {
    client.name: client
    for client in [
        _ours("txws2", "push", _PUSH),
        _ours("txws2-recv", "recv", EVERYTHING),
        _ours("txws2-iter", "iter", _ITERATING),
        _ours("txws2-python", "push", _PUSH, accelerated=False),
        _ours("txws2-python-iter", "iter", _ITERATING, accelerated=False),
        Client("websockets", PACKAGES["websockets"], PYTHON, "websockets_client.py"),
        Client("autobahn", PACKAGES["autobahn"], PYTHON, "autobahn_client.py", _PUSH - {"deflate"}),
        Client("aiohttp", PACKAGES["aiohttp"], PYTHON, "aiohttp_client.py"),
        Client("picows", PACKAGES["picows"], PYTHON, "picows_client.py", _PUSH - {"deflate"}),
        Client("ws", PACKAGES["ws"], NODE, "ws_client.js", _PUSH),
    ]
}
