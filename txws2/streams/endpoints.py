"""Endpoints over WebSocket, for any protocol of Twisted."""

from __future__ import annotations

from functools import partial
from typing import Any, Unpack, cast

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import NoProtocol
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory
from zope.interface import implementer

from txws2._checks.kinds import check_reactor
from txws2._checks.options import check_options
from txws2._connection.remedies import Spelling
from txws2.client.connections import open_target
from txws2.client.dialer import DialOptions
from txws2.client.protocol import RequestOptions
from txws2.client.target import HeadersSource, Make, Target, URISource
from txws2.server.factory import FactoryOptions
from txws2.server.listeners import check_place
from txws2.streams.factories import CarrierClient, CarrierClientFactory, WebSocketFactory
from txws2.wire.closing import CloseCode

__all__ = ["ClientEndpointOptions", "WebSocketClientEndpoint", "WebSocketServerEndpoint"]


@implementer(IStreamServerEndpoint)
class WebSocketServerEndpoint:
    """Listens on another endpoint, and serves protocols of a factory over WebSocket.

    Args:
        endpoint: the endpoint to listen on: TCP, TLS, a Unix socket or any other stream.
        path: the path that clients must request; other requests are answered with 404. None for
            any path.
        text: True to send text messages instead of binary ones; the protocol must write UTF-8
            then.
        reactor: the reactor to run on; None for the global one.
        **options: the options of `WebSocketFactory`, which explains all of these.

    Raises:
        ValueError: the path doesn't begin with a slash, or an option is out of range.
    """

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        *,
        path: str | None = None,
        text: bool = False,
        reactor: Any = None,
        **options: Unpack[FactoryOptions],
    ) -> None:
        def wrap(factory: IProtocolFactory) -> WebSocketFactory:
            return WebSocketFactory(factory, path=path, text=text, reactor=reactor, **options)

        # A mistake in the options is raised here, where the application makes it.
        check_options(type(self), options, FactoryOptions.__optional_keys__)
        check_place(type(self).__name__, None, None, endpoint)
        wrap(Factory())
        self._endpoint = endpoint
        self._wrap = wrap
        # Warnings name options in this spelling.
        self._spelling = Spelling()

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen, and serve the protocols of this factory."""
        return maybeDeferred(self._listen, protocolFactory)

    def _listen(self, protocolFactory: IProtocolFactory) -> Any:
        factory = self._wrap(protocolFactory)
        factory._warnings.spelling = self._spelling
        return self._endpoint.listen(factory)


class ClientEndpointOptions(RequestOptions, DialOptions, total=False):
    """The options of a `WebSocketClientEndpoint`."""

    additional_headers: HeadersSource


@implementer(IStreamClientEndpoint)
class WebSocketClientEndpoint:
    """Connects to a URI, and runs a protocol of a factory over WebSocket.

    Args:
        reactor: the reactor to run on.
        uri: the ws or wss URI, or a function that returns it for each attempt, as for
            `txws2.connect`.
        text: True to send text messages instead of binary ones; the protocol must write UTF-8
            then.
        **options: the options of `txws2.connect`, except create_protocol; compression is None
            unless it is given. If "base64" or "binary" is among the subprotocols and the server
            chooses it, messages are sent in that form.

    Raises:
        Exception: the same as `txws2.connect`.
    """

    def __init__(
        self,
        reactor: Any,
        uri: URISource,
        *,
        text: bool = False,
        **options: Unpack[ClientEndpointOptions],
    ) -> None:
        def make_for(factory: IProtocolFactory) -> Make:
            return partial(CarrierClientFactory, factory, reactor=reactor)

        # A mistake in the options is raised here, where the application makes it.
        check_options(type(self), options, ClientEndpointOptions.__optional_keys__)
        check_reactor(reactor)
        self._target = target = Target(uri, options, make_for(Factory()))
        if not callable(uri):
            target.dialer.endpoint_for(target.factory)
        self._text = text
        self._make_for = make_for

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect a protocol of this factory.

        Returns:
            A Deferred of the protocol; it can be cancelled. It always fires or fails. It fails
            with the exceptions of `txws2.connect`, with NoProtocol if the factory makes no
            protocol, or with an exception of the factory or its protocol.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, protocolFactory: IProtocolFactory) -> IProtocol:
        make = self._make_for(protocolFactory)
        carrier = cast(CarrierClient, await open_target(self._target, make))
        try:
            # Messages that have already arrived are delivered after this, and need the protocol.
            protocol = carrier.wrap(protocolFactory, text=self._text)
            if protocol is None:
                raise NoProtocol
        except BaseException:
            carrier.close(CloseCode.INTERNAL_ERROR)
            raise
        return protocol
