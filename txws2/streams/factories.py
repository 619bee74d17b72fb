"""The factories of both ends of a connection that carries a stream."""

from __future__ import annotations

from inspect import isclass
from typing import Any, Unpack, cast

from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.internet.protocol import Factory

from txws2._checks.options import check_options
from txws2.client.protocol import RequestOptions, WebSocketClientFactory, WebSocketClientProtocol
from txws2.exceptions import InvalidPath
from txws2.server.factory import FactoryOptions, WebSocketServerFactory, WebSocketServerProtocol
from txws2.streams.carrier import Carrier
from txws2.wire.closing import CloseCode
from txws2.wire.handshake.extra_fields import HeadersLike
from txws2.wire.http.heads import Request

__all__ = ["CarrierClient", "CarrierClientFactory", "CarrierServer", "WebSocketFactory"]

# Old clients offer these subprotocols to choose between binary messages and Base64.
_SUBPROTOCOLS = ("binary", "base64")


class _Wrapping(Factory):
    """Starts and stops with another factory, whose protocols it wraps."""

    wrappedFactory: IProtocolFactory

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make the carrier of a protocol for this address."""
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

    def connectionOpened(self) -> None:
        """Make the wrapped protocol."""
        factory = self.factory
        if self.wrap(factory.wrappedFactory, text=factory.text) is None:
            # A factory that returns no protocol has enough connections.
            self.close(CloseCode.TRY_AGAIN_LATER)


def check_wrapped(factory: object) -> None:
    """Check that a factory can be wrapped.

    Raises:
        TypeError: it isn't a factory, or its protocols speak WebSocket themselves.
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
            "already; give it to an endpoint that listens or connects"
        )


class WebSocketFactory(_Wrapping, WebSocketServerFactory):
    """Serves the protocols of another factory over WebSocket.

    The protocols run unchanged: the bytes that they write leave in messages, and they receive the
    bytes of the messages that come. A program that was written for txWS needs another import, and
    no other change.

    Args:
        wrappedFactory: makes the protocols, one for each connection when it is open. If it
            returns None, the connection is closed with 1013.
        path: the path that clients must request, as "/amp"; other requests are answered with
            404. None for any path.
        text: True to send text messages, as programs written for txWS expect; the protocols must
            write UTF-8 then, or the connection is closed with 1011. False to send binary
            messages, which carry any bytes.
        reactor: the reactor to run on; None for the global one.
        **options: the options of `WebSocketServerFactory` and `ConnectionFactory`. compression is
            None unless it is given, because many streams are compressed or encrypted already.
            subprotocols are "binary" and "base64" unless subprotocols or select_subprotocol is
            given. With one of these two, messages are sent in that form, for any value of text.
            The danger of the default of origins is the same as in `WebSocketServerFactory`.

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

    def _judge(self, request: Request) -> None:
        """Make sure that a request may open a connection: it must ask for the path, too.

        Raises:
            InvalidHandshake: the request may not open a connection.
        """
        super()._judge(request)
        asked = request.path.partition("?")[0]
        if self.path is not None and self.path != asked:
            raise InvalidPath(asked)


class CarrierClient(Carrier, WebSocketClientProtocol):
    """The client's end of a connection that carries a stream."""


class CarrierClientFactory(_Wrapping, WebSocketClientFactory):
    """Makes the client's end of one connection; an endpoint then wraps the protocol.

    Args:
        wrappedFactory: the factory that is started and stopped with this one.
        uri: the ws or wss URI.
        reactor: the reactor to run on; None for the global one.
        **options: the options of `WebSocketClientFactory` and `ConnectionFactory`. compression is
            None unless it is given.
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
