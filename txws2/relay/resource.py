"""A relay over HTTP, in a site of twisted.web: POST publishes, GET listens to events."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Unpack

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from txws2._deferreds.callables import result_of
from txws2.relay.allowance import Allowances
from txws2.relay.messages import Position
from txws2.relay.publishers import PUBLISH_TOKEN, token_of
from txws2.relay.stream import EVENTS, start_stream
from txws2.relay.wording import RelayError, check_room
from txws2.server.factory import ServerOptions, WebSocketServerFactory
from txws2.server.mounted_site import site_asks_for_websocket
from txws2.server.resource import WebSocketResource

__all__ = ["RelayResource"]

_ELSEWHERE = (
    "Rooms are at room/NAME below this path: open a WebSocket there to hear and to publish, GET "
    f"with Accept: {EVENTS} to hear, or POST to publish."
)

_STATUS = {
    "full": HTTPStatus.SERVICE_UNAVAILABLE,
    "no-token": HTTPStatus.UNAUTHORIZED,
    "not-allowed": HTTPStatus.FORBIDDEN,
    "too-big": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too-fast": HTTPStatus.TOO_MANY_REQUESTS,
}


class RelayResource(Resource):
    """The resource of a relay, for the relay's path in a site; `Relay.resource` makes it.

    Below it are room/NAME and relay.js, the client for browsers.

    Args:
        relay: the relay.
        factory: makes the WebSocket connections; None for one with these options.
        **options: the options of `WebSocketServerFactory`.

    Attributes:
        websockets: the resource for WebSockets.
        introduce: answers requests for the relay itself, and those for a room that neither hear nor
            publish; None for a sentence.
    """

    def __init__(
        self,
        relay: Any,
        factory: WebSocketServerFactory | None = None,
        **options: Unpack[ServerOptions],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        if factory is None:
            options.setdefault("subprotocols", relay.subprotocols)
            self.websockets = WebSocketResource(relay, reactor=relay.reactor, **options)
        else:
            self.websockets = WebSocketResource(factory, **options)
        self.introduce: Callable[[Request], Any] | None = None
        self.relay = relay
        # max_streams counts the listeners of all rooms.
        self.streams: set[object] = set()
        self.allowances = Allowances(relay.publish_rate, relay.clock)
        self.putChild(b"room", _Rooms(self))
        self.putChild(b"relay.js", _Script())  # type: ignore[no-untyped-call]

    def largest_body(self, segments: Sequence[bytes]) -> int:
        """Return the bytes of the largest body of a request; see `txws2.server.site_bodies`."""
        limit: int = self.relay.max_message
        return limit

    def getChild(self, path: bytes, request: Request) -> Any:
        """Return this resource for the relay's path with a slash at its end."""
        return self if path == b"" and not request.postpath else _Nothing()  # type: ignore[no-untyped-call]

    def render(self, request: Request) -> Any:
        """Open a WebSocket, or say where the rooms are."""
        if site_asks_for_websocket(request):
            return self.websockets.render(request)
        if self.introduce is not None and request.method in (b"GET", b"HEAD"):
            return self.introduce(request)
        return _say(request, HTTPStatus.NOT_FOUND, _ELSEWHERE)


class _Nothing(Resource):
    isLeaf = True

    def render(self, request: Request) -> bytes:
        return _say(request, HTTPStatus.NOT_FOUND, _ELSEWHERE)


class _Script(Resource):
    isLeaf = True

    def render(self, request: Request) -> bytes:
        request.setHeader(b"Content-Type", b"text/javascript; charset=utf-8")
        return files(__package__).joinpath("relay.js").read_bytes()


class _Rooms(Resource):
    """The rooms: any segment of a path names one."""

    def __init__(self, parent: RelayResource) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._parent = parent

    def getChild(self, path: bytes, request: Request) -> Resource:
        return _Room(self._parent, path)

    def render(self, request: Request) -> bytes:
        return _say(request, HTTPStatus.NOT_FOUND, "The path must have the name of a room.")


