"""The way that all data takes inward, and all messages take outward."""

from __future__ import annotations

from threading import get_ident
from typing import Any

from txws2._accelerator import accelerated
from txws2.wire.connection import Connection

__all__ = ["Exchange"]

_ORDINARY = (str, bytes)

_threads: dict[int, int] = {}


@accelerated
class Exchange:
    """Stands between a transport and whoever receives its messages.

    The twin in C goes the whole way of an ordinary message at once: it decodes each and gives it
    to the receiver's `messageReceived`, and `send_ordinary` encodes straight into the cork. What
    is anything else goes the general way, which is there once, in the subclass.

    Attributes:
        receiver: whoever gets the messages.
        connection: a `wire.Connection`; None until the opening handshake is done.
        outbox: a Cork that writes what it has when it is uncorked.
        turns: set once messages that are sent may have to wait for each other.
        heard: whether anything has arrived since it was last set to False.
        shut: whether the short way inward is shut, as messages aren't to be delivered now.
        busy: whether a read is being worked off.
        holds: whether reads wait that arrived meanwhile.
    """

    receiver: Any = None
    connection: Connection | None = None
    outbox: Any = None
    turns: Any = None
    heard = shut = busy = holds = False

    # Whose it is; None for anybody's.
    _thread: int | None = None

    @property
    def opened(self) -> bool:
        """Whether the connection is open, or was."""
        return self.connection is not None

    def keep_thread(self) -> None:
        """Belong to this thread from now on."""
        # One number for all of them, instead of one for each.
        ident = get_ident()
        self._thread = _threads.setdefault(ident, ident)

    def is_elsewhere(self) -> bool:
        """Tell whether this is called in another thread than the one that it belongs to."""
        return self._thread is not None and self._thread != get_ident()

    def data_received(self, data: bytes, /) -> None:
        """Take what the transport has read.

        What is sent meanwhile leaves in one piece at the end.
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
                if self.holds:
                    self.receive_held()
            finally:
                self.busy = False
                outbox.uncork()

    def send_message(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send a message the short way, if nothing is against it; else, the general way."""
        if not (text is None and compress is None and self.send_ordinary(message)):
            self.send_otherwise(message, text, compress=compress)

    def send_ordinary(self, message: Any, /) -> bool:
        """Send a message the short way, if nothing is against it; return whether it was sent."""
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

    # What the subclass provides.

    def receive_opening(self, data: bytes) -> None:
        """Take what belongs to the opening handshake."""
        raise NotImplementedError

    def receive(self, data: bytes) -> None:
        """Take whatever it may be, and deliver what is in it."""
        raise NotImplementedError

    def hold_read(self, data: bytes) -> None:
        """Keep what arrives while a read is being worked off, and say so in `holds`."""
        raise NotImplementedError

    def receive_held(self) -> None:
        """Receive what was kept."""
        raise NotImplementedError

    def refuse(self, exception: Exception) -> None:
        """Fail the connection for what inflating has raised, if that is the peer's fault."""
        raise NotImplementedError

    def send_otherwise(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send what isn't ordinary, or can't be sent now."""
        raise NotImplementedError

    def hook_returned(self, result: object) -> None:
        """Take what `messageReceived` has returned, if that isn't None; it may be to be awaited."""
        raise NotImplementedError

    def transport_closed(self) -> None:
        """Be shut, if nothing more is to be delivered once somebody has closed the transport."""
        raise NotImplementedError

    def message_failed(self, exception: BaseException) -> None:
        """End the connection: `messageReceived`, or a write for many, has raised this."""
        raise NotImplementedError
