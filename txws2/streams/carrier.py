"""The WebSocket side of a wrapped protocol: messages become bytes, and a close frame its end."""

from __future__ import annotations

from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    ISSLTransport,
    ITCPTransport,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txws2._connection.handle import driver_of
from txws2._connection.protocol import WebSocketProtocol
from txws2._transport.capabilities import has_unsent, socket_of
from txws2.exceptions import ConnectionClosed
from txws2.streams.byte_stream import ByteStream, TCPByteStream, TLSByteStream
from txws2.streams.codecs import codec_for
from txws2.streams.tcp_reasons import tcp_reason
from txws2.wire.closing import CloseCode

__all__ = ["Carrier"]


class Carrier(WebSocketProtocol):
    """Carries the stream of a wrapped protocol in its messages.

    Attributes:
        peer: the address for which the factory made this protocol.
    """

    peer: IAddress

    _wrapped: IProtocol | None = None
    _stream: ByteStream | None = None

    def wrap(self, factory: IProtocolFactory, *, text: bool) -> IProtocol | None:
        """Make a protocol, and connect it to the stream; the WebSocket must be open.

        Args:
            factory: makes the protocol, which gets a `ByteStream` as its transport.
            text: True to send text messages; the subprotocols "base64" and "binary" decide alone.

        Returns:
            The protocol; None if the factory makes none.
        """
        protocol: IProtocol | None = factory.buildProtocol(self.peer)
        if protocol is None:
            return None
        transport = driver_of(self).transport
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
        """Give the bytes of the message to the protocol."""
        stream, wrapped = self._stream, self._wrapped
        # As over TCP, a protocol receives nothing more after loseConnection.
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
        """Tell the protocol that the connection is lost, with the exception that TCP would give."""
        stream, wrapped = self._stream, self._wrapped
        if stream is None or wrapped is None:
            return
        stream.lost()
        # This breaks the reference cycle with the protocol.
        self._wrapped = None
        closed = reason.value
        assert isinstance(closed, ConnectionClosed)
        wrapped.connectionLost(Failure(tcp_reason(closed, stream.aborted, self._all_sent)))

    def _all_sent(self) -> bool:
        """Return True if the system has taken everything that was sent."""
        driver = driver_of(self)
        below = socket_of(driver.transport)
        return not (driver.outbox.waiting or (below is not None and has_unsent(below)))
