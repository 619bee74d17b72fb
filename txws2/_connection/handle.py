"""The handle: the application's object of a connection, with the driver behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NoReturn, Self, TypeVar, overload

from twisted.internet.defer import Deferred

from txws2._accelerator import PURE, accelerated
from txws2._connection.exchange import Exchange
from txws2._connection.message_queue import MessageQueue
from txws2._deferreds.lean import Received
from txws2._private_names import current_loop
from txws2.interfaces import Fragments
from txws2.wire.encoder import Part
from txws2.wire.frames import BINARY, TEXT

__all__ = ["Handle", "driver_of", "send_where_ready"]

_Handle = TypeVar("_Handle", bound="Handle")


@accelerated
class Handle:
    """The base of the class that applications subclass.

    An instance has only one slot that is ours, and the slot has no name. So an application can give
    its class and its instances attributes of any name, and none of them is one of ours.

    Args:
        driver: the driver of the connection.
    """

    __slots__ = ("_driver",)

    def __new__(cls, driver: Exchange, /) -> Self:
        """Make a handle of this driver's connection."""
        self = super().__new__(cls)
        _set_driver(self, driver)
        return self

    def __getstate__(self) -> NoReturn:
        """Refuse to be copied or pickled, as what has a struct in C does."""
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    def dataReceived(self, data: bytes, /) -> None:
        """Take bytes that the transport has read."""
        _get_driver(self).data_received(data)

    def send(
        self, message: Part | Fragments, text: bool | None = None, *, compress: bool | None = None
    ) -> Deferred[None]:
        """Send a message.

        Args:
            message: a str is sent as text, a bytes-like object as binary. An iterable or
                asynchronous iterable of these is one message, which is sent part by part as the
                parts come. Messages that are sent meanwhile wait for its end. If the iterable
                raises after the first part, the connection is closed with 1011.
            text: True to send UTF-8 bytes as text, False to send a str as binary.
            compress: True to compress the message however short it is, False not to. None to
                follow the options. If no compression was agreed on, nothing is compressed.

        Returns:
            A Deferred that fires when the write buffer is below its limit. Wait for it, so that a
            peer that reads slowly can't fill the memory. Cancelling it doesn't unsend the
            message. It fails with ConnectionClosed if the connection is closed, and with
            UnicodeError if the text can't be encoded as UTF-8.

        Raises:
            TypeError: the message is of another type.
            ConcurrencyError: this isn't the reactor's thread.
        """
        sent: Deferred[None] = _get_driver(self).send_and_wait(message, text, compress=compress)
        return sent

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
            timeout: seconds to wait; 0 to get only a message that is already here. None to wait
                for ever.

        Returns:
            A Deferred of a str for text or bytes for binary. It fails with the builtin
            TimeoutError when the time is over, with ConnectionClosed when the connection is
            closed and all messages were received, and with ConcurrencyError if another recv() is
            waiting. It may be cancelled. `addTimeout` fails it with another class,
            `twisted.internet.defer.TimeoutError`. However it ends, no message is lost: the next
            recv() gets it.

        Raises:
            TypeError: decode or timeout is of another type.
            ConcurrencyError: this isn't the reactor's thread.
        """
        driver = _get_driver(self)
        if decode is None and timeout is None and (received := _receive_now(driver)) is not None:
            return received
        awaited: Deferred[Any] = driver.recv_otherwise(decode, timeout=timeout)
        return awaited

    def sendMessage(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send a message without waiting, for push style; the arguments are those of `send`.

        Like ITransport.write, it does nothing once the connection is closing or closed.

        Raises:
            InvalidState: the connection isn't open yet.
            TypeError: the message is neither str nor bytes-like.
            UnicodeError: the text can't be encoded as UTF-8.
        """
        _get_driver(self).send_message(message, text, compress=compress)


def _receive_now(driver: Exchange) -> Deferred[Any] | None:
    """Return a Deferred of a message that is here already; None if there is more to it."""
    queue = driver.receiver
    if (
        isinstance(queue, MessageQueue)
        and queue.waiting
        and queue.plain
        and queue.reader is None
        and not driver.is_elsewhere()
        and current_loop() is None
    ):
        received = Received()
        # The same as `callback`, without the call.
        received.called, received.result = True, queue._take_first()
        return received
    return None


# The slot loses its name: only these two functions reach it.
_get_driver = PURE["Handle"]._driver.__get__
_set_driver = PURE["Handle"]._driver.__set__
del PURE["Handle"]._driver


@accelerated
def driver_of(handle: Any, /) -> Any:
    """Return the driver of a connection.

    Raises:
        TypeError: this is no connection.
    """
    return _get_driver(handle)


@accelerated
def send_where_ready(
    handles: Iterable[_Handle], frame: bytes, text: bool, size: int, /
) -> list[_Handle]:
    """Send a frame on all connections that take it at once; return the others.

    Args:
        handles: the connections.
        frame: a whole message as a server sends it, uncompressed.
        text: True if it is a text message.
        size: bytes of its payload.
    """
    opcode, frame_size = TEXT if text else BINARY, len(frame)
    others = []
    for handle in handles:
        if not isinstance(handle, PURE["Handle"]):
            others.append(handle)
            continue
        driver = _get_driver(handle)
        connection = driver.connection
        if (
            connection is not None
            and connection.ordinary_out
            and not (connection.client or connection.deflates)
            and driver.turns is None
            and driver.outbox.ready
            and not driver.is_elsewhere()
        ):
            connection.count_out(opcode, size, frame_size)
            try:
                driver.outbox.write(frame)
            except BaseException as exc:
                # The other connections still get the frame.
                driver.message_failed(exc)
                others.append(handle)
        else:
            others.append(handle)
    return others
