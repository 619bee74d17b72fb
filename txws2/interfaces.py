"""What a connection and an application are to each other.

For adapters and proxies, for stand-ins in tests, and to verify a subclass with `verifyClass`.
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
    # What mypy sees in a push producer when it runs without the plugin for zope.interface.
    def pauseProducing(self) -> object: ...
    def resumeProducing(self) -> object: ...
    def stopProducing(self) -> object: ...


# Interfaces of zope can't do `|`.
PushProducer = Union[IPushProducer, _PushProducing]  # noqa: UP007
"""An object that can be paused while too much waits to be sent."""


class Presence(NamedTuple):
    """Somebody who is in a room.

    Attributes:
        id: the id of the connection.
        info: what was said when it joined, as a name.
    """

    id: str
    info: Any = None


class IWebSocketConnection(IPushProducer):
    """One end of a connection, as a handler is given it; `WebSocketProtocol` says more of each.

    As a push producer, it is one of messages: it can be paused and resumed.
    """

    id: str = Attribute("A name for this connection, unlike any other's.")
    state: Any = Attribute("A `State`.")
    request: Any = Attribute("The client's `Request`, None until it is known.")
    response: Any = Attribute("The server's `Response`, None until it is known.")
    subprotocol: str | None = Attribute("The subprotocol agreed on, None if there is none.")
    close_code: int | None = Attribute("The close code received; None until it is closed.")
    close_reason: str | None = Attribute("The close reason received; None until it is closed.")
    latency: float = Attribute("The latest round-trip time in seconds; 0 at first.")
    counters: Any = Attribute("What it has counted, as `ConnectionCounters`.")
    local_address: Any = Attribute("(host, port) of this end, or the path of a Unix socket.")
    remote_address: Any = Attribute("(host, port) of the other end, or the path of a socket.")

    def send(
        message: Part | Fragments, text: bool | None = None, *, compress: bool | None = None
    ) -> Deferred[None]:
        """Send a message; the Deferred fires when there is room for the next."""

    def sendMessage(
        message: Part, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send a message without waiting; once the connection is closing, do nothing."""

    def recv(decode: bool | None = None, *, timeout: float | None = None) -> Deferred[str | bytes]:
        """Return a Deferred of the next message; TimeoutError when it takes longer than that."""

    def recv_streaming(decode: bool | None = None) -> AsyncIterator[str | bytes]:
        """Iterate over the pieces of the next message as they arrive."""

    def __aiter__() -> AsyncIterator[str | bytes]:
        """Iterate over the messages until the connection is closed."""

    def __aenter__() -> Any:
        """Return an awaitable of this connection."""

    def __aexit__(kind: Any, exception: Any, traceback: Any) -> Any:
        """Close it; what is returned is to be awaited until it is closed."""

    def registerProducer(producer: PushProducer, streaming: bool = True) -> None:
        """Have this paused while too much waits to be sent."""

    def unregisterProducer() -> None:
        """Let the producer be."""

    def ping(data: str | bytes | None = None) -> Deferred[float]:
        """Send a ping; the Deferred fires with the latency when the pong comes."""

    def close(code: int = 1000, reason: str = "") -> Deferred[None]:
        """Close the connection; the Deferred fires when it is closed, and never fails."""

    def wait_closed() -> Deferred[None]:
        """Return a Deferred that fires when the connection is closed; it never fails."""

    def wait_opened() -> Deferred[Any]:
        """Return a Deferred of this connection that fires when it is open, or fails."""


class IWebSocketReceiver(Interface):
    """What is called in push style; a subclass of `WebSocketProtocol` overrides these.

    Each may be a coroutine function, or return a Deferred; the next is called when it is done. What
    they raise, or fail with, closes the connection with 1011.
    """

    def connectionOpened() -> HookResult:
        """Called when the opening handshake is done."""

    def messageReceived(message: str | bytes) -> HookResult:
        """Called with each message: a str for text, bytes for binary."""

    def pingReceived(payload: bytes) -> HookResult:
        """Called with each ping; it is answered already."""

    def pongReceived(payload: bytes) -> HookResult:
        """Called with each pong, asked for or not."""

    def connectionLost(reason: Failure) -> HookResult:
        """Called once, last, when the connection is gone; reason wraps a ConnectionClosed."""


class IRooms(Interface):
    """Who hears what, and who is here; `txws2.Rooms` says more of each.

    A connection belongs to the process that it is in, a room to all processes that share it. So
    whoever asks who is in a room gets data, a broadcast names the room, and each answer is a
    Deferred. A connection leaves all its rooms when it is closed, and a room that nobody is in
    is no more.
    """

    def join(room: str, connection: Any, info: Any = None) -> Deferred[None]:
        """Let a connection of this process into a room; info is what JSON has."""

    def leave(room: str, connection: Any) -> Deferred[None]:
        """Let it out of the room, if it is there."""

    def broadcast(
        room: str,
        message: Part,
        text: bool | None = None,
        *,
        compress: bool | None = None,
        slow: Any = "skip",
        but: Any = None,
    ) -> Deferred[int]:
        """Send a message to all in a room but one; the Deferred has how many this process sent."""

    def here(room: str) -> Deferred[list[Presence]]:
        """Return a Deferred of who is in a room."""

    def names() -> Deferred[list[str]]:
        """Return a Deferred of the names of the rooms that somebody is in."""
