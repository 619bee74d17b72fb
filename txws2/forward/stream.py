"""The connection to a target that speaks bytes, and the way of the bytes in both directions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._connection.protocol import WebSocketProtocol
from txws2._time.deadlines import call_off
from txws2._transport.capabilities import (
    abort,
    close_softly,
    let_go,
    read_more_at_once,
    read_without_wrapper,
    set_no_delay,
    socket_of,
)
from txws2._transport.outbox import Outbox
from txws2._transport.progress import Progress, progress_of
from txws2._transport.socket_writer import WriteThrough, outbox_for
from txws2.exceptions import ConnectionClosed
from txws2.forward.batches import next_batch, write_batch
from txws2.forward.in_place import LARGEST, InPlace, goes_as_it_is
from txws2.forward.recorder import Recorder
from txws2.streams.codecs import Binary, Codec, codec_for
from txws2.wire.closing import CloseCode

__all__ = ["Stream", "open_stream"]

SUBPROTOCOLS = ("binary", "base64")
"""The subprotocols of noVNC and websockify, best first."""

# As for a connection of a factory without a close_timeout.
_PATIENCE = 10.0

_LOST = CloseCode.BAD_GATEWAY, "the connection to the target is lost"


async def open_stream(endpoint: IStreamClientEndpoint, ws: WebSocketProtocol) -> Stream:
    """Connect to a target, with TLS if the endpoint has it.

    Args:
        endpoint: the endpoint of the target.
        ws: the WebSocket that waits for the target; the options of its factory apply.

    Raises:
        Exception: the target can't be reached.
    """
    factory = ws.factory
    stream = Stream(factory.clock, factory.write_limit, factory.close_timeout or _PATIENCE)
    try:
        await endpoint.connect(_Single(stream))
        await stream.ready
    except BaseException:
        stream.drop()
        raise
    return stream


class _Single(Factory):
    """Makes one protocol, which exists already."""

    noisy = False

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def buildProtocol(self, addr: IAddress | None) -> Stream:
        return self._stream


@implementer(IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class Stream(Protocol):
    """The connection to a target; nothing is read before a WebSocket has joined it.

    Args:
        clock: the clock.
        write_limit: the number of bytes that may wait for the target.
        patience: the seconds without progress after which a target is given up once the WebSocket
            is closed.

    Attributes:
        ready: fires when the connection can be used; fails if it never can.
    """

    _outbox: Outbox
    _ws: WebSocketProtocol | None = None
    # Gets each message for the client; None until the WebSocket is there.
    _send: Callable[[str | bytes], object] | None = None
    _codec: Codec
    # The close code and the reason for the client, once the target has ended its side.
    _end: tuple[int, str] | None = None
    _check: IDelayedCall | None = None
    _reader: InPlace | None = None
    # True once our side is to be closed when all is written.
    _finished = False
    # True once the transport was told to close without waiting for the target.
    _left = False

    def __init__(self, clock: IReactorTime, write_limit: int | None, patience: float) -> None:
        self.ready: Deferred[None] = Deferred()
        self._clock = clock
        self._write_limit = write_limit
        self._patience = patience
        self._gone: Deferred[None] = Deferred()
        # Bytes that came although reading was paused: those behind the end of a TLS handshake.
        self._early: list[bytes] = []

    # The transport calls these.

    def connectionMade(self) -> None:
        """Take the transport; over TLS, the handshake comes first."""
        transport = self._transport
        read_without_wrapper(transport)
        set_no_delay(transport)
        below = socket_of(transport)
        if below is not None:
            # A Unix socket can't.
            with suppress(OSError):
                below.setTcpKeepAlive(True)
            read_more_at_once(below)
        self._outbox = outbox_for(transport, self._write_limit)
        # Other transports with TLS, such as a stream over wss, don't tell of their handshakes.
        if not isinstance(transport, TLSMemoryBIOProtocol):
            self.handshakeCompleted()

    def handshakeCompleted(self) -> None:
        """Wait for the WebSocket: the connection to the target can be used."""
        self.pauseProducing()
        if not self.ready.called:
            self.ready.callback(None)

    def dataReceived(self, data: bytes) -> None:
        """Send bytes of the target to the client."""
        if self._send is None:
            self._early.append(data)
        elif len(data) <= LARGEST and type(self._codec) is Binary:
            self._send(data)
        else:
            for message in self._codec.messages(data):
                self._send(message)

    def readConnectionLost(self) -> None:
        """Close the WebSocket with 1000: the target sends no more, though it may still read."""
        self._target_ends(lost=_was_reset(self._transport))
        if self._finished:
            self._transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Nothing to do: the target may still send, and ends its side then."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Close the WebSocket with 1000, or with 1014 if the target didn't end its side."""
        self._target_ends(lost=not reason.check(ConnectionDone))
        call_off(self._check)
        self._outbox.close(ConnectionLost)
        if self._reader is not None:
            self._reader.end()
        if not self.ready.called:
            self.ready.errback(reason)
        if not self._gone.called:
            self._gone.callback(None)

    # The WebSocket calls these while the client reads slowly.

    def pauseProducing(self) -> None:
        """Read nothing from the target."""
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read from the target again, unless it has ended its side."""
        if self._end is None:
            self._transport.resumeProducing()

    def stopProducing(self) -> None:
        """Nothing to do: `carry` learns that the WebSocket is closed."""

    # A `Forward` calls these.

    def select_subprotocol(self, offered: list[str]) -> str | None:
        """Return the best of the subprotocols that a client offers; None for none."""
        return next((each for each in SUBPROTOCOLS if each in offered), None)

    def drop(self) -> None:
        """Abort the connection, if there is one: nobody needs it."""
        self.ready.addErrback(lambda _: None)
        if self.transport is not None:
            abort(self._transport)

    async def carry(self, ws: WebSocketProtocol, recorder: Recorder | None) -> None:
        """Carry bytes both ways until the WebSocket is closed, and all its bytes were written.

        Args:
            ws: the open WebSocket.
            recorder: records the messages; None to record nothing.
        """
        self._join(ws, recorder)
        await self._carry_inward(ws, recorder)
        await ws.wait_closed()

    async def leave(self) -> None:
        """Close the connection to the target when it has got all bytes."""
        if self._gone.called:
            return
        # A socket that is closed before all was read resets the connection. That would destroy
        # bytes that the target hasn't read yet.
        self._send = _ignore
        self.resumeProducing()
        self._check_later(self._progress())
        self._outbox.end(self._finish)
        await self._gone

    def _join(self, ws: WebSocketProtocol, recorder: Recorder | None) -> None:
        self._ws = ws
        self._codec = codec_for(ws.subprotocol, text=False)
        self._send = ws.sendMessage if recorder is None else recorder.tap(ws)
        early, self._early = self._early, []
        for data in early:
            self.dataReceived(data)
        if self._end is not None:
            ws.close(*self._end)
            return
        self.resumeProducing()
        if isinstance(self._outbox, WriteThrough):
            self._hurry(ws, self._outbox, recorder)
        ws.registerProducer(self)

    def _hurry(
        self, ws: WebSocketProtocol, outbox: WriteThrough, recorder: Recorder | None
    ) -> None:
        """Take the short ways between the sockets that are there for both."""
        sharing = ws.factory.epoll_sharing
        if sharing is not None:
            sharing.accompany(self._transport, ws.transport)
            outbox.find_readers()
        if recorder is None and type(self._codec) is Binary and goes_as_it_is(ws):
            self._reader = InPlace(self._transport, ws, self.dataReceived)

    async def _carry_inward(self, ws: WebSocketProtocol, recorder: Recorder | None) -> None:
        outbox = self._outbox
        # A connection that is closed, here or there, ends this.
        with suppress(ConnectionClosed, ConnectionLost):
            while True:
                messages = await next_batch(ws)
                if self._gone.called:
                    # Nothing would ever make room for them.
                    return
                if recorder is not None:
                    recorder.record(messages, from_client=True)
                wrong = write_batch(outbox, messages, self._codec)
                if wrong is not None:
                    ws.close(*wrong)
                    return
                if not outbox.ready:
                    await outbox.drained()

    def _target_ends(self, *, lost: bool) -> None:
        if self._end is None:
            self._end = _LOST if lost else (CloseCode.NORMAL_CLOSURE, "")
            if self._ws is not None:
                self._ws.close(*self._end)

    def _finish(self) -> None:
        """Close the transport, for writing only if the target hasn't ended its side."""
        self._finished = True
        if self._end is None:
            close_softly(self._transport)
        else:
            self._transport.loseConnection()

    def _check_later(self, before: Progress, extended: bool = False) -> None:
        self._check = self._clock.callLater(self._patience, self._give_up, before, extended)

    def _give_up(self, before: Progress, extended: bool) -> None:
        """Give up a target that doesn't read; a slow reader shows no progress for long, too."""
        now = self._progress()
        if now.unsent and now.since(before):
            self._check_later(now)
        elif now.blocked and not extended:
            self._check_later(now, extended=True)
        elif now.unsent or self._left:
            abort(self._transport)
        else:
            # The target leaves its side open. Not every transport tells what it hasn't sent.
            self._left = True
            self._check_later(now)
            let_go(self._transport)

    def _progress(self) -> Progress:
        return progress_of(self._transport, self._outbox)

    @property
    def _transport(self) -> Any:
        return cast(Any, self.transport)


def _was_reset(transport: Any) -> bool:
    """Tell whether a connection whose reading has ended was reset, not closed.

    If a write was the first to learn of the reset, a read finds nothing but the end.
    """
    below = socket_of(transport)
    if below is None:
        return False
    try:
        below.socket.getpeername()
    except OSError:
        return True
    return False


def _ignore(message: str | bytes) -> None:
    pass
