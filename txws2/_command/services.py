"""The services that `twistd ws` runs: a server each, or several with all that they need."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Sequence
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL
from typing import Any, cast

from twisted.application.service import MultiService, Service
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure

from txws2 import __version__
from txws2._accelerator import about
from txws2._command.option import CannotStart
from txws2._command.sd_notify import notifier_of
from txws2._command.signals import end_with_status_0, end_with_status_1, reload_on_hangup
from txws2.server.factory import WebSocketServerFactory
from txws2.server.listeners import uri_of
from txws2.server.mounts import Mounts, with_paths
from txws2.server.mounts_server import MountsServer
from txws2.server.server import Server
from txws2.server.service import WebSocketService
from txws2.wire.http.hosts import Hosts
from txws2.wire.http.ip_addresses import parse_ip

__all__ = ["TwistdService", "TwistdServices"]

_log = Logger(namespace="txws2.server")

_REASONS = {
    EADDRINUSE: "{place} is in use",
    EACCES: "{place} is for root, or forbidden",
    EADDRNOTAVAIL: "this machine doesn't have the address",
}


class TwistdService(WebSocketService):
    """Serves as `WebSocketService` does, and ends the process if it can't listen."""

    name = "ws"

    logs_to_stdout = False
    """True if the log goes to the stdout of the command."""

    commanded: tuple[WebSocketServerFactory, ...] = ()
    """The factories that have the options of the command line."""

    hosts_of_loopback: Hosts | None = None
    """The hosts to answer for while it listens on the loopback only; None not to set hosts."""

    reloads: Sequence[Callable[[], object]] = ()
    """Functions that read or open its files again."""

    has_console = False
    """True if browsers get the console at "/"."""

    visited: tuple[WebSocketServerFactory, ...] = ()
    """The factories of WebSockets that aren't those of pages about the server."""

    whole: TwistdService | TwistdServices | None = None
    """All services of the process, if there are several."""

    @property
    def _servers(self) -> Sequence[TwistdService]:
        """This server; see `TwistdServices`."""
        return (self,)

    def cannotListen(self, where: str, reason: Failure, starting: bool) -> None:
        """End the process with one line and status 1."""
        problem = CannotStart(f"{_why(reason.value)}; can't listen on {where}")
        if not starting:
            # The endpoint has failed later, so no caller is left to raise an exception to.
            self.factory.log.critical("{problem}", problem=problem)
            atexit.register(end_with_status_1)
            self.factory.reactor.stop()
            return
        for server in self._servers if self.whole is None else self.whole._servers:
            server._remove_files()
        if sys.stderr is not sys.__stderr__:
            # twistd has replaced sys.stderr by its log; SystemExit prints the problem there.
            print(problem, file=sys.__stderr__)
            if self.logs_to_stdout:
                # With a status for its code, SystemExit doesn't print the problem a second time.
                problem.code = 1
        raise problem

    def _remove_files(self) -> None:
        """Close the ports that have a file, as the process ends without a turn of the reactor."""
        for port in self._ports:
            if isinstance(port.getHost(), UNIXAddress):
                cast(Any, port).connectionLost(Failure(ConnectionDone()))

    def _listens(
        self, port: IListeningPort, server: Server | MountsServer, where: str, secure: bool
    ) -> None:
        super()._listens(port, server, where, secure)
        # Browsers don't speak the protocol of a haproxy: endpoint.
        if self.has_console and not where.startswith("haproxy:"):
            _say_how_to_open(self.factory, port.getHost(), secure)
        if self.hosts_of_loopback is not None:
            # Clients on other interfaces may use host names that the command line doesn't have.
            # A page can't reach a haproxy: endpoint itself, as browsers don't speak its protocol.
            alone = all(map(_is_loopback, self.addresses)) and not where.startswith("haproxy:")
            self.hosts_of_loopback = self.hosts_of_loopback if alone else None
            for factory in self.commanded:
                factory.hosts = self.hosts_of_loopback

    def _listen(self) -> None:
        if self.whole is None:
            _begin(self)
        super()._listen()


