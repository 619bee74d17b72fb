"""`WebSocketService`: a server as a service, for what twistd runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.python.failure import Failure

from txws2._checks.kinds import check_seconds
from txws2._checks.options import check_options
from txws2._time.deadlines import call_off
from txws2.server.factory import (
    Handler,
    ServerOptions,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from txws2.server.listeners import check_place, uri_of
from txws2.server.server import Endpoint, Server, server_endpoint

__all__ = ["WebSocketService"]


class WebSocketService(Service):
    """Serves WebSocket connections while it runs.

    It listens before twistd gives up its privileges, so that ports below 1024 can be had. When it
    stops, it closes as a `Server` does: it stops listening, closes every connection with 1001,
    refuses those still opening with 503, and waits for all of them, at most for close_timeout.
    With drain, those that are open have some time to end by themselves before. It can be started
    again.

    Args:
        endpoint: where to listen: an endpoint, or its description as for `serve`; or several of
            these. What a description stands for is found out when the service starts.
        handler: called with each connection, as for `serve`; None if `create_protocol` makes one
            that does the work. Or a `WebSocketServerFactory`, for this service alone: when it
            stops, all connections of the factory are closed.
        drain: seconds that open connections may go on for (0) when it stops, before they are
            closed. None for as long as they like, so that a client decides when it has stopped.
        reactor: the reactor to run on; None for the global one, or the factory's.
        **options: those of `serve`; a factory has its own.

    Attributes:
        factory: what makes the connections.

    Raises:
        TypeError: there are a factory and options; there is no such endpoint; or as
            `WebSocketServerFactory` says.
        ValueError: an option is out of range.
    """

    if TYPE_CHECKING:
        # Twisted has these without types, and mypy would complain to whoever calls them.
        def setName(self, name: str) -> None:
            """Name it."""

        def setServiceParent(self, parent: object) -> None:
            """Put it into an application, or into a service of many."""

        def disownServiceParent(self) -> Deferred[Any] | None:
            """Take it out again."""

    def __init__(
        self,
        endpoint: Endpoint | Sequence[Endpoint],
        handler: Handler | WebSocketServerFactory | None,
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
        if not isinstance(handler, WebSocketServerFactory):
            handler = WebSocketServerFactory(handler, reactor=reactor, **options)
        elif options or reactor is not None:
            raise TypeError("a factory has its options and its reactor already")
        self.factory = handler
        # What listens, from start to stop.
        self._server: Server | None = None
        # What was stopped last; the connections that it had may go on.
        self._stopped: Server | None = None
        self._ports: list[IListeningPort] = []
        self._attempts: list[Deferred[Any]] = []
        # What went wrong already while it is being started; None afterwards.
        self._problems: list[tuple[str, Failure]] | None = None

    @property
    def addresses(self) -> tuple[IAddress, ...]:
        """Where it listens; empty while it doesn't."""
        return () if self._server is None else self._server.addresses

    @property
    def connections(self) -> Collection[WebSocketServerProtocol]:
        """The connections that are open; empty while it doesn't run."""
        return set() if self._server is None else self._server.connections

    def privilegedStartService(self) -> None:
        """Listen, while ports below 1024 may still be opened.

        Raises:
            Exception: what an endpoint fails with: CannotListenError if the port is taken.
            ValueError: a description isn't one of an endpoint.
        """
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._listen()

    def startService(self) -> None:
        """Listen, unless `privilegedStartService` was called: `twist` doesn't.

        Raises:
            Exception: as privilegedStartService does. The service isn't running then, and can
                be started again.
        """
        if self._server is None:
            self._listen()
        super().startService()  # type: ignore[no-untyped-call]

    def stopService(self) -> Deferred[None]:
        """Stop listening, close every connection with 1001, and wait for them.

        Those that are open have as long as drain says before they are closed. To call it once
        more, meanwhile, is to close them at once.

        Returns:
            A Deferred that fires when all connections are closed and their handlers done, or
            close_timeout after they were to be closed. It never fails.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        return self._close()

    def stopNow(self) -> Deferred[None]:
        """Stop, or go on to stop, and wait for nobody.

        Every connection is closed with 1001, but its answer isn't waited for; handlers that
        aren't done are cancelled. It is for who is about to end the process.

        Returns:
            A Deferred that fires in a moment. It never fails.
        """
        stopped = self.stopService()
        if self._stopped is not None:
            self._stopped.give_up()
        return stopped

    def cannotListen(self, where: str, reason: Failure, starting: bool) -> None:
        """Called when an endpoint can't listen; for a subclass to override.

        As it is here, the service doesn't start. An endpoint that takes its time to find out is
        reported in the log, at level critical, and the service goes on with the others.

        Args:
            where: the endpoint's description.
            reason: what it has failed with.
            starting: whether the service is being started; what is raised then comes out of
                privilegedStartService or startService.
        """
        if starting:
            reason.raiseException()
        self.factory.log.failure("can't listen on {where}", reason, where=where)

    def _listen(self) -> None:
        factory = self.factory
        endpoints = [server_endpoint(factory.reactor, given) for given in self._endpoints]
        # The handlers of the last time were cancelled, but these aren't.
        factory.stopping = False
        self._ports = []
        self._server = server = Server(factory, self._ports)
        self._problems = []
        self._attempts = []
        for given, endpoint in zip(self._endpoints, endpoints, strict=True):
            where = given if isinstance(given, str) else repr(given)
            secure = where.startswith("ssl:") or isinstance(given, SSL4ServerEndpoint)
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

    def _listens(self, port: IListeningPort, server: Server, where: str, secure: bool) -> None:
        if server is not self._server:
            # It was stopped, and the endpoint can't be.
            maybeDeferred(port.stopListening)
            return
        self._ports.append(port)
        address = uri_of(port.getHost(), secure) or where
        self.factory.log.info("listening on {address}", address=address)

    def _failed(self, reason: Failure, server: Server, where: str) -> None:
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
