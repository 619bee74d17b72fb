"""The protocol class: what an application calls, and what calls it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, cast, overload

from twisted.internet.defer import Deferred, DeferredLock, fail, succeed
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._connection.counters import ConnectionCounters
from txws2._connection.driver import Driver, state_of
from txws2._connection.fragments import Pieces, check_fragments, send_fragments
from txws2._connection.inbox import Inbox
from txws2._connection.journal import text_of
from txws2._connection.pieces import Piece
from txws2._connection.text import check_decode
from txws2._deferreds.lean import Done
from txws2._deferreds.tasks import started
from txws2._deferreds.waiters import fail_quietly, forward_quietly, waitable
from txws2._transport.capabilities import Address, abort, address_of
from txws2.exceptions import ConcurrencyError, InvalidHandshake, InvalidState, ProtocolError
from txws2.interfaces import (
    Fragments,
    HookResult,
    IWebSocketConnection,
    IWebSocketReceiver,
    PushProducer,
)
from txws2.wire.closing import Close, CloseCode
from txws2.wire.connection import Connection, State
from txws2.wire.encoder import Part
from txws2.wire.http.heads import Request, Response
from txws2.wire.shared_message import SharedMessage

__all__ = ["WebSocketProtocol"]

_OPEN = State.OPEN

_Self = TypeVar("_Self", bound="WebSocketProtocol")


@implementer(IWebSocketConnection, IWebSocketReceiver)
class WebSocketProtocol(Driver):
    """One connection: what its server and its client side have in common.

    It is used in either of two ways. Push: subclass it and override `connectionOpened`,
    `messageReceived`, `pingReceived`, `pongReceived` and `connectionLost`, and send with
    `sendMessage`. A subclass that overrides `messageReceived` and closes the connection, or its
    transport, hears nothing more but `connectionLost`. Each hook may be a coroutine function, or
    return a Deferred: on each connection, the next is called when the one before is done.

    Pull: await `recv` and `send`, or iterate with `async for`, which ends when the connection is
    closed with 1000 or 1001. ``async with`` closes the connection on leaving.

    Attributes:
        factory: the factory that made it; its options apply.
        request: the client's request. None until it is known; the type leaves that out, since an
            open connection has one.
        response: the server's response, likewise.
        subprotocol: the one agreed on, None if there is none.
    """

    request: Request = None  # type: ignore[assignment]
    response: Response = None  # type: ignore[assignment]
    subprotocol: str | None = None

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

    def __repr__(self) -> str:
        """Show class, state, peer and id; nothing of it raises, whatever the transport does."""
        try:
            peer = text_of(self._peer_address())
        except Exception:
            peer = "no peer"
        return f"<{type(self).__name__} {state_of(self).name} {peer} {self.id}>"

    # The application overrides these, in push style.

    def connectionOpened(self) -> HookResult:
        """Called when the opening handshake is done."""

    def messageReceived(self, message: str | bytes) -> HookResult:
        """Called with each message: a str for text, bytes for binary.

        As it is here, it keeps the message for `recv`.
        """
        inbox = self._inbox
        if inbox is None:
            inbox = self._need_inbox()
        inbox.put(message)
        return None

    def pingReceived(self, payload: bytes) -> HookResult:
        """Called with each ping; it is answered already."""

    def pongReceived(self, payload: bytes) -> HookResult:
        """Called with each pong, asked for or not."""

    def connectionLost(  # type: ignore[override]
        self, reason: Failure = connectionDone
    ) -> HookResult:
        """Called once, when the connection is gone, after all other hooks are done.

        Args:
            reason: wraps a ConnectionClosed; or an InvalidHandshake, if it never was open.
        """

    # What the application calls.

    def send(
        self, message: Part | Fragments, text: bool | None = None, *, compress: bool | None = None
    ) -> Deferred[None]:
        """Send a message.

        Args:
            message: a str is sent as text, anything that is bytes as binary. An iterable, or an
                asynchronous one, of such is one message that is sent part by part as they come;
                messages that are sent meanwhile wait for its end. If it raises after the first
                part, the connection is closed with 1011.
            text: True to send bytes that are UTF-8 as text, False to send a str as binary.
            compress: False not to compress it, True to do so however short it is. None for what
                the options say. If no compression was agreed on, nothing is compressed.

        Returns:
            A Deferred that fires when the write buffer is below its limit; wait for it, and a
            peer that reads slowly can't fill the memory. Cancelling it doesn't unsend the
            message. It fails with ConnectionClosed if the connection is closed, and with
            UnicodeError if the text can't be UTF-8.

        Raises:
            TypeError: the message is none of these.
            ConcurrencyError: this isn't the reactor's thread.
        """
        try:
            if text is None and compress is None and self._send_ordinary(message):
                outbox = self._outbox
                return Done() if outbox.ready else outbox.drained()
            return self._send_generally(message, text, compress)
        except UnicodeError:
            return fail()

    def _send_generally(
        self, message: Part | Fragments, text: bool | None, compress: bool | None
    ) -> Deferred[None]:
        self._check_thread()
        if isinstance(message, (str, bytes, bytearray, memoryview)):
            return self._send_in_turn(message, text, compress)
        check_fragments(message)
        if self._turns is None:
            self._turns = DeferredLock()

        def write(part: Part, last: bool) -> Deferred[None]:
            encode = partial(Connection.send_fragment, last=last)
            return self._write(encode, part, text, compress)

        def send() -> Deferred[None]:
            # The parts may be those of an asynchronous generator of the application.
            return started(send_fragments(message, write, self._break_off))

        return forward_quietly(self._turns.run(send))

    def _send_shared(self, message: SharedMessage, slow: str) -> bool:
        """Send a message that goes to many connections, for `broadcast`; tell whether it was."""
        connection = self._connection
        if connection is None or connection.state is not _OPEN:
            return False
        if self._outbox.falls_behind(until_drained=slow == "skip"):
            if slow == "close":
                WebSocketProtocol.close(self, CloseCode.TRY_AGAIN_LATER, "too slow")
            return False
        if self._turns is None:
            self._outbox.write(connection.send_shared(message))
        else:
            self._send_in_turn(message.message, message.text, message.compress)
        return True

    @overload
    def recv(self, decode: Literal[True], *, timeout: float | None = None) -> Deferred[str]: ...

    @overload
    def recv(self, decode: Literal[False], *, timeout: float | None = None) -> Deferred[bytes]: ...

    @overload
    def recv(
        self, decode: bool | None = None, *, timeout: float | None = None
    ) -> Deferred[str | bytes]: ...

    def recv(self, decode: bool | None = None, *, timeout: float | None = None) -> Deferred[Any]:
        """Receive the next message.

        Args:
            decode: True to get bytes decoded as str, False to get text as bytes.
            timeout: seconds to wait; 0 to get only what is here already. None to wait for ever.

        Returns:
            A Deferred of a str for text or bytes for binary. It fails with TimeoutError, the
            builtin one, when the time is over, with ConnectionClosed when the connection is
            closed and all that came before has been received, and with ConcurrencyError if
            another recv() is waiting. It may be cancelled, or given a timeout by `addTimeout`,
            which fails it with `twisted.internet.defer.TimeoutError`, another class. However
            it ends, no message is lost: the next recv() gets it.

        Raises:
            TypeError: decode or timeout is of another kind.
            ConcurrencyError: this isn't the reactor's thread.
        """
        if self._is_elsewhere():
            self._check_thread()
        inbox = self._inbox
        if inbox is None:
            if self._connection is None:
                return self._when_not_open()
            inbox = self._need_inbox()
        if timeout is None:
            return inbox.get(decode)
        return inbox.get_within(timeout, self.factory.clock, decode)

    @overload
    def recv_streaming(self, decode: Literal[True]) -> AsyncIterator[str]: ...

    @overload
    def recv_streaming(self, decode: Literal[False]) -> AsyncIterator[bytes]: ...

    @overload
    def recv_streaming(self, decode: bool | None = None) -> AsyncIterator[str | bytes]: ...

    def recv_streaming(self, decode: bool | None = None) -> AsyncIterator[Any]:
        """Receive the next message piece by piece, as it arrives.

        What isn't taken stays with the peer but for 256 KiB, so that a message may be larger
        than memory; for one that is larger than max_size, set that to None. To leave the
        iteration is to drop the rest of the message.

        Args:
            decode: True to get bytes decoded as str, False to get text as bytes.

        Returns:
            An asynchronous iterator over str for text, of whole characters, or bytes for binary.
            A piece is what was there when it was asked for; it has nothing to do with the
            fragments that the peer has made.

        Raises:
            ConnectionClosed: the connection ended before the message.
            ConcurrencyError: another recv() is waiting, or another recv_streaming() isn't done;
                or this isn't the reactor's thread.
            TypeError: decode is of another kind.
        """
        self._check_thread()
        check_decode(decode)
        return Pieces(self._get_part, decode)

    def _get_part(self, stream: Pieces) -> Deferred[Piece]:
        if self._connection is None:
            return cast("Deferred[Piece]", self._when_not_open())
        return self._need_inbox().get_part(stream)

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Iterate over the messages until the connection is closed.

        Raises:
            ConnectionClosedError: it ended with another code than 1000 and 1001, or with none.
            ConcurrencyError: this isn't the reactor's thread.
        """
        self._check_thread()
        if self._connection is None:
            return self._fail_to_iterate()
        inbox = self._need_inbox()
        if getattr(self.messageReceived, "__func__", None) is WebSocketProtocol.messageReceived:
            # It would do the same, in two calls for each message.
            self.messageReceived = inbox.put  # type: ignore[method-assign]
        return inbox

    async def _fail_to_iterate(self) -> AsyncIterator[str | bytes]:
        yield await WebSocketProtocol.recv(self)

    def registerProducer(self, producer: PushProducer, streaming: bool = True) -> None:
        """Have this paused while more than write_limit bytes wait to be sent.

        What sends messages as they come, and can be told to stop, needs no Deferreds. A
        connection that answers messages can register itself: then it reads no more of them than
        it can answer.

        Args:
            producer: is paused, resumed, and stopped when the connection is closed.
            streaming: True; for a pull producer, wait for `send`.

        Raises:
            RuntimeError: another is registered.
        """
        if not streaming:
            raise ValueError("only push producers can be registered (streaming=True)")
        self._outbox.register_producer(producer, self)

    def unregisterProducer(self) -> None:
        """Let the producer be that is registered, if there is one."""
        self._outbox.unregister_producer()

    def pauseProducing(self) -> None:
        """Deliver no message until `resumeProducing`, and read no more than 256 KiB ahead.

        That holds for messages of the same read. Pings are answered within a second or two.
        """
        self._check_thread()
        self._hold()

    def resumeProducing(self) -> None:
        """Deliver what waits, and read again."""
        self._check_thread()
        self._release()

    def stopProducing(self) -> None:
        """Do nothing: as a producer of its own, it is told so when it is closed."""

    def ping(self, data: str | bytes | None = None) -> Deferred[float]:
        """Send a ping (RFC 6455 section 5.5.2).

        Args:
            data: its payload, at most 125 bytes; by default four random bytes.

        Returns:
            A Deferred of the latency in seconds, which fires with the pong to this ping or to a
            later one. It fails with ConnectionClosed if the connection is closed, with
            ConcurrencyError if a ping with this payload is waiting for its pong, with
            ProtocolError if the payload is over 125 bytes, and with UnicodeError if the text
            can't be UTF-8.

        Raises:
            ConcurrencyError: this isn't the reactor's thread.
        """
        self._check_thread()
        connection = self._connection
        if connection is None or connection.state is not State.OPEN:
            return cast("Deferred[float]", self._when_not_open())
        pings = self._need_pings()
        try:
            payload = data.encode() if isinstance(data, str) else data
            if payload is None:
                payload = pings.new_payload()
            pings.check(payload)
            frame = connection.send_ping(payload)
        except (ConcurrencyError, ProtocolError, UnicodeError):
            return fail()
        self._outbox.write_control(frame)
        return pings.add(payload, self.factory.clock.seconds())

    def close(self, code: int = 1000, reason: str = "") -> Deferred[None]:
        """Close the connection; if it is closing or closed already, only wait.

        What came before the peer's close frame can still be received. In push style nothing more
        is: of the hooks, only `connectionLost` is called from now on.

        Before it is open, there are no close frames: a server that has the request answers it
        with 403 and the reason; otherwise the transport is aborted.

        Args:
            code: 1000 to 1003, 1007 to 1014, or 3000 to 4999.
            reason: at most 123 bytes of UTF-8.

        Returns:
            A Deferred that fires when the connection is closed. It never fails. All that was sent
            before arrives as long as the peer reads; when it wasn't seen to read anything for
            close_timeout, the connection is given up.

        Raises:
            ProtocolError: the code may not travel, or the reason is too long.
        """
        closed = WebSocketProtocol._start_closing(self, code, reason)
        if self._connection is not None and self._pushes:
            self._deafen()
        return closed

    def _start_closing(self, code: int = 1000, reason: str = "") -> Deferred[None]:
        """Close as `close` does, for what stops a connection without being asked to by its hooks.

        In push style, too, all is received that came before the peer's close frame.
        """
        self._check_thread()
        connection = self._connection
        if connection is None:
            Close(code, reason).payload()
            if not self._settled:
                told = f": {reason}" if reason else ""
                self._give_in(InvalidHandshake(f"closed before the connection was open{told}"))
        elif connection.state is State.OPEN:
            self._outbox.write(connection.send_close(code, reason))
            self._begin_closing()
        return WebSocketProtocol.wait_closed(self)

    def wait_closed(self) -> Deferred[None]:
        """Return a Deferred that fires when the connection is closed; it never fails.

        Raises:
            ConcurrencyError: this isn't the reactor's thread.
        """
        self._check_thread()
        if self._settled:
            return Done()
        self._closed_waiters = waitable(self._closed_waiters)
        return self._closed_waiters.wait()

    def wait_opened(self: _Self) -> Deferred[_Self]:
        """Return a Deferred of this protocol that fires when the connection is open.

        It fails with InvalidHandshake, or the transport's error, if that never happens.

        Raises:
            ConcurrencyError: this isn't the reactor's thread.
        """
        self._check_thread()
        if self._connection is not None:
            return succeed(self)
        if self._settled:
            return self._when_not_open()
        self._opened_waiters = waitable(self._opened_waiters)
        return self._opened_waiters.wait()

    def _send_otherwise(
        self, message: Part, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        self._check_thread()
        connection = self._connection
        if connection is None:
            if not self._settled:
                raise InvalidState("the connection isn't open yet; wait for connectionOpened()")
        elif connection.state is _OPEN:
            if self._turns is None:
                self._outbox.write(connection.send_message(message, text, compress))
            else:
                self._send_in_turn(message, text, compress)

    def _send_in_turn(
        self, message: Part, text: bool | None, compress: bool | None
    ) -> Deferred[None]:
        if self._turns is None or not self._turns.locked:
            return self._write(Connection.send_message, message, text, compress)
        turn = self._turns.run(self._write, Connection.send_message, message, text, compress)
        return forward_quietly(turn)

    def _write(self, encode: Callable[..., bytes], *arguments: object) -> Deferred[None]:
        """Write what a method of the connection makes of these arguments."""
        connection = self._connection
        if connection is None or connection.state is not State.OPEN:
            return self._when_not_open()
        self._outbox.write(encode(connection, *arguments))
        return self._outbox.drained()

    @property
    def _pushes(self) -> bool:
        """Whether the application overrides messageReceived."""
        function = getattr(self.messageReceived, "__func__", None)
        return function not in (WebSocketProtocol.messageReceived, Inbox.put)

    def _has_hook(self, hook: Callable[..., object]) -> bool:
        """Tell whether a hook is the application's: there is no need to wait for what is ours."""
        return getattr(hook, "__func__", None) not in (
            WebSocketProtocol.pingReceived,
            WebSocketProtocol.pongReceived,
        )

    def _give_in(self, reason: InvalidHandshake) -> None:
        """Have no connection, as the application wants none."""
        self._fail_opening(reason)
        abort(self._transport)

    def _known_request(self) -> Request | None:
        return self.request

    def _tell_lost(self) -> None:
        lost = type(self).connectionLost
        if lost is WebSocketProtocol.connectionLost and self._succession is None:
            # To make a Failure costs more than all else that is done here.
            self._deafen()
        else:
            super()._tell_lost()

    def _break_off(self) -> None:
        WebSocketProtocol.close(self, CloseCode.INTERNAL_ERROR, "error in fragmented message")

    def _when_not_open(self) -> Deferred[Any]:
        """Return the Deferred for what can't be done now."""
        connection = self._connection
        if not self._settled:
            if connection is None:
                return fail(InvalidState("the connection isn't open yet; wait for wait_opened()"))
            self._late = waitable(self._late)
            return self._late.wait()
        failed: Deferred[Any] = Deferred()
        fail_quietly(failed, self._ending())
        return failed

    # What the application may ask.

    @property
    def state(self) -> State:
        """CONNECTING, OPEN, CLOSING or CLOSED."""
        return state_of(self)

    @property
    def close_code(self) -> int | None:
        """The close code received, 1006 if there was none; None until the connection is closed."""
        if not self._settled:
            return None
        connection = self._connection
        return CloseCode.ABNORMAL_CLOSURE if connection is None else connection.closing.code

    @property
    def close_reason(self) -> str | None:
        """The close reason received; None until the connection is closed."""
        if not self._settled:
            return None
        return "" if self._connection is None else self._connection.closing.reason

    @property
    def latency(self) -> float:
        """The latest round-trip time in seconds, of a ping or of the keepalive; 0 at first."""
        return 0.0 if self._pings is None else self._pings.latency

    @property
    def counters(self) -> ConnectionCounters:
        """What has gone over the connection, and what waits; as it is now."""
        return self._count()

    @property
    def local_address(self) -> Address:
        """(host, port) of this end, or the path of a Unix socket."""
        return address_of(self._transport.getHost())

    @property
    def remote_address(self) -> Address:
        """(host, port) of the other end, or the path of a Unix socket."""
        return self._peer_address()
