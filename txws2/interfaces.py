"""The interfaces between a connection and an application.

Adapters, proxies and fakes in tests implement them; `verifyClass` checks a subclass with them.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable
from typing import Any, NamedTuple, Protocol, Union

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

from txws2.wire.encoder import Part

__all__ = [
    "Fragments",
    "HookResult",
    "IRooms",
    "IWebSocketConnection",
    "IWebSocketReceiver",
    "Presence",
    "PushProducer",
]

Fragments = Iterable[Part] | AsyncIterable[Part]
"""The parts of one message: all str, or all bytes-like."""

HookResult = Deferred[Any] | Coroutine[Any, Any, Any] | None
"""The result of a hook: None, or an object that fires or returns when the hook is done."""


class _PushProducing(Protocol):
    # The type of a push producer for mypy without the plugin for zope.interface.
    def pauseProducing(self) -> object: ...
    def resumeProducing(self) -> object: ...
    def stopProducing(self) -> object: ...


# An interface of zope doesn't support `|`.
PushProducer = Union[IPushProducer, _PushProducing]  # noqa: UP007
"""An object that can be paused while too many bytes wait to be sent."""


class Presence(NamedTuple):
    """A connection that is in a room.

    Attributes:
        id: the id of the connection.
        info: the argument info of `IRooms.join`, a name for instance.
    """

    id: str
    info: Any = None


class IWebSocketConnection(IPushProducer):
    """One end of a connection, as a handler gets it; `WebSocketProtocol` explains each method.

    It is a push producer of messages, which can be paused and resumed.
    """

    id: str = Attribute("A unique name of this connection.")
    state: Any = Attribute("A `State`.")
    request: Any = Attribute("The client's `Request`, None until it is known.")
    response: Any = Attribute("The server's `Response`, None until it is known.")
    subprotocol: str | None = Attribute("The subprotocol agreed on, None if there is none.")
    close_code: int | None = Attribute("The close code received; None until it is closed.")
    close_reason: str | None = Attribute("The close reason received; None until it is closed.")
    latency: float = Attribute("The latest round-trip time in seconds; 0 at first.")
    counters: Any = Attribute("The counters of this connection, as `ConnectionCounters`.")
    local_address: Any = Attribute("(host, port) of this end, or the path of a Unix socket.")
    remote_address: Any = Attribute("(host, port) of the peer, or the path of a Unix socket.")

    def send(
        message: Part | Fragments, text: bool | None = None, *, compress: bool | None = None
    ) -> Deferred[None]:
        """Send a message; the Deferred fires when there is room for the next."""

    def sendMessage(
        message: Part, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send a message without waiting; once the connection is closing, do nothing."""

    def recv(decode: bool | None = None, *, timeout: float | None = None) -> Deferred[str | bytes]:
        """Return a Deferred of the next message; it fails with TimeoutError after the timeout."""

    def recv_streaming(decode: bool | None = None) -> AsyncIterator[str | bytes]:
        """Iterate over the pieces of the next message as they arrive."""

    def __aiter__() -> AsyncIterator[str | bytes]:
        """Iterate over the messages until the connection is closed."""

    def __aenter__() -> Any:
        """Return an awaitable of this connection."""

    def __aexit__(kind: Any, exception: Any, traceback: Any) -> Any:
        """Close the connection; return an awaitable that is done when it is closed."""

    def registerProducer(producer: PushProducer, streaming: bool = True) -> None:
        """Register a producer; it is paused while too many bytes wait to be sent."""

    def unregisterProducer() -> None:
        """Unregister the producer."""

    def ping(data: str | bytes | None = None) -> Deferred[float]:
        """Send a ping; the Deferred fires with the latency when the pong comes."""

    def close(code: int = 1000, reason: str = "") -> Deferred[None]:
        """Close the connection; the Deferred fires when it is closed, and never fails."""

    def wait_closed() -> Deferred[None]:
        """Return a Deferred that fires when the connection is closed; it never fails."""

    def wait_opened() -> Deferred[Any]:
        """Return a Deferred of this connection that fires when it is open, or fails."""


class IWebSocketReceiver(Interface):
    """The hooks of the push style; a subclass of `WebSocketProtocol` overrides them.

    Each may be a coroutine function, or return a Deferred; the next hook is called when it is
    done. An exception or a failure of a hook closes the connection with 1011.
    """

    def connectionOpened() -> HookResult:
        """Called when the opening handshake is done."""

    def messageReceived(message: str | bytes) -> HookResult:
        """Called with each message: a str for text, bytes for binary."""

    def pingReceived(payload: bytes) -> HookResult:
        """Called with each ping, which is already answered."""

    def pongReceived(payload: bytes) -> HookResult:
        """Called with each pong, even if it answers no ping."""

    def connectionLost(reason: Failure) -> HookResult:
        """Called once, last, when the connection has ended; reason wraps a ConnectionClosed."""


class IRooms(Interface):
    """Rooms of connections, which get messages together; `txws2.Rooms` explains each method.

    A connection belongs to its process, a room to all processes that share it. So `here` gives
    data instead of connections, `broadcast` names a room, and each result is a Deferred. A
    connection leaves all its rooms when it is closed, and an empty room doesn't exist any more.
    """

    def join(room: str, connection: Any, info: Any = None) -> Deferred[None]:
        """Put a connection of this process into a room; info must be a value of JSON."""

    def leave(room: str, connection: Any) -> Deferred[None]:
        """Take a connection out of a room, if it is there."""

    def broadcast(
        room: str,
        message: Part,
        text: bool | None = None,
        *,
        compress: bool | None = None,
        slow: Any = "skip",
        but: Any = None,
    ) -> Deferred[int]:
        """Send a message to a room, except to `but`; fire with the number sent by this process."""

    def here(room: str) -> Deferred[list[Presence]]:
        """Return a Deferred of the connections in a room."""

    def names() -> Deferred[list[str]]:
        """Return a Deferred of the names of all rooms that have a connection."""
