"""A stream of bytes over a WebSocket: the transport of a protocol that knows of no messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from OpenSSL.crypto import X509
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IDelayedCall,
    IProducer,
    IProtocol,
    IProtocolFactory,
    IPullProducer,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._connection.protocol import WebSocketProtocol
from txws2._transport.capabilities import abort, has_unsent, socket_of
from txws2.exceptions import ConnectionClosed, ConnectionClosedOK
from txws2.streams.codecs import AsWritten, Base64, Codec, Text, codec_for
from txws2.streams.pull_producer import Pulling
from txws2.wire.closing import CloseCode, is_ok
from txws2.wire.connection import State

__all__ = ["ByteStream", "Carrier", "TCPByteStream", "TLSByteStream"]


class Carrier(WebSocketProtocol):
    """Carries the stream of a wrapped protocol in its messages.

    Attributes:
        peer: the address that it was made for.
    """

    peer: IAddress

    _wrapped: IProtocol | None = None
    _stream: ByteStream | None = None

    def wrap(self, factory: IProtocolFactory, *, text: bool) -> IProtocol | None:
        """Connect a protocol to the other side; this connection is open.

        Args:
            factory: makes the protocol, which gets a `ByteStream` for its transport.
            text: whether to send text messages; the subprotocol has precedence.

        Returns:
            The protocol; None if the factory makes none.
        """
        protocol: IProtocol | None = factory.buildProtocol(self.peer)
        if protocol is None:
            return None
        transport = self._transport
        if ISSLTransport.providedBy(transport):
            kind: type[ByteStream] = TLSByteStream
        elif ITCPTransport.providedBy(transport):
            kind = TCPByteStream
        else:
            kind = ByteStream
        self._stream = kind(self, transport, codec_for(self.subprotocol, text=text))
        self._wrapped = protocol
        protocol.makeConnection(self._stream)
        return protocol

    def messageReceived(self, message: str | bytes) -> None:
        """Give the protocol what the message carries."""
        stream, wrapped = self._stream, self._wrapped
        # As a TCP transport has it, a protocol that hangs up hears nothing more.
        if stream is None or wrapped is None or stream.disconnecting:
            return
        try:
            data = stream.codec.data(message)
        except ValueError:
            self.close(CloseCode.INVALID_DATA, "invalid Base64")
            stream.disconnecting = True
        else:
            wrapped.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the protocol the end, as the one of a TCP connection."""
        stream, wrapped = self._stream, self._wrapped
        if stream is None or wrapped is None:
            return
        stream.lost()
        # They know each other; now they needn't any more.
        self._wrapped = None
        wrapped.connectionLost(Failure(self._as_of_tcp(stream, reason)))

    def _as_of_tcp(self, stream: ByteStream, lost: Failure) -> Exception:
        """Return what a TCP connection would end with; what it was is the cause."""
        closed = lost.value
        assert isinstance(closed, ConnectionClosed)
        aborted = isinstance(closed.__cause__, ConnectionAborted)
        reason: Exception
        if stream.aborted or (aborted and closed.sent is None):
            reason = ConnectionAborted()
        elif isinstance(closed, ConnectionClosedOK):
            reason = ConnectionDone()
        elif _hung_up(closed) and not aborted and self._has_left():
            # Over TCP, too, what the other end makes of it then is nothing that one hears of.
            reason = ConnectionDone()
        else:
            reason = ConnectionLost(str(closed))
        reason.__cause__ = closed
        return reason

    def _has_left(self) -> bool:
        """Tell whether the system had taken all that was sent, the close frame among it."""
        below = socket_of(self._transport)
        return not (self._outbox.waiting or (below is not None and has_unsent(below)))

    def finish(self) -> None:
        """Close with 1000 as soon as no more than write_limit bytes wait to be sent.

        What waits for a slow peer is sent as long as that reads, as over TCP.
        """
        drained = self._outbox.drained()
        if drained.called:
            self._start_closing()
        else:
            # A producer that was paused until now has a turn to go on.
            clock = self.factory.clock
            drained.addCallbacks(lambda _: clock.callLater(0, self.finish), lambda _: None)

    def fail(self, failure: Failure) -> None:
        """Log what the protocol, or its producer, did wrong, and close with 1011."""
        self._application_failed(failure)


def _hung_up(closed: ConnectionClosed) -> bool:
    """Tell whether this end began to close, without meaning trouble."""
    return closed.sent is not None and is_ok(closed.sent.code) and not closed.rcvd_then_sent


