"""`twistd ws`: a WebSocket server from the command line."""

from __future__ import annotations

import atexit
import os
import re
import signal
import sys
from typing import Any

from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.python.failure import Failure

from txws2 import __version__
from txws2._accelerator import about
from txws2._command.application import NoApplication, load_application, load_factory
from txws2._command.tap_options import (
    CannotStart,
    CommandSpelling,
    Options,
    names_of_loopback,
    settings_of,
)
from txws2.exceptions import NegotiationError
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol
from txws2.server.mounts import MountsServer, factories_of
from txws2.server.reactor_stop import tell_soon
from txws2.server.server import Server, server_endpoint
from txws2.server.service import WebSocketService
from txws2.wire.http.hosts import Hosts
from txws2.wire.http.ip_addresses import parse_ip

__all__ = ["Options", "makeService"]

# The log has this advice while the server waits to end.
_ADVICE = "(--drain and --close-timeout say how long); a second signal ends it at once"

_DEFAULT_ENDPOINT = "tcp:8000:interface=127.0.0.1"

# These options aren't options of a factory.
_OF_THE_SERVICE = {"app", "drain", "listen"}


class Echo(WebSocketServerProtocol):
    """Sends every message back, and reads no more than it can send."""

    def connectionOpened(self) -> None:
        """Pause reading while there is too much to send."""
        self.registerProducer(self)

    def messageReceived(self, message: str | bytes) -> None:
        """Send the message back."""
        self.sendMessage(message)


class TwistdService(WebSocketService):
    """Serves as `WebSocketService` does, and ends the process if it can't listen."""

    name = "ws"

    logs_to_stdout = False
    """True if the log goes to the stdout of the command."""

    hosts_of_loopback: Hosts | None = None
    """The hosts to answer for while it listens on the loopback only; None not to set hosts."""

    def cannotListen(self, where: str, reason: Failure, starting: bool) -> None:
        """End the process with one line and status 1."""
        cause = reason.value
        if isinstance(cause, CannotListenError):
            cause = cause.socketError
        problem = CannotStart(f"can't listen on {where}: {cause}")
        if not starting:
            # The endpoint has failed later, so no caller is left to raise an exception to.
            self.factory.log.critical("{problem}", problem=problem)
            atexit.register(_end_with_status_1)
            self.factory.reactor.stop()
            return
        if sys.stderr is not sys.__stderr__:
            # twistd has replaced sys.stderr by its log; SystemExit prints the problem there.
            print(problem, file=sys.__stderr__)
            if self.logs_to_stdout:
                # With a status for its code, SystemExit doesn't print the problem a second time.
                problem.code = 1
        raise problem

    def _listens(
        self, port: IListeningPort, server: Server | MountsServer, where: str, secure: bool
    ) -> None:
        super()._listens(port, server, where, secure)
        if self.hosts_of_loopback is not None:
            # Clients on other interfaces may use host names that the command line doesn't have.
            # A page can't reach a haproxy: endpoint itself, as browsers don't speak its protocol.
            alone = all(map(_is_loopback, self.addresses)) and not where.startswith("haproxy:")
            self.hosts_of_loopback = self.hosts_of_loopback if alone else None
            for factory in factories_of(self.factory):
                factory.hosts = self.hosts_of_loopback

    def _listen(self) -> None:
        self.factory.log.info(
            "txws2 {version} {accelerator}", version=__version__, accelerator=about()
        )
        super()._listen()
        self.factory.reactor.callWhenRunning(_end_with_status_0, self.factory.reactor, self)


def _end_with_status_0(reactor: Any, service: TwistdService) -> None:
    # With the reactor's own handlers, twistd would end by the signal that stopped it, which looks
    # like a failure.
    def stop() -> None:
        try:
            reactor.stop()
        except ReactorNotRunning:
            # The second signal ends the connections at once, though they have some time left.
            service.stopNow()
        else:
            tell_soon(reactor, service.factory.log, _ADVICE)

    def stop_soon(*_: object) -> None:
        reactor.callFromThread(stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop_soon)


def _end_with_status_1() -> None:
    # Twisted lets twistd end with the status of a signal only, and sys.exit() comes too late here.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _is_loopback(address: IAddress) -> bool:
    ip = parse_ip(getattr(address, "host", ""))
    return ip is not None and ip.is_loopback


def _check_options_beside_a_factory(options: Options) -> None:
    """Refuse options that would have no effect, such as an --origin that refuses no page."""
    wrong = [name for name in dict.fromkeys(options.given) if name not in _OF_THE_SERVICE]
    if wrong:
        names = ", ".join(f"--{name}" for name in wrong)
        raise CannotStart(
            f"{options['app']} is a factory, and has its own options; {names} would have no effect "
            "on it, so give it to the factory in your code"
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


def _logs_to_stdout(twistd: Any) -> bool:
    """Return True if twistd, by its own options, logs to its standard output."""
    if twistd is None or not twistd.get("nodaemon"):
        return False
    return twistd["logfile"] in (None, "-") and not (twistd.get("syslog") or twistd["logger"])


def makeService(options: Options) -> TwistdService:
    """Make the service that `twistd ws` runs.

    Raises:
        CannotStart: an endpoint is malformed, or there is no such application.
    """
    from twisted.internet import reactor

    hosts, settings = options["host"], settings_of(options)
    endpoints = options["listen"] or [_DEFAULT_ENDPOINT]
    names = names_of_loopback(options, endpoints)
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
    else:
        factory._warnings.spelling = CommandSpelling(options, names)
    for endpoint in endpoints:
        _check_carries_no_websocket(endpoint)
        try:
            server_endpoint(reactor, endpoint)
        except Exception as exc:
            # The plugin of its prefix may raise any exception.
            raise CannotStart(f"{endpoint!r} isn't an endpoint: {exc}") from exc
    try:
        service = TwistdService(endpoints, factory, drain=options["drain"])
        service.logs_to_stdout = _logs_to_stdout(options.parent)
        if not (hosts or options["trusted-proxy"] or has_own_options):
            service.hosts_of_loopback = Hosts(names)
    except ValueError as exc:
        raise CannotStart(str(exc)) from exc
    return service
