"""What a person or a pipe sees of `python -m txws2`."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._command.lines import Lines
from txws2._command.screen import printable, rows

__all__ = ["Console"]

_PROMPT = b"> "

# Save the cursor; make sure there is a line below; put an empty line above this one.
_ABOVE = b"\x1b7\n\x1b[A\x1b[L\r"
# Return to where the cursor was, which is a line further down now.
_BACK = b"\x1b8\x1b[B"


@implementer(IHalfCloseableProtocol)
class Console(Protocol):
    """Reads lines from stdin and writes messages to stdout.

    On a terminal, what arrives is inserted above the line that is being typed. From a pipe,
    messages are written one after the other; into a pipe or a file, just as they are.

    Args:
        send: called with each line, as str, or as bytes if it isn't UTF-8; no other line is read
            until its Deferred fires.
        terminal: whether there is a person at both ends.
        steerable: whether stdout is a terminal, which a message must not steer.

    Attributes:
        ended: fires at the end of the input.
        gone: fires when nothing is written any more: with True if all was, and with False if it
            couldn't be.
    """

    def __init__(
        self, send: Callable[[str | bytes], Deferred[None]], *, terminal: bool, steerable: bool
    ) -> None:
        self._send = send
        self.terminal = terminal
        self._steerable = steerable
        self._lines = Lines()
        self._unsent: deque[bytes] = deque()
        self._sending = False
        self._output = _Output()
        self.ended: Deferred[None] = Deferred()
        self.gone: Deferred[bool] = Deferred()

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Show the prompt."""
        IConsumer(self.transport).registerProducer(self._output, True)
        self._prompt()

    def dataReceived(self, data: bytes) -> None:
        """Send the lines that were typed, or came from the pipe."""
        self._unsent += self._lines.receive(data)
        self._send_lines()

    def readConnectionLost(self) -> None:
        """Send a last line that has no newline; then there is no more to come."""
        rest = self._lines.end()
        if rest:
            self._unsent.append(rest)
            self._send_lines()
        self.ended.callback(None)

    def writeConnectionLost(self) -> None:
        """Give up: whoever read our output has gone, or there is no room for it."""
        assert self.transport is not None
        self.transport.loseConnection()
        # With nothing left to write, StandardIO won't tell that it is done.
        self._go(False)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Tell whether all has been written."""
        self._go(reason.check(ConnectionDone) is not None)

    # What the client calls.

    def show(self, message: str | bytes) -> Deferred[None] | None:
        """Write a message that has arrived; return a Deferred if the next one has to wait."""
        if self._steerable and isinstance(message, bytes):
            message = f"[binary, {len(message)} bytes] {message.hex(' ')}"
        if self.terminal:
            self._insert(f"< {message!s}")
        else:
            if self._steerable:
                message = printable(str(message))
            assert self.transport is not None
            data = message.encode() if isinstance(message, str) else message
            self.transport.write(data + b"\n")
        return self._output.room()

    def note(self, text: str) -> None:
        """Show a remark of our own; there is no place for it in a pipe."""
        if self.terminal:
            self._insert(text)

    def leave(self) -> Deferred[bool]:
        """Write what remains and let the terminal go; return `gone`."""
        if not self.gone.called:
            assert self.transport is not None
            if self.terminal:
                self.transport.write(b"\r\x1b[K")
            # As long as there is a producer, Twisted waits for what it may still produce.
            IConsumer(self.transport).unregisterProducer()
            self.transport.loseConnection()
        return self.gone

    def give_up(self) -> None:
        """Wait no longer for whoever is to read the output."""
        self._output.stopProducing()
        self._go(False)

    def _go(self, written: bool) -> None:
        if not self.gone.called:
            self.gone.callback(written)

    def _insert(self, text: str) -> None:
        assert self.transport is not None
        width = shutil.get_terminal_size().columns
        for row in rows(printable(text), width):
            self.transport.write(_ABOVE + row.encode() + _BACK)

    def _prompt(self) -> None:
        if self.terminal:
            assert self.transport is not None
            self.transport.write(_PROMPT)

    @property
    def _input(self) -> IPushProducer:
        # StandardIO of POSIX is one, and doesn't declare it.
        return cast(IPushProducer, self.transport)

    def _send_lines(self) -> None:
        while self._unsent and not self._sending:
            sending = self._send(_text(self._unsent.popleft()))
            if not sending.called:
                self._sending = True
                self._input.pauseProducing()
                sending.addBoth(self._sent)
            self._prompt()

    def _sent(self, _: object) -> None:
        self._sending = False
        self._send_lines()
        if not self._sending:
            self._input.resumeProducing()


@implementer(IPushProducer)
class _Output:
    """Knows whether there is room for more output."""

    def __init__(self) -> None:
        self._full = False
        self._waiting: list[Deferred[None]] = []

    def room(self) -> Deferred[None] | None:
        """Return a Deferred that fires when there is room, None if there is."""
        if not self._full:
            return None
        self._waiting.append(Deferred())
        return self._waiting[-1]

    def pauseProducing(self) -> None:
        self._full = True

    def resumeProducing(self) -> None:
        self._full = False
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    def stopProducing(self) -> None:
        # There will be no room, but nothing needs any.
        self.resumeProducing()


def _text(line: bytes) -> str | bytes:
    """Return what a line is sent as."""
    try:
        return line.removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        return line
