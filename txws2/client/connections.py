"""`connect` makes a connection, from a URI to the open WebSocket, within one deadline."""

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
from txws2.client.dialer import Dialer, DialOptions, UnixDialOptions
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

__all__ = [
    "ConnectOptions",
    "UnixConnectOptions",
    "connect",
    "open_connection",
    "open_target",
    "unix_connect",
]


C = TypeVar("C", bound=WebSocketClientProtocol, default=WebSocketClientProtocol)


class UnixConnectOptions(RequestOptions, UnixDialOptions, total=False):
    """The options that `unix_connect` passes on to `connect`."""

    additional_headers: HeadersSource


class ConnectOptions(UnixConnectOptions, DialOptions, total=False):
    """The options that `connect` passes on to other classes."""


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

    ``async with connect(...) as ws`` closes the connection when the block ends. ``async for ws in
    connect(...)`` makes another connection whenever one has ended. It does so at once after a good
    connection. After an attempt that failed, and after a connection that soon ended, it waits
    first, longer each time.

    The server may redirect the client, at most ten times and never from wss to ws. Authorization,
    Cookie and client certificates are sent to no other origin. Cookies that a redirect or a 401
    sets are sent with later requests to the same origin, until the connection is open.

    Args:
        uri: the ws or wss URI. All addresses of its host are tried (RFC 8305); the first that
            answers is used. A user name and a password in it, percent-encoded, are sent as
            Basic (RFC 7617), and answer a 401 by Digest (RFC 7616). A function that returns
            the URI, a coroutine function for instance, is called for each attempt, so a
            token in the URI can be fresh. An exception that the function raises fails the attempt.
        *more: no other positional argument is accepted: host and port are in the URI.
        create_protocol: makes the protocol: a subclass, or a functools.partial of one. Type
            checkers take its class for the class of the connection.
        process_exception: for ``async for``. It is called with the exception of each failed
            attempt, and with the ConnectionClosed of a connection that the server has ended with a
            close code that reports an error. It returns None to try again, or the exception to
            raise. The default is `txws2.process_exception`. A function that always returns None
            tries for ever, even with a wrong password. A mistake in the arguments is raised in any
            case.
        backoff: for ``async for``, the waits after these failures, and after a connection that was
            used for less than `Backoff.good_after` seconds. The wait is at least as long as a
            Retry-After in the server's response says, up to an hour.
        reactor: the reactor to run on; None for the global one.
        **options: the options of `Dialer`, `WebSocketClientFactory` and `ConnectionFactory`.
            additional_headers may be a function, as uri may. open_timeout covers the whole
            attempt: these functions, DNS, TCP, proxy, TLS, handshake and redirects.

    Returns:
        A Deferred of the open connection, which is also an asynchronous context manager and an
        asynchronous iterable of connections. It can be cancelled. It always fires or fails. It
        fails with InvalidHandshake (for instance OpeningTimeout, InvalidStatus, SecurityError or
        ProxyError), or with Twisted's DNSLookupError or ConnectError. A mistake in the arguments
        also fails it: InvalidURI, InvalidProxy, InvalidHandshake for a value that can't be put in
        a request, OSError for a file that can't be read, ValueError for an option that is out of
        range or excluded by another.

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
        check_options(connect, options, ConnectOptions.__optional_keys__)
        check_retrying(process_exception, backoff)
        target = Target(uri, options, make)
        check_reactor_thread(target.factory.reactor, "txws2.connect, uri")
        if target.asks:
            first = open_target(target, make)
        else:
            first = open_connection(target.factory, target.dialer, Connecting)
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
    **options: Unpack[UnixConnectOptions],
) -> Connecting[C]:
    """Connect to a WebSocket server on a Unix socket.

    Args:
        path: the path of the socket.
        uri: the URI to request; with wss, the socket carries TLS.
        create_protocol: as for `connect`.
        process_exception: as for `connect`.
        backoff: as for `connect`.
        reactor: the reactor to run on; None for the global one.
        **options: the options of `connect`, except endpoint. No proxy is used, whatever the
            environment says. A proxy's URL as proxy fails the Deferred with ValueError.

    Returns:
        The same as `connect`.

    Raises:
        TypeError: path or an option is of the wrong kind, or there is no such option.
        ConcurrencyError: this isn't the reactor's thread.
    """
    check_options(unix_connect, options, UnixConnectOptions.__optional_keys__)
    if not isinstance(path, (str, bytes, PathLike)):
        raise TypeError(f"path must be the path of a Unix socket, as a str; it is {shown(path)}")
    if reactor is None:
        reactor = global_reactor()
    return connect(
        uri,
        create_protocol=create_protocol,
        process_exception=process_exception,
        backoff=backoff,
        reactor=reactor,
        endpoint=UNIXClientEndpoint(reactor, path),
        **options,
    )


