"""The options of `twistd ws`, and their spelling on the command line."""

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

# A page from one of these hosts comes from this machine.
_LOOPBACK = ("localhost", "127.0.0.0/8", "::1")

# The origins that are accepted if the command line names none.
_DEFAULT_ORIGINS = [SAME_ORIGIN, "none"]

# The word for no limit.
_NONE = {"none": None}

_TIME = duration(beyond=True, words=_NONE)
_SIZE = size(words=_NONE)


def _quantity(name: str, default: float | None, text: str, quantity: Quantity) -> list[Any]:
    """Return the entry of an option that is a number."""

    def read(given: str) -> Any:
        try:
            return quantity(given)
        except ValueError as exc:
            # Twisted would report only that a parameter is wrong, after the whole help.
            raise CannotStart(f"--{name} {exc}") from exc

    read.coerceDoc = f"It is {quantity.expected}."  # type: ignore[attr-defined]
    return [name, None, default, text, read]


class CannotStart(SystemExit, Exception):
    """Ends the process with one line on stderr and status 1.

    It is a SystemExit, so that there is no traceback. It is also an Exception, so that twistd
    cleans up, and a daemon reports it to the process that started it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"twistd ws: {reason}")


class Options(usage.Options):
    """The options of `twistd ws`."""

    synopsis = "[options]"
    longdesc = (
        "Serves WebSocket connections. Without --app, it sends every message back. "
        "Endpoints are endpoint strings of Twisted, as "
        "ssl:443:privateKey=key.pem:certKey=cert.pem. "
        "If none can stand for a number, it means: no limit. In sizes, K, M and G count by "
        "1024, as KiB, MiB and GiB do; KB, MB and GB count by 1000. An origin "
        "is one as https://example.com; same-origin, for pages that come from the host they "
        "connect to; none, for programs; or any, and then each page that somebody visits can "
        "connect as that person. As long as the server listens on the loopback only, and no proxy "
        "is trusted, it answers for the hosts localhost, 127.0.0.0/8 and ::1, and for the hosts of "
        "--listen and --origin. With --host, it answers for these hosts only: names, addresses "
        "and networks; or any."
    )
    optParameters = [
        [
            "app",
            "a",
            None,
            "The application, as module:name: a coroutine function that is called "
            "with each connection, a subclass of WebSocketServerProtocol, or a "
            "WebSocketServerFactory (it has its own options). Modules of the current directory "
            "can be named.",
        ],
        _quantity("ping-interval", 20, "Time between keepalive pings", _TIME),
        _quantity("ping-timeout", 20, "Time to wait for a sign of life", _TIME),
        _quantity("open-timeout", 10, "Time for the opening handshake", _TIME),
        _quantity("close-timeout", 10, "Time for the closing handshake", _TIME),
        _quantity("max-size", 2**20, "Largest size of a message", _SIZE),
        _quantity(
            "compression-memory", 2**26, "Largest memory of compression, all connections", _SIZE
        ),
        _quantity(
            "max-line-size",
            MAX_LINE_SIZE,
            "Largest size of a line of a request, as of cookies",
            size(least=1),
        ),
        _quantity("max-headers", MAX_HEADERS, "Most headers of a request", count("headers")),
        _quantity(
            "max-connections",
            None,
            "Most connections at once",
            count("connections", words=_NONE),
        ),
        _quantity(
            "max-connections-per-host",
            None,
            "Most connections at once from one host",
            count("connections", words=_NONE),
        ),
        _quantity(
            "drain",
            0,
            "Time for which open connections may go on after a signal to stop, before they are "
            "closed; a second signal ends the process at once",
            duration(words=_NONE),
        ),
    ]
    optFlags = [["log-connections", None, "Log each connection: opened, closed, refused."]]
    compData = usage.Completions(
        descriptions={"app": "the application", "listen": "the endpoint to listen on"}
    )

    def __init__(self) -> None:
        # The options on the command line, even those that have their default value there.
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
        """Take the options; report a mistake in one line, without the whole help.

        Raises:
            CannotStart: an option is wrong.
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
        """Let pages of this origin connect; may be repeated. [default: same-origin and none]"""
        # Browsers send origins in lower case.
        self["origin"] = [*self["origin"], origin.lower()]

    def opt_host(self, host: str) -> None:
        """Answer for this host, whatever the port; may be repeated. [default: see above]"""
        if host in ("0.0.0.0", "::", "*"):
            raise usage.UsageError(
                f"--host must be a host that clients request, and no client requests {host}; "
                "--listen has the address to listen on, as tcp:8000"
            )
        self["host"] = [*self["host"], host]

    def opt_subprotocol(self, subprotocol: str) -> None:
        """Speak this subprotocol; may be repeated, best first."""
        self["subprotocol"] = [*self["subprotocol"], subprotocol]

    def opt_trusted_proxy(self, network: str) -> None:
        """Trust proxies of this network, as 10.0.0.0/8, or of unix sockets; may be repeated."""
        self["trusted-proxy"] = [*self["trusted-proxy"], network]

    opt_l = opt_listen


def names_of_loopback(options: Options, endpoints: list[str]) -> list[str]:
    """Return the host names of a server on the loopback, from the options of the command line."""
    # An interface may have a name, in which a backslash escapes colons.
    named = [
        re.sub(r"\\(.)", r"\1", name)
        for endpoint in endpoints
        for name in re.findall(r":interface=((?:[^:\\]|\\.)+)", endpoint)
    ]
    # Pages of a named origin are trusted, and may connect to their own host.
    named += filter(None, (urlsplit(origin).hostname for origin in options["origin"]))
    known = Hosts(_LOOPBACK)
    return [*_LOOPBACK, *(name for name in named if name not in known)]


def _origins(texts: list[str]) -> Origins | None:
    """Return the origins to accept, from the options of the command line."""
    if "any" in texts:
        return None
    return [None if text == "none" else text for text in texts or _DEFAULT_ORIGINS]


class CommandSpelling(Spelling):
    """The spelling of options on a command line.

    Args:
        options: the options that the command line already has.
        hosts: the hosts to answer for if the command line names none.
    """

    def __init__(self, options: Options, hosts: list[str]) -> None:
        self._options = options
        self._defaults = {"hosts": hosts, "origins": _DEFAULT_ORIGINS}

    def name(self, option: str) -> str:
        """Return the name of an option, as --max-size."""
        name = _RENAMED.get(option, option.replace("_", "-"))
        return f"--{name}" if name in self._options else f"{option} of a factory, for --app,"

    def set(self, option: str, value: int) -> str:
        """Return an option with its value."""
        return f"{self.name(option)} {value}"

    def add(self, option: str, value: str | None) -> str:
        """Return an option with one more value, and with the default values if it has no other."""
        name = self.name(option)
        # The first value on the command line replaces the defaults.
        defaults = [] if self._options[name[2:]] else self._defaults[option]
        return " ".join(f"{name} {each}" for each in (*defaults, value or "none"))


# Options of several values; on the command line, each occurrence has one value.
_RENAMED = {
    "hosts": "host",
    "origins": "origin",
    "subprotocols": "subprotocol",
    "trusted_proxies": "trusted-proxy",
}


def settings_of(options: Options) -> FactoryOptions:
    """Return the options of a factory, from the options of the command line."""
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
        "compression_memory": options["compression-memory"],
        "max_line_size": options["max-line-size"],
        "max_headers": options["max-headers"],
        "max_connections": options["max-connections"],
        "max_connections_per_host": options["max-connections-per-host"],
        "trusted_proxies": options["trusted-proxy"],
        "log_connections": bool(options["log-connections"]),
    }
