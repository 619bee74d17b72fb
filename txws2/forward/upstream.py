"""The connection to another WebSocket server, and the way of the messages in both directions."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred

from txws2._connection.handle import driver_of
from txws2._connection.protocol import WebSocketProtocol
from txws2._deferreds.isolation import isolated
from txws2.client.dialer import Dialer
from txws2.client.protocol import WebSocketClientFactory, WebSocketClientProtocol
from txws2.exceptions import ConnectionClosed
from txws2.forward.batches import next_batch
from txws2.forward.onward_request import lines_of_acceptance, onward_headers
from txws2.forward.recorder import Recorder
from txws2.server.protocol import WebSocketServerProtocol
from txws2.wire.closing import CloseCode
from txws2.wire.handshake.server import offered_subprotocols
from txws2.wire.http.heads import Request

__all__ = ["Upstream", "open_upstream"]


async def open_upstream(
    uri: str, ws: WebSocketServerProtocol, request: Request, dialer: Dialer, reactor: Any
) -> Upstream:
    """Connect to another server, with the headers and the subprotocols of a client.

    Args:
        uri: the ws or wss URI to ask for.
        ws: the client's connection, which waits for the other server.
        request: the client's request.
        dialer: makes the endpoint.
        reactor: the reactor to run on.

    Raises:
        InvalidStatus: the other server refuses the client.
        InvalidHeader: a header of the client can't be passed on.
        Exception: the other server can't be reached, or is no WebSocket server.
    """
    options = ws.factory
    # In a site, the connection itself has no transport until it is open.
    peer = driver_of(ws).transport.getPeer()
    factory = WebSocketClientFactory(
        uri,
        subprotocols=offered_subprotocols(request),
        additional_headers=onward_headers(request, peer, ws.secure),
        # Most servers behind this one are near, where compression costs more than it saves.
        compression=None,
        max_size=options.max_size,
        max_queue=options.max_queue,
        write_limit=options.write_limit,
        close_timeout=options.close_timeout,
        # The caller has a limit of time.
        open_timeout=None,
        reactor=reactor,
    )
    try:
        endpoint = dialer.endpoint_for(factory)
        protocol: Any = await endpoint.connect(factory)
        return Upstream(await WebSocketClientProtocol.wait_opened(protocol))
    except BaseException:
        for left in list(factory.connections):
            isolated(WebSocketClientProtocol.close, left)
        raise


class Upstream:
    """The connection to another WebSocket server.

    Args:
        connection: the open connection.
    """

    def __init__(self, connection: WebSocketClientProtocol) -> None:
        self._connection = connection

    def select_subprotocol(self, offered: list[str]) -> str | None:
        """Return the subprotocol that the other server has chosen."""
        return self._connection.subprotocol

    def header_lines(self) -> bytes:
        """Return the headers with which the other server has accepted, as lines for the client."""
        response = self._connection.response
        return b"" if response is None else lines_of_acceptance(response)

    def drop(self) -> None:
        """Close the connection: nobody needs it."""
        self._connection.close(CloseCode.GOING_AWAY)

    async def leave(self) -> None:
        """Return at once: `carry` has waited until the connection was closed."""

    async def carry(self, ws: WebSocketProtocol, recorder: Recorder | None) -> None:
        """Carry messages both ways until both connections are closed.

        Args:
            ws: the open connection of the client.
            recorder: records the messages; None to record nothing.
        """
        other = self._connection
        back = Deferred.fromCoroutine(_copy(other, ws, CloseCode.BAD_GATEWAY, recorder, False))
        try:
            await _copy(ws, other, CloseCode.GOING_AWAY, recorder, True)
            await back
        finally:
            # A server that stops cancels its handlers.
            back.addErrback(lambda _: None).cancel()


async def _copy(
    source: WebSocketProtocol,
    sink: WebSocketProtocol,
    lost: int,
    recorder: Recorder | None,
    from_client: bool,
) -> None:
    """Send the messages of one connection on the other, and close the other as the one is closed.

    Args:
        source: the connection that is read.
        sink: the connection to send on.
        lost: the close code if the source ends without one.
        recorder: records the messages; None to record nothing.
        from_client: True if the source is the client's connection.
    """
    # If the sink is closed, the copy in the other direction learns of it.
    with suppress(ConnectionClosed):
        while True:
            *messages, last = await next_batch(source)
            if recorder is not None:
                recorder.record([*messages, last], from_client)
            for message in messages:
                sink.sendMessage(message)
            await sink.send(last)
    await source.wait_closed()
    code, reason = source.close_code, source.close_reason or ""
    if code == CloseCode.NO_STATUS_RCVD:
        code = CloseCode.NORMAL_CLOSURE
    elif code is None or code == CloseCode.ABNORMAL_CLOSURE:
        code = lost
    await sink.close(code, reason)