def open_target(target: Target, make: Make) -> Opening[WebSocketClientProtocol]:
    """Connect to a target; call its functions first, if it has any.

    Args:
        target: has the URI and the headers.
        make: makes the factory.

    Returns:
        The same as `connect`; an exception of one of the target's functions also fails it.

    Raises:
        Exception: the same as `connect`, if the target has no functions.
    """
    if not target.asks:
        return open_connection(*target.prepare(make))

    async def ask_and_open() -> WebSocketClientProtocol:
        await loop_runs(target.factory.reactor)
        return await open_connection(*await target.ask(make))

    return Opening.of(Deferred.fromCoroutine(ask_and_open()))


def open_connection(
    factory: WebSocketClientFactory, dialer: Dialer, kind: type[Opening[Any]] = Opening
) -> Opening[WebSocketClientProtocol]:
    """Connect with this factory and this dialer; neither can be used again.

    Args:
        factory: makes the protocol. Its open_timeout covers the whole attempt.
        dialer: makes the endpoint.
        kind: the class of the Deferred to return.

    Returns:
        The same as `connect`.

    Raises:
        InvalidURI: the host of the URI can't be looked up.
        InvalidProxy: a proxy in the environment isn't a proxy's URL.
    """
    endpoint = dialer.endpoint_for(factory)
    # The timer of the whole attempt is due before that of its connection would be.
    factory.opening_deadlines = None
    attempt = Deferred.fromCoroutine(_open(factory, dialer, endpoint))
    return _limited(attempt, factory, dialer, kind)


async def _open(
    factory: WebSocketClientFactory, dialer: Dialer, endpoint: IStreamClientEndpoint
) -> WebSocketClientProtocol:
    """Connect to the URI; authenticate and follow redirects as the servers demand."""
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
                why = "redirected to another origin, which the given endpoint can't reach"
                raise RedirectError(chain, why) from exc
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
        # The application may have written the endpoint.
        if not (isinstance(connecting, Deferred) or isawaitable(connecting)):
            raise TypeError(
                f"connect() of an endpoint must return a Deferred; it has returned {connecting!r}"
            )
        protocol = await connecting
        if not isinstance(protocol, WebSocketClientProtocol):
            raise TypeError(
                "the Deferred of an endpoint must fire with the protocol of the factory; "
                f"it has fired with {protocol!r}"
            )
        return await WebSocketClientProtocol.wait_opened(protocol)
    except BaseException as exc:
        # An attempt that failed or was cancelled may leave a connection behind.
        for left in list(factory.connections):
            isolated(WebSocketClientProtocol.close, left)
        if isinstance(exc, ConnectError):
            # Twisted's error doesn't name the host.
            words = [dialer.describe(factory.uri), *filter(None, map(str, exc.args))]
            exc.args = (": ".join(words),)
        raise


def _limited(
    attempt: Deferred[WebSocketClientProtocol],
    factory: WebSocketClientFactory,
    dialer: Dialer,
    kind: type[Opening[Any]],
) -> Opening[WebSocketClientProtocol]:
    """Return an Opening of this attempt that fails after open_timeout in any case."""
    verdict: Exception | None = None

    def give_up() -> None:
        nonlocal verdict
        verdict = _verdict(factory, dialer)
        isolated(attempt.cancel)
        if not opening.called:
            # This endpoint can't be cancelled.
            opening.errback(verdict)

    def done(result: Any) -> Any:
        call_off(deadline)
        # If the attempt itself has failed with InvalidHandshake, that says more than the timeout.
        late = verdict is not None and isinstance(result, Failure)
        if late and not result.check(InvalidHandshake):
            assert verdict is not None
            raise verdict from result.value
        return result

    seconds = factory.open_timeout
    deadline = None if seconds is None else factory.clock.callLater(seconds, give_up)
    opening = kind.of(attempt.addBoth(done))
    return opening


def _verdict(factory: WebSocketClientFactory, dialer: Dialer) -> Exception:
    """Give up the connection, if there is one yet; return the error for the application."""
    verdict: Exception = OpeningTimeout(f"a connection to {dialer.describe(factory.uri)}")
    for protocol in list(factory.connections):
        driver = driver_of(protocol)
        if driver.phase < OPEN:
            verdict = driver.give_up_opening()
    return verdict
