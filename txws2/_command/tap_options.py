"""The options of `twistd ws`, and how they are written."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from twisted.python import usage

from txws2._checks.quantities import Quantity, count, duration, size
from txws2._connection.remedies import Spelling
from txws2.server.factory import FactoryOptions
from txws2.wire.handshake.origins import SAME_ORIGIN, Origins
from txws2.wire.http.hosts import Hosts
from txws2.wire.http.readers import MAX_HEADERS, MAX_LINE_SIZE

__all__ = ["CannotStart", "CommandSpelling", "Options", "names_of_loopback", "settings_of"]

# By any of these, a page is one of this machine.
_LOOPBACK = ("localhost", "127.0.0.0/8", "::1")

# What is accepted where the command line names no origin.
_SILENT_ORIGINS = [SAME_ORIGIN, "none"]

# No limit.
_NONE = {"none": None}

_TIME = duration(beyond=True, words=_NONE)
_SIZE = size(words=_NONE)


def _quantity(name: str, default: float | None, text: str, quantity: Quantity) -> list[Any]:
    """Return the entry of an option that is a number."""

    def read(given: str) -> Any:
        try:
            return quantity(given)
        except ValueError as exc:
            # Twisted would say that some parameter is wrong, below all of the help.
            raise CannotStart(f"--{name} {exc}") from exc

    read.coerceDoc = f"It is {quantity.expected}."  # type: ignore[attr-defined]
    return [name, None, default, text, read]


class CannotStart(SystemExit, Exception):
    """Ends the process with one line on stderr and status 1.

    It is a SystemExit, so there is no traceback, and an Exception, so that twistd cleans up
    behind it, and a daemon tells the process that started it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"twistd ws: {reason}")


class Options(usage.Options):
    """The options of `twistd ws`."""

    synopsis = "[options]"
    longdesc = (
        "Serves WebSocket connections. Without --app, it sends every message back. "
        "Endpoints are those of Twisted, as ssl:443:privateKey=key.pem:certKey=cert.pem. "
        "Where none can stand for a number, it means: no limit. In sizes, K, M and G count by "
        "1024, as KiB, MiB and GiB do; KB, MB and GB count by 1000. An origin "
        "is one as https://example.com; same-origin, for pages that come from the host they "
        "connect to; none, for programs; or any, and then each page that somebody visits can "
        "connect as that person. As long as it listens on the loopback only, and no proxy is "
        "trusted, it answers for the hosts localhost, 127.0.0.0/8 and ::1, and for those of "
        "--listen and --origin. With --host, it answers for those that are named: names, addresses "
        "and networks; or any."
    )
    optParameters = [
        [
            "app",
            "a",
            None,
            "What handles the connections, as module:name: a coroutine function that is called "
            "with each, a subclass of WebSocketServerProtocol, or a WebSocketServerFactory (it "
            "has its own options). Modules of the current directory can be named.",
        ],
        _quantity("ping-interval", 20, "Time between keepalive pings", _TIME),
        _quantity("ping-timeout", 20, "Time to wait for a sign of life", _TIME),
        _quantity("open-timeout", 10, "Time that an opening may take", _TIME),
        _quantity("close-timeout", 10, "Time that a closing may take", _TIME),
        _quantity("max-size", 2**20, "Size that a message may have", _SIZE),
        _quantity(
            "max-line-size",
            MAX_LINE_SIZE,
            "Size that a line of a request may have, as of cookies",
            size(least=1),
        ),
        _quantity("max-headers", MAX_HEADERS, "Headers that a request may have", count("headers")),
        _quantity(
            "max-connections",
            None,
            "Connections that there may be at once",
            count("connections", words=_NONE),
        ),
        _quantity(
            "max-connections-per-host",
            None,
            "Connections that one host may have at once",
            count("connections", words=_NONE),
        ),
        _quantity(
            "drain",
            0,
            "Time for which open connections may go on when it is told to stop, before they are "
            "closed; to tell it twice is to end at once",
            duration(words=_NONE),
        ),
    ]
    optFlags = [["log-connections", None, "Log each connection: opened, closed, refused."]]
    compData = usage.Completions(
        descriptions={"app": "what handles the connections", "listen": "where to listen"}
    )

    def __init__(self) -> None:
        # Those that the command line has, be it with the value that they have without it.
        self.given: list[str] = []
        super().__init__()  # type: ignore[no-untyped-call]
        self["listen"] = []
        self["origin"] = []
        self["host"] = []
        self["subprotocol"] = []
        self["trusted-proxy"] = []
        self.given.clear()

    def __setitem__(self, name: str, value: Any) -> None:
        """Take an option, and remember that it was given."""
        self.given.append(name)
        super().__setitem__(name, value)

    def parseOptions(self, options: Any = None) -> None:
        """Take the options; what is wrong with them is one line, without all of the help.

        Raises:
            CannotStart: something is wrong with them.
        """
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except usage.UsageError as exc:
            problem = str(exc).rstrip(".")
            raise CannotStart(f"{problem}; twistd ws --help shows all options") from exc

    def opt_listen(self, endpoint: str) -> None:
        """Listen on this endpoint; may be repeated. [default: tcp:8000:interface=127.0.0.1]"""
        self["listen"] = [*self["listen"], endpoint]

    def opt_origin(self, origin: str) -> None:
        """Whose pages may connect; may be repeated. [default: same-origin and none]"""
        # As browsers send it.
        self["origin"] = [*self["origin"], origin.lower()]

    def opt_host(self, host: str) -> None:
        """Answer for this host, whatever the port; may be repeated. [default: see above]"""
        if host in ("0.0.0.0", "::", "*"):
            raise usage.UsageError(
                f"--host names a host that clients ask for, and none asks for {host}; where to "
                "listen is for --listen to say, as tcp:8000"
            )
        self["host"] = [*self["host"], host]

    def opt_subprotocol(self, subprotocol: str) -> None:
        """Speak this subprotocol; may be repeated, best first."""
        self["subprotocol"] = [*self["subprotocol"], subprotocol]

    def opt_trusted_proxy(self, network: str) -> None:
        """Believe proxies of this network, as 10.0.0.0/8, or of unix sockets; may be repeated."""
        self["trusted-proxy"] = [*self["trusted-proxy"], network]

    opt_l = opt_listen


