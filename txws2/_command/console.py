"""The console of `python -m txws2`: stdin and stdout, each a terminal, a pipe or a file."""

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

# Save the cursor; make sure that there is a line below; insert an empty line above this one.
_ABOVE = b"\x1b7\n\x1b[A\x1b[L\r"
# Restore the cursor, and move it down by the inserted line.
_BACK = b"\x1b8\x1b[B"


@implementer(IHalfCloseableProtocol)
class Console(Protocol):
    """Reads lines from stdin and writes messages to stdout.

    If both are a terminal, messages are inserted above the line that is being typed. Otherwise,
    messages are written one after the other; a pipe or a file gets them unchanged.

    Args:
        send: called with each line, as str, or as bytes if it isn't UTF-8; no other line is read
            until its Deferred fires.
        terminal: True if stdin and stdout are a terminal.
        steerable: True if stdout is a terminal, which a message must not control.

    Attributes:
        ended: fires at the end of the input.
        gone: fires when the output has ended: with True if everything was written, otherwise with
            False.
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

    # Twisted calls these.

    def connectionMade(self) -> None:
        """Show the prompt."""
        IConsumer(self.transport).registerProducer(self._output, True)
        self._prompt()

    def dataReceived(self, data: bytes) -> None:
        """Send the lines that have come from stdin."""
        self._unsent += self._lines.receive(data)
        self._send_lines()

    def readConnectionLost(self) -> None:
        """Send a last line that has no newline; the input has ended."""
        rest = self._lines.end()
        if rest:
            self._unsent.append(rest)
            self._send_lines()
        self.ended.callback(None)

    def writeConnectionLost(self) -> None:
        """Give up: the reader of the output has gone, or there is no room for the output."""
        assert self.transport is not None
        self.transport.loseConnection()
        # StandardIO doesn't call connectionLost if there is nothing left to write.
        self._go(False)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Fire `gone`, with True if everything has been written."""
        self._go(reason.check(ConnectionDone) is not None)

    # The client calls these.

    def show(self, message: str | bytes) -> Deferred[None] | None:
        """Write a message that has arrived; return a Deferred if the next one must wait."""
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
        """Show a remark of the program on a terminal; a pipe gets messages only."""
        if self.terminal:
            self._insert(text)

    def leave(self) -> Deferred[bool]:
        """Write the rest of the output and release the terminal; return `gone`."""
        if not self.gone.called:
            assert self.transport is not None
            if self.terminal:
                self.transport.write(b"\r\x1b[K")
            # Twisted doesn't close while a producer is registered.
            IConsumer(self.transport).unregisterProducer()
            self.transport.loseConnection()
        return self.gone

    def give_up(self) -> None:
        """Wait no longer for the reader of the output."""
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
        # StandardIO is a push producer on POSIX, but doesn't declare it.
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
    """The room for more output, as the transport reports it to a producer."""

    def __init__(self) -> None:
        self._full = False
        self._waiting: list[Deferred[None]] = []

    def room(self) -> Deferred[None] | None:
        """Return None if there is room, otherwise a Deferred that fires when there is."""
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
        # There will be no more output, so nothing must wait for room.
        self.resumeProducing()


def _text(line: bytes) -> str | bytes:
    """Return the message for a line: text if it is UTF-8, otherwise binary."""
    try:
        return line.removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        return line