class _Room(Resource):
    isLeaf = True

    def __init__(self, parent: RelayResource, name: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._parent = parent
        self._relay = parent.relay
        self._name = name

    def render(self, request: Request) -> Any:
        """Answer a request."""
        if site_asks_for_websocket(request):
            return self._parent.websockets.render(request)
        if request.postpath:
            return _say(request, HTTPStatus.NOT_FOUND, "A room's name is the last of a path.")
        try:
            room = check_room(_text(self._name))
            if request.method == b"POST":
                return self._publish(request, room)
            if request.method in (b"GET", b"HEAD"):
                return self._listen(request, room)
        except RelayError as refusal:
            return _refuse(request, refusal)
        request.setHeader(b"Allow", b"GET, HEAD, POST")
        return _say(request, HTTPStatus.METHOD_NOT_ALLOWED, "Send GET to listen, POST to publish.")

    def _listen(self, request: Request, room: str) -> Any:
        if not _accepts_events(request):
            request.setHeader(b"Vary", b"Accept")
            if self._parent.introduce is not None:
                return self._parent.introduce(request)
            text = f"Open a WebSocket here, or ask with Accept: {EVENTS} for the room's messages."
            return _say(request, HTTPStatus.NOT_ACCEPTABLE, text)
        since = _since(request)
        if request.method == b"HEAD":
            request.setHeader(b"Content-Type", EVENTS.encode())
            return b""
        streams = self._parent.streams
        if len(streams) >= self._relay.max_streams:
            limit = self._relay.max_streams
            raise RelayError("full", f"{limit} clients listen by HTTP already")
        start_stream(self._relay, request, room, since, streams)
        return NOT_DONE_YET

    def _publish(self, request: Request, room: str) -> int:
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)

        def answer(position: Position) -> None:
            if not gone:
                request.setHeader(b"Content-Type", b"application/json")
                _finish(
                    request,
                    json.dumps({"epoch": position.epoch, "offset": position.offset}).encode()
                    + b"\n",
                )

        def refuse(failure: Failure) -> None:
            if gone:
                return
            if isinstance(failure.value, RelayError):
                body = _refuse(request, failure.value)
            else:
                self._relay.log.failure("can't publish for an HTTP client", failure)
                text = "The message couldn't be published: internal error."
                body = _say(request, HTTPStatus.INTERNAL_SERVER_ERROR, text)
            _finish(request, body)

        publishing = Deferred.fromCoroutine(self._published(request, room))
        publishing.addCallbacks(answer, refuse)
        return NOT_DONE_YET

    async def _published(self, request: Request, room: str) -> Position:
        check = self._relay.tokens
        if check is None:
            raise RelayError("not-allowed", "this server has no tokens, so HTTP can't publish")
        token = token_of(lambda name: _values(request, name))
        if token is None:
            raise RelayError(
                "no-token",
                "a token is needed to publish: Authorization: Bearer TOKEN, or "
                f"{PUBLISH_TOKEN}: TOKEN",
            )
        if not await result_of(check(token, room)):
            raise RelayError("not-allowed", "this token doesn't permit to publish here")
        self._parent.allowances.take(token)
        limit = self._relay.max_message
        # The content may be a file of any size.
        content: Any = request.content
        body = content.read(limit + 1)
        if len(body) > limit:
            raise RelayError("too-big", f"a message has at most {limit} bytes")
        position: Position = await self._relay.publish(room, _payload(request, body), _id(request))
        return position


def _payload(request: Request, body: bytes) -> str | bytes:
    """Return a body as text, unless it is called binary or isn't UTF-8."""
    kind = _first(request, "Content-Type") or ""
    if kind.partition(";")[0].strip().lower() == "application/octet-stream":
        return body
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _id(request: Request) -> str | None:
    """Return the id of a message, from the header Idempotency-Key."""
    key = _first(request, "Idempotency-Key")
    if key is not None and not (0 < len(key) <= 64 and key.isascii()):
        raise RelayError("bad-message", "Idempotency-Key must be ASCII of 1 to 64 characters")
    return key


def _since(request: Request) -> Position | None:
    # The specification of HTML, section 9.2.3: a browser that comes back sends this header. Its
    # URL is still the first one, so the header goes before.
    last = _first(request, "Last-Event-ID")
    given = last or (request.args or {}).get(b"since", [None])[0]
    if not given:
        return None
    try:
        return Position.parse(given if isinstance(given, str) else given.decode("latin-1"))
    except ValueError as exc:
        raise RelayError("bad-message", str(exc)) from None


def _accepts_events(request: Request) -> bool:
    accepted = ",".join(_values(request, "Accept"))
    kinds = [each.partition(";")[0].strip().lower() for each in accepted.split(",")]
    return EVENTS in kinds


def _values(request: Request, name: str) -> list[str]:
    """Return the values of a header: anything may come, and in Latin-1 all bytes are text."""
    values = request.requestHeaders.getRawHeaders(name.encode(), [])
    return [value.decode("latin-1") for value in values]


def _first(request: Request, name: str) -> str | None:
    """Return the first value of a header; None if there is none."""
    return next(iter(_values(request, name)), None)


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise RelayError("bad-room", "the name of a room must be UTF-8") from None


def _finish(request: Request, body: bytes) -> None:
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.write(body)
    request.finish()


def _refuse(request: Request, refusal: RelayError) -> bytes:
    status = _STATUS.get(refusal.code, HTTPStatus.BAD_REQUEST)
    if refusal.wait is not None:
        request.setHeader(b"Retry-After", b"%d" % refusal.wait)
    if status is HTTPStatus.UNAUTHORIZED:
        request.setHeader(b"WWW-Authenticate", b'Bearer realm="relay"')
    return _say(request, status, refusal.sentence)


def _say(request: Request, status: HTTPStatus, text: str) -> bytes:
    """Set the status, and return a sentence as the body."""
    request.setResponseCode(status.value)
    request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
    return f"{text}\n".encode()
