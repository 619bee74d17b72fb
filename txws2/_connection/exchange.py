"""The way of all data inward, and of all messages outward."""

from __future__ import annotations

from threading import get_ident
from typing import Any

from txws2._accelerator import accelerated
from txws2._connection.message_queue import MessageQueue
from txws2.wire.connection import Connection

__all__ = ["Exchange"]

_ORDINARY = (str, bytes)

_threads: dict[int, int] = {}


@accelerated
class Exchange:
    """Stands between a transport and the receiver of its messages.

    The twin in C goes the whole way of a message at once: it decodes the message and gives it to
    the receiver's `messageReceived`, and `send_ordinary` encodes straight into the cork. Everything
    else is done by methods that exist once, in the subclass.

    Attributes:
        receiver: the object that gets the messages.
        connection: a `wire.Connection`; None until the opening handshake is done.
        outbox: a Cork, which writes its frames when it is uncorked.
        turns: the lock for messages that may have to wait for each other; None until needed.
        heard: True if anything has arrived since it was last set to False.
        shut: True if received messages may not take the fast path, as messages wait or are dropped.
        busy: True while a read is being processed.
        holds: True if reads wait that arrived meanwhile.
    """

    receiver: Any = None
    connection: Connection | None = None
    outbox: Any = None
    turns: Any = None
    heard = shut = busy = holds = False

    # The thread that this belongs to; None for any thread.
    _thread: int | None = None

    @property
    def opened(self) -> bool:
        """True if the connection is open, or was."""
        return self.connection is not None

    def keep_thread(self) -> None:
        """Belong to this thread from now on."""
        # All connections of a thread share one int.
        ident = get_ident()
        self._thread = _threads.setdefault(ident, ident)

    def is_elsewhere(self) -> bool:
        """Tell whether this is called in another thread than the one that it belongs to."""
        return self._thread is not None and self._thread != get_ident()

    def data_received(self, data: bytes, /) -> None:
        """Take bytes that the transport has read.

        Frames that are sent meanwhile leave in one piece at the end.
        """
        if self.connection is None:
            self.receive_opening(data)
        elif self.busy:
            self.hold_read(data)
        else:
            self.heard = self.busy = True
            outbox = self.outbox
            outbox.cork()
            try:
                self.receive(data)
                self.wake()
                while self.holds:
                    self.receive_held()
                    self.wake()
            finally:
                self.busy = False
                outbox.uncork()

    def give_messages(self, events: list[Any], position: int, /) -> int:
        """Give messages to the receiver, as long as nothing is against it.

        Args:
            events: messages, and other events.
            position: the index of the first event.

        Returns:
            The index of the first event that isn't a message, or can't be given now; or the end.
        """
        end = len(events)
        while position < end and not self.shut and isinstance(events[position], _ORDINARY):
            if self.outbox.hung_up():
                self.transport_closed()
                if self.shut:
                    break
            try:
                result = self.receiver.messageReceived(events[position])
            except BaseException as exc:
                self.message_failed(exc)
            else:
                if result is not None:
                    self.hook_returned(result)
            position += 1
        return position

    def wake(self) -> None:
        """Wake the reader that waits for messages in pull style, after those of a read."""
        receiver = self.receiver
        if isinstance(receiver, MessageQueue):
            try:
                receiver.wake()
                if receiver.waiting and receiver.reader is None:
                    self.left_unread()
            except BaseException as exc:
                self.message_failed(exc)

    def send_message(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send a message on the fast path if that is possible; else, with `send_otherwise`."""
        if not (text is None and compress is None and self.send_ordinary(message)):
            self.send_otherwise(message, text, compress=compress)

    def send_ordinary(self, message: Any, /) -> bool:
        """Send a message on the fast path if that is possible; return whether it was sent."""
        connection = self.connection
        if (
            connection is not None
            and connection.ordinary_out
            and self.turns is None
            and isinstance(message, _ORDINARY)
            and not self.is_elsewhere()
        ):
            self.outbox.write(connection.encode(message))
            return True
        return False

    # The subclass provides these.

    def receive_opening(self, data: bytes) -> None:
        """Take bytes of the opening handshake."""
        raise NotImplementedError

    def receive(self, data: bytes) -> None:
        """Take bytes of any frames, and deliver their events."""
        raise NotImplementedError

    def control_received(self, opcode: int, payload: bytes) -> None:
        """Do as a control frame demands; only the twin in C calls this, and the next four."""
        raise NotImplementedError

    def ping_received(self, payload: bytes) -> None:
        """Tell the application of a ping that was answered."""
        raise NotImplementedError

    def read_ended(self) -> None:
        """Note that a read has ended within a message."""
        raise NotImplementedError

    def let_catch_up(self) -> None:
        """Set `shut` if the messages of a read, which compression makes large, aren't taken."""
        raise NotImplementedError

    def refuse(self, exception: Exception) -> None:
        """Fail the connection because decoding raised this, if it is the peer's fault."""
        raise NotImplementedError

    def hold_read(self, data: bytes) -> None:
        """Keep bytes that arrive while another read is being processed, and set `holds`."""
        raise NotImplementedError

    def receive_held(self) -> None:
        """Receive the bytes that were kept."""
        raise NotImplementedError

    def send_otherwise(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send a message that isn't ordinary, or can't be sent now."""
        raise NotImplementedError

    def send_and_wait(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> Any:
        """Send a message; return a Deferred that fires when there is room for more."""
        raise NotImplementedError

    def recv_otherwise(self, decode: bool | None = None, *, timeout: float | None = None) -> Any:
        """Return a Deferred of the next message, unless the handle could do so at once."""
        raise NotImplementedError

    def left_unread(self) -> None:
        """Give messages that nobody waits for to the application, if it has a hook for them."""
        raise NotImplementedError

    def hook_returned(self, result: object) -> None:
        """Take the result of `messageReceived`, unless it is None, and await it if need be."""
        raise NotImplementedError

    def transport_closed(self) -> None:
        """Set `shut` if nothing more is delivered now that the transport was closed."""
        raise NotImplementedError

    def message_failed(self, exception: BaseException) -> None:
        """End the connection: `messageReceived`, or the write of a broadcast, has raised this."""
        raise NotImplementedError
