"""The way that all data takes inward, and all messages take outward."""

from __future__ import annotations

from collections.abc import Iterable
from threading import get_ident
from typing import Any, TypeVar

from txws2._accelerator import accelerated
from txws2.interfaces import HookResult
from txws2.wire.connection import Connection
from txws2.wire.frames import BINARY, TEXT

__all__ = ["Exchange", "send_where_ready"]

_Exchange = TypeVar("_Exchange", bound="Exchange")

_ORDINARY = (str, bytes)

_threads: dict[int, int] = {}


@accelerated
class Exchange:
    """Stands between a transport and an application.

    The twin in C goes the whole way of an ordinary message at once: it decodes each and gives it
    to `messageReceived`, and `sendMessage` encodes straight into the cork. What is anything else
    goes the general way, which is there once, in the subclass.

    Attributes:
        keepalive_heard: whether anything has arrived since it was last set to False.
    """

    keepalive_heard = False

    # None until the opening handshake is done.
    _connection: Connection | None = None
    # A Cork that writes what it has when it is uncorked.
    _outbox: Any = None
    # Whether the application takes no messages now.
    _shut = False
    # Whether a read is being worked off.
    _busy = False
    # These arrive meanwhile.
    _held_reads: list[bytes] | None = None
    # Set once messages may have to wait for each other.
    _turns: Any = None
    # Whose it is; None for anybody's.
    _thread: int | None = None

    def _keep_thread(self) -> None:
        """Belong to this thread from now on."""
        # One number for all of them, instead of one for each.
        ident = get_ident()
        self._thread = _threads.setdefault(ident, ident)

    def _is_elsewhere(self) -> bool:
        """Tell whether this is called in another thread than the one that it belongs to."""
        return self._thread is not None and self._thread != get_ident()

    def dataReceived(self, data: bytes, /) -> None:
        """Take what the transport has read.

        What is sent meanwhile leaves in one piece at the end.
        """
        if self._connection is None:
            self._receive_opening(data)
        elif self._busy:
            if self._held_reads is None:
                self._held_reads = []
            self._held_reads.append(data)
        else:
            self.keepalive_heard = self._busy = True
            self._outbox.cork()
            try:
                self._receive(data)
                while self._held_reads is not None:
                    held, self._held_reads = self._held_reads, None
                    for data in held:
                        self._receive(data)
            finally:
                self._busy = False
                self._outbox.uncork()

    def sendMessage(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send a message without waiting; for push code, as `send` otherwise.

        Like ITransport.write, it does nothing once the connection is closing or closed.

        Raises:
            InvalidState: the connection isn't open yet.
            TypeError: the message is neither str nor bytes-like.
            UnicodeError: the text can't be UTF-8.
        """
        if not (text is None and compress is None and self._send_ordinary(message)):
            self._send_otherwise(message, text, compress=compress)

    def _send_ordinary(self, message: Any, /) -> bool:
        """Send a message the short way, if nothing is against it; return whether it was sent."""
        connection = self._connection
        if (
            connection is not None
            and connection.ordinary_out
            and self._turns is None
            and isinstance(message, _ORDINARY)
            and not self._is_elsewhere()
        ):
            self._outbox.write(connection.encode(message))
            return True
        return False

    # What the subclass provides.

    def messageReceived(self, message: str | bytes) -> HookResult:
        """Take a message: a str for text, bytes for binary."""
        raise NotImplementedError

    def _receive_opening(self, data: bytes) -> None:
        """Take what belongs to the opening handshake."""
        raise NotImplementedError

    def _receive(self, data: bytes) -> None:
        """Take whatever it may be, and deliver what is in it."""
        raise NotImplementedError

    def _refuse(self, exception: Exception) -> None:
        """Fail the connection for what inflating has raised, if that is the peer's fault."""
        raise NotImplementedError

    def _send_otherwise(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send what isn't ordinary, or can't be sent now."""
        raise NotImplementedError

    def _hook_returned(self, result: object) -> None:
        """Take what `messageReceived` has returned, if that isn't None; it may be to be awaited."""
        raise NotImplementedError

    def _transport_closed(self) -> None:
        """Be shut, if nothing more is to be delivered once somebody has closed the transport."""
        raise NotImplementedError

    def _message_failed(self, exception: BaseException) -> None:
        """End the connection: `messageReceived`, or a write for many, has raised this."""
        raise NotImplementedError


@accelerated
def send_where_ready(
    exchanges: Iterable[_Exchange], frame: bytes, text: bool, size: int, /
) -> list[_Exchange]:
    """Send a frame on all connections where nothing is against it; return the others.

    Args:
        exchanges: the connections.
        frame: a whole message as a server sends it, uncompressed.
        text: whether it is a text message.
        size: bytes of its payload.
    """
    opcode, frame_size = TEXT if text else BINARY, len(frame)
    others = []
    for exchange in exchanges:
        connection = exchange._connection
        if (
            connection is not None
            and connection.ordinary_out
            and not (connection.client or connection.deflates)
            and exchange._turns is None
            and exchange._outbox.ready
            and not exchange._is_elsewhere()
        ):
            connection.count_out(opcode, size, frame_size)
            try:
                exchange._outbox.write(frame)
            except BaseException as exc:
                # The others are to have it all the same.
                exchange._message_failed(exc)
                others.append(exchange)
        else:
            others.append(exchange)
    return others
