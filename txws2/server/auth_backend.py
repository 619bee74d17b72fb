"""`backend_auth`: an HTTP service decides who gets in, as with auth_request of nginx."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from txws2._checks.kinds import check_seconds
from txws2._time.time_limit import TimeLimit
from txws2.server.hooks import ProcessRequest
from txws2.wire.exceptions import InvalidMessage
from txws2.wire.http.fields import Headers
from txws2.wire.http.grammar import is_token
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.hop_headers import hop_headers

__all__ = ["backend_auth", "is_authorized"]

# The connections that a service has let in, with or without a name.
_authorized: WeakSet[Any] = WeakSet()

_AT_ONCE = 64
_LARGEST_BODY = 2**16

# The question has no body, another Host, and asks for no WebSocket.
_OF_THE_REQUEST = {
    "accept-encoding",
    "content-length",
    "expect",
    "host",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
}
# The backend believes these, so they are ours alone.
_BELIEVED = ("forwarded", "x-forwarded-", "x-original-", "x-real-ip")

# No request has these characters in its target.
_OF_NO_REQUEST = re.compile(r"[\s#\0-\x1f\x7f]")

# These are of use in a refusal.
_PASSED_ON = ("Content-Type", "WWW-Authenticate", "Set-Cookie", "Cache-Control", "Retry-After")


def backend_auth(
    url: str,
    *,
    name_header: str = "Remote-User",
    timeout: float = 5,
    agent: Any = None,
    reactor: Any = None,
) -> ProcessRequest:
    """Make a `process_request` hook that asks an HTTP service who gets in.

    The service gets a GET with the headers of the request, except for those of the connection,
    and with X-Forwarded-For, -Host, -Method, -Proto and -Uri; -Method and -Uri are in X-Original-
    headers, too. A response of 2xx accepts the client, and its name_header has the name for
    the connection's `username`. A 401 or 403 is passed on to the client, with its body. If the
    service says anything else, fails, or takes too long, the client gets a 503, and the log
    says so once, until the service works again.

    Cookies and passwords of the clients go to the service. 64 questions are asked at once.

    Args:
        url: the URL of the service, http or https.
        name_header: the header of its response that has the name.
        timeout: the longest time in seconds for an answer.
        agent: asks the service, as `twisted.web.client.Agent` does; None for one that verifies
            certificates, and keeps connections open.
        reactor: the reactor to run on; None for the global one.

    Raises:
        ValueError: the URL isn't one of http or https, or has a user in it; the name_header isn't
            the name of a header; or the timeout is out of range.
    """
    _check_url(url)
    if not is_token(name_header):
        raise ValueError(f"name_header must be a header, as 'Remote-User'; it is {name_header!r}")
    check_seconds("timeout", timeout, optional=False)
    return _Backend(url, name_header, timeout, agent, reactor)


def is_authorized(connection: object) -> bool:
    """Tell whether a service has let the client of a connection in."""
    return connection in _authorized


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and parts.hostname and url.isascii()
        right = right and not _OF_NO_REQUEST.search(url) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise ValueError(
            f"url must be one of http or https, as 'http://localhost:9000/auth'; it is {url!r}"
        )
    if parts.username is not None:
        # The text doesn't show the URL, which may contain a password.
        raise ValueError("url must have no user name in it; the clients' own headers are passed on")


class _Backend:
    """The hook."""

    def __init__(
        self, url: str, name_header: str, timeout: float, agent: Any, reactor: Any
    ) -> None:
        parts = urlsplit(url)
        self._shown = f"{parts.scheme}://{parts.netloc}{parts.path}"
        self._url = url.encode()
        self._name_header = name_header
        self._timeout = timeout
        self._agent = agent
        self._reactor = reactor
        self._free = DeferredSemaphore(_AT_ONCE)
        self._failing = False
        self._log = Logger(namespace="txws2.server")

    async def __call__(self, connection: Any, request: Request) -> Response | None:
        """Ask the service about a request."""
        if self._reactor is None:
            from twisted.internet import reactor

            self._reactor = reactor
        headers = _question(connection, request, self._name_header)
        clock: IReactorTime = self._reactor
        asking = self._free.run(lambda: Deferred.fromCoroutine(self._ask(headers)))
        try:
            response = await TimeLimit(clock, self._timeout).wait(asking, "the authorization")
        except CancelledError:
            raise
        except Exception as exc:
            return self._failed(type(exc).__name__, Failure(exc))
        if response.status_code // 100 == 2:
            self._works()
            name = response.headers.get(self._name_header)
            if name:
                connection.username = name
            _authorized.add(connection)
            return None
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            self._works()
            return _refusal(response)
        return self._failed(f"it answers with {response.status_code}")

    async def _ask(self, headers: Headers) -> Response:
        answer = await self._the_agent().request(b"GET", self._url, _of_twisted(headers))
        found = Response(answer.code, "")
        for name, values in answer.headers.getAllRawHeaders():
            for value in values:
                found.headers.addRawHeader(name, value)
        body: Deferred[bytes] = Deferred(lambda _: reader.stop())
        reader = _Body(body)
        answer.deliverBody(reader)
        found.body = await body
        return found

    def _the_agent(self) -> Any:
        if self._agent is None:
            # Only this needs twisted.web.
            from txws2.server.quiet_agent import quiet_agent

            self._agent = quiet_agent(self._reactor, self._timeout, _AT_ONCE)
        return self._agent

    def _works(self) -> None:
        if self._failing:
            self._failing = False
            self._log.info("{url} decides who gets in again", url=self._shown)

    def _failed(self, reason: str, failure: Failure | None = None) -> Response:
        if not self._failing:
            self._failing = True
            text = "{url} can't decide who gets in: {reason}; clients get a 503"
            self._log.error(text, url=self._shown, reason=reason, log_failure=failure)
        text = "The server can't find out who gets in; try again later.\n"
        response = Response.plain(HTTPStatus.SERVICE_UNAVAILABLE, text)
        response.headers.setRawHeaders("Retry-After", ["5"])
        return response


class _Body(Protocol):
    """Reads the body of an answer, up to the limit."""

    def __init__(self, done: Deferred[bytes]) -> None:
        self._done = done
        self._data = b""

    def dataReceived(self, data: bytes) -> None:
        """Take a piece of the body."""
        self._data += data
        if len(self._data) > _LARGEST_BODY:
            self._data = self._data[:_LARGEST_BODY]
            self.stop()

    def stop(self) -> None:
        """Read no further."""
        abort = getattr(self.transport, "abortConnection", None)
        if abort is not None:
            abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Give what was read; a body that is cut is still an answer."""
        if not self._done.called:
            self._done.callback(self._data)


