"""`WebSocketService`: a server as a service of twisted.application, for twistd."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Unpack

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.python.failure import Failure

from txws2._checks.kinds import check_seconds
from txws2._checks.options import check_options
from txws2._connection.typed_service import TypedService
from txws2._time.deadlines import call_off
from txws2.server.factory import (
    Handler,
    ServerOptions,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from txws2.server.listeners import check_place, uri_of
from txws2.server.mounts import Mounts, factories_of, has_site, with_paths
from txws2.server.mounts_server import MountsServer, server_of
from txws2.server.server import Endpoint, Server, server_endpoint

__all__ = ["WebSocketService"]


class WebSocketService(TypedService):
    """Serves WebSocket connections while it runs.

    It listens before twistd gives up its privileges, so that it can have ports below 1024. When it
    stops, it closes as a `Server` does: it stops listening, closes every connection with 1001,
    refuses those still opening with 503, and waits for all of them, at most for close_timeout.
    With drain, the open connections first have some time to end by themselves. The service can be
    started again.

    Args:
        endpoint: an endpoint to listen at, or its description as for `serve`; or several of
            these. A description is read when the service starts.
        handler: called with each connection, as for `serve`; None if the protocol that
            `create_protocol` makes does the work. It may also be a `WebSocketServerFactory` that
            only this service uses, or a `Mounts` of several: when the service stops, all
            connections of the factory are closed.
        drain: the seconds for which open connections may go on when the service stops, before
            they are closed; 0 by default. None for no limit: then clients decide when the service
            has stopped.
        reactor: the reactor to run on; None for the global one, or the factory's.
        **options: the options of `serve`; a factory has its own.

    Attributes:
        factory: makes the connections.

    Raises:
        TypeError: there are both a factory and options; an endpoint is of the wrong kind; or as
            `WebSocketServerFactory` says.
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        endpoint: Endpoint | Sequence[Endpoint],
        handler: Handler | WebSocketServerFactory | Mounts | None,
        *,
        drain: float | None = 0,
        reactor: Any = None,
        **options: Unpack[ServerOptions],
    ) -> None:
        check_options(type(self), options, ServerOptions.__optional_keys__)
        check_seconds("drain", drain, zero=True)
        self._drain = drain
        self._endpoints: Sequence[Endpoint]
        if isinstance(endpoint, str) or not isinstance(endpoint, Sequence):
            self._endpoints = (endpoint,)
        else:
            self._endpoints = endpoint
        for each in self._endpoints:
            check_place(type(self).__name__, None, None, each)
        if not isinstance(handler, (WebSocketServerFactory, Mounts)):
            handler = WebSocketServerFactory(handler, reactor=reactor, **options)
        elif options or reactor is not None:
            raise TypeError("a factory has its options and its reactor already; give them to it")
        self.factory: WebSocketServerFactory | Mounts = handler
        # The server that listens, from start to stop.
        self._server: Server | MountsServer | None = None
        # The server that was stopped last; its connections may go on.
        self._stopped: Server | MountsServer | None = None
        self._ports: list[IListeningPort] = []
        self._attempts: list[Deferred[Any]] = []
        # The endpoints that have failed while the service starts; None afterwards.
        self._problems: list[tuple[str, Failure]] | None = None

    @property
    def addresses(self) -> tuple[IAddress, ...]:
        """The addresses at which it listens; empty while it doesn't."""
        return () if self._server is None else self._server.addresses

    @property
    def connections(self) -> Collection[WebSocketServerProtocol]:
        """The connections that are open; empty while it doesn't run."""
        return set() if self._server is None else self._server.connections

    def privilegedStartService(self) -> None:
        """Listen, while ports below 1024 may still be opened.

        Raises:
            Exception: the failure of an endpoint, as CannotListenError if the port is taken.
            ValueError: a description isn't an endpoint's.
        """
        super().privilegedStartService()
        self._listen()

    def startService(self) -> None:
        """Listen, unless `privilegedStartService` was called, which `twist` doesn't do.

        Raises:
            Exception: the same as privilegedStartService raises. The service isn't running then,
                and can be started again.
        """
        if self._server is None:
            self._listen()
        super().startService()

    def stopService(self) -> Deferred[None]:
        """Stop listening, close every connection with 1001, and wait for them.

        Open connections may go on for the time of drain before they are closed. Another call
        during that time closes them at once.

        Returns:
            A Deferred that fires when all connections are closed and their handlers done, or
            close_timeout after the closing began. It never fails.
        """
        super().stopService()
        return self._close()

    def stopNow(self) -> Deferred[None]:
        """Stop without waiting, even if the service is stopping already.

        Every connection is closed with 1001, but nobody waits for the peer's close frame.
        Handlers that aren't done are cancelled. Use it when the process is about to end.

        Returns:
            A Deferred that fires in the next turn of the reactor. On asyncio's reactor, it fires
            when the cancelled handlers have ended, or after a second. It never fails.
        """
        stopped = self.stopService()
        if self._stopped is not None:
            self._stopped.give_up()
        return stopped

    def cannotListen(self, where: str, reason: Failure, starting: bool) -> None:
        """Called when an endpoint can't listen; for a subclass to override.

        Unless overridden, it raises the failure while the service starts, so that the service
        doesn't start. It logs a later failure of an endpoint at level critical, and the service
        goes on with the others.

        Args:
            where: the endpoint's description.
            reason: the failure.
            starting: True while the service starts; then privilegedStartService or startService
                raises the exception that this method raises.
        """
        if starting:
            reason.raiseException()
        self.factory.log.failure("can't listen on {where}", reason, where=where)

    def _listen(self) -> None:
        factory = self.factory
        endpoints = [server_endpoint(factory.reactor, given) for given in self._endpoints]
        # The handlers of the last run were cancelled; those of this run are not.
        for each in factories_of(factory):
            each.stopping = False
        self._ports = []
        self._server = server = server_of(factory, self._ports)
        self._problems = []
        self._attempts = []
        for given, endpoint in zip(self._endpoints, endpoints, strict=True):
            where = given if isinstance(given, str) else repr(given)
            secure = where.startswith("ssl:") or isinstance(given, SSL4ServerEndpoint)
            secure = secure or bool(getattr(given, "secure", False))
            attempt = maybeDeferred(endpoint.listen, factory)
            attempt.addCallback(self._listens, server, where, secure)
            attempt.addErrback(self._failed, server, where)
            self._attempts.append(attempt)
        problems, self._problems = self._problems, None
        try:
            for where, reason in problems:
                self.cannotListen(where, reason, starting=True)
        except BaseException:
            self._close()
            raise

    def _listens(
        self, port: IListeningPort, server: Server | MountsServer, where: str, secure: bool
    ) -> None:
        if server is not self._server:
            # The service was stopped, but the endpoint couldn't be cancelled.
            maybeDeferred(port.stopListening)
            return
        self._ports.append(port)
        site = has_site(self.factory)
        address = uri_of(port.getHost(), secure, site)
        if address is not None and not site:
            address = with_paths(address, self.factory)
        self.factory.log.info("listening on {address}", address=address or where)

    def _failed(self, reason: Failure, server: Server | MountsServer, where: str) -> None:
        if server is not self._server:
            return
        if self._problems is not None:
            self._problems.append((where, reason))
        else:
            self.cannotListen(where, reason, starting=False)

    def _close(self) -> Deferred[None]:
        server, self._server = self._server, None
        if server is None:
            return succeed(None) if self._stopped is None else self._stopped.close()
        self._stopped = server
        for attempt in self._attempts:
            attempt.cancel()
        if self._drain == 0:
            return server.close()
        closed = server.close(close_connections=False)
        if self._drain is not None:
            end = self.factory.clock.callLater(self._drain, server.close)

            def drained(result: Any) -> Any:
                call_off(end)
                return result

            closed.addBoth(drained)
        return closed
