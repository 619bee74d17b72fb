"""The protocol class, with the methods that an application calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, cast, overload

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import ITransport
from zope.interface import implementer

from txws2._connection.facts import Facts
from txws2._connection.fragments import Pieces
from txws2._connection.handle import driver_of
from txws2._connection.inbox import Inbox
from txws2._connection.phases import OPEN
from txws2._connection.pieces import Piece
from txws2._connection.receiver import keep_messages
from txws2._connection.sender import when_not_open
from txws2._connection.text import check_decode
from txws2.exceptions import ConcurrencyError, ProtocolError
from txws2.interfaces import IWebSocketConnection, PushProducer

__all__ = ["WebSocketProtocol", "check_arguments"]

_Self = TypeVar("_Self", bound="WebSocketProtocol")


def check_arguments(kind: type) -> None:
    """Make sure that an application's class takes arguments, since there are some.

    Raises:
        TypeError: the class takes no arguments.
    """
    if kind.__init__ is object.__init__:  # type: ignore[misc]
        raise TypeError(f"{kind.__name__}() takes no arguments")


@implementer(IWebSocketConnection)
class WebSocketProtocol(Facts):
    """One connection; the base of the server's class and the client's.

    There are two styles. In push style, subclass it, override `connectionOpened`,
    `messageReceived`, `pingReceived`, `pongReceived` and `connectionLost`, and send with
    `sendMessage`. After a subclass that overrides `messageReceived` has closed the connection or
    its transport, only `connectionLost` is called. A hook may be a coroutine function, or return a
    Deferred. On each connection, the next hook is called when the one before is done.

    In pull style, await `recv` and `send`, or iterate with ``async for``, which ends when the
    connection is closed with 1000 or 1001. ``async with`` closes the connection on leaving.
    """

    def makeConnection(self, transport: ITransport) -> None:
        """Take a transport; the opening handshake begins."""
        driver_of(self).begin(self, transport)

    async def __aenter__(self) -> Self:
        """Return the connection."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it with 1000, after an exception, too, and wait until it is closed."""
        await WebSocketProtocol.close(self)

    # Methods that the application calls.

    @overload
    def recv_streaming(self, decode: Literal[True]) -> AsyncIterator[str]: ...

    @overload
    def recv_streaming(self, decode: Literal[False]) -> AsyncIterator[bytes]: ...

    @overload
    def recv_streaming(self, decode: bool | None = None) -> AsyncIterator[str | bytes]: ...

    def recv_streaming(self, decode: bool | None = None) -> AsyncIterator[Any]:
        """Receive the next message piece by piece, as it arrives.

        No more than 256 KiB is read ahead, so that a message may be larger than memory. For a
        message that is larger than max_size, set max_size to None. Leaving the iteration drops
        the rest of the message.

        Args:
            decode: True to get bytes decoded as str, False to get text as bytes.

        Returns:
            An asynchronous iterator over str for text, of whole characters, or bytes for binary.
            A piece has all that had arrived when it was asked for; the peer's fragments don't
            matter.

        Raises:
            ConnectionClosed: the connection ended before the message did.
            ConcurrencyError: another recv() is waiting, or another recv_streaming() isn't done;
                or this isn't the reactor's thread.
            TypeError: decode is of another type.
        """
        driver = driver_of(self)
        driver.check_thread()
        check_decode(decode)

        def get_part(stream: Pieces) -> Deferred[Piece]:
            if not driver.opened:
                return cast("Deferred[Piece]", when_not_open(driver))
            inbox: Inbox = driver.need_inbox()
            keep_messages(driver, inbox)
            return inbox.get_part(stream)

        return Pieces(get_part, decode)

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Iterate over the messages until the connection is closed.

        Raises:
            ConnectionClosedError: it ended with a code other than 1000 and 1001, or with none.
            ConcurrencyError: this isn't the reactor's thread.
        """
        driver = driver_of(self)
        driver.check_thread()
        if not driver.opened:
            return _fail_to_iterate(when_not_open(driver))
        inbox: Inbox = driver.need_inbox()
        keep_messages(driver, inbox)
        return inbox

    def registerProducer(self, producer: PushProducer, streaming: bool = True) -> None:
        """Pause this producer while more than write_limit bytes wait to be sent.

        A source of messages that can be paused needs no Deferreds. A connection that answers
        messages can register itself: then it reads no more messages than it can answer.

        Args:
            producer: the producer to pause, to resume, and to stop when the connection is closed.
            streaming: True. Pull producers aren't taken; they can wait for `send`.

        Raises:
            RuntimeError: another producer is registered.
        """
        if not streaming:
            raise ValueError("only push producers can be registered (streaming=True)")
        driver = driver_of(self)
        driver.outbox.register_producer(producer, driver)

    def unregisterProducer(self) -> None:
        """Unregister the producer, if one is registered."""
        driver_of(self).outbox.unregister_producer()

    def pauseProducing(self) -> None:
        """Deliver no message until `resumeProducing`, and read no more than 256 KiB ahead.

        Messages of the same read wait, too. Pings are answered within a second or two.
        """
        driver = driver_of(self)
        driver.check_thread()
        driver.need_intake().hold(driver)

    def resumeProducing(self) -> None:
        """Deliver the messages that wait, and read again."""
        driver = driver_of(self)
        driver.check_thread()
        driver.need_intake().release(driver)

    def stopProducing(self) -> None:
        """Do nothing; a connection that is its own producer calls this when it is closed."""

    def ping(self, data: str | bytes | None = None) -> Deferred[float]:
        """Send a ping (RFC 6455 section 5.5.2).

        Args:
            data: its payload, at most 125 bytes; by default four random bytes.

        Returns:
            A Deferred of the latency in seconds, which fires with the pong to this ping or to a
            later one. It fails with ConnectionClosed if the connection is closed, with
            ConcurrencyError if a ping with this payload is waiting for its pong, with
            ProtocolError if the payload is over 125 bytes, and with UnicodeError if the text
            can't be encoded as UTF-8.

        Raises:
            ConcurrencyError: this isn't the reactor's thread.
        """
        driver = driver_of(self)
        driver.check_thread()
        if driver.phase is not OPEN:
            return cast("Deferred[float]", when_not_open(driver))
        pings = driver.need_pings()
        try:
            payload = data.encode() if isinstance(data, str) else data
            if payload is None:
                payload = pings.new_payload()
            pings.check(payload)
            frame = driver.connection.send_ping(payload)
        except (ConcurrencyError, ProtocolError, UnicodeError):
            return fail()
        driver.outbox.write_control(frame)
        latency: Deferred[float] = pings.add(payload, driver.factory.clock.seconds())
        return latency

    def close(self, code: int = 1000, reason: str = "") -> Deferred[None]:
        """Close the connection; if it is closing or closed already, only wait.

        Messages that come before the peer's close frame can still be received. In push style,
        they are dropped: the only hook that is called from now on is `connectionLost`.

        Before the connection is open, there are no close frames. A server that has the request
        answers it with 403 and the reason; otherwise, the transport is aborted.

        Args:
            code: 1000 to 1003, 1007 to 1014, or 3000 to 4999.
            reason: at most 123 bytes of UTF-8.

        Returns:
            A Deferred that fires when the connection is closed. It never fails. Messages that were
            sent before arrive as long as the peer reads. If the peer makes no progress for
            close_timeout, the connection is given up.

        Raises:
            ProtocolError: the code may not be sent, or the reason is too long.
        """
        closed: Deferred[None] = driver_of(self).close(code, reason)
        return closed

    def wait_closed(self) -> Deferred[None]:
        """Return a Deferred that fires when the connection is closed; it never fails.

        Raises:
            ConcurrencyError: this isn't the reactor's thread.
        """
        closed: Deferred[None] = driver_of(self).wait_closed()
        return closed

    def wait_opened(self: _Self) -> Deferred[_Self]:
        """Return a Deferred of this protocol that fires when the connection is open.

        It fails with InvalidHandshake, or the transport's error, if the connection never opens.

        Raises:
            ConcurrencyError: this isn't the reactor's thread.
        """
        driver = driver_of(self)
        driver.check_thread()
        if driver.opened:
            return succeed(self)
        opened: Deferred[_Self] = driver.wait_opened()
        return opened


async def _fail_to_iterate(failed: Deferred[Any]) -> AsyncIterator[str | bytes]:
    yield await failed
