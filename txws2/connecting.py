"""`connect`: a client's connection, from a URI to the open WebSocket, within one deadline."""

from __future__ import annotations

from typing import Any, Unpack, cast

import idna
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure

from txws2.client import ClientOptions, WebSocketClientFactory, WebSocketClientProtocol
from txws2.exceptions import InvalidURI, OpeningTimeout
from txws2.opening import Opening

__all__ = ["connect", "endpoint_of", "open_connection"]


def connect(
    uri: str,
    *,
    tls: IOpenSSLClientConnectionCreator | None = None,
    reactor: Any = None,
    **options: Unpack[ClientOptions],
) -> Opening[WebSocketClientProtocol]:
    """Connect to a WebSocket server.

    Args:
        uri: the ws or wss URI. Its host may have IPv4 and IPv6 addresses; the first that
            answers is used.
        tls: for wss, what makes the TLS connection, as `optionsForClientTLS` returns it. By
            default the certificate must be valid for the host, and signed by an authority that
            this machine trusts.
        reactor: the reactor to run on; None for the global one.
        **options: those of `WebSocketClientFactory` and `ConnectionFactory`. open_timeout
            spans all of it: name, TCP, TLS and handshake.

    Returns:
        A Deferred of the open connection, also an asynchronous context manager; it can be
        cancelled. It always fires, or fails: with OpeningTimeout, with InvalidHandshake (an
        answer other than 101 is InvalidStatus, with the response), or with Twisted's DNS and
        connection errors.

    Raises:
        InvalidURI: it isn't a WebSocket URI.
        InvalidHandshake: something to be sent can't be put in a request.
    """
    factory = WebSocketClientFactory(uri, reactor=reactor, **options)
    return open_connection(factory, endpoint_of(uri, factory, tls))


def open_connection(
    factory: WebSocketClientFactory, endpoint: IStreamClientEndpoint
) -> Opening[WebSocketClientProtocol]:
    """Connect through an endpoint.

    Args:
        factory: makes this connection and no other. Its open_timeout spans all of it.
        endpoint: where to connect to.

    Returns:
        As `connect`.
    """
    attempt = Deferred.fromCoroutine(_open(factory, endpoint))
    _limit(attempt, factory)
    return Opening.of(attempt)


async def _open(
    factory: WebSocketClientFactory, endpoint: IStreamClientEndpoint
) -> WebSocketClientProtocol:
    protocol = cast(WebSocketClientProtocol, await endpoint.connect(factory))
    try:
        return await protocol.wait_opened()
    except BaseException:
        # Cancelled: whoever wanted the connection doesn't want it any more.
        protocol.close()
        raise


def _limit(attempt: Deferred[WebSocketClientProtocol], factory: WebSocketClientFactory) -> None:
    """Let the attempt take open_timeout at most."""
    if factory.open_timeout is None:
        return
    timed_out = False

    def give_up() -> None:
        nonlocal timed_out
        timed_out = True
        for protocol in list(factory.connections):
            protocol.hang_up(OpeningTimeout())
        attempt.cancel()

    def done(result: Any) -> Any:
        if deadline.active():
            deadline.cancel()
        if timed_out and isinstance(result, Failure):
            raise OpeningTimeout from result.value
        return result

    deadline = factory.clock.callLater(factory.open_timeout, give_up)
    attempt.addBoth(done)


def endpoint_of(
    text: str,
    factory: WebSocketClientFactory,
    tls: IOpenSSLClientConnectionCreator | None,
    endpoint: IStreamClientEndpoint | None = None,
) -> IStreamClientEndpoint:
    """Return the endpoint that a URI stands for, with TLS if it is wss.

    Args:
        text: the URI, for what is said of it.
        factory: knows the URI, and when to give up.
        tls: as for `connect`.
        endpoint: where to connect to instead of the URI's host and port.

    Raises:
        InvalidURI: its host can't be looked up.
    """
    uri = factory.uri
    if endpoint is None:
        _check_name(text, uri.host)
        endpoint = HostnameEndpoint(
            factory.reactor, uri.host, uri.port, timeout=factory.open_timeout or 1e9
        )
    if uri.secure:
        creator = tls or optionsForClientTLS(uri.host)
        endpoint = wrapClientTLS(creator, endpoint)
    return endpoint


def _check_name(text: str, host: str) -> None:
    """Make sure that it can be looked up: Twisted does that for names of the internet only."""
    if isIPAddress(host) or isIPv6Address(host):
        return
    try:
        idna.encode(host)
    except idna.IDNAError as exc:
        raise InvalidURI(text, f"{host!r} can't be looked up: {exc}") from exc
