"""The handle: the application's object of a connection, with the driver behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn, Self, TypeVar

from txws2._accelerator import PURE, accelerated
from txws2._connection.exchange import Exchange
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
