"""A stream of bytes over a WebSocket: the transport of a protocol that reads and writes bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from OpenSSL.crypto import X509
from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IProducer,
    IPullProducer,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._connection.handle import driver_of
from txws2._connection.protocol import WebSocketProtocol
from txws2._transport.capabilities import abort
from txws2.streams.codecs import AsWritten, Base64, Codec, Text
from txws2.streams.pull_producer import PullToPush
from txws2.wire.connection import State

__all__ = ["ByteStream", "TCPByteStream", "TLSByteStream"]


@implementer(ITransport, IConsumer, IPushProducer)
class ByteStream:
    """The transport of a wrapped protocol.

    Args:
        websocket: the connection that carries the stream.
        transport: the transport of that connection.
        codec: puts the bytes of the stream into messages, and takes them out.

    Attributes:
        websocket: the same connection; it has the request, the subprotocol and the close code.
        codec: the same codec.
        connected: True until the protocol was told that the connection is lost.
        disconnecting: True after loseConnection, abortConnection or invalid Base64.
        aborted: True if the protocol has called abortConnection.
    """

    connected = True
    disconnecting = aborted = False

    # True after loseConnection and its like: from then on, only the producer may write.
    _ended = False
    _producer: IPushProducer | None = None
    # The call that resumes reading in the next turn of the reactor.
    _resumption: IDelayedCall | None = None

    def __init__(self, websocket: WebSocketProtocol, transport: ITransport, codec: Codec) -> None:
        self.websocket = websocket
        self.codec = codec
        self._transport = transport

    # Writing.

    def write(self, data: bytes) -> None:
        """Send bytes, in one message, or in several if there are many."""
        if self._ended and self._producer is None:
            return
        try:
            for message in self.codec.messages(data):
                self.websocket.sendMessage(message)
        except ValueError:
            self._fail(Failure())

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send these bytes one after the other, as one write."""
        self.write(b"".join(iovec))

    def loseConnection(self) -> None:
        """Send all that was written, then a close frame with 1000.

        As over TCP, the close frame waits until a pull producer is unregistered, and as long as a
        push producer is paused. Nothing more is received.
        """
        self.disconnecting = True
        self.loseWriteConnection()

    def loseWriteConnection(self) -> None:
        """Send all that was written, then a close frame with 1000.

        The peer answers a close frame with its own at once, so a protocol that expects an answer
        mustn't call this. Everything that the peer sent before is received, unless receiving is
        paused.
        """
        if not self._ended:
            self._ended = True
            self._end_unless_pulling()

    def abortConnection(self) -> None:
        """End the connection at once, without sending the rest or a close frame."""
        if self.connected:
            self.disconnecting = self.aborted = self._ended = True
            abort(self._transport)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Register a producer; it is paused while more than write_limit bytes wait to be sent.

        Raises:
            RuntimeError: another producer is registered.
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
            pushing = PullToPush(pulled, websocket.factory.clock, self._fail)
            pushing.resumeProducing()
        self._producer = pushing
        websocket.registerProducer(pushing)

    def unregisterProducer(self) -> None:
        """Unregister the producer; close if `loseConnection` was waiting for that."""
        producer, self._producer = self._producer, None
        self.websocket.unregisterProducer()
        if isinstance(producer, PullToPush):
            producer.pauseProducing()
            if self._ended:
                self._end_unless_pulling()

    def _end_unless_pulling(self) -> None:
        if isinstance(self._producer, PullToPush):
            return
        try:
            self.codec.end()
        except ValueError:
            self._fail(Failure())
        else:
            self._finish()

    def _finish(self) -> None:
        """Close with 1000 as soon as no more than write_limit bytes wait to be sent.

        As over TCP, bytes that wait for a slow peer are sent as long as it reads.
        """
        driver = driver_of(self.websocket)
        drained = driver.outbox.drained()
        if drained.called:
            driver.start_closing()
        else:
            # A producer that was paused until now gets one turn of the reactor to write more.
            clock = self.websocket.factory.clock
            drained.addCallbacks(lambda _: clock.callLater(0, self._finish), lambda _: None)

    def _fail(self, failure: Failure) -> None:
        """Log an exception of the protocol or its producer, and close with 1011."""
        driver_of(self.websocket).application_failed(failure)

    # Reading.

    def pauseProducing(self) -> None:
        """Receive nothing, and read nothing from the socket, until `resumeProducing`."""
        self._cancel_resumption()
        self.websocket.pauseProducing()

    def resumeProducing(self) -> None:
        """Receive the bytes that waited, and read from the socket again."""
        # A protocol doesn't expect data before this call has returned.
        if self._resumption is None and self.websocket.state is not State.CLOSED:
            clock = self.websocket.factory.clock
            self._resumption = clock.callLater(0, self._resume)

    def stopProducing(self) -> None:
        """Call `loseConnection`."""
        self.loseConnection()

    def lost(self) -> None:
        """Forget the producer and the timer: the connection has ended."""
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

    # Information about the connection.

    @property
    def disconnected(self) -> bool:
        """True if the connection has ended."""
        return not self.connected

    @property
    def reactor(self) -> Any:
        """The reactor that the connection runs on."""
        return self.websocket.factory.reactor

    def getHandle(self) -> Any:
        """Return the socket, or over TLS the connection of pyOpenSSL, to read and set options.

        Raises:
            AttributeError: the transport of the WebSocket has no handle.
        """
        return cast(Any, self._transport).getHandle()

    def getPeer(self) -> Any:
        """Return the address of the peer."""
        return self._transport.getPeer()

    def getHost(self) -> Any:
        """Return the address of this end."""
        return self._transport.getHost()

    # Programs that were written for txWS use these names.

    @property
    def location(self) -> str:
        """The path and the query of the request."""
        return self.websocket.request.path

    def setBinaryMode(self, mode: bool) -> None:
        """Choose the messages that carry the stream.

        Args:
            mode: True to make each write one message: a binary message for bytes, a text message
                for a str. False to send text messages only. With Base64, neither value changes
                anything.
        """
        if not isinstance(self.codec, Base64):
            self.codec = AsWritten() if mode else Text()


@implementer(ITCPTransport)
class TCPByteStream(ByteStream):
    """A ByteStream over TCP, with the options of TCP."""

    _transport: ITCPTransport

    def getTcpNoDelay(self) -> bool:
        """Return True if small packets leave at once; by default they do."""
        return self._transport.getTcpNoDelay()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Set True to send small packets at once."""
        self._transport.setTcpNoDelay(enabled)

    def getTcpKeepAlive(self) -> bool:
        """Return True if TCP keepalive is on."""
        return self._transport.getTcpKeepAlive()

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Switch TCP keepalive on or off."""
        self._transport.setTcpKeepAlive(enabled)


@implementer(ISSLTransport)
class TLSByteStream(TCPByteStream):
    """A ByteStream over TLS, with the peer's certificate."""

    _transport: ISSLTransport

    def getPeerCertificate(self) -> X509 | None:
        """Return the certificate of the peer; None if it has shown none."""
        return cast("X509 | None", self._transport.getPeerCertificate())