class TwistdServices(MultiService):
    """Several servers in one process, with the services that they need.

    Args:
        servers: the servers.
        others: the other services. They start first, and stop last: connections that drain may
            need them.
    """

    name = "ws"

    def __init__(self, servers: Sequence[TwistdService], others: Sequence[Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._servers = servers
        self._others = others
        self._prepared = False
        self.factory = servers[0].factory
        for number, server in enumerate(servers, 1):
            server.whole = self
            server.setName(f"ws {number}")
        for service in (*others, *servers):
            service.setServiceParent(self)

    def privilegedStartService(self) -> None:
        """Listen with all servers."""
        if not self._prepared:
            self._prepared = True
            _begin(self)
        super().privilegedStartService()  # type: ignore[no-untyped-call]

    def startService(self) -> None:
        """Listen, unless `privilegedStartService` was called, which `twist` doesn't do.

        A program that is for all connections begins after that, as nobody would end it if the
        servers couldn't listen.
        """
        if not self._prepared:
            self.privilegedStartService()
        super().startService()  # type: ignore[no-untyped-call]

    def stopService(self) -> Deferred[object]:
        """Stop the servers, and then all that they need."""
        Service.stopService(self)
        return _stopped(self._servers).addCallback(lambda _: _stopped(self._others))

    def stopNow(self) -> None:
        """Stop all servers without waiting."""
        for server in self._servers:
            server.stopNow()


def _why(exc: BaseException | None) -> str:
    """Return why an endpoint can't listen, in a few words."""
    if not isinstance(exc, CannotListenError):
        return str(exc)
    number = getattr(exc.socketError, "errno", None)
    # The port of a Unix socket is its path.
    place = f"port {exc.port}" if isinstance(exc.port, int) else str(exc.port)
    reason = _REASONS.get(number or 0)
    return reason.format(place=place) if reason else str(exc.socketError)


def _stopped(services: Sequence[Any]) -> Deferred[object]:
    """Stop services together."""
    stopping = [
        maybeDeferred(each.stopService).addErrback(_log_unstopped, each)
        for each in reversed(services)
    ]
    return DeferredList(stopping).addCallback(lambda _: None)


def _log_unstopped(failure: Failure, service: Any) -> None:
    """Log that a service has failed to stop; the process ends all the same."""
    kind = type(service).__name__
    _log.failure("a service has failed to stop: {service}", failure, service=kind)


def _begin(service: TwistdService | TwistdServices) -> None:
    """Log the version, and let signals end the process with status 0."""
    factory = service.factory
    factory.log.info("txws2 {version} {accelerator}", version=__version__, accelerator=about())
    factory.reactor.callWhenRunning(end_with_status_0, factory.reactor, service)
    reloads = [reload for server in service._servers for reload in server.reloads]
    notifier = notifier_of(factory.reactor)
    if reloads or notifier:
        reload_on_hangup(factory.reactor, reloads, notifier, lambda: _status(service))
    if notifier:
        factory.reactor.callWhenRunning(lambda: notifier.ready(_status(service)))
        factory.reactor.addSystemEventTrigger(
            "before", "shutdown", lambda: notifier.stopping("closing the connections")
        )


def _status(service: TwistdService | TwistdServices) -> str:
    """Return a line for `systemctl status`."""
    found = [address for server in service._servers for address in server.addresses]
    places = ", ".join(uri_of(each, secure=False) or "a socket" for each in found)
    return f"listening on {places.replace('ws://', '').replace('/', '')}"


def _say_how_to_open(
    factory: WebSocketServerFactory | Mounts, address: IAddress, secure: bool
) -> None:
    page, socket = (uri_of(address, secure, site) for site in (True, False))
    if page is not None and socket is not None:
        # Nobody can connect to all addresses, and this machine is one of them.
        for everywhere in ("//0.0.0.0:", "//[::]:"):
            page, socket = (uri.replace(everywhere, "//localhost:") for uri in (page, socket))
        factory.log.info(
            "open {page} in a browser to try it, or connect a program to {socket}",
            page=page,
            socket=with_paths(socket, factory),
        )


def _is_loopback(address: IAddress) -> bool:
    ip = parse_ip(getattr(address, "host", ""))
    return ip is not None and ip.is_loopback
