"""Any protocol over WebSocket: what makes the two ends of such a connection."""

from __future__ import annotations

from inspect import isclass
from typing import Any, Unpack, cast

from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.internet.protocol import Factory

from txws2._checks.options import check_options
from txws2.client.protocol import RequestOptions, WebSocketClientFactory, WebSocketClientProtocol
from txws2.exceptions import InvalidPath
from txws2.server.factory import FactoryOptions, WebSocketServerFactory, WebSocketServerProtocol
from txws2.streams.byte_stream import Carrier
from txws2.wire.closing import CloseCode
from txws2.wire.handshake.extra_fields import HeadersLike
from txws2.wire.http.heads import Request

__all__ = ["CarrierClient", "CarrierClientFactory", "CarrierServer", "WebSocketFactory"]

# What old clients offer who want to be sure of what they get.
_SUBPROTOCOLS = ("binary", "base64")


class _Wrapping(Factory):
    """Starts and stops with another factory, whose protocols it wraps."""

    wrappedFactory: IProtocolFactory

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make what carries a protocol for this address."""
        carrier = cast(Carrier, super().buildProtocol(addr))
        carrier.peer = cast(IAddress, addr)
        return carrier

    def doStart(self) -> None:
        """Start the other factory, too."""
        self.wrappedFactory.doStart()
        super().doStart()  # type: ignore[no-untyped-call]

    def doStop(self) -> None:
        """Stop the other factory, too."""
        self.wrappedFactory.doStop()
        super().doStop()  # type: ignore[no-untyped-call]


class CarrierServer(Carrier, WebSocketServerProtocol):
    """The server's end of a connection that carries a stream."""

    factory: WebSocketFactory

    def _judge(self, request: Request) -> None:
        super()._judge(request)
        path, asked = self.factory.path, request.path.partition("?")[0]
        if path is not None and path != asked:
            raise InvalidPath(asked)

    def connectionOpened(self) -> None:
        """Make the protocol that is wrapped."""
        factory = self.factory
        if self.wrap(factory.wrappedFactory, text=factory.text) is None:
            # So a factory says that it has enough connections.
            self.close(CloseCode.TRY_AGAIN_LATER)


def check_wrapped(factory: object) -> None:
    """Make sure that there is a factory to wrap.

    Raises:
        TypeError: it is something else, as a protocol.
    """
    if not hasattr(factory, "buildProtocol"):
        name = factory.__qualname__ if isclass(factory) else type(factory).__qualname__
        raise TypeError(
            "wrappedFactory must be a factory, as Factory.forProtocol(Echo) makes one; it is "
            f"{'the class' if isclass(factory) else 'an object of'} {name}"
        )
    if isinstance(factory, (WebSocketServerFactory, WebSocketClientFactory)):
        raise TypeError(
            "wrappedFactory must make protocols that speak in bytes; this one speaks WebSocket "
            "already: give it to what listens, or connects"
        )


class WebSocketFactory(_Wrapping, WebSocketServerFactory):
    """Serves the protocols of another factory over WebSocket.

    They run unchanged: the bytes that they write leave in messages, and of the messages that
    come they get the bytes. A program that was written for txWS needs another import, and
    nothing else.

    Args:
        wrappedFactory: makes the protocols, one for each connection when it is open. If it
            returns None, the connection is closed with 1013.
        path: the path that clients must ask for, as "/amp"; other requests are answered with
            404. None for any path.
        text: whether to send text messages, as programs written for txWS expect; what is
            written must be UTF-8 then, or the connection is closed with 1011. False for binary
            messages, which carry anything.
        reactor: the reactor to run on; None for the global one.
        **options: those of `WebSocketServerFactory` and `ConnectionFactory`. compression is None
            unless it is given: many a stream is compressed or encrypted. subprotocols are
            "binary" and "base64" unless they, or select_subprotocol, are given; those two also
            say how messages are sent, whatever text is. origins is as dangerous as ever when left
            alone.

    Raises:
        ValueError: the path doesn't begin with a slash, or an option is out of range.
    """

    def __init__(
        self,
        wrappedFactory: IProtocolFactory,
        *,
        path: str | None = None,
        text: bool = True,
        reactor: Any = None,
        **options: Unpack[FactoryOptions],
    ) -> None:
        check_options(type(self), options, FactoryOptions.__optional_keys__)
        check_wrapped(wrappedFactory)
        options.setdefault("compression", None)
        if options.get("select_subprotocol") is None:
            options.setdefault("subprotocols", _SUBPROTOCOLS)
        super().__init__(create_protocol=CarrierServer, reactor=reactor, **options)
        if path is not None and not path.startswith("/"):
            raise ValueError(f"path must begin with a slash, as '/amp'; it is {path!r}")
        self.wrappedFactory = wrappedFactory
        self.path = path
        self.text = text


class CarrierClient(Carrier, WebSocketClientProtocol):
    """The client's end of a connection that carries a stream."""


class CarrierClientFactory(_Wrapping, WebSocketClientFactory):
    """Makes the client's end of one connection; an endpoint then wraps the protocol.

    Args:
        wrappedFactory: is started and stopped with this one.
        uri: the ws or wss URI.
        reactor: the reactor to run on; None for the global one.
        **options: those of `WebSocketClientFactory` and `ConnectionFactory`. compression is None
            unless it is given.
    """

    def __init__(
        self,
        wrappedFactory: IProtocolFactory,
        uri: str,
        *,
        additional_headers: HeadersLike = (),
        reactor: Any = None,
        **options: Unpack[RequestOptions],
    ) -> None:
        options.setdefault("compression", None)
        super().__init__(
            uri,
            create_protocol=CarrierClient,
            additional_headers=additional_headers,
            reactor=reactor,
            **options,
        )
        self.wrappedFactory = wrappedFactory
