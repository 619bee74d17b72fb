"""`Forward`: a handler that connects each WebSocket to a target."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred

from txws2._checks.kinds import check_count, check_path, check_reactor, check_seconds
from txws2._connection.factory import global_reactor
from txws2._connection.handle import driver_of
from txws2._deferreds.callables import check_function
from txws2.client.tls import TLS
from txws2.exceptions import InvalidHandshake
from txws2.forward.addresses import Address, is_websocket, parse_address
from txws2.forward.reaching import FindTarget, Link, Reach, Refused
from txws2.forward.recorder import Recordings
from txws2.forward.stream import SUBPROTOCOLS
from txws2.forward.upstream import Upstream
from txws2.server.protocol import WebSocketServerProtocol
from txws2.wire.http.heads import Request, Response

__all__ = ["Forward"]

_RECORD_LIMIT = 2**30


class Forward:
    """A handler that connects each WebSocket to a target, and carries all that comes both ways.

    The target is a service that speaks bytes, over TCP, TLS or a Unix socket, as for websockify; or
    another WebSocket server, as for a reverse proxy. It is connected to before the WebSocket is
    open: if it can't be reached, the client gets a 502, or a 504 if it takes too long.

    A slow reader at one end makes the other end wait; nothing piles up in memory. When the
    target ends its side, the WebSocket is closed with 1000 after all that the target has sent; if
    the target's connection is lost otherwise, with 1014. When the WebSocket is closed, the target
    gets all that was sent before.

    To a service that speaks bytes, binary messages are carried, whatever their sizes; the client
    gets a message for each read, of at most 120 KiB. With the subprotocol "base64" of old
    browsers, text messages carry the bytes as Base64. A text message is refused otherwise, with
    1003. To another WebSocket server, messages stay as they are. The headers and the offered
    subprotocols of the client are passed on, with X-Forwarded-For and its like; and so are the
    headers with which the other server accepts, such as Set-Cookie, the subprotocol that it has
    chosen, its refusal, and close codes. Compression and pings are for one hop each.

    Args:
        where: the address of the target: an endpoint string, as "tcp:localhost:5900",
            "unix:/run/vnc.sock" or "tls:example.com:443"; host and port, as "localhost:5900"; the
            URI of a WebSocket server, as "ws://localhost:8001/chat"; or an endpoint. None if
            there are targets.
        targets: a function that is called with each request, and returns the address of its
            target, or None to refuse the request with 404; it may be a coroutine function.
            `Targets` and `JWTTargets` are such functions.
        path: the path that the handler is served at, as "/chat". For another WebSocket server, the
            part of the request's path below it is appended to the URI.
        record: a directory, in which each connection is recorded in a file of its own, for
            `read_recording` and `Replay`. The files have all that people type, passwords too,
            so only the user of this process may read them. None to record nothing.
        record_limit: the number of bytes that such a file may have; 1 GiB by default. The
            connection goes on when its recording ends there.
        connect_timeout: the seconds that connecting to a target may take (10), with TLS and the
            handshake of another WebSocket server. The server's open_timeout holds, too.
        tls: for targets with a wss URI, the path of a PEM file with the certificates of the
            authorities to trust, or of a directory with such files, named ``*.pem``; by default,
            the authorities that this machine trusts. It may also be a connection creator, as for
            `connect`.
        reactor: the reactor to run on; None for the global one.

    Raises:
        InvalidURI: the URI isn't a WebSocket URI.
        OSError: the directory for recordings can't be made, or a file of tls can't be read.
        TypeError: there are both where and targets, or neither, or one is of the wrong kind.
        ValueError: the address is none, tls has no certificate in it or no effect on this address,
            or another argument is out of range.

    Attributes:
        subprotocols: "binary" and "base64" for services that speak bytes; none for another
            WebSocket server, which chooses itself. A server that is given neither subprotocols
            nor select_subprotocol asks the handler.
    """

    def __init__(
        self,
        where: Address | None = None,
        *,
        targets: FindTarget | None = None,
        path: str = "/",
        record: str | os.PathLike[str] | None = None,
        record_limit: int = _RECORD_LIMIT,
        connect_timeout: float = 10,
        tls: TLS | None = None,
        reactor: Any = None,
    ) -> None:
        if (where is None) == (targets is None):
            raise TypeError("Forward takes either an address or targets=..., which finds it")
        if targets is not None:
            check_function("targets", targets)
        check_path(path)
        check_seconds("connect_timeout", connect_timeout, optional=False)
        check_count("record_limit", record_limit, 1, optional=False)
        if reactor is None:
            reactor = global_reactor()
        check_reactor(reactor)
        if where is not None:
            parse_address(where, reactor)
        if tls is not None and where is not None and not _is_wss(where):
            raise ValueError(
                "tls has no effect unless the target is a server with a wss URI; an endpoint "
                "has its own options, as 'tls:vnc.example:5900:trustRoots=/etc/ssl/ours'"
            )
        self._reach = Reach(where, targets, path, connect_timeout, tls, reactor)
        self._recordings = None if record is None else Recordings(record, record_limit)
        # The connections to targets whose WebSockets aren't open yet.
        self._waiting: dict[WebSocketServerProtocol, Link] = {}
        self.subprotocols: tuple[str, ...] = () if is_websocket(where) else SUBPROTOCOLS

    # Twisted's endpoints return Deferreds that a task of asyncio can't await. So these methods are
    # no coroutine functions, which would run as tasks on asyncio's reactor.

    def process_request(
        self, connection: WebSocketServerProtocol, request: Request
    ) -> Deferred[Response | None]:
        """Connect to the target of a request; refuse the request if that fails."""
        return Deferred.fromCoroutine(self._prepare(connection, request))

    def __call__(self, connection: WebSocketServerProtocol, **parameters: str) -> Deferred[None]:
        """Carry all that comes both ways, until the connection is closed.

        Without `process_request` before, as when another handler calls this, the target is
        connected to now, and if that fails, the connection is closed with 1014.
        """
        return Deferred.fromCoroutine(self._serve(connection))

    def select_subprotocol(
        self, connection: WebSocketServerProtocol, subprotocols: list[str]
    ) -> str | None:
        """Choose the subprotocol, as the target does if it is a WebSocket server."""
        found = self._waiting.get(connection)
        return None if found is None else found.select_subprotocol(subprotocols)

    async def _prepare(
        self, connection: WebSocketServerProtocol, request: Request
    ) -> Response | None:
        try:
            # Other requests than for a WebSocket, and those of pages that may not connect, must
            # not reach the target. The factory refuses them after this.
            connection.factory._judge(request)
        except InvalidHandshake:
            return None
        try:
            found = await self._reach(connection, request)
        except Refused as exc:
            return exc.response
        self._waiting[connection] = found
        if isinstance(found, Upstream):
            driver_of(connection).handshake.more_lines += found.header_lines()
        connection.wait_closed().addCallback(lambda _: self._forget(connection))
        return None

    async def _serve(self, connection: WebSocketServerProtocol) -> None:
        found = self._waiting.pop(connection, None)
        if found is None:
            try:
                found = await self._reach(connection, connection.request)
            except Refused as exc:
                connection.close(exc.code, exc.reason)
                return
        try:
            await self._carry(connection, found)
            await found.leave()
        except BaseException:
            # A server that stops cancels its handlers.
            found.drop()
            raise

    async def _carry(self, connection: WebSocketServerProtocol, found: Link) -> None:
        if self._recordings is None:
            await found.carry(connection, None)
            return
        recorder = self._recordings.recorder(connection)
        try:
            await found.carry(connection, recorder)
        finally:
            recorder.close(connection.close_code, connection.close_reason)

    def _forget(self, connection: WebSocketServerProtocol) -> None:
        """Drop the connection to a target whose WebSocket has never come to be served."""
        found = self._waiting.pop(connection, None)
        if found is not None:
            found.drop()


def _is_wss(where: Address) -> bool:
    return isinstance(where, str) and where.lower().startswith("wss://")
