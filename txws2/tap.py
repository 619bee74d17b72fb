"""`twistd ws`: a WebSocket server from the command line."""

from __future__ import annotations

import atexit
import os
import re
import signal
import sys
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.python import usage
from twisted.python.failure import Failure

from txws2 import __version__
from txws2.exceptions import NegotiationError
from txws2.loading import NoApplication, load_application, load_factory
from txws2.quantities import Quantity, count, duration, size
from txws2.server import FactoryOptions, WebSocketServerFactory, WebSocketServerProtocol
from txws2.service import WebSocketService
from txws2.serving import Server, server_endpoint
from txws2.speedups import about
from txws2.wire.addresses import parse_ip
from txws2.wire.gathering import MAX_HEADERS, MAX_LINE_SIZE
from txws2.wire.hosts import Hosts
from txws2.wire.origins import SAME_ORIGIN, Origins

__all__ = ["Options", "makeService"]

_DEFAULT_ENDPOINT = "tcp:8000:interface=127.0.0.1"

# The options that a factory doesn't have.
_OF_THE_SERVICE = {"app", "drain", "listen"}

# By any of these, a page is one of this machine.
_LOOPBACK = ("localhost", "127.0.0.0/8", "::1")


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


class Echo(WebSocketServerProtocol):
    """Sends every message back, and reads no more than it can send."""

    def connectionOpened(self) -> None:
        """Pause reading while there is too much to send."""
        self.registerProducer(self)

    def messageReceived(self, message: str | bytes) -> None:
        """Send it back."""
        self.sendMessage(message)


class TwistdService(WebSocketService):
    """Serves as `WebSocketService` does, and ends the process if it can't listen."""

    name = "ws"

    hosts_of_loopback: Hosts | None = None
    """Those to answer for as long as it listens on the loopback only; None to leave that alone."""

    def cannotListen(self, where: str, reason: Failure, starting: bool) -> None:
        """End the process with one line and status 1."""
        cause = reason.value
        if isinstance(cause, CannotListenError):
            cause = cause.socketError
        problem = CannotStart(f"can't listen on {where}: {cause}")
        if not starting:
            # An endpoint that takes its time to find out: there is nobody left to raise it to.
            self.factory.log.critical("{problem}", problem=problem)
            atexit.register(_end_with_status_1)
            self.factory.reactor.stop()
            return
        if sys.stderr is not sys.__stderr__:
            # twistd has its log there by now, where the last words go, too.
            print(problem, file=sys.__stderr__)
        raise problem

    def _listens(self, port: IListeningPort, server: Server, where: str, secure: bool) -> None:
        super()._listens(port, server, where, secure)
        if self.hosts_of_loopback is not None:
            # What else is listened on is for others, who know it by names that nobody has told us;
            # and what speaks to HAProxy is by none that a page could lead to.
            alone = all(map(_is_loopback, self.addresses)) and not where.startswith("haproxy:")
            self.hosts_of_loopback = self.hosts_of_loopback if alone else None
            self.factory.hosts = self.hosts_of_loopback

    def _listen(self) -> None:
        self.factory.log.info(
            "txws2 {version} {accelerator}", version=__version__, accelerator=about()
        )
        super()._listen()
        self.factory.reactor.callWhenRunning(_end_with_status_0, self.factory.reactor, self)


def _end_with_status_0(reactor: Any, service: TwistdService) -> None:
    # The reactor would have twistd end by the signal that stopped it. For who runs a server,
    # stopping it is no failure.
    def stop() -> None:
        try:
            reactor.stop()
        except ReactorNotRunning:
            # A second signal: somebody doesn't want to wait for those who have time to end.
            service.stopNow()

    def stop_soon(*_: object) -> None:
        reactor.callFromThread(stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop_soon)


def _end_with_status_1() -> None:
    # Twisted can tell twistd no status but that of a signal, and it is too late for Python's own.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _is_loopback(address: IAddress) -> bool:
    ip = parse_ip(getattr(address, "host", ""))
    return ip is not None and ip.is_loopback


def _hosts_of_loopback(endpoints: list[str], origins: list[str]) -> Hosts:
    """Return what a server on the loopback is called, by what the command line says."""
    # An interface may have a name, in which a backslash stands before what separates arguments.
    named = [
        re.sub(r"\\(.)", r"\1", name)
        for endpoint in endpoints
        for name in re.findall(r":interface=((?:[^:\\]|\\.)+)", endpoint)
    ]
    # Pages whose origin is named come from a host that is trusted, and may connect to it.
    named += filter(None, (urlsplit(origin).hostname for origin in origins))
    return Hosts([*_LOOPBACK, *named])


def _origins(texts: list[str]) -> Origins | None:
    """Return the origins to accept, by what the command line says."""
    if "any" in texts:
        return None
    return [None if text == "none" else text for text in texts or [SAME_ORIGIN, "none"]]


def _settings(options: Options) -> FactoryOptions:
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


def _check_options_beside_a_factory(options: Options) -> None:
    """Refuse what would have no effect, such as an --origin that keeps nobody out."""
    wrong = [name for name in dict.fromkeys(options.given) if name not in _OF_THE_SERVICE]
    if wrong:
        names = ", ".join(f"--{name}" for name in wrong)
        raise CannotStart(
            f"{options['app']} is a factory, and has its own options; {names} would have no effect "
            "there: set it where the factory is made"
        )


def _check_carries_no_websocket(endpoint: str) -> None:
    match = re.match("((?:haproxy:)*)(wss?):(.*)", endpoint, re.DOTALL)
    if match is not None:
        before, scheme, rest = match.groups()
        instead = {"ws": "tcp", "wss": "ssl"}[scheme]
        raise CannotStart(
            f"{endpoint!r} would carry WebSocket within WebSocket, which clients don't speak; "
            f"write '{before}{instead}:{rest}'"
        )


def makeService(options: Options) -> TwistdService:
    """Make the service that `twistd ws` runs.

    Raises:
        CannotStart: an endpoint is malformed, or there is no such application.
    """
    from twisted.internet import reactor

    hosts, settings = options["host"], _settings(options)
    has_own_options = False
    try:
        if options["app"] is None:
            factory = WebSocketServerFactory(None, create_protocol=Echo, **settings)
        else:
            factory = load_factory(options["app"], os.getcwd(), **settings)
            has_own_options = load_application(options["app"], os.getcwd()) is factory
    except (NoApplication, NegotiationError, ValueError) as exc:
        raise CannotStart(str(exc)) from exc
    if has_own_options:
        _check_options_beside_a_factory(options)
    endpoints = options["listen"] or [_DEFAULT_ENDPOINT]
    for endpoint in endpoints:
        _check_carries_no_websocket(endpoint)
        try:
            server_endpoint(reactor, endpoint)
        except Exception as exc:
            # Whatever is wrong with it is found by whichever plugin understands its prefix.
            raise CannotStart(f"{endpoint!r} isn't an endpoint: {exc}") from exc
    try:
        service = TwistdService(endpoints, factory, drain=options["drain"])
        if not (hosts or options["trusted-proxy"] or has_own_options):
            service.hosts_of_loopback = _hosts_of_loopback(endpoints, options["origin"])
    except ValueError as exc:
        raise CannotStart(str(exc)) from exc
    return service
