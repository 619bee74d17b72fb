"""`connect`: a client's connection, from a URI to the open WebSocket, within one deadline."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import isawaitable
from os import PathLike
from typing import Any, Never, Unpack, cast

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from typing_extensions import TypeVar

from txws2._checks.kinds import shown
from txws2._checks.options import check_options, shortened
from txws2._checks.threads import check_reactor_thread
from txws2._checks.unawaited import CONNECT, expect_reactor
from txws2._connection.closeable import Opening
from txws2._connection.factory import global_reactor
from txws2._connection.handle import driver_of
from txws2._connection.phases import OPEN
from txws2._deferreds.isolation import isolated
from txws2._deferreds.tasks import loop_runs
from txws2._time.backoff import Backoff
from txws2._time.deadlines import call_off
from txws2.client.dialer import Dialer, DialOptions
from txws2.client.protocol import RequestOptions, WebSocketClientFactory, WebSocketClientProtocol
from txws2.client.reconnection import Connecting
from txws2.client.retry_policy import ProcessException, check_retrying, process_exception
from txws2.client.target import HeadersSource, Make, Target, URISource
from txws2.exceptions import (
    ConcurrencyError,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    OpeningTimeout,
    RedirectError,
)
from txws2.wire.handshake.redirects import redirection

__all__ = ["ConnectOptions", "connect", "open_connection", "open_target", "unix_connect"]


C = TypeVar("C", bound=WebSocketClientProtocol, default=WebSocketClientProtocol)


class ConnectOptions(RequestOptions, DialOptions, total=False):
    """The options of `connect` that are those of other classes."""

    additional_headers: HeadersSource


_OPTIONS = ConnectOptions.__optional_keys__


def connect(
    uri: URISource,
    *more: Never,
    create_protocol: Callable[[], C] = WebSocketClientProtocol,  # type: ignore[assignment]
    process_exception: ProcessException = process_exception,
    backoff: Backoff = Backoff(),  # noqa: B008
    reactor: Any = None,
    **options: Unpack[ConnectOptions],
) -> Connecting[C]:
    """Connect to a WebSocket server, once or again and again.

    ``async with connect(...) as ws`` closes the connection on leaving. ``async for ws in
    connect(...)`` makes another one whenever it has ended: at once if it was a good one, and after
    a while, that grows, if it couldn't be made, or was thrown out soon.

    The server may send us elsewhere, ten times at most, and never from wss to ws. Authorization,
    Cookie and client certificates stay with the origin that they are for. Cookies that it sets
    then are sent with what is asked of the same origin, until the connection is open.

    Args:
        uri: the ws or wss URI. All addresses of its host are tried (RFC 8305); the first that
            answers is used. A user name and a password in it, percent-encoded, are sent as
            Basic (RFC 7617), and answer a 401 by Digest (RFC 7616). Or a function that returns
            the URI, a coroutine function for instance: it is called for each attempt, so that a
            token in it is a fresh one. An exception that it raises fails the attempt.
        *more: nothing: host and port are in the URI.
        create_protocol: makes the protocol: a subclass, or a functools.partial of one. To type
            checkers, it is such a protocol that the connection comes as.
        process_exception: for ``async for``, called with the exception of each attempt that has
            failed, and with the ConnectionClosed of a connection that the server has ended with a
            close code that says that something is wrong: it returns None to try again, or the
            exception to raise. By default `txws2.process_exception`; one that always returns None
            tries for ever, even with a wrong password. A mistake in the arguments is raised in any
            case.
        backoff: for ``async for``, how long to wait then, or after a connection that was used for
            less than `Backoff.good_after` seconds. If the server's response has a Retry-After,
            that is waited for, too, for an hour at most.
        reactor: the reactor to run on; None for the global one.
        **options: those of `Dialer`, `WebSocketClientFactory` and `ConnectionFactory`.
            additional_headers may be a function, as uri may. open_timeout spans all of it: these
            functions, name, TCP, proxy, TLS, handshake and redirects.

    Returns:
        A Deferred of the open connection, also an asynchronous context manager, and an
        asynchronous iterable of connections; it can be cancelled. It always fires, or fails:
        with InvalidHandshake (OpeningTimeout, InvalidStatus, SecurityError and ProxyError are
        such), or with Twisted's DNSLookupError and ConnectError. A mistake in the arguments fails
        it, too: InvalidURI, InvalidProxy, InvalidHandshake for what can't be put in a request,
        OSError for a file that can't be read, ValueError for an option that is out of range, or
        excluded by another.

    Raises:
        TypeError: an option is of the wrong kind, or there is no such option.
        ConcurrencyError: this isn't the reactor's thread.
    """
    if more:
        raise TypeError(
            "connect() takes one URI, and options by their names: connect('ws://localhost:8765/')"
        )
    make = partial(WebSocketClientFactory, create_protocol=create_protocol, reactor=reactor)
    try:
        check_options(connect, options, _OPTIONS)
        check_retrying(process_exception, backoff)
        target = Target(uri, options, make)
        check_reactor_thread(target.factory.reactor, "txws2.connect, uri")
        if target.asks:
            first = open_target(target, make)
        else:
            first = open_connection(target.factory, target.dialer)
    except ConcurrencyError:
        raise
    except TypeError as exc:
        raise shortened(exc)  # noqa: B904
    except Exception as exc:
        return Connecting.mistaken(exc, process_exception)

    def attempt() -> Deferred[C]:
        return cast("Deferred[C]", maybeDeferred(open_target, target, make))

    connecting = Connecting.repeated(
        cast("Opening[C]", first), attempt, target, process_exception, backoff
    )
    expect_reactor(reactor, lambda: not connecting.called, CONNECT)
    return connecting


def unix_connect(
    path: str,
    uri: URISource = "ws://localhost/",
    *,
    create_protocol: Callable[[], C] = WebSocketClientProtocol,  # type: ignore[assignment]
    process_exception: ProcessException = process_exception,
    backoff: Backoff = Backoff(),  # noqa: B008
    reactor: Any = None,
    **options: Unpack[ConnectOptions],
) -> Connecting[C]:
    """Connect to a WebSocket server on a Unix socket.

    Args:
        path: where the socket is.
        uri: what the server is asked for; with wss, TLS is spoken on the socket.
        create_protocol: as for `connect`.
        process_exception: likewise.
        backoff: likewise.
        reactor: the reactor to run on; None for the global one.
        **options: as for `connect`, but for endpoint and proxy.

    Returns:
        A Deferred of the open connection, also an asynchronous context manager, as of `connect`.

    Raises:
        TypeError: an option is of the wrong kind.
    """
    check_options(unix_connect, options, _OPTIONS - {"endpoint"})
    if not isinstance(path, (str, bytes, PathLike)):
        raise TypeError(f"path must be a str, that of a Unix socket; it is {shown(path)}")
    if reactor is None:
        reactor = global_reactor()
    options["endpoint"] = UNIXClientEndpoint(reactor, path)
    return connect(
        uri,
        create_protocol=create_protocol,
        process_exception=process_exception,
        backoff=backoff,
        reactor=reactor,
        **options,
    )


def open_target(target: Target, make: Make) -> Opening[WebSocketClientProtocol]:
    """Connect to what the target is this time.

    Args:
        target: is asked first, if it has something to say.
        make: makes the factory.

    Returns:
        As `connect`; what the target's functions raise fails it, too.

    Raises:
        Exception: as `connect` does, where there is nothing to ask.
    """
    if not target.asks:
        return open_connection(*target.prepare(make))

    async def ask_and_open() -> WebSocketClientProtocol:
        await loop_runs(target.factory.reactor)
        return await open_connection(*await target.ask(make))

    return Opening.of(Deferred.fromCoroutine(ask_and_open()))


def open_connection(
    factory: WebSocketClientFactory, dialer: Dialer
) -> Opening[WebSocketClientProtocol]:
    """Connect by this dialer.

    Args:
        factory: makes this connection and no other. Its open_timeout spans all of it.
        dialer: how the server is reached; for this connection and no other.

    Returns:
        As `connect`.

    Raises:
        InvalidURI: its host can't be looked up.
        InvalidProxy: the proxy that the environment has isn't one.
    """
    endpoint = dialer.endpoint_for(factory)
    attempt = Deferred.fromCoroutine(_open(factory, dialer, endpoint))
    return _limited(attempt, factory, dialer)


async def _open(
    factory: WebSocketClientFactory, dialer: Dialer, endpoint: IStreamClientEndpoint
) -> WebSocketClientProtocol:
    """Go where the URI says, and where the servers say."""
    chain = [str(factory.uri)]
    authentication = dialer.authentication_for(factory.uri)
    while True:
        try:
            return await _attempt(factory, dialer, endpoint)
        except InvalidStatus as exc:
            factory.keep_cookies(exc.response)
            target = factory.uri.resource_name
            factory.authorization = await authentication.answer(exc.response, "GET", target)
            if factory.authorization is not None:
                continue
            uri = redirection(factory.uri, exc.response, chain)
            if uri is None:
                raise
            chain.append(str(uri))
            if uri.origin != factory.uri.origin and not dialer.leave_origin():
                raise RedirectError(chain, "redirected away from what the endpoint is for") from exc
        factory.redirect(uri)
        authentication = dialer.authentication_for(uri)
        try:
            endpoint = dialer.endpoint_for(factory)
        except InvalidURI as exc:
            raise RedirectError(chain, "redirected to a host that can't be looked up") from exc


async def _attempt(
    factory: WebSocketClientFactory, dialer: Dialer, endpoint: IStreamClientEndpoint
) -> WebSocketClientProtocol:
    try:
        connecting: Any = endpoint.connect(factory)
        # The endpoint may be anybody's.
        if not (isinstance(connecting, Deferred) or isawaitable(connecting)):
            raise TypeError(f"an endpoint's connect() returns a Deferred; this is {connecting!r}")
        protocol = await connecting
        if not isinstance(protocol, WebSocketClientProtocol):
            raise TypeError(f"an endpoint brings the factory's protocol; here it is {protocol!r}")
        return await WebSocketClientProtocol.wait_opened(protocol)
    except BaseException as exc:
        # Nobody wants the rest of a connection that was cancelled or has failed.
        for left in list(factory.connections):
            isolated(WebSocketClientProtocol.close, left)
        if isinstance(exc, ConnectError):
            # Twisted doesn't say where.
            words = [dialer.describe(factory.uri), *filter(None, map(str, exc.args))]
            exc.args = (": ".join(words),)
        raise


def _limited(
    attempt: Deferred[WebSocketClientProtocol], factory: WebSocketClientFactory, dialer: Dialer
) -> Opening[WebSocketClientProtocol]:
    """Return an Opening of this attempt that fails within open_timeout, whatever that does."""
    verdict: Exception | None = None

    def give_up() -> None:
        nonlocal verdict
        verdict = _verdict(factory, dialer)
        isolated(attempt.cancel)
        if not opening.called:
            # An endpoint that can't be cancelled.
            opening.errback(verdict)

    def done(result: Any) -> Any:
        call_off(deadline)
        # A verdict that the attempt has come to meanwhile says more than that it took too long.
        late = verdict is not None and isinstance(result, Failure)
        if late and not result.check(InvalidHandshake):
            assert verdict is not None
            raise verdict from result.value
        return result

    seconds = factory.open_timeout
    deadline = None if seconds is None else factory.clock.callLater(seconds, give_up)
    opening = Opening.of(attempt.addBoth(done))
    return opening


def _verdict(factory: WebSocketClientFactory, dialer: Dialer) -> Exception:
    """Give up what there is of a connection; return why there is none."""
    verdict: Exception = OpeningTimeout(f"a connection to {dialer.describe(factory.uri)}")
    for protocol in list(factory.connections):
        driver = driver_of(protocol)
        if driver.phase < OPEN:
            verdict = driver.give_up_opening()
    return verdict