@implementer(ITransport, IConsumer, IPushProducer)
class ByteStream:
    """What a wrapped protocol has for its transport.

    Args:
        websocket: the connection that carries it.
        transport: the transport of that.
        codec: how it is carried.

    Attributes:
        websocket: as above; it has the request, the subprotocol and the close code.
        codec: as above.
        connected: whether there is a connection; False once the protocol was told of its end.
        disconnecting: whether the protocol has hung up.
        aborted: whether it has done so with abortConnection.
    """

    connected = True
    disconnecting = aborted = False

    # Whether nothing more is to be written but by the producer.
    _ended = False
    _producer: IPushProducer | None = None
    # The turn of the reactor in which reading goes on.
    _resumption: IDelayedCall | None = None

    def __init__(self, websocket: Carrier, transport: ITransport, codec: Codec) -> None:
        self.websocket = websocket
        self.codec = codec
        self._transport = transport

    # Writing.

    def write(self, data: bytes) -> None:
        """Send bytes; those that are written at once are one message, unless they are many."""
        if self._ended and self._producer is None:
            return
        try:
            for message in self.codec.messages(data):
                self.websocket.sendMessage(message)
        except ValueError:
            self.websocket.fail(Failure())

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send these bytes one after the other, as if they were written at once."""
        self.write(b"".join(iovec))

    def loseConnection(self) -> None:
        """Send all that was written, then a close frame with 1000.

        That waits, as over TCP, for a pull producer until it is unregistered, and for a push
        producer as long as it is paused. Nothing more is received.
        """
        self.disconnecting = True
        self.loseWriteConnection()

    def loseWriteConnection(self) -> None:
        """Send all that was written, then a close frame with 1000.

        A WebSocket that one side has closed is closed by the other at once, so this isn't for
        protocols that go on to answer. What the peer sent until then is received, unless
        receiving is paused.
        """
        if not self._ended:
            self._ended = True
            self._end_unless_pulling()

    def abortConnection(self) -> None:
        """End the connection at once: neither what was written is sent nor a close frame."""
        if self.connected:
            self.disconnecting = self.aborted = self._ended = True
            abort(self._transport)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Have a producer paused while more than write_limit bytes wait to be sent.

        Raises:
            RuntimeError: another is registered.
        """
        if self._producer is not None:
            raise RuntimeError(f"{self._producer} is registered, and wasn't unregistered")
        websocket = self.websocket
        if websocket.state is State.CLOSED:
            producer.stopProducing()
            return
        if streaming:
            pushing = cast(IPushProducer, producer)
        else:
            pulled = cast(IPullProducer, producer)
            pushing = Pulling(pulled, websocket.factory.clock, websocket.fail)
            pushing.resumeProducing()
        self._producer = pushing
        websocket.registerProducer(pushing)

    def unregisterProducer(self) -> None:
        """Let the producer be that is registered; close if the protocol waited for that."""
        producer, self._producer = self._producer, None
        self.websocket.unregisterProducer()
        if isinstance(producer, Pulling):
            producer.pauseProducing()
            if self._ended:
                self._end_unless_pulling()

    def _end_unless_pulling(self) -> None:
        if isinstance(self._producer, Pulling):
            return
        try:
            self.codec.end()
        except ValueError:
            self.websocket.fail(Failure())
        else:
            self.websocket.finish()

    # Reading.

    def pauseProducing(self) -> None:
        """Receive nothing, and read nothing from the socket, until `resumeProducing`."""
        self._cancel_resumption()
        self.websocket.pauseProducing()

    def resumeProducing(self) -> None:
        """Receive what has waited, and read again."""
        # A protocol doesn't expect data before this has returned.
        if self._resumption is None and self.websocket.state is not State.CLOSED:
            clock = self.websocket.factory.clock
            self._resumption = clock.callLater(0, self._resume)

    def stopProducing(self) -> None:
        """Hang up."""
        self.loseConnection()

    def lost(self) -> None:
        """Let go: the connection is gone."""
        self.connected = False
        self._producer = None
        self._cancel_resumption()

    def _resume(self) -> None:
        self._resumption = None
        self.websocket.resumeProducing()

    def _cancel_resumption(self) -> None:
        if self._resumption is not None:
            self._resumption.cancel()
            self._resumption = None

    # What is known of it.

    @property
    def disconnected(self) -> bool:
        """Whether there was a connection, and is none any more."""
        return not self.connected

    @property
    def reactor(self) -> Any:
        """The reactor that the connection runs on."""
        return self.websocket.factory.reactor

    def getHandle(self) -> Any:
        """Return the socket, or over TLS the connection of pyOpenSSL, to ask and to set options.

        Raises:
            AttributeError: the transport below has none.
        """
        return cast(Any, self._transport).getHandle()

    def getPeer(self) -> Any:
        """Return the address of the other end."""
        return self._transport.getPeer()

    def getHost(self) -> Any:
        """Return the address of this end."""
        return self._transport.getHost()

    # Under these names, programs that were written for txWS look for them.

    @property
    def location(self) -> str:
        """Path and query that the client has asked for."""
        return self.websocket.request.path

    def setBinaryMode(self, mode: bool) -> None:
        """Make each write one message: a binary one of bytes, a text of a str.

        Args:
            mode: False to send text messages only. With Base64, either changes nothing.
        """
        if not isinstance(self.codec, Base64):
            self.codec = AsWritten() if mode else Text()


@implementer(ITCPTransport)
class TCPByteStream(ByteStream):
    """The same over TCP."""

    _transport: ITCPTransport

    def getTcpNoDelay(self) -> bool:
        """Tell whether small packets leave at once; they do, unless this was changed."""
        return self._transport.getTcpNoDelay()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Set whether small packets leave at once."""
        self._transport.setTcpNoDelay(enabled)

    def getTcpKeepAlive(self) -> bool:
        """Tell whether TCP finds out by itself that the other end is gone."""
        return self._transport.getTcpKeepAlive()

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Set whether TCP finds out by itself that the other end is gone."""
        self._transport.setTcpKeepAlive(enabled)


@implementer(ISSLTransport)
class TLSByteStream(TCPByteStream):
    """The same over TLS."""

    _transport: ISSLTransport

    def getPeerCertificate(self) -> X509 | None:
        """Return the certificate of the other end, if it has shown one."""
        return cast("X509 | None", self._transport.getPeerCertificate())
