"""`Target`: the URI and the headers of a client, which may differ in each attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import iscoroutine
from typing import Any

from txws2._checks.signatures import check_hook
from txws2._time.time_limit import TimeLimit
from txws2.client.dialer import Dialer, take_dialer
from txws2.client.protocol import WebSocketClientFactory
from txws2.wire.handshake.extra_fields import HeadersLike

__all__ = ["HeadersSource", "Make", "Target", "URISource"]

URISource = str | Callable[[], str | Awaitable[str]]
"""A URI, or a function that returns the URI of each attempt."""

HeadersSource = HeadersLike | Callable[[], HeadersLike | Awaitable[HeadersLike]]
"""Headers, or a function that returns the headers of each attempt."""

Make = Callable[..., WebSocketClientFactory]
"""Makes the factory of one attempt, from a URI and the options."""


class Target:
    """The URI and the headers of a client, and its other options.

    Args:
        uri: a URI, or a function that returns one.
        options: the options of `connect`.
        make: makes a factory, which raises at once if an option is wrong.

    Attributes:
        asks: True if a function must be called for each attempt.
        host: the host and the port of the URI, for log lines; "the server" until a function has
            returned the URI.
        factory: a factory with these options; it has the clock and the log.
        dialer: a dialer with these options.

    Raises:
        TypeError: uri or additional_headers is neither a value nor a function.
        Exception: the factory or `Dialer` raises it.
    """

    def __init__(self, uri: URISource, options: Mapping[str, Any], make: Make) -> None:
        self._uri = uri
        self._options = dict(options)
        self._headers: HeadersSource = self._options.pop("additional_headers", ())
        for name, source in (("uri", uri), ("additional_headers", self._headers)):
            if callable(source) or iscoroutine(source):
                check_hook(name, source, [])
        self.asks = callable(self._uri) or callable(self._headers)
        self.host = "the server"
        if callable(self._uri):
            self.factory, self.dialer = self._make(make, "ws://localhost/", self._known_headers())
        else:
            self.factory, self.dialer = self._make(make, self._uri, self._known_headers())
            self.host = self.factory.uri.host_header
        if not callable(self._headers):
            # The factory has made tuples of iterators, which can't be read twice.
            self._headers = self.factory.additional_headers
        if "subprotocols" in self._options:
            self._options["subprotocols"] = self.factory.subprotocols

    def prepare(self, make: Make) -> tuple[WebSocketClientFactory, Dialer]:
        """Return a factory and a dialer for one connection, without calling a function.

        Both are new: a redirect changes them, and files and the environment may have changed.

        Raises:
            Exception: the factory or `Dialer` raises it.
        """
        assert not callable(self._uri)
        return self._make(make, self._uri, self._known_headers())

    async def ask(self, make: Make) -> tuple[WebSocketClientFactory, Dialer]:
        """Call the functions; return a factory and a dialer for one connection.

        The open_timeout of the factory is the time that the functions have left of it.

        Raises:
            Exception: a function raises it, or its result is wrong.
        """
        limit = TimeLimit(self.factory.clock, self.factory.open_timeout)
        uri = await _value_of(self._uri, limit, "the function that returns the URI")
        headers = await _value_of(self._headers, limit, "the function that returns the headers")
        factory, dialer = self._make(make, uri, headers)
        factory.open_timeout = limit.remaining
        self.host = factory.uri.host_header
        return factory, dialer

    def _known_headers(self) -> HeadersLike:
        return () if callable(self._headers) else self._headers

    def _make(
        self, make: Make, uri: str, headers: HeadersLike
    ) -> tuple[WebSocketClientFactory, Dialer]:
        options = {**self._options}
        dialer = take_dialer(options)
        return make(uri, additional_headers=headers, **options), dialer


async def _value_of(source: object, limit: TimeLimit, stage: str) -> Any:
    return await limit.wait(source(), stage) if callable(source) else source