def _refusal(answer: Response) -> Response:
    response = Response.plain(HTTPStatus(answer.status_code), "")
    if "Content-Encoding" not in answer.headers:
        response.body = answer.body
        response.headers.setRawHeaders("Content-Length", [str(len(answer.body))])
    for name in _PASSED_ON:
        values = [value for value in answer.headers.get_all(name) if _can_be_sent(value)]
        if values:
            response.headers.setRawHeaders(name, values)
    return response


def _can_be_sent(value: str) -> bool:
    response = Response.plain(HTTPStatus.OK, "")
    response.headers.setRawHeaders("Value", [value])
    try:
        response.serialize()
    except InvalidMessage:
        return False
    return True


def _question(connection: Any, request: Request, name_header: str) -> Headers:
    """Return the headers of the question about a request."""
    headers = Headers()
    left_out = hop_headers(request.fields) | _OF_THE_REQUEST | {name_header.lower()}
    for raw, values in request.headers.getAllRawHeaders():
        name = raw.decode("latin-1").lower()
        if name not in left_out and not name.startswith(_BELIEVED):
            for value in values:
                headers.addRawHeader(raw, value)
    address = connection.remote_address
    ours = {
        "X-Forwarded-For": address[0] if isinstance(address, tuple) else "unknown",
        "X-Forwarded-Host": request.fields.get("Host", ""),
        "X-Forwarded-Method": request.method,
        "X-Forwarded-Proto": "https" if connection.secure else "http",
        "X-Forwarded-Uri": request.path,
        "X-Original-Method": request.method,
        "X-Original-URI": request.path,
    }
    for name, text in ours.items():
        headers.addRawHeader(name, text)
    return headers


def _of_twisted(headers: Headers) -> Any:
    from twisted.web.http_headers import Headers as HTTPHeaders

    return HTTPHeaders(dict(headers.getAllRawHeaders()))