def names_of_loopback(options: Options, endpoints: list[str]) -> list[str]:
    """Return what a server on the loopback is called, by what the command line says."""
    # An interface may have a name, in which a backslash stands before what separates arguments.
    named = [
        re.sub(r"\\(.)", r"\1", name)
        for endpoint in endpoints
        for name in re.findall(r":interface=((?:[^:\\]|\\.)+)", endpoint)
    ]
    # Pages whose origin is named come from a host that is trusted, and may connect to it.
    named += filter(None, (urlsplit(origin).hostname for origin in options["origin"]))
    known = Hosts(_LOOPBACK)
    return [*_LOOPBACK, *(name for name in named if name not in known)]


def _origins(texts: list[str]) -> Origins | None:
    """Return the origins to accept, by what the command line says."""
    if "any" in texts:
        return None
    return [None if text == "none" else text for text in texts or _SILENT_ORIGINS]


class CommandSpelling(Spelling):
    """How the options are written on a command line.

    Args:
        options: those that it has already.
        hosts: the names to answer for where it has none.
    """

    def __init__(self, options: Options, hosts: list[str]) -> None:
        self._options = options
        self._silent = {"hosts": hosts, "origins": _SILENT_ORIGINS}

    def name(self, option: str) -> str:
        """Return the name of an option, as --max-size."""
        name = _RENAMED.get(option, option.replace("_", "-"))
        return f"--{name}" if name in self._options else f"{option} of a factory, for --app,"

    def set(self, option: str, value: int) -> str:
        """Return an option with its value."""
        return f"{self.name(option)} {value}"

    def add(self, option: str, value: str | None) -> str:
        """Return an option with one more value, and with those that go without saying."""
        name = self.name(option)
        # The first one that is named takes the place of those that go without saying.
        silent = [] if self._options[name[2:]] else self._silent[option]
        return " ".join(f"{name} {each}" for each in (*silent, value or "none"))


# Those of several values, of which the command line has one each.
_RENAMED = {
    "hosts": "host",
    "origins": "origin",
    "subprotocols": "subprotocol",
    "trusted_proxies": "trusted-proxy",
}


def settings_of(options: Options) -> FactoryOptions:
    """Return the options of a factory that the command line has."""
    hosts = options["host"]
    return {
        "hosts": None if not hosts or "any" in hosts else hosts,
        "origins": _origins(options["origin"]),
        "subprotocols": options["subprotocol"],
        "ping_interval": options["ping-interval"],
        "ping_timeout": options["ping-timeout"],
        "open_timeout": options["open-timeout"],
        "close_timeout": options["close-timeout"],
        "max_size": options["max-size"],
        "max_line_size": options["max-line-size"],
        "max_headers": options["max-headers"],
        "max_connections": options["max-connections"],
        "max_connections_per_host": options["max-connections-per-host"],
        "trusted_proxies": options["trusted-proxy"],
        "log_connections": bool(options["log-connections"]),
    }
